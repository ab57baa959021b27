package dev.plexspaces.sdk;

import java.util.List;

/// An operating error: something outside the failing line's control, named by an [ErrorCode].
///
/// Its message says what, which id, and what to do; it never carries a class name or path. Escaping
/// from a handler it crashes the actor, unless it is an [ActorException].
public class PlexException extends RuntimeException {

  /// One wrong field: its path such as `operands[2]`, and what is wrong with it.
  public record FieldViolation(String field, String description) {}

  private final ErrorCode code;
  private final List<FieldViolation> violations;

  public PlexException(ErrorCode code, String message) {
    this(code, message, List.of(), null);
  }

  public PlexException(
      ErrorCode code, String message, List<FieldViolation> violations, Throwable cause) {
    super(message, cause);
    this.code = code;
    this.violations = List.copyOf(violations);
  }

  /// The kind of error.
  public final ErrorCode code() {
    return code;
  }

  /// The wrong fields; empty unless the code is `INVALID_MESSAGE`.
  public final List<FieldViolation> violations() {
    return violations;
  }
}
