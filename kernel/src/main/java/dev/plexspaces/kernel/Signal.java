package dev.plexspaces.kernel;

/// Something one turn waits for that happens once.
class Signal implements Dispatcher.Waiter {

  private final Dispatcher dispatcher;
  private volatile boolean raised;
  private volatile Thread thread;

  Signal(Dispatcher dispatcher) {
    this.dispatcher = dispatcher;
  }

  /// It happened. What was written before is seen by the turn.
  final void raise() {
    raised = true;
    dispatcher.resume(this);
  }

  @Override
  public final boolean ready() {
    return raised;
  }

  @Override
  public final Thread waitingThread() {
    return thread;
  }

  @Override
  public final void waitingThread(Thread waiting) {
    thread = waiting;
  }
}
