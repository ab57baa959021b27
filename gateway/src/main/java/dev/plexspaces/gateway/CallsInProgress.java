package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/// The calls of one port that were taken and have no answer yet: at most so many, and no further
/// ones once the node stops. A call is either refused here, before anything is done for it, or its
/// answer says what became of it.
final class CallsInProgress {

  /// A call that can be answered before its result is there.
  interface Call {
    /// Answers with an error, unless it is answered already.
    void abandon(PlexException why);
  }

  /// The place of a call among the others, until it gives it back.
  final class Place {
    private final Call call;
    private final Places among;
    private Place before;
    private Place after;

    private Place(Call call, Places among) {
      this.call = call;
      this.among = among;
    }

    /// The call has its answer. Once only.
    void leave() {
      among.remove(this);
      if (count.decrementAndGet() == 0 && stopping) {
        answered.complete(null);
      }
    }
  }

  /// A ring of places with its own lock.
  private final class Places {
    private final Place head = new Place(null, this);

    private Places() {
      head.before = head;
      head.after = head;
    }

    private synchronized void add(Place place) {
      place.before = head;
      place.after = head.after;
      head.after.before = place;
      head.after = place;
    }

    private synchronized void remove(Place place) {
      place.before.after = place.after;
      place.after.before = place.before;
    }

    private synchronized void copyTo(List<Call> calls) {
      for (Place place = head.after; place != head; place = place.after) {
        calls.add(place.call);
      }
    }
  }

  /// So many that two threads rarely meet at one; a power of two.
  private static final int RINGS = 16;

  private final int max;
  private final AtomicInteger count = new AtomicInteger();
  private final Places[] rings = new Places[RINGS];
  private final CompletableFuture<Void> answered = new CompletableFuture<>();
  private volatile boolean stopping;

  CallsInProgress(int max) {
    this.max = max;
    for (int i = 0; i < RINGS; i++) {
      rings[i] = new Places();
    }
  }

  /// Takes a call.
  ///
  /// @param probe true for one that passes always: a node that is merely busy or stops in order
  ///   must not be taken for a dead one
  /// @throws PlexException `RESOURCE_EXHAUSTED` beyond the bound, `UNAVAILABLE` when the node stops
  Place enter(Call call, boolean probe) {
    Place place = new Place(call, rings[(int) Thread.currentThread().threadId() & (RINGS - 1)]);
    place.among.add(place);
    int others = count.getAndIncrement();
    // Read after it was counted: who stops either refuses this call or waits for it.
    if (stopping && !probe) {
      place.leave();
      throw new PlexException(ErrorCode.UNAVAILABLE, "the node is stopping");
    }
    if (others >= max && !probe) {
      place.leave();
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED, "too many calls in progress; try again later");
    }
    return place;
  }

  /// True once calls are refused for good.
  boolean stopping() {
    return stopping;
  }

  /// Refuses calls from now on.
  ///
  /// @return done when those that were taken have their answers
  CompletableFuture<Void> stop() {
    stopping = true;
    if (count.get() == 0) {
      answered.complete(null);
    }
    return answered;
  }

  /// Answers those that have no answer yet. What became of them is not known, so the error is none
  /// that invites to try again.
  void abandon() {
    List<Call> calls = new ArrayList<>();
    for (Places ring : rings) {
      ring.copyTo(calls);
    }
    for (Call call : calls) {
      call.abandon(unknownOutcome());
    }
  }

  /// What a call is told that the node took and stopped before its answer.
  static PlexException unknownOutcome() {
    return new PlexException(
        ErrorCode.TIMEOUT,
        "the node stopped before the answer was there; the call may have taken effect: repeat it"
            + " with its idempotency key");
  }
}
