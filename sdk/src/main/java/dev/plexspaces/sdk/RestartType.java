package dev.plexspaces.sdk;

/// When a supervisor restarts an exited child. Source: OTP `supervisor`, `restart()`.
public enum RestartType {
  /// Always.
  PERMANENT,
  /// Only after an abnormal exit.
  TRANSIENT,
  /// Never; its specification is forgotten when it exits.
  TEMPORARY
}
