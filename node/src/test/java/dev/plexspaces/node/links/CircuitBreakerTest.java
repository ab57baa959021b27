package dev.plexspaces.node.links;

import static dev.plexspaces.node.links.CircuitBreaker.Outcome.FAILURE;
import static dev.plexspaces.node.links.CircuitBreaker.Outcome.NEITHER;
import static dev.plexspaces.node.links.CircuitBreaker.Outcome.SUCCESS;
import static dev.plexspaces.node.links.CircuitBreaker.REFUSED;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.links.CircuitBreaker.Outcome;
import dev.plexspaces.node.links.CircuitBreaker.State;
import dev.plexspaces.node.links.ServiceLink.BreakerPolicy;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class CircuitBreakerTest {

  private static final long OPEN_FOR = Duration.ofSeconds(30).toNanos();

  /// Opens at 3 of the last 5; 2 trials.
  private final CircuitBreaker breaker =
      new CircuitBreaker(new BreakerPolicy(5, 3, Duration.ofNanos(OPEN_FOR), 2));

  private long now = Long.MAX_VALUE - OPEN_FOR / 2;

  private void attempts(Outcome... outcomes) {
    for (Outcome outcome : outcomes) {
      long ticket = breaker.admit(now);
      assertThat(ticket).as("admitted").isNotEqualTo(REFUSED);
      breaker.ended(ticket, outcome, now);
    }
  }

  private void open() {
    attempts(FAILURE, FAILURE, FAILURE);
    assertThat(breaker.state()).isEqualTo(State.OPEN);
  }

  @Test
  void closed_opensAtTheThresholdWithinTheWindow() {
    attempts(FAILURE, SUCCESS, FAILURE, SUCCESS);
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
    attempts(FAILURE);
    assertThat(breaker.state()).isEqualTo(State.OPEN);
    assertThat(breaker.admit(now)).isEqualTo(REFUSED);
  }

  @Test
  void closed_failuresThatLeftTheWindow_doNotCount() {
    attempts(FAILURE, FAILURE, SUCCESS, SUCCESS, SUCCESS, FAILURE, SUCCESS, FAILURE);
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
    attempts(FAILURE);
    assertThat(breaker.state()).isEqualTo(State.OPEN);
  }

  @Test
  void closed_outcomesThatSayNothing_takeNoPlaceInTheWindow() {
    attempts(FAILURE, FAILURE, NEITHER, NEITHER, NEITHER, NEITHER, NEITHER, FAILURE);
    assertThat(breaker.state()).isEqualTo(State.OPEN);
  }

  /// Also across the overflow of the clock, which the test begins just before.
  @Test
  void open_letsTrialsThroughOnlyAfterItsTime() {
    open();
    now += OPEN_FOR - 1;
    assertThat(breaker.admit(now)).isEqualTo(REFUSED);
    now += 1;
    assertThat(breaker.admit(now)).isNotEqualTo(REFUSED);
    assertThat(breaker.state()).isEqualTo(State.HALF_OPEN);
  }

  @Test
  void halfOpen_letsSoManyTrialsThrough_andClosesWhenAllSucceed() {
    open();
    now += OPEN_FOR;
    long first = breaker.admit(now);
    long second = breaker.admit(now);
    assertThat(breaker.admit(now)).isEqualTo(REFUSED);
    assertThat(breaker.ended(first, SUCCESS, now)).isFalse();
    assertThat(breaker.admit(now)).as("one that succeeded is not replaced").isEqualTo(REFUSED);
    assertThat(breaker.ended(second, SUCCESS, now)).isTrue();
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
    attempts(FAILURE, FAILURE);
    assertThat(breaker.state()).as("it forgot what was before").isEqualTo(State.CLOSED);
  }

  @Test
  void halfOpen_oneFailureOpensIt_forItsWholeTime() {
    open();
    now += OPEN_FOR;
    attempts(SUCCESS, FAILURE);
    assertThat(breaker.state()).isEqualTo(State.OPEN);
    now += OPEN_FOR - 1;
    assertThat(breaker.admit(now)).isEqualTo(REFUSED);
  }

  @Test
  void halfOpen_aTrialThatSaysNothing_givesItsPlaceBack() {
    open();
    now += OPEN_FOR;
    attempts(NEITHER, NEITHER, NEITHER, SUCCESS, SUCCESS);
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
  }

  @Test
  void attemptsOfAnEarlierState_areIgnored() {
    long late = breaker.admit(now);
    open();
    now += OPEN_FOR;
    long trial = breaker.admit(now);
    assertThat(breaker.ended(late, FAILURE, now)).isFalse();
    assertThat(breaker.state()).isEqualTo(State.HALF_OPEN);
    breaker.ended(trial, SUCCESS, now);
    attempts(SUCCESS);
    assertThat(breaker.ended(late, FAILURE, now)).isFalse();
    attempts(FAILURE, FAILURE);
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
  }
}
