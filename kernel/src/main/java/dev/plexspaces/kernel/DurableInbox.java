package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The durable inbox of one activation: what comes next, each row once. Source: spec/turns rules 16
/// and 17.
final class DurableInbox {

  /* `recovered` holds what was read from the store, the mailbox what was committed since. Rows come in
  the order of their numbers on both ways, so one number, `lastSeq`, tells a copy of a row that was
  read already; it is remembered across restarts, because the mailbox is kept, too. A row that found
  the mailbox full is only noted (`behind`) and read later.

  A row whose delivery failed waits for its time in a lane, and the later ones of its sender wait
  behind it; those of other senders go on. From outside the sender is the user. A timer waits alone,
  and calls from outside, which have no row, wait for nothing. While the message of an open turn
  waits the whole actor does, for its turn must be resumed first. Once so many rows wait in lanes
  that the window is full, no more are read, whosever they are, until a lane is free again. */

  /// Rows held in memory, and as many again in lanes; more are loaded when these are worked off.
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

  /// Replies to requests of the open turn that were read with it; null for none. What it has no use
  /// for, because the step was resolved otherwise, goes when it ends.
  private List<Envelope> openReplies;

  /// Rows of replies that were found on disk, of which a copy may be in the mailbox as well: their
  /// callee was faster than the turn that was resumed. At most one per commit point of that turn.
  private final Set<Long> found = new HashSet<>();

  /// Rows exist beyond the window.
  private boolean behind;

  /// By sender, an [Address] or a user. The first message of each waits for its time, the others
  /// for the first.
  private final Map<Object, Lane> lanes = new LinkedHashMap<>();

  /// Messages in all lanes.
  private int waiting;

  /// The message of the open turn, while it waits for its time; null for none.
  private Envelope held;

  private Timers.Timer heldUntil;

  /// Keys of lanes whose time has come, the inbox itself for `held`. Filled by the wheel's thread.
  private final ConcurrentLinkedQueue<Object> due = new ConcurrentLinkedQueue<>();

  /// Null unless the last process ended with rows in this inbox, and not in order.
  private final UncleanStop.Leftovers leftovers;

  private static final class Lane {
    final ArrayDeque<Envelope> messages = new ArrayDeque<>();
    Timers.Timer timer;
  }

  /// Makes the cell look at the lanes again.
  private static final class LaneDue extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      // That the cell runs is all.
    }
  }

  DurableInbox(ActorCell cell, Store store, DurableTimers timers, CommitPipeline pipeline) {
    this.cell = cell;
    this.id = cell.id();
    this.store = store;
    this.timers = timers;
    this.pipeline = pipeline;
    this.leftovers = cell.system().uncleanStop().of(id);
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
    return recovered.isEmpty() && !behind && lanes.isEmpty() && held == null;
  }

  /// True while the whole actor waits for the time of its open turn.
  boolean waits() {
    return held != null;
  }

  /// What an unclean stop left in this inbox; null for nothing.
  UncleanStop.Leftovers leftovers() {
    return leftovers;
  }

  /// Puts the message of an open turn in front.
  void resumeFirst(Envelope e) {
    if (e.extras.pauseMillis > 0) {
      held = e;
      heldUntil = wakeAfter(e.extras.pauseMillis, this);
    } else {
      recovered.add(e);
    }
  }

  /// The instance is gone: what waits for its time is read again by the next activation.
  void detach() {
    lanes.values().forEach(lane -> lane.timer.cancel());
    if (heldUntil != null) {
      heldUntil.cancel();
    }
  }

  private Timers.Timer wakeAfter(long millis, Object key) {
    return cell.system()
        .timers()
        .after(
            Duration.ofMillis(millis),
            () -> {
              due.add(key);
              cell.send(new LaneDue());
            });
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
      adopt(e, row);
    }
  }

  private void adopt(Envelope e, InboxRow row) {
    openSeq = row.seq();
    delivered(e, row, timers.number(row));
  }

  /// Takes over what the row of a message says about its deliveries.
  private void delivered(Envelope e, InboxRow row, long timer) {
    e.extras().inboxSeq = row.seq();
    e.extras().deliveries = Deliveries.of(row.attempts());
    e.extras().durableTimer = timer;
    if (row.dueAtMillis() > 0 && e.extras().deliveries.count() > 0) {
      e.extras().pauseMillis =
          Deliveries.leftMillis(row.dueAtMillis(), cell.system().clock().millis());
    }
  }

  /// Gives the open turn of a call from outside a row, when the last process ended in the middle of
  /// it: to count how often that happens, and to become the dead letter.
  void giveRow(Turn t, Envelope e, String messageId, byte[] body) {
    InboxRow row = find(r -> r.messageId().equals(messageId));
    if (row != null) {
      adopt(e, row);
    } else if (leftovers != null) {
      List<RowResult> results = pipeline.commitRow(t, new Row.InboxInsert(id, messageId, 0, body));
      openSeq = ((RowResult.Inserted) results.getFirst()).inboxSeq();
      e.extras().inboxSeq = openSeq;
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
    found.add(row.seq());
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
    for (InboxRow row : rows) {
      lastSeq = row.seq();
      long timer = timers.number(row);
      if (row.seq() != openSeq && !timers.knows(timer)) {
        read(row, timer);
      }
    }
    if (leftovers != null && !behind && leftovers.upToSeq == Long.MAX_VALUE) {
      leftovers.upToSeq = Math.max(lastSeq, openSeq);
    }
  }

  private void read(InboxRow row, long timer) {
    Envelope e;
    try {
      e = MessageCodec.decode(row.body(), cell.home.scope, null);
    } catch (RuntimeException unreadable) {
      LOG.error("{}: inbox row {} cannot be read", id, row.seq(), unreadable);
      pipeline.submitAside(
          List.of(
              new Row.InboxBury(
                  id, row.seq(), "the message cannot be read: " + unreadable.getMessage())),
          "burying an unreadable message",
          () -> cell.system().deadLetters().buried(id.type(), DeadLetters.Reason.UNREADABLE));
      return;
    }
    e.extras().id = row.messageId();
    delivered(e, row, timer);
    if (e.extras.replyTo != null) {
      if (openRequests == null || !e.extras.replyTo.startsWith(openRequests)) {
        dropLate(e);
      } else {
        if (openReplies == null) {
          openReplies = new ArrayList<>();
        }
        openReplies.add(e);
      }
    } else if (timer < 0 || timers.load(timer, e, row.seq(), pauseOfTimer(e, row))) {
      recovered.add(e);
    }
  }

  /// A reply of the open turn is consumed by its next commit.
  void taken(Envelope reply) {
    if (openReplies != null) {
      openReplies.removeIf(e -> e.inboxSeq() == reply.inboxSeq());
    }
  }

  /// The open turn has ended.
  void turnOver() {
    openRequests = null;
    if (openReplies != null) {
      openReplies.forEach(this::dropLate);
      openReplies = null;
    }
  }

  /// Until a timer is due; one that is tried again waits for no clock that was set back.
  private long pauseOfTimer(Envelope e, InboxRow row) {
    return e.extras.deliveries.count() > 0
        ? e.extras.pauseMillis
        : row.dueAtMillis() - cell.system().clock().millis();
  }

  /// A reply that came after its request was given up. It goes once that is on disk, or the turn
  /// that gave up could be resumed and wait for it.
  private void dropLate(Envelope reply) {
    Turn.Effect remove =
        worker -> {
          cell.system().durableAsks().countLate();
          pipeline.submitAside(
              List.of(new Row.InboxDelete(id, reply.inboxSeq())), "removing a late reply");
        };
    pipeline.releaseBehind(new Object[] {remove}, null, null);
  }

  /// The next message; called with the cell claimed and no turn running. Null when there is none,
  /// or the activation is to be loaded anew.
  Envelope next(Turn t, Mailbox mailbox) {
    releaseDue();
    if (held != null) {
      return null;
    }
    while (true) {
      Envelope e = recovered.poll();
      if (e == null && behind && waiting < WINDOW) {
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
        if (e.inboxSeq() > 0 && e.extras.durableTimer < 0) {
          if (waiting >= WINDOW) {
            // Its row is read once there is room.
            behind = true;
            continue;
          }
          if (!first(e)) {
            continue;
          }
        }
      }
      if (waitsInLane(e)) {
        continue;
      }
      if (e.inboxSeq() == 0
          || e.extras.durableTimer < 0
          || e.extras.resume != null
          || timers.due(e)) {
        return e;
      }
    }
  }

  /// Puts a message into its lane; false when it can be run now.
  private boolean waitsInLane(Envelope e) {
    if (e.inboxSeq() == 0 || e.extras.durableTimer >= 0 || e.extras.resume != null) {
      return false;
    }
    Object key = e.sender == null ? e.context.user() : e.sender;
    Lane lane = lanes.get(key);
    if (lane == null) {
      if (e.extras.pauseMillis == 0) {
        return false;
      }
      lane = new Lane();
      lane.timer = wakeAfter(e.extras.pauseMillis, key);
      lanes.put(key, lane);
    }
    lane.messages.add(e);
    waiting++;
    return true;
  }

  /// Puts the messages of lanes whose time has come in front, in their order.
  private void releaseDue() {
    for (Object key = due.poll(); key != null; key = due.poll()) {
      if (key == this) {
        recovered.addFirst(held);
        held = null;
        continue;
      }
      Lane lane = lanes.remove(key);
      waiting -= lane.messages.size();
      lane.messages.getFirst().extras.pauseMillis = 0;
      while (!lane.messages.isEmpty()) {
        recovered.addFirst(lane.messages.pollLast());
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
      if (!found.remove(e.inboxSeq())) {
        dropLate(e);
      }
      return false;
    }
    return true;
  }
}
