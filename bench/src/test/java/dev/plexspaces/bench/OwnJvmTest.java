package dev.plexspaces.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class OwnJvmTest {

  @Test
  void contestant_runsRoundsInAnotherJvm_oneAfterTheOther() throws Exception {
    Workload workload = Messaging.workload("ping-pong-1");
    try (OwnJvm family = new OwnJvm(new PlexContestant.Plex())) {
      assertThat(family.name()).isEqualTo("plexspaces");
      for (int i = 0; i < 2; i++) {
        try (Contestant contestant = family.open("defaults")) {
          long before = contestant.cpuNanos();
          assertThat(contestant.run(workload, 500_000)).isPositive();
          assertThat(contestant.cpuNanos()).isGreaterThan(before);
        }
      }
    }
  }

  @Test
  void run_thatFailsThere_isReportedHere() throws Exception {
    try (OwnJvm family = new OwnJvm(new PlexContestant.Plex());
        Contestant contestant = family.open("defaults")) {
      assertThatThrownBy(() -> contestant.run(new Workload.PingPong(3, 0), 1_000))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("plexspaces answered `null` to `run ping-pong-3 1000`");
    }
  }
}
