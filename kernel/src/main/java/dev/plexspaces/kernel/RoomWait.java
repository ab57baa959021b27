package dev.plexspaces.kernel;

import dev.plexspaces.kernel.time.Deadline;

/// A turn that waits for room in the mailbox of the actor it sends to.
final class RoomWait extends Deadline implements Dispatcher.Waiter {

  private final ActorCell sender;
  private volatile boolean over;
  private volatile Thread thread;

  RoomWait(long dueNanos, ActorCell sender) {
    super(dueNanos);
    this.sender = sender;
  }

  /// There may be room, or it is too late.
  void finish() {
    over = true;
    sender.system().dispatcher().resume(this);
  }

  @Override
  protected boolean done() {
    return over;
  }

  @Override
  protected void expired() {
    finish();
  }

  /// A sender that is killed is interrupted, and does not go on waiting.
  @Override
  public boolean ready() {
    return over || sender.killed();
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
