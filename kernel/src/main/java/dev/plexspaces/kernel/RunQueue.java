package dev.plexspaces.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// A bounded queue of ready actors that any thread may fill and empty.
final class RunQueue {

  /* Vyukov's bounded MPMC queue: each cell carries the ticket it expects next, so a push and a pop
  each cost one compare-and-set. Head and tail are kept on lines of their own by the padding. */

  private static final VarHandle SEQUENCE = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle HEAD;
  private static final VarHandle TAIL;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      HEAD = lookup.findVarHandle(RunQueue.class, "head", long.class);
      TAIL = lookup.findVarHandle(RunQueue.class, "tail", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ActorCell[] cells;
  private final long[] sequence;
  private final int mask;

  @SuppressWarnings("unused")
  private long p1, p2, p3, p4, p5, p6, p7;

  private volatile long head;

  @SuppressWarnings("unused")
  private long q1, q2, q3, q4, q5, q6, q7;

  private volatile long tail;

  @SuppressWarnings("unused")
  private long r1, r2, r3, r4, r5, r6, r7;

  /// @param capacity a power of two
  RunQueue(int capacity) {
    cells = new ActorCell[capacity];
    sequence = new long[capacity];
    mask = capacity - 1;
    for (int i = 0; i < capacity; i++) {
      sequence[i] = i;
    }
  }

  /// Adds at the tail; false when full.
  boolean offer(ActorCell cell) {
    while (true) {
      long t = tail;
      int i = (int) t & mask;
      long difference = (long) SEQUENCE.getAcquire(sequence, i) - t;
      if (difference == 0) {
        if (TAIL.compareAndSet(this, t, t + 1)) {
          cells[i] = cell;
          SEQUENCE.setRelease(sequence, i, t + 1);
          return true;
        }
      } else if (difference < 0) {
        return false;
      }
    }
  }

  /// Takes from the head; null when empty.
  ActorCell poll() {
    while (true) {
      long h = head;
      int i = (int) h & mask;
      long difference = (long) SEQUENCE.getAcquire(sequence, i) - (h + 1);
      if (difference == 0) {
        if (HEAD.compareAndSet(this, h, h + 1)) {
          ActorCell cell = cells[i];
          cells[i] = null;
          SEQUENCE.setRelease(sequence, i, h + mask + 1);
          return cell;
        }
      } else if (difference < 0) {
        return null;
      }
    }
  }

  /// How many wait; a snapshot.
  int size() {
    return (int) Math.max(0, tail - head);
  }

  boolean isEmpty() {
    return head >= tail;
  }
}
