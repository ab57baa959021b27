package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RescueBudgetTest {

  private final RescueBudget budget = new RescueBudget();

  /// Runs in vain until no more are wanted.
  private int spend() {
    int spent = 1;
    while (budget.inVain()) {
      spent++;
    }
    return spent - 1;
  }

  @Test
  void tick_nothingMissed_staysAtTheLeast() {
    assertThat(spend()).isEqualTo(RescueBudget.MIN);
    budget.tick(false);
    assertThat(spend()).isEqualTo(RescueBudget.MIN);
  }

  @Test
  void useful_allowsAsManyInVain() {
    budget.useful();
    budget.useful();
    assertThat(spend()).isEqualTo(RescueBudget.MIN + 2);
    budget.tick(false);
    assertThat(spend()).as("of its own tick only").isEqualTo(RescueBudget.MIN);
  }

  @Test
  void tick_missed_doublesUpToTheMost() {
    budget.tick(true);
    assertThat(spend()).isEqualTo(2 * RescueBudget.MIN);
    for (int i = 0; i < 20; i++) {
      budget.tick(true);
    }
    assertThat(spend()).isEqualTo(RescueBudget.MAX);
  }

  @Test
  void tick_nothingMissedForLong_shrinksSlowlyToTheLeast() {
    for (int i = 0; i < 20; i++) {
      budget.tick(true);
    }
    for (int i = 0; i < 50; i++) {
      budget.tick(false);
    }
    assertThat(spend()).isBetween(RescueBudget.MAX / 2, RescueBudget.MAX - 50);
    for (int i = 0; i < 1_000; i++) {
      budget.tick(false);
    }
    assertThat(spend()).isEqualTo(RescueBudget.MIN);
  }
}
