package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StaleVersion;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.UnacceptableCommit;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// The commits of one durable activation on their way to the disk, and what waits for them.
final class CommitPipeline {

  /* Pipelining (spec/turns rule 14): a turn hands its commit to the store and the next turn starts at
  once on the memory it left. What leaves the actor (replies, messages, errors) is attached to the
  commit it depends on, the last one submitted, and released by the store's callback. The store keeps
  the order of one actor's commits, so attaching to the last one is enough.

  A refused commit poisons this activation: everything submitted after it builds on memory the disk
  does not have, so it is refused too (turn numbers no longer fit), and the cell loads the state
  anew. */

  /// Pause before the state is loaded again after the store refused a commit because it cannot
  /// write; doubled each time up to the maximum. Milliseconds.
  static final long RELOAD_MIN_MILLIS = 10;

  static final long RELOAD_MAX_MILLIS = 5_000;

  private static final Logger LOG = LoggerFactory.getLogger(CommitPipeline.class);
  private static final Envelope[] NO_MESSAGES = {};

  private final ActorCell cell;
  private final Store store;
  private final DurableTimers timers;

  // Shared with the store's thread, under `lock`.
  private final Object lock = new Object();

  private Pending last;
  private int pending;
  private volatile boolean poisoned;

  /// Why the store could not write when it refused last, for callers; empty when it could.
  private volatile String trouble = "";

  private long reloadMillis;
  private Wait quietWait;

  CommitPipeline(ActorCell cell, Store store, DurableTimers timers) {
    this.cell = cell;
    this.store = store;
    this.timers = timers;
  }

  /// Goes on with the pauses of an earlier activation of the cell.
  void continues(CommitPipeline before) {
    reloadMillis = before.reloadMillis;
  }

  /// True once the store refused a commit: nothing of this activation can be committed any more.
  boolean poisoned() {
    return poisoned;
  }

  /// True when nothing is on its way to the disk and nothing was refused.
  boolean quiet() {
    synchronized (lock) {
      return pending == 0 && !poisoned;
    }
  }

  /// Blocks the turn until nothing is on its way.
  void awaitQuiet(Turn t) {
    Wait wait;
    synchronized (lock) {
      if (pending == 0) {
        return;
      }
      wait = quietWait == null ? quietWait = new Wait(cell.system().dispatcher()) : quietWait;
    }
    cell.system().dispatcher().await(t.worker, wait);
  }

  /// Hands a commit over. The next turn may start at once.
  ///
  /// @throws UnacceptableCommit for the commit of a handler that can never be taken; it is as if it
  ///   had not been handed over
  void submit(Commit commit, Pending p) {
    boolean submitted = false;
    synchronized (lock) {
      if (!poisoned) {
        p.previous = last;
        last = p;
        pending++;
        submitted = true;
      }
    }
    if (submitted) {
      store.submit(commit, p);
      p.previous = null;
      if (p.unacceptable != null) {
        throw p.unacceptable;
      }
    } else {
      PlexException why = refusal();
      p.refuse(why);
      if (p.waiter != null) {
        p.waiter.finish(why);
      }
    }
  }

  /// Hands a commit over and blocks the turn until it is on disk.
  ///
  /// @return what its rows answered
  /// @throws PlexException why it was refused
  List<RowResult> submitAndWait(Turn t, Commit commit, Pending p) {
    Wait wait = new Wait(cell.system().dispatcher());
    p.waiter = wait;
    submit(commit, p);
    if (!wait.ready()) {
      cell.system().dispatcher().await(t.worker, wait);
    }
    if (wait.error != null) {
      throw wait.error;
    }
    return p.results;
  }

  /// Writes a row that belongs to no turn's record and blocks the turn until it is on disk.
  ///
  /// @throws PlexException why it was refused
  List<RowResult> commitRow(Turn t, Row row) {
    List<Row> rows = List.of(row);
    return submitAndWait(
        t,
        new Commit(cell.id(), Optional.empty(), rows),
        new Pending(Turn.NONE, NO_MESSAGES, rows, null, null));
  }

  /// Releases effects of a turn that wrote nothing, behind what it may have read.
  void releaseBehind(Object[] effects, Envelope e, Object reply) {
    Pending p = new Pending(effects, NO_MESSAGES, List.of(), e, reply);
    synchronized (lock) {
      if (!poisoned && last != null) {
        last.attach(p);
        return;
      }
    }
    if (poisoned) {
      p.refuse(refusal());
    } else {
      p.release();
    }
  }

  /// Gives a request the outcome that `original` will have, once that is on disk.
  ///
  /// @return false when `original` is settled already
  boolean share(Pending original, Envelope e) {
    synchronized (lock) {
      if (original.over) {
        return false;
      }
      original.attach(new Pending(Turn.NONE, NO_MESSAGES, List.of(), e, original.reply));
      return true;
    }
  }

  /// Submits rows outside of any turn, about what was found in the inbox. When the store cannot
  /// write, the inbox is read again later, or what was found would stay there.
  void submitAside(List<Row> rows, String what) {
    submitAside(rows, what, () -> {});
  }

  /// @param done called once they are on disk
  void submitAside(List<Row> rows, String what, Runnable done) {
    store.submit(
        new Commit(cell.id(), Optional.empty(), rows),
        new Commit.Listener() {
          @Override
          public void durable(long seq, List<RowResult> results) {
            done.run();
          }

          @Override
          public void refused(PlexException why) {
            TurnLog.at(LOG, Level.WARN, cell, null).log(
                "{}: {} failed: {}", cell, what, why.getMessage());
            if (why.code() == ErrorCode.UNAVAILABLE) {
              cell.system()
                  .timers()
                  .after(
                      Duration.ofMillis(RELOAD_MAX_MILLIS),
                      () -> cell.send(new SystemMessage.Reload(true)));
            }
          }
        });
  }

  PlexException refusal() {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "the store refused a commit of " + cell + "; nothing was changed, try again" + trouble);
  }

  /// Nothing of this activation may be committed any more; it will be loaded again.
  ///
  /// @param pause true when the store is in trouble and trying again at once would be in vain
  void poison(boolean pause) {
    synchronized (lock) {
      if (poisoned) {
        return;
      }
      poisoned = true;
    }
    reload(pause);
  }

  /// Loads the actor again, after a pause when the store is in trouble.
  void reload(boolean pause) {
    long millis = 0;
    synchronized (lock) {
      if (pause) {
        millis = Math.clamp(reloadMillis * 2, RELOAD_MIN_MILLIS, RELOAD_MAX_MILLIS);
        reloadMillis = millis;
      }
    }
    if (millis == 0) {
      cell.send(new SystemMessage.Reload());
    } else {
      cell.system()
          .timers()
          .after(Duration.ofMillis(millis), () -> cell.send(new SystemMessage.Reload()));
    }
  }

  private static final class Wait extends Signal {
    private PlexException error;

    Wait(Dispatcher dispatcher) {
      super(dispatcher);
    }

    /// @param why null for success
    void finish(PlexException why) {
      error = why;
      raise();
    }
  }

  /// A submitted commit and what waits for it.
  class Pending implements Commit.Listener {
    private final Object[] effects;
    private final Envelope[] rowMessages;
    private final List<Row> rows;
    private final Envelope envelope;
    private final Object reply;

    /// What was submitted before it, while it is being submitted.
    private Pending previous;

    /// A handler made it, who is told when the store can never take it.
    private boolean ofHandler;

    private UnacceptableCommit unacceptable;

    /// Run once the commit is on disk and released, or refused; on the store's thread.
    private Runnable whenOver;

    private List<RowResult> results = List.of();
    private List<Pending> attached;
    private Wait waiter;

    /// Under `lock`.
    private boolean over;

    /// @param rowMessages the message each row carries, by position; null for other rows
    /// @param envelope whose caller gets `reply`; null for nobody
    /// @param reply a [PlexException] stands for an error
    Pending(
        Object[] effects, Envelope[] rowMessages, List<Row> rows, Envelope envelope, Object reply) {
      this.effects = effects;
      this.rowMessages = rowMessages;
      this.rows = rows;
      this.envelope = envelope;
      this.reply = reply;
    }

    List<Row> rows() {
      return rows;
    }

    Pending ofHandler() {
      ofHandler = true;
      return this;
    }

    void whenOver(Runnable action) {
      whenOver = action;
    }

    /// Under `lock`.
    private void attach(Pending other) {
      if (attached == null) {
        attached = new ArrayList<>();
      }
      attached.add(other);
    }

    @Override
    public void durable(long seq, List<RowResult> results) {
      this.results = results;
      try {
        for (int i = 0; i < rowMessages.length; i++) {
          Envelope message = rowMessages[i];
          if (message != null && results.get(i) instanceof RowResult.Inserted inserted) {
            deliver(message, rows.get(i), inserted.inboxSeq());
          }
        }
        release();
      } catch (Throwable bug) {
        LOG.error("{}: releasing a commit failed; this is a bug of the platform", cell, bug);
      }
      settle(null);
    }

    private void deliver(Envelope message, Row row, long inboxSeq) {
      if (message.extras().durableTimer >= 0) {
        message.extras.inboxSeq = inboxSeq;
        message.target = null;
        long dueAt = ((Row.InboxInsert) row).dueAtMillis();
        timers.durable(message.extras.durableTimer, inboxSeq, dueAt);
      } else {
        cell.system().committed(message, inboxSeq);
      }
    }

    void release() {
      Turn.releaseAll(cell.system(), effects);
      if (envelope != null && envelope.replyTo != null && reply != Reply.LATER) {
        if (reply instanceof PlexException error) {
          envelope.replyTo.fail(error);
        } else {
          envelope.replyTo.complete(cell, reply);
        }
      }
    }

    @Override
    public void refused(PlexException why) {
      if (why instanceof StaleVersion && waiter != null) {
        // Nothing was built on it: the turn waits, and runs again.
        settle(why);
        return;
      }
      if (why instanceof UnacceptableCommit never && ofHandler) {
        unacceptable = never;
        takeBack();
        return;
      }
      TurnLog.at(LOG, Level.WARN, cell, envelope == null ? null : envelope.context).log(
          "{}: the store refused a commit: {}", cell, why.getMessage());
      trouble = why.code() == ErrorCode.UNAVAILABLE ? " (" + why.getMessage() + ")" : "";
      PlexException outcome = why.code() == ErrorCode.CONFLICT ? refusal() : why;
      refuse(outcome);
      // Before anything else can be submitted: what comes now would build on what is not there.
      poison(why.code() != ErrorCode.CONFLICT);
      settle(outcome);
    }

    /// Nothing can be attached yet: the turn that submits it is still running.
    private void takeBack() {
      synchronized (lock) {
        over = true;
        pending--;
        last = previous == null || previous.over ? null : previous;
      }
      if (whenOver != null) {
        whenOver.run();
      }
    }

    void refuse(PlexException why) {
      if (envelope != null && envelope.replyTo != null) {
        envelope.replyTo.fail(why);
      }
      for (Object effect : effects) {
        if (effect instanceof Envelope e && e.replyTo != null) {
          e.replyTo.fail(why);
        }
      }
    }

    /// What is attached goes out before a later turn can find that nothing is pending any more, or
    /// it would be overtaken.
    private void settle(PlexException refusal) {
      while (true) {
        List<Pending> next;
        Wait quiet = null;
        synchronized (lock) {
          next = attached;
          attached = null;
          if (next == null) {
            over = true;
            if (refusal == null) {
              reloadMillis = 0;
            }
            pending--;
            if (last == this) {
              last = null;
            }
            if (pending == 0) {
              quiet = quietWait;
              quietWait = null;
            }
          }
        }
        if (next == null) {
          if (whenOver != null) {
            whenOver.run();
          }
          if (quiet != null) {
            quiet.finish(null);
          }
          if (waiter != null) {
            waiter.finish(refusal);
          }
          return;
        }
        for (Pending p : next) {
          try {
            if (refusal == null) {
              p.release();
            } else {
              p.refuse(refusal);
            }
          } catch (Throwable bug) {
            LOG.error("{}: releasing a turn failed; this is a bug of the platform", cell, bug);
          }
        }
      }
    }
  }
}
