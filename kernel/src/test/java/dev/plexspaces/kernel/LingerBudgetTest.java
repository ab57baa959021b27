package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LingerBudgetTest {

  private final LingerBudget budget = new LingerBudget();

  /// Waits in vain until no more is allowed.
  private int spend() {
    int spent = 0;
    while (budget.allows()) {
      budget.inVain();
      spent++;
    }
    return spent;
  }

  @Test
  void tick_bringsOne_upToTheMost() {
    assertThat(spend()).isEqualTo(LingerBudget.MAX);
    assertThat(spend()).isZero();
    budget.tick();
    assertThat(spend()).isEqualTo(1);
    for (int i = 0; i < LingerBudget.MAX * 2; i++) {
      budget.tick();
    }
    assertThat(spend()).isEqualTo(LingerBudget.MAX);
  }

  @Test
  void inVain_byWorkersThatWereAllowedAtOnce_isNotOwedLater() {
    spend();
    budget.inVain();
    budget.inVain();
    budget.tick();
    assertThat(budget.allows()).isTrue();
  }

  @Test
  void found_costsNothing() {
    for (int i = 0; i < LingerBudget.MAX * 2; i++) {
      budget.found();
    }
    assertThat(budget.foundSoFar()).isEqualTo(LingerBudget.MAX * 2);
    assertThat(spend()).isEqualTo(LingerBudget.MAX);
  }
}
