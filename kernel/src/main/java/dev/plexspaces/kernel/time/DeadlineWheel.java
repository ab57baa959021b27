package dev.plexspaces.kernel.time;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Fires [Deadline]s: never early, at most about two [#TICK_NANOS] late, and for next to nothing
/// when they are done in time, which is what happens to nearly all of them.
///
/// [#add] may be called by any thread. Everything else belongs to one thread: the one made by
/// [#start], or, without that, whoever calls [#advance] (the simulator, tests).
///
/// Memory: besides those not done yet, done ones for at most a tick or, if they were not done at
/// their first tick, until they make up half of the queue (estimated from a sample) or are due. How
/// many may wait is bounded by whoever adds them.
public final class DeadlineWheel implements AutoCloseable {

  /*
   * Adding pushes onto one of a few stacks, linked through the deadlines themselves; which one
   * depends on the thread. Each tick takes all stacks over, forgets what is done already, and only
   * the rest pays for a place in a queue ordered by time.
   *
   * The sweeper ticks while something is added from time to time. After QUIET_TICKS without, it
   * sleeps until the next deadline is due, or for good when there is none, and then the next push
   * wakes it. So a busy node never pays for a wake-up and an idle one never wakes.
   *
   * Asks are many, far from due and done at once: see PatientDeadlines.
   *
   * No wake-up is lost: the sweeper sets `asleep` and then looks at the stacks once more; a push
   * happens before the same thread looks at `asleep`. Only a push onto an empty stack needs to
   * look: whoever pushed what is below it has looked, or the sweeper has seen that.
   */

  /// Time between two looks at what was added, nanoseconds.
  public static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /// Ticks without anything added before the sweeper sleeps longer than a tick.
  static final int QUIET_TICKS = 10;

  /// Stacks of a wheel with a thread of its own. A power of two; more than a few gain nothing while
  /// each of them is looked at each tick.
  static final int STRIPES = 8;

  /// Deadlines due within this many ticks go to the queue at once.
  private static final int YOUNG_TICKS = 4;

  /// Shortest time to a deadline for [#addPatient], nanoseconds.
  public static final long PATIENT_NANOS = 10 * TICK_NANOS;

  /// Queue entries looked at each tick to estimate how many are done.
  static final int SAMPLE = 64;

  /// Array slots per stack, so that two stacks never share a cache line (of 64 bytes, with
  /// references of 4).
  private static final int STRIDE = 16;

  /// Length of an empty queue's array.
  private static final int QUEUE_MIN = 64;

  /// Longest wait of [#close] for the sweeper, milliseconds.
  private static final long CLOSE_WAIT_MILLIS = 1_000;

  private static final VarHandle HEADS = MethodHandles.arrayElementVarHandle(Deadline[].class);
  private static final Logger LOG = LoggerFactory.getLogger(DeadlineWheel.class);

  private final LongSupplier nanoClock;
  private final Deadline[] heads;
  private final PatientDeadlines patient;
  private final int stripeMask;
  private final Runnable sleepHook;

  private volatile boolean asleep;
  private volatile boolean closed;
  private volatile Thread sweeper;

  /// A binary heap, the earliest first. Not a [java.util.PriorityQueue], which cannot be sampled
  /// evenly.
  private Deadline[] queue = new Deadline[QUEUE_MIN];

  private int size;
  private long ticks;

  /// Added at the last tick and not done then.
  private Deadline[] young = new Deadline[QUEUE_MIN];

  private int youngSize;
  private int sampleOffset;

  /// @param nanoClock [Clock#nanoTime]
  public DeadlineWheel(LongSupplier nanoClock) {
    this(nanoClock, STRIPES);
  }

  /// @param stripes number of stacks, a power of two up to 64; 1 makes equal deadlines fire in the
  ///   order they were added, as a simulator needs
  /// @throws IllegalArgumentException for other numbers of stripes
  public DeadlineWheel(LongSupplier nanoClock, int stripes) {
    this(nanoClock, stripes, () -> {});
  }

  /// @param sleepHook run by the sweeper where a push could be missed: before it sets `asleep`,
  ///   before its last look at the stacks, and between that and its sleep
  DeadlineWheel(LongSupplier nanoClock, int stripes, Runnable sleepHook) {
    if (stripes < 1 || stripes > 64 || Integer.bitCount(stripes) != 1) {
      throw new IllegalArgumentException("stripes: must be a power of two up to 64");
    }
    this.nanoClock = nanoClock;
    this.heads = new Deadline[stripes * STRIDE];
    this.patient = new PatientDeadlines(stripes);
    this.stripeMask = stripes - 1;
    this.sleepHook = sleepHook;
  }

  /// Starts the sweeper, on one thread made by `factory`: a daemon platform thread.
  ///
  /// @throws IllegalStateException when it was started or closed before
  public synchronized void start(ThreadFactory factory) {
    if (sweeper != null || closed) {
      throw new IllegalStateException("deadline wheel: was started or closed before");
    }
    Thread thread = factory.newThread(this::sweep);
    sweeper = thread;
    thread.start();
  }

  /// Hands over a deadline; never blocks, and allocates only when its time counts from now. After
  /// [#close] it never fires.
  ///
  /// @param deadline one that was never added before
  public void add(Deadline deadline) {
    Deadline fixed = deadline.relative ? deadline.from(nanoClock.getAsLong()) : deadline;
    int index = ((int) Thread.currentThread().threadId() & stripeMask) * STRIDE;
    Deadline head;
    do {
      head = (Deadline) HEADS.getVolatile(heads, index);
      fixed.next = head;
    } while (!HEADS.compareAndSet(heads, index, head, fixed));
    if (head == null && asleep) {
      LockSupport.unpark(sweeper);
    }
  }

  /// Like [#add], for a deadline that is [#PATIENT_NANOS] away or more and will most likely be done
  /// long before: whoever makes it done must call [Deadline#countDone] then. Where its time counts
  /// from when it is added it may fire one more [#TICK_NANOS] late.
  ///
  /// @param deadline one that was never added before
  public void addPatient(Deadline deadline) {
    if (sweeper == null) {
      // Without a thread of its own the wheel fires exactly when it is told to.
      add(deadline);
    } else if (patient.add(deadline) && asleep) {
      LockSupport.unpark(sweeper);
    }
  }

  /// Fires what is due at `nowNanos`, earliest first; deadlines added meanwhile are for the next
  /// call.
  ///
  /// @return how many fired
  /// @throws IllegalStateException when the wheel has a thread and the caller is another one
  public int advance(long nowNanos) {
    requireOwner();
    drain();
    promoteYoung();
    return fire(nowNanos);
  }

  /// When the earliest deadline not done is due, on the scale of [Clock#nanoTime]; empty when there
  /// is none.
  ///
  /// @throws IllegalStateException when the wheel has a thread and the caller is another one
  public OptionalLong nextDueNanos() {
    requireOwner();
    drain();
    promoteYoung();
    dropDoneFirst();
    return size == 0 ? OptionalLong.empty() : OptionalLong.of(queue[0].nanos);
  }

  /// Deadlines in the queue, done ones not yet dropped included, those added since the last tick
  /// not; exact for the owner, an estimate for other threads.
  public int queued() {
    return size + youngSize;
  }

  /// Ends the sweeper, waiting for it at most a second. What has not fired never will.
  @Override
  public void close() {
    Thread thread;
    synchronized (this) {
      closed = true;
      thread = sweeper;
    }
    if (thread == null || thread == Thread.currentThread()) {
      return;
    }
    LockSupport.unpark(thread);
    try {
      thread.join(CLOSE_WAIT_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void requireOwner() {
    Thread owner = sweeper;
    if (owner != null && owner != Thread.currentThread()) {
      throw new IllegalStateException("deadline wheel: it has a thread of its own");
    }
  }

  // The sweeper.

  private void sweep() {
    int quietTicks = 0;
    while (!closed) {
      quietTicks = drain() ? 0 : quietTicks + 1;
      fire(nanoClock.getAsLong());
      if (quietTicks < QUIET_TICKS) {
        LockSupport.parkNanos(this, TICK_NANOS);
      } else {
        quietTicks = QUIET_TICKS;
        sleep();
      }
    }
  }

  private void sleep() {
    promoteYoung();
    dropDoneFirst();
    sleepHook.run();
    asleep = true;
    sleepHook.run();
    if (nothingAdded() && !closed) {
      sleepHook.run();
      if (size == 0) {
        LockSupport.park(this);
      } else {
        long nanos = queue[0].nanos - nanoClock.getAsLong();
        LockSupport.parkNanos(this, Math.max(nanos, TICK_NANOS));
      }
    }
    asleep = false;
  }

  private boolean nothingAdded() {
    for (int i = 0; i < heads.length; i += STRIDE) {
      if (HEADS.getVolatile(heads, i) != null) {
        return false;
      }
    }
    return patient.isEmpty();
  }

  // The tick.

  /// Moves what was added and is not done to the queue.
  ///
  /// @return true when anything was added, done or not
  private boolean drain() {
    promoteYoung();
    ticks++;
    long nowNanos = nanoClock.getAsLong();
    boolean added = patient.tick(nanoClock, this::keepPatient);
    for (int i = 0; i < heads.length; i += STRIDE) {
      if (HEADS.getVolatile(heads, i) == null) {
        continue;
      }
      added = true;
      Deadline deadline = (Deadline) HEADS.getAndSet(heads, i, (Deadline) null);
      // Newest first, and most are done already: those are not even unlinked.
      for (long age = 0; deadline != null; age++) {
        Deadline next = deadline.next;
        if (!deadline.done()) {
          deadline.next = null;
          deadline.order = (ticks << 32) - age;
          keep(deadline, nowNanos);
        }
        deadline = next;
      }
    }
    return added;
  }

  /// What is not done yet but far from due is likely done at the next tick, so it waits for that
  /// outside of the queue.
  private void keep(Deadline deadline, long nowNanos) {
    if (deadline.nanos - nowNanos < YOUNG_TICKS * TICK_NANOS) {
      push(deadline);
      return;
    }
    if (youngSize == young.length) {
      young = Arrays.copyOf(young, youngSize * 2);
    }
    young[youngSize++] = deadline;
  }

  private void keepPatient(Deadline deadline) {
    deadline.order = ticks << 32;
    push(deadline);
  }

  private void promoteYoung() {
    for (int i = 0; i < youngSize; i++) {
      if (!young[i].done()) {
        push(young[i]);
      }
      young[i] = null;
    }
    youngSize = 0;
  }

  private int fire(long nowNanos) {
    int fired = 0;
    while (size > 0 && queue[0].nanos - nowNanos <= 0) {
      Deadline deadline = pop();
      if (!deadline.done()) {
        fired++;
        expire(deadline);
      }
    }
    if (mostlyDone()) {
      dropDone();
    }
    return fired;
  }

  private static void expire(Deadline deadline) {
    try {
      deadline.expired();
    } catch (Throwable e) {
      // One bad deadline must not take the timeouts of the whole node with it.
      LOG.error("deadline: expired() failed; this is a bug of {}", deadline.getClass(), e);
    }
  }

  // The queue.

  private boolean mostlyDone() {
    if (size == 0) {
      return false;
    }
    int stride = Math.max(1, size / SAMPLE);
    sampleOffset = (sampleOffset + 1) % stride;
    int seen = 0;
    int done = 0;
    for (int i = sampleOffset; i < size; i += stride) {
      seen++;
      done += queue[i].done() ? 1 : 0;
    }
    return done * 2 > seen;
  }

  private void dropDone() {
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (!queue[i].done()) {
        queue[kept++] = queue[i];
      }
    }
    Arrays.fill(queue, kept, size, null);
    size = kept;
    if (size < queue.length / 4) {
      queue = Arrays.copyOf(queue, Math.max(QUEUE_MIN, size * 2));
    }
    for (int i = size / 2 - 1; i >= 0; i--) {
      siftDown(i, queue[i]);
    }
  }

  private void dropDoneFirst() {
    while (size > 0 && queue[0].done()) {
      pop();
    }
  }

  private void push(Deadline deadline) {
    if (size == queue.length) {
      queue = Arrays.copyOf(queue, size * 2);
    }
    int i = size++;
    while (i > 0) {
      int parent = (i - 1) >>> 1;
      if (!before(deadline, queue[parent])) {
        break;
      }
      queue[i] = queue[parent];
      i = parent;
    }
    queue[i] = deadline;
  }

  private Deadline pop() {
    Deadline first = queue[0];
    Deadline last = queue[--size];
    queue[size] = null;
    if (size > 0) {
      siftDown(0, last);
    }
    return first;
  }

  private void siftDown(int i, Deadline deadline) {
    int half = size >>> 1;
    while (i < half) {
      int child = 2 * i + 1;
      if (child + 1 < size && before(queue[child + 1], queue[child])) {
        child++;
      }
      if (!before(queue[child], deadline)) {
        break;
      }
      queue[i] = queue[child];
      i = child;
    }
    queue[i] = deadline;
  }

  /// By difference, because the clock's origin is arbitrary and its values may wrap.
  private static boolean before(Deadline one, Deadline other) {
    long difference = one.nanos - other.nanos;
    return difference < 0 || (difference == 0 && one.order < other.order);
  }
}
