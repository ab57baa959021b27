package dev.plexspaces.testkit.contract;

import static org.assertj.core.api.Assertions.fail;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;

/// Short ways to say commits and to look at what became of them, for tests of stores.
public final class Commits {

  /// The wall clock that [#record] writes.
  public static final long AT_MILLIS = 1_767_225_600_000L;

  private static final long WAIT_SECONDS = 60;

  private Commits() {}

  /// A whole turn that makes these changes.
  public static Commit whole(ActorId actor, long turn, StateChange... changes) {
    return new Commit(actor, record(Kind.WHOLE, turn, 0, changes), List.of());
  }

  public static Optional<TurnRecord> record(
      Kind kind, long turn, int step, StateChange... changes) {
    return Optional.of(
        new TurnRecord(
            kind,
            turn,
            step,
            AT_MILLIS,
            "1.0.0",
            Optional.of(bytes("{\"op\":\"deposit\"}")),
            List.of(),
            List.of(changes),
            Optional.empty(),
            Optional.empty()));
  }

  public static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  public static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  public static String text(Optional<KvEntry> entry) {
    return text(entry.orElseThrow().value());
  }

  public static String text(InboxRow row) {
    return row.to()
        + " "
        + row.seq()
        + " "
        + row.messageId()
        + " "
        + row.dueAtMillis()
        + " "
        + row.attempts()
        + " "
        + row.reason()
        + " "
        + text(row.body());
  }

  public static String text(List<RowResult> results) {
    StringBuilder text = new StringBuilder();
    for (RowResult result : results) {
      text.append(
          switch (result) {
            case RowResult.Done() -> "done";
            case RowResult.Inserted(long seq) -> "inserted";
            case RowResult.Value(byte[] json) -> text(json);
            case RowResult.Failed(String message) -> "failed";
          });
      text.append(' ');
    }
    return text.toString();
  }

  /// The state an actor would have, as one comparable text: see [StateModel#toString].
  public static String state(LoadedActor loaded) {
    StateModel model = new StateModel();
    loaded.changes().forEach(model::apply);
    return model.toString();
  }

  /// A listener to wait for. Waits are bounded; a commit without an answer fails the test.
  public static final class Outcome implements Commit.Listener {

    private final CompletableFuture<Object> answer = new CompletableFuture<>();
    private final LongConsumer onDurable;

    /// @param onDurable told the sequence, on the store's thread
    public Outcome(LongConsumer onDurable) {
      this.onDurable = onDurable;
    }

    @Override
    public void durable(long seq, List<RowResult> results) {
      onDurable.accept(seq);
      if (!answer.complete(results)) {
        throw new AssertionError("a second answer");
      }
    }

    @Override
    public void refused(PlexException why) {
      if (!answer.complete(why)) {
        throw new AssertionError("a second answer");
      }
    }

    /// What the rows answered; fails when the commit was refused.
    @SuppressWarnings("unchecked")
    public List<RowResult> durable() {
      if (answer() instanceof PlexException why) {
        throw new AssertionError("refused: " + why.getMessage(), why);
      }
      return (List<RowResult>) answer();
    }

    /// Why it was refused; fails when it was not.
    public PlexException refused() {
      return answer() instanceof PlexException why ? why : fail("the commit was not refused");
    }

    public boolean isDurable() {
      return !(answer() instanceof PlexException);
    }

    /// True once there is an answer; does not wait.
    public boolean isAnswered() {
      return answer.isDone();
    }

    private Object answer() {
      try {
        return answer.get(WAIT_SECONDS, TimeUnit.SECONDS);
      } catch (InterruptedException | ExecutionException | TimeoutException e) {
        throw new AssertionError("no answer from the store within " + WAIT_SECONDS + " s", e);
      }
    }
  }
}
