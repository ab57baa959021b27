package dev.plexspaces.sdk;

import java.util.List;

/// A declared business error: the caller gets it as its answer, changes made since the last commit
/// are rolled back, and the actor does not crash. Source: DESIGN section 5, "Failure of a turn".
///
/// Rolled back are messages, timers, keys and the fields annotated with [State], in actors with the
/// `durability` facet and without. Not rolled back: fields without that annotation, of an actor
/// that is not durable, and whatever a hand-written [Actor] keeps; it must check before it changes.
public final class ActorException extends PlexException {

  /// A rule of the actor refused the request (`FAILED_PRECONDITION`).
  public ActorException(String message) {
    super(ErrorCode.FAILED_PRECONDITION, message);
  }

  public ActorException(ErrorCode code, String message) {
    super(code, message);
  }

  public ActorException(ErrorCode code, String message, List<FieldViolation> violations) {
    super(code, message, violations, null);
  }

  /// A field of the request is wrong (`INVALID_MESSAGE`), such as `amount: must be positive`.
  public static ActorException invalid(String field, String description) {
    return new ActorException(
        ErrorCode.INVALID_MESSAGE,
        field + ": " + description,
        List.of(new FieldViolation(field, description)));
  }

  /// Control flow, not a bug: the stack is not worth its cost.
  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
