package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.supervision.RestartIntensity;
import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisorSpec;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One live actor: its mailbox, its instance, its place among the others. The cell outlives the
/// instance: a restart replaces the instance and keeps mailbox, monitors' targets and address.
final class ActorCell {

  /* Who may touch what: the thread that runs the cell (it was claimed through the mailbox) owns every
  field without a comment. Others push system messages and envelopes, and read what is volatile.

  Life:  NEW -> ACTIVE -> STOPPED            a turn ends it, or Stop
         NEW/ACTIVE -> CRASHED -> ACTIVE     supervisor, parent or the virtual rule restarts
         CRASHED -> STOPPED                  ... or does not

  While CRASHED the cell stays claimed, takes system messages and leaves user messages waiting. */

  /// Messages run in one go before the actor goes to the end of the queue.
  static final int THROUGHPUT = 128;

  /// Turns without blocking after which calls to a type may run on their caller's thread.
  static final int INLINE_TRUST = 1_000;

  /// Calls that may run on top of each other on one thread.
  static final int INLINE_DEPTH_MAX = 8;

  /// Turns for which a type that blocked its thread gives the slot away first.
  static final int BLOCKING_MEMORY = 1_000;

  enum State {
    NEW,
    ACTIVE,
    CRASHED,
    STOPPED
  }

  private static final Logger LOG = LoggerFactory.getLogger(ActorCell.class);
  private static final VarHandle SYSTEM;
  private static final VarHandle PARKED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      SYSTEM = lookup.findVarHandle(ActorCell.class, "systemMessages", SystemMessage.class);
      PARKED = lookup.findVarHandle(ActorCell.class, "parked", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  final Instances home;
  final String key;
  final ChildSpec spec;
  final Mailbox mailbox;

  private volatile SystemMessage systemMessages;
  private volatile boolean parked;
  private volatile State state = State.NEW;

  /// The turn that runs this cell now. Other threads look at it without ordering, to interrupt its
  /// thread or to be refused.
  Turn turn;

  /// Whom a turn of this cell is blocked on; the edges of the wait-for graph.
  volatile ActorCell waitingOn;

  /// Processed by this activation; written by the runner, read by anybody.
  long processed;

  long startedAtMillis;

  private Actor actor;
  private CellContext context;
  private FacetChain chain;
  private DurableTurns durable;

  /// What most cells never need.
  private Relations relations;

  private volatile boolean killed;

  ActorCell(Instances home, String key, ChildSpec spec, Relations relations) {
    this.home = home;
    this.key = key;
    this.spec = spec;
    this.relations = relations;
    this.mailbox =
        switch (spec.overflow()) {
          case REJECT -> new LinkedMailbox(spec.mailboxCapacity(), false);
          case DROP_NEWEST -> new LinkedMailbox(spec.mailboxCapacity(), true);
          case DROP_OLDEST ->
              new LockedMailbox(spec.mailboxCapacity(), false, 0, system().deadLetters());
          case BLOCK ->
              new LockedMailbox(
                  spec.mailboxCapacity(),
                  true,
                  LockedMailbox.BLOCK_MAX_NANOS,
                  system().deadLetters());
        };
  }

  ActorSystem system() {
    return home.scope.system;
  }

  ActorId id() {
    return new ActorId(home.scope.scope, home.entry.type.name(), key);
  }

  State state() {
    return state;
  }

  CellContext context() {
    if (context == null) {
      context = new CellContext(this);
    }
    return context;
  }

  DurableTurns durable() {
    return durable;
  }

  Relations relations() {
    if (relations == null) {
      relations = new Relations();
    }
    return relations;
  }

  Relations relationsOrNull() {
    return relations;
  }

  @Override
  public String toString() {
    return home.entry.type.name() + "/" + key;
  }

  // ---- called by any thread

  /// Starts a cell that was just entered into the directory.
  ///
  /// @param from the worker whose turn made it; null when made from outside
  void start(Dispatcher.Worker from) {
    send(new Start(), from);
  }

  void send(SystemMessage message) {
    send(message, null);
  }

  /// Queues a system message; runs it here if the cell exited.
  private void send(SystemMessage message, Dispatcher.Worker from) {
    SystemMessage top;
    do {
      top = systemMessages;
      message.next = top;
    } while (!SYSTEM.compareAndSet(this, top, message));
    if (mailbox.claim() || (parked && PARKED.compareAndSet(this, true, false))) {
      system().dispatcher().schedule(this, from);
    } else if (state == State.STOPPED && mailbox.closed()) {
      for (SystemMessage m = takeSystemMessages(); m != null; m = m.next) {
        m.undelivered(this);
      }
    }
  }

  /// True while handlers of the type should not hold a slot.
  boolean blocksForeign() {
    TypeEntry entry = home.entry;
    if (entry.blockingTurns > 0) {
      entry.blockingTurns--;
      return true;
    }
    return false;
  }

  /// The dispatcher found a handler of this cell blocked outside of our operations.
  void sawBlock() {
    home.entry.blockingTurns = BLOCKING_MEMORY;
    home.entry.inlineTrust = 0;
  }

  /// A handler of this cell waits in one of our operations.
  void blocks() {
    home.entry.inlineTrust = 0;
  }

  /// Ends the actor now, whatever it does: its thread is interrupted, its effects are dropped.
  void kill() {
    killed = true;
    send(new Stop(ExitReason.KILLED, null));
    Turn running = turn;
    if (running != null) {
      Thread thread = running.worker.thread;
      if (thread != Thread.currentThread()) {
        thread.interrupt();
      }
    }
  }

  boolean killed() {
    return killed;
  }

  // ---- running

  /// Runs system messages and up to [#THROUGHPUT] user messages. The caller claimed the cell.
  void run(Dispatcher.Worker worker) {
    run(worker, worker.turn, THROUGHPUT);
  }

  /// Runs this cell on the thread of a caller that would otherwise park and wait for the reply: no
  /// thread is switched. The caller claimed the cell.
  void runInline(Dispatcher.Worker worker) {
    ActorCell outer = worker.running;
    Turn t = worker.nestedTurn();
    worker.depth++;
    worker.running = this;
    try {
      run(worker, t, 1);
    } finally {
      worker.running = outer;
      worker.depth--;
    }
  }

  /// True when a call may run on its caller's thread. A caller whose callee blocks that way could
  /// not be woken at its timeout, so only types that have not blocked for a long time qualify.
  boolean inlinable() {
    return durable == null && home.entry.inlineTrust >= INLINE_TRUST;
  }

  private void run(Dispatcher.Worker worker, Turn t, int budget) {
    t.cell = this;
    turn = t;
    while (true) {
      if (systemMessages != null) {
        runSystemMessages(t);
      }
      if (state != State.ACTIVE) {
        leave(t);
        if (state == State.STOPPED) {
          return;
        }
        parked = true;
        if (systemMessages == null || !PARKED.compareAndSet(this, true, false)) {
          return;
        }
        enter(t);
        continue;
      }
      Envelope e = null;
      if (budget > 0) {
        e = durable == null ? mailbox.poll() : durable.next(mailbox);
      } else if (mailbox.size() > 0 || durable != null) {
        leave(t);
        system().dispatcher().schedule(this, worker);
        return;
      }
      if (e == null) {
        // Cleared before the cell is given up: afterwards another thread may be running it.
        leave(t);
        if (!mailbox.tryIdle()) {
          enter(t);
          continue;
        }
        if (systemMessages != null && mailbox.claim()) {
          enter(t);
          continue;
        }
        return;
      }
      if (worker.pending != null) {
        worker.publish();
      }
      process(t, e);
      budget--;
    }
  }

  private void enter(Turn t) {
    t.cell = this;
    turn = t;
  }

  private void leave(Turn t) {
    turn = null;
    t.cell = null;
  }

  private void runSystemMessages(Turn t) {
    SystemMessage newestFirst = takeSystemMessages();
    SystemMessage oldestFirst = null;
    while (newestFirst != null) {
      SystemMessage older = newestFirst.next;
      newestFirst.next = oldestFirst;
      oldestFirst = newestFirst;
      newestFirst = older;
    }
    while (oldestFirst != null) {
      SystemMessage m = oldestFirst;
      oldestFirst = m.next;
      if (state == State.STOPPED) {
        m.undelivered(this);
      } else {
        m.apply(this, t);
      }
    }
  }

  private SystemMessage takeSystemMessages() {
    return (SystemMessage) SYSTEM.getAndSet(this, null);
  }

  private void process(Turn t, Envelope e) {
    t.begin(e);
    Object reply;
    try {
      if (durable != null) {
        durable.begin(t, e);
      }
      reply = chain == null ? actor.handle(context, e) : chain.handle(e);
    } catch (ActorException declared) {
      refused(t, e, declared);
      t.end();
      return;
    } catch (Throwable thrown) {
      crashed(t, e, thrown);
      t.end();
      return;
    }
    processed++;
    home.entry.inlineTrust++;
    if (killed) {
      t.discard();
    } else if (durable != null) {
      durable.end(t, e, reply);
    } else {
      if (t.hasEffects()) {
        t.flush(system());
      }
      if (e.replyTo != null && reply != Reply.LATER) {
        e.replyTo.complete(this, reply);
      }
    }
    t.end();
    if (relations != null && relations.stopWanted) {
      stop(t, ExitReason.NORMAL);
    }
  }

  private void refused(Turn t, Envelope e, ActorException declared) {
    processed++;
    t.discard();
    if (durable != null) {
      durable.refused(t, e, declared);
    } else if (e.replyTo != null) {
      e.replyTo.fail(declared);
    }
  }

  private void crashed(Turn t, Envelope e, Throwable thrown) {
    processed++;
    t.discard();
    home.entry.crashes.increment();
    if (thrown instanceof VirtualMachineError error && !(error instanceof StackOverflowError)) {
      LOG.error("{} met {}", this, error.toString(), error);
    } else if (!killed) {
      LOG.warn(
          "{} crashed in '{}' (request {})",
          this,
          e.type,
          e.context == null ? "-" : e.context.requestId(),
          thrown);
    }
    if (e.replyTo != null) {
      e.replyTo.fail(
          new PlexException(
              ErrorCode.ACTOR_CRASHED, this + " crashed while processing '" + e.type + "'"));
    }
    if (durable != null) {
      durable.crashed(e, thrown);
    }
    exit(t, new ExitReason.Error(describe(thrown)), thrown);
  }

  private static String describe(Throwable thrown) {
    String text = thrown.getMessage();
    return thrown.getClass().getSimpleName() + (text == null ? "" : ": " + text);
  }

  // ---- life

  /// Makes the instance and runs its initialization; the first thing every cell does.
  static final class Start extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      if (cell.state != State.ACTIVE) {
        cell.start(turn);
      }
    }

    @Override
    void undelivered(ActorCell cell) {
      cell.reportExit(ExitReason.SHUTDOWN);
    }
  }

  /// Ends the cell in order.
  static final class Stop extends SystemMessage {
    private final ExitReason reason;
    private final Runnable whenStopped;

    Stop(ExitReason reason, Runnable whenStopped) {
      this.reason = reason;
      this.whenStopped = whenStopped;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.stop(turn, reason);
      done();
    }

    @Override
    void undelivered(ActorCell cell) {
      done();
    }

    private void done() {
      if (whenStopped != null) {
        whenStopped.run();
      }
    }
  }

  /// Ends an idle virtual activation, unless work came meanwhile.
  static final class Passivate extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.passivate(turn);
    }
  }

  private void start(Turn t) {
    ActorSystem system = system();
    Envelope none =
        new Envelope(
            Message.Kind.INFO, "init", null, null, system.systemContext(home.scope.scope), null);
    t.begin(none);
    startedAtMillis = system.clock().millis();
    try {
      actor =
          relations != null && relations.preset != null
              ? relations.preset
              : home.entry.type.create();
      CellContext ctx = context();
      List<FacetSpec> facets = facets();
      chain = home.entry.facetCatalog.chain(this, facets);
      if (chain != null) {
        chain.bind(ctx, actor);
      }
      if (FacetCatalog.named(facets, FacetCatalog.DURABILITY) != null
          && actor instanceof DurableState durableState) {
        DurableTurns before = durable;
        durable = new DurableTurns(this, durableState, system.store());
        durable.load(t, before);
      } else {
        actorInit();
      }
      actor.activate(ctx);
      if (t.hasEffects()) {
        t.flush(system);
      }
    } catch (Throwable thrown) {
      t.discard();
      t.end();
      startFailed(t, thrown);
      return;
    }
    t.end();
    state = State.ACTIVE;
    home.entry.activations.increment();
    if (home.entry.virtual && relations == null) {
      armIdleTimer();
    }
    if (relations != null && relations.supervisor != null) {
      relations.supervisor.started(relations.run);
    }
  }

  void actorInit() throws Exception {
    actor.init(context, spec.args());
  }

  private void startFailed(Turn t, Throwable thrown) {
    LOG.warn("{} failed to start", this, thrown);
    ExitReason reason = new ExitReason.Error(describe(thrown));
    PlexException why =
        thrown instanceof PlexException p
            ? new PlexException(p.code(), p.getMessage())
            : new PlexException(ErrorCode.ACTOR_CRASHED, this + " crashed while starting");
    // Whoever waits for an answer learns now; nothing that waits could be processed.
    Envelope waiting = null;
    Envelope last = null;
    for (Envelope e = mailbox.poll(); e != null; e = mailbox.poll()) {
      if (e.replyTo != null) {
        e.replyTo.fail(why);
      } else if (last == null) {
        waiting = last = e;
      } else {
        last.next = e;
        last = e;
      }
    }
    state = State.CRASHED;
    for (Envelope e = waiting; e != null; ) {
      Envelope next = e.next;
      e.next = null;
      mailbox.offer(e, true);
      e = next;
    }
    if (relations != null && relations.supervisor != null) {
      relations.supervisor.startFailed(relations.run, reason);
      return;
    }
    // Asking again and again must not make the node start it again and again.
    if (home.entry.virtual && tooManyCrashes()) {
      quarantine();
    }
    finish(t, reason, why);
  }

  private List<FacetSpec> facets() {
    if (spec.facets().isEmpty()) {
      return home.entry.facets;
    }
    return FacetCatalog.merge(home.entry.facets, spec.facets());
  }

  List<String> facetNames() {
    return facets().stream().map(FacetSpec::name).toList();
  }

  /// The instance is unusable: tell those who watch, then let whoever is responsible decide.
  private void exit(Turn t, ExitReason reason, Throwable thrown) {
    state = State.CRASHED;
    terminateInstance(reason);
    notifyExit(reason);
    if (killed) {
      finish(t, ExitReason.KILLED, null);
      return;
    }
    Relations r = relations;
    if (r != null && r.supervisor != null) {
      r.supervisor.exited(r.run, reason);
      return;
    }
    if (home.entry.virtual) {
      if (tooManyCrashes()) {
        quarantine();
        finish(
            t,
            reason,
            new PlexException(
                ErrorCode.QUARANTINED, this + " crashed too often and takes no messages for now"));
      } else {
        countRestart();
        start(t);
      }
      return;
    }
    if (r != null
        && r.parent != null
        && spec.restart() != RestartType.TEMPORARY
        && !tooManyCrashes()) {
      countRestart();
      start(t);
      return;
    }
    finish(t, reason, null);
  }

  private void countRestart() {
    home.entry.restarts.increment();
    relations().restarts++;
  }

  private boolean tooManyCrashes() {
    Relations r = relations();
    if (r.crashes == null) {
      r.crashes =
          home.entry.virtual
              ? new RestartIntensity(Quarantine.CRASHES_MAX, Quarantine.WINDOW)
              : new RestartIntensity(SupervisorSpec.MAX_RESTARTS, SupervisorSpec.WINDOW);
    }
    return !r.crashes.admits(system().clock().instant());
  }

  private void quarantine() {
    LOG.warn(
        "{} is quarantined: {} crashes in {} s",
        this,
        Quarantine.CRASHES_MAX,
        Quarantine.WINDOW.toSeconds());
    home.entry.quarantine.add(id());
  }

  private void stop(Turn t, ExitReason reason) {
    if (state == State.STOPPED) {
      return;
    }
    boolean wasAlive = state == State.ACTIVE;
    if (wasAlive) {
      t.begin(
          new Envelope(
              Message.Kind.INFO,
              "terminate",
              null,
              null,
              system().systemContext(home.scope.scope),
              null));
      terminateInstance(reason);
      // What it said while stopping still counts, unless it was killed.
      if (!killed && durable == null && t.hasEffects()) {
        t.flush(system());
      } else {
        t.discard();
      }
      t.end();
      notifyExit(reason);
    }
    finish(t, reason, null);
  }

  private void terminateInstance(ExitReason reason) {
    Relations r = relations;
    if (r != null) {
      r.stopWanted = false;
      r.stopChildren();
      r.cancelTimers();
    }
    Actor old = actor;
    if (old == null) {
      return;
    }
    actor = null;
    if (!killed) {
      try {
        old.terminate(context, reason);
      } catch (Throwable thrown) {
        LOG.warn("{} failed in its terminate handler", this, thrown);
      }
    }
    if (chain != null) {
      chain.detach();
      chain = null;
    }
  }

  private void notifyExit(ExitReason reason) {
    if (relations != null) {
      relations.notifyExit(this, reason);
    }
  }

  /// The end: no instance, no mailbox, no address.
  private void finish(Turn t, ExitReason reason, PlexException toWaiting) {
    actor = null;
    durable = null;
    chain = null;
    state = State.STOPPED;
    home.cells.remove(key, this);
    Envelope waiting = mailbox.close();
    home.entry.messagesOfExited.add(processed);
    processed = 0;
    while (waiting != null) {
      Envelope next = waiting.next;
      waiting.next = null;
      if (toWaiting != null && waiting.replyTo != null) {
        waiting.replyTo.fail(toWaiting);
      }
      system().deadLetters().add(waiting, toString(), DeadLetters.Reason.ACTOR_STOPPED);
      waiting = next;
    }
    for (SystemMessage m = takeSystemMessages(); m != null; m = m.next) {
      m.undelivered(this);
    }
    reportExit(reason);
  }

  private void reportExit(ExitReason reason) {
    Relations r = relations;
    if (r == null) {
      return;
    }
    r.cancelTimers();
    if (r.parent != null) {
      r.parent.send(new Relations.ChildGone(this));
    }
    if (r.supervisor != null) {
      r.supervisor.exited(r.run, reason);
    }
  }

  // ---- passivation of virtual actors

  private void armIdleTimer() {
    ActorSystem system = system();
    long seen = processed;
    system
        .timers()
        .after(
            home.entry.idleTimeout,
            () -> {
              if (state != State.ACTIVE) {
                return;
              }
              if (processed == seen && mailbox.size() == 0) {
                send(new Passivate());
              } else {
                armIdleTimer();
              }
            });
  }

  private void passivate(Turn t) {
    if (state != State.ACTIVE || mailbox.size() > 0 || !passivable()) {
      if (state == State.ACTIVE) {
        armIdleTimer();
      }
      return;
    }
    t.begin(
        new Envelope(
            Message.Kind.INFO,
            "deactivate",
            null,
            null,
            system().systemContext(home.scope.scope),
            null));
    terminateInstance(ExitReason.NORMAL);
    t.discard();
    t.end();
    state = State.NEW;
    if (mailbox.tryClose()) {
      finish(t, ExitReason.NORMAL, null);
    } else {
      start(t);
    }
  }

  private boolean passivable() {
    if (durable != null && !durable.quiet()) {
      return false;
    }
    return relations == null || !relations.holdsActivation();
  }

  /// Restarts after a crash; sent by the supervisor.
  static final class Restart extends SystemMessage {
    private final Run run;

    Restart(Run run) {
      this.run = run;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.relations().run = run;
      cell.countRestart();
      cell.start(turn);
    }

    @Override
    void undelivered(ActorCell cell) {
      cell.relations().supervisor.startFailed(run, ExitReason.KILLED);
    }
  }

  /// Throws the instance away and loads the durable state again, because a commit was refused.
  static final class Reload extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      if (cell.state == State.ACTIVE && cell.durable != null && cell.durable.poisoned()) {
        cell.actor = null;
        cell.start(turn);
      }
    }
  }
}
