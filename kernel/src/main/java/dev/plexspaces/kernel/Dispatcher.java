package dev.plexspaces.kernel;

/// Decides which ready actor runs on which thread, and blocks and resumes those threads. Two
/// implementations: [WorkerDispatcher] in production, the seeded one of the simulator.
interface Dispatcher extends AutoCloseable {

  /// Runs `cell` soon. Called once per claim; the cell stays claimed until its run ends.
  ///
  /// @param from the worker whose turn made it ready; null when called from outside
  void schedule(ActorCell cell, Worker from);

  /// Runs `cell` again, behind those that wait already; it was run by `from` and is not done.
  void reschedule(ActorCell cell, Worker from);

  /// Blocks the calling turn until `waiter` is done. Other actors go on.
  void await(Worker worker, Waiter waiter);

  /// Resumes the turn blocked on `waiter`, which is done now.
  void resume(Waiter waiter);

  @Override
  void close();

  /// A thread that runs turns, with the buffer of the turn it runs.
  abstract class Worker {

    /// The innermost turn of this thread. Others look at it without ordering.
    Turn turn = new Turn(this, null);

    /// Messages and batches of system messages handled so far; the monitor reads it without
    /// ordering.
    long handled;

    /// The turn sent to somebody who is behind.
    boolean makesWay;

    /// The thread; a turn's context refuses calls from any other.
    Thread thread;

    /// Makes [Turn#pending] visible to other threads; called before any user code runs while it is
    /// set.
    abstract void publish();

    /// The innermost cell this thread runs; null for none.
    ActorCell running() {
      return turn.cell;
    }
  }

  /// Something one blocked turn waits for.
  interface Waiter {
    boolean ready();

    /// The blocked thread, set before [#ready] is checked for the last time.
    Thread waitingThread();

    void waitingThread(Thread thread);
  }
}
