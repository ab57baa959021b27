package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SlotLimitTest {

  private static final long TICK = WorkerDispatcher.TICK_NANOS;

  private int ticks;

  /// Runs ticks in which `perTick` messages are handled, by the number of slots that may run.
  ///
  /// @return how many of the ticks ran with all slots
  private int run(SlotLimit limit, int from, int count, IntToLongFunction perTick) {
    int allowed = from;
    int withAll = 0;
    for (int i = 0; i < count; i++) {
      if (allowed == from) {
        withAll++;
      }
      ticks++;
      allowed = limit.tick(perTick.applyAsLong(allowed), TICK);
    }
    return withAll;
  }

  @ParameterizedTest
  @CsvSource({"2,1", "4,1", "4,2", "8,2", "64,1", "64,16"})
  void whereFewerSlotsGetMoreDone_theyAreFound(int slots, int best) {
    SlotLimit limit = new SlotLimit(slots);
    IntToLongFunction perTick = n -> 10_000 / (1 + Math.abs(n - best));
    run(limit, slots, 2 * SlotLimit.PAUSE_MAX, perTick);
    int found = 0;
    int allowed = best;
    for (int i = 0; i < 1_000; i++) {
      allowed = limit.tick(perTick.applyAsLong(allowed), TICK);
      found += allowed == best ? 1 : 0;
    }
    assertThat(found).isGreaterThan(900);
  }

  @Test
  void whereAllSlotsGetMoreDone_trialsAreRare() {
    assertThat(run(new SlotLimit(2), 2, 100_000, n -> n * 1_000L)).isGreaterThan(99_000);
  }

  @Test
  void aLittleMoreIsNoReason() {
    assertThat(run(new SlotLimit(2), 2, 10_000, n -> n == 2 ? 1_000 : 1_090)).isGreaterThan(9_500);
  }

  @Test
  void onePauseInASample_changesNothing() {
    // Every 100th tick is a pause of the garbage collector.
    assertThat(run(new SlotLimit(2), 2, 100_000, n -> ticks % 100 == 0 ? 200 : n * 1_000L))
        .isGreaterThan(98_000);
  }

  @Test
  void otherWork_isTriedAnew() {
    SlotLimit limit = new SlotLimit(2);
    run(limit, 2, 20_000, n -> n * 1_000L);
    assertThat(run(limit, 2, 1_000, n -> 30_000 / n)).isLessThan(200);
    assertThat(run(limit, 1, 1_000, n -> n * 1_000L)).isLessThan(200);
  }

  @Test
  void whereLittleIsHandled_allSlotsMayRunSoon() {
    SlotLimit limit = new SlotLimit(2);
    run(limit, 2, 100, n -> 10_000 / n);
    int allowed = 1;
    for (int i = 0; i < SlotLimit.SLACK_MAX; i++) {
      assertThat(allowed).isEqualTo(1);
      allowed = limit.tick(0, TICK);
    }
    assertThat(allowed).isEqualTo(2);
  }

  @Test
  void lift_endsATrial() {
    SlotLimit limit = new SlotLimit(2);
    int allowed = 2;
    while (allowed == 2) {
      allowed = limit.tick(1_000, TICK);
    }
    assertThat(limit.lift()).isEqualTo(2);
    assertThat(limit.tick(1_000, TICK)).isEqualTo(2);
  }
}
