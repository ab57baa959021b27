package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The test of the simulator: a bug of each class is found within few seeds, by a checker that can
/// name it. Source: spec/turns rule 14, DESIGN section 10.
class PlantedBugsTest {

  /// Seeds a bug may hide from.
  private static final int SEEDS_MAX = 30;

  @ParameterizedTest
  @EnumSource
  void bug_planted_isFoundByItsChecker(PlantedBugs bug) {
    Violation found = null;
    for (long seed = 1; found == null && seed <= SEEDS_MAX; seed++) {
      BankWorld bank =
          new BankWorld(seed, Faults.drawn(new SimEntropy(seed).stream("faults")), bug);
      try {
        bank.run();
      } catch (Violation violation) {
        found = violation;
      }
    }
    assertThat(found).as("%s within %d seeds", bug, SEEDS_MAX).isNotNull();
    assertThat(found.checker()).as("%s, found as: %s", bug, found.getMessage()).isIn(expected(bug));
    assertThat(found).hasMessageContaining("--seed ");
  }

  private static Set<String> expected(PlantedBugs bug) {
    return switch (bug) {
      case CONSUME_TWICE ->
          Set.of(
              "asks by row",
              "exactly once",
              "keys once",
              "order per sender",
              "conserved total",
              "timers fire once");
      case REPLY_EARLY -> Set.of("promised is durable");
      case FORGET_EFFECT ->
          // The forgotten message may be a request.
          Set.of("asks by row", "exactly once", "conserved total", "promised is durable");
      case TIMER_TWICE -> Set.of("exactly once", "timers fire once");
      case RESTART_OPEN_TURN -> Set.of("asks by row", "exactly once", "replay equals original");
      case LOSE_CHANGE ->
          Set.of(
              "exactly once",
              "conserved total",
              "replay equals original",
              "promised is durable",
              "timers fire once");
      case WRONG_ORDER -> Set.of("order per sender");
      case FORGET_DOWN, DOWN_TWICE, KEEP_MONITOR -> Set.of("monitors tell once");
      case FORGET_KEY, ANSWER_DUPLICATE_EARLY -> Set.of("keys once");
      case REQUEST_TWICE, LOSE_REPLY -> Set.of("asks by row");
      case REPLY_TO_ANOTHER_STEP -> Set.of("keys once", "exactly once");
      case DISCARD_REDRIVES ->
          // It is back in the inbox, and whoever discards wakes nobody.
          Set.of("conserved total", "exactly once", "keys once", "liveness");
      case REDRIVE_COPIES ->
          Set.of(
              "exactly once",
              "conserved total",
              "keys once",
              "order per sender",
              "timers fire once");
    };
  }
}
