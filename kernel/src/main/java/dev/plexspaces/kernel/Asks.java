package dev.plexspaces.kernel;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// The asks of running turns: who waits for whom, and until when. An ask that would close a cycle
/// of actors waiting for each other is refused. Source: spec/turns rules 20 and 21. Thread-safe.
final class Asks {

  /// Asks with a shorter timeout never run on the caller's thread, nanoseconds: who sets one wants
  /// to be woken in time.
  private static final long INLINE_TIMEOUT_MIN_NANOS = 1_000_000_000;

  private final ActorSystem system;
  private final Object deadlockLock = new Object();

  Asks(ActorSystem system) {
    this.system = system;
  }

  /// Asks on behalf of a running turn and blocks it until the reply is there.
  Object ask(
      ActorCell caller, Turn t, Address to, String operation, Object payload, Duration timeout) {
    RequestContext context = t.envelope.context;
    long nanos = untilDeadline(t, timeout).toNanos();
    ActorCell callee = resolve(to);
    ReplyTo.Blocking reply =
        new ReplyTo.Blocking(system.clock().nanoTime() + nanos, caller, callee, to, operation);
    try {
      admit(reply, nanos);
      Envelope e =
          new Envelope(
              Message.Kind.CALL, operation, payload, caller.context().address(), context, reply);
      if (nanos < INLINE_TIMEOUT_MIN_NANOS || !askInline(t.worker, callee, e)) {
        system.deliver(to, e, t.worker, false);
      }
      return await(caller, t, reply);
    } finally {
      caller.waitingFor = null;
    }
  }

  /// Enters a wait into the graph of waits, unless there is no time for it, it would close a cycle,
  /// or its caller is being killed.
  private void admit(ReplyTo.Blocking reply, long nanos) {
    if (nanos <= 0) {
      throw new PlexException(ErrorCode.TIMEOUT, reply.timeoutText());
    }
    ActorCell caller = reply.caller;
    caller.waitingFor = reply;
    if (refusedAsCycle(reply)) {
      throw deadlock(reply, reply.callee);
    }
    if (caller.killed()) {
      throw caller.killedWhileWaiting();
    }
  }

  /// Blocks a turn until its ask is settled, at the latest when it is due.
  ///
  /// @return the reply
  /// @throws PlexException what it was settled with instead
  Object await(ActorCell caller, Turn t, ReplyTo.Blocking reply) {
    block(caller, t, reply);
    return reply.value();
  }

  private void block(ActorCell caller, Turn t, ReplyTo.Blocking reply) {
    if (!reply.ready()) {
      caller.blocks();
      system.watch(reply, reply.leftNanos(system.clock().nanoTime()));
      system.dispatcher().await(t.worker, reply);
    } else if (t.pending != null) {
      // The caller's code goes on and may block on what the callee made ready.
      t.worker.publish();
    }
  }

  /// Admits a request from one durable actor to another, before its row is committed. Whoever calls
  /// takes it out of the graph and of [DurableAsks] in the end.
  ///
  /// @throws PlexException `TIMEOUT`, `DEADLOCK`, `ACTOR_NOT_FOUND`, `QUARANTINED`,
  ///   `RESOURCE_EXHAUSTED` when the callee's mailbox is full: nothing was asked
  ReplyTo.Durable enterRequest(
      ActorCell caller, Turn t, Address to, String operation, String requestId, Duration timeout) {
    long nanos = untilDeadline(t, timeout).toNanos();
    ActorCell callee = resolve(to);
    if (ActorSystem.full(callee)) {
      throw DeadLetters.error(to.toString(), DeadLetters.Reason.MAILBOX_FULL);
    }
    ReplyTo.Durable wait =
        new ReplyTo.Durable(
            system.clock().nanoTime() + nanos, caller, callee, to, operation, requestId);
    try {
      admit(wait, nanos);
    } catch (PlexException refused) {
      caller.waitingFor = null;
      throw refused;
    }
    system.durableAsks().enter(wait);
    return wait;
  }

  /// Waits again for a request that is on its way since an earlier life of the caller.
  ReplyTo.Durable resumeRequest(
      ActorCell caller, Address to, String operation, String requestId, long deadlineMillis) {
    long nanos = TimeUnit.MILLISECONDS.toNanos(deadlineMillis - system.clock().millis());
    ReplyTo.Durable wait =
        new ReplyTo.Durable(
            system.clock().nanoTime() + nanos,
            caller,
            system.resolveQuietly(to),
            to,
            operation,
            requestId);
    caller.waitingFor = wait;
    system.durableAsks().enter(wait);
    return wait;
  }

  /// Breaks the cycle that a resumed wait closes, if there is one. It closed none when it was
  /// admitted, but waits that were admitted before it was entered again could not see it: somebody
  /// in the cycle asked an actor that has not begun with that request, because it waits for
  /// something else.
  void withdrawFromCycle(ReplyTo.Blocking resumed) {
    if (!closesCycle(resumed)) {
      return;
    }
    synchronized (deadlockLock) {
      if (!closesCycle(resumed)) {
        return;
      }
      ReplyTo.Blocking wait = resumed;
      do {
        ActorCell holder = holder(wait);
        wait = holder == null ? null : holder.waitingFor;
        // The one that was resumed comes last.
        ActorCell next = wait == null ? null : holder(wait);
        if (next != null && wait instanceof ReplyTo.Durable durable && !serves(next, durable)) {
          durable.withdrawn = true;
          durable.fail(deadlock(durable, durable.callee));
          return;
        }
      } while (wait != null && wait != resumed);
    }
  }

  /// True when the running turn of a cell is that of a request.
  private static boolean serves(ActorCell cell, ReplyTo.Durable wait) {
    Turn turn = cell.turn();
    Envelope e = turn == null ? null : turn.envelope;
    return e != null
        && e.extras != null
        && e.extras.asker != null
        && e.extras.asker.requestId().equals(wait.requestId);
  }

  /// When a wait ends at the latest by the wall clock, milliseconds since 1970.
  long dueMillis(ReplyTo wait) {
    return system.clock().millis()
        + TimeUnit.NANOSECONDS.toMillis(wait.leftNanos(system.clock().nanoTime()));
  }

  /// Time until the deadline of the request a turn works for.
  ///
  /// @param max the answer when there is no deadline or it is later
  /// @return 0 or less when it has passed
  Duration untilDeadline(Turn t, Duration max) {
    Optional<Instant> deadline = t.envelope.context.deadline();
    if (deadline.isEmpty()) {
      return max;
    }
    Duration left = Duration.between(system.clock().instant(), deadline.get());
    return left.compareTo(max) < 0 ? left : max;
  }

  /// Begins something outside on behalf of a running turn and blocks it until `reply` is settled.
  ///
  /// @throws PlexException `UNAVAILABLE` when the actor was killed
  void callOutside(Turn t, ReplyTo.FromLink reply, Runnable begin) {
    ActorCell caller = reply.caller;
    caller.waitingFor = reply;
    try {
      if (caller.killed()) {
        throw caller.killedWhileWaiting();
      }
      begin.run();
      block(caller, t, reply);
    } finally {
      caller.waitingFor = null;
    }
  }

  private static PlexException deadlock(ReplyTo.Blocking reply, Address to) {
    return new PlexException(
        ErrorCode.DEADLOCK,
        reply.caller + " asking " + to + " would close a cycle of actors waiting for each other");
  }

  /// Passes a call on to another actor.
  void forward(Address to, Envelope e, ReplyTo.Blocking waiting, Dispatcher.Worker from) {
    ActorCell holder = system.resolveQuietly(to);
    if (holder != null) {
      waiting.holder = holder;
      if (refusedAsCycle(waiting)) {
        waiting.fail(deadlock(waiting, to));
        return;
      }
    }
    system.deliver(to, e, from, false);
  }

  /// Checks a wait that was just entered into the graph. If it closes a cycle it is taken out
  /// again.
  boolean refusedAsCycle(ReplyTo.Blocking wait) {
    if (!closesCycle(wait)) {
      return false;
    }
    // Two waits may each see the other's edge; under the lock only the first one gives way.
    synchronized (deadlockLock) {
      if (closesCycle(wait)) {
        wait.caller.waitingFor = null;
        return true;
      }
    }
    return false;
  }

  /// Runs an idle callee on the caller's thread.
  ///
  /// @return false when the call must be delivered as usual
  private static boolean askInline(Dispatcher.Worker worker, ActorCell callee, Envelope e) {
    if (!callee.inlinable() || callee.killed() || worker.turn.depth >= ActorCell.INLINE_DEPTH_MAX) {
      return false;
    }
    return switch (callee.mailbox.offer(e, false)) {
      case SCHEDULE -> {
        if (worker.turn.pending != null) {
          worker.publish();
        }
        callee.runInline(worker);
        yield true;
      }
      case QUEUED, BEHIND -> true;
      case FULL, DROPPED, CLOSED -> false;
    };
  }

  private ActorCell resolve(Address to) {
    ActorCell cell = system.live(to);
    if (cell == null) {
      Instances home = to.home();
      cell = home == null ? null : home.resolve(to.key);
      if (cell == null) {
        throw DeadLetters.error(to.toString(), DeadLetters.Reason.NO_ACTOR);
      }
      to.cell = cell;
    }
    return cell;
  }

  /* The walk may pass through a cycle that its own start is no part of, for the moment until one of its
  members gives way. So a second pointer follows at half the speed, and meets the first one there. */
  private static boolean closesCycle(ReplyTo.Blocking wait) {
    ActorCell fast = holder(wait);
    ActorCell slow = fast;
    boolean even = false;
    while (fast != null) {
      if (fast == wait.caller) {
        return true;
      }
      fast = waitsFor(fast);
      if (even) {
        slow = slow == null ? null : waitsFor(slow);
      }
      if (fast != null && fast == slow) {
        return false;
      }
      even = !even;
    }
    return false;
  }

  /// Whom a cell waits for; null when it does not wait, or its answer is there.
  private static ActorCell waitsFor(ActorCell cell) {
    ReplyTo.Blocking wait = cell.waitingFor;
    return wait == null || wait.ready() ? null : holder(wait);
  }

  /// Who has to answer; null for nobody in here. A durable callee may have been passivated and
  /// activated anew, or not have been there, since the request was written.
  private static ActorCell holder(ReplyTo.Blocking wait) {
    ActorCell holder = wait.holder;
    if (wait instanceof ReplyTo.Durable && (holder == null || holder.mailbox.closed())) {
      Instances home = wait.callee.home();
      return home == null ? null : home.cells.get(wait.callee.key);
    }
    return holder;
  }
}
