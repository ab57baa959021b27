package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.Payload;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// What people look at and repair: the history of an actor, dead letters, keys in quarantine.
/// Source: spec/turns rules 6, 23, 24, 25. Thread-safe; the methods that read may block.
public final class Inspection {

  /* A page is read in small portions and ends early once its payloads have grown to PAGE_BYTES_MAX,
  so neither many rows nor large ones can fill the memory. */

  /// A page ends early once the bytes of its rows have reached this; it has at least one row.
  public static final int PAGE_BYTES_MAX = 1 << 20;

  private static final int PORTION = 16;

  /// What the id of a dead letter that is only in memory starts with.
  private static final char VOLATILE = 'v';

  private final ActorSystem system;
  private final Store store;
  private final boolean payloadsShown;

  /// @param payloadsShown false leaves payloads, replies, results and values out of every answer,
  ///   whatever is asked for
  public Inspection(ActorSystem system, boolean payloadsShown) {
    this.system = system;
    this.store = system.store();
    this.payloadsShown = payloadsShown;
  }

  /// Some rows, and whether there are more.
  public record Page<T>(List<T> rows, boolean more) {}

  /// A message as it is kept.
  ///
  /// @param kind `CALL`, `CAST` or `INFO`
  /// @param operation as the message names it, else its payload by `op` or `action`
  /// @param payload JSON text; empty when left out
  /// @param sender the actor that sent it, `type/key`; "" when it came from outside
  /// @param user whose request it was part of
  /// @param requestId that request
  public record Input(
      String kind,
      String operation,
      Optional<String> payload,
      String messageId,
      String sender,
      String user,
      String requestId) {}

  /// A recorded call to somebody else.
  ///
  /// @param pending true for the intent, false for the outcome
  /// @param result JSON text; empty when left out, pending or failed
  /// @param error JSON text with code and message; empty when it did not fail
  public record Call(
      int step, String call, boolean pending, Optional<String> result, Optional<String> error) {}

  /// A change of state.
  ///
  /// @param operation `PUT`, `APPEND`, `DELETE` or `CLEAR`
  /// @param chunk key of the map entry; "" for other fields and when left out
  /// @param data JSON text; empty when there is none or it is left out
  public record Change(String field, String operation, String chunk, Optional<String> data) {}

  /// One commit of an actor.
  ///
  /// @param kind where in its turn it stands
  /// @param effects what left the actor with it, such as `tell ledger/bob credit`
  /// @param reply JSON text; empty when there is none or it is left out
  public record Entry(
      long seq,
      long turn,
      int step,
      TurnRecord.Kind kind,
      Instant at,
      String appVersion,
      Optional<Input> input,
      List<Call> calls,
      List<Change> changes,
      List<String> effects,
      Optional<String> reply,
      Optional<String> failure) {}

  /// A message nobody will process unless somebody does something.
  ///
  /// @param id to name it by, within its scope
  /// @param target `tenant/namespace/type/key`
  /// @param durable true when it is on disk and can be re-driven; false when it is only remembered
  ///   in memory, without payload
  /// @param attempts deliveries before the last one that failed, met an outage or did not end
  /// @param at when it was buried, when that is known
  /// @param partlyDone true when a turn of it failed after it had committed something
  public record DeadLetter(
      String id,
      String target,
      boolean durable,
      Input message,
      String reason,
      int attempts,
      Optional<Instant> at,
      boolean partlyDone) {}

  // ---- history

  /// Committed turns of an actor, newest first; empty for one that never committed.
  ///
  /// @param beforeSeq only older entries than this; `Long.MAX_VALUE` for the newest
  /// @param payloads false leaves payloads, replies, results, values and keys of map entries out
  public Page<Entry> history(ActorId actor, long beforeSeq, int limit, boolean payloads) {
    boolean shown = payloads && payloadsShown;
    List<Entry> entries = new ArrayList<>();
    long before = beforeSeq;
    int bytes = 0;
    while (true) {
      List<HistoryEntry> portion = store.history(actor, before, PORTION);
      for (HistoryEntry entry : portion) {
        if (entries.size() == limit || bytes >= PAGE_BYTES_MAX) {
          // This one is more than was asked for, or than fits.
          return new Page<>(List.copyOf(entries), true);
        }
        entries.add(entry(entry, shown));
        bytes += size(entry.record());
        before = entry.seq();
      }
      if (portion.size() < PORTION) {
        return new Page<>(List.copyOf(entries), false);
      }
    }
  }

  private static int size(TurnRecord record) {
    int size = record.input().map(i -> i.length).orElse(0);
    size += record.reply().map(r -> r.length).orElse(0);
    for (TurnRecord.StepResult result : record.results()) {
      size += result.call().length() + result.result().map(r -> r.length).orElse(0);
    }
    for (StateChange change : record.changes()) {
      size += change.field().length() + change.chunk().length() + change.data().length;
    }
    return size;
  }

  private static Entry entry(HistoryEntry entry, boolean shown) {
    TurnRecord record = entry.record();
    return new Entry(
        entry.seq(),
        record.turn(),
        record.step(),
        record.kind(),
        Instant.ofEpochMilli(record.atMillis()),
        record.appVersion(),
        record.input().map(body -> input(body, "", shown)),
        record.results().stream()
            .map(r -> new Call(r.step(), r.call(), r.pending(), text(r.result(), shown), r.error()))
            .toList(),
        record.changes().stream()
            .map(
                c ->
                    new Change(
                        c.field(),
                        c.op().name(),
                        shown ? c.chunk() : "",
                        text(Optional.of(c.data()).filter(d -> d.length > 0), shown)))
            .toList(),
        record.effects().stream().map(effect -> shown ? effect : withoutKey(effect)).toList(),
        text(record.reply(), shown),
        record.failure());
  }

  /// A key of the key-value store is as private as what it holds.
  private static String withoutKey(String effect) {
    return effect.startsWith("put ") || effect.startsWith("delete ")
        ? effect.substring(0, effect.indexOf(' '))
        : effect;
  }

  private static Optional<String> text(Optional<byte[]> json, boolean shown) {
    return shown ? json.map(bytes -> new String(bytes, StandardCharsets.UTF_8)) : Optional.empty();
  }

  /// @param messageId that of its row; "" to take the one in the body
  private static Input input(byte[] body, String messageId, boolean shown) {
    Map<?, ?> fields;
    try {
      fields = Json.parse(body) instanceof Map<?, ?> map ? map : Map.of();
    } catch (PlexException unreadable) {
      // Perhaps that is why it lies among the dead letters: the rest of it is still worth showing.
      fields = Map.of();
    }
    String operation = string(fields, "op");
    if (operation.isEmpty()) {
      operation = Payload.operation(fields.get("payload"));
    }
    Map<?, ?> request = fields.get("request") instanceof Map<?, ?> map ? map : Map.of();
    return new Input(
        string(fields, "kind"),
        operation,
        shown && fields.containsKey("payload")
            ? Optional.of(Json.text(fields.get("payload")))
            : Optional.empty(),
        messageId.isEmpty() ? string(fields, "id") : messageId,
        fields.get("from") instanceof List<?> from && from.size() == 2
            ? from.get(0) + "/" + from.get(1)
            : "",
        string(request, "user"),
        string(request, "id"));
  }

  private static String string(Map<?, ?> fields, String name) {
    return fields.get(name) instanceof String text ? text : "";
  }

  // ---- dead letters

  /// The dead letters of a scope: those on disk, oldest first, then those in memory, oldest first.
  ///
  /// @param after id of the last one seen; "" for the start
  /// @throws PlexException `INVALID_MESSAGE` for an `after` that is no id
  public Page<DeadLetter> deadLetters(Scope scope, String after, int limit, boolean payloads) {
    boolean shown = payloads && payloadsShown;
    List<DeadLetter> found = new ArrayList<>();
    boolean inMemory = !after.isEmpty() && after.charAt(0) == VOLATILE;
    long seq = after.isEmpty() ? 0 : number(after);
    int bytes = 0;
    while (!inMemory) {
      List<InboxRow> portion = store.deadLetters(scope, seq, PORTION);
      for (InboxRow row : portion) {
        if (found.size() == limit || bytes >= PAGE_BYTES_MAX) {
          return new Page<>(List.copyOf(found), true);
        }
        found.add(deadLetter(row, shown));
        bytes += row.body().length;
        seq = row.seq();
      }
      inMemory = portion.size() < PORTION;
    }
    long number = !after.isEmpty() && after.charAt(0) == VOLATILE ? number(after) : 0;
    for (DeadLetters.DeadLetter letter : inMemory(scope)) {
      if (letter.number() > number) {
        if (found.size() == limit) {
          return new Page<>(List.copyOf(found), true);
        }
        found.add(deadLetter(letter));
      }
    }
    return new Page<>(List.copyOf(found), false);
  }

  /// One dead letter; empty when there is none of that id.
  ///
  /// @throws PlexException `INVALID_MESSAGE` for what is no id
  public Optional<DeadLetter> deadLetter(Scope scope, String id, boolean payloads) {
    long number = number(id);
    return id.charAt(0) == VOLATILE
        ? inMemory(scope).stream()
            .filter(letter -> letter.number() == number)
            .findFirst()
            .map(Inspection::deadLetter)
        : row(scope, number).map(row -> deadLetter(row, payloads && payloadsShown));
  }

  private Optional<InboxRow> row(Scope scope, long seq) {
    return store.deadLetters(scope, seq - 1, 1).stream()
        .filter(row -> row.seq() == seq)
        .findFirst();
  }

  private List<DeadLetters.DeadLetter> inMemory(Scope scope) {
    return system.deadLetters().latest().stream()
        .filter(l -> l.tenant().equals(scope.tenant()) && l.namespace().equals(scope.namespace()))
        .toList();
  }

  private static long number(String id) {
    String digits = !id.isEmpty() && id.charAt(0) == VOLATILE ? id.substring(1) : id;
    boolean fits = !digits.isEmpty() && digits.length() <= 18;
    for (int i = 0; i < digits.length() && fits; i++) {
      fits = digits.charAt(i) >= '0' && digits.charAt(i) <= '9';
    }
    if (!fits) {
      String problem = "must be an id as a list of dead letters shows it";
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "dead_letter_id: " + problem,
          List.of(new PlexException.FieldViolation("dead_letter_id", problem)),
          null);
    }
    return Long.parseLong(digits);
  }

  private static DeadLetter deadLetter(InboxRow row, boolean shown) {
    return new DeadLetter(
        Long.toString(row.seq()),
        row.to().toString(),
        true,
        input(row.body(), row.messageId(), shown),
        row.reason(),
        Deliveries.of(row.attempts()).count(),
        row.buriedAtMillis() == 0
            ? Optional.empty()
            : Optional.of(Instant.ofEpochMilli(row.buriedAtMillis())),
        row.partlyDone());
  }

  private static DeadLetter deadLetter(DeadLetters.DeadLetter letter) {
    return new DeadLetter(
        VOLATILE + Long.toString(letter.number()),
        letter.tenant() + "/" + letter.namespace() + "/" + letter.target(),
        false,
        new Input(
            letter.kind().name(),
            letter.operation(),
            Optional.empty(),
            letter.messageId(),
            letter.sender(),
            letter.user(),
            letter.requestId()),
        letter.reason().name(),
        0,
        Optional.of(Instant.ofEpochMilli(letter.atMillis())),
        false);
  }

  /// Puts a dead letter back at its place in its actor's inbox, with all its deliveries before it,
  /// and wakes the actor.
  ///
  /// @param rerun true to do so even though a turn of it has committed something already, which
  ///   will then happen twice
  /// @return its actor; fails with `NOT_FOUND`, or with `CONFLICT` when it is only in memory, when
  ///   it is partly done and `rerun` is false, or when somebody else was faster
  /// @throws PlexException `INVALID_MESSAGE` for what is no id
  public CompletableFuture<ActorId> redrive(Scope scope, String id, boolean rerun) {
    InboxRow row = onDisk(scope, id);
    if (row.partlyDone() && !rerun) {
      throw new PlexException(
          ErrorCode.CONFLICT,
          "dead letter "
              + id
              + ": a turn of it committed something before it failed, which would happen again;"
              + " look at the history of "
              + row.to()
              + ", then either discard it or re-drive it with rerun=true (--rerun)");
    }
    // A timer stays one.
    long dueAt = DurableTimers.isTimer(row) ? 1 : 0;
    return commit(row, new Row.InboxUpdate(row.to(), row.seq(), dueAt, 0))
        .thenApply(
            done -> {
              wake(row.to());
              return row.to();
            });
  }

  /// Removes a dead letter for good.
  ///
  /// @return its actor; fails with `NOT_FOUND`, or with `CONFLICT` when it is only in memory or
  ///   when somebody else was faster
  /// @throws PlexException `INVALID_MESSAGE` for what is no id
  public CompletableFuture<ActorId> discard(Scope scope, String id) {
    InboxRow row = onDisk(scope, id);
    return commit(row, new Row.InboxDiscard(row.to(), row.seq())).thenApply(done -> row.to());
  }

  private InboxRow onDisk(Scope scope, String id) {
    long number = number(id);
    if (id.charAt(0) == VOLATILE) {
      if (deadLetter(scope, id, false).isEmpty()) {
        throw notFound(id);
      }
      throw new PlexException(
          ErrorCode.CONFLICT,
          "dead letter "
              + id
              + ": its message was not durable and is gone; only durable ones can be re-driven or"
              + " discarded");
    }
    return row(scope, number).orElseThrow(() -> notFound(id));
  }

  private static PlexException notFound(String id) {
    return new PlexException(ErrorCode.NOT_FOUND, "no dead letter " + id);
  }

  private CompletableFuture<List<RowResult>> commit(InboxRow row, Row change) {
    return store
        .submit(new Commit(row.to(), Optional.empty(), List.of(change)))
        .exceptionally(
            why -> {
              PlexException refusal = (PlexException) why;
              throw refusal.code() != ErrorCode.CONFLICT
                  ? refusal
                  : new PlexException(
                      ErrorCode.CONFLICT,
                      "dead letter " + row.seq() + ": was re-driven or discarded meanwhile");
            });
  }

  /// Makes an actor look at rows of its inbox that it was past already.
  private void wake(ActorId id) {
    Address address = new Address(system.scope(id.scope()), id.type(), id.key());
    ActorCell live = system.live(address);
    if (live == null) {
      system.resolveQuietly(address);
    } else {
      live.send(new SystemMessage.Reload(true));
    }
  }

  // ---- quarantine

  /// The keys of a scope that take no messages, ordered by type and key.
  public List<Quarantine.Entry> quarantined(Scope scope) {
    return system.quarantine().list().stream()
        .filter(entry -> entry.id().scope().equals(scope))
        .sorted(Comparator.comparing(entry -> entry.id().toString()))
        .toList();
  }

  /// Lets a key take messages again, its crashes forgotten. A durable actor whose inbox has rows is
  /// activated at once.
  ///
  /// @return true when it was activated
  /// @throws PlexException `NOT_FOUND` when it is not in quarantine
  public boolean release(ActorId id) {
    if (!system.quarantine().release(id)) {
      throw new PlexException(ErrorCode.NOT_FOUND, id + " is not in quarantine");
    }
    return !store.inbox(id, 0, 1).isEmpty()
        && system.resolveQuietly(new Address(system.scope(id.scope()), id.type(), id.key()))
            != null;
  }
}
