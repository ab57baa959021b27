package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// The smoke run of every build: the bank keeps all of its promises in 200 worlds.
class BankSimulation {

  private static final int SEEDS = 200;

  @Test
  void bank_200Seeds_keepsItsPromises() {
    Map<String, Integer> seen = new TreeMap<>();
    for (long seed = 1; seed <= SEEDS; seed++) {
      BankWorld bank = new BankWorld(seed);
      bank.run();
      for (String line : bank.world().trace().lines()) {
        // Number, time, node, event, detail.
        String[] columns = line.strip().split(" +", 5);
        seen.merge(columns[3], 1, Integer::sum);
        if (columns[3].equals("crash")) {
          seen.merge("crash " + columns[4].split("[,:]")[0], 1, Integer::sum);
        }
        if (columns[3].equals("commit") && columns[4].contains(" OPEN ")) {
          seen.merge("open turn", 1, Integer::sum);
        }
        if (columns[3].equals("commit") && columns[4].contains("FAILED")) {
          seen.merge("failed turn", 1, Integer::sum);
        }
      }
    }
    // Worlds in which nothing happens keep every promise, so what happens is checked as well.
    assertThat(seen)
        .containsKeys(
            "crash when queued",
            "crash when written",
            "crash when synced",
            "crash when told",
            "crash between steps",
            "crash at rest",
            "open turn",
            "failed turn",
            "throw",
            "full",
            "unreadable",
            "accept",
            "reply",
            "error");
    assertThat(seen.get("crash")).isGreaterThan(2 * SEEDS);
    assertThat(seen.get("commit")).isGreaterThan(100 * SEEDS);
  }
}
