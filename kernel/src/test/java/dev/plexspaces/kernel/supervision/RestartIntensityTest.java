package dev.plexspaces.kernel.supervision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class RestartIntensityTest {

  private static Instant at(long millis) {
    return Instant.ofEpochMilli(millis);
  }

  @Test
  void admits_upToTheMaximumWithinTheWindow() {
    var intensity = new RestartIntensity(2, Duration.ofMillis(100));
    assertThat(intensity.admits(at(0))).isTrue();
    assertThat(intensity.admits(at(50))).isTrue();
    assertThat(intensity.admits(at(100))).isFalse();
  }

  @Test
  void window_boundaryCountsAndOneNanosecondMoreDoesNot() {
    var onBoundary = new RestartIntensity(1, Duration.ofMillis(100));
    assertThat(onBoundary.admits(at(0))).isTrue();
    assertThat(onBoundary.admits(at(100))).isFalse();

    var past = new RestartIntensity(1, Duration.ofMillis(100));
    assertThat(past.admits(at(0))).isTrue();
    assertThat(past.admits(at(100).plusNanos(1))).isTrue();
  }

  @Test
  void window_slides() {
    var intensity = new RestartIntensity(2, Duration.ofMillis(100));
    for (int i = 0; i < 50; i++) {
      assertThat(intensity.admits(at(i * 51L))).as("restart %d", i).isTrue();
    }
  }

  @Test
  void zero_admitsNone() {
    var intensity = new RestartIntensity(0, Duration.ofMillis(100));
    assertThat(intensity.admits(at(0))).isFalse();
    assertThat(intensity.admits(at(1_000_000))).isFalse();
  }

  @Test
  void clockSteppingBack_standsStill() {
    var intensity = new RestartIntensity(1, Duration.ofMillis(100));
    assertThat(intensity.admits(at(1_000))).isTrue();
    assertThat(intensity.admits(at(0))).isFalse();
    assertThat(intensity.admits(at(1_101))).isTrue();
  }

  @Test
  void memory_isBoundedHoweverOftenItRefuses() {
    var intensity = new RestartIntensity(3, Duration.ofDays(1));
    for (int i = 0; i < 1_000; i++) {
      intensity.admits(at(i));
    }
    assertThat(intensity.count()).isEqualTo(4);
  }

  @Test
  void admits_agreesWithCountingAllOfThem() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(42);
    for (int round = 0; round < 200; round++) {
      int max = random.nextInt(5);
      long window = 1 + random.nextInt(50);
      var intensity = new RestartIntensity(max, Duration.ofMillis(window));
      List<Long> all = new ArrayList<>();
      long now = 0;
      for (int i = 0; i < 100; i++) {
        now += random.nextInt(20);
        all.add(now);
        long threshold = now - window;
        boolean expected = all.stream().filter(each -> each >= threshold).count() <= max;
        assertThat(intensity.admits(at(now)))
            .as("round %d, restart %d", round, i)
            .isEqualTo(expected);
      }
    }
  }

  @Test
  void badLimits_areRefused() {
    assertThatThrownBy(() -> new RestartIntensity(-1, Duration.ofMillis(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("maxRestarts");
    assertThatThrownBy(() -> new RestartIntensity(1, Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("window");
  }
}
