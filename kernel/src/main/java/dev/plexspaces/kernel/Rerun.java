package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.StaleVersion;

/// The running segment was refused because of a key somebody else wrote: it is run again. An
/// [Error], so that a handler that catches exceptions lets it pass; once raised every further host
/// call raises it again. Source: spec/turns rules 9 and 31.
final class Rerun extends Error {

  private final transient StaleVersion cause;

  Rerun(StaleVersion cause) {
    super(cause.getMessage(), null, false, false);
    this.cause = cause;
  }

  StaleVersion stale() {
    return cause;
  }
}
