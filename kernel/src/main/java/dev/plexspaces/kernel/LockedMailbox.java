package dev.plexspaces.kernel;

import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The mailbox of the two policies that need to see the whole queue: `drop_oldest` and `block`.
/// Slower than [LinkedMailbox] and exact at its bound.
final class LockedMailbox extends Mailbox {

  private final int capacity;
  private final boolean blocks;
  private final long blockNanos;
  private final DeadLetters deadLetters;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  private final ArrayDeque<Envelope> queue = new ArrayDeque<>();
  private boolean claimed;
  private boolean closed;

  /// @param blockNanos longest wait of a blocked sender, then the message is rejected
  LockedMailbox(int capacity, boolean blocks, long blockNanos, DeadLetters deadLetters) {
    this.capacity = capacity;
    this.blocks = blocks;
    this.blockNanos = blockNanos;
    this.deadLetters = deadLetters;
  }

  @Override
  Offer offer(Envelope envelope, boolean exempt) {
    Envelope dropped = null;
    Offer outcome;
    lock.lock();
    try {
      if (!exempt && blocks && queue.size() >= capacity && !closed && !awaitRoom()) {
        return Offer.FULL;
      }
      if (closed) {
        return Offer.CLOSED;
      }
      if (!exempt && !blocks && queue.size() >= capacity) {
        dropped = queue.pollFirst();
      }
      queue.addLast(envelope);
      outcome = claimed ? Offer.QUEUED : Offer.SCHEDULE;
      claimed = true;
    } finally {
      lock.unlock();
    }
    if (dropped != null) {
      deadLetters.add(dropped, DeadLetters.Reason.DROPPED_OLDEST);
    }
    return outcome;
  }

  /* Only virtual threads wait: a handler's worker is replaced by the dispatcher's monitor, while a
  blocked event loop of the edge would stop every connection it serves. */
  private boolean awaitRoom() {
    if (!Thread.currentThread().isVirtual()) {
      return false;
    }
    long left = blockNanos;
    try {
      while (queue.size() >= capacity && !closed) {
        if (left <= 0) {
          return false;
        }
        left = room.awaitNanos(left);
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  Envelope poll() {
    lock.lock();
    try {
      Envelope e = queue.pollFirst();
      if (e != null && blocks) {
        room.signal();
      }
      return e;
    } finally {
      lock.unlock();
    }
  }

  @Override
  boolean tryIdle() {
    lock.lock();
    try {
      if (!queue.isEmpty()) {
        return false;
      }
      claimed = false;
      return true;
    } finally {
      lock.unlock();
    }
  }

  @Override
  boolean tryClose() {
    lock.lock();
    try {
      closed = queue.isEmpty();
      return closed;
    } finally {
      lock.unlock();
    }
  }

  @Override
  boolean claim() {
    lock.lock();
    try {
      if (claimed || closed) {
        return false;
      }
      claimed = true;
      return true;
    } finally {
      lock.unlock();
    }
  }

  @Override
  Envelope close() {
    lock.lock();
    try {
      closed = true;
      room.signalAll();
      Envelope newer = null;
      for (Envelope e = queue.pollLast(); e != null; e = queue.pollLast()) {
        e.next = newer;
        newer = e;
      }
      return newer;
    } finally {
      lock.unlock();
    }
  }

  @Override
  boolean closed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  @Override
  int size() {
    lock.lock();
    try {
      return queue.size();
    } finally {
      lock.unlock();
    }
  }

  /// Longest a sender waits for room in a `block` mailbox.
  static final long BLOCK_MAX_NANOS = TimeUnit.SECONDS.toNanos(30);
}
