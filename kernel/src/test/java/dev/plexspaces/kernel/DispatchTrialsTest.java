package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DispatchTrialsTest {

  private static final long TICK = WorkerDispatcher.TICK_NANOS;
  private static final int TICKS = 20_000;

  private DispatchTrials trials = new DispatchTrials(2);
  private int lingered;
  private int withOneSlot;

  /// Messages handled in a tick.
  private interface Load {
    long handled(int slots, boolean lingers);
  }

  private void run(Load load, boolean mayLinger) {
    lingered = 0;
    withOneSlot = 0;
    for (int i = 0; i < TICKS; i++) {
      lingered += trials.lingers() ? 1 : 0;
      withOneSlot += trials.slots() == 1 ? 1 : 0;
      trials.tick(load.handled(trials.slots(), trials.lingers()), TICK, mayLinger);
    }
  }

  @Test
  void whereLingeringGetsMoreDone_workersLinger() {
    run((slots, lingers) -> slots * (lingers ? 3_000L : 2_000L), true);
    assertThat(lingered).isGreaterThan(TICKS * 9 / 10);
    assertThat(withOneSlot).isLessThan(TICKS / 10);
  }

  @Test
  void whereItGetsLessDone_trialsAreRare() {
    run((slots, lingers) -> slots * (lingers ? 2_000L : 3_000L), true);
    assertThat(lingered).isLessThan(TICKS / 50);
  }

  @Test
  void whereItMakesNoDifference_workersPark() {
    run((slots, lingers) -> slots * 2_000L, true);
    assertThat(lingered).isLessThan(TICKS / 50);
  }

  @Test
  void bothAreFound_eachByItself() {
    run((slots, lingers) -> (lingers ? 3_000L : 2_000L) * (3 - slots), true);
    assertThat(lingered).isGreaterThan(TICKS * 9 / 10);
    assertThat(withOneSlot).isGreaterThan(TICKS * 9 / 10);
  }

  /// What would pay if it were more.
  @Test
  void whereLittleIsHandled_nobodyLingers() {
    long few = DispatchTrials.LINGER_HANDLED_MIN / 2;
    run((slots, lingers) -> lingers ? 2 * few - 1 : few, true);
    assertThat(lingered).isZero();
  }

  @Test
  void whereWorkersCannot_nobodyLingers() {
    run((slots, lingers) -> lingers ? 4_000 : 2_000, false);
    assertThat(lingered).isZero();
  }

  @Test
  void lift_letsEverySlotRunAndNobodyLinger() {
    run((slots, lingers) -> (lingers ? 3_000L : 2_000L) * (3 - slots), true);
    trials.lift();
    assertThat(trials.lingers()).isFalse();
    assertThat(trials.slots()).isEqualTo(2);
  }

  @Test
  void theOnlySlot_mayAlwaysRun() {
    trials = new DispatchTrials(1);
    run((slots, lingers) -> slots * (lingers ? 3_000L : 2_000L), true);
    assertThat(withOneSlot).isEqualTo(TICKS);
    assertThat(lingered).isGreaterThan(TICKS * 9 / 10);
    trials.lift();
    assertThat(trials.slots()).isEqualTo(1);
  }

  @Test
  void otherWork_isTriedAnew() {
    run((slots, lingers) -> lingers ? 6_000L : 3_000L, true);
    run((slots, lingers) -> lingers ? 2_000L : 4_000L, true);
    assertThat(lingered).isLessThan(TICKS / 50);
  }
}
