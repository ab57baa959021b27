package dev.plexspaces.kernel;

import dev.plexspaces.kernel.time.Deadline;

/// A turn that waits for others to make way, no longer than to a deadline: for room in a mailbox,
/// or for a key.
final class TimedWait extends Deadline implements Dispatcher.Waiter {

  private final ActorCell waiter;
  private volatile boolean over;
  private volatile Thread thread;

  TimedWait(long dueNanos, ActorCell waiter) {
    super(dueNanos);
    this.waiter = waiter;
  }

  /// It may try again, or it is too late.
  void finish() {
    over = true;
    waiter.system().dispatcher().resume(this);
  }

  @Override
  protected boolean done() {
    return over;
  }

  @Override
  protected void expired() {
    finish();
  }

  /// A turn that is killed is interrupted, and does not go on waiting.
  @Override
  public boolean ready() {
    return over || waiter.killed();
  }

  @Override
  public Thread waitingThread() {
    return thread;
  }

  @Override
  public void waitingThread(Thread thread) {
    this.thread = thread;
  }
}
