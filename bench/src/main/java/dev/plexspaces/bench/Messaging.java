package dev.plexspaces.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.Stream;

/// Messages, asks and spawning against Pekko and Erlang.
final class Messaging {

  private static final int BLOCK_EVERY = 10;

  /// So few sleepers that the machine idles: only how late they wake makes a difference.
  private static final Workload SLEEP_BOUND = new Workload.PingPong(16, BLOCK_EVERY);

  /// What counts as level with somebody who cannot be overtaken.
  private static final double PARITY = 0.95;

  private static final List<Workload> WORKLOADS =
      List.of(
          new Workload.PingPong(1, 0),
          new Workload.PingPong(16, 0),
          new Workload.FanIn(16),
          new Workload.Skynet(1_000_000, 10),
          new Workload.AskFromOutside(16, 256, 0),
          new Workload.AskFromOutside(16, 4_096, 0),
          new Workload.AskFromActor(1),
          new Workload.AskFromActor(16),
          SLEEP_BOUND,
          new Workload.PingPong(1_024, BLOCK_EVERY),
          new Workload.AskFromOutside(256, 256, BLOCK_EVERY));

  private static final List<Contestant.Family> ON_THE_JVM =
      List.of(
          new PlexContestant.Plex(),
          new PekkoContestant.ForkJoin(),
          new PekkoContestant.VirtualThreads());

  private static final Contestant.Family SLEEP_VIRTUAL = new SleepAlone.Sleep(true);
  private static final Contestant.Family SLEEP_PLATFORM = new SleepAlone.Sleep(false);

  private Messaging() {}

  static void run(Bench.Options options) throws Exception {
    List<Contestant.Family> families = apart(families(options));
    Selection only = workloads();
    try (Report report =
        new Report(
            options.results().resolve("messaging.txt"), "Messaging: the same work, peer by peer")) {
      report.line("timing   %s", options.timing());
      Comparison comparison = new Comparison(options.timing(), report);
      for (Workload workload : WORKLOADS) {
        if (only.has(workload.name())) {
          comparison.run(workload, contestants(workload, families), goals(workload));
        }
      }
    } finally {
      families.forEach(Contestant.Family::close);
    }
  }

  private static List<Contestant.Family> apart(List<Contestant.Family> families) {
    return families.stream()
        .map(family -> ON_THE_JVM.contains(family) ? new OwnJvm(family) : family)
        .toList();
  }

  /// @throws NoSuchElementException for names of others
  static Contestant.Family onTheJvm(String name) {
    return ON_THE_JVM.stream().filter(family -> family.name().equals(name)).findAny().orElseThrow();
  }

  /// @throws NoSuchElementException for names that no workload has
  static Workload workload(String name) {
    return WORKLOADS.stream()
        .filter(workload -> workload.name().equals(name))
        .findAny()
        .orElseThrow();
  }

  /// The limits are shown where they are some: many platform threads spend their time starting.
  private static List<Contestant.Family> contestants(
      Workload workload, List<Contestant.Family> families) {
    List<Contestant.Family> limits = new ArrayList<>();
    if (workload.blocks()) {
      limits.add(SLEEP_VIRTUAL);
    }
    if (workload.equals(SLEEP_BOUND)) {
      limits.add(SLEEP_PLATFORM);
    }
    List<Contestant.Family> contestants = new ArrayList<>(families);
    contestants.addAll(chosen(limits));
    return contestants;
  }

  static List<Contestant.Family> families(Bench.Options options) {
    List<Contestant.Family> families = new ArrayList<>(ON_THE_JVM);
    if (ErlangContestant.available()) {
      families.add(new ErlangContestant.Erlang(options.beams()));
    }
    return chosen(families);
  }

  private static List<Contestant.Family> chosen(List<Contestant.Family> families) {
    Selection only = contestants();
    return families.stream().filter(family -> only.has(family.name())).toList();
  }

  /// @throws IllegalArgumentException for names that no workload has
  static Selection workloads() {
    return Selection.of("bench.workloads", WORKLOADS.stream().map(Workload::name).toList());
  }

  /// @throws IllegalArgumentException for names that no contestant has
  static Selection contestants() {
    return Selection.of("bench.contestants", contestantNames());
  }

  /// Of all there can be, also where Erlang is not installed.
  static List<String> contestantNames() {
    return Stream.concat(
            Stream.concat(ON_THE_JVM.stream(), Stream.of(SLEEP_VIRTUAL, SLEEP_PLATFORM))
                .map(Contestant.Family::name),
            Stream.of(ErlangContestant.NAME))
        .toList();
  }

  /// DESIGN section 11: ahead everywhere, 1.5 times on ping-pong and ask, three times the
  /// dispatcher that may block as freely as ours on ping-pong. Where sleeping decides, ADR 14.
  private static List<Comparison.Goal> goals(Workload workload) {
    double forkJoin =
        switch (workload) {
          case Workload.PingPong _, Workload.AskFromOutside _, Workload.AskFromActor _ ->
              workload.blocks() ? 1 : 1.5;
          case Workload.FanIn _, Workload.Skynet _ -> 1;
        };
    double virtualThreads =
        workload instanceof Workload.PingPong && !workload.blocks() ? 3 : forkJoin;
    boolean sleepBound = workload.equals(SLEEP_BOUND);
    List<Comparison.Goal> goals = new ArrayList<>();
    goals.add(new Comparison.Goal("pekko-fork-join", sleepBound ? PARITY : forkJoin));
    goals.add(new Comparison.Goal("pekko-virtual-threads", virtualThreads));
    goals.add(new Comparison.Goal("erlang", 1));
    if (sleepBound) {
      goals.add(new Comparison.Goal(SLEEP_VIRTUAL.name(), PARITY));
    }
    return goals;
  }
}
