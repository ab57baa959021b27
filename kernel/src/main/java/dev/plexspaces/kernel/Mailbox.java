package dev.plexspaces.kernel;

/// The user messages of one actor, and with them whether the actor is scheduled.
///
/// Any thread offers; only the thread that runs the actor polls. An actor is *idle* (nobody runs
/// it, nothing waits), *claimed* (in the run queue or running) or *closed* (it exited). The offer
/// that finds it idle claims it and must schedule it.
abstract sealed class Mailbox permits LinkedMailbox, LockedMailbox {

  /* What the runner writes for each message is here, where the messages are, and not in the cell:
  senders read that, and would have to fetch it from the runner's core again and again. */

  /// True while a worker runs the actor. Set after the cell's `worker` and with release, so that
  /// whoever sees it set sees that worker or a later one. Cleared by [#tryIdle] or by the cell.
  boolean running;

  /// Messages processed by this activation; written by the runner, read by anybody.
  long processed;

  /// Messages that wait when a sender learns that the receiver is behind.
  static final int DEEP = 64;

  /// What became of an offered envelope.
  enum Offer {
    /// Queued; somebody else runs the actor.
    QUEUED,
    /// Queued behind [#DEEP] others or more; somebody else runs the actor.
    BEHIND,
    /// Queued; the caller must schedule the actor.
    SCHEDULE,
    /// Not queued: the bound is reached and the policy rejects.
    FULL,
    /// Not queued: the bound is reached and the policy drops the new message.
    DROPPED,
    /// Not queued: the actor exited.
    CLOSED
  }

  /// @param exempt true for messages that no bound may refuse: replies, `__DOWN__`, timers
  abstract Offer offer(Envelope envelope, boolean exempt);

  /// The oldest message, or null. Runner only.
  abstract Envelope poll();

  /// Gives the actor up if nothing waits. Runner only.
  ///
  /// @return false when something does, perhaps only since this was called
  abstract boolean tryIdle();

  /// Claims an idle actor for a system message.
  ///
  /// @return true when the caller must schedule it
  abstract boolean claim();

  /// Closes if nothing waits. Runner only.
  abstract boolean tryClose();

  /// Closes and returns what was waiting, oldest first linked by `next`. Runner only.
  abstract Envelope close();

  abstract boolean closed();

  /// Messages waiting, not counting the one being processed. A snapshot.
  abstract int size();
}
