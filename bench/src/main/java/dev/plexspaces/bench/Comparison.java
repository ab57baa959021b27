package dev.plexspaces.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Runs one workload by all contestants in interleaved rounds and reports rates and ratios.
///
/// Three phases. *Tuning*: a family with several settings runs each one briefly, a few times, and
/// keeps the fastest. *Warm-up*: each contestant's number of operations is calibrated until a round
/// takes the wanted time, then whole rounds are run and thrown away until they get no faster.
/// *Rounds*: A B C, B C A, C A B …, so that a slow phase of the machine hits all.
final class Comparison {

  /// How long things take.
  ///
  /// @param roundMs wanted length of a measured round
  /// @param rounds measured rounds per contestant
  /// @param warmUps most rounds thrown away
  /// @param tuneMs length of the rounds that decide between settings, after one as long to warm up
  record Timing(int roundMs, int rounds, int warmUps, int tuneMs) {}

  /// What ours must reach against a peer.
  ///
  /// @param peer name of the family
  /// @param ratio ours divided by the peer's
  record Goal(String peer, double ratio) {}

  private static final long MS = 1_000_000;

  /// Longest a calibrated round may become by one step, so that one fast run by chance does not
  /// make the next take minutes.
  private static final int GROWTH_MAX = 8;

  /// Rounds of which the median speaks for a setting: one alone may fall into a slow moment of the
  /// machine, or be a lucky one of a setting that is fast now and then.
  private static final int TUNE_ROUNDS = 3;

  /// Warm-up rounds in a row without gain after which a contestant counts as warm.
  private static final int STEADY_ROUNDS = 3;

  /// What counts as a gain.
  private static final double FASTER = 1.02;

  private final Timing timing;
  private final Report report;

  Comparison(Timing timing, Report report) {
    this.timing = timing;
    this.report = report;
  }

  private record Entrant(Contestant.Family family, String setting, Contestant contestant) {}

  /// @param families ours first
  void run(Workload workload, List<Contestant.Family> families, List<Goal> goals) throws Exception {
    report.line("");
    report.line("== " + workload.name() + " (" + workload.unit() + ")");
    List<Entrant> entrants = new ArrayList<>();
    try {
      for (Contestant.Family family : families) {
        String setting = tune(workload, family);
        entrants.add(new Entrant(family, setting, family.open(setting)));
      }
      rounds(workload, entrants, goals);
    } finally {
      for (Entrant entrant : entrants) {
        entrant.contestant.close();
      }
    }
  }

  private String tune(Workload workload, Contestant.Family family) throws Exception {
    List<String> settings = family.settings(workload);
    if (settings.size() == 1) {
      return settings.getFirst();
    }
    String best = null;
    double bestRate = -1;
    for (String setting : settings) {
      double rate;
      try (Contestant contestant = family.open(setting)) {
        long operations =
            workload.fixed() ? workload.smallest() : calibrate(workload, contestant, timing.tuneMs);
        double[] rates = new double[workload.fixed() ? 1 : TUNE_ROUNDS];
        for (int round = 0; round < rates.length; round++) {
          rates[round] = rate(operations, contestant.run(workload, operations));
        }
        rate = median(sorted(rates));
      }
      report.line(
          String.format(Locale.ROOT, "tune  %-24s %-32s %,15.0f", family.name(), setting, rate));
      if (rate > bestRate) {
        best = setting;
        bestRate = rate;
      }
    }
    return best;
  }

  private void rounds(Workload workload, List<Entrant> entrants, List<Goal> goals)
      throws Exception {
    int count = entrants.size();
    long[] operations = new long[count];
    double[][] rates = new double[count][timing.rounds];
    double[][] costs = new double[count][timing.rounds];
    for (int i = 0; i < count; i++) {
      Contestant contestant = entrants.get(i).contestant;
      operations[i] = warmUp(workload, contestant, calibrate(workload, contestant, timing.roundMs));
    }
    for (int round = 0; round < timing.rounds; round++) {
      for (int turn = 0; turn < count; turn++) {
        int i = (turn + round) % count;
        Contestant contestant = entrants.get(i).contestant;
        long cpuBefore = contestant.cpuNanos();
        rates[i][round] = rate(operations[i], contestant.run(workload, operations[i]));
        costs[i][round] = (double) (contestant.cpuNanos() - cpuBefore) / operations[i];
        report.line(
            String.format(
                Locale.ROOT,
                "round %-2d %-22s %,15.0f %,9.0f ns   (%,d operations)",
                round + 1,
                entrants.get(i).family.name(),
                rates[i][round],
                costs[i][round],
                operations[i]));
      }
    }
    table(entrants, rates, costs, goals);
  }

  private void table(List<Entrant> entrants, double[][] rates, double[][] costs, List<Goal> goals) {
    report.line(
        String.format(
            "%-24s %15s %15s %15s %12s   %s", "", "median", "min", "max", "cpu each", "setting"));
    Map<String, double[]> byName = new LinkedHashMap<>();
    for (int i = 0; i < entrants.size(); i++) {
      Entrant entrant = entrants.get(i);
      byName.put(entrant.family.name(), rates[i]);
      double[] sorted = sorted(rates[i]);
      report.line(
          String.format(
              Locale.ROOT,
              "%-24s %,15.0f %,15.0f %,15.0f %,9.0f ns   %s",
              entrant.family.name(),
              median(sorted),
              sorted[0],
              sorted[sorted.length - 1],
              median(sorted(costs[i])),
              entrant.setting));
    }
    if (!entrants.getFirst().family.name().equals(PlexContestant.NAME)) {
      return;
    }
    double[] ours = rates[0];
    String us = entrants.getFirst().family.name();
    for (Entrant entrant : entrants.subList(1, entrants.size())) {
      String peer = entrant.family.name();
      double[] theirs = byName.get(peer);
      double[] each = new double[ours.length];
      for (int round = 0; round < each.length; round++) {
        each[round] = ours[round] / theirs[round];
      }
      Arrays.sort(each);
      double ratio = median(sorted(ours)) / median(sorted(theirs));
      report.line(
          String.format(
              Locale.ROOT,
              "ratio %s / %s: %.2f (rounds %.2f .. %.2f)%s",
              us,
              peer,
              ratio,
              each[0],
              each[each.length - 1],
              verdict(goals, peer, ratio)));
    }
  }

  private static String verdict(List<Goal> goals, String peer, double ratio) {
    for (Goal goal : goals) {
      if (goal.peer.equals(peer)) {
        return String.format(
            Locale.ROOT, "   goal >= %.2f %s", goal.ratio, ratio >= goal.ratio ? "met" : "MISSED");
      }
    }
    return "";
  }

  /// Grows the number of operations until a run takes about `ms`; this is also the first warm-up.
  private static long calibrate(Workload workload, Contestant contestant, long ms)
      throws Exception {
    long operations = workload.smallest();
    if (workload.fixed()) {
      contestant.run(workload, operations);
      return operations;
    }
    while (true) {
      long nanos = contestant.run(workload, operations);
      long next = scaled(workload, operations, nanos, ms);
      if (nanos >= ms * MS / 2) {
        return next;
      }
      operations = next;
    }
  }

  /// Runs rounds until [#STEADY_ROUNDS] in a row are not faster than those before.
  ///
  /// @return the operations of a round at the speed that was reached
  private long warmUp(Workload workload, Contestant contestant, long operations) throws Exception {
    long scaled = operations;
    double best = 0;
    for (int round = 0, steady = 0; round < timing.warmUps && steady < STEADY_ROUNDS; round++) {
      long nanos = contestant.run(workload, scaled);
      double rate = rate(scaled, nanos);
      steady = rate > best * FASTER ? 0 : steady + 1;
      best = Math.max(best, rate);
      if (!workload.fixed()) {
        scaled = scaled(workload, scaled, nanos, timing.roundMs);
      }
    }
    return scaled;
  }

  private static long scaled(Workload workload, long operations, long nanos, long ms) {
    double factor = Math.min(GROWTH_MAX, (double) ms * MS / Math.max(1, nanos));
    return Math.max(workload.smallest(), (long) (operations * factor));
  }

  private static double rate(long operations, long nanos) {
    return operations * 1e9 / nanos;
  }

  static double[] sorted(double[] values) {
    double[] copy = values.clone();
    Arrays.sort(copy);
    return copy;
  }

  static double median(double[] sorted) {
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
