package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.time.Clock;
import java.time.Duration;
import java.time.Instant;

/// The time of a simulated world: moved by the world only. The wall clock may jump, as machines'
/// do; the monotonic one never does.
public final class SimClock implements Clock {

  /// What the wall clock shows first.
  public static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private long nanos;
  private long wallOffsetNanos;

  @Override
  public Instant instant() {
    return START.plusNanos(nanos + wallOffsetNanos);
  }

  @Override
  public long nanoTime() {
    return nanos;
  }

  void advance(long byNanos) {
    nanos += byNanos;
  }

  void advanceTo(long toNanos) {
    nanos = Math.max(nanos, toNanos);
  }

  /// Moves the wall clock alone; backwards with a negative duration.
  void jump(Duration by) {
    wallOffsetNanos += by.toNanos();
  }

  /// Sets the wall clock alone.
  void wallTo(Instant wall) {
    wallOffsetNanos += Duration.between(instant(), wall).toNanos();
  }
}
