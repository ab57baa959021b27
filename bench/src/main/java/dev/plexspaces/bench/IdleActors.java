package dev.plexspaces.bench;

import java.util.ArrayList;
import java.util.List;

/// Time to spawn a million idle actors and the memory they hold.
final class IdleActors {

  private static final int ACTORS = 1_000_000;
  private static final int WARM_UP_ACTORS = 100_000;
  private static final int ROUNDS = 3;

  /// DESIGN section 11.
  private static final int BYTES_GOAL = 600;

  private IdleActors() {}

  static void run(Bench.Options options) throws Exception {
    try (Report report =
        new Report(
            options.results().resolve("idle.txt"),
            "Idle actors: time to spawn and memory of " + ACTORS)) {
      List<Contestant.Family> families = new ArrayList<>(Messaging.families(options));
      // An actor weighs the same whatever dispatcher runs it.
      families.removeIf(PekkoContestant.VirtualThreads.class::isInstance);
      double[][] seconds = new double[families.size()][ROUNDS];
      double[][] bytes = new double[families.size()][ROUNDS];
      for (Contestant.Family family : families) {
        idle(family, WARM_UP_ACTORS);
      }
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < families.size(); i++) {
          Contestant.IdleCost cost = idle(families.get(i), ACTORS);
          seconds[i][round] = cost.nanos() / 1e9;
          bytes[i][round] = (double) cost.bytes() / ACTORS;
          report.line(
              "round %d  %-24s spawn %6.2f s  %7.0f bytes/actor  resident growth %,d",
              round + 1,
              families.get(i).name(),
              seconds[i][round],
              bytes[i][round],
              cost.residentBytes());
        }
      }
      report.line("");
      report.line("%-24s %16s %16s", "median", "spawn seconds", "bytes/actor");
      for (int i = 0; i < families.size(); i++) {
        double weight = Comparison.median(Comparison.sorted(bytes[i]));
        report.line(
            "%-24s %16.2f %16.0f%s",
            families.get(i).name(),
            Comparison.median(Comparison.sorted(seconds[i])),
            weight,
            !families.get(i).name().equals(PlexContestant.NAME)
                ? ""
                : "   goal <= " + BYTES_GOAL + (weight <= BYTES_GOAL ? " met" : " MISSED"));
      }
    }
  }

  /// In a system of its own, so that nothing of the round before is counted.
  private static Contestant.IdleCost idle(Contestant.Family family, int actors) throws Exception {
    // The last setting: most throughput, most threads; it does not change what an actor weighs.
    String setting = family.settings(new Workload.Skynet(ACTORS, 10)).getLast();
    try (Contestant contestant = family.open(setting)) {
      return contestant.idle(actors);
    }
  }
}
