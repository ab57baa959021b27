package dev.plexspaces.kernel.time;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Deadlines that are far away and most likely done soon: asks. They wait in batches, and a batch
/// of which all are done is dropped without looking at a single one. Any thread adds; the rest
/// belongs to the thread of the [DeadlineWheel].
final class PatientDeadlines {

  /* Looking at each deadline once costs more than the ask itself: it was written by one core,
  completed by another, and the sweeper's core has to fetch it. So each stripe collects a batch, whoever
  completes counts, and the sweeper closes the batches at its tick and compares the two numbers. For the
  same reason whoever completes does not look at the batch, where others have just written.

  A batch is a chain of chunks with a place for each deadline. Taking a place is the one atomic
  instruction of an addition; it says to which batch the deadline belongs, and the number of the last
  place says how many do. */

  /// Ticks a closed batch waits for its last deadlines before those are kept one by one.
  static final int PATIENCE_TICKS = 2;

  /// Deadlines of a chunk.
  static final int CHUNK = 512;

  /// Added to [Chunk#next] when the batch is closed: more than can ever be asked for at a full one.
  private static final int CLOSED = 1 << 30;

  /// Distance between two counters in longs: no two on one cache line.
  private static final int STRIDE = 16;

  private static final int COUNTERS = 4;

  /// In the place of a deadline that was looked at.
  private static final Deadline SEEN =
      new Deadline(0) {
        @Override
        protected boolean done() {
          return true;
        }

        @Override
        protected void expired() {}
      };

  private static final VarHandle NEXT;
  private static final VarHandle PLACES = MethodHandles.arrayElementVarHandle(Deadline[].class);
  private static final VarHandle CHUNKS = MethodHandles.arrayElementVarHandle(Chunk[].class);

  static {
    try {
      NEXT = MethodHandles.lookup().findVarHandle(Chunk.class, "next", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /// Part of what one stripe got within a tick; the newest part stands for all.
  static final class Chunk {
    private final Deadline[] places = new Deadline[CHUNK];

    /// The place for the next deadline; at least [#CHUNK] when it is full, at least [#CLOSED] when
    /// none of this batch is left.
    private volatile int next;

    /// The full one before it, of the same batch; null for none.
    private final Chunk older;

    /// Of the whole batch.
    private final Done done;

    Chunk(Chunk older) {
      this.older = older;
      this.done = older == null ? new Done() : older.done;
    }

    /// @return a place that nobody else has; none when it is [#CHUNK] or more
    int take() {
      return (int) NEXT.getAndAdd(this, 1);
    }

    void put(int place, Deadline deadline) {
      // Not before it has its place: counted at another batch it would stand in for one of that
      // batch that is not done. Done before this costs a look only.
      deadline.doneCount = done;
      PLACES.setRelease(places, place, deadline);
    }

    private boolean isEmpty() {
      return next == 0 && older == null;
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

  /// A batch to which nothing is added any more.
  private static final class Batch {
    private final Chunk newest;

    /// Deadlines in `newest`.
    private final int inNewest;

    private final long count;
    private final long closedNanos;
    private int age;

    Batch(Chunk newest, int inNewest, long closedNanos) {
      this.newest = newest;
      this.inNewest = inNewest;
      this.closedNanos = closedNanos;
      long sum = inNewest;
      for (Chunk c = newest.older; c != null; c = c.older) {
        sum += CHUNK;
      }
      this.count = sum;
    }

    private boolean allDone() {
      return newest.done.sum() == count;
    }

    /// Hands out what is not done; each deadline is looked at once.
    ///
    /// @return false when some have their place and are not in it yet
    private boolean handOut(Consumer<Deadline> keep) {
      boolean complete = true;
      int end = inNewest;
      for (Chunk c = newest; c != null; c = c.older) {
        for (int i = 0; i < end; i++) {
          Deadline d = (Deadline) PLACES.getAcquire(c.places, i);
          if (d == null) {
            complete = false;
          } else if (d != SEEN) {
            c.places[i] = SEEN;
            if (!d.done()) {
              keep.accept(d.from(closedNanos));
            }
          }
        }
        end = CHUNK;
      }
      return complete;
    }
  }

  /// The newest chunk of each stripe's open batch.
  private final Chunk[] chunks;

  private final int mask;
  private final ArrayDeque<Batch> closed = new ArrayDeque<>();

  /// @param stripes a power of two
  PatientDeadlines(int stripes) {
    chunks = new Chunk[stripes * STRIDE];
    mask = stripes - 1;
    for (int i = 0; i < chunks.length; i += STRIDE) {
      chunks[i] = new Chunk(null);
    }
  }

  /// @return true when it is the first of its batch
  boolean add(Deadline deadline) {
    int stripe = (int) Thread.currentThread().threadId() & mask;
    while (true) {
      Chunk chunk = open(stripe);
      int place = chunk.take();
      if (place < CHUNK) {
        chunk.put(place, deadline);
        return place == 0 && chunk.older == null;
      }
      if (place < CLOSED) {
        CHUNKS.compareAndSet(chunks, stripe * STRIDE, chunk, new Chunk(chunk));
      }
      // Whoever closed it had put the next one there before.
    }
  }

  /// The chunk that is being filled.
  Chunk open(int stripe) {
    return (Chunk) CHUNKS.getVolatile(chunks, stripe * STRIDE);
  }

  boolean isEmpty() {
    for (int stripe = 0; stripe <= mask; stripe++) {
      if (!open(stripe).isEmpty()) {
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
      if (batch.allDone() || ++batch.age >= PATIENCE_TICKS && batch.handOut(keep)) {
        it.remove();
      }
    }
    boolean added = false;
    for (int stripe = 0; stripe <= mask; stripe++) {
      Chunk newest = open(stripe);
      if (newest.isEmpty()) {
        continue;
      }
      added = true;
      Chunk next = new Chunk(null);
      while (!CHUNKS.compareAndSet(chunks, stripe * STRIDE, newest, next)) {
        newest = open(stripe);
      }
      int inNewest = Math.min(CHUNK, (int) NEXT.getAndAdd(newest, CLOSED));
      // Looked at behind the last one that was added: none may be due early.
      closed.add(new Batch(newest, inNewest, nanoClock.getAsLong()));
    }
    return added;
  }
}
