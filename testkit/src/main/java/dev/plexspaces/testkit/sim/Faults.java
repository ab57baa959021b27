package dev.plexspaces.testkit.sim;

import java.time.Duration;

/// What goes wrong in a world and how often. Probabilities are 0 to 1.
///
/// @param crashAtStep of a node, before each step
/// @param crashAtDisk of a node, at each boundary of the disk: queued, written, synced, told
/// @param powerLoss that a crash also loses what was written and not synced
/// @param handlerCrash that a handler throws, at each place where the workload offers to
/// @param diskRefuses that the disk refuses a batch of commits
/// @param readRefuses that the store cannot load an actor
/// @param diskWrite longest time to write a batch
/// @param diskSync longest time to sync a batch
/// @param network longest delay of a request or reply
/// @param replyLost that a reply never reaches its client
/// @param down longest time a crashed node stays down
/// @param clockJumps that the wall clock jumps at a start
/// @param duplicated that a request with an idempotency key arrives twice; one without a key is its
///   client's to lose, so it never does
/// @param delayed that a request or reply takes up to [#DELAY_MAX] instead
/// @param toldLate longest time from the sync of a commit until its listener hears of it, so that
///   the actor it wakes may have read its row before
public record Faults(
    double crashAtStep,
    double crashAtDisk,
    double powerLoss,
    double handlerCrash,
    double diskRefuses,
    double readRefuses,
    Duration diskWrite,
    Duration diskSync,
    Duration network,
    double replyLost,
    Duration down,
    double clockJumps,
    double duplicated,
    double delayed,
    Duration toldLate) {

  /// Longest delay of a request or reply that is delayed: longer than clients wait.
  public static final Duration DELAY_MAX = Duration.ofSeconds(10);

  /// Nothing fails; disk and network take a little time.
  public static Faults none() {
    return new Faults(
        0,
        0,
        0,
        0,
        0,
        0,
        Duration.ofNanos(100_000),
        Duration.ofMillis(1),
        Duration.ofMillis(1),
        0,
        Duration.ofMillis(100),
        0,
        0,
        0,
        Duration.ZERO);
  }

  /// Another mixture for each seed: some worlds have one kind of fault only, some have all, because
  /// frequent faults of one kind hide those of another. Source: swarm testing (Groce et al. 2012).
  public static Faults drawn(SimEntropy entropy) {
    return new Faults(
        entropy.chance(0.7) ? 1.0 / entropy.between(200, 5_000) : 0,
        entropy.chance(0.6) ? 1.0 / entropy.between(20, 400) : 0,
        entropy.chance(0.5) ? 1 : 0.3,
        entropy.chance(0.5) ? 1.0 / entropy.between(10, 100) : 0,
        entropy.chance(0.3) ? 1.0 / entropy.between(10, 100) : 0,
        entropy.chance(0.2) ? 1.0 / entropy.between(5, 50) : 0,
        Duration.ofNanos(entropy.between(1_000, 2_000_000)),
        Duration.ofNanos(
            entropy.chance(0.2)
                ? entropy.between(1_000_000, 200_000_000)
                : entropy.between(1_000, 5_000_000)),
        Duration.ofNanos(entropy.between(1_000, 20_000_000)),
        entropy.chance(0.5) ? 1.0 / entropy.between(5, 50) : 0,
        Duration.ofNanos(entropy.between(1_000_000, 2_000_000_000L)),
        entropy.chance(0.3) ? 0.5 : 0,
        entropy.chance(0.5) ? 1.0 / entropy.between(2, 20) : 0,
        entropy.chance(0.3) ? 1.0 / entropy.between(5, 50) : 0,
        entropy.chance(0.3) ? Duration.ofNanos(entropy.between(1_000, 50_000_000)) : Duration.ZERO);
  }
}
