package dev.plexspaces.kernel;

import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;

/// The production source of randomness: unpredictable enough for ids and jitter, never for secrets.
final class SystemEntropy implements RandomGenerator {
  @Override
  public long nextLong() {
    return ThreadLocalRandom.current().nextLong();
  }
}
