package dev.plexspaces.kernel;

import dev.plexspaces.sdk.ChildSpec.Overflow;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/// The usual mailbox: lock-free, three words when empty. At its bound it rejects, drops the newest,
/// or lets senders wait for room.
final class LinkedMailbox extends Mailbox {

  /* One word, `head`, is both the queue and the scheduling state:

    null    idle
    CLAIMED claimed, nothing new
    CLOSED  the actor exited
    other   claimed; newest envelope, linked to older ones

  A producer pushes with one compare-and-set (Treiber 1986) and learns from the old value whether
  it must schedule. The runner takes the whole chain at once and reverses it, so senders keep
  their order. A single waiting envelope is processed where it stands and removed by the very
  compare-and-set that makes the actor idle: one atomic instruction less on the path that
  ping-pong takes.

  The bound: the newest envelope carries the depth of the chain, so counting costs nothing.
  The runner publishes how much it took; between the two a sender may see the sum a batch short,
  so the bound can be exceeded for an instant by at most itself.

  Senders that wait for room (`block`) are woken when the queue is half empty, all at once: waking
  one per message would switch threads for each. */

  /// Longest a sender waits for room.
  static final long BLOCK_MAX_NANOS = TimeUnit.SECONDS.toNanos(30);

  /// Messages between two looks whether waiting senders have room; a power of two.
  private static final int LOOK_EVERY = 64;

  private static final Envelope CLAIMED = marker();
  private static final Envelope CLOSED = marker();
  private static final VarHandle HEAD;

  static {
    try {
      HEAD = MethodHandles.lookup().findVarHandle(LinkedMailbox.class, "head", Envelope.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final int capacity;

  /// What a sender is told at the bound.
  private final Offer refusal;

  /// Senders that wait for room; null unless the policy is `block`.
  private final ConcurrentLinkedQueue<TimedWait> waiting;

  private volatile Envelope head;

  /// Taken from `head`, oldest first. Runner only.
  private Envelope taken;

  /// How many are in `taken`; others read it without ordering.
  private int takenCount;

  /// The bottom of the chain is being processed, or was. Runner only; a flag and no reference,
  /// which would cost more to store, see [Turn].
  private boolean inPlace;

  /// @param overflow any but `DROP_OLDEST`
  LinkedMailbox(int capacity, Overflow overflow) {
    this.capacity = capacity;
    this.refusal = overflow == Overflow.DROP_NEWEST ? Offer.DROPPED : Offer.FULL;
    this.waiting = overflow == Overflow.BLOCK ? new ConcurrentLinkedQueue<>() : null;
  }

  private static Envelope marker() {
    return new Envelope(null, "", null, null, null, null);
  }

  @Override
  Offer offer(Envelope envelope, boolean exempt) {
    while (true) {
      Envelope h = head;
      if (h == null) {
        if (envelope.next != null) {
          envelope.next = null;
        }
        envelope.depth = 1;
        if (HEAD.compareAndSet(this, null, envelope)) {
          return Offer.SCHEDULE;
        }
      } else if (h == CLAIMED) {
        if (takenCount >= capacity && !exempt) {
          return refusal;
        }
        envelope.next = null;
        envelope.depth = 1;
        if (HEAD.compareAndSet(this, h, envelope)) {
          return Offer.QUEUED;
        }
      } else if (h == CLOSED) {
        return Offer.CLOSED;
      } else {
        int waits = h.depth + takenCount - (inPlace ? 1 : 0);
        if (waits >= capacity && !exempt) {
          return refusal;
        }
        envelope.next = h;
        envelope.depth = h.depth + 1;
        if (HEAD.compareAndSet(this, h, envelope)) {
          return waits < DEEP ? Offer.QUEUED : Offer.BEHIND;
        }
      }
    }
  }

  /// Offers several at once, linked by `next` from the newest to the oldest: one atomic instruction
  /// for all of them.
  ///
  /// @return as for a single one; but `FULL` whatever the policy when there is no room for all:
  ///   none is queued then
  Offer offerAll(Envelope newest, Envelope oldest, int count) {
    while (true) {
      Envelope h = head;
      if (h == CLOSED) {
        return Offer.CLOSED;
      }
      int depth = h == null || h == CLAIMED ? 0 : h.depth;
      int waits = depth + takenCount - (inPlace ? 1 : 0);
      if (waits + count > capacity) {
        return Offer.FULL;
      }
      oldest.next = depth == 0 ? null : h;
      newest.depth = depth + count;
      if (HEAD.compareAndSet(this, h, newest)) {
        return h == null ? Offer.SCHEDULE : waits < DEEP ? Offer.QUEUED : Offer.BEHIND;
      }
    }
  }

  /// True when a sender that can wait should do so after `FULL`, see [TimedWait].
  boolean blocks() {
    return waiting != null;
  }

  /// Enters a sender, which must try once more before it waits: it is woken when there is room
  /// again, or nothing any more to wait for.
  void enter(TimedWait sender) {
    waiting.add(sender);
  }

  void withdraw(TimedWait sender) {
    waiting.remove(sender);
  }

  /// Senders that wait for room. A snapshot, for tests.
  int waiting() {
    return waiting.size();
  }

  /* A sender enters before it looks at the queue for the last time, and the runner looks for senders
  after the atomic instruction that gave the actor up: one of them sees the other. */
  private void tellWaiting() {
    // Not at each message of a long queue: the newest one is in another core's cache.
    if (waiting != null
        && ((takenCount & LOOK_EVERY - 1) == 0 || capacity <= LOOK_EVERY)
        && !waiting.isEmpty()
        && size() <= capacity / 2) {
      tellAll();
    }
  }

  private void tellAll() {
    for (TimedWait w = waiting.poll(); w != null; w = waiting.poll()) {
      w.finish();
    }
  }

  @Override
  Envelope poll() {
    Envelope e = taken;
    if (e != null) {
      taken = e.next;
      e.next = null;
      takenCount--;
      tellWaiting();
      return e;
    }
    Envelope h = head;
    if (h == CLAIMED || h == null) {
      return null;
    }
    if (h.next == null) {
      if (inPlace) {
        return null;
      }
      inPlace = true;
      tellWaiting();
      return h;
    }
    Envelope newest = (Envelope) HEAD.getAndSet(this, CLAIMED);
    int count = newest.depth - (inPlace ? 1 : 0);
    Envelope oldest = oldestFirst(newest);
    taken = oldest.next;
    takenCount = count - 1;
    oldest.next = null;
    tellWaiting();
    return oldest;
  }

  /// Turns a chain around that is no longer in `head`, without what was processed in place.
  private Envelope oldestFirst(Envelope newest) {
    Envelope oldestFirst = null;
    for (Envelope e = newest; e != null; ) {
      Envelope older = e.next;
      if (e.replyTo != null) {
        e.replyTo.fetch();
      }
      if (older != null || !inPlace) {
        e.next = oldestFirst;
        oldestFirst = e;
      }
      e = older;
    }
    inPlace = false;
    return oldestFirst;
  }

  @Override
  boolean tryIdle() {
    return leave(null);
  }

  @Override
  boolean tryClose() {
    return leave(CLOSED);
  }

  private boolean leave(Envelope to) {
    if (taken != null) {
      return false;
    }
    Envelope h = head;
    boolean processed = inPlace;
    if (processed ? h.next != null : h != CLAIMED) {
      return false;
    }
    // Cleared first: after the exchange another thread may be the runner.
    inPlace = false;
    running = to == CLOSED;
    if (HEAD.compareAndSet(this, h, to)) {
      if (waiting != null) {
        tellAll();
      }
      return true;
    }
    inPlace = processed;
    running = true;
    return false;
  }

  @Override
  boolean claim() {
    return head == null && HEAD.compareAndSet(this, null, CLAIMED);
  }

  @Override
  Envelope close() {
    Envelope h = (Envelope) HEAD.getAndSet(this, CLOSED);
    if (waiting != null) {
      tellAll();
    }
    Envelope oldestFirst = h == null || h == CLAIMED || h == CLOSED ? null : oldestFirst(h);
    inPlace = false;
    Envelope first = taken;
    taken = null;
    takenCount = 0;
    if (first == null) {
      return oldestFirst;
    }
    Envelope last = first;
    while (last.next != null) {
      last = last.next;
    }
    last.next = oldestFirst;
    return first;
  }

  @Override
  boolean closed() {
    return head == CLOSED;
  }

  @Override
  int size() {
    Envelope h = head;
    int depth = h == null || h == CLAIMED || h == CLOSED ? 0 : h.depth;
    return Math.max(0, depth + takenCount - (inPlace ? 1 : 0));
  }
}
