package dev.plexspaces.node.links;

import dev.plexspaces.node.links.ServiceLink.BreakerPolicy;
import java.util.Arrays;

/// Counts how the latest attempts at a service ended, and refuses more while too many failed.
///
/// Closed until [BreakerPolicy#failures] of the last [BreakerPolicy#window] attempts failed; then
/// open for [BreakerPolicy#openFor]; then half open: [BreakerPolicy#trials] attempts are let
/// through and close it when all succeed, while one failure opens it again. Thread safe; time is an
/// argument. Source: Nygard, Release It!, "Circuit Breaker"; the states of spec
/// `reference-plexspaces`.
final class CircuitBreaker {

  /* An attempt that was admitted before the breaker changed its state says nothing about the time
  after it. So each attempt has the number of the state it was admitted in, and is ignored when it ends
  in another. */

  /// What [#admit] returns for an attempt that must not be made.
  static final long REFUSED = -1;

  enum State {
    CLOSED,
    OPEN,
    HALF_OPEN
  }

  enum Outcome {
    SUCCESS,
    FAILURE,
    /// Says nothing about the service.
    NEITHER
  }

  private final BreakerPolicy policy;
  private final boolean[] failed;
  private State state = State.CLOSED;
  private long changes;
  private int next;
  private int failures;
  private long openedAtNanos;
  private int trialsRunning;
  private int trialsSucceeded;

  CircuitBreaker(BreakerPolicy policy) {
    this.policy = policy;
    this.failed = new boolean[policy.window()];
  }

  /// Asks to make an attempt; who gets a ticket must call [#ended] with it.
  ///
  /// @return a ticket, or [#REFUSED]
  synchronized long admit(long nowNanos) {
    if (state == State.OPEN && nowNanos - openedAtNanos >= policy.openFor().toNanos()) {
      become(State.HALF_OPEN);
      trialsRunning = 0;
      trialsSucceeded = 0;
    }
    return switch (state) {
      case CLOSED -> changes;
      case OPEN -> REFUSED;
      case HALF_OPEN -> {
        if (trialsRunning + trialsSucceeded >= policy.trials()) {
          yield REFUSED;
        }
        trialsRunning++;
        yield changes;
      }
    };
  }

  /// Says how an admitted attempt ended.
  ///
  /// @return true when that changed the state
  synchronized boolean ended(long ticket, Outcome outcome, long nowNanos) {
    if (ticket != changes) {
      return false;
    }
    return switch (state) {
      case CLOSED -> outcome != Outcome.NEITHER && count(outcome == Outcome.FAILURE, nowNanos);
      case OPEN -> false;
      case HALF_OPEN -> trialEnded(outcome, nowNanos);
    };
  }

  synchronized State state() {
    return state;
  }

  private boolean count(boolean failure, long nowNanos) {
    failures += (failure ? 1 : 0) - (failed[next] ? 1 : 0);
    failed[next] = failure;
    next = (next + 1) % failed.length;
    return failures >= policy.failures() && open(nowNanos);
  }

  private boolean trialEnded(Outcome outcome, long nowNanos) {
    trialsRunning--;
    return switch (outcome) {
      case NEITHER -> false;
      case FAILURE -> open(nowNanos);
      case SUCCESS -> {
        if (++trialsSucceeded < policy.trials()) {
          yield false;
        }
        failures = 0;
        Arrays.fill(failed, false);
        yield become(State.CLOSED);
      }
    };
  }

  private boolean open(long nowNanos) {
    openedAtNanos = nowNanos;
    return become(State.OPEN);
  }

  private boolean become(State next) {
    state = next;
    changes++;
    return true;
  }
}
