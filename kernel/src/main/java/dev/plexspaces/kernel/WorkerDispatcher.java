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
    before any other user code runs, which might block. After NEXT_MAX runs from `pending` in a row,
    and at each tick of the monitor, the queue gets its turn.
  - Before a worker blocks in one of our operations it gives its slot to a spare worker and finishes
    its turn without one when it wakes up.
  - Foreign blocking (a user's JDBC call) is found by the JDK's scheduler for us. While all slots are
    owned a spare worker stands in its queue, the *rescuer*: it gets to run when a carrier has
    nothing better to do, that is when an owner blocked, and takes the slot. It is sent for when a
    slot looks for work, and before each run while handlers are known to block. After some
    that ran in vain none is sent before the next tick, see RescueBudget. The monitor finds what
    slips through.
  - A worker that lost its slot, and has work when its turn ends, takes the slot of a blocked owner,
    or a free one.
  - Virtual threads are not preempted, so a worker yields when a blocked turn has become ready to go
    on, and at each tick of the monitor, for the virtual threads we do not know.
  - Another slot is woken only where that pays: not while what waits will be run within WAIT_NANOS by
    the slot it waits at, going by its last turns. A wake-up and fetching the messages from another
    core cost more. An estimate that proves wrong is corrected at the next tick.
  - Of the slots only the first ones may run when that gets more done, see SlotLimit.
  - A worker that ran out of work waits a moment for more and lets the machine's other threads go
    first meanwhile, see LingerBudget: what keeps coming wakes nobody. It does where that gets more
    done, see DispatchTrials.
  - Idle: the slot is marked free and its worker parks; nothing polls. The monitor parks when all
    slots are free. */

  /// Actors a slot's queue holds before the shared queue takes over.
  static final int QUEUE_CAPACITY = 1024;

  /// Runs from `pending` in a row before the queue gets its turn.
  static final int NEXT_MAX = 256;

  /// Looks for work of which one begins at the shared queue; a power of two.
  static final int SHARED_EVERY = 16;

  /// Threads that may exist at once, blocked ones included; beyond it actors wait for a thread.
  static final int WORKERS_MAX = 200_000;

  /// Longest expected wait in a slot's queue before another slot is woken for it, nanoseconds.
  static final long WAIT_NANOS = 20_000;

  /// Looks for work between two measurements of how long they take; a power of two.
  private static final int MEASURE_EVERY = 32;

  /// Ticks after a foreign block in which every slot is woken at once.
  private static final int WARY_TICKS = 1_000;

  /// Ticks of work before workers wait for more: a node that starts has better to do than to find
  /// the native call they need for it.
  private static final int LINGER_AFTER_TICKS = 1_000;

  /// Pause of the monitor.
  static final long TICK_NANOS = 1_000_000;

  private static final VarHandle OWNER;
  private static final VarHandle RESCUER;

  /// States of `rescuer`: none stands by, one does, none is wanted before the next tick.
  private static final int ABSENT = 0;

  private static final int STANDING_BY = 1;
  private static final int UNWANTED = 2;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      OWNER = lookup.findVarHandle(Slot.class, "owner", SlotWorker.class);
      RESCUER = lookup.findVarHandle(WorkerDispatcher.class, "rescuer", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Slot[] slots;
  private final ConcurrentLinkedQueue<ActorCell> shared = new ConcurrentLinkedQueue<>();

  /// Bit i is set while slot i has no worker.
  private final AtomicLong free = new AtomicLong();

  /// Bit i is set while slot i may run.
  private volatile long allowed;

  private final DispatchTrials trials;
  private final RescueBudget rescueBudget = new RescueBudget();
  private final LingerBudget lingerBudget = new LingerBudget();

  /// Stack of parked workers. Nodes are never reused, so a compare-and-set cannot be fooled.
  private final AtomicReference<Spare> spares = new AtomicReference<>();

  private final AtomicInteger workers = new AtomicInteger();
  private final Thread monitor;
  private volatile boolean monitorParked;
  private volatile boolean closed;
  private volatile int rescuer;

  /// Ticks left in which handlers are expected to block; racy.
  private int wary;

  /// Workers may wait a moment for work. Set once the node has been at work for some time.
  private volatile boolean mayLinger;

  /// They do, when they may.
  private volatile boolean lingers;

  /// They do whatever trials say; for tests.
  private volatile boolean lingersAlways;

  private record Spare(SlotWorker worker, Spare below) {}

  /// @param parallelism actors that run at once, 1 to 64; normally the number of processors
  WorkerDispatcher(int parallelism) {
    slots = new Slot[Math.clamp(parallelism, 1, 64)];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = new Slot(1L << i);
    }
    trials = new DispatchTrials(slots.length);
    allowed = first(slots.length);
    free.set(allowed);
    monitor = new Thread(this::watch, "plexspaces-monitor");
    monitor.setDaemon(true);
    monitor.start();
  }

  /// The bits of the first `n` slots.
  private static long first(int n) {
    return -1L >>> -n;
  }

  /* What the owner of a slot writes must not share a line of the cache with what the others read for
  each message. Only the order of superclass and subclass is sure, hence four classes. */

  private abstract static class SlotFront {
    final long bit;
    final RunQueue queue = new RunQueue(QUEUE_CAPACITY);
    volatile SlotWorker owner;

    SlotFront(long bit) {
      this.bit = bit;
    }
  }

  @SuppressWarnings("unused")
  private abstract static class SlotBefore extends SlotFront {
    private long p1, p2, p3, p4, p5, p6, p7, p8;

    SlotBefore(long bit) {
      super(bit);
    }
  }

  private abstract static class SlotState extends SlotBefore {
    /// Looks for work so far. Owner only.
    int finds;

    /// [Worker#handled] of those who own it no longer. Racy: for the rate.
    long handled;

    /// Time from one look for work to the next, nanoseconds, lately. Written by the owner, and by
    /// the monitor when the slot does not come on; racy.
    long paceNanos = WAIT_NANOS;

    /// When it was measured. Owner only.
    long measuredNanos;

    /// Set by the monitor each tick and by whoever resumes a turn, cleared by the worker that
    /// yields.
    boolean yieldWanted;

    /// Set by the monitor each tick, cleared by the worker that lets the queue have its turn.
    boolean ticked;

    SlotState(long bit) {
      super(bit);
    }
  }

  @SuppressWarnings("unused")
  private static final class Slot extends SlotState {
    private long q1, q2, q3, q4, q5, q6, q7, q8;

    Slot(long bit) {
      super(bit);
    }
  }

  private final class SlotWorker extends Worker {
    volatile Slot slot;

    /// It waits in [#await], so what it blocks on is ours. Racy: a hint.
    boolean waits;

    /// It was woken to look for a blocked owner.
    volatile boolean rescues;

    /// Runs from `pending` in a row.
    int fromNext;

    /// What of `handled` the slots know of.
    long booked;

    SlotWorker() {
      thread = Thread.ofVirtual().name("plexspaces-worker-" + workers.get()).unstarted(this::loop);
    }

    private void loop() {
      while (!closed) {
        Slot s = slot;
        if (s != null && s.owner == this) {
          work(s);
        } else {
          slot = null;
          if (rescues) {
            rescue();
          } else if (!takeSlot() && !parkAsSpare()) {
            return;
          }
        }
      }
    }

    /// Runs actors until there is none or the slot is lost, but no longer than a tick: a method
    /// that does not return is interpreted for seconds when the compiler takes its code back.
    private void work(Slot s) {
      while (s.owner == this) {
        ActorCell cell = turn.pending;
        if (cell != null) {
          // The slot's own queue first: the others' are in the caches of other cores.
          if (fromNext == NEXT_MAX && s.queue.isEmpty() && (s.bit & allowed) != 0 && !workWaits()) {
            // Nobody waits for a turn: passing the actor on would only wake another slot for it.
            fromNext = 0;
          }
          if (fromNext < NEXT_MAX) {
            turn.pending = null;
            fromNext++;
          } else {
            publish();
            cell = null;
          }
        }
        if (cell == null) {
          fromNext = 0;
          turn.cell = null;
          // Looked at here and not for each pending one: this is the path of a conversation.
          cell = (s.bit & allowed) == 0 ? null : find(s);
          if (cell == null) {
            cell = linger(s);
          }
          if (cell == null) {
            giveUp(s);
            return;
          }
        }
        if ((fromNext == 0 || wary > 0) && rescuer == ABSENT && (free.get() & allowed) == 0) {
          sendRescuer();
        }
        cell.run(this);
        if (s.yieldWanted) {
          s.yieldWanted = false;
          if (s.ticked) {
            s.ticked = false;
            fromNext = NEXT_MAX;
          }
          renewTurn();
          Thread.yield();
          return;
        }
      }
      turn.cell = null;
    }

    /// Takes a young one, see [Turn].
    private void renewTurn() {
      ActorCell ready = turn.pending;
      turn = new Turn(this, null);
      turn.pending = ready;
    }

    /// Waits a moment for work, while the slot still counts as taken: nobody wakes another one.
    ///
    /// @return null when none came
    private ActorCell linger(Slot s) {
      if (!lingers || !lingerBudget.allows()) {
        return null;
      }
      s.measuredNanos = 0;
      long until = System.nanoTime() + LingerBudget.LINGER_NANOS;
      while (s.owner == this && !s.yieldWanted && wary == 0 && (s.bit & allowed) != 0) {
        ProcessorYield.yield();
        ActorCell cell = workWaits() ? find(s) : null;
        if (cell != null) {
          lingerBudget.found();
          return cell;
        }
        if (System.nanoTime() - until >= 0) {
          lingerBudget.inVain();
          break;
        }
      }
      return null;
    }

    private void book(Slot s) {
      s.handled += handled - booked;
      booked = handled;
    }

    private void giveUp(Slot s) {
      book(s);
      s.measuredNanos = 0;
      release(s, this);
      slot = null;
    }

    @Override
    void publish() {
      ActorCell cell = turn.pending;
      turn.pending = null;
      Slot s = slot;
      if (s == null || !s.queue.offer(cell)) {
        shared.add(cell);
      }
      if ((free.get() & allowed) != 0 && (s == null || waitsLong(s))) {
        wakeOne();
      }
    }

    /// A turn that outlived its slot takes another one at once when there is work for it.
    private boolean takeSlot() {
      return (turn.pending != null || workWaits()) && (takeBlocked(this) || claimFree(this));
    }

    private boolean parkAsSpare() {
      if (turn.pending != null) {
        publish();
      }
      Spare top;
      do {
        top = spares.get();
      } while (!spares.compareAndSet(top, new Spare(this, top)));
      if (workWaits()) {
        wakeOne();
      }
      while (slot == null && !rescues) {
        if (closed) {
          return false;
        }
        LockSupport.park(this);
      }
      return true;
    }

    private void rescue() {
      rescues = false;
      if (takeBlocked(this)) {
        rescueBudget.useful();
        rescuer = ABSENT;
      } else {
        rescuer = rescueBudget.inVain() ? ABSENT : UNWANTED;
      }
    }
  }

  private void sendRescuer() {
    if (!RESCUER.compareAndSet(this, ABSENT, STANDING_BY)) {
      return;
    }
    SlotWorker worker = spareWorker();
    if (worker == null) {
      rescuer = UNWANTED;
      return;
    }
    worker.rescues = true;
    wake(worker);
  }

  /// Gives a worker the slot of an owner that is blocked; false when there is none.
  private boolean takeBlocked(SlotWorker worker) {
    for (Slot s : slots) {
      SlotWorker owner = s.owner;
      if (owner != null && blocked(owner) && OWNER.compareAndSet(s, owner, worker)) {
        sawBlock(owner);
        worker.slot = s;
        return true;
      }
    }
    return false;
  }

  /// True when a handler blocks at least one slot. Those just given a slot are about to be woken.
  private boolean handlerBlocks() {
    for (Slot s : slots) {
      SlotWorker owner = s.owner;
      if (owner != null && owner.running() != null && blocked(owner)) {
        return true;
      }
    }
    return false;
  }

  private static boolean blocked(SlotWorker worker) {
    return switch (worker.thread.getState()) {
      case WAITING, TIMED_WAITING, BLOCKED -> true;
      case NEW, RUNNABLE, TERMINATED -> false;
    };
  }

  private void sawBlock(SlotWorker worker) {
    ActorCell cell = worker.running();
    // Without one it was just given the slot and is about to be woken.
    if (cell != null && !worker.waits) {
      wary = WARY_TICKS;
      cell.sawBlock();
    }
  }

  @Override
  public void schedule(ActorCell cell, Worker from) {
    if (from != null && from.turn.pending == null) {
      from.turn.pending = cell;
      return;
    }
    enqueue(cell, from == null ? null : ((SlotWorker) from).slot);
  }

  @Override
  public void reschedule(ActorCell cell, Worker from) {
    Slot s = ((SlotWorker) from).slot;
    if (from.turn.pending == null && (s == null || s.queue.isEmpty())) {
      from.turn.pending = cell;
    } else {
      enqueue(cell, s);
    }
  }

  /// @param slot of the worker that made it ready; null for none
  private void enqueue(ActorCell cell, Slot slot) {
    Slot s = slot == null ? anySlot() : slot;
    if (!s.queue.offer(cell)) {
      shared.add(cell);
    }
    long idle = free.get();
    if ((idle & allowed) != 0 && ((idle & s.bit) != 0 || waitsLong(s))) {
      wakeOne();
    }
  }

  /// A slot for what comes from outside: one that is at work.
  private Slot anySlot() {
    long idle = free.get();
    int start = (int) Thread.currentThread().threadId();
    for (int i = 0; i < slots.length; i++) {
      Slot s = slots[Math.floorMod(start + i, slots.length)];
      if ((idle & s.bit) == 0) {
        return s;
      }
    }
    return slots[Math.floorMod(start, slots.length)];
  }

  private boolean waitsLong(Slot s) {
    return wary > 0 || s.paceNanos * s.queue.size() > WAIT_NANOS;
  }

  @Override
  public void await(Worker worker, Waiter waiter) {
    SlotWorker me = (SlotWorker) worker;
    if (me.turn.pending != null) {
      me.publish();
    }
    me.waits = true;
    Slot s = me.slot;
    me.slot = null;
    if (s != null && OWNER.compareAndSet(s, me, null)) {
      me.book(s);
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
    me.waits = false;
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
      long lowest = Long.lowestOneBit(bits & allowed);
      if (lowest == 0) {
        return null;
      }
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
    SlotWorker worker = spareWorker();
    if (worker == null) {
      free.getAndUpdate(bits -> bits | s.bit);
      return;
    }
    s.owner = worker;
    worker.slot = s;
    wake(worker);
  }

  /// A parked worker or a new one; null when there are too many.
  private SlotWorker spareWorker() {
    while (true) {
      Spare top = spares.get();
      if (top == null) {
        if (workers.incrementAndGet() > WORKERS_MAX) {
          workers.decrementAndGet();
          return null;
        }
        return new SlotWorker();
      }
      if (spares.compareAndSet(top, top.below)) {
        return top.worker;
      }
    }
  }

  private static void wake(SlotWorker worker) {
    if (worker.thread.getState() == Thread.State.NEW) {
      worker.thread.start();
    } else {
      LockSupport.unpark(worker.thread);
    }
  }

  private ActorCell find(Slot own) {
    if ((own.finds & MEASURE_EVERY - 1) == 0) {
      long now = System.nanoTime();
      if (own.measuredNanos != 0) {
        own.paceNanos = (now - own.measuredNanos) / MEASURE_EVERY;
      }
      own.measuredNanos = now;
    }
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
    long[] seen = new long[slots.length];
    SlotWorker[] seenOwner = new SlotWorker[slots.length];
    long handled = 0;
    long at = System.nanoTime();
    int ticks = 0;
    while (!closed) {
      if (Long.bitCount(free.get()) == slots.length) {
        monitorParked = true;
        if (Long.bitCount(free.get()) == slots.length && !closed) {
          LockSupport.park(this);
        }
        monitorParked = false;
      }
      LockSupport.parkNanos(TICK_NANOS);
      for (int i = 0; i < slots.length; i++) {
        Slot s = slots[i];
        SlotWorker owner = s.owner;
        long of = owner == null ? 0 : owner.handled;
        if (owner != null && owner == seenOwner[i] && of == seen[i]) {
          stuck(s, owner);
        }
        seenOwner[i] = owner;
        seen[i] = of;
        s.ticked = true;
        s.yieldWanted = true;
      }
      long now = System.nanoTime();
      long handledNow = handled();
      if (wary > 0) {
        trials.lift();
      } else {
        trials.tick(handledNow - handled, now - at, mayLinger);
      }
      allow(trials.slots());
      lingers = trials.lingers() || lingersAlways && mayLinger;
      handled = handledNow;
      at = now;
      wary = Math.max(0, wary - 1);
      rescueBudget.tick(rescuer == UNWANTED && workWaits() && handlerBlocks());
      RESCUER.compareAndSet(this, UNWANTED, ABSENT);
      lingerBudget.tick();
      if (ticks < LINGER_AFTER_TICKS && ++ticks == LINGER_AFTER_TICKS) {
        Thread.ofPlatform()
            .daemon()
            .name("plexspaces-linger")
            .start(() -> mayLinger = ProcessorYield.possible());
      }
    }
  }

  private long handled() {
    long sum = 0;
    for (Slot s : slots) {
      SlotWorker owner = s.owner;
      sum += s.handled + (owner == null ? 0 : owner.handled - owner.booked);
    }
    return sum;
  }

  /// Lets only the first slots run. For the monitor, and for tests.
  void allow(int count) {
    long bits = first(count);
    if (bits == allowed) {
      return;
    }
    boolean more = Long.bitCount(bits) > Long.bitCount(allowed);
    allowed = bits;
    if (more && workWaits()) {
      wakeOne();
    }
  }

  /// A slot that ran nothing new for a tick.
  private void stuck(Slot s, SlotWorker owner) {
    if (!blocked(owner)) {
      // Computing for long: at least what waits behind it can run elsewhere.
      trials.liftSlots();
      allow(trials.slots());
      s.paceNanos = WAIT_NANOS + 1;
      if (workWaits()) {
        wakeOne();
      }
    } else if (OWNER.compareAndSet(s, owner, null)) {
      sawBlock(owner);
      handOver(s);
    }
  }

  /// Has workers linger whatever trials say. For tests.
  void lingerAlways() {
    lingersAlways = true;
  }

  /// How often a worker that ran out of work got some before it parked. A snapshot, for tests.
  long foundByLingering() {
    return lingerBudget.foundSoFar();
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
