package dev.plexspaces.testkit.contract;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/// A wall clock that stands still until a test moves it. Thread-safe.
public final class MutableClock implements InstantSource {

  private volatile Instant now;

  /// @param start what it shows first
  public MutableClock(Instant start) {
    now = start;
  }

  @Override
  public Instant instant() {
    return now;
  }

  /// Moves the clock; backwards with a negative duration.
  public synchronized void advance(Duration by) {
    now = now.plus(by);
  }
}
