package dev.plexspaces.testkit.crash;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// How a campaign is run.
///
/// @param duration kills for this long; positive
/// @param killsMax ends earlier after so many kills; positive
/// @param accounts more than `clients`, at most [#ACCOUNTS_MAX]
/// @param clients requests in progress at a time; 1 to [#CLIENTS_MAX]
/// @param keyedPercent share of the transfers sent with an `Idempotency-Key` and again until they
///   are answered; the rest is sent once, and the client finds out by itself what became of it
/// @param seed decides transfers and the moments of the kills
/// @param data the node's data directory; empty or missing
/// @param log what the node writes to standard error, over all its lives
/// @param hog a file on the node's disk that takes all its room now and then; empty for none. That
///   disk should be one of its own, with at most [#HOG_BYTES_MAX] free
/// @param command runs a node's command line, up to where `start` would follow
public record CampaignOptions(
    Duration duration,
    int killsMax,
    int accounts,
    int clients,
    int keyedPercent,
    long seed,
    Path data,
    Path log,
    Optional<Path> hog,
    List<String> command) {

  /// Default of `accounts`.
  public static final int ACCOUNTS = 1_000;

  /// Default of `clients`.
  public static final int CLIENTS = 16;

  /// Default of `keyedPercent`.
  public static final int KEYED_PERCENT = 80;

  /// Bound of `accounts`: each is looked at when all is done.
  public static final int ACCOUNTS_MAX = 100_000;

  /// Bound of `clients`.
  public static final int CLIENTS_MAX = 1_000;

  /// Most room that is taken, bytes: a disk with more is taken for one that others need.
  public static final long HOG_BYTES_MAX = 1L << 30;

  public CampaignOptions {
    require(duration.isPositive(), "the duration must be positive");
    require(killsMax > 0, "the number of kills must be positive");
    require(clients > 0 && clients <= CLIENTS_MAX, "clients must be 1 to " + CLIENTS_MAX);
    require(
        accounts > clients && accounts <= ACCOUNTS_MAX,
        "accounts must be more than clients and at most " + ACCOUNTS_MAX);
    require(keyedPercent >= 0 && keyedPercent <= 100, "the keyed share must be 0 to 100 percent");
    require(
        hog.isEmpty()
            || hog.get().toAbsolutePath().getParent().toFile().getUsableSpace() <= HOG_BYTES_MAX,
        "the disk to fill has more than " + (HOG_BYTES_MAX >> 20) + " MiB free; mount a small one");
    require(!command.isEmpty(), "there must be a command that runs a node");
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
