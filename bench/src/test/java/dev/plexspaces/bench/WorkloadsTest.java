package dev.plexspaces.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Every JVM contestant finishes every workload: a round that lost a message would never return, a
/// wrong sum or reply throws.
class WorkloadsTest {

  private static final List<Contestant.Family> FAMILIES =
      List.of(
          new PlexContestant.Plex(),
          new PekkoContestant.ForkJoin(),
          new PekkoContestant.VirtualThreads());

  private static final List<Workload> WORKLOADS =
      List.of(
          new Workload.PingPong(1, 0),
          new Workload.PingPong(4, 0),
          new Workload.FanIn(16),
          new Workload.Skynet(1_000, 10),
          new Workload.AskFromOutside(4, 16, 0),
          new Workload.AskFromActor(4));

  static Stream<Arguments> all() {
    return FAMILIES.stream()
        .flatMap(family -> WORKLOADS.stream().map(workload -> Arguments.of(family, workload)));
  }

  @ParameterizedTest
  @MethodSource("all")
  void workload_smallestRounds_finish(Contestant.Family family, Workload workload)
      throws Exception {
    try (Contestant contestant = family.open(family.settings(workload).getFirst())) {
      for (int round = 0; round < 3; round++) {
        assertThat(contestant.run(workload, workload.smallest())).isPositive();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void sleepAlone_blockingRounds_finish(boolean virtual) throws Exception {
    try (Contestant sleep = new SleepAlone.Sleep(virtual).open("")) {
      for (Workload workload :
          List.of(new Workload.PingPong(4, 10), new Workload.AskFromOutside(4, 16, 10))) {
        assertThat(sleep.run(workload, workload.smallest())).isPositive();
      }
      assertThatThrownBy(() -> sleep.run(new Workload.PingPong(4, 0), 1_000))
          .hasMessageContaining("ping-pong-4 does not sleep");
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void idle_thousandActors_allStart(Contestant.Family family) throws Exception {
    String setting = family.settings(new Workload.PingPong(1, 0)).getFirst();
    try (Contestant contestant = family.open(setting)) {
      assertThat(contestant.idle(1_000).nanos()).isPositive();
    }
  }

  static Stream<Contestant.Family> families() {
    return FAMILIES.stream();
  }
}
