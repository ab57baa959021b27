package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.VolatileState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/// The turn a worker is running: what it works on and the effects it has buffered since its last
/// commit. One per worker, reused; calls that run on top of each other have one each.
final class Turn {

  /* What changes with every message is kept here and not in the worker or the cell, and a worker takes
  a new one each tick. G1 pays a full fence of the processor for each reference that is stored into an
  object of the old generation, and nothing but a look at the card table for a young one. */

  /// Effects one segment of a turn may buffer; one more is refused with `RESOURCE_EXHAUSTED`.
  static final int EFFECTS_MAX = 1_000_000;

  /// Durable messages and other rows one segment may write.
  static final int ROWS_MAX = 10_000;

  private static final int KEEP = 256;
  static final Object[] NONE = {};
  private static final Envelope[] NO_MESSAGES = {};

  final Dispatcher.Worker worker;

  /// The turn that waits for this one, on the same thread; null for none.
  final Turn outer;

  /// How many wait so.
  final int depth;

  /// The one that runs on top of this one, when there is one.
  private Turn nested;

  /// What it works on, or did last; null when the thread looks for work.
  ActorCell cell;

  /// An actor made ready by the turn that just ended; private to the thread until
  /// [Dispatcher.Worker#publish].
  ActorCell pending;

  Envelope envelope;

  /// The state a volatile actor had at the beginning of its segment; null when it keeps none.
  private Object[] saved;

  /// Fixed within a segment; null until asked for.
  Instant now;

  /* An element is an [Envelope] to deliver (the common case, hence no wrapper) or an [Effect]. */
  private Object[] effects = new Object[8];
  private int count;

  /// The effect of a turn that has one so far, and so most often has no other; null while it is in
  /// `effects` with the rest.
  private Object only;

  /// Rows the next commit writes besides the log row, and the message each inbox row carries (null
  /// for other rows).
  private final List<Row> rows = new ArrayList<>();

  private final List<Envelope> rowMessages = new ArrayList<>();

  /// What the segment read and wrote of the key-value store; null for nothing.
  private SegmentKeys keys;

  /// What the host API did at once and takes back when the segment is dropped.
  private final List<Runnable> undo = new ArrayList<>();

  /// False while `rows`, `undo` and `keys` are empty, as in most turns.
  private boolean unusual;

  /// Something other than a message that happens when the turn commits.
  interface Effect {
    void release(Dispatcher.Worker worker);
  }

  Turn(Dispatcher.Worker worker, Turn outer) {
    this.worker = worker;
    this.outer = outer;
    this.depth = outer == null ? 0 : outer.depth + 1;
  }

  /// A turn for a call that runs on top of this one.
  Turn nested() {
    return nested == null ? nested = new Turn(worker, this) : nested;
  }

  void begin(Envelope envelope) {
    this.envelope = envelope;
    // Looked at first: G1 makes a store of a reference dearer than a load.
    if (now != null) {
      now = null;
    }
  }

  /// A segment of a volatile actor begins: what it changes from now on can be taken back.
  void save(VolatileState state) {
    saved = state.save();
  }

  /// What the segment changed of a volatile actor's state stands.
  void settle(VolatileState state) {
    state.settle(saved);
  }

  /// Undoes what the segment changed of a volatile actor's state.
  void takeBack(Actor actor) {
    if (saved != null) {
      ((VolatileState) actor).takeBack(saved);
    }
  }

  SegmentKeys keys() {
    if (keys == null) {
      unusual = true;
      keys = new SegmentKeys();
    }
    return keys;
  }

  /// True when the segment writes a key only if nobody else has written it since it was read.
  boolean conditional() {
    return keys != null && keys.conditional();
  }

  void end() {
    envelope = null;
    if (saved != null) {
      saved = null;
    }
    if (count > 0 || unusual) {
      // Whatever the turn's end did not take must not reach the next actor on this thread.
      discard();
    }
  }

  void buffer(Object effect) {
    if (count == 0) {
      only = effect;
      count = 1;
      return;
    }
    spread();
    if (count == effects.length) {
      if (count >= EFFECTS_MAX) {
        throw new PlexException(
            ErrorCode.RESOURCE_EXHAUSTED,
            "a turn may buffer at most " + EFFECTS_MAX + " effects; split the work over turns");
      }
      effects = Arrays.copyOf(effects, count * 2);
    }
    effects[count++] = effect;
  }

  private void spread() {
    if (only != null) {
      effects[0] = only;
      only = null;
    }
  }

  /// @param message what an inbox row carries; null for other rows
  void row(Row row, Envelope message) {
    if (rows.size() >= ROWS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED,
          "a turn may write at most " + ROWS_MAX + " durable messages; split the work over turns");
    }
    unusual = true;
    rows.add(row);
    rowMessages.add(message);
  }

  void onDiscard(Runnable takeBack) {
    unusual = true;
    undo.add(takeBack);
  }

  /// Makes what was buffered happen without its messages and rows, which happened in an earlier
  /// life of this turn.
  void replayed() {
    keys = null;
    rows.clear();
    rowMessages.clear();
    undo.clear();
    spread();
    for (int i = 0; i < count; i++) {
      if (effects[i] instanceof Effect effect) {
        effect.release(worker);
      }
    }
    forget();
  }

  boolean hasEffects() {
    return count > 0 || unusual && !undo.isEmpty();
  }

  boolean hasRows() {
    return unusual && !rows.isEmpty();
  }

  /// What will leave the actor with the next commit, in words.
  List<String> outgoing() {
    if (count == 0 && rows.isEmpty()) {
      return List.of();
    }
    spread();
    List<String> words = new ArrayList<>();
    int more = 0;
    for (int i = 0; i < rows.size() + count; i++) {
      String text =
          i < rows.size()
              ? text(rows.get(i), rowMessages.get(i))
              : effects[i - rows.size()] instanceof Envelope e ? text(e) : null;
      if (text != null && words.size() < TurnRecord.EFFECTS_MAX) {
        words.add(text);
      } else if (text != null) {
        more++;
      }
    }
    if (more > 0) {
      words.add("and " + more + " more");
    }
    return words;
  }

  /// @param message what an inbox row carries
  private static String text(Row row, Envelope message) {
    return switch (row) {
      case Row.InboxInsert(_, _, long dueAt, _) ->
          dueAt > 0 ? "timer " + message.type() : text(message);
      case Row.InboxDelete _ -> "cancel timer";
      case Row.MonitorInsert(_, _, ActorId target) ->
          "monitor " + target.type() + "/" + target.key();
      case Row.MonitorDelete _ -> "demonitor";
      case Row.KvPut put -> "put " + put.key();
      case Row.KvDelete delete -> "delete " + delete.key();
      // The calls of commit points are recorded with their results.
      default -> null;
    };
  }

  private static String text(Envelope e) {
    return "tell " + e.target + " " + e.type();
  }

  int rowCount() {
    return rows.size();
  }

  /// The first message of a buffered inbox row that `wanted` accepts; null when there is none.
  Envelope rowMessage(Predicate<Envelope> wanted) {
    for (Envelope message : rowMessages) {
      if (message != null && wanted.test(message)) {
        return message;
      }
    }
    return null;
  }

  /// Drops the buffered inbox row that carries `message`; false when there is none.
  boolean dropRow(Envelope message) {
    for (int i = 0; i < rows.size(); i++) {
      if (rowMessages.get(i) == message) {
        rows.remove(i);
        rowMessages.remove(i);
        return true;
      }
    }
    return false;
  }

  /// Takes the buffered rows; their messages first, by [#takeRowMessages].
  List<Row> takeRows() {
    keys = null;
    if (rows.isEmpty()) {
      return List.of();
    }
    List<Row> taken = List.copyOf(rows);
    rows.clear();
    return taken;
  }

  Envelope[] takeRowMessages() {
    if (rowMessages.isEmpty()) {
      return NO_MESSAGES;
    }
    Envelope[] taken = rowMessages.toArray(Envelope[]::new);
    rowMessages.clear();
    return taken;
  }

  /// Takes the buffered effects, to be released later by [#release].
  Object[] takeEffects() {
    if (count == 0) {
      undo.clear();
      return NONE;
    }
    spread();
    Object[] taken = Arrays.copyOf(effects, count);
    undo.clear();
    forget();
    return taken;
  }

  /// Releases what was buffered, in order.
  void flush(ActorSystem system) {
    if (only instanceof Envelope e) {
      only = null;
      count = 0;
      system.deliver(e.target, e, worker, false);
    } else {
      flushAll(system);
    }
    if (unusual) {
      undo.clear();
    }
  }

  private void flushAll(ActorSystem system) {
    spread();
    // Indexed: releasing may not buffer anything, and the array is this worker's own.
    for (int i = 0; i < count; ) {
      int end = i + 1;
      if (effects[i] instanceof Envelope first) {
        while (end < count
            && effects[end] instanceof Envelope other
            && other.target == first.target) {
          end++;
        }
      }
      if (end - i > 1) {
        system.deliverAll(effects, i, end, worker);
        Arrays.fill(effects, i, end, null);
      } else {
        release(system, effects[i], worker);
        effects[i] = null;
      }
      i = end;
    }
    count = 0;
    shrink();
  }

  /// Drops what was buffered: it never happened.
  void discard() {
    keys = null;
    rows.clear();
    rowMessages.clear();
    if (!undo.isEmpty()) {
      // Latest first: a later step may have taken back an earlier one.
      undo.reversed().forEach(Runnable::run);
      undo.clear();
    }
    unusual = false;
    forget();
  }

  private void forget() {
    only = null;
    Arrays.fill(effects, 0, count, null);
    count = 0;
    shrink();
  }

  private void shrink() {
    if (effects.length > KEEP) {
      effects = new Object[KEEP];
    }
  }

  static void releaseAll(ActorSystem system, Object[] effects) {
    for (Object effect : effects) {
      release(system, effect, null);
    }
  }

  private static void release(ActorSystem system, Object effect, Dispatcher.Worker worker) {
    if (effect instanceof Envelope e) {
      Address target = e.target;
      e.target = null;
      system.deliver(target, e, worker, false);
    } else {
      ((Effect) effect).release(worker);
    }
  }
}
