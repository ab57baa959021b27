package dev.plexspaces.sdk;

/// Why an actor exited; data, not an exception. Source: OTP exit reasons.
public sealed interface ExitReason {

  /// Stopped by itself, work done.
  ExitReason NORMAL = new Normal();

  /// Stopped in order by its supervisor, its parent or an operator.
  ExitReason SHUTDOWN = new Shutdown();

  /// Stopped without being asked, because it did not stop in time.
  ExitReason KILLED = new Killed();

  record Normal() implements ExitReason {}

  record Shutdown() implements ExitReason {}

  record Killed() implements ExitReason {}

  /// A handler threw.
  ///
  /// @param detail what was thrown, for logs and `__DOWN__`; not for remote callers
  record Error(String detail) implements ExitReason {}

  /// True when a transient child is restarted and links fire: not normal, not shutdown.
  default boolean abnormal() {
    return switch (this) {
      case Normal n -> false;
      case Shutdown s -> false;
      case Killed k -> true;
      case Error e -> true;
    };
  }

  /// The word used in `down_reason` and `exit_reason`: `normal`, `shutdown`, `killed`, `error: …`.
  default String text() {
    return switch (this) {
      case Normal n -> "normal";
      case Shutdown s -> "shutdown";
      case Killed k -> "killed";
      case Error e -> "error: " + e.detail();
    };
  }
}
