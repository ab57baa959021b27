package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.testkit.crash.Campaign;
import dev.plexspaces.testkit.crash.CampaignOptions;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A short run of `./plexspaces crashtest`: messages between accounts, timers, killed at any
/// moment.
class CrashCampaignTest {

  private static final int KILLS = 8;

  /// Lives of a few seconds each; the bound is for a machine that is slow.
  private static final Duration AT_MOST = Duration.ofMinutes(5);

  @TempDir Path temp;

  @Test
  void killedNode_conservesMoneyAndHandlesEveryMessageOnce() throws InterruptedException {
    Campaign.Result result =
        new Campaign(
                new CampaignOptions(
                    AT_MOST,
                    KILLS,
                    150,
                    8,
                    CampaignOptions.KEYED_PERCENT,
                    7,
                    temp.resolve("data"),
                    NodeProcess.java()),
                System.out)
            .run();
    assertThat(result.violations()).isEmpty();
    assertThat(result.kills()).isEqualTo(KILLS);
    assertThat(result.transfers()).as("the load was real").isGreaterThan(KILLS);
  }
}
