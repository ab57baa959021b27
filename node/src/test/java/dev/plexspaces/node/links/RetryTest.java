package dev.plexspaces.node.links;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.links.ServiceLink.Backoff;
import dev.plexspaces.node.links.ServiceLink.RetryPolicy;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RetryTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final double ALMOST_ONE = Math.nextDown(1.0);

  private static RetryPolicy policy(Backoff backoff) {
    return new RetryPolicy(9, backoff, Duration.ofMillis(100), Duration.ofSeconds(1));
  }

  @ParameterizedTest
  @CsvSource({"1,100", "2,200", "3,400", "4,800", "5,1000", "6,1000", "70,1000", "2147483647,1000"})
  void exponential_boundDoublesUpToTheMaximum_andTheWaitIsAnyPartOfIt(int failed, long bound) {
    RetryPolicy policy = policy(Backoff.EXPONENTIAL);
    assertThat(policy.pause(failed, 0)).isZero();
    assertThat(policy.pause(failed, 0.5)).isEqualTo(Duration.ofMillis(bound).dividedBy(2));
    assertThat(policy.pause(failed, ALMOST_ONE))
        .isLessThanOrEqualTo(Duration.ofMillis(bound))
        .isGreaterThan(Duration.ofMillis(bound - 1));
  }

  @Test
  void fixedAndNone_areNotRandom() {
    assertThat(policy(Backoff.FIXED).pause(7, ALMOST_ONE)).isEqualTo(Duration.ofMillis(100));
    assertThat(policy(Backoff.FIXED).pause(7, 0)).isEqualTo(Duration.ofMillis(100));
    assertThat(policy(Backoff.NONE).pause(7, ALMOST_ONE)).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      value = {
        "0|0",
        "120|120",
        " 7 |7",
        "Sat, 21 Nov 2026 10:01:30 GMT|90",
        "Sat, 21 Nov 2026 09:59:59 GMT|0",
        "-5|0",
        "soon|0",
        "''|0",
        "99999999999999999999|601"
      },
      delimiter = '|')
  void retryAfter_isSecondsOrADate_andNothingElse(String text, long seconds) {
    assertThat(RetryAfter.read(text, NOW)).isEqualTo(Duration.ofSeconds(seconds));
  }
}
