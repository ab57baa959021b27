package dev.plexspaces.kernel.time;

import java.time.Instant;

/// The machine's clock; the only place of the kernel that reads it.
public final class SystemClock implements Clock {

  /// There is one machine.
  public static final SystemClock INSTANCE = new SystemClock();

  private SystemClock() {}

  @Override
  public Instant instant() {
    return Instant.now();
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }
}
