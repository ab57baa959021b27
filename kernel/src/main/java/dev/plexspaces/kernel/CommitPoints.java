package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.TurnRecord.StepResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;

/// The calls of a durable actor's turn that need an answer before the turn can go on: what was
/// buffered is committed together with the intent, the call is made, and its outcome is part of the
/// next commit. Source: spec/turns section 3.
final class CommitPoints {

  private final ActorCell cell;
  private final DurableTurns turns;
  private final Recording recording;

  CommitPoints(ActorCell cell, DurableTurns turns, Recording recording) {
    this.cell = cell;
    this.turns = turns;
    this.recording = recording;
  }

  /// Enters the next commit point.
  ///
  /// @return what is recorded of it, perhaps only the intent; null when it is met for the first
  ///   time
  private StepResult reach(Turn t, String call, long hash) {
    StepResult recorded = recording.reach(call, hash);
    if (recorded != null) {
      turns.segmentReplayed(t);
    }
    return recorded;
  }

  /// Commits what was buffered together with the intent of a call.
  ///
  /// @param known what is known of it already, JSON; empty for nothing
  private void intend(Turn t, String call, long hash, Optional<byte[]> known) {
    recording.intends(call, hash, known);
    turns.commitAndWait(t);
  }

  /// A conditional operation on a key: a commit point whose result is in the same commit.
  Object conditional(Turn t, String call, long hash, Row row) {
    turns.requireTurn(call);
    List<RowResult> recordedRows = recording.replaying() ? recording.recordedRows() : List.of();
    StepResult recorded = reach(t, call, hash);
    if (recorded != null && !recorded.pending()) {
      turns.enterReplayed(t, 0);
      return outcome(recorded);
    }
    RowResult answer;
    if (recorded != null) {
      answer = recordedRows.getLast();
    } else {
      turns.rowAfter(row, null);
      recording.intends(call, hash, Optional.empty());
      answer = turns.commitAndWait(t).getLast();
    }
    Object value;
    try {
      value = ActorKeys.value(answer);
    } catch (PlexException failed) {
      threw(t, call, hash, failed, false);
      throw failed;
    }
    return returned(t, call, hash, value);
  }

  /// Performs a call whose outcome is part of the next commit; when there is none, because the
  /// handler let an error escape, the next delivery performs it again.
  ///
  /// @param intended true when its intent is on disk already
  /// @param action its result must be JSON
  private <E extends Exception> Object perform(
      Turn t, String call, long hash, boolean intended, Action<E> action) throws E {
    if (!intended) {
      intend(t, call, hash, Optional.empty());
    }
    Object result;
    try {
      result = action.run();
    } catch (PlexException error) {
      threw(t, call, hash, error, false);
      throw error;
    }
    return returned(t, call, hash, result);
  }

  /// What a commit point performs.
  private interface Action<E extends Exception> {
    Object run() throws E;
  }

  /// Work of the handler's own whose result is recorded. Source: spec/turns rule 12.
  Object step(Turn t, String name, Callable<?> work) throws Exception {
    String call = "step " + name;
    turns.requireTurn(call);
    StepResult recorded = reach(t, call, 0);
    if (recorded != null && !recorded.pending()) {
      turns.enterReplayed(t, 0);
      return outcome(recorded);
    }
    return this.<Exception>perform(t, call, 0, recorded != null, work::call);
  }

  /// A call to the outside, with the key of this step: the same when it is made again after a
  /// crash.
  Object fetch(Turn t, LinkCall call) {
    turns.requireTurn(call.name());
    StepResult recorded = reach(t, call.name(), call.hash());
    if (recorded != null && !recorded.pending()) {
      turns.enterReplayed(t, 0);
      return outcome(recorded);
    }
    return perform(
        t,
        call.name(),
        call.hash(),
        recorded != null,
        () -> turns.waiting(t, () -> call.make(cell, t, turns.linkKey())));
  }

  private static Object outcome(StepResult recorded) {
    if (recorded.error().isPresent()) {
      throw MessageCodec.error((Map<?, ?>) Json.parse(recorded.error().get()));
    }
    return recorded.result().map(Json::parse).orElse(null);
  }

  /// Notes the result of a call for the next commit.
  ///
  /// @return the result as a replay will see it
  private Object returned(Turn t, String call, long hash, Object result) {
    turns.newSegment(t);
    byte[] json;
    try {
      json = Json.write(result);
    } catch (PlexException notJson) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "the reply to '" + call + "' cannot be kept: " + notJson.getMessage());
    }
    recording.returned(call, hash, json);
    return Json.parse(json);
  }

  /// Notes that a call failed.
  ///
  /// @param byRow true when a row of the inbox said so
  private void threw(Turn t, String call, long hash, PlexException error, boolean byRow) {
    turns.newSegment(t);
    Map<String, Object> fields = MessageCodec.error(error);
    if (byRow) {
      fields.put(BY_ROW, true);
    }
    recording.threw(call, hash, fields);
  }

  private static final String BY_ROW = "row";

  /// What kind of call an ask is in the record: answered by a row of the inbox, or in memory.
  private static final String REQUEST = "request ";

  private static final String ASK = "ask ";

  /// True when the next commit point is on disk, at least the intent.
  boolean isRecorded() {
    return recording.replaying();
  }

  /// Asks another actor: a commit point.
  ///
  /// @param durable true when the other one is durable, too: then exactly once; if the call is
  ///   recorded, the record says so
  Object ask(
      Turn t, Address to, boolean durable, String operation, Object payload, Duration timeout) {
    turns.requireTurn("ask");
    boolean byRow = recording.nextCall().map(next -> next.startsWith(REQUEST)).orElse(durable);
    String call = (byRow ? REQUEST : ASK) + to + " " + operation;
    long hash = Json.hash(payload);
    StepResult recorded = reach(t, call, hash);
    if (recorded != null && !recorded.pending()) {
      boolean tookRow =
          byRow
              && recorded
                  .error()
                  .map(error -> ((Map<?, ?>) Json.parse(error)).containsKey(BY_ROW))
                  .orElse(true);
      turns.enterReplayed(t, tookRow ? 1 : 0);
      return outcome(recorded);
    }
    if (byRow) {
      return request(t, to, operation, payload, timeout, call, hash, recorded);
    }
    return perform(
        t,
        call,
        hash,
        recorded != null,
        () ->
            turns.waiting(
                t, () -> cell.system().asks().ask(cell, t, to, operation, payload, timeout)));
  }

  /// @param intent the recorded intent, when the request is on its way already; null otherwise
  private Object request(
      Turn t,
      Address to,
      String operation,
      Object payload,
      Duration timeout,
      String call,
      long hash,
      StepResult intent) {
    ActorSystem system = cell.system();
    ReplyTo.Durable wait;
    long row = 0;
    if (intent == null) {
      String requestId = turns.messageIds() + recording.step();
      try {
        wait = system.asks().enterRequest(cell, t, to, operation, requestId, timeout);
      } catch (PlexException refused) {
        threw(t, call, hash, refused, false);
        turns.commitAndWait(t);
        turns.newSegment(t);
        throw refused;
      }
    } else {
      Map<?, ?> known = (Map<?, ?>) Json.parse(intent.result().orElseThrow());
      wait =
          system
              .asks()
              .resumeRequest(
                  cell,
                  to,
                  operation,
                  (String) known.get("id"),
                  ((Number) known.get("deadline")).longValue());
    }
    try {
      if (intent == null) {
        long deadline = system.asks().dueMillis(wait);
        Envelope e =
            new Envelope(
                Message.Kind.CALL,
                operation,
                payload,
                cell.context().address(),
                t.envelope.context,
                null);
        e.extras().id = wait.requestId;
        e.extras.asker = new DurableAsks.Asker(cell.context().address(), wait.requestId, deadline);
        e.target = to;
        turns.rowAfter(DurableAsks.row(e), e);
        intend(
            t,
            call,
            hash,
            Optional.of(Json.write(Map.of("id", wait.requestId, "deadline", deadline))));
        row = e.inboxSeq();
      } else {
        row = requestRow(recording.lastRecordedRows());
        Envelope reply = turns.inbox().reply(wait.requestId);
        if (reply != null) {
          wait.complete(null, reply);
        } else {
          system.asks().withdrawFromCycle(wait);
        }
      }
      return answer(t, call, hash, wait, row);
    } finally {
      cell.waitingFor = null;
      system.durableAsks().leave(wait);
    }
  }

  /// The number of the request's row, the last one of the commit that holds its intent.
  private static long requestRow(List<RowResult> intent) {
    return intent.getLast() instanceof RowResult.Inserted inserted ? inserted.inboxSeq() : 0;
  }

  /// @param row of the request
  private Object answer(Turn t, String call, long hash, ReplyTo.Durable wait, long row) {
    Envelope reply;
    try {
      reply = (Envelope) turns.waiting(t, () -> cell.system().asks().await(cell, t, wait));
    } catch (PlexException given) {
      boolean withdrawn = wait.withdrawn && waits(wait.callee, row);
      reply = wait.withdrawn && !withdrawn ? turns.inbox().reply(wait.requestId) : null;
      if (withdrawn) {
        // The commit is refused when the callee was faster after all; then this turn is resumed and
        // finds the reply.
        turns.rowBefore(new Row.InboxDelete(wait.callee.id(), row));
      }
      if (reply == null) {
        threw(t, call, hash, given, withdrawn);
        throw given;
      }
    }
    turns.inbox().taken(reply);
    turns.rowBefore(new Row.InboxDelete(cell.id(), reply.inboxSeq()));
    if (reply.extras.error != null) {
      threw(t, call, hash, reply.extras.error, true);
      throw reply.extras.error;
    }
    return returned(t, call, hash, reply.payload);
  }

  /// True while a request's row is in the inbox of its callee.
  private boolean waits(Address callee, long row) {
    try {
      return cell.system().store().inbox(callee.id(), row - 1, 1).stream()
          .anyMatch(r -> r.seq() == row);
    } catch (PlexException unreadable) {
      turns.pipeline().poison(true);
      throw turns.pipeline().refusal();
    }
  }
}
