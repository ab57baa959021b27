package dev.plexspaces.kernel.supervision;

import dev.plexspaces.sdk.ErrorCode;

/// What became of an [Event.Call].
public sealed interface Outcome {

  /// Done.
  record Done() implements Outcome {}

  /// The child is up.
  record Up(Run run) implements Outcome {}

  /// Nothing was changed.
  ///
  /// @param message what, which child, and what to do
  record Refused(Refusal refusal, String message) implements Outcome {}

  /// Why a call was refused. Source: the error returns of OTP `supervisor`.
  enum Refusal {
    /// A child with that id is alive.
    ALREADY_STARTED(ErrorCode.CONFLICT),
    /// A child with that id is specified but not running.
    ALREADY_PRESENT(ErrorCode.CONFLICT),
    /// No child has that id.
    NOT_FOUND(ErrorCode.NOT_FOUND),
    /// The child is alive and the call is for stopped ones.
    RUNNING(ErrorCode.FAILED_PRECONDITION),
    /// The child is between two attempts to restart it.
    RESTARTING(ErrorCode.FAILED_PRECONDITION),
    /// The call does not fit a simple-one-for-one supervisor.
    SIMPLE_ONE_FOR_ONE(ErrorCode.FAILED_PRECONDITION),
    /// The call is for simple-one-for-one supervisors only.
    NO_TEMPLATE(ErrorCode.FAILED_PRECONDITION),
    /// The specification is wrong.
    INVALID(ErrorCode.INVALID_MESSAGE),
    /// The child did not start.
    START_FAILED(ErrorCode.ACTOR_CRASHED),
    /// The supervisor is stopping or has exited.
    STOPPING(ErrorCode.UNAVAILABLE),
    /// Too many calls wait or too many children exist.
    EXHAUSTED(ErrorCode.RESOURCE_EXHAUSTED);

    private final ErrorCode code;

    Refusal(ErrorCode code) {
      this.code = code;
    }

    /// How the platform's surfaces name it.
    public ErrorCode code() {
      return code;
    }
  }
}
