package dev.plexspaces.kernel.supervision;

import java.util.ArrayList;
import java.util.List;

/// What a supervisor is doing.
///
/// Only [#RUNNING] takes up new work; in every other phase exits of children and calls wait. That
/// is OTP's supervisor, which blocks while it starts or stops a child, without the blocking.
public enum Phase {
  /// Before [Event.StartAll].
  CREATED("not started yet"),
  /// The children of the specification are started, one after the other.
  STARTING("starts children in order"),
  /// A child did not start: those that did are stopped, last one first.
  UNWINDING("start failed, stops in reverse order"),
  /// Nothing in progress. Single children may be between two attempts to restart them.
  RUNNING("nothing in progress"),
  /// One child is being started for a call.
  ADDING("starts one child for a call"),
  /// One child is being stopped for a call.
  REMOVING("stops one child for a call"),
  /// Siblings of a child that exited are stopped, last one first.
  CLEARING("stops siblings in reverse order"),
  /// Children are started again, one after the other.
  RESTARTING("starts again in order"),
  /// Too many restarts: everything is stopped, last one first.
  GIVING_UP("too many restarts, stops in reverse order"),
  /// The parent asked: everything is stopped, last one first.
  STOPPING("stops in reverse order"),
  /// Gone; the final effect was returned.
  EXITED("no child is alive");

  /// A change of phase and the event that can cause it.
  public record Transition(Phase from, Class<? extends Event> on, Phase to) {}

  /// Every change of phase there is; [Supervisor] asserts that it makes no other.
  public static final List<Transition> TRANSITIONS = transitions();

  private final String doing;

  Phase(String doing) {
    this.doing = doing;
  }

  /// The phase in a few words, for diagrams and dashboards.
  public String doing() {
    return doing;
  }

  /// True when the supervisor is on its way out or gone, so that nothing new is taken up.
  boolean ending() {
    return switch (this) {
      case UNWINDING, GIVING_UP, STOPPING, EXITED -> true;
      case CREATED, STARTING, RUNNING, ADDING, REMOVING, CLEARING, RESTARTING -> false;
    };
  }

  private static List<Transition> transitions() {
    var table = new ArrayList<Transition>();
    add(table, CREATED, Event.StartAll.class, STARTING, RUNNING);
    add(table, CREATED, Event.StopAll.class, EXITED);
    add(table, STARTING, Event.ChildStarted.class, RUNNING);
    add(table, STARTING, Event.ChildStartFailed.class, UNWINDING, EXITED);
    add(table, STARTING, Event.ChildExited.class, UNWINDING, EXITED);
    add(table, STARTING, Event.StopAll.class, STOPPING);
    add(table, UNWINDING, Event.ChildExited.class, EXITED);
    add(table, RUNNING, Event.ChildExited.class, CLEARING, RESTARTING, GIVING_UP, EXITED);
    add(table, RUNNING, Event.TryAgain.class, CLEARING, RESTARTING, GIVING_UP, EXITED);
    add(table, RUNNING, Event.StartChild.class, ADDING);
    add(table, RUNNING, Event.SimpleStart.class, ADDING);
    add(table, RUNNING, Event.RestartChild.class, ADDING);
    add(table, RUNNING, Event.TerminateChild.class, REMOVING);
    add(table, RUNNING, Event.StopAll.class, STOPPING, EXITED);
    add(table, ADDING, Event.ChildStarted.class, RUNNING);
    add(table, ADDING, Event.ChildStartFailed.class, RUNNING);
    add(table, ADDING, Event.ChildExited.class, RUNNING);
    add(table, ADDING, Event.StopAll.class, STOPPING);
    add(table, REMOVING, Event.ChildExited.class, RUNNING);
    add(table, REMOVING, Event.StopAll.class, STOPPING);
    add(table, CLEARING, Event.ChildExited.class, RESTARTING);
    add(table, CLEARING, Event.StopAll.class, STOPPING);
    add(table, RESTARTING, Event.ChildStarted.class, RUNNING);
    add(table, RESTARTING, Event.ChildStartFailed.class, RUNNING);
    add(table, RESTARTING, Event.ChildExited.class, RUNNING);
    add(table, RESTARTING, Event.StopAll.class, STOPPING);
    add(table, GIVING_UP, Event.ChildExited.class, EXITED);
    add(table, STOPPING, Event.ChildExited.class, EXITED);
    add(table, STOPPING, Event.ChildStartFailed.class, EXITED);
    return List.copyOf(table);
  }

  private static void add(
      List<Transition> table, Phase from, Class<? extends Event> on, Phase... targets) {
    for (Phase to : targets) {
      table.add(new Transition(from, on, to));
    }
  }
}
