package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.LoadedActor.OpenTurn;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.journal.TurnRecord.StepResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import dev.plexspaces.sdk.Reply;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The turns of one durable activation: what they commit, what waits for the disk, what is
/// replayed. Source: DESIGN section 5, spec/turns.
final class DurableTurns {

  /* Pipelining (rule 14): a turn hands its commit to the store and the next turn starts at once on the
  memory it left. What leaves the actor (replies, messages, errors) is attached to the commit it
  depends on, the last one submitted, and released by the store's callback. The store keeps the
  order of one actor's commits, so attaching to the last one is enough.

  A refused commit poisons this activation: everything submitted after it builds on memory the disk
  does not have, so it is refused too (turn numbers no longer fit), and the cell loads the state
  anew.

  The row of a message stays in the inbox until the commit that ends its turn. While the turn is open
  the row counts its deliveries, and if the turn fails for good it becomes the dead letter.

  Inbox: `recovered` holds what was read from the store, the mailbox what was committed since. Rows
  come in the order of their numbers on both ways, so one number, `lastInboxSeq`, tells a copy of a
  row that was read already; it is remembered across restarts, because the mailbox is kept, too. A row
  that found the mailbox full is only noted (`behind`) and read
  later. */

  /// Rows of the durable inbox held in memory; more are loaded when these are worked off.
  static final int INBOX_WINDOW = 1_000;

  /// Deliveries of a durable message before it is buried. Source: spec/turns rule 24.
  static final int DELIVERIES_MAX = 3;

  /// Commit points of one turn. Source: spec/turns rule 13.
  static final int STEPS_MAX = 10_000;

  /// Timers one turn may set.
  static final int TIMERS_MAX = 1 << 20;

  /// Pause before the state is loaded again after the store refused a commit because it cannot
  /// write; doubled each time up to the maximum. Milliseconds.
  static final long RELOAD_MIN_MILLIS = 10;

  static final long RELOAD_MAX_MILLIS = 5_000;

  private static final Logger LOG = LoggerFactory.getLogger(DurableTurns.class);
  private static final Object[] NO_EFFECTS = {};
  private static final Envelope[] NO_MESSAGES = {};

  private final ActorCell cell;
  private final DurableState state;
  private final Store store;
  private final ActorId id;

  private int incarnation;
  private long nextTurn;
  private long nowMillis;

  // The running turn.
  private boolean running;
  private boolean open;
  private int step;
  private int messages;
  private int timersSet;
  private RandomGenerator random;
  private final List<StepResult> results = new ArrayList<>();

  /// What the turn is a replay of; null for a turn that runs for the first time.
  private OpenTurn resumed;

  /// Recorded commit points not reached yet.
  private final ArrayDeque<StepResult> replay = new ArrayDeque<>();

  /// Once raised, every further host call raises it again.
  private JournalMismatch mismatch;

  /// Recovered messages, before anything in the mailbox.
  private final ArrayDeque<Envelope> recovered = new ArrayDeque<>();

  /// The newest row read or taken from the mailbox.
  private long lastInboxSeq;

  /// The newest row of the cell's earlier activations, of which the mailbox may still hold copies.
  private long earlierInboxSeq;

  /// The row of the open turn's message, which is not to be run a second time; 0 for none.
  private long openInboxSeq;

  /// Rows exist beyond the window.
  private boolean behind;

  /// Crashes of the open turn of a message that has no row to count them.
  private int openCrashes;

  private long openCrashesOf = -1;

  // Shared with the store's thread, under `lock`.
  private final Object lock = new Object();

  /// Timers that have not been handled, by number.
  private final Map<Long, DurableTimer> timers = new HashMap<>();

  private boolean detached;
  private Pending last;
  private int pending;
  private volatile boolean poisoned;

  /// Why the store could not write when it refused last, for callers; empty when it could.
  private volatile String trouble = "";

  private long reloadMillis;
  private Wait quietWait;

  /// A row to self that is due at some time.
  private static final class DurableTimer {
    final Envelope message;

    /// 0 until the row is on disk.
    long seq;

    /// Null until the row is on disk and waits for its time.
    Timers.Timer armed;

    DurableTimer(Envelope message, long seq) {
      this.message = message;
      this.seq = seq;
    }
  }

  DurableTurns(ActorCell cell, DurableState state, Store store) {
    this.cell = cell;
    this.state = state;
    this.store = store;
    this.id = cell.id();
  }

  // ---- activation

  /// Loads the state, runs turn 0 if it never ended, and queues what waits on disk.
  ///
  /// @param before the previous activation of the cell, whose commits may still be on their way
  void load(Turn t, DurableTurns before) throws Exception {
    if (before != null) {
      before.awaitQuiet(t);
      reloadMillis = before.reloadMillis;
      openCrashes = before.openCrashes;
      openCrashesOf = before.openCrashesOf;
      earlierInboxSeq = Math.max(before.earlierInboxSeq, before.lastInboxSeq);
    }
    LoadedActor loaded = store.load(id);
    incarnation = loaded.incarnation();
    nextTurn = loaded.nextTurn();
    nowMillis = loaded.lastAtMillis();
    state.restore(loaded.changes());
    Envelope first = null;
    if (loaded.open().isPresent()) {
      OpenTurn openTurn = loaded.open().get();
      nextTurn = openTurn.turn();
      first = resume(openTurn);
    }
    if (nextTurn == 0) {
      Envelope init = first == null ? t.envelope : first;
      t.begin(init);
      begin(t, init);
      cell.actorInit();
      requireReplayed();
      commit(t, null, null, open ? Kind.END : Kind.WHOLE, state.drainChanges(), true);
      running = false;
    } else if (first != null) {
      recovered.add(first);
    }
    nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    loadInbox();
  }

  private Envelope resume(OpenTurn openTurn) {
    byte[] input =
        openTurn
            .records()
            .getFirst()
            .input()
            .orElseThrow(() -> new IllegalStateException(id + ": an open turn has no input"));
    Envelope e = MessageCodec.decode(input, cell.home.scope, null);
    e.extras().resume = openTurn;
    findRow(e);
    return e;
  }

  /// Looks for the row of an open turn's message; a call has none.
  private void findRow(Envelope e) {
    if (e.id().isEmpty()) {
      return;
    }
    long after = 0;
    while (true) {
      List<InboxRow> rows = store.inbox(id, after, INBOX_WINDOW);
      for (InboxRow row : rows) {
        after = row.seq();
        if (row.messageId().equals(e.id())) {
          openInboxSeq = row.seq();
          e.extras().inboxSeq = row.seq();
          e.extras().attempts = row.attempts();
          e.extras().durableTimer = timerNumber(row);
          return;
        }
      }
      if (rows.size() < INBOX_WINDOW) {
        return;
      }
    }
  }

  /// Ends the activation: `activate` may do anything but change what is durable.
  void activated(Turn t) {
    if (t.hasRows() || !state.drainChanges().isEmpty()) {
      throw noTurn("change state or send durable messages");
    }
    releaseMessages(t);
  }

  /// Rows exist that the mailbox had no room for.
  void behind() {
    behind = true;
  }

  private void loadInbox() {
    List<InboxRow> rows = store.inbox(id, lastInboxSeq, INBOX_WINDOW);
    behind = rows.size() == INBOX_WINDOW;
    long now = cell.system().clock().millis();
    for (InboxRow row : rows) {
      lastInboxSeq = row.seq();
      long number = timerNumber(row);
      if (row.seq() == openInboxSeq || knows(number)) {
        continue;
      }
      Envelope e;
      try {
        e = MessageCodec.decode(row.body(), cell.home.scope, null);
      } catch (RuntimeException unreadable) {
        LOG.error("{}: inbox row {} cannot be read", id, row.seq(), unreadable);
        bury(row.seq(), "the message cannot be read: " + unreadable.getMessage());
        continue;
      }
      e.extras().id = row.messageId();
      e.extras().inboxSeq = row.seq();
      e.extras().attempts = row.attempts();
      e.extras().durableTimer = number;
      if (number >= 0) {
        DurableTimer timer = new DurableTimer(e, row.seq());
        synchronized (lock) {
          timers.put(number, timer);
          if (row.dueAtMillis() > now) {
            arm(timer, row.dueAtMillis() - now);
            continue;
          }
        }
      }
      recovered.add(e);
    }
  }

  /// True for a timer that this activation set or loaded.
  private boolean knows(long timerNumber) {
    synchronized (lock) {
      return timerNumber >= 0 && timers.containsKey(timerNumber);
    }
  }

  /// Under `lock`.
  private void arm(DurableTimer timer, long delayMillis) {
    if (!detached) {
      ActorSystem system = cell.system();
      timer.armed =
          system
              .timers()
              .after(
                  Duration.ofMillis(Math.max(0, delayMillis)),
                  () -> system.deliver(cell.context().address(), timer.message, null, true));
    }
  }

  /// The instance is gone: its timers are the next activation's.
  void detach() {
    synchronized (lock) {
      detached = true;
      for (DurableTimer timer : timers.values()) {
        if (timer.armed != null) {
          timer.armed.cancel();
        }
      }
    }
  }

  /// The next message; called with the cell claimed.
  Envelope next(Turn t, Mailbox mailbox) {
    while (true) {
      Envelope e = recovered.poll();
      if (e == null && behind) {
        try {
          // Rows this activation has consumed must be gone before it looks.
          awaitQuiet(t);
          if (poisoned) {
            return null;
          }
          loadInbox();
        } catch (PlexException unreadable) {
          LOG.warn("{}: its inbox cannot be read", id, unreadable);
          poison(true);
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
          if (e.inboxSeq() <= lastInboxSeq || e.inboxSeq() <= earlierInboxSeq) {
            // Its row was loaded from the store while this copy was on its way, or is done with.
            continue;
          }
          lastInboxSeq = e.inboxSeq();
        }
      }
      if (e.inboxSeq() == 0 || e.extras.durableTimer < 0 || e.extras.resume != null || due(e)) {
        return e;
      }
    }
  }

  /// False for a timer that was cancelled or handled, or armed by an earlier activation.
  private boolean due(Envelope e) {
    synchronized (lock) {
      DurableTimer timer = timers.get(e.extras.durableTimer);
      return timer != null && timer.message == e;
    }
  }

  // ---- one turn

  /// @return false when the message cannot be processed now
  boolean begin(Turn t, Envelope e) {
    if (poisoned) {
      abandoned(e);
      return false;
    }
    running = true;
    open = false;
    step = 0;
    messages = 0;
    timersSet = 0;
    random = null;
    results.clear();
    replay.clear();
    resumed = e.extras == null ? null : e.extras.resume;
    if (resumed != null) {
      open = true;
      TreeMap<Integer, StepResult> byStep = new TreeMap<>();
      for (TurnRecord record : resumed.records()) {
        for (StepResult r : record.results()) {
          StepResult known = byStep.get(r.step());
          if (known == null || known.pending()) {
            byStep.put(r.step(), r);
          }
        }
      }
      replay.addAll(byStep.values());
      nowMillis = resumed.records().getFirst().atMillis();
    } else {
      nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    }
    return true;
  }

  /// A message that came while the activation waits to be loaded again. One with a row stays there.
  void abandoned(Envelope e) {
    if (e.replyTo != null) {
      e.replyTo.fail(storeRefused());
    }
  }

  /// The calls that are only possible within a turn that can commit.
  private void requireTurn(String what) {
    if (mismatch != null) {
      throw mismatch;
    }
    if (!running) {
      throw noTurn(what);
    }
  }

  private PlexException noTurn(String what) {
    return new PlexException(
        ErrorCode.FAILED_PRECONDITION,
        id + ": a durable actor may not " + what + " while it is activated or stopped");
  }

  /// True while the running segment is on disk already.
  private boolean replaying() {
    return !replay.isEmpty();
  }

  long nowMillis() {
    return nowMillis;
  }

  /// The same in every replay of the segment. Source: spec/turns rule 11.
  RandomGenerator random() {
    if (random == null) {
      long seed = cell.system().secretHash(id.toString());
      seed = seed * 31 + incarnation;
      seed = seed * 1_000_003 + nextTurn;
      seed = seed * 1_000_003 + step;
      random = new SplittableRandom(seed);
    }
    return random;
  }

  /// A message to another durable actor: a row of the commit, not an effect in memory.
  void tell(Turn t, Address to, Envelope e) {
    requireTurn("send durable messages");
    ActorSystem system = cell.system();
    if (system.congested(to)) {
      throw DeadLetters.error(to.toString(), DeadLetters.Reason.MAILBOX_FULL);
    }
    String messageId =
        id
            + "#"
            + store.incarnation()
            + "."
            + incarnation
            + "."
            + nextTurn
            + "."
            + step
            + "."
            + messages++;
    e.extras().id = messageId;
    t.row(
        new Row.InboxInsert(
            new ActorId(cell.home.scope.scope, to.type, to.key),
            messageId,
            0,
            MessageCodec.encode(e)),
        e);
  }

  long sendAfter(Turn t, Duration delay, Envelope e) {
    requireTurn("set timers");
    if (timersSet == TIMERS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED, "a turn may set at most " + TIMERS_MAX + " timers");
    }
    // Made of what a replay has as well, so that a number the handler keeps stays valid.
    long number = nextTurn * TIMERS_MAX + timersSet++;
    String messageId = TIMER + number;
    e.extras().id = messageId;
    e.extras().durableTimer = number;
    long dueAt = Math.max(1, nowMillis + delay.toMillis());
    t.row(new Row.InboxInsert(id, messageId, dueAt, MessageCodec.encode(e)), e);
    if (!replaying()) {
      synchronized (lock) {
        timers.put(number, new DurableTimer(e, 0));
      }
      t.onDiscard(() -> forgetTimer(number));
    }
    return number;
  }

  private static final String TIMER = "timer-";

  /// The number of a timer's row; -1 for other rows.
  private static long timerNumber(InboxRow row) {
    if (row.dueAtMillis() == 0 || !row.messageId().startsWith(TIMER)) {
      return -1;
    }
    try {
      return Long.parseLong(row.messageId().substring(TIMER.length()));
    } catch (NumberFormatException notOurs) {
      return -1;
    }
  }

  private void forgetTimer(long number) {
    synchronized (lock) {
      timers.remove(number);
    }
  }

  boolean cancelTimer(Turn t, long number) {
    requireTurn("cancel timers");
    if (replaying()) {
      return replayCancel(t, number);
    }
    DurableTimer timer;
    long seq;
    synchronized (lock) {
      timer = timers.get(number);
      seq = timer == null ? 0 : timer.seq;
    }
    if (timer == null) {
      return false;
    }
    if (t.dropRow(timer.message)) {
      // Set in this very segment.
      forgetTimer(number);
      return true;
    }
    if (seq == 0) {
      // Set by a turn whose commit is on its way: its row number is known once it is durable.
      awaitQuiet(t);
      synchronized (lock) {
        seq = timer.seq;
      }
    }
    if (seq == 0 || t.envelope.inboxSeq() == seq) {
      return false;
    }
    forgetTimer(number);
    t.onDiscard(
        () -> {
          synchronized (lock) {
            timers.put(number, timer);
          }
        });
    t.row(new Row.InboxDelete(id, seq), null);
    t.buffer(
        (Turn.Effect)
            worker -> {
              synchronized (lock) {
                if (timer.armed != null) {
                  timer.armed.cancel();
                }
              }
            });
    return true;
  }

  /// What a cancellation answered in the recorded segment: true when it wrote a row at this place.
  private boolean replayCancel(Turn t, long number) {
    Envelope fresh = t.rowMessage(m -> m.extras != null && m.extras.durableTimer == number);
    if (fresh != null) {
      return t.dropRow(fresh);
    }
    int segment = resumed.records().size() - replaySegmentsLeft();
    List<RowResult> recorded =
        segment < resumed.rowResults().size() ? resumed.rowResults().get(segment) : List.of();
    // The commit that opened the turn of a row ends with the two rows of claimRow.
    int last = recorded.size() - (segment == 0 && t.envelope.inboxSeq() > 0 ? 2 : 0);
    int place = t.rowCount();
    boolean cancelled = place < last && recorded.get(place) instanceof RowResult.Done;
    if (cancelled) {
      t.row(new Row.InboxDelete(id, 0), null);
    }
    return cancelled;
  }

  /// One commit was made at each commit point, so as many segments as commit points are left.
  private int replaySegmentsLeft() {
    return replay.size();
  }

  /// Ends a turn that returned.
  void end(Turn t, Envelope e, Object reply) {
    requireReplayed();
    running = false;
    if (e.inboxSeq() > 0) {
      t.row(new Row.InboxDelete(id, e.inboxSeq()), null);
      forgetTimer(e.extras.durableTimer);
    }
    List<StateChange> changes = state.drainChanges();
    if (!open && changes.isEmpty() && !t.hasRows()) {
      releaseAfterPending(t.takeEffects(), e, reply);
      return;
    }
    commit(t, e, reply, open ? Kind.END : Kind.WHOLE, changes, true);
  }

  private void requireReplayed() {
    if (mismatch != null) {
      throw mismatch;
    }
    if (replaying()) {
      throw mismatch(
          "the turn ended before all recorded calls were made",
          replay.peek().call(),
          "the end of the turn");
    }
  }

  private void commit(
      Turn t, Envelope e, Object reply, Kind kind, List<StateChange> changes, boolean ends) {
    boolean first = kind == Kind.WHOLE || kind == Kind.OPEN;
    TurnRecord record =
        new TurnRecord(
            kind,
            nextTurn,
            step,
            nowMillis,
            cell.home.entry.version,
            first && e != null ? Optional.of(MessageCodec.encode(e)) : Optional.empty(),
            List.copyOf(results),
            changes,
            ends && e != null && e.kind == Message.Kind.CALL && reply != Reply.LATER
                ? Optional.of(Json.write(reply))
                : Optional.empty(),
            Optional.empty());
    Envelope[] rowMessages = t.takeRowMessages();
    List<Row> rows = t.takeRows();
    results.clear();
    Pending p = new Pending(t.takeEffects(), rowMessages, rows, ends ? e : null, reply);
    cell.home.entry.commits.increment();
    if (ends) {
      nextTurn++;
      open = false;
    }
    submit(new Commit(id, Optional.of(record), rows), p);
  }

  private void submit(Commit commit, Pending p) {
    synchronized (lock) {
      if (!poisoned) {
        last = p;
        pending++;
        p.submitted = true;
      }
    }
    if (p.submitted) {
      store.submit(commit, p);
    } else {
      p.refuse(storeRefused());
    }
  }

  private PlexException storeRefused() {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "the store refused a commit of " + cell + "; nothing was changed, try again" + trouble);
  }

  /// Releases effects of a turn that wrote nothing, behind what it may have read.
  private void releaseAfterPending(Object[] effects, Envelope e, Object reply) {
    Pending p = new Pending(effects, NO_MESSAGES, List.of(), e, reply);
    boolean now;
    synchronized (lock) {
      now = !poisoned && last == null;
      if (!poisoned && last != null) {
        last.attach(p);
        return;
      }
    }
    if (now) {
      p.release();
    } else {
      p.refuse(storeRefused());
    }
  }

  /// What an instance says on its way in or out leaves like the effects of a turn that wrote
  /// nothing.
  void releaseMessages(Turn t) {
    if (t.hasEffects()) {
      releaseAfterPending(t.takeEffects(), null, null);
    }
  }

  /// A declared error: the segment is rolled back, the caller gets it, a durable message is buried.
  void refused(Turn t, Envelope e, ActorException declared) {
    requireReplayed();
    running = false;
    state.rollback();
    failed(t, e, declared.code() + ": " + declared.getMessage(), declared);
  }

  /// Commits that a turn ended without a result: buries its row, closes it if it is open.
  private void failed(Turn t, Envelope e, String reason, PlexException reply) {
    List<Row> rows = List.of();
    if (e.inboxSeq() > 0) {
      rows = List.of(new Row.InboxBury(id, e.inboxSeq(), reason));
      forgetTimer(e.extras.durableTimer);
    }
    if (!open && rows.isEmpty()) {
      releaseAfterPending(NO_EFFECTS, e, reply);
      return;
    }
    Optional<TurnRecord> record = Optional.empty();
    if (open) {
      record =
          Optional.of(
              new TurnRecord(
                  Kind.FAILED,
                  nextTurn,
                  step,
                  nowMillis,
                  cell.home.entry.version,
                  Optional.empty(),
                  List.copyOf(results),
                  List.of(),
                  Optional.empty(),
                  Optional.of(reason)));
      nextTurn++;
      open = false;
    }
    submit(new Commit(id, record, rows), new Pending(NO_EFFECTS, NO_MESSAGES, rows, e, reply));
  }

  /// The handler threw. A durable message is delivered again, resuming its turn if that is open,
  /// and buried after [#DELIVERIES_MAX] deliveries. A call is over: its caller was told, so an open
  /// turn of it fails for good; one that was resumed, whose caller is gone, is tried again as
  /// often.
  void crashed(Turn t, Envelope e, Throwable thrown, PlexException reply) {
    running = false;
    String reason = "crashed: " + thrown;
    if (e.inboxSeq() > 0) {
      int attempts = e.extras.attempts + 1;
      if (attempts >= DELIVERIES_MAX) {
        failed(t, e, "delivered " + attempts + " times, " + reason, reply);
      } else {
        List<Row> rows = List.of(new Row.InboxUpdate(id, e.inboxSeq(), dueAt(e), attempts));
        submit(
            new Commit(id, Optional.empty(), rows),
            new Pending(NO_EFFECTS, NO_MESSAGES, rows, e, reply));
      }
    } else if (open && (resumed == null || openCrashedTooOften())) {
      failed(t, e, reason, reply);
    } else {
      releaseAfterPending(NO_EFFECTS, e, reply);
    }
  }

  /// A timer that is tried again stays one.
  private static long dueAt(Envelope e) {
    return e.extras.durableTimer < 0 ? 0 : 1;
  }

  private boolean openCrashedTooOften() {
    if (openCrashesOf != nextTurn) {
      openCrashesOf = nextTurn;
      openCrashes = 0;
    }
    return ++openCrashes >= DELIVERIES_MAX;
  }

  /// Buries a row outside of any turn.
  private void bury(long inboxSeq, String reason) {
    store.submit(
        new Commit(id, Optional.empty(), List.of(new Row.InboxBury(id, inboxSeq, reason))),
        new Commit.Listener() {
          @Override
          public void durable(long seq, List<RowResult> results) {}

          @Override
          public void refused(PlexException why) {
            LOG.warn("{}: inbox row {} could not be buried: {}", id, inboxSeq, why.getMessage());
          }
        });
  }

  /// The mismatch that was met in the running turn; null for none.
  JournalMismatch mismatch() {
    return mismatch;
  }

  private JournalMismatch mismatch(String what, String expected, String actual) {
    mismatch =
        new JournalMismatch(
            new PlexException(
                ErrorCode.JOURNAL_MISMATCH,
                "journal mismatch: "
                    + id
                    + ", turn "
                    + nextTurn
                    + ", step "
                    + step
                    + ": expected '"
                    + expected
                    + "', got '"
                    + actual
                    + "' ("
                    + what
                    + ")"));
    return mismatch;
  }

  // ---- commit points

  /// An ask: commits what was buffered together with the intent, waits for the disk, then asks.
  Object ask(Turn t, Address to, String operation, Object payload, Duration timeout) {
    requireTurn("ask");
    if (step == STEPS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED, "a turn may have at most " + STEPS_MAX + " commit points");
    }
    String call = "ask " + to + " " + operation;
    long hash = Json.hash(payload);
    step++;
    if (replaying()) {
      StepResult recorded = replay.peek();
      if (recorded.step() != step || !recorded.call().equals(call) || recorded.callHash() != hash) {
        boolean samePlace = recorded.call().equals(call);
        throw mismatch(
            samePlace ? "the payload differs" : "a replayed call differs from the recorded one",
            samePlace
                ? call + " with payload " + Long.toHexString(recorded.callHash())
                : recorded.call(),
            samePlace ? call + " with payload " + Long.toHexString(hash) : call);
      }
      replay.poll();
      // Committed before the crash: the changes and messages of this segment are on disk.
      state.drainChanges();
      t.replayed();
      if (!recorded.pending()) {
        replaySegment(t);
        return replayed(recorded);
      }
    } else {
      results.add(new StepResult(step, call, hash, Optional.empty(), Optional.empty(), true));
      commitAndWait(t);
    }
    Object reply;
    try {
      reply = cell.system().ask(cell, t, to, operation, payload, timeout);
    } catch (PlexException error) {
      newSegment(t);
      results.add(
          new StepResult(
              step, call, hash, Optional.empty(), Optional.of(encodeError(error)), false));
      throw error;
    }
    newSegment(t);
    byte[] json;
    try {
      json = Json.write(reply);
    } catch (PlexException notJson) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "the reply of " + to + " to '" + operation + "' cannot be kept: " + notJson.getMessage());
    }
    results.add(new StepResult(step, call, hash, Optional.of(json), Optional.empty(), false));
    return Json.parse(json);
  }

  private static String encodeError(PlexException error) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("code", error.code().name());
    fields.put("message", String.valueOf(error.getMessage()));
    fields.put("declared", error instanceof ActorException);
    if (!error.violations().isEmpty()) {
      fields.put(
          "violations",
          error.violations().stream().map(v -> List.of(v.field(), v.description())).toList());
    }
    return Json.text(fields);
  }

  private static Object replayed(StepResult recorded) {
    if (recorded.error().isPresent()) {
      throw decodeError(recorded.error().get());
    }
    return recorded.result().map(Json::parse).orElse(null);
  }

  private static PlexException decodeError(String text) {
    Map<?, ?> fields = (Map<?, ?>) Json.parse(text);
    ErrorCode code = ErrorCode.valueOf((String) fields.get("code"));
    String message = (String) fields.get("message");
    List<FieldViolation> violations = new ArrayList<>();
    if (fields.get("violations") instanceof List<?> list) {
      for (Object each : list) {
        List<?> pair = (List<?>) each;
        violations.add(new FieldViolation((String) pair.get(0), (String) pair.get(1)));
      }
    }
    return Boolean.TRUE.equals(fields.get("declared"))
        ? new ActorException(code, message, violations)
        : new PlexException(code, message, violations, null);
  }

  private void newSegment(Turn t) {
    nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    t.now = null;
    random = null;
  }

  /// Enters the segment behind a replayed commit point: at its recorded time when it is on disk.
  private void replaySegment(Turn t) {
    int segment = resumed.records().size() - replaySegmentsLeft();
    if (replaying() && segment < resumed.records().size()) {
      nowMillis = Math.max(nowMillis, resumed.records().get(segment).atMillis());
      t.now = null;
      random = null;
    } else {
      newSegment(t);
    }
  }

  private void commitAndWait(Turn t) {
    Kind kind = open ? Kind.SEGMENT : Kind.OPEN;
    if (!open) {
      claimRow(t);
    }
    open = true;
    commit(t, t.envelope, null, kind, state.drainChanges(), false);
    Wait wait = new Wait();
    synchronized (lock) {
      if (!poisoned && last != null) {
        last.waiter = wait;
      } else if (!poisoned) {
        return;
      }
    }
    if (poisoned) {
      throw storeRefused();
    }
    cell.system().dispatcher().await(t.worker, wait);
    if (wait.error != null) {
      throw wait.error;
    }
  }

  /// Makes the commit that opens a turn depend on the row of its message, which stays where it is:
  /// only a waiting row can be buried, and the second step puts it back. Without this a late copy
  /// of a row that was handled could begin a turn, and its steps would be on disk before the end
  /// finds no row to delete. Source: spec/turns rule 16.
  private void claimRow(Turn t) {
    Envelope e = t.envelope;
    if (e.inboxSeq() > 0) {
      t.row(new Row.InboxBury(id, e.inboxSeq(), "its turn is open"), null);
      t.row(new Row.InboxUpdate(id, e.inboxSeq(), dueAt(e), e.extras.attempts), null);
    }
  }

  // ---- the store's answers

  boolean poisoned() {
    return poisoned;
  }

  /// True when nothing is on its way to the disk and nothing waits to run. What the store refused
  /// waits to be run again, once the actor is loaded anew.
  boolean quiet() {
    synchronized (lock) {
      return pending == 0 && timers.isEmpty() && recovered.isEmpty() && !behind && !poisoned;
    }
  }

  private void awaitQuiet(Turn t) {
    Wait wait;
    synchronized (lock) {
      if (pending == 0) {
        return;
      }
      wait = quietWait == null ? quietWait = new Wait() : quietWait;
    }
    cell.system().dispatcher().await(t.worker, wait);
  }

  /// Nothing of this activation may be committed any more; it will be loaded again.
  ///
  /// @param pause true when the store is in trouble and trying again at once would be in vain
  private void poison(boolean pause) {
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
      cell.send(new ActorCell.Reload());
    } else {
      cell.system()
          .timers()
          .after(Duration.ofMillis(millis), () -> cell.send(new ActorCell.Reload()));
    }
  }

  private final class Wait implements Dispatcher.Waiter {
    private volatile boolean done;
    private volatile Thread thread;
    private PlexException error;

    void finish(PlexException why) {
      error = why;
      done = true;
      cell.system().dispatcher().resume(this);
    }

    @Override
    public boolean ready() {
      return done;
    }

    @Override
    public Thread waitingThread() {
      return thread;
    }

    @Override
    public void waitingThread(Thread thread) {
      this.thread = thread;
    }
  }

  /// A submitted commit and what waits for it.
  private final class Pending implements Commit.Listener {
    private final Object[] effects;
    private final Envelope[] rowMessages;
    private final List<Row> rows;
    private final Envelope envelope;
    private final Object reply;
    private boolean submitted;
    private List<Pending> attached;
    private Wait waiter;

    /// @param reply a [PlexException] stands for an error
    Pending(
        Object[] effects, Envelope[] rowMessages, List<Row> rows, Envelope envelope, Object reply) {
      this.effects = effects;
      this.rowMessages = rowMessages;
      this.rows = rows;
      this.envelope = envelope;
      this.reply = reply;
    }

    /// Under `lock`.
    void attach(Pending other) {
      if (attached == null) {
        attached = new ArrayList<>();
      }
      attached.add(other);
    }

    @Override
    public void durable(long seq, List<RowResult> results) {
      try {
        for (int i = 0; i < rowMessages.length; i++) {
          Envelope message = rowMessages[i];
          if (message != null && results.get(i) instanceof RowResult.Inserted inserted) {
            deliver(message, (Row.InboxInsert) rows.get(i), inserted.inboxSeq());
          }
        }
        release();
      } catch (Throwable bug) {
        LOG.error("{}: releasing a commit failed; this is a bug of the platform", id, bug);
      }
      settle(null);
    }

    private void deliver(Envelope message, Row.InboxInsert row, long inboxSeq) {
      message.extras().inboxSeq = inboxSeq;
      Address target = message.target;
      message.target = null;
      if (message.extras.durableTimer < 0) {
        cell.system().hint(target, message);
        return;
      }
      synchronized (lock) {
        DurableTimer timer = timers.get(message.extras.durableTimer);
        if (timer != null) {
          timer.seq = inboxSeq;
          arm(timer, row.dueAtMillis() - cell.system().clock().millis());
        }
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
      LOG.warn("{}: the store refused a commit: {}", id, why.getMessage());
      trouble = why.code() == ErrorCode.UNAVAILABLE ? " (" + why.getMessage() + ")" : "";
      PlexException outcome = why.code() == ErrorCode.CONFLICT ? storeRefused() : why;
      refuse(outcome);
      // Before anything else can be submitted: what comes now would build on what is not there.
      poison(why.code() != ErrorCode.CONFLICT);
      if (why.code() == ErrorCode.INVALID_MESSAGE && envelope != null && envelope.inboxSeq() > 0) {
        // It would be refused each time.
        bury(envelope.inboxSeq(), why.getMessage());
      }
      settle(outcome);
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
            LOG.error("{}: releasing a turn failed; this is a bug of the platform", id, bug);
          }
        }
      }
    }
  }
}
