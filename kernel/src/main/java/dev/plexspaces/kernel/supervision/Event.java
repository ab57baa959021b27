package dev.plexspaces.kernel.supervision;

import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import java.util.Map;

/// What a supervisor is told, by its parent, its children, its timers and those who manage it.
public sealed interface Event {

  /// Start the children of the specification; the first event of every supervisor, once.
  record StartAll() implements Event {}

  /// The parent wants this supervisor to exit. The one event that never waits: what is in progress
  /// is abandoned, calls that wait are refused.
  record StopAll(ExitReason reason) implements Event {}

  /// The start asked for by [Effect.Start] succeeded: the child runs.
  record ChildStarted(Run run) implements Event {}

  /// The start asked for by [Effect.Start] failed and nothing of that run is alive.
  record ChildStartFailed(Run run, StartFailure failure) implements Event {}

  /// A run ended, for whatever reason; exactly one for each run that started. A run that exits
  /// before it was up counts as a failed start.
  record ChildExited(Run run, ExitReason reason) implements Event {}

  /// The time given by [Effect.ArmShutdownTimer] has passed; ignored when it comes too late.
  record ShutdownTimeout(Run run) implements Event {}

  /// The supervisor's message to itself after a restart that failed, queued behind all that waits,
  /// so that a stop can overtake a child that cannot start. No driver needs to send it. Source: OTP
  /// `try_again_restart`.
  record TryAgain(Run run) implements Event {}

  /// Asks for something and gets one [Effect.Answer]. Calls wait, in order, until the supervisor is
  /// not starting or stopping anything.
  sealed interface Call extends Event {
    /// Tells the answers apart; chosen by the caller.
    long call();
  }

  /// Add a child and start it; a child that does not start is not added. Source: OTP
  /// `start_child/2`.
  record StartChild(long call, Child child) implements Call {}

  /// Add a child made from the template of a simple-one-for-one supervisor and start it. Source:
  /// OTP `start_child/2` with extra arguments.
  ///
  /// @param key becomes id and key of the child
  /// @param args added to the template's, replacing those of the same name; must be empty when the
  ///   template is a supervisor
  record SimpleStart(long call, String key, Map<String, Object> args) implements Call {
    public SimpleStart {
      args = Map.copyOf(args);
    }
  }

  /// Stop a child and keep its specification, unless it is temporary or made from a template; fine
  /// when it is stopped already. Source: OTP `terminate_child/2`.
  record TerminateChild(long call, String id) implements Call {}

  /// Start a stopped child again; counts as no restart. Source: OTP `restart_child/2`.
  record RestartChild(long call, String id) implements Call {}

  /// Forget the specification of a stopped child. Source: OTP `delete_child/2`.
  record DeleteChild(long call, String id) implements Call {}
}
