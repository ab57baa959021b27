package dev.plexspaces.kernel.journal;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;

/// A commit was refused because of what is in it, and would be each time: it is too large
/// (`RESOURCE_EXHAUSTED`), or has a text that UTF-8 cannot carry (`INVALID_MESSAGE`). Raised at the
/// door, before the commit is queued.
public final class UnacceptableCommit extends PlexException {

  public UnacceptableCommit(ErrorCode code, String message) {
    super(code, message);
  }
}
