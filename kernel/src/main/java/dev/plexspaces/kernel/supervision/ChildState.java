package dev.plexspaces.kernel.supervision;

/// What is known of one child. Source: OTP `which_children/1`, which knows a pid, `restarting` and
/// `undefined`.
public enum ChildState {
  /// Specified, not running.
  STOPPED,
  /// Being started.
  STARTING,
  /// Up.
  RUNNING,
  /// Exited; the supervisor is busy and has not dealt with it yet.
  EXITED,
  /// Told to stop or killed, exit not seen yet.
  STOPPING,
  /// The last attempt to restart it failed and the next one waits.
  RESTARTING;

  /// True while the child may be alive and has to be stopped.
  boolean alive() {
    return this == STARTING || this == RUNNING || this == STOPPING;
  }
}
