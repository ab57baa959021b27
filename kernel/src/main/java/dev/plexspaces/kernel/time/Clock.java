package dev.plexspaces.kernel.time;

import java.time.InstantSource;

/// The one door to time: [#instant] for what people read, [#nanoTime] for measuring and waiting.
/// [SystemClock] in production, the simulator's clock in tests.
public interface Clock extends InstantSource {

  /// Nanoseconds since an arbitrary origin, never going backwards; compare by difference only.
  /// Source: [System#nanoTime].
  long nanoTime();
}
