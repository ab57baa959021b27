package dev.plexspaces.kernel;

import dev.plexspaces.sdk.Message;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.locks.ReentrantLock;

/// The mailbox of the policy that needs to see the whole queue, `drop_oldest`. Slower than
/// [LinkedMailbox] and exact at its bound.
final class LockedMailbox extends Mailbox {

  private final int capacity;
  private final ActorCell owner;

  private final ReentrantLock lock = new ReentrantLock();
  private final ArrayDeque<Envelope> queue = new ArrayDeque<>();
  private boolean claimed;
  private boolean closed;

  /// @param owner whose mailbox it is, to name it in dead letters
  LockedMailbox(int capacity, ActorCell owner) {
    this.capacity = capacity;
    this.owner = owner;
  }

  @Override
  Offer offer(Envelope envelope, boolean exempt) {
    Envelope dropped = null;
    Offer outcome;
    lock.lock();
    try {
      if (closed) {
        return Offer.CLOSED;
      }
      if (!exempt && queue.size() >= capacity) {
        dropped = oldestDroppable();
        if (dropped == null) {
          return Offer.FULL;
        }
      }
      outcome = add(envelope);
    } finally {
      lock.unlock();
    }
    if (dropped != null) {
      owner.system().deadLetters().add(dropped, owner, DeadLetters.Reason.DROPPED_OLDEST);
    }
    return outcome;
  }

  private Offer add(Envelope envelope) {
    queue.addLast(envelope);
    if (!claimed) {
      claimed = true;
      return Offer.SCHEDULE;
    }
    return queue.size() > DEEP ? Offer.BEHIND : Offer.QUEUED;
  }

  /// Takes out the oldest message that a bound may refuse; null when there is none.
  private Envelope oldestDroppable() {
    for (Iterator<Envelope> it = queue.iterator(); it.hasNext(); ) {
      Envelope e = it.next();
      if (e.kind != Message.Kind.INFO && e.inboxSeq() == 0) {
        it.remove();
        return e;
      }
    }
    return null;
  }

  @Override
  Envelope poll() {
    lock.lock();
    try {
      return queue.pollFirst();
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
      running = false;
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
}
