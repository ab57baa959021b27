package dev.plexspaces.kernel.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// With a clock moved by hand and no thread.
class DeadlineWheelTest {

  private final List<String> fired = new ArrayList<>();
  private long now;
  private final DeadlineWheel wheel = new DeadlineWheel(() -> now, 1);

  private final class Named extends Deadline {
    private final String name;
    private boolean done;

    Named(String name, long dueNanos) {
      super(dueNanos);
      this.name = name;
    }

    Named(String name, long nanos, boolean relative) {
      super(nanos, relative);
      this.name = name;
    }

    @Override
    protected boolean done() {
      return done;
    }

    @Override
    protected void expired() {
      fired.add(name);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private Named add(String name, long dueNanos) {
    Named deadline = new Named(name, dueNanos);
    wheel.add(deadline);
    return deadline;
  }

  @Test
  void advance_firesWhatIsDue_neverEarly() {
    add("late", 30);
    add("early", 10);
    add("middle", 20);

    assertThat(wheel.advance(9)).isZero();
    assertThat(fired).isEmpty();
    assertThat(wheel.advance(20)).isEqualTo(2);
    assertThat(fired).containsExactly("early", "middle");
    assertThat(wheel.advance(20)).isZero();
    assertThat(wheel.advance(1_000)).isEqualTo(1);
    assertThat(fired).containsExactly("early", "middle", "late");
    assertThat(wheel.queued()).isZero();
  }

  @Test
  void timeThatCountsFromWhenItWasAdded_endsThatLongAfter() {
    now = 100;
    Named done = new Named("done", 10, true);
    wheel.add(done);
    wheel.addPatient(new Named("patient", 10, true));
    wheel.add(new Named("exact", 109));
    done.done = true;

    assertThat(wheel.nextDueNanos()).hasValue(109);
    wheel.advance(109);
    assertThat(fired).containsExactly("exact");
    wheel.advance(110);
    assertThat(fired).containsExactly("exact", "patient");
  }

  @Test
  void advance_firesEqualOnesInTheOrderTheyWereAdded() {
    for (int i = 0; i < 100; i++) {
      add("d" + i, 5);
      if (i % 7 == 0) {
        wheel.advance(4);
      }
    }
    wheel.advance(5);
    assertThat(fired).hasSize(100).startsWith("d0", "d1", "d2").endsWith("d98", "d99");
    assertThat(fired).isSortedAccordingTo((a, b) -> Integer.compare(number(a), number(b)));
  }

  private static int number(String name) {
    return Integer.parseInt(name.substring(1));
  }

  @Test
  void done_beforeItsFirstTick_neverReachesTheQueue() {
    for (int i = 0; i < 1_000; i++) {
      add("d" + i, 5).done = true;
    }
    wheel.advance(0);
    assertThat(wheel.queued()).isZero();
    wheel.advance(10);
    assertThat(fired).isEmpty();
  }

  @Test
  void done_inTheQueue_doesNotFire() {
    Named first = add("first", 5);
    add("second", 6);
    wheel.advance(0);
    first.done = true;
    assertThat(wheel.advance(10)).isEqualTo(1);
    assertThat(fired).containsExactly("second");
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100, 10_000})
  void done_moreThanHalfOfTheQueue_areDropped(int count) {
    List<Named> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(add("d" + i, 1_000 + i));
    }
    wheel.advance(0);
    assertThat(wheel.queued()).isEqualTo(count);

    // A third is not enough; two thirds are.
    for (int i = 0; i < count; i += 3) {
      all.get(i).done = true;
    }
    wheel.advance(1);
    assertThat(wheel.queued()).isEqualTo(count);
    for (int i = 1; i < count; i += 3) {
      all.get(i).done = true;
    }
    wheel.advance(2);
    List<Named> left = all.stream().filter(deadline -> !deadline.done).toList();
    assertThat(wheel.queued()).isEqualTo(left.size());

    wheel.advance(1_000_000);
    assertThat(fired).isEqualTo(left.stream().map(Named::toString).toList());
  }

  @Test
  void done_exactlyHalfOfTheQueue_areKeptAndOneMoreIsNot() {
    List<Named> all = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      all.add(add("d" + i, 1_000));
    }
    wheel.advance(0);
    all.subList(0, 5).forEach(deadline -> deadline.done = true);
    wheel.advance(1);
    assertThat(wheel.queued()).isEqualTo(10);
    all.get(5).done = true;
    wheel.advance(2);
    assertThat(wheel.queued()).isEqualTo(4);
  }

  @Test
  void queue_underSteadyLoad_staysBounded() {
    int inFlight = 1_000;
    var open = new ArrayList<Named>();
    int most = 0;
    for (int i = 0; i < 200_000; i++) {
      open.add(add("d", 1_000_000_000L));
      if (open.size() > inFlight) {
        open.removeFirst().done = true;
      }
      if (i % 500 == 0) {
        wheel.advance(i);
        most = Math.max(most, wheel.queued());
      }
    }
    // Twice what is open, and what one tick adds.
    assertThat(most).isLessThan(2 * inFlight + 1_500);
  }

  @Test
  void expired_mayAddMore_forTheNextCall() {
    wheel.add(
        new Deadline(5) {
          @Override
          protected boolean done() {
            return false;
          }

          @Override
          protected void expired() {
            add("again", 5);
          }
        });
    assertThat(wheel.advance(5)).isEqualTo(1);
    assertThat(fired).isEmpty();
    assertThat(wheel.advance(5)).isEqualTo(1);
    assertThat(fired).containsExactly("again");
  }

  @Test
  void expired_thatThrows_doesNotKeepOthersFromFiring() {
    wheel.add(
        new Deadline(5) {
          @Override
          protected boolean done() {
            return false;
          }

          @Override
          protected void expired() {
            throw new IllegalStateException("on purpose");
          }
        });
    add("next", 6);
    assertThat(wheel.advance(6)).isEqualTo(2);
    assertThat(fired).containsExactly("next");
  }

  @Test
  void nextDue_isTheEarliestThatIsNotDone() {
    assertThat(wheel.nextDueNanos()).isEqualTo(OptionalLong.empty());
    Named first = add("first", 5);
    add("second", 7);
    assertThat(wheel.nextDueNanos()).isEqualTo(OptionalLong.of(5));
    first.done = true;
    assertThat(wheel.nextDueNanos()).isEqualTo(OptionalLong.of(7));
  }

  @Test
  void clockThatWraps_keepsTheOrder() {
    long base = Long.MAX_VALUE - 10;
    add("after", base + 20);
    add("before", base + 5);
    assertThat(wheel.advance(base)).isZero();
    assertThat(wheel.advance(base + 6)).isEqualTo(1);
    assertThat(wheel.advance(base + 20)).isEqualTo(1);
    assertThat(fired).containsExactly("before", "after");
  }

  @Test
  void randomDeadlines_fireOnceInOrderUnlessDone() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    for (int round = 0; round < 50; round++) {
      fired.clear();
      DeadlineWheel own = new DeadlineWheel(() -> 0, 1);
      List<Named> open = new ArrayList<>();
      List<String> expected = new ArrayList<>();
      int names = 0;
      for (long now = 0; now < 300; now++) {
        for (int i = random.nextInt(6); i > 0; i--) {
          Named deadline = new Named("d" + names++, now + random.nextInt(60));
          open.add(deadline);
          own.add(deadline);
        }
        for (int i = random.nextInt(4); i > 0 && !open.isEmpty(); i--) {
          open.remove(random.nextInt(open.size())).done = true;
        }
        long at = now;
        open.stream()
            .filter(deadline -> deadline.leftNanos(0) <= at)
            .sorted((a, b) -> Long.compare(a.leftNanos(0), b.leftNanos(0)))
            .forEach(deadline -> expected.add(deadline.name));
        open.removeIf(deadline -> deadline.leftNanos(0) <= at);
        own.advance(now);
        assertThat(fired).as("round %d at %d", round, now).isEqualTo(expected);
      }
    }
  }

  @Test
  void stripes_thatAreNoPowerOfTwo_areRefused() {
    for (int stripes : new int[] {0, 3, 128}) {
      assertThatThrownBy(() -> new DeadlineWheel(() -> 0, stripes))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("stripes: must be a power of two up to 64");
    }
  }
}
