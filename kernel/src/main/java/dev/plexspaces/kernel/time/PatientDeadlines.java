package dev.plexspaces.kernel.time;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Deadlines that are far away and most likely done soon: asks. They wait in batches, and a batch
/// of which all are done is dropped without looking at a single one. Any thread adds; the rest
/// belongs to the thread of the [DeadlineWheel].
final class PatientDeadlines {

  /* Looking at each deadline once costs more than the ask itself: it was written by one core,
  completed by another, and the sweeper's core has to fetch it. So each stripe collects a batch, a
  Treiber stack, whoever adds counts, and so does who completes. The sweeper closes the batches at its
  tick and compares the two numbers. For the same reason whoever adds does not look at the deadline
  below, and whoever completes does not look at the batch: the other has just written there. */

  /// Ticks a closed batch waits for its last deadlines before those are kept one by one.
  static final int PATIENCE_TICKS = 2;

  /// Distance between two counters in longs: no two on one cache line.
  private static final int STRIDE = 16;

  private static final int COUNTERS = 4;

  private static final Deadline CLOSED =
      new Deadline(0) {
        @Override
        protected boolean done() {
          return true;
        }

        @Override
        protected void expired() {}
      };

  private static final VarHandle TOP;
  private static final VarHandle BATCHES = MethodHandles.arrayElementVarHandle(Batch[].class);

  static {
    try {
      TOP = MethodHandles.lookup().findVarHandle(Batch.class, "top", Deadline.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /// What one stripe got within a tick.
  static final class Batch {
    private volatile Deadline top;

    /// How many were added. Counted before they are: too high for those that came too late, and
    /// then the batch is looked through.
    private final AtomicLong added = new AtomicLong();

    private final Done done = new Done();

    /// Of the closed batch.
    private Deadline newest;

    private long closedNanos;

    private int age;

    private boolean allDone() {
      return done.sum() == added.get();
    }
  }

  /// How many of a batch are done, summed over all places.
  static final class Done {
    private final AtomicLongArray places = new AtomicLongArray((COUNTERS + 1) * STRIDE);

    void count() {
      int place = ((int) Thread.currentThread().threadId() & COUNTERS - 1) + 1;
      places.getAndIncrement(place * STRIDE);
    }

    private long sum() {
      long sum = 0;
      for (int i = 1; i <= COUNTERS; i++) {
        sum += places.get(i * STRIDE);
      }
      return sum;
    }
  }

  private final Batch[] batches;
  private final int mask;
  private final ArrayDeque<Batch> closed = new ArrayDeque<>();

  /// @param stripes a power of two
  PatientDeadlines(int stripes) {
    batches = new Batch[stripes * STRIDE];
    mask = stripes - 1;
    for (int i = 0; i < batches.length; i += STRIDE) {
      batches[i] = new Batch();
    }
  }

  /// @return true when it is the first of its batch
  boolean add(Deadline deadline) {
    int index = ((int) Thread.currentThread().threadId() & mask) * STRIDE;
    Batch counted = null;
    while (true) {
      Batch batch = (Batch) BATCHES.getVolatile(batches, index);
      Deadline top = batch.top;
      if (top == CLOSED) {
        Thread.onSpinWait();
        continue;
      }
      if (batch != counted) {
        // Once, however often another one gets in first.
        batch.added.getAndIncrement();
        counted = batch;
      }
      deadline.next = top;
      if (TOP.compareAndSet(batch, top, deadline)) {
        // Not before it is in: done in between and counted at a batch that was closed meanwhile, it
        // would stand in for one of that batch that is not done. Not counted costs a look only.
        deadline.doneCount = batch.done;
        return top == null;
      }
    }
  }

  boolean isEmpty() {
    for (int i = 0; i < batches.length; i += STRIDE) {
      if (((Batch) BATCHES.getVolatile(batches, i)).top != null) {
        return false;
      }
    }
    return closed.isEmpty();
  }

  /// Closes what was added since the last tick and hands out what was not done in time. Time that
  /// counts from when a deadline was added begins when its batch is closed: that is late by at most
  /// a tick, and nobody had to look at the clock.
  ///
  /// @return true when anything was added
  boolean tick(LongSupplier nanoClock, Consumer<Deadline> keep) {
    for (Iterator<Batch> it = closed.iterator(); it.hasNext(); ) {
      Batch batch = it.next();
      if (batch.allDone()) {
        it.remove();
      } else if (++batch.age == PATIENCE_TICKS) {
        it.remove();
        handOut(batch, keep);
      }
    }
    boolean added = false;
    for (int i = 0; i < batches.length; i += STRIDE) {
      Batch batch = batches[i];
      if (batch.top == null) {
        continue;
      }
      added = true;
      Deadline newest = (Deadline) TOP.getAndSet(batch, CLOSED);
      BATCHES.setVolatile(batches, i, new Batch());
      batch.newest = newest;
      // Looked at behind the last one that was added: none may be due early.
      batch.closedNanos = nanoClock.getAsLong();
      closed.add(batch);
    }
    return added;
  }

  private static void handOut(Batch batch, Consumer<Deadline> keep) {
    for (Deadline d = batch.newest; d != null; ) {
      Deadline next = d.next;
      d.next = null;
      if (!d.done()) {
        keep.accept(d.from(batch.closedNanos));
      }
      d = next;
    }
  }
}
