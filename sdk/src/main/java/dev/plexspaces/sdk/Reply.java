package dev.plexspaces.sdk;

/// Markers a handler may return instead of a value.
public enum Reply {
  /// No reply is sent now; the call was forwarded and another actor answers it.
  LATER
}
