package dev.plexspaces.kernel;

import dev.plexspaces.sdk.PlexException;

/// A replayed call differs from the recorded one: control flow that ends the turn and stops the
/// actor. An `Error`, so that a handler's `catch (Exception)` does not swallow it; one that does is
/// met again at the next host call. Source: spec/turns rules 9 and 12.
final class JournalMismatch extends Error {

  private final transient PlexException error;

  JournalMismatch(PlexException error) {
    super(error.getMessage(), null, false, false);
    this.error = error;
  }

  /// What callers are told.
  PlexException error() {
    return error;
  }
}
