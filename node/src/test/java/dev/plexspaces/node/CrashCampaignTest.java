package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.testkit.crash.Campaign;
import dev.plexspaces.testkit.crash.CampaignOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A short run of `./plexspaces crashtest`: messages between accounts, timers, killed at any
/// moment.
class CrashCampaignTest {

  private static final int KILLS = 6;

  private static final int KILLS_WHEN_FULL = 6;
  private static final int CLIENTS = 8;

  /// Few, so that what they have done does not fill the disk by itself.
  private static final int CLIENTS_WHEN_FULL = 4;

  private static final int DISK_MEGABYTES = 512;
  private static final long SEED = 7;

  /// Lives of a few seconds each; the bound is for a machine that is slow.
  private static final Duration AT_MOST = Duration.ofMinutes(5);

  @TempDir Path temp;

  @Test
  void killedNode_conservesMoneyAndHandlesEveryMessageOnce() throws InterruptedException {
    Campaign.Result result =
        campaign(KILLS, CLIENTS, temp.resolve("data"), Optional.empty(), NodeProcess.java());
    assertThat(result.violations()).isEmpty();
    assertThat(result.kills()).isEqualTo(KILLS);
    assertThat(result.transfers()).as("the load was real").isGreaterThan(KILLS);
  }

  @Test
  void fullDiskNowAndThen_losesNothingEither() throws IOException, InterruptedException {
    try (SmallDisk disk = SmallDisk.make(temp, DISK_MEGABYTES)) {
      List<String> java = new ArrayList<>(disk.entering());
      java.addAll(NodeProcess.java());
      Campaign.Result result =
          campaign(
              KILLS_WHEN_FULL,
              CLIENTS_WHEN_FULL,
              disk.mount().resolve("data"),
              Optional.of(disk.seen().resolve("hog")),
              java);
      assertThat(result.violations()).isEmpty();
      assertThat(result.timesFull()).isPositive();
      assertThat(result.refused()).as("requests refused by a full disk").isPositive();
      assertThat(result.transfers()).isPositive();
    }
  }

  private Campaign.Result campaign(
      int kills, int clients, Path data, Optional<Path> hog, List<String> java)
      throws InterruptedException {
    return new Campaign(
            new CampaignOptions(
                AT_MOST,
                kills,
                150,
                clients,
                CampaignOptions.KEYED_PERCENT,
                SEED,
                data,
                temp.resolve("node.log"),
                hog,
                java),
            System.out)
        .run();
  }
}
