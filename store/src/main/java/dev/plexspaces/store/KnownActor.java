package dev.plexspaces.store;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.TurnCursor;
import dev.plexspaces.kernel.journal.TurnRecord;
import java.util.ArrayDeque;
import java.util.List;

/// What the store holds in memory of one actor: its number, where its turns stand, and the tail of
/// its log that is not folded yet.
final class KnownActor {

  /*
   * The first group of fields belongs to the writer thread alone. The second is guarded by this
   * object's monitor: submitters count, the writer appends and folds, readers copy.
   */

  /// One committed log frame that is not folded.
  ///
  /// @param record null for a frame that only remembers requests
  /// @param encoded bytes of `record`, or null
  /// @param results encoded answers of the commit's rows, for a commit of an open turn; else null
  record TailRow(
      long seq, TurnRecord record, byte[] encoded, byte[] results, List<Row.Idempotency> requests) {

    int size() {
      int size = 64;
      size += encoded == null ? 0 : encoded.length;
      size += results == null ? 0 : results.length;
      for (Row.Idempotency request : requests) {
        size += 96 + request.reply().map(reply -> reply.length).orElse(0);
      }
      return size;
    }
  }

  final ActorId id;

  /// False until the writer has read the rows of the actor.
  boolean loaded;

  /// Number in the store; 0 while the actor has no row.
  long no;

  int scopeNo;
  TurnCursor cursor = TurnCursor.START;

  /// Where the turns stood when the actor was last folded.
  TurnCursor foldedCursor = TurnCursor.START;

  long foldedSeq;
  long foldedAtMillis;

  /// Newest history row, 0 for none.
  long historyNo;

  /// Set by use, cleared by the sweep that looks for actors to forget.
  boolean used;

  private long submitted;
  private long settled;
  private int waiting;
  private final ArrayDeque<TailRow> tail = new ArrayDeque<>(0);

  KnownActor(ActorId id) {
    this.id = id;
  }

  /// One more commit of the actor is on its way to the writer.
  synchronized void submitting() {
    submitted++;
  }

  /// A commit of the actor met its fate.
  ///
  /// @param row joins the tail; null when there is none
  synchronized void settle(TailRow row) {
    if (row != null) {
      tail.addLast(row);
    }
    settled++;
    if (waiting > 0) {
      notifyAll();
    }
  }

  /// Adds a frame that another actor's commit carried.
  synchronized void append(TailRow row) {
    tail.addLast(row);
  }

  /// Waits until every commit submitted before the call has met its fate.
  ///
  /// @return false when that took longer than `millis`
  synchronized boolean awaitSettled(long millis) throws InterruptedException {
    long target = submitted;
    while (settled < target) {
      long before = settled;
      waiting++;
      try {
        wait(millis);
      } finally {
        waiting--;
      }
      if (settled == before) {
        return false;
      }
    }
    return true;
  }

  /// A copy of the tail, oldest first.
  synchronized List<TailRow> tail() {
    return List.copyOf(tail);
  }

  synchronized boolean hasTail() {
    return !tail.isEmpty();
  }

  /// Forgets the rows up to `seq`, which are in the tables now.
  synchronized void folded(long seq) {
    while (!tail.isEmpty() && tail.peekFirst().seq() <= seq) {
      tail.removeFirst();
    }
  }

  /// True when nothing is lost by forgetting the actor.
  synchronized boolean isIdle() {
    return settled == submitted && tail.isEmpty() && waiting == 0;
  }
}
