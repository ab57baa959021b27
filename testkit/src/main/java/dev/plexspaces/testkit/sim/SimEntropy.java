package dev.plexspaces.testkit.sim;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/// All randomness of a simulated world. Each part of the world draws from a stream of its own, so
/// that one more draw in one part does not change what happens in the others.
public final class SimEntropy implements RandomGenerator {

  private final long seed;
  private final SplittableRandom random;

  public SimEntropy(long seed) {
    this.seed = seed;
    this.random = new SplittableRandom(seed);
  }

  /// An independent stream; the same name gives the same one.
  public SimEntropy stream(String name) {
    long mixed = seed;
    for (int i = 0; i < name.length(); i++) {
      mixed = (mixed ^ name.charAt(i)) * 0x100000001b3L;
    }
    return new SimEntropy(new SplittableRandom(mixed).nextLong());
  }

  @Override
  public long nextLong() {
    return random.nextLong();
  }

  /// True with this probability, 0 to 1.
  public boolean chance(double probability) {
    return probability > 0 && random.nextDouble() < probability;
  }

  /// A number from `min` to `max`, both included.
  public long between(long min, long max) {
    return random.nextLong(min, max + 1);
  }
}
