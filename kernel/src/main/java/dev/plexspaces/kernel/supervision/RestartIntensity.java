package dev.plexspaces.kernel.supervision;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;

/// Counts restarts in a sliding window and says when there were too many. Source: OTP `supervisor`,
/// `intensity` and `period`, with instants instead of whole seconds.
///
/// A restart exactly `window` ago still counts. A clock that steps back is taken to stand still.
/// Memory: at most `maxRestarts + 1` instants.
public final class RestartIntensity {

  private final int maxRestarts;
  private final Duration window;
  private final ArrayDeque<Instant> restarts = new ArrayDeque<>();

  /// @param maxRestarts restarts allowed within `window`; 0 allows none
  /// @param window positive
  /// @throws IllegalArgumentException for other values
  public RestartIntensity(int maxRestarts, Duration window) {
    if (maxRestarts < 0) {
      throw new IllegalArgumentException("maxRestarts: must not be negative");
    }
    if (!window.isPositive()) {
      throw new IllegalArgumentException("window: must be positive");
    }
    this.maxRestarts = maxRestarts;
    this.window = window;
  }

  /// Counts one restart.
  ///
  /// @return false when it is one too many; it is counted all the same
  public boolean admits(Instant now) {
    Instant last = restarts.peekLast();
    Instant at = last != null && last.isAfter(now) ? last : now;
    Instant threshold = at.minus(window);
    while (!restarts.isEmpty()
        && (restarts.peekFirst().isBefore(threshold) || restarts.size() > maxRestarts)) {
      restarts.removeFirst();
    }
    restarts.addLast(at);
    return restarts.size() <= maxRestarts;
  }

  /// Restarts that still counted when the last one was made.
  public int count() {
    return restarts.size();
  }
}
