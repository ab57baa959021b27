package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.kernel.time.DeadlineWheel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/// The simulator's dispatcher: handlers stay blocking code on threads of their own, and exactly one
/// thread runs at a time. Which ready actor or resumable turn goes next is the [Script]'s choice,
/// so the same script runs the same way in every JVM. Serves all nodes of a simulated world; a node
/// is made by [#boot] and crashes by [#abandon]. Source: spec/turns section 10.
// What it does for the kernel is said in types of the kernel, which nobody outside can call it
// with.
@SuppressWarnings("exports")
public final class SeededDispatcher implements Dispatcher {

  /* The baton is the right to run. It changes hands only at schedule points: a turn that blocks in
  one of our operations gives it to a spare thread, and whoever runs the loop gives it to the turn
  it resumes. A run that never blocks therefore switches no thread.

  Everything here is touched by the holder of the baton only; the hand-over (`granted`) orders it.
  The thread that called `run` only watches: a turn that blocks in something that is not ours keeps
  the baton forever, and that is how it is found. */

  /// Threads one world may have at once; one more fails the run.
  static final int SEATS_MAX = 20_000;

  /// How often the watch looks, milliseconds.
  private static final long LOOK_MILLIS = 50;

  private final Script script;
  private final List<ActorSystem> live = new ArrayList<>();
  private final List<Step> ready = new ArrayList<>();
  private final List<Seat> blocked = new ArrayList<>();
  private final ArrayDeque<Seat> spares = new ArrayDeque<>();
  private final CountDownLatch finished = new CountDownLatch(1);
  private int seats;

  private volatile Seat holder;
  private volatile long progress;
  private volatile boolean closed;
  private volatile Throwable failure;

  /// What happens in the world, one thing at a time. Called by whichever thread holds the baton.
  public interface Script {

    /// The world did something itself; ask again.
    int AGAIN = -1;

    /// The run is over.
    int OVER = -2;

    /// Chooses what happens next.
    ///
    /// @param ready how many actors and turns could go on; see [SeededDispatcher#describe]
    /// @return the index of the one to run, 0 to `ready` - 1; or [#AGAIN]; or [#OVER]
    int next(int ready);
  }

  /// What could run: an actor to start on a free thread, or the thread of a blocked turn.
  private record Step(ActorCell cell, Seat seat) {
    ActorSystem system() {
      return seat == null ? cell.system() : seat.system;
    }
  }

  /// Thrown into the turns of a crashed node. Not an exception that handlers catch.
  private static final class Crashed extends Error {
    private static final long serialVersionUID = 1;

    Crashed() {
      super("the node of this turn crashed", null, false, false);
    }
  }

  /// A thread with its turn.
  private final class Seat extends Worker {
    private volatile boolean granted;

    // While it is blocked.
    private Waiter waiter;
    private ActorSystem system;

    /// Who gets the baton back once this turn has unwound; null unless its node crashed.
    private Seat unwindFor;

    Seat() {
      if (++seats > SEATS_MAX) {
        throw new IllegalStateException(
            "simulation: more than " + SEATS_MAX + " turns are blocked at once");
      }
      thread = Thread.ofVirtual().name("plexspaces-sim-" + seats).unstarted(this::live);
      thread.start();
    }

    @Override
    void publish() {
      // Nothing is ever pending: schedule() makes every actor ready at once.
    }

    private void live() {
      awaitBaton();
      Throwable thrown = null;
      try {
        loop(this);
      } catch (Throwable e) {
        thrown = e;
      }
      if (holder == this) {
        List.copyOf(live).forEach(SeededDispatcher.this::abandon);
        finish(thrown);
      }
    }

    void awaitBaton() {
      boolean interrupted = false;
      while (!granted) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
        if (closed) {
          break;
        }
      }
      granted = false;
      if (interrupted) {
        thread.interrupt();
      }
    }
  }

  /// A place where a simulated port blocks the turn that called it, such as a store's read.
  public final class Pause implements Waiter {
    private boolean done;
    private Thread waiting;

    /// A pause nobody waits in yet.
    public Pause() {}

    /// Blocks the calling turn until [#release]; returns at once when that has happened.
    ///
    /// @throws IllegalStateException when no turn is running
    public void await() {
      Seat me = holder;
      if (me == null || me.running() == null || me.thread != Thread.currentThread()) {
        throw new IllegalStateException("simulation: only a turn may block in a port");
      }
      SeededDispatcher.this.await(me, this);
    }

    /// Lets the turn go on.
    public void release() {
      done = true;
      resume(this);
    }

    @Override
    public boolean ready() {
      return done;
    }

    @Override
    public Thread waitingThread() {
      return waiting;
    }

    @Override
    public void waitingThread(Thread thread) {
      waiting = thread;
    }
  }

  public SeededDispatcher(Script script) {
    this.script = script;
  }

  // ---- for the owner of the world

  /// Runs the script to its end.
  ///
  /// @param blocking how long a handler may block in something that is not a port of the world
  /// @param computing how long one step may compute
  /// @throws IllegalStateException when a handler does either for longer, naming the actor; what
  ///   the script or the kernel threw is thrown as it is
  public void run(Duration blocking, Duration computing) {
    pass(new Seat());
    try {
      long seen = -1;
      long stillNanos = 0;
      while (!finished.await(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
        stillNanos = progress == seen ? stillNanos + TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS) : 0;
        seen = progress;
        judge(stillNanos, blocking, computing);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      finish(new IllegalStateException("simulation: interrupted", e));
    }
    switch (failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException("simulation: failed", e);
    }
  }

  private void judge(long stillNanos, Duration blocking, Duration computing) {
    Seat seat = holder;
    if (seat == null || stillNanos < Math.min(blocking.toNanos(), computing.toNanos())) {
      return;
    }
    Thread.State state = seat.thread.getState();
    boolean blocks =
        state == Thread.State.WAITING
            || state == Thread.State.TIMED_WAITING
            || state == Thread.State.BLOCKED;
    if (stillNanos < (blocks ? blocking : computing).toNanos()) {
      return;
    }
    ActorCell cell = seat.running();
    String stack =
        Arrays.stream(seat.thread.getStackTrace())
            .map(frame -> "\n    at " + frame)
            .collect(Collectors.joining());
    finish(
        new IllegalStateException(
            "simulation: "
                + (cell == null ? "the world" : "a handler of " + cell)
                + (blocks
                    ? " blocks in something the simulator does not control; wait through the"
                        + " actor's context or a port instead"
                    : " computes without end")
                + stack));
    // After the verdict: what the handler does when it is interrupted is no part of the run.
    seat.thread.interrupt();
  }

  /// Makes a node. Its deadline wheel is advanced by the script, while nothing else runs.
  ///
  /// @param wheel one stripe, the same clock
  /// @param secret see [ActorSystem.Options]
  public ActorSystem boot(
      Clock clock, RandomGenerator entropy, Store store, DeadlineWheel wheel, long secret) {
    ActorSystem system =
        new ActorSystem(clock, entropy, store, this, wheel, new ActorSystem.Options(1, secret));
    live.add(system);
    return system;
  }

  /// Crashes a node: none of its turns goes on, nothing it still does is visible. Called by the
  /// script; the caller makes the node's other ports deaf before.
  public void abandon(ActorSystem system) {
    Seat me = holder;
    live.remove(system);
    List<Seat> turns = new ArrayList<>();
    for (Step step : ready) {
      if (step.seat != null && step.seat.system == system) {
        turns.add(step.seat);
      }
    }
    ready.removeIf(step -> step.system() == system);
    blocked.stream().filter(seat -> seat.system == system).forEach(turns::add);
    blocked.removeIf(seat -> seat.system == system);
    // Killed cells take no further message, so unwinding runs no handler to its end.
    system.cells().forEach(ActorCell::kill);
    turns.forEach(seat -> unwind(seat, me));
  }

  private void unwind(Seat seat, Seat me) {
    seat.unwindFor = me;
    pass(seat);
    me.awaitBaton();
  }

  /// A name of the `index`th ready actor or turn, for traces.
  public String describe(int index) {
    Step step = ready.get(index);
    return step.seat == null ? "run " + step.cell : "resume " + step.seat.running();
  }

  /// Turns that are blocked and cannot go on yet.
  public List<String> blockedTurns() {
    return blocked.stream().map(seat -> seat.running().toString()).toList();
  }

  /// How many actors and turns could go on.
  public int readyCount() {
    return ready.size();
  }

  // ---- the baton

  private void pass(Seat to) {
    holder = to;
    to.granted = true;
    LockSupport.unpark(to.thread);
  }

  private void loop(Seat me) {
    while (!closed) {
      progress++;
      int choice = script.next(ready.size());
      if (choice == Script.OVER) {
        return;
      }
      if (choice == Script.AGAIN) {
        continue;
      }
      Step step = ready.remove(choice);
      if (step.seat != null) {
        spares.push(me);
        pass(step.seat);
        me.awaitBaton();
        continue;
      }
      try {
        step.cell.run(me);
        me.turn.cell = null;
      } catch (Crashed crashed) {
        if (me.unwindFor == null) {
          throw crashed;
        }
        me.turn = new Turn(me, null);
      }
      Seat back = me.unwindFor;
      if (back != null) {
        me.unwindFor = null;
        Thread.interrupted();
        spares.push(me);
        pass(back);
        me.awaitBaton();
      }
    }
  }

  private synchronized void finish(Throwable why) {
    if (closed) {
      return;
    }
    failure = why;
    closed = true;
    spares.forEach(seat -> LockSupport.unpark(seat.thread));
    finished.countDown();
  }

  // ---- Dispatcher

  @Override
  public void schedule(ActorCell cell, Worker from) {
    if (live.contains(cell.system())) {
      ready.add(new Step(cell, null));
    }
  }

  @Override
  public void reschedule(ActorCell cell, Worker from) {
    schedule(cell, from);
  }

  @Override
  public void await(Worker worker, Waiter waiter) {
    Seat me = (Seat) worker;
    if (me.unwindFor != null || closed) {
      throw new Crashed();
    }
    if (waiter.ready()) {
      return;
    }
    waiter.waitingThread(me.thread);
    me.waiter = waiter;
    me.system = me.running().system();
    blocked.add(me);
    Seat next = spares.isEmpty() ? new Seat() : spares.pop();
    progress++;
    pass(next);
    me.awaitBaton();
    me.waiter = null;
    if (me.unwindFor != null || closed) {
      throw new Crashed();
    }
  }

  @Override
  public void resume(Waiter waiter) {
    for (int i = 0; i < blocked.size(); i++) {
      Seat seat = blocked.get(i);
      if (seat.waiter == waiter) {
        blocked.remove(i);
        ready.add(new Step(null, seat));
        return;
      }
    }
  }

  @Override
  public void close() {
    // Belongs to the world, not to one node; ends when the script does.
  }
}
