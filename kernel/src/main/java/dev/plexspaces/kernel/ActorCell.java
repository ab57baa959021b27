package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.binding.VolatileState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StaleVersion;
import dev.plexspaces.kernel.supervision.RestartIntensity;
import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ChildSpec.Overflow;
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
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/// One live actor: its mailbox, its instance, its place among the others. The cell outlives the
/// instance: a restart replaces the instance and keeps mailbox, monitors' targets and address.
final class ActorCell {

  /* Who may touch what: the thread that runs the cell (it was claimed through the mailbox) owns every
  field without a comment. Others push system messages and envelopes, and read what is volatile.

  Life:  NEW -> ACTIVE -> STOPPED            a turn ends it, or Stop
         NEW/ACTIVE -> CRASHED -> ACTIVE     supervisor, parent or the virtual rule restarts
         CRASHED -> STOPPED                  ... or does not
         ACTIVE -> HALTED -> STOPPED         a replay did not match; waits for people

  While CRASHED the cell stays claimed, takes system messages and leaves user messages waiting. A cell
  with children waits in CRASHED or STOPPING until they are gone. */

  /// Messages run in one go before the actor goes to the end of the queue.
  static final int THROUGHPUT = 128;

  /// How long it goes on all the same when more wait, nanoseconds: they came faster than they are
  /// handled, and they get no closer by waiting.
  static final long CATCH_UP_NANOS = 100_000;

  /// And how often.
  static final int CATCH_UP_MAX = 32;

  /// Turns without blocking after which calls to a type may run on their caller's thread.
  static final int INLINE_TRUST = 1_000;

  /// Calls that may run on top of each other on one thread.
  static final int INLINE_DEPTH_MAX = 8;

  /// Pause before a durable actor whose state could not be read is started again by itself.
  static final Duration START_AGAIN_AFTER = Duration.ofSeconds(1);

  /// How long after it was killed an actor that still runs is reported.
  static final Duration KILL_TAKES_MAX = Duration.ofSeconds(3);

  /// Frames of its stack in the report.
  private static final int FRAMES_SHOWN = 5;

  enum State {
    NEW,
    ACTIVE,
    CRASHED,
    STOPPING,
    HALTED,
    STOPPED
  }

  private static final Logger LOG = LoggerFactory.getLogger(ActorCell.class);
  private static final VarHandle SYSTEM;
  private static final VarHandle PARKED;
  private static final VarHandle RUNNING;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      SYSTEM = lookup.findVarHandle(ActorCell.class, "systemMessages", SystemMessage.class);
      PARKED = lookup.findVarHandle(ActorCell.class, "parked", boolean.class);
      RUNNING = lookup.findVarHandle(Mailbox.class, "running", boolean.class);
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

  /// Who runs this cell, or did so last; [Mailbox#running] says which.
  private Dispatcher.Worker worker;

  /// The call a turn of this cell is blocked on; the edges of the wait-for graph.
  volatile ReplyTo.Blocking waitingFor;

  /// The durable inbox has rows that found no room in the mailbox.
  private volatile boolean inboxBehind;

  long startedAtMillis;

  /// Made when it is asked for; racy on purpose.
  private ActorId id;

  private Actor actor;
  private CellContext context;
  private FacetChain chain;

  /// Null while there is no instance, and for volatile actors.
  DurableTurns durable;

  /// What most cells never need.
  private Relations relations;

  private volatile boolean killed;

  /// Looks for idleness again and again; null for actors that are not passivated.
  private volatile Timers.Timer idleTimer;

  /// CRASHED only until the store can be read again.
  private boolean reloading;

  /// CRASHED because of others, by a timeout or an outage.
  private boolean blameless;

  private boolean passivated;

  /// Why a HALTED cell takes no messages.
  private PlexException haltedBy;

  ActorCell(Instances home, String key, ChildSpec spec, Relations relations) {
    this.home = home;
    this.key = key;
    this.spec = spec;
    this.relations = relations;
    this.mailbox =
        spec.overflow() == Overflow.DROP_OLDEST
            ? new LockedMailbox(spec.mailboxCapacity(), this)
            : new LinkedMailbox(spec.mailboxCapacity(), spec.overflow());
  }

  ActorSystem system() {
    return home.scope.system;
  }

  ActorId id() {
    ActorId known = id;
    if (known == null) {
      known = new ActorId(home.scope.scope, home.entry.type.name(), key);
      id = known;
    }
    return known;
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

  /// A cell that starts the first time it is run.
  static ActorCell dormant(Instances home, String key, ChildSpec spec) {
    ActorCell cell = new ActorCell(home, key, spec, null);
    cell.systemMessages = new Start();
    return cell;
  }

  /// Runs a dormant cell.
  void wake() {
    if (state == State.NEW && mailbox.claim()) {
      system().dispatcher().schedule(this, null);
    }
  }

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

  /// The dispatcher found a handler of this cell blocked outside of our operations.
  void sawBlock() {
    home.entry.inlineTrust = 0;
  }

  /// A handler of this cell waits in one of our operations.
  void blocks() {
    home.entry.inlineTrust = 0;
  }

  /// Ends the actor now, whatever it does: its name is free at once, its watchers are told, its
  /// thread is interrupted, its effects are dropped.
  void kill() {
    home.cells.remove(key, this);
    if (!killed) {
      system().timers().after(KILL_TAKES_MAX, this::reportIfRunning);
    }
    killed = true;
    send(new Stop(ExitReason.KILLED, null));
    ReplyTo.Blocking waiting = waitingFor;
    if (waiting != null) {
      waiting.fail(killedWhileWaiting());
    }
    VarHandle.fullFence();
    synchronized (this) {
      if ((boolean) RUNNING.getAcquire(mailbox) && worker.thread != Thread.currentThread()) {
        worker.thread.interrupt();
      }
    }
    // Its thread may never come back to do this.
    tellWatchers(ExitReason.KILLED, null);
    Relations r = relations;
    if (r != null) {
      r.notifyExit(this, ExitReason.KILLED);
    }
  }

  /* A thread cannot be ended from outside; all that can be done is to say who it is. */
  private void reportIfRunning() {
    if (state == State.STOPPED || turn() == null) {
      return;
    }
    system().killedAndRunning().increment();
    log(Level.WARN, null)
        .addKeyValue("application", home.entry.application)
        .log(
            "{} of application {} was killed {} s ago and its handler still runs; nothing but its"
                + " return or the end of the process ends it. It is at: {}",
            this,
            home.entry.application,
            KILL_TAKES_MAX.toSeconds(),
            Arrays.stream(worker.thread.getStackTrace())
                .limit(FRAMES_SHOWN)
                .map(StackTraceElement::toString)
                .collect(Collectors.joining(" < ")));
  }

  boolean killed() {
    return killed;
  }

  PlexException killedWhileWaiting() {
    return new PlexException(ErrorCode.UNAVAILABLE, this + " was killed while it waited");
  }

  /* An interrupt that was meant for this cell must not hit the next one on the thread. Called after a
  full fence behind `running = false`: either kill() saw that, or it is seen here that kill() came. */
  private void afterLeave() {
    if (killed) {
      synchronized (this) {
        Thread.interrupted();
      }
    }
  }

  /// Tells the cell that its durable inbox has a row that found no room in its mailbox.
  void inboxBehind() {
    if (!inboxBehind) {
      inboxBehind = true;
      send(new InboxBehind());
    }
  }

  private static final class InboxBehind extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      // Cleared first: whoever found it set has a row on disk that the next look will find.
      cell.inboxBehind = false;
      if (cell.durable != null) {
        cell.durable.inbox().behind();
      }
    }
  }

  /// Whoever takes the place of this passivated cell, activated if need be; null when there is
  /// none.
  ActorCell successor() {
    return passivated
        ? system().resolveQuietly(new Address(home.scope, home.entry.type.name(), key))
        : null;
  }

  // ---- running

  /// Runs system messages and up to [#THROUGHPUT] user messages. The caller claimed the cell.
  void run(Dispatcher.Worker worker) {
    run(worker, worker.turn, THROUGHPUT);
  }

  /// Runs this cell on the thread of a caller that would otherwise park and wait for the reply: no
  /// thread is switched. The caller claimed the cell.
  void runInline(Dispatcher.Worker worker) {
    Turn outer = worker.turn;
    Turn t = outer.nested();
    worker.turn = t;
    try {
      run(worker, t, 1);
    } finally {
      worker.turn = outer;
      outer.pending = t.pending;
      t.pending = null;
    }
  }

  /// True when a call may run on its caller's thread. A caller whose callee blocks that way could
  /// not be woken at its timeout, so only types that have not blocked for a long time qualify.
  boolean inlinable() {
    return durable == null && state == State.ACTIVE && home.entry.inlineTrust >= INLINE_TRUST;
  }

  private void run(Dispatcher.Worker worker, Turn t, int budget) {
    enter(t);
    if (!runVolatile(worker, t, budget)) {
      runOn(worker, t, durable == null ? 0 : budget);
    }
  }

  /* The path of a conversation, and small: the compiler makes one piece of it, of the handler and of
  what leads here. Everything out of the ordinary is left to runOn. */

  /// @return true when the cell was given up because nothing waits
  private boolean runVolatile(Dispatcher.Worker worker, Turn t, int budget) {
    for (int left = budget; left > 0; left--) {
      if (systemMessages != null) {
        runSystemMessages(t);
      }
      if (state != State.ACTIVE || durable != null || worker.makesWay) {
        return false;
      }
      Envelope e = mailbox.poll();
      if (e != null) {
        publishPending(t);
        process(t, e);
        if (mailbox.waits() || state != State.ACTIVE) {
          continue;
        }
        // Nothing waits here, so there is nothing to make way with.
        worker.makesWay = false;
      }
      if (gaveUp(t)) {
        return true;
      }
    }
    return false;
  }

  private void runOn(Dispatcher.Worker worker, Turn t, int budget) {
    int left = budget;
    int extended = 0;
    long until = 0;
    while (true) {
      if (systemMessages != null) {
        runSystemMessages(t);
      }
      if (worker.makesWay) {
        worker.makesWay = false;
        left = 0;
      } else if (left == 0 && t.depth == 0 && durable == null && mailbox.size() > 0) {
        long now = system().clock().nanoTime();
        until = extended == 0 ? now + CATCH_UP_NANOS : until;
        if (now - until < 0 && extended++ < CATCH_UP_MAX) {
          if (runVolatile(worker, t, THROUGHPUT)) {
            return;
          }
          continue;
        }
      }
      Envelope e = null;
      if (state == State.HALTED) {
        refuseWaiting();
      } else if (state != State.ACTIVE) {
        leave(t);
        if (state == State.STOPPED) {
          VarHandle.fullFence();
          afterLeave();
          return;
        }
        if (!parkedInVain()) {
          return;
        }
        enter(t);
        continue;
      } else if (durable != null && left > 0) {
        e = durable.inbox().next(t, mailbox);
      } else if (durable != null || mailbox.size() > 0) {
        leave(t);
        VarHandle.fullFence();
        afterLeave();
        system().dispatcher().reschedule(this, worker);
        return;
      }
      if (e != null) {
        publishPending(t);
        process(t, e);
        left--;
      } else if (durable != null && durable.inbox().waits()) {
        leave(t);
        if (!parkedInVain()) {
          return;
        }
        enter(t);
      } else if (gaveUp(t)) {
        return;
      }
    }
  }

  /// Gives the cell up unless something waits.
  private boolean gaveUp(Turn t) {
    // Cleared before: afterwards another thread may be running it.
    leave(t);
    if (mailbox.tryIdle()) {
      afterLeave();
      if (systemMessages == null || !mailbox.claim()) {
        return true;
      }
    }
    enter(t);
    return false;
  }

  /// Gives the thread away and leaves the cell claimed, until a system message comes.
  ///
  /// @return true when one came already: the cell is to be run on
  private boolean parkedInVain() {
    parked = true;
    afterLeave();
    return systemMessages != null && PARKED.compareAndSet(this, true, false);
  }

  private void enter(Turn t) {
    t.cell = this;
    if (worker != t.worker) {
      worker = t.worker;
    }
    RUNNING.setRelease(mailbox, true);
  }

  private void leave(Turn t) {
    mailbox.running = false;
    t.cell = null;
  }

  Dispatcher.Worker worker() {
    return worker;
  }

  /// The turn that runs this cell; null for none. A snapshot when called by another thread than its
  /// own.
  Turn turn() {
    Dispatcher.Worker w = worker;
    Turn t = w == null ? null : w.turn;
    while (t != null && t.cell != this) {
      t = t.outer;
    }
    return t;
  }

  private void runSystemMessages(Turn t) {
    t.worker.handled++;
    SystemMessage newestFirst = takeSystemMessages();
    SystemMessage oldestFirst = null;
    while (newestFirst != null) {
      SystemMessage older = newestFirst.next;
      newestFirst.next = oldestFirst;
      oldestFirst = newestFirst;
      newestFirst = older;
    }
    // They run user code, such as init and terminate.
    publishPending(t);
    while (oldestFirst != null) {
      SystemMessage m = oldestFirst;
      oldestFirst = m.next;
      try {
        if (state == State.STOPPED) {
          m.undelivered(this);
        } else {
          m.apply(this, t);
        }
      } catch (Throwable bug) {
        // The thread serves other actors and must survive.
        log(Level.ERROR, null)
            .setCause(bug)
            .log("{}: {} failed; this is a bug of the platform", this, m.getClass());
        t.end();
      }
    }
  }

  private static void publishPending(Turn t) {
    if (t.pending != null) {
      t.worker.publish();
    }
  }

  private SystemMessage takeSystemMessages() {
    return (SystemMessage) SYSTEM.getAndSet(this, null);
  }

  private void process(Turn t, Envelope e) {
    t.worker.handled++;
    t.begin(e);
    try {
      if (e.kind == Message.Kind.INFO && relations != null && !relations.admits(e)) {
        return;
      }
      handle(t, e);
    } catch (JournalMismatch mismatch) {
      halt(t, e, mismatch);
      return;
    } catch (Throwable thrown) {
      failed(t, e, thrown);
      return;
    } finally {
      if (durable != null) {
        durable.over(t);
      }
      t.end();
    }
    if (relations != null && relations.stopWanted) {
      publishPending(t);
      stop(t, ExitReason.NORMAL);
    }
  }

  private void failed(Turn t, Envelope e, Throwable thrown) {
    if (durable != null && durable.rerun() != null) {
      rerun(t, e, durable.rerun());
    } else if (durable != null && !killed && durable.unacceptable() != null) {
      log(Level.WARN, e)
          .log("{} failed in '{}': {}", this, e.type, durable.unacceptable().getMessage());
      mailbox.processed++;
      t.discard();
      durable.neverCommitted(t, e);
      send(new Reload(true));
    } else if (durable != null && durable.mismatch() != null) {
      // The handler caught it and threw something else.
      halt(t, e, durable.mismatch());
    } else {
      crashed(t, e, thrown);
    }
  }

  private void handle(Turn t, Envelope e) throws Exception {
    DurableTurns d = durable;
    TypeEntry type = home.entry;
    boolean keepsState = d == null && type.keepsState;
    Object reply;
    try {
      if (d != null && !d.begin(t, e)) {
        return;
      }
      if (keepsState) {
        t.save((VolatileState) actor);
      }
      reply = chain == null ? actor.handle(context, e) : chain.handle(e);
    } catch (ActorException declared) {
      refused(t, e, declared);
      return;
    }
    mailbox.processed++;
    type.behaved();
    if (killed) {
      t.discard();
      if (e.replyTo != null) {
        e.replyTo.fail(crashError(e));
      }
    } else if (d != null) {
      d.end(t, e, reply);
    } else {
      if (t.hasRows() && !committed(t, e)) {
        return;
      }
      if (keepsState) {
        t.settle((VolatileState) actor);
      }
      if (t.hasEffects()) {
        t.flush(system());
      }
      if (e.replyTo != null && reply != Reply.LATER) {
        e.replyTo.complete(this, reply);
      }
    }
  }

  private void refused(Turn t, Envelope e, ActorException declared) {
    mailbox.processed++;
    t.discard();
    t.takeBack(actor);
    if (durable != null) {
      durable.refused(t, e, declared);
    } else if (e.replyTo != null) {
      e.replyTo.fail(declared);
    }
  }

  /// What a turn of a volatile actor did to its state stands.
  private void settle(Turn t) {
    if (home.entry.keepsState) {
      t.settle((VolatileState) actor);
    }
  }

  /// What the turn of a volatile actor did so far stands and leaves it: it is at a commit point.
  ///
  /// @return what the rows it wrote answered
  /// @throws PlexException why they were refused: they are dropped
  List<RowResult> commitSegment(Turn t) {
    List<RowResult> results = VolatileRows.commit(this, t);
    settle(t);
    if (home.entry.keepsState) {
      t.save((VolatileState) actor);
    }
    t.flush(system());
    return results;
  }

  /// What the caller is told: of a timeout or outage its code, so that it may try again.
  private PlexException crashError(Envelope e, PlexException outage) {
    return outage == null
        ? crashError(e)
        : new PlexException(
            outage.code(), this + " gave up '" + e.type + "': " + outage.getMessage());
  }

  /// Commits what the turn of a volatile actor wrote into durable services. A refusal is no fault
  /// of the actor: its caller is told, and nothing of the turn leaves it.
  private boolean committed(Turn t, Envelope e) {
    try {
      VolatileRows.commit(this, t);
      return true;
    } catch (PlexException refused) {
      log(Level.WARN, e)
          .log("{}: what '{}' wrote was refused: {}", this, e.type, refused.getMessage());
      t.discard();
      t.takeBack(actor);
      if (e.replyTo != null) {
        e.replyTo.fail(refused);
      }
      return false;
    }
  }

  private PlexException crashError(Envelope e) {
    return new PlexException(
        ErrorCode.ACTOR_CRASHED, this + " crashed while processing '" + e.type + "'");
  }

  /// Runs a turn again, from its last commit point, on what the disk has now.
  private void rerun(Turn t, Envelope e, Rerun why) {
    if (killed || !durable.keepForRerun(e)) {
      crashed(t, e, why.stale());
      return;
    }
    t.discard();
    reload(t);
  }

  private void crashed(Turn t, Envelope e, Throwable thrown) {
    mailbox.processed++;
    t.discard();
    if (durable != null && !killed && durable.pipeline().poisoned()) {
      // The store refused a commit and the handler gave up: no fault of the actor, which is loaded
      // anew from what the disk has.
      durable.abandoned(e);
      return;
    }
    PlexException outage = killed ? null : Deliveries.outageIn(thrown);
    if (outage != null && durable != null) {
      // No fault of the actor either: its last segment is undone, and nobody needs to hear of it.
      log(Level.WARN, e).log("{} gave up '{}': {}", this, e.type, outage.getMessage());
      durable.crashed(t, e, thrown, crashError(e, outage));
      send(new Reload(true));
      return;
    }
    ExitReason reason = new ExitReason.Error(describe(thrown));
    if (!killed) {
      tellWatchers(reason, durable == null ? null : durable.pipeline());
    }
    home.entry.crashes.increment();
    if (thrown instanceof VirtualMachineError error && !(error instanceof StackOverflowError)) {
      log(Level.ERROR, e).setCause(error).log("{} met {}", this, error.toString());
    } else if (!killed) {
      log(Level.WARN, e).setCause(thrown).log("{} crashed in '{}'", this, e.type);
    }
    if (durable != null && !killed) {
      durable.crashed(t, e, thrown, thrown instanceof StaleVersion s ? s : crashError(e));
    } else if (e.replyTo != null) {
      e.replyTo.fail(crashError(e, outage));
    }
    blameless = outage != null;
    exit(t, reason);
  }

  /// @param e what it works on; null for nothing
  private LoggingEventBuilder log(Level level, Envelope e) {
    return TurnLog.at(LOG, level, this, e == null ? null : e.context);
  }

  private static String describe(Throwable thrown) {
    String text = thrown.getMessage();
    return thrown.getClass().getSimpleName() + (text == null ? "" : ": " + text);
  }

  /// What [#describe] made of a throwable, as a reason or as what a supervisor says of its child.
  private static final Pattern THROWN =
      Pattern.compile("(^|did not start: )error: (?:[A-Z][\\w$]*(?:: |$))?");

  /// A reason as the answer to a request tells it: without the name of a class, which the log has.
  static String told(ExitReason reason) {
    String text = THROWN.matcher(reason.text()).replaceAll("$1");
    return text.isEmpty() || text.endsWith(": ") ? text + "the node's log says why" : text;
  }

  /// A replay did not match: the actor stops where it is, for people to look at. Neither supervisor
  /// nor parent hears of it, because a restart would end at the same place.
  private void halt(Turn t, Envelope e, JournalMismatch mismatch) {
    log(Level.ERROR, e).log(mismatch.getMessage());
    t.discard();
    haltedBy = mismatch.error();
    ExitReason reason = new ExitReason.Error(mismatch.getMessage());
    tellWatchers(reason, null);
    if (e != null && e.replyTo != null) {
      e.replyTo.fail(haltedBy);
    }
    dropInstance();
    state = State.HALTED;
    home.entry.crashes.increment();
    notifyExit(reason);
    if (relations != null && relations.hasChildren()) {
      relations.stopChildren(this, childless -> {});
    }
  }

  private void refuseWaiting() {
    for (Envelope e = mailbox.poll(); e != null; e = mailbox.poll()) {
      if (e.replyTo != null) {
        e.replyTo.fail(haltedBy);
      }
      system().deadLetters().add(e, toString(), DeadLetters.Reason.ACTOR_STOPPED);
    }
  }

  // ---- life

  /// Makes the instance and runs its initialization; the first thing every cell does.
  static final class Start extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      if (cell.state == State.NEW) {
        cell.start(turn);
      }
    }
  }

  /// Ends the cell in order.
  static final class Stop extends SystemMessage {
    private final ExitReason reason;
    private final Runnable whenStopped;

    /// @param whenStopped called once the cell is gone; null for nobody
    Stop(ExitReason reason, Runnable whenStopped) {
      this.reason = reason;
      this.whenStopped = whenStopped;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      if (whenStopped != null) {
        cell.relations().whenStopped(whenStopped);
      }
      cell.stop(turn, reason);
    }

    @Override
    void undelivered(ActorCell cell) {
      if (whenStopped != null) {
        whenStopped.run();
      }
    }
  }

  /// Ends the instance and keeps cell and mailbox: its supervisor is about to start it again with
  /// its siblings.
  static final class Suspend extends SystemMessage {
    private final Run run;

    Suspend(Run run) {
      this.run = run;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      if (cell.state == State.ACTIVE || cell.state == State.HALTED) {
        cell.tellWatchers(ExitReason.SHUTDOWN, null);
        cell.exit(turn, ExitReason.SHUTDOWN);
      } else if (cell.state == State.NEW) {
        cell.stop(turn, ExitReason.SHUTDOWN);
      }
      // Otherwise it exited on its own and has reported that, or will.
    }

    @Override
    void undelivered(ActorCell cell) {
      cell.relations().supervisor.exited(run, ExitReason.SHUTDOWN);
    }
  }

  /// Ends an idle virtual activation, unless work came meanwhile.
  static final class Passivate extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.passivate(turn);
    }
  }

  private Envelope platformCall(String what) {
    return new Envelope(
        Message.Kind.INFO, what, null, null, system().systemContext(home.scope.scope), null);
  }

  private void start(Turn t) {
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
      chain = home.entry.facetCatalog.chain(this, facets);
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
        durable = new DurableTurns(this, durableState, system.store());
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
    state = State.ACTIVE;
    home.entry.activations.increment();
    if (home.entry.virtual && idleTimer == null && ownerless()) {
      armIdleTimer();
    }
    return null;
  }

  void actorInit() throws Exception {
    actor.init(context, spec.args());
  }

  /// True when neither a supervisor nor a parent decides about it.
  private boolean ownerless() {
    return relations == null || (relations.supervisor == null && relations.parent == null);
  }

  private void startFailed(Turn t, Throwable thrown) {
    log(Level.WARN, null).setCause(thrown).log("{} failed to start", this);
    state = State.CRASHED;
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
      r.supervisor.startFailed(r.run, reason);
    } else {
      PlexException why =
          thrown instanceof PlexException p
              ? new PlexException(p.code(), p.getMessage())
              : new PlexException(ErrorCode.ACTOR_CRASHED, this + " crashed while starting");
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

  List<FacetSpec> facets() {
    if (spec.facets().isEmpty()) {
      return home.entry.facets;
    }
    return FacetCatalog.merge(home.entry.facets, spec.facets());
  }

  List<String> facetNames() {
    return facets().stream().map(FacetSpec::name).toList();
  }

  boolean hasFacet(String name) {
    return FacetCatalog.named(facets(), name) != null;
  }

  /// The instance is unusable: tell those who watch, then let whoever is responsible decide.
  private void exit(Turn t, ExitReason reason) {
    state = State.CRASHED;
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

  private void stop(Turn t, ExitReason reason) {
    switch (state) {
      case STOPPED -> {}
      case STOPPING -> {
        if (killed) {
          relations.killChildren(t);
        }
      }
      case NEW, CRASHED -> {
        state = State.STOPPING;
        whenChildless(t, childless -> finish(childless, reason, null));
      }
      case ACTIVE -> {
        state = State.STOPPING;
        terminateInstance(t, reason);
        notifyExit(reason);
        whenChildless(t, childless -> finish(childless, reason, null));
      }
      case HALTED -> {
        state = State.STOPPING;
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
      r.stopChildren(this, then);
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
      old.detach(this);
    }
  }

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
  private void tellWatchers(ExitReason reason, CommitPipeline ahead) {
    if (isTold()) {
      system().durableDowns().exited(this, reason, ahead);
    }
  }

  private void notifyExit(ExitReason reason) {
    if (relations != null) {
      relations.notifyExit(this, reason);
    }
  }

  /// The end: no instance, no mailbox, no address.
  private void finish(Turn t, ExitReason reason, PlexException toWaiting) {
    durable = null;
    state = State.STOPPED;
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
      system().deadLetters().add(waiting, toString(), DeadLetters.Reason.ACTOR_STOPPED);
      waiting = next;
    }
    // Those who began to watch it after it crashed.
    notifyExit(reason);
    for (SystemMessage m = takeSystemMessages(); m != null; m = m.next) {
      m.undelivered(this);
    }
    Relations r = relations;
    if (r == null) {
      return;
    }
    if (r.parent != null) {
      r.parent.send(new Relations.ChildGone(this));
    }
    if (r.supervisor != null) {
      r.supervisor.exited(r.run, reason);
    }
    r.tellStopped();
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
                    send(new Passivate());
                  } else {
                    armIdleTimer();
                  }
                });
    if (state == State.STOPPED) {
      idleTimer.cancel();
    }
  }

  private void passivate(Turn t) {
    if (state != State.ACTIVE || mailbox.size() > 0 || !passivable()) {
      armIdleTimer();
      return;
    }
    terminateInstance(t, ExitReason.NORMAL);
    state = State.NEW;
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

  /// Restarts after a crash; sent by the supervisor.
  static final class Restart extends SystemMessage {
    private final Run run;

    Restart(Run run) {
      this.run = run;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.relations().run = run;
      if (cell.state == State.CRASHED) {
        cell.countRestart();
        cell.start(turn);
      }
      // Otherwise it is being stopped, and its exit will be this run's.
    }

    @Override
    void undelivered(ActorCell cell) {
      cell.relations().supervisor.startFailed(run, ExitReason.KILLED);
    }
  }

  /// Throws the instance away and loads the durable state and the inbox again, because a commit was
  /// refused or because rows are back in the inbox that the instance was past.
  static final class Reload extends SystemMessage {
    private final boolean anyway;

    Reload() {
      this(false);
    }

    /// @param anyway true when it is about the inbox and no commit needs to have been refused
    Reload(boolean anyway) {
      this.anyway = anyway;
    }

    @Override
    void undelivered(ActorCell cell) {
      if (anyway) {
        // Passivated meanwhile: nobody else would look at the inbox.
        cell.successor();
      }
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      boolean wanted =
          switch (cell.state) {
            case ACTIVE -> cell.durable != null && (anyway || cell.durable.pipeline().poisoned());
            case CRASHED -> cell.reloading;
            case NEW, STOPPING, HALTED, STOPPED -> false;
          };
      if (wanted) {
        cell.reload(turn);
      }
    }
  }

  private void reload(Turn t) {
    reloading = true;
    state = State.CRASHED;
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
}
