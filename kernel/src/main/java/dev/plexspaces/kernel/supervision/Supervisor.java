package dev.plexspaces.kernel.supervision;

import static dev.plexspaces.kernel.supervision.Phase.ADDING;
import static dev.plexspaces.kernel.supervision.Phase.CLEARING;
import static dev.plexspaces.kernel.supervision.Phase.CREATED;
import static dev.plexspaces.kernel.supervision.Phase.EXITED;
import static dev.plexspaces.kernel.supervision.Phase.GIVING_UP;
import static dev.plexspaces.kernel.supervision.Phase.REMOVING;
import static dev.plexspaces.kernel.supervision.Phase.RESTARTING;
import static dev.plexspaces.kernel.supervision.Phase.STARTING;
import static dev.plexspaces.kernel.supervision.Phase.STOPPING;
import static dev.plexspaces.kernel.supervision.Phase.UNWINDING;

import dev.plexspaces.kernel.supervision.Effect.Problem;
import dev.plexspaces.kernel.supervision.Outcome.Refusal;
import dev.plexspaces.kernel.supervision.Phase.Transition;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import dev.plexspaces.sdk.SupervisorSpec.Nested;
import dev.plexspaces.sdk.SupervisorSpec.Worker;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Starts, stops and restarts children by the rules of OTP, as a machine without threads, clock or
/// I/O: events in, effects out. Not thread-safe; one actor drives it. Source: OTP `supervisor`.
///
/// The driver sends [Event.StartAll] once, carries out the effects in order, and reports what came
/// of them. It ends with exactly one of [Effect.StartFailed], [Effect.Stopped] and [Effect.GiveUp];
/// a restarted supervisor is a new object made from the same specification, so children added at
/// run time are not restarted with it.
public final class Supervisor {

  /*
   * An OTP supervisor blocks while it starts or stops a child, and its mailbox waits. Here `phase`
   * says what it would be blocked in, `pending` is the part of the mailbox that waits, and
   * `toStart` and `toStop` are the rest of its loops.
   *
   * An exit that has to wait marks its child EXITED. A child in that state needs no stop, and by
   * the time its event is taken up it may have been dealt with in a restart of the group; then the
   * event is stale and ignored, as OTP flushes the exit signal of a child it terminates.
   *
   * Meant, although it looks odd, because OTP does it:
   * - one-for-all and rest-for-one start all of the group again, also children that had been
   *   stopped by a call or had finished their work;
   * - a failed restart of one of the group leaves those already started running, and the next
   *   attempt, begun at the failed one, stops and starts them again under one-for-all;
   * - a restart exactly one window ago still counts.
   *
   * Different from OTP:
   * - StopAll does not wait for a start in progress: that child is stopped like a running one.
   *   Seen from outside, the order came a moment earlier; and a child that hangs in its start
   *   cannot hold up the node's shutdown.
   * - The reason after too many restarts is abnormal, so that a transient supervisor is restarted.
   * - Simple-one-for-one children have ids (their keys) instead of pids; each has a shutdown timer
   *   of its own, all armed together, which comes to the same as OTP's single one.
   * - Not here: `ignore` as result of a start, extra start results, auto_shutdown, code_change.
   */

  /// Most children of one supervisor.
  public static final int CHILDREN_MAX = 1_000_000;

  /// Most calls that may wait for the supervisor; the next one is refused with `EXHAUSTED`. Exits
  /// wait too, at most two for each child.
  public static final int PENDING_CALLS_MAX = 1_000;

  /// Why a supervisor exits after too many restarts.
  public static final ExitReason TOO_MANY_RESTARTS =
      new ExitReason.Error("reached max restart intensity");

  /// One child as seen from outside. Source: OTP `which_children/1`.
  ///
  /// @param run its present or last run; empty when it was never started
  /// @param restarts how often this supervisor restarted it
  public record ChildStatus(
      String id, ChildState state, Optional<Run> run, long restarts, boolean supervisor) {}

  /// Source: OTP `count_children/1`.
  ///
  /// @param specs specifications; 1 for simple-one-for-one
  /// @param active children in state `RUNNING`
  /// @param supervisors children that are supervisors, whatever their state
  /// @param workers children that are workers, whatever their state
  public record Counts(int specs, int active, int supervisors, int workers) {}

  private static final class Slot {
    final Child child;
    ChildState state = ChildState.STOPPED;
    Run run;
    long restarts;

    /// Why the last run ended or did not start.
    ExitReason exit;

    boolean timerArmed;
    boolean killed;

    Slot(Child child) {
      this.child = child;
    }

    RestartType restartType() {
      return switch (child) {
        case Worker worker -> worker.spec().restart();
        case Nested nested -> nested.spec().restart();
      };
    }

    Duration shutdownTimeout() {
      return switch (child) {
        case Worker worker -> worker.spec().shutdownTimeout();
        case Nested nested -> nested.spec().shutdownTimeout();
      };
    }
  }

  private final SupervisorSpec spec;
  private final boolean simple;
  private final RestartIntensity intensity;
  private final Consumer<Transition> observer;

  /// In start order.
  private final LinkedHashMap<String, Slot> children = new LinkedHashMap<>();

  private Phase phase = CREATED;
  private long runs;

  private final ArrayDeque<Event> pending = new ArrayDeque<>();
  private int pendingCalls;

  private final ArrayDeque<Slot> toStart = new ArrayDeque<>();
  private final ArrayDeque<Slot> toStop = new ArrayDeque<>();
  private int stopsInFlight;

  /// What CLEARING will start again, in start order.
  private List<Slot> group = List.of();

  /// The call that ADDING or REMOVING is for.
  private Event.Call call;

  /// Returned when the last child of an ending supervisor is gone.
  private Effect farewell;

  private List<Effect> effects = new ArrayList<>();
  private Instant now;

  /// @throws PlexException `INVALID_MESSAGE` with every wrong field of the tree
  public Supervisor(SupervisorSpec spec) {
    this(spec, transition -> {});
  }

  /// @param observer sees every change of phase
  Supervisor(SupervisorSpec spec, Consumer<Transition> observer) {
    ChildSpecs.require(spec);
    this.spec = spec;
    this.simple = spec.strategy() == SupervisionStrategy.SIMPLE_ONE_FOR_ONE;
    this.intensity = new RestartIntensity(spec.maxRestarts(), spec.window());
    this.observer = observer;
    if (!simple) {
      spec.children().forEach(child -> children.put(child.id(), new Slot(child)));
    }
  }

  /// Takes in one event.
  ///
  /// @param now of the event; only the restart window looks at it
  /// @return what to do, in this order; empty when there is nothing to do
  /// @throws IllegalStateException for a second [Event.StartAll]
  public List<Effect> on(Event event, Instant now) {
    this.now = now;
    take(event);
    while (phase == Phase.RUNNING && !pending.isEmpty()) {
      Event waiting = pending.removeFirst();
      if (waiting instanceof Event.Call) {
        pendingCalls--;
      }
      take(waiting);
    }
    List<Effect> result = List.copyOf(effects);
    effects = new ArrayList<>();
    return result;
  }

  /// What it is doing.
  public Phase phase() {
    return phase;
  }

  /// The specification it was made from.
  public SupervisorSpec spec() {
    return spec;
  }

  /// The present children in start order.
  public List<ChildStatus> children() {
    return children.values().stream().map(Supervisor::status).toList();
  }

  /// One present child.
  public Optional<ChildStatus> child(String id) {
    return Optional.ofNullable(children.get(id)).map(Supervisor::status);
  }

  /// The specification of one present child. Source: OTP `get_childspec/2`.
  public Optional<Child> childSpec(String id) {
    return Optional.ofNullable(children.get(id)).map(slot -> slot.child);
  }

  /// How many of what.
  public Counts counts() {
    int active = 0;
    int supervisors = 0;
    for (Slot slot : children.values()) {
      active += slot.state == ChildState.RUNNING ? 1 : 0;
      supervisors += slot.child instanceof Nested ? 1 : 0;
    }
    return new Counts(
        simple ? 1 : children.size(), active, supervisors, children.size() - supervisors);
  }

  private static ChildStatus status(Slot slot) {
    return new ChildStatus(
        slot.child.id(),
        slot.state,
        Optional.ofNullable(slot.run),
        slot.restarts,
        slot.child instanceof Nested);
  }

  // Events.

  private void take(Event event) {
    Phase before = phase;
    switch (event) {
      case Event.StartAll all -> startAll();
      case Event.StopAll all -> stopAll(all.reason());
      case Event.ChildStarted started -> started(started.run());
      case Event.ChildStartFailed failed -> startFailed(failed.run(), failed.failure());
      case Event.ChildExited exited -> exited(exited);
      case Event.ShutdownTimeout timeout -> timedOut(timeout.run());
      case Event.TryAgain again -> tryAgain(again.run());
      case Event.Call request -> called(request);
    }
    if (phase != before) {
      var transition = new Transition(before, event.getClass(), phase);
      assert Phase.TRANSITIONS.contains(transition) : transition;
      observer.accept(transition);
    }
  }

  private void startAll() {
    if (phase != CREATED) {
      throw new IllegalStateException("supervisor " + spec.id() + ": started twice");
    }
    phase = STARTING;
    toStart.addAll(children.values());
    startNext();
  }

  private void stopAll(ExitReason reason) {
    if (phase.ending()) {
      return;
    }
    end(STOPPING, new Effect.Stopped(reason));
  }

  private void started(Run run) {
    Slot slot = slotOf(run);
    if (slot == null || slot.state != ChildState.STARTING) {
      return;
    }
    slot.state = ChildState.RUNNING;
    switch (phase) {
      case STARTING -> startNext();
      case RESTARTING -> {
        slot.restarts++;
        startNext();
      }
      case ADDING -> {
        answer(call, new Outcome.Up(run));
        idle();
      }
      // Its turn to be stopped comes, or it is gone by then.
      case STOPPING -> {}
      case CREATED, UNWINDING, RUNNING, REMOVING, CLEARING, GIVING_UP, EXITED ->
          throw new IllegalStateException("a start in phase " + phase);
    }
  }

  private void startFailed(Run run, StartFailure failure) {
    Slot slot = slotOf(run);
    if (slot != null && slot.state == ChildState.STARTING) {
      startFailed(slot, failure);
    } else if (slot != null && slot.state == ChildState.STOPPING) {
      stopped(slot, failure.reason());
    }
  }

  private void startFailed(Slot slot, StartFailure failure) {
    slot.state = ChildState.STOPPED;
    slot.exit = failure.reason();
    report(Problem.START_ERROR, slot, failure.reason());
    StartFailure own = failure.ofChild(slot.child.id());
    switch (phase) {
      case STARTING -> {
        toStart.clear();
        end(UNWINDING, new Effect.StartFailed(own));
      }
      case RESTARTING -> {
        slot.state = ChildState.RESTARTING;
        toStart.clear();
        pending.addLast(new Event.TryAgain(slot.run));
        idle();
      }
      case ADDING -> {
        if (!(call instanceof Event.RestartChild)) {
          children.remove(slot.child.id());
        }
        answer(call, new Outcome.Refused(Refusal.START_FAILED, own.told()));
        idle();
      }
      // Its turn to be stopped comes, or it is gone by then.
      case STOPPING -> {}
      case CREATED, UNWINDING, RUNNING, REMOVING, CLEARING, GIVING_UP, EXITED ->
          throw new IllegalStateException("a start in phase " + phase);
    }
  }

  private void exited(Event.ChildExited event) {
    Slot slot = slotOf(event.run());
    if (slot == null) {
      return;
    }
    switch (slot.state) {
      case STARTING -> startFailed(slot, StartFailure.exited(event.reason()));
      case STOPPING -> stopped(slot, event.reason());
      case RUNNING -> {
        if (phase == Phase.RUNNING) {
          died(slot, event.reason());
        } else {
          slot.state = ChildState.EXITED;
          slot.exit = event.reason();
          pending.addLast(event);
        }
      }
      // The event that waited, unless the driver reports an exit twice while it waits.
      case EXITED -> {
        if (phase == Phase.RUNNING) {
          died(slot, event.reason());
        }
      }
      case STOPPED, RESTARTING -> {}
    }
  }

  private void timedOut(Run run) {
    Slot slot = slotOf(run);
    if (slot != null && slot.state == ChildState.STOPPING && slot.timerArmed) {
      slot.timerArmed = false;
      kill(slot);
    }
  }

  private void tryAgain(Run run) {
    Slot slot = slotOf(run);
    if (phase == Phase.RUNNING && slot != null && slot.state == ChildState.RESTARTING) {
      restart(slot);
    }
  }

  /// The child whose present or last run this is; null for unknown children and older runs.
  private Slot slotOf(Run run) {
    Slot slot = children.get(run.id());
    return slot != null && run.equals(slot.run) ? slot : null;
  }

  // A child exited on its own.

  private void died(Slot slot, ExitReason reason) {
    slot.state = ChildState.STOPPED;
    slot.exit = reason;
    RestartType type = slot.restartType();
    if (type == RestartType.PERMANENT || reason.abnormal()) {
      report(Problem.CHILD_TERMINATED, slot, reason);
    }
    boolean restart =
        switch (type) {
          case PERMANENT -> true;
          case TRANSIENT -> reason.abnormal();
          case TEMPORARY -> false;
        };
    if (restart) {
      restart(slot);
    } else {
      forget(slot);
    }
  }

  private void restart(Slot slot) {
    slot.state = ChildState.STOPPED;
    if (!intensity.admits(now)) {
      report(Problem.MAX_RESTARTS, slot, slot.exit);
      forget(slot);
      end(GIVING_UP, new Effect.GiveUp(TOO_MANY_RESTARTS));
      return;
    }
    switch (spec.strategy()) {
      case ONE_FOR_ONE, SIMPLE_ONE_FOR_ONE -> startAgain(List.of(slot));
      case ONE_FOR_ALL -> restartGroup(List.copyOf(children.values()));
      case REST_FOR_ONE ->
          restartGroup(children.values().stream().dropWhile(earlier -> earlier != slot).toList());
    }
  }

  private void restartGroup(List<Slot> members) {
    phase = CLEARING;
    group = members;
    stopInReverse(members);
  }

  private void startAgain(List<Slot> members) {
    phase = RESTARTING;
    toStart.addAll(members);
    startNext();
  }

  /// Drops what OTP drops when a child is gone for good: temporary and dynamic children.
  private void forget(Slot slot) {
    slot.state = ChildState.STOPPED;
    if (simple || slot.restartType() == RestartType.TEMPORARY) {
      children.remove(slot.child.id());
    }
  }

  // Starting.

  private void startNext() {
    Slot slot = toStart.pollFirst();
    if (slot != null) {
      start(slot);
      return;
    }
    if (phase == STARTING) {
      effects.add(new Effect.Started());
    }
    idle();
  }

  private void start(Slot slot) {
    slot.run = new Run(slot.child.id(), ++runs);
    slot.state = ChildState.STARTING;
    slot.exit = null;
    slot.timerArmed = false;
    slot.killed = false;
    effects.add(new Effect.Start(slot.run, slot.child));
  }

  private void idle() {
    phase = Phase.RUNNING;
    call = null;
    group = List.of();
  }

  // Stopping.

  private void end(Phase ending, Effect farewell) {
    this.phase = ending;
    this.farewell = farewell;
    toStart.clear();
    if (call != null) {
      answer(call, stopping());
      call = null;
    }
    for (Event waiting : pending) {
      if (waiting instanceof Event.Call request) {
        answer(request, stopping());
      }
    }
    pending.clear();
    pendingCalls = 0;
    stopInReverse(children.values());
  }

  private void stopInReverse(Collection<Slot> inStartOrder) {
    toStop.clear();
    inStartOrder.forEach(toStop::addFirst);
    stopNext();
  }

  /// One after the other, but dynamic children all at once, because there may be very many.
  private void stopNext() {
    while (!toStop.isEmpty() && (simple || stopsInFlight == 0)) {
      Slot slot = toStop.removeFirst();
      switch (slot.state) {
        case STARTING, RUNNING -> {
          stopsInFlight++;
          stop(slot);
        }
        case EXITED -> {
          reportUnexpected(slot, slot.exit);
          forget(slot);
        }
        case STOPPED, RESTARTING -> forget(slot);
        // In flight already when everything else was told to stop, too.
        case STOPPING -> {}
      }
    }
    if (toStop.isEmpty() && stopsInFlight == 0) {
      allStopped();
    }
  }

  private void stop(Slot slot) {
    slot.state = ChildState.STOPPING;
    Duration timeout = slot.shutdownTimeout();
    if (timeout.isZero()) {
      kill(slot);
      return;
    }
    effects.add(new Effect.Stop(slot.run));
    if (timeout.compareTo(SupervisorSpec.UNBOUNDED) < 0) {
      slot.timerArmed = true;
      effects.add(new Effect.ArmShutdownTimer(slot.run, timeout));
    }
  }

  private void kill(Slot slot) {
    slot.killed = true;
    effects.add(new Effect.Kill(slot.run));
  }

  private void stopped(Slot slot, ExitReason reason) {
    if (slot.timerArmed) {
      slot.timerArmed = false;
      effects.add(new Effect.CancelShutdownTimer(slot.run));
    }
    reportUnexpected(slot, reason);
    forget(slot);
    stopsInFlight--;
    stopNext();
  }

  private void allStopped() {
    switch (phase) {
      // Temporary members are forgotten by now.
      case CLEARING ->
          startAgain(group.stream().filter(slot -> children.get(slot.child.id()) == slot).toList());
      case REMOVING -> {
        answer(call, new Outcome.Done());
        idle();
      }
      case UNWINDING, GIVING_UP, STOPPING -> {
        phase = EXITED;
        effects.add(farewell);
      }
      case CREATED, STARTING, RUNNING, ADDING, RESTARTING, EXITED ->
          throw new IllegalStateException("a stop in phase " + phase);
    }
  }

  /// As expected: `shutdown`, also `normal` unless the child is permanent, and `killed` when that
  /// is how its specification wants it stopped.
  private void reportUnexpected(Slot slot, ExitReason reason) {
    boolean expected =
        switch (reason) {
          case ExitReason.Shutdown s -> true;
          case ExitReason.Normal n -> slot.restartType() != RestartType.PERMANENT;
          case ExitReason.Killed k -> slot.killed && slot.shutdownTimeout().isZero();
          case ExitReason.Error e -> false;
        };
    if (!expected) {
      report(Problem.SHUTDOWN_ERROR, slot, reason);
    }
  }

  // Calls.

  private void called(Event.Call request) {
    if (phase.ending()) {
      answer(request, stopping());
    } else if (phase == Phase.RUNNING) {
      serve(request);
    } else if (pendingCalls == PENDING_CALLS_MAX) {
      refuse(
          request,
          Refusal.EXHAUSTED,
          PENDING_CALLS_MAX + " calls wait for supervisor " + spec.id() + "; try later");
    } else {
      pendingCalls++;
      pending.addLast(request);
    }
  }

  private void serve(Event.Call request) {
    switch (request) {
      case Event.StartChild start -> startChild(start);
      case Event.SimpleStart start -> simpleStart(start);
      case Event.TerminateChild terminate -> terminateChild(terminate);
      case Event.RestartChild again -> restartChild(again);
      case Event.DeleteChild delete -> deleteChild(delete);
    }
  }

  private void startChild(Event.StartChild request) {
    if (simple) {
      refuseSimple(request);
      return;
    }
    add(request, request.child());
  }

  private void simpleStart(Event.SimpleStart request) {
    if (!simple) {
      refuse(
          request,
          Refusal.NO_TEMPLATE,
          "supervisor " + spec.id() + " is not simple_one_for_one; give a child specification");
      return;
    }
    switch (spec.children().getFirst()) {
      case Worker template -> add(request, worker(template.spec(), request));
      case Nested template -> {
        if (request.args().isEmpty()) {
          add(request, nested(template.spec(), request.key()));
        } else {
          refuse(
              request,
              Refusal.INVALID,
              "args: the template of supervisor " + spec.id() + " is a supervisor and takes none");
        }
      }
    }
  }

  private static Worker worker(ChildSpec template, Event.SimpleStart request) {
    Map<String, Object> args = new HashMap<>(template.args());
    args.putAll(request.args());
    return new Worker(
        new ChildSpec(
            request.key(),
            template.type(),
            request.key(),
            args,
            template.restart(),
            template.shutdownTimeout(),
            template.mailboxCapacity(),
            template.overflow(),
            template.facets()));
  }

  private static Nested nested(SupervisorSpec template, String id) {
    return new Nested(
        new SupervisorSpec(
            id,
            template.strategy(),
            template.maxRestarts(),
            template.window(),
            template.restart(),
            template.shutdownTimeout(),
            template.children()));
  }

  private void add(Event.Call request, Child child) {
    List<FieldViolation> violations = ChildSpecs.check(child);
    if (!violations.isEmpty()) {
      refuse(request, Refusal.INVALID, ChildSpecs.text(violations));
      return;
    }
    Slot present = children.get(child.id());
    if (present != null) {
      refusePresent(request, present);
    } else if (children.size() == CHILDREN_MAX) {
      refuse(
          request,
          Refusal.EXHAUSTED,
          "supervisor " + spec.id() + " has " + CHILDREN_MAX + " children; use a second one");
    } else {
      Slot slot = new Slot(child);
      children.put(child.id(), slot);
      phase = ADDING;
      call = request;
      start(slot);
    }
  }

  private void refusePresent(Event.Call request, Slot slot) {
    switch (slot.state) {
      case STARTING, RUNNING, EXITED, STOPPING ->
          refuse(request, Refusal.ALREADY_STARTED, "child " + slot.child.id() + " is running");
      case STOPPED, RESTARTING ->
          refuse(
              request,
              Refusal.ALREADY_PRESENT,
              "child " + slot.child.id() + " exists but is not running; restart or delete it");
    }
  }

  private void terminateChild(Event.TerminateChild request) {
    Slot slot = children.get(request.id());
    if (slot == null) {
      refuseUnknown(request, request.id());
      return;
    }
    phase = REMOVING;
    call = request;
    stopInReverse(List.of(slot));
  }

  private void restartChild(Event.RestartChild request) {
    Slot slot = stoppedChild(request, request.id());
    if (slot != null) {
      phase = ADDING;
      call = request;
      start(slot);
    }
  }

  private void deleteChild(Event.DeleteChild request) {
    Slot slot = stoppedChild(request, request.id());
    if (slot != null) {
      children.remove(request.id());
      answer(request, new Outcome.Done());
    }
  }

  /// The child if it is stopped; otherwise null, and the call is refused.
  private Slot stoppedChild(Event.Call request, String id) {
    if (simple) {
      refuseSimple(request);
      return null;
    }
    Slot slot = children.get(id);
    if (slot == null) {
      refuseUnknown(request, id);
      return null;
    }
    return switch (slot.state) {
      case STOPPED -> slot;
      case RESTARTING -> {
        refuse(request, Refusal.RESTARTING, "child " + id + " is being restarted; stop it first");
        yield null;
      }
      case STARTING, RUNNING, EXITED, STOPPING -> {
        refuse(request, Refusal.RUNNING, "child " + id + " is running; stop it first");
        yield null;
      }
    };
  }

  private void refuseSimple(Event.Call request) {
    refuse(
        request,
        Refusal.SIMPLE_ONE_FOR_ONE,
        "supervisor " + spec.id() + " is simple_one_for_one; start and stop children by key");
  }

  private void refuseUnknown(Event.Call request, String id) {
    refuse(request, Refusal.NOT_FOUND, "supervisor " + spec.id() + " has no child " + id);
  }

  private void refuse(Event.Call request, Refusal refusal, String message) {
    answer(request, new Outcome.Refused(refusal, message));
  }

  private Outcome stopping() {
    return new Outcome.Refused(Refusal.STOPPING, "supervisor " + spec.id() + " is stopping");
  }

  private void answer(Event.Call request, Outcome outcome) {
    effects.add(new Effect.Answer(request.call(), outcome));
  }

  private void report(Problem problem, Slot slot, ExitReason reason) {
    effects.add(new Effect.Report(problem, slot.child.id(), reason));
  }
}
