package dev.plexspaces.sdk;

/// Every error the platform reports, one name on all surfaces. The gateway owns the one table that
/// maps them to gRPC and HTTP. Source: WIT `error-code`, extended.
public enum ErrorCode {
  /// The message, field or configuration is wrong; the text names what and where.
  INVALID_MESSAGE,
  /// No handler for the operation; the text lists the operations there are.
  UNKNOWN_OPERATION,
  /// No such actor type, or no live actor of it.
  ACTOR_NOT_FOUND,
  /// Something else that was named does not exist.
  NOT_FOUND,
  /// Exists already, changed meanwhile, or the idempotency key was used with another body.
  CONFLICT,
  /// The actor's own rule refused the request; declared by [ActorException].
  FAILED_PRECONDITION,
  /// No or bad credentials.
  UNAUTHENTICATED,
  /// Credentials do not allow this.
  NOT_PERMITTED,
  /// No reply in time.
  TIMEOUT,
  /// The wait would close a cycle of actors waiting for each other.
  DEADLOCK,
  /// A queue, quota or size bound is reached; try later or send less.
  RESOURCE_EXHAUSTED,
  /// The actor crashed while processing the message; its supervisor decides what next.
  ACTOR_CRASHED,
  /// The actor crashed too often and takes no messages until released.
  QUARANTINED,
  /// A replayed call differs from the recorded one.
  JOURNAL_MISMATCH,
  /// The message could not be delivered.
  DELIVERY_FAILED,
  /// The node or its store cannot serve now; try later.
  UNAVAILABLE,
  /// Named in the contract and not served by this build.
  NOT_IMPLEMENTED,
  /// A bug of ours.
  INTERNAL
}
