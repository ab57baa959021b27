package dev.plexspaces.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/// The production dispatcher: a few worker virtual threads loop over run queues; handlers may
/// block.
final class WorkerDispatcher implements Dispatcher {

  /* A *slot* is the right to run actors, with a run queue; there are as many as processors. A
  *worker* is a virtual thread; it runs actors while it owns a slot. (Go's scheduler calls them P and
  M.) Every queue is safe for any thread, so ownership is only a matter of speed, never of
  correctness: a worker that lost its slot while it was blocked may still push to it.

  - The first actor made ready by a turn becomes the worker's `pending` one and runs when the turn
    ends: a conversation stays on one core and costs no atomic instruction. The others go to the
    slot's queue, where idle slots steal. `pending` is private to its thread, so it is published
    before any other user code runs, which might block. After NEXT_MAX runs from `pending` in a row
    the queue gets its turn.
  - Before a worker blocks in one of our operations it gives its slot to a spare worker and finishes
    its turn without one when it wakes up.
  - Foreign blocking (a user's JDBC call) is found by the monitor: a slot that has not moved for a
    tick and whose thread is not runnable is taken away and given to a spare. A type whose handlers
    were seen blocking gives its slot away before it runs, until it has behaved for a while.
  - Virtual threads are not preempted, so a worker yields when a blocked turn has become ready to go
    on, and at each tick of the monitor, for the virtual threads we do not know.
  - Idle: the slot is marked free and its worker parks; nothing polls. The monitor parks when all
    slots are free. */

  /// Actors a slot's queue holds before the shared queue takes over.
  static final int QUEUE_CAPACITY = 1024;

  /// Runs from `pending` in a row before the queue gets its turn.
  static final int NEXT_MAX = 64;

  /// Looks for work of which one begins at the shared queue; a power of two.
  static final int SHARED_EVERY = 16;

  /// Threads that may exist at once, blocked ones included; beyond it actors wait for a thread.
  static final int WORKERS_MAX = 200_000;

  /// Longest and shortest pause of the monitor.
  static final long TICK_MAX_NANOS = 1_000_000;

  static final long TICK_MIN_NANOS = 50_000;

  private static final VarHandle OWNER;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      OWNER = lookup.findVarHandle(Slot.class, "owner", SlotWorker.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Slot[] slots;
  private final ConcurrentLinkedQueue<ActorCell> shared = new ConcurrentLinkedQueue<>();

  /// Bit i is set while slot i has no worker.
  private final AtomicLong free = new AtomicLong();

  /// Stack of parked workers. Nodes are never reused, so a compare-and-set cannot be fooled.
  private final AtomicReference<Spare> spares = new AtomicReference<>();

  private final AtomicInteger workers = new AtomicInteger();
  private final Thread monitor;
  private volatile boolean monitorParked;
  private volatile boolean closed;

  private record Spare(SlotWorker worker, Spare below) {}

  /// @param parallelism actors that run at once, 1 to 64; normally the number of processors
  WorkerDispatcher(int parallelism) {
    slots = new Slot[Math.clamp(parallelism, 1, 64)];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = new Slot(1L << i);
    }
    free.set(slots.length == 64 ? -1L : (1L << slots.length) - 1);
    monitor = new Thread(this::watch, "plexspaces-monitor");
    monitor.setDaemon(true);
    monitor.start();
  }

  private static final class Slot {
    final long bit;
    final RunQueue queue = new RunQueue(QUEUE_CAPACITY);
    volatile SlotWorker owner;

    /// Looks for work so far. Owner only.
    int finds;

    /// Actors run so far; read by the monitor without ordering.
    long runs;

    /// Set by the monitor each tick, cleared by the worker that yields.
    boolean yieldWanted;

    Slot(long bit) {
      this.bit = bit;
    }
  }

  private final class SlotWorker extends Worker {
    volatile Slot slot;

    SlotWorker(Slot slot) {
      this.slot = slot;
      thread = Thread.ofVirtual().name("plexspaces-worker-" + workers.get()).unstarted(this::loop);
    }

    private void loop() {
      int fromNext = 0;
      while (!closed) {
        Slot s = slot;
        if (s == null || s.owner != this) {
          slot = null;
          if (!parkAsSpare()) {
            return;
          }
          continue;
        }
        ActorCell cell = pending;
        if (cell != null) {
          if (fromNext == NEXT_MAX && !workWaits()) {
            // Nobody waits for a turn: passing the actor on would only wake another slot for it.
            fromNext = 0;
          }
          if (fromNext < NEXT_MAX) {
            pending = null;
            fromNext++;
          } else {
            publish();
            cell = null;
          }
        }
        if (cell == null) {
          fromNext = 0;
          cell = find(s);
          if (cell == null) {
            release(s, this);
            slot = null;
            continue;
          }
        }
        s.runs++;
        if (cell.blocksForeign() && OWNER.compareAndSet(s, this, null)) {
          slot = null;
          handOver(s);
        }
        running = cell;
        cell.run(this);
        running = null;
        if (s.yieldWanted) {
          s.yieldWanted = false;
          Thread.yield();
        }
      }
    }

    @Override
    void publish() {
      ActorCell cell = pending;
      pending = null;
      Slot s = slot;
      if (s == null || !s.queue.offer(cell)) {
        shared.add(cell);
      }
      if (free.get() != 0) {
        wakeOne();
      }
    }

    private boolean parkAsSpare() {
      if (pending != null) {
        publish();
      }
      // A turn that outlived its slot takes a free one at once when there is work for it.
      if (workWaits() && claimFree(this)) {
        return true;
      }
      Spare top;
      do {
        top = spares.get();
      } while (!spares.compareAndSet(top, new Spare(this, top)));
      if (workWaits()) {
        wakeOne();
      }
      while (slot == null) {
        if (closed) {
          return false;
        }
        LockSupport.park(this);
      }
      return true;
    }
  }

  @Override
  public void schedule(ActorCell cell, Worker from) {
    SlotWorker worker = (SlotWorker) from;
    Slot s = worker == null ? null : worker.slot;
    if (s == null) {
      shared.add(cell);
    } else if (worker.pending == null) {
      worker.pending = cell;
      return;
    } else if (!s.queue.offer(cell)) {
      shared.add(cell);
    }
    if (free.get() != 0) {
      wakeOne();
    }
  }

  @Override
  public void await(Worker worker, Waiter waiter) {
    SlotWorker me = (SlotWorker) worker;
    if (me.pending != null) {
      me.publish();
    }
    Slot s = me.slot;
    me.slot = null;
    if (s != null && OWNER.compareAndSet(s, me, null)) {
      handOver(s);
    }
    waiter.waitingThread(me.thread);
    boolean interrupted = false;
    while (!waiter.ready()) {
      LockSupport.park(waiter);
      interrupted |= Thread.interrupted();
    }
    if (interrupted) {
      me.thread.interrupt();
    }
    if (me.slot == null) {
      claimFree(me);
    }
  }

  @Override
  public void resume(Waiter waiter) {
    Thread thread = waiter.waitingThread();
    if (thread != null) {
      LockSupport.unpark(thread);
      for (Slot s : slots) {
        s.yieldWanted = true;
      }
    }
  }

  /// Gives a slot nobody owns to a spare, or marks it free when there is nothing to do.
  private void handOver(Slot s) {
    if (workWaits()) {
      assign(s);
    } else {
      markFree(s);
    }
  }

  private void release(Slot s, SlotWorker owner) {
    if (OWNER.compareAndSet(s, owner, null)) {
      markFree(s);
    }
  }

  private void markFree(Slot s) {
    free.getAndUpdate(bits -> bits | s.bit);
    // Somebody may have made an actor ready after the last look and before the bit was set.
    if (workWaits()) {
      wakeOne();
    }
  }

  private boolean claimFree(SlotWorker worker) {
    Slot s = takeFree();
    if (s == null) {
      return false;
    }
    worker.slot = s;
    s.owner = worker;
    wakeMonitor();
    return true;
  }

  /// Called after a slot was taken: its actor may block at once.
  private void wakeMonitor() {
    if (monitorParked) {
      LockSupport.unpark(monitor);
    }
  }

  private Slot takeFree() {
    while (true) {
      long bits = free.get();
      if (bits == 0) {
        return null;
      }
      long lowest = Long.lowestOneBit(bits);
      if (free.compareAndSet(bits, bits & ~lowest)) {
        return slots[Long.numberOfTrailingZeros(lowest)];
      }
    }
  }

  private void wakeOne() {
    Slot s = takeFree();
    if (s != null) {
      assign(s);
      wakeMonitor();
    }
  }

  private void assign(Slot s) {
    while (true) {
      Spare top = spares.get();
      if (top == null) {
        if (workers.incrementAndGet() > WORKERS_MAX) {
          workers.decrementAndGet();
          free.getAndUpdate(bits -> bits | s.bit);
          return;
        }
        SlotWorker worker = new SlotWorker(s);
        s.owner = worker;
        worker.thread.start();
        return;
      }
      if (spares.compareAndSet(top, top.below)) {
        SlotWorker worker = top.worker;
        s.owner = worker;
        worker.slot = s;
        LockSupport.unpark(worker.thread);
        return;
      }
    }
  }

  private ActorCell find(Slot own) {
    // Actors that keep a slot supplied must not shut out those made ready from outside for ever.
    ActorCell cell = (++own.finds & SHARED_EVERY - 1) == 0 ? shared.poll() : null;
    if (cell == null) {
      cell = own.queue.poll();
    }
    if (cell == null) {
      cell = shared.poll();
    }
    for (int i = 0; cell == null && i < slots.length; i++) {
      if (slots[i] != own) {
        cell = slots[i].queue.poll();
      }
    }
    return cell;
  }

  private boolean workWaits() {
    if (!shared.isEmpty()) {
      return true;
    }
    for (Slot s : slots) {
      if (!s.queue.isEmpty()) {
        return true;
      }
    }
    return false;
  }

  // ---- the monitor: one platform thread, asleep while the node is idle

  private void watch() {
    long pause = TICK_MAX_NANOS;
    long[] seen = new long[slots.length];
    SlotWorker[] seenOwner = new SlotWorker[slots.length];
    while (!closed) {
      if (Long.bitCount(free.get()) == slots.length) {
        monitorParked = true;
        if (Long.bitCount(free.get()) == slots.length && !closed) {
          LockSupport.park(this);
        }
        monitorParked = false;
      }
      LockSupport.parkNanos(pause);
      boolean foundBlocked = false;
      for (int i = 0; i < slots.length; i++) {
        Slot s = slots[i];
        SlotWorker owner = s.owner;
        if (owner != null && owner == seenOwner[i] && s.runs == seen[i]) {
          foundBlocked |= rescue(s, owner);
        }
        seenOwner[i] = owner;
        seen[i] = s.runs;
        s.yieldWanted = true;
      }
      pause = foundBlocked ? TICK_MIN_NANOS : Math.min(TICK_MAX_NANOS, pause + pause / 4);
    }
  }

  private boolean rescue(Slot s, SlotWorker owner) {
    switch (owner.thread.getState()) {
      case WAITING, TIMED_WAITING, BLOCKED -> {
        if (OWNER.compareAndSet(s, owner, null)) {
          ActorCell cell = owner.running;
          if (cell != null) {
            cell.sawBlock();
          }
          handOver(s);
          return true;
        }
      }
      default -> {
        // Computing for long: at least what waits behind it can run elsewhere.
        if (workWaits()) {
          wakeOne();
        }
      }
    }
    return false;
  }

  /// True while no actor runs and none waits to. A snapshot, for tests.
  boolean idle() {
    return Long.bitCount(free.get()) == slots.length && !workWaits();
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(monitor);
    for (Spare spare = spares.getAndSet(null); spare != null; spare = spare.below) {
      LockSupport.unpark(spare.worker.thread);
    }
  }
}
