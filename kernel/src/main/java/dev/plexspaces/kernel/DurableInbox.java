package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The durable inbox of one activation: what comes next, each row once. Source: spec/turns rules 16
/// and 17.
final class DurableInbox {

  /* `recovered` holds what was read from the store, the mailbox what was committed since. Rows come in
  the order of their numbers on both ways, so one number, `lastSeq`, tells a copy of a row that was
  read already; it is remembered across restarts, because the mailbox is kept, too. A row that found
  the mailbox full is only noted (`behind`) and read later. */

  /// Rows held in memory; more are loaded when these are worked off.
  static final int WINDOW = 1_000;

  private static final Logger LOG = LoggerFactory.getLogger(DurableInbox.class);

  private final ActorCell cell;
  private final ActorId id;
  private final Store store;
  private final DurableTimers timers;
  private final CommitPipeline pipeline;

  /// Recovered messages, before anything in the mailbox.
  private final ArrayDeque<Envelope> recovered = new ArrayDeque<>();

  /// The newest row read or taken from the mailbox.
  private long lastSeq;

  /// The newest row of the cell's earlier activations, of which the mailbox may still hold copies.
  private long earlierSeq;

  /// The row of the open turn's message, which is not to be run a second time; 0 for none.
  private long openSeq;

  /// What the ids of requests of the open turn begin with; null for none.
  private String openRequests;

  /// Rows exist beyond the window.
  private boolean behind;

  DurableInbox(ActorCell cell, Store store, DurableTimers timers, CommitPipeline pipeline) {
    this.cell = cell;
    this.id = cell.id();
    this.store = store;
    this.timers = timers;
    this.pipeline = pipeline;
  }

  /// Goes on behind an earlier activation of the cell.
  void continues(DurableInbox before) {
    earlierSeq = Math.max(before.earlierSeq, before.lastSeq);
  }

  /// Rows exist that the mailbox had no room for.
  void behind() {
    behind = true;
  }

  boolean isEmpty() {
    return recovered.isEmpty() && !behind;
  }

  /// Puts the message of an open turn in front.
  void resumeFirst(Envelope e) {
    recovered.add(e);
  }

  /// Finds the row of an open turn's message, so that it is not run a second time; a call from
  /// outside has none.
  ///
  /// @param requests what the ids of the turn's own requests begin with: their replies are its
  void holdsOpenTurn(Envelope e, String requests) {
    openRequests = requests;
    if (e.id().isEmpty()) {
      return;
    }
    InboxRow row = find(r -> r.messageId().equals(e.id()));
    if (row != null) {
      openSeq = row.seq();
      e.extras().inboxSeq = row.seq();
      e.extras().attempts = row.attempts();
      e.extras().durableTimer = DurableTimers.number(row.messageId(), row.dueAtMillis());
    }
  }

  /// The reply to a request of this actor, when it is on disk; null otherwise.
  Envelope reply(String requestId) {
    String messageId = DurableAsks.replyId(requestId);
    InboxRow row = find(r -> r.messageId().equals(messageId));
    if (row == null) {
      return null;
    }
    Envelope reply = MessageCodec.decode(row.body(), cell.home.scope, null);
    reply.extras().inboxSeq = row.seq();
    return reply;
  }

  private InboxRow find(Predicate<InboxRow> wanted) {
    long after = 0;
    while (true) {
      List<InboxRow> rows = store.inbox(id, after, WINDOW);
      for (InboxRow row : rows) {
        after = row.seq();
        if (wanted.test(row)) {
          return row;
        }
      }
      if (rows.size() < WINDOW) {
        return null;
      }
    }
  }

  void load() {
    List<InboxRow> rows = store.inbox(id, lastSeq, WINDOW);
    behind = rows.size() == WINDOW;
    long now = cell.system().clock().millis();
    for (InboxRow row : rows) {
      lastSeq = row.seq();
      long timer = DurableTimers.number(row.messageId(), row.dueAtMillis());
      if (row.seq() != openSeq && !timers.knows(timer)) {
        read(row, timer, now);
      }
    }
  }

  private void read(InboxRow row, long timer, long now) {
    Envelope e;
    try {
      e = MessageCodec.decode(row.body(), cell.home.scope, null);
    } catch (RuntimeException unreadable) {
      LOG.error("{}: inbox row {} cannot be read", id, row.seq(), unreadable);
      pipeline.submitAside(
          List.of(
              new Row.InboxBury(
                  id, row.seq(), "the message cannot be read: " + unreadable.getMessage())),
          "burying an unreadable message");
      return;
    }
    e.extras().id = row.messageId();
    e.extras().inboxSeq = row.seq();
    e.extras().attempts = row.attempts();
    e.extras().durableTimer = timer;
    if (e.extras.replyTo != null) {
      if (openRequests == null || !e.extras.replyTo.startsWith(openRequests)) {
        dropLate(e);
      }
    } else if (timer < 0 || timers.load(timer, e, row.seq(), row.dueAtMillis() - now)) {
      recovered.add(e);
    }
  }

  /// A reply that came after its request was given up.
  private void dropLate(Envelope reply) {
    cell.system().durableAsks().countLate();
    pipeline.submitAside(
        List.of(new Row.InboxDelete(id, reply.inboxSeq())), "removing a late reply");
  }

  /// The next message; called with the cell claimed and no turn running. Null when there is none,
  /// or the activation is to be loaded anew.
  Envelope next(Turn t, Mailbox mailbox) {
    while (true) {
      Envelope e = recovered.poll();
      if (e == null && behind) {
        try {
          // Rows this activation has consumed must be gone before it looks.
          pipeline.awaitQuiet(t);
          if (pipeline.poisoned()) {
            return null;
          }
          load();
        } catch (PlexException unreadable) {
          LOG.warn("{}: its inbox cannot be read", id, unreadable);
          pipeline.poison(true);
          return null;
        }
        if (!recovered.isEmpty()) {
          continue;
        }
      }
      if (e == null) {
        e = mailbox.poll();
        if (e == null) {
          return null;
        }
        if (e.inboxSeq() > 0 && e.extras.durableTimer < 0 && !first(e)) {
          continue;
        }
      }
      if (e.inboxSeq() == 0
          || e.extras.durableTimer < 0
          || e.extras.resume != null
          || timers.due(e)) {
        return e;
      }
    }
  }

  /// False for a copy of a row that was loaded from the store while the copy was on its way, or is
  /// done with, and for a late reply.
  private boolean first(Envelope e) {
    if (e.inboxSeq() <= lastSeq || e.inboxSeq() <= earlierSeq) {
      return false;
    }
    lastSeq = e.inboxSeq();
    if (e.extras.replyTo != null) {
      dropLate(e);
      return false;
    }
    return true;
  }
}
