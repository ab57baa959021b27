package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// The smoke run of every build: the bank keeps all of its promises in 200 worlds.
class BankSimulation {

  private static final int SEEDS = 200;

  @Test
  void bank_200Seeds_keepsItsPromises() {
    Map<String, Integer> seen = new TreeMap<>();
    Set<String> counted = new TreeSet<>();
    for (long seed = 1; seed <= SEEDS; seed++) {
      BankWorld bank = new BankWorld(seed);
      bank.run();
      counted.addAll(bank.world().counts().keySet());
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
    assertThat(counted)
        .contains(
            "clock jumps",
            "conflicts",
            "crashes",
            "crossing asks answered",
            "deadlocks refused",
            "delays",
            "discards",
            "duplicates",
            "duplicates at once",
            "handler crashes",
            "impatient repetitions",
            "late hints",
            "late replies",
            "lost answers",
            "monitors dropped",
            "monitors told",
            "other bodies",
            "partly done letters",
            "power losses",
            "redrives",
            "refused batches",
            "refused reads",
            "repetitions long after",
            "retries of crashes",
            "retries of errors",
            "retries of lost answers",
            "retries of refused connections");
    assertThat(seen.get("crash")).isGreaterThan(2 * SEEDS);
    assertThat(seen.get("commit")).isGreaterThan(100 * SEEDS);
  }
}
