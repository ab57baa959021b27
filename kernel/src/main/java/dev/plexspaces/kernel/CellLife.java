package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.binding.VolatileState;
import dev.plexspaces.kernel.supervision.RestartIntensity;
import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.kernel.supervision.StartFailure;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.event.Level;

/// The lives of a cell: how an instance begins and ends, what a [SystemMessage] does in which
/// state, who decides after a crash, and what those who wait and watch are told.
abstract sealed class CellLife extends CellFront permits ActorCell {

  /* Life:  NEW -> ACTIVE -> STOPPED            a turn ends it, or Stop
         NEW/ACTIVE -> CRASHED -> ACTIVE     supervisor, parent or the virtual rule restarts
         CRASHED -> STOPPED                  ... or does not
         ACTIVE -> HALTED -> STOPPED         a replay did not match; waits for people

  While CRASHED the cell stays claimed, takes system messages and leaves user messages waiting. A cell
  with children waits in CRASHED or STOPPING until they are gone. */

  /// Pause before a durable actor whose state could not be read is started again by itself.
  static final Duration START_AGAIN_AFTER = Duration.ofSeconds(1);

  enum State {
    NEW,
    ACTIVE,
    CRASHED,
    STOPPING,
    HALTED,
    STOPPED
  }

  /// Read by any thread; written in this class only.
  volatile State state = State.NEW;

  /// ACTIVE and not durable: its messages may take the short path. Runner only, and not volatile as
  /// `state` is, so that the compiler may look once for a message.
  boolean plain;

  /// Set by [ActorCell#kill], for good.
  volatile boolean killed;

  long startedAtMillis;

  /// Null while there is no instance.
  Actor actor;

  /// Null for an instance without facets.
  FacetChain chain;

  /// Null while there is no instance, and for volatile actors.
  DurableTurns durable;

  /// Looks for idleness again and again; null for actors that are not passivated.
  private volatile Timers.Timer idleTimer;

  /// CRASHED only until the store can be read again.
  private boolean reloading;

  /// CRASHED because of others, by a timeout or an outage.
  boolean blameless;

  private boolean passivated;

  /// Why a HALTED cell takes no messages.
  private PlexException haltedBy;

  CellLife(Instances home, String key, ChildSpec spec, Relations relations) {
    super(home, key, spec, relations);
  }

  @Override
  State state() {
    return state;
  }

  /// For everybody but the path of a message, which reads the field: a method that returns a class
  /// not loaded so far, as where nothing is durable, is not put where it is called.
  DurableTurns durable() {
    return durable;
  }

  private void become(State next) {
    plain = next == State.ACTIVE && durable == null;
    state = next;
  }

  // ---- the beginning

  void start(Turn t) {
    Throwable thrown = tryStart(t);
    if (thrown instanceof JournalMismatch mismatch) {
      reportStarted();
      halt(t, null, mismatch);
    } else if (thrown != null) {
      startFailed(t, thrown);
    } else {
      reportStarted();
      if (relations != null && relations.stopWanted) {
        stop(t, ExitReason.NORMAL);
      }
    }
  }

  private void reportStarted() {
    if (relations != null && relations.supervisor != null) {
      relations.supervisor.started(relations.run);
    }
  }

  /// @return why it did not start; null when it did
  private Throwable tryStart(Turn t) {
    ActorSystem system = system();
    t.begin(platformCall("init"));
    startedAtMillis = system.clock().millis();
    try {
      actor =
          relations != null && relations.preset != null
              ? relations.preset
              : home.entry.type.create();
      CellContext ctx = context();
      List<FacetSpec> facets = facets();
      chain = home.entry.facetCatalog.chain(self(), facets);
      if (chain != null) {
        chain.bind(ctx, actor);
      }
      if (FacetCatalog.named(facets, FacetCatalog.DURABILITY) != null) {
        if (!(actor instanceof DurableState durableState)) {
          throw new PlexException(
              ErrorCode.INVALID_MESSAGE,
              "actor type '"
                  + home.entry.type.name()
                  + "' keeps no durable state; remove the durability facet");
        }
        DurableTurns before = durable;
        durable = new DurableTurns(self(), durableState, system.store());
        durable.load(t, before);
        actor.activate(ctx);
        durable.activated(t);
      } else {
        actorInit();
        actor.activate(ctx);
        settle(t);
        if (t.hasEffects()) {
          t.flush(system);
        }
      }
    } catch (Throwable thrown) {
      t.discard();
      return thrown;
    } finally {
      t.end();
    }
    become(State.ACTIVE);
    home.entry.activations.increment();
    if (home.entry.virtual && idleTimer == null && ownerless()) {
      armIdleTimer();
    }
    return null;
  }

  void actorInit() throws Exception {
    actor.init(context, spec.args());
  }

  /// What a turn of a volatile actor did to its state stands.
  void settle(Turn t) {
    if (home.entry.keepsState) {
      t.settle((VolatileState) actor);
    }
  }

  private void startFailed(Turn t, Throwable thrown) {
    log(Level.WARN, null).setCause(thrown).log("{} failed to start", this);
    become(State.CRASHED);
    dropInstance();
    whenChildless(t, childless -> startFailedForGood(childless, thrown));
  }

  private void startFailedForGood(Turn t, Throwable thrown) {
    ExitReason reason = new ExitReason.Error(describe(thrown));
    Relations r = relations;
    if (killed) {
      finish(t, ExitReason.KILLED, null);
    } else if (r != null && r.supervisor != null) {
      // What waits in the mailbox goes on waiting for the restart, which may succeed.
      r.supervisor.startFailed(r.run, new StartFailure(reason, thrown.getMessage()));
    } else {
      PlexException why = startError(thrown);
      // Asking again and again must not make the node start it again and again.
      if (home.entry.virtual
          && ownerless()
          && why.code() != ErrorCode.UNAVAILABLE
          && quarantined("failed to start: " + describe(thrown))) {
        why = Quarantine.error(toString());
        wakeAfter(Quarantine.RELEASE_AFTER);
      } else if (why.code() == ErrorCode.UNAVAILABLE) {
        wakeAfter(START_AGAIN_AFTER);
      }
      finish(t, reason, why);
    }
  }

  /// What those are told whose messages wait. They gave nothing to the start, so whatever else it
  /// found wrong is no mistake of theirs; only what may be over by the next try is told by its
  /// code.
  private PlexException startError(Throwable thrown) {
    if (thrown instanceof PlexException p) {
      switch (p.code()) {
        case UNAVAILABLE, TIMEOUT, QUARANTINED, INTERNAL -> {
          return new PlexException(p.code(), p.getMessage());
        }
        default -> {}
      }
    }
    return new PlexException(ErrorCode.ACTOR_CRASHED, this + " crashed while starting");
  }

  /// For logs and watchers; answers do not name the class.
  static String describe(Throwable thrown) {
    String text = thrown.getMessage();
    return thrown.getClass().getSimpleName() + (text == null ? "" : ": " + text);
  }

  // ---- a crash, and after it

  /// The instance is unusable: tell those who watch, then let whoever is responsible decide.
  void exit(Turn t, ExitReason reason) {
    become(State.CRASHED);
    terminateInstance(t, reason);
    notifyExit(reason);
    whenChildless(t, childless -> exited(childless, reason));
  }

  private void exited(Turn t, ExitReason reason) {
    Relations r = relations;
    if (killed) {
      finish(t, ExitReason.KILLED, null);
    } else if (r != null && r.supervisor != null) {
      r.supervisor.exited(r.run, reason);
    } else if (r != null && r.parent != null) {
      if (spec.restart() != RestartType.TEMPORARY && !tooManyCrashes(r)) {
        countRestart();
        start(t);
      } else {
        finish(t, reason, null);
      }
    } else if (home.entry.virtual) {
      if (!blameless && quarantined(reason.text())) {
        wakeAfter(Quarantine.RELEASE_AFTER);
        finish(t, reason, Quarantine.error(toString()));
      } else {
        countRestart();
        start(t);
      }
    } else {
      finish(t, reason, null);
    }
  }

  /// A durable inbox may hold messages that nobody else would make this actor look at.
  private void wakeAfter(Duration pause) {
    if (home.entry.virtual && home.entry.durable) {
      Address address = new Address(home.scope, home.entry.type.name(), key);
      system()
          .timers()
          .after(
              pause,
              () -> {
                // Still in quarantine when the wall clock was set back.
                if (system().resolveQuietly(address) == null && home.runs()) {
                  wakeAfter(pause);
                }
              });
    }
  }

  private void countRestart() {
    home.entry.restarts.increment();
    relations().restarts++;
  }

  private boolean tooManyCrashes(Relations r) {
    if (r.crashes == null) {
      r.crashes = new RestartIntensity(SupervisorSpec.MAX_RESTARTS, SupervisorSpec.WINDOW);
    }
    return !r.crashes.admits(system().clock().instant());
  }

  private boolean quarantined(String lastCrash) {
    boolean quarantined = home.entry.quarantine.crashed(id(), lastCrash);
    if (quarantined) {
      log(Level.WARN, null)
          .log(
              "{} is quarantined: more than {} crashes in {} s",
              this,
              Quarantine.CRASHES_MAX,
              Quarantine.WINDOW.toSeconds());
    }
    return quarantined;
  }

  /// Ends the instance and keeps cell and mailbox: its supervisor is about to start it again.
  void suspend(Turn t) {
    if (state == State.ACTIVE || state == State.HALTED) {
      tellWatchers(ExitReason.SHUTDOWN, null);
      exit(t, ExitReason.SHUTDOWN);
    } else if (state == State.NEW) {
      stop(t, ExitReason.SHUTDOWN);
    }
    // Otherwise it exited on its own and has reported that, or will.
  }

  /// Begins another life, which the supervisor calls `run`.
  void restart(Turn t, Run run) {
    relations().run = run;
    if (state == State.CRASHED) {
      countRestart();
      start(t);
    }
    // Otherwise it is being stopped, and its exit will be this run's.
  }

  /// Loads the durable state again if that is still wanted.
  ///
  /// @param anyway true when no commit needs to have been refused
  void reload(Turn t, boolean anyway) {
    boolean wanted =
        switch (state) {
          case ACTIVE -> durable != null && (anyway || durable.pipeline().poisoned());
          case CRASHED -> reloading;
          case NEW, STOPPING, HALTED, STOPPED -> false;
        };
    if (wanted) {
      reload(t);
    }
  }

  /// Throws the instance away and makes another one from what the disk has.
  void reload(Turn t) {
    reloading = true;
    become(State.CRASHED);
    dropInstance();
    Throwable thrown = tryStart(t);
    if (thrown instanceof PlexException p && p.code() == ErrorCode.UNAVAILABLE) {
      log(Level.WARN, null).log("{} could not be loaded again yet: {}", this, p.getMessage());
      durable.pipeline().reload(true);
      return;
    }
    reloading = false;
    if (thrown instanceof JournalMismatch mismatch) {
      halt(t, null, mismatch);
    } else if (thrown != null) {
      log(Level.WARN, null).setCause(thrown).log("{} could not be loaded again", this);
      ExitReason reason = new ExitReason.Error(describe(thrown));
      tellWatchers(reason, null);
      exit(t, reason);
    }
  }

  /// A replay did not match: the actor stops where it is, for people to look at. Neither supervisor
  /// nor parent hears of it, because a restart would end at the same place.
  void halt(Turn t, Envelope e, JournalMismatch mismatch) {
    log(Level.ERROR, e).log(mismatch.getMessage());
    t.discard();
    haltedBy = mismatch.error();
    ExitReason reason = new ExitReason.Error(mismatch.getMessage());
    tellWatchers(reason, null);
    if (e != null && e.replyTo != null) {
      e.replyTo.fail(haltedBy);
    }
    dropInstance();
    become(State.HALTED);
    home.entry.crashes.increment();
    notifyExit(reason);
    if (relations != null && relations.hasChildren()) {
      relations.stopChildren(self(), childless -> {});
    }
  }

  /// Answers what came to a HALTED cell: none of it will be handled.
  void refuseWaiting() {
    for (Envelope e = mailbox.poll(); e != null; e = mailbox.poll()) {
      if (e.replyTo != null) {
        e.replyTo.fail(haltedBy);
      }
      system().deadLetters().add(e, self(), DeadLetters.Reason.ACTOR_STOPPED);
    }
  }

  // ---- the end

  void stop(Turn t, ExitReason reason) {
    switch (state) {
      case STOPPED -> {}
      case STOPPING -> {
        if (killed) {
          relations.killChildren(t);
        }
      }
      case NEW, CRASHED -> {
        become(State.STOPPING);
        whenChildless(t, childless -> finish(childless, reason, null));
      }
      case ACTIVE -> {
        become(State.STOPPING);
        terminateInstance(t, reason);
        notifyExit(reason);
        whenChildless(t, childless -> finish(childless, reason, null));
      }
      case HALTED -> {
        become(State.STOPPING);
        whenChildless(t, childless -> finish(childless, reason, haltedBy));
      }
    }
  }

  /// Goes on with `then` once no child is left.
  private void whenChildless(Turn t, Consumer<Turn> then) {
    Relations r = relations;
    if (r == null || !r.hasChildren()) {
      then.accept(t);
    } else if (killed) {
      r.whenChildless(then);
      r.killChildren(t);
    } else {
      r.stopChildren(self(), then);
    }
  }

  private void terminateInstance(Turn t, ExitReason reason) {
    Actor old = actor;
    if (old != null && !killed) {
      t.begin(platformCall("terminate"));
      try {
        old.terminate(context, reason);
        // What it said while stopping still counts.
        if (durable != null) {
          durable.releaseMessages(t);
        } else if (t.hasEffects()) {
          t.flush(system());
        }
      } catch (Throwable thrown) {
        log(Level.WARN, null).setCause(thrown).log("{} failed in its terminate handler", this);
        t.discard();
      } finally {
        t.end();
      }
    }
    dropInstance();
  }

  private void dropInstance() {
    actor = null;
    if (relations != null) {
      relations.stopWanted = false;
      relations.cancelTimers();
    }
    if (durable != null) {
      durable.detach();
    }
    FacetChain old = chain;
    chain = null;
    if (old != null) {
      old.detach(self());
    }
  }

  private Envelope platformCall(String what) {
    return new Envelope(
        Message.Kind.INFO, what, null, null, system().systemContext(home.scope.scope), null);
  }

  /// The end: no instance, no mailbox, no address.
  private void finish(Turn t, ExitReason reason, PlexException toWaiting) {
    durable = null;
    become(State.STOPPED);
    boolean unread = toWaiting != null && toWaiting.code() == ErrorCode.UNAVAILABLE;
    if (!passivated && !killed && !unread) {
      // Before the name is free: a monitor of whoever takes it next is not this one's.
      tellWatchers(reason, null);
    }
    if (idleTimer != null) {
      // It would keep the application's classes.
      idleTimer.cancel();
    }
    home.cells.remove(key, this);
    Envelope waiting = mailbox.close();
    home.entry.messagesOfExited.add(mailbox.processed);
    mailbox.processed = 0;
    while (waiting != null) {
      Envelope next = waiting.next;
      waiting.next = null;
      if (toWaiting != null && waiting.replyTo != null) {
        waiting.replyTo.fail(toWaiting);
      }
      system().deadLetters().add(waiting, self(), DeadLetters.Reason.ACTOR_STOPPED);
      waiting = next;
    }
    // Those who began to watch it after it crashed.
    notifyExit(reason);
    for (SystemMessage m = takeSystemMessages(); m != null; m = m.next) {
      m.undelivered(self());
    }
    Relations r = relations;
    if (r == null) {
      return;
    }
    if (r.parent != null) {
      r.parent.send(new Relations.ChildGone(self()));
    }
    if (r.supervisor != null) {
      r.supervisor.exited(r.run, reason);
    }
    r.tellStopped();
  }

  // ---- those who watch

  /// True when the end of this actor is worth telling to durable watchers: it does not just leave
  /// memory together with its application.
  private boolean isTold() {
    return home.entry.monitored && !(home.retired() && home.entry.virtual && ownerless());
  }

  /// True when the running turn ends this actor and durable watchers are to hear of it.
  boolean stopIsTold() {
    return relations != null && relations.stopWanted && isTold();
  }

  /// Tells durable watchers that a life is over; the others are told by [#notifyExit].
  ///
  /// @param ahead what this actor releases from now on waits until it is told; null for nothing
  void tellWatchers(ExitReason reason, CommitPipeline ahead) {
    if (isTold()) {
      system().durableDowns().exited(self(), reason, ahead);
    }
  }

  private void notifyExit(ExitReason reason) {
    if (relations != null) {
      relations.notifyExit(self(), reason);
    }
  }

  // ---- passivation of virtual actors

  /// Looks again after the idle time; one look is on its way from the first start to the end.
  private void armIdleTimer() {
    long seen = mailbox.processed;
    idleTimer =
        system()
            .timers()
            .after(
                home.entry.idleTimeout,
                () -> {
                  if (state == State.ACTIVE && mailbox.processed == seen && mailbox.size() == 0) {
                    send(new SystemMessage.Passivate());
                  } else {
                    armIdleTimer();
                  }
                });
    if (state == State.STOPPED) {
      idleTimer.cancel();
    }
  }

  /// Ends an idle activation, unless work came meanwhile.
  void passivate(Turn t) {
    if (state != State.ACTIVE || mailbox.size() > 0 || !passivable()) {
      armIdleTimer();
      return;
    }
    terminateInstance(t, ExitReason.NORMAL);
    become(State.NEW);
    passivated = true;
    if (mailbox.tryClose()) {
      finish(t, ExitReason.NORMAL, null);
    } else {
      passivated = false;
      armIdleTimer();
      start(t);
    }
  }

  private boolean passivable() {
    if (durable != null && !durable.quiet()) {
      return false;
    }
    return relations == null || !relations.holdsActivation();
  }

  /// Whoever takes the place of this passivated cell, activated if need be; null when there is
  /// none.
  ActorCell successor() {
    return passivated
        ? system().resolveQuietly(new Address(home.scope, home.entry.type.name(), key))
        : null;
  }
}
