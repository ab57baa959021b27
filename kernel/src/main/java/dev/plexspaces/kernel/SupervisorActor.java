package dev.plexspaces.kernel;

import dev.plexspaces.kernel.supervision.ChildState;
import dev.plexspaces.kernel.supervision.Effect;
import dev.plexspaces.kernel.supervision.Event;
import dev.plexspaces.kernel.supervision.Phase;
import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.kernel.supervision.StartFailure;
import dev.plexspaces.kernel.supervision.Supervisor;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.SupervisorSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// A supervisor at work: an actor that feeds events to the pure [Supervisor] and carries out its
/// effects. Source: OTP `supervisor`, which is a `gen_server` as well.
final class SupervisorActor implements Actor {

  private static final Logger LOG = LoggerFactory.getLogger(SupervisorActor.class);

  /// How a supervisor reports to whoever started it.
  interface Owner {
    void started();

    void startFailed(StartFailure failure);

    void exited(ExitReason reason);
  }

  private final ScopeTypes scope;
  private final String path;
  private final Owner owner;
  private final Supervisor core;
  private final Address address;

  /// The supervisor's own; null before [#start].
  private volatile ActorCell cell;

  private volatile Map<String, Object> tree = Map.of();

  /// By child id. Read by [#killTree] on the parent's thread.
  private final Map<String, Life> lives = new ConcurrentHashMap<>();

  /// The whole tree was killed; what is being started at that moment must go as well.
  private volatile boolean killed;

  private final Map<Run, Timers.Timer> shutdownTimers = new HashMap<>();

  /// The present life of one child.
  private record Life(Run run, ActorCell worker, SupervisorActor nested) {}

  /// @param path ids from the application's root, joined by `/`; begins with the application's id
  SupervisorActor(ScopeTypes scope, String path, SupervisorSpec spec, Owner owner) {
    this.scope = scope;
    this.path = path;
    this.owner = owner;
    this.core = new Supervisor(spec);
    this.address = new Address(scope, SupervisorType.NAME, path);
  }

  String path() {
    return path;
  }

  Supervisor core() {
    return core;
  }

  /// The supervisor and its children as they were after the last event; any thread.
  Map<String, Object> tree() {
    return tree;
  }

  private Map<String, Object> describe() {
    List<Object> children = new ArrayList<>();
    for (Supervisor.ChildStatus child : core.children()) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("id", child.id());
      fields.put("state", child.state().name().toLowerCase(Locale.ROOT));
      fields.put("restarts", child.restarts());
      Life life = lives.get(child.id());
      if (life != null && life.nested != null) {
        fields.put("supervisor", life.nested.tree());
      }
      children.add(fields);
    }
    return Map.of(
        "id",
        core.spec().id(),
        "strategy",
        core.spec().strategy().name().toLowerCase(Locale.ROOT),
        "children",
        children);
  }

  /// Starts the supervisor as an actor of its scope.
  void start() {
    Instances home = home();
    Relations relations = new Relations();
    relations.preset = this;
    cell = new ActorCell(home, path, SupervisorType.SPEC, relations);
    address.cell = cell;
    if (home.cells.putIfAbsent(path, cell) != null) {
      owner.startFailed(StartFailure.because("a supervisor " + path + " is alive already"));
      return;
    }
    if (killed) {
      // By whoever is above its parent, which had not started it yet.
      cell.kill();
      return;
    }
    cell.send(new SystemMessage.Start());
    post(new Event.StartAll());
  }

  private Instances home() {
    return scope.system.supervisors(scope);
  }

  /// Tells this supervisor something; any thread.
  void post(Event event) {
    scope.system.info(address, "supervise", event);
  }

  void started(Run run) {
    post(new Event.ChildStarted(run));
  }

  void startFailed(Run run, StartFailure failure) {
    post(new Event.ChildStartFailed(run, failure));
  }

  void exited(Run run, ExitReason reason) {
    post(new Event.ChildExited(run, reason));
  }

  @Override
  public Object handle(ActorContext context, Message message) {
    if (message.payload() instanceof Event event) {
      List<Effect> effects = core.on(event, context.now());
      if (core.phase() == Phase.EXITED) {
        // Before anybody hears of the exit and starts the same names again.
        discardUnwanted();
        home().cells.remove(path, cell);
      }
      for (Effect effect : effects) {
        carryOut(context, effect);
      }
      discardUnwanted();
      tree = describe();
    }
    return null;
  }

  private void carryOut(ActorContext context, Effect effect) {
    switch (effect) {
      case Effect.Start start -> {
        switch (start.child()) {
          case SupervisorSpec.Worker worker -> startWorker(start.run(), worker.spec());
          case SupervisorSpec.Nested nested -> startNested(start.run(), nested.spec());
        }
      }
      case Effect.Stop stop -> {
        Life life = lives.get(stop.run().id());
        if (life == null) {
          exited(stop.run(), ExitReason.SHUTDOWN);
        } else if (life.nested != null) {
          life.nested.post(new Event.StopAll(ExitReason.SHUTDOWN));
        } else if (core.phase() == Phase.CLEARING) {
          life.worker.send(new SystemMessage.Suspend(stop.run()));
        } else {
          life.worker.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, null));
        }
      }
      case Effect.Kill kill -> {
        Life life = lives.get(kill.run().id());
        if (life != null && life.worker != null) {
          life.worker.kill();
        } else if (life != null) {
          life.nested.killTree();
        }
        exited(kill.run(), ExitReason.KILLED);
      }
      case Effect.ArmShutdownTimer arm ->
          shutdownTimers.put(
              arm.run(),
              scope
                  .system
                  .timers()
                  .after(arm.timeout(), () -> post(new Event.ShutdownTimeout(arm.run()))));
      case Effect.CancelShutdownTimer cancel -> {
        Timers.Timer timer = shutdownTimers.remove(cancel.run());
        if (timer != null) {
          timer.cancel();
        }
      }
      case Effect.Started started -> owner.started();
      case Effect.StartFailed failed -> {
        context.stop();
        owner.startFailed(failed.failure());
      }
      case Effect.Stopped stopped -> {
        context.stop();
        owner.exited(stopped.reason());
      }
      case Effect.GiveUp giveUp -> {
        context.stop();
        owner.exited(giveUp.reason());
      }
      case Effect.Answer answer -> scope.system.answered(answer.call(), answer.outcome());
      case Effect.Report report -> {
        scope.system.supervisorReports().increment();
        log(report);
      }
    }
  }

  private void log(Effect.Report report) {
    String problem =
        switch (report.problem()) {
          case CHILD_TERMINATED -> ": its child '{}' terminated ({})";
          case START_ERROR -> ": its child '{}' did not start ({})";
          case SHUTDOWN_ERROR -> ": its child '{}' did not stop in order ({})";
          case MAX_RESTARTS -> " gives up: too many restarts, the last of '{}' ({})";
        };
    int rootEnds = path.indexOf('/');
    TurnLog.at(LOG, Level.WARN, cell, null)
        .addKeyValue("application", rootEnds < 0 ? path : path.substring(0, rootEnds))
        .log("supervisor {}" + problem, path, report.id(), report.reason().text());
  }

  private void startWorker(Run run, ChildSpec spec) {
    Life before = lives.get(spec.id());
    if (before != null
        && before.worker != null
        && before.worker.state() == ActorCell.State.CRASHED
        && !before.worker.killed()) {
      enter(spec.id(), new Life(run, before.worker, null));
      before.worker.send(new SystemMessage.Restart(run));
      return;
    }
    Instances home = scope.instances(spec.type());
    if (home == null) {
      startFailed(run, StartFailure.because("unknown actor type '" + spec.type() + "'"));
      return;
    }
    Relations relations = new Relations();
    relations.supervisor = this;
    relations.run = run;
    ActorCell cell = new ActorCell(home, spec.key(), spec, relations);
    if (home.cells.putIfAbsent(spec.key(), cell) != null) {
      startFailed(run, StartFailure.because("an actor " + cell + " is alive already"));
      return;
    }
    enter(spec.id(), new Life(run, cell, null));
    cell.send(new SystemMessage.Start());
  }

  private void enter(String id, Life life) {
    lives.put(id, life);
    if (killed) {
      kill(life);
    }
  }

  private void startNested(Run run, SupervisorSpec spec) {
    SupervisorActor nested =
        new SupervisorActor(
            scope,
            path + "/" + spec.id(),
            spec,
            new Owner() {
              @Override
              public void started() {
                SupervisorActor.this.started(run);
              }

              @Override
              public void startFailed(StartFailure failure) {
                SupervisorActor.this.startFailed(run, failure);
              }

              @Override
              public void exited(ExitReason reason) {
                SupervisorActor.this.exited(run, reason);
              }
            });
    enter(spec.id(), new Life(run, null, nested));
    nested.start();
  }

  /// Ends cells that crashed and will not be restarted, once nothing is in progress.
  private void discardUnwanted() {
    Phase phase = core.phase();
    if (phase != Phase.RUNNING && phase != Phase.EXITED) {
      return;
    }
    Iterator<Map.Entry<String, Life>> it = lives.entrySet().iterator();
    while (it.hasNext()) {
      Map.Entry<String, Life> entry = it.next();
      boolean wanted =
          phase == Phase.RUNNING
              && core.child(entry.getKey()).map(c -> c.state() != ChildState.STOPPED).orElse(false);
      if (!wanted) {
        it.remove();
        Life life = entry.getValue();
        if (life.worker != null && life.worker.state() == ActorCell.State.CRASHED) {
          // Its name must be free at once.
          life.worker.home.cells.remove(life.worker.key, life.worker);
          life.worker.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, null));
        }
      }
    }
  }

  /// Kills everything below, then the supervisor itself; called by its parent.
  private void killTree() {
    killed = true;
    lives.values().forEach(SupervisorActor::kill);
    ActorCell started = cell;
    if (started != null) {
      started.kill();
    }
  }

  private static void kill(Life life) {
    if (life.worker != null) {
      life.worker.kill();
    } else {
      life.nested.killTree();
    }
  }
}
