package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.VolatileState;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StaleVersion;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.event.Level;

/// One live actor: its mailbox, its instance, its place among the others. The cell outlives the
/// instance: a restart replaces the instance and keeps mailbox, monitors' targets and address.
///
/// This class runs its messages. Who it is and how system messages reach it is in [CellFront], its
/// beginning and end in [CellLife].
final class ActorCell extends CellLife {

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

  /// How long after it was killed an actor that still runs is reported.
  static final Duration KILL_TAKES_MAX = Duration.ofSeconds(3);

  /// Frames of its stack in the report.
  private static final int FRAMES_SHOWN = 5;

  private static final VarHandle RUNNING;

  static {
    try {
      RUNNING = MethodHandles.lookup().findVarHandle(Mailbox.class, "running", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /// Who runs this cell, or did so last; [Mailbox#running] says which.
  private Dispatcher.Worker worker;

  /// The call a turn of this cell is blocked on; the edges of the wait-for graph.
  volatile ReplyTo.Blocking waitingFor;

  /// The durable inbox has rows that found no room in the mailbox; set by any thread.
  private volatile boolean inboxBehind;

  ActorCell(Instances home, String key, ChildSpec spec, Relations relations) {
    super(home, key, spec, relations);
  }

  /// A cell that starts the first time it is run.
  static ActorCell dormant(Instances home, String key, ChildSpec spec) {
    ActorCell cell = new ActorCell(home, key, spec, null);
    cell.systemMessages = new SystemMessage.Start();
    return cell;
  }

  // ---- called by any thread

  /// True when a call may run on its caller's thread. A caller whose callee blocks that way could
  /// not be woken at its timeout, so only types that have not blocked for a long time qualify.
  boolean inlinable() {
    return durable == null && state == State.ACTIVE && home.entry.inlineTrust >= INLINE_TRUST;
  }

  /// The dispatcher found a handler of this cell blocked outside of our operations.
  void sawBlock() {
    home.entry.inlineTrust = 0;
  }

  /// A handler of this cell waits in one of our operations.
  void blocks() {
    home.entry.inlineTrust = 0;
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

  Dispatcher.Worker worker() {
    return worker;
  }

  /// The turn that runs this cell; null for none. A snapshot when called by another thread than its
  /// own.
  Turn turn() {
    Dispatcher.Worker w = worker;
    Turn t = w == null || !mailbox.running ? null : w.turn;
    while (t != null && t.cell != this) {
      t = t.outer;
    }
    return t;
  }

  /// Ends the actor now, whatever it does: its name is free at once, its watchers are told, its
  /// thread is interrupted, its effects are dropped.
  void kill() {
    home.cells.remove(key, this);
    if (!killed) {
      system().timers().after(KILL_TAKES_MAX, this::reportIfRunning);
    }
    killed = true;
    send(new SystemMessage.Stop(ExitReason.KILLED, null));
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

  // ---- taking turns on a thread

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
      t.cell = null;
      outer.pending = t.pending;
      t.pending = null;
    }
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
    Mailbox m = mailbox;
    for (int left = budget; left > 0; left--) {
      if (systemMessages != null) {
        runSystemMessages(t);
      }
      if (!plain || worker.makesWay) {
        return false;
      }
      Envelope e = m.poll();
      if (e != null) {
        publishPending(t);
        process(t, e);
        if (!plain) {
          continue;
        }
      }
      if (gaveUp(t, m)) {
        // Nothing waited here, so there was nothing to make way with.
        worker.makesWay = false;
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
      } else if (gaveUp(t, mailbox)) {
        return;
      }
    }
  }

  /// Gives the cell up unless something waits. [Turn#cell] stays as it is: the next cell takes its
  /// place, or the dispatcher clears it.
  private boolean gaveUp(Turn t, Mailbox m) {
    if (m.tryIdle()) {
      afterLeave();
      if (systemMessages == null || !m.claim()) {
        return true;
      }
      enter(t);
    }
    return false;
  }

  /// Gives the thread away and leaves the cell claimed, until a system message comes.
  ///
  /// @return true when one came already: the cell is to be run on
  private boolean parkedInVain() {
    parked = true;
    afterLeave();
    return systemMessages != null && unpark();
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

  /* An interrupt that was meant for this cell must not hit the next one on the thread. Called after a
  full fence behind `running = false`: either kill() saw that, or it is seen here that kill() came. */
  private void afterLeave() {
    if (killed) {
      synchronized (this) {
        Thread.interrupted();
      }
    }
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

  // ---- one message

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

  /// Commits what the turn of a volatile actor wrote into durable services. A refusal is no fault
  /// of the actor: its caller is told, and nothing of the turn leaves it.
  private boolean committed(Turn t, Envelope e) {
    try {
      VolatileRows.commit(this, t);
      return true;
    } catch (PlexException refused) {
      log(Level.WARN, e)
          .log("{}: what '{}' wrote was refused: {}", this, e.type(), refused.getMessage());
      t.discard();
      t.takeBack(actor);
      if (e.replyTo != null) {
        e.replyTo.fail(refused);
      }
      return false;
    }
  }

  private void failed(Turn t, Envelope e, Throwable thrown) {
    if (durable != null && durable.rerun() != null) {
      rerun(t, e, durable.rerun());
    } else if (durable != null && !killed && durable.unacceptable() != null) {
      log(Level.WARN, e)
          .log("{} failed in '{}': {}", this, e.type(), durable.unacceptable().getMessage());
      mailbox.processed++;
      t.discard();
      durable.neverCommitted(t, e);
      send(new SystemMessage.Reload(true));
    } else if (durable != null && durable.mismatch() != null) {
      // The handler caught it and threw something else.
      halt(t, e, durable.mismatch());
    } else {
      crashed(t, e, thrown);
    }
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
      log(Level.WARN, e).log("{} gave up '{}': {}", this, e.type(), outage.getMessage());
      durable.crashed(t, e, thrown, crashError(e, outage));
      send(new SystemMessage.Reload(true));
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
      log(Level.WARN, e).setCause(thrown).log("{} crashed in '{}'", this, e.type());
    }
    if (durable != null && !killed) {
      durable.crashed(t, e, thrown, thrown instanceof StaleVersion s ? s : crashError(e));
    } else if (e.replyTo != null) {
      e.replyTo.fail(crashError(e, outage));
    }
    blameless = outage != null;
    exit(t, reason);
  }

  private PlexException crashError(Envelope e) {
    return new PlexException(
        ErrorCode.ACTOR_CRASHED, this + " crashed while processing '" + e.type() + "'");
  }

  /// What the caller is told: of a timeout or outage its code, so that it may try again.
  private PlexException crashError(Envelope e, PlexException outage) {
    return outage == null
        ? crashError(e)
        : new PlexException(
            outage.code(), this + " gave up '" + e.type() + "': " + outage.getMessage());
  }
}
