package dev.plexspaces.kernel.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TimersTest {

  private final AtomicLong clock = new AtomicLong(1_000);
  private final DeadlineWheel wheel = new DeadlineWheel(clock::get, 1);
  private final Timers timers = new Timers(wheel, clock::get);
  private final List<String> ran = new ArrayList<>();

  private void pass(Duration time) {
    wheel.advance(clock.addAndGet(time.toNanos()));
  }

  @Test
  void timer_runsOnceAfterItsDelay() {
    timers.after(Duration.ofNanos(10), () -> ran.add("a"));
    pass(Duration.ofNanos(9));
    assertThat(ran).isEmpty();
    pass(Duration.ofNanos(1));
    assertThat(ran).containsExactly("a");
    pass(Duration.ofDays(1));
    assertThat(ran).containsExactly("a");
  }

  @Test
  void delayZero_runsAtTheNextTick() {
    timers.after(Duration.ZERO, () -> ran.add("a"));
    assertThat(ran).isEmpty();
    pass(Duration.ZERO);
    assertThat(ran).containsExactly("a");
  }

  @Test
  void cancel_beforeItFires_keepsItFromRunning() {
    Timers.Timer timer = timers.after(Duration.ofNanos(10), () -> ran.add("a"));
    assertThat(timer.cancel()).isTrue();
    assertThat(timer.cancel()).isFalse();
    pass(Duration.ofNanos(10));
    assertThat(ran).isEmpty();
  }

  @Test
  void cancel_afterItFired_saysSo() {
    Timers.Timer timer = timers.after(Duration.ofNanos(10), () -> ran.add("a"));
    pass(Duration.ofNanos(10));
    assertThat(timer.cancel()).isFalse();
    assertThat(ran).containsExactly("a");
  }

  @Test
  void cancel_ofMostTimers_freesThem() {
    List<Timers.Timer> set = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      set.add(timers.after(Duration.ofHours(1), () -> ran.add("a")));
    }
    pass(Duration.ZERO);
    set.subList(0, 900).forEach(Timers.Timer::cancel);
    pass(Duration.ofNanos(1));
    assertThat(wheel.queued()).isEqualTo(100);
  }

  @Test
  void action_maySetTheNextTimer() {
    timers.after(
        Duration.ofNanos(10), () -> timers.after(Duration.ofNanos(10), () -> ran.add("second")));
    pass(Duration.ofNanos(10));
    pass(Duration.ofNanos(9));
    assertThat(ran).isEmpty();
    pass(Duration.ofNanos(1));
    assertThat(ran).containsExactly("second");
  }

  @Test
  void delay_outOfBounds_isRefused() {
    assertThatThrownBy(() -> timers.after(Duration.ofNanos(-1), () -> {}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("delay: must be 0 to 36500 days, not PT-0.000000001S");
    assertThatThrownBy(() -> timers.after(Timers.DELAY_MAX.plusNanos(1), () -> {}))
        .isInstanceOf(IllegalArgumentException.class);
    timers.after(Timers.DELAY_MAX, () -> ran.add("a"));
    pass(Duration.ofDays(1));
    assertThat(ran).isEmpty();
  }
}
