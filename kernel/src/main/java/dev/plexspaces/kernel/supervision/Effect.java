package dev.plexspaces.kernel.supervision;

import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import java.time.Duration;

/// What a supervisor wants done; carried out in order by whoever drives it.
public sealed interface Effect {

  /// Start `child`; report [Event.ChildStarted] or [Event.ChildStartFailed] for `run`.
  record Start(Run run, Child child) implements Effect {}

  /// Ask `run` to exit with reason `shutdown`, also when it is still starting; a nested supervisor
  /// gets [Event.StopAll]. Report [Event.ChildExited].
  record Stop(Run run) implements Effect {}

  /// End `run` without asking. Must lead to [Event.ChildExited] even when the child's thread cannot
  /// be stopped, because the supervisor waits for it without a bound.
  record Kill(Run run) implements Effect {}

  /// Send [Event.ShutdownTimeout] for `run` after `timeout`.
  record ArmShutdownTimer(Run run, Duration timeout) implements Effect {}

  /// The timer of `run` is not needed any more.
  record CancelShutdownTimer(Run run) implements Effect {}

  /// All children of the specification are up: tell the parent that this child started.
  record Started() implements Effect {}

  /// A child of the specification did not start and the others are stopped: tell the parent that
  /// this child failed to start. Final.
  record StartFailed(StartFailure failure) implements Effect {}

  /// All children are stopped because the parent asked: exit with `reason`. Final.
  record Stopped(ExitReason reason) implements Effect {}

  /// All children are stopped because of too many restarts: exit with `reason`, which is abnormal,
  /// so that the parent restarts a permanent or transient supervisor and counts it. Final.
  record GiveUp(ExitReason reason) implements Effect {}

  /// The result of a call.
  record Answer(long call, Outcome outcome) implements Effect {}

  /// Something worth a log line and a metric; needs no other action. Source: OTP supervisor
  /// reports.
  record Report(Problem problem, String id, ExitReason reason) implements Effect {}

  /// What a [Report] is about.
  enum Problem {
    /// A child exited: a permanent one for any reason, another one abnormally.
    CHILD_TERMINATED,
    /// A child did not start.
    START_ERROR,
    /// A child that was told to stop exited for another reason, or had to be killed.
    SHUTDOWN_ERROR,
    /// One restart too many; the child named is the one that was to be restarted.
    MAX_RESTARTS
  }
}
