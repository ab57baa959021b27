package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.journal.TurnRecord.StepResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
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
  anew. */

  /// Rows of the durable inbox held in memory; more are loaded when these are worked off.
  static final int INBOX_WINDOW = 1_000;

  /// Deliveries of a durable message before it is buried. Source: spec/turns rule 24.
  static final int DELIVERIES_MAX = 3;

  /// Commit points of one turn. Source: spec/turns rule 13.
  static final int STEPS_MAX = 10_000;

  private static final Logger LOG = LoggerFactory.getLogger(DurableTurns.class);

  private final ActorCell cell;
  private final DurableState state;
  private final Store store;
  private final ActorId id;

  private int incarnation;
  private long nextTurn;
  private long nowMillis;

  // The running turn.
  private boolean open;
  private int step;
  private final List<StepResult> results = new ArrayList<>();
  private ArrayDeque<StepResult> replay;
  private int messages;

  /// Recovered messages, before anything in the mailbox.
  private final ArrayDeque<Envelope> recovered = new ArrayDeque<>();

  private long lastInboxSeq;

  /// Rows exist beyond the window.
  private volatile boolean behind;

  /// Timer number to inbox row, for timers that have not fired.
  private final Map<Long, Long> timers = new HashMap<>();

  /// Timers set in this segment: number to message.
  private final Map<Long, Envelope> newTimers = new HashMap<>();

  // Shared with the store's thread, under `lock`.
  private final Object lock = new Object();
  private Pending last;
  private int pending;
  private boolean poisoned;
  private Wait quietWait;

  DurableTurns(ActorCell cell, DurableState state, Store store) {
    this.cell = cell;
    this.state = state;
    this.store = store;
    this.id = cell.id();
  }

  // ---- activation

  /// Loads the state, runs turn 0 if it never committed, and queues what waits on disk.
  ///
  /// @param before the previous activation of the cell, whose commits may still be on their way
  void load(Turn t, DurableTurns before) throws Exception {
    if (before != null) {
      before.awaitQuiet(t);
    }
    LoadedActor loaded = store.load(id);
    incarnation = loaded.incarnation();
    nextTurn = loaded.nextTurn();
    nowMillis = loaded.lastAtMillis();
    state.restore(loaded.changes());
    if (loaded.open().isPresent()) {
      recovered.add(resume(loaded.open().get()));
    } else if (nextTurn == 0) {
      begin(t, t.envelope);
      cell.actorInit();
      commit(t, null, null, Kind.WHOLE, null, true);
    }
    loadInbox();
  }

  private Envelope resume(LoadedActor.OpenTurn openTurn) {
    TurnRecord first = openTurn.records().getFirst();
    Envelope e =
        MessageCodec.decode(
            first.input().orElseThrow(() -> mismatch("its first commit has no input", "", "")),
            cell.home.scope,
            null);
    e.extras().resume = openTurn;
    return e;
  }

  private void loadInbox() {
    List<InboxRow> rows = store.inbox(id, lastInboxSeq, INBOX_WINDOW);
    behind = rows.size() == INBOX_WINDOW;
    long now = cell.system().clock().millis();
    for (InboxRow row : rows) {
      lastInboxSeq = row.seq();
      Envelope e = MessageCodec.decode(row.body(), cell.home.scope, null);
      e.extras().inboxSeq = row.seq();
      e.extras().attempts = row.attempts();
      if (row.dueAtMillis() > 0) {
        timers.put(timerNumber(row.messageId()), row.seq());
        if (row.dueAtMillis() > now) {
          arm(e, row.dueAtMillis() - now);
          continue;
        }
      }
      recovered.add(e);
    }
  }

  private void arm(Envelope e, long delayMillis) {
    ActorSystem system = cell.system();
    system
        .timers()
        .after(
            Duration.ofMillis(Math.max(0, delayMillis)),
            () -> system.deliver(cell.context().address(), e, null, true));
  }

  /// The next message; called with the cell claimed.
  Envelope next(Mailbox mailbox) {
    Envelope e = recovered.poll();
    if (e != null) {
      return e;
    }
    while ((e = mailbox.poll()) != null) {
      // A row that was loaded from the store when its copy was still on its way here.
      if (e.inboxSeq() == 0 || e.extras.attempts > 0 || !seen(e)) {
        return e;
      }
    }
    if (behind) {
      loadInbox();
      return recovered.poll();
    }
    return null;
  }

  private boolean seen(Envelope e) {
    if (timers.containsValue(e.inboxSeq())) {
      return false;
    }
    if (e.inboxSeq() <= lastInboxSeq) {
      return true;
    }
    lastInboxSeq = e.inboxSeq();
    return false;
  }

  // ---- one turn

  void begin(Turn t, Envelope e) {
    open = false;
    step = 0;
    messages = 0;
    results.clear();
    newTimers.clear();
    replay = null;
    LoadedActor.OpenTurn resumed = e.extras == null ? null : e.extras.resume;
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
      replay = new ArrayDeque<>(byStep.values());
      nowMillis = resumed.records().getFirst().atMillis();
    } else {
      nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    }
  }

  long nowMillis() {
    return nowMillis;
  }

  /// The same in every replay of the segment. Source: spec/turns rule 11.
  RandomGenerator random(Turn t) {
    long seed =
        cell.system().secretHash(id.toString(), t.envelope.context.requestId() + t.envelope.id());
    seed = seed * 31 + incarnation;
    seed = seed * 1_000_003 + nextTurn;
    seed = seed * 1_000_003 + step;
    return new SplittableRandom(seed);
  }

  /// A message to another durable actor: a row of the commit, not an effect in memory.
  void tell(Turn t, Address to, Envelope e) {
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

  long sendAfter(Turn t, Duration delay, String operation, Object payload) {
    long number = cell.system().nextId();
    Envelope e =
        new Envelope(
            Message.Kind.INFO,
            operation,
            payload,
            cell.context().address(),
            t.envelope.context,
            null);
    e.target = cell.context().address();
    String messageId = TIMER + number;
    e.extras().id = messageId;
    long dueAt = Math.max(1, nowMillis + delay.toMillis());
    newTimers.put(number, e);
    t.row(new Row.InboxInsert(id, messageId, dueAt, MessageCodec.encode(e)), e);
    return number;
  }

  private static final String TIMER = "timer-";

  private static long timerNumber(String messageId) {
    return messageId.startsWith(TIMER) ? Long.parseLong(messageId.substring(TIMER.length())) : -1;
  }

  boolean cancelTimer(Turn t, long number) {
    Envelope fresh = newTimers.remove(number);
    if (fresh != null && t.dropRow(fresh)) {
      return true;
    }
    Long seq;
    synchronized (lock) {
      seq = timers.get(number);
    }
    if (seq == null && pending > 0) {
      // Set by a turn whose commit is on its way: its row number is known once it is durable.
      awaitQuiet(t);
      synchronized (lock) {
        seq = timers.get(number);
      }
    }
    if (seq == null || (t.envelope.inboxSeq() == seq)) {
      return false;
    }
    synchronized (lock) {
      timers.remove(number);
    }
    t.row(new Row.InboxDelete(id, seq), null);
    return true;
  }

  /// Ends a turn that returned.
  void end(Turn t, Envelope e, Object reply) {
    if (replay != null && !replay.isEmpty()) {
      StepResult expected = replay.peek();
      stopForMismatch(t, e, mismatch("the turn ended", expected.call(), "the end of the turn"));
      return;
    }
    if (e.inboxSeq() > 0) {
      t.row(new Row.InboxDelete(id, e.inboxSeq()), null);
      synchronized (lock) {
        timers.remove(timerNumber(e.id()));
      }
    }
    List<StateChange> changes = state.drainChanges();
    if (!open && changes.isEmpty() && !t.hasRows()) {
      releaseAfterPending(t.takeEffects(), e, reply);
      return;
    }
    commit(t, e, reply, open ? Kind.END : Kind.WHOLE, changes, true);
  }

  private void commit(
      Turn t, Envelope e, Object reply, Kind kind, List<StateChange> drained, boolean last) {
    List<StateChange> changes = drained == null ? state.drainChanges() : drained;
    Envelope[] rowMessages = t.takeRowMessages();
    List<Row> rows = t.takeRows();
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
            last && e != null && e.kind == Message.Kind.CALL && reply != Reply.LATER
                ? Optional.of(Json.write(reply))
                : Optional.empty(),
            Optional.empty());
    results.clear();
    newTimers.clear();
    Pending p = new Pending(t.takeEffects(), rowMessages, rows, last ? e : null, reply);
    cell.home.entry.commits.increment();
    if (last) {
      nextTurn++;
      open = false;
    }
    submit(new Commit(id, Optional.of(record), rows), p);
  }

  private void submit(Commit commit, Pending p) {
    synchronized (lock) {
      if (poisoned) {
        p.refuse(storeRefused());
        return;
      }
      last = p;
      pending++;
    }
    store.submit(commit, p);
  }

  private static PlexException storeRefused() {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "the store refused a commit of this actor; nothing was changed, try again");
  }

  /// Releases effects of a turn that wrote nothing, behind what it may have read.
  private void releaseAfterPending(Object[] effects, Envelope e, Object reply) {
    Pending after = null;
    boolean refused = false;
    synchronized (lock) {
      if (poisoned) {
        refused = true;
      } else if (last != null) {
        last.attach(new Pending(effects, new Envelope[0], List.of(), e, reply));
        after = last;
      }
    }
    if (refused) {
      new Pending(effects, new Envelope[0], List.of(), e, reply).refuse(storeRefused());
    } else if (after == null) {
      release(effects, e, reply);
    }
  }

  private void release(Object[] effects, Envelope e, Object reply) {
    Turn.releaseAll(cell.system(), effects);
    if (e != null && e.replyTo != null && reply != Reply.LATER) {
      if (reply instanceof PlexException error) {
        e.replyTo.fail(error);
      } else {
        e.replyTo.complete(cell, reply);
      }
    }
  }

  /// A declared error: the segment is rolled back, the caller gets it, a durable message is buried.
  void refused(Turn t, Envelope e, ActorException declared) {
    state.rollback();
    if (e.inboxSeq() > 0) {
      t.row(
          new Row.InboxBury(id, e.inboxSeq(), declared.code() + ": " + declared.getMessage()),
          null);
    }
    if (open) {
      Envelope[] none = t.takeRowMessages();
      List<Row> rows = t.takeRows();
      TurnRecord record =
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
              Optional.of(declared.code() + ": " + declared.getMessage()));
      nextTurn++;
      open = false;
      submit(
          new Commit(id, Optional.of(record), rows),
          new Pending(new Object[0], none, rows, e, declared));
    } else if (t.hasRows()) {
      Envelope[] none = t.takeRowMessages();
      List<Row> rows = t.takeRows();
      submit(
          new Commit(id, Optional.empty(), rows),
          new Pending(new Object[0], none, rows, e, declared));
    } else {
      releaseAfterPending(new Object[0], e, declared);
    }
  }

  /// The handler threw: count the delivery of a durable message, or bury it.
  void crashed(Envelope e, Throwable thrown) {
    if (e.inboxSeq() == 0
        || thrown instanceof PlexException p && p.code() == ErrorCode.UNAVAILABLE) {
      return;
    }
    int attempts = e.extras.attempts + 1;
    Row row =
        attempts >= DELIVERIES_MAX
            ? new Row.InboxBury(id, e.inboxSeq(), "crashed " + attempts + " times: " + thrown)
            : new Row.InboxUpdate(id, e.inboxSeq(), 0, attempts);
    Pending p = new Pending(new Object[0], new Envelope[1], List.of(row), null, null);
    submit(new Commit(id, Optional.empty(), List.of(row)), p);
  }

  private void stopForMismatch(Turn t, Envelope e, PlexException mismatch) {
    LOG.error("{}", mismatch.getMessage());
    t.discard();
    throw mismatch;
  }

  private PlexException mismatch(String what, String expected, String actual) {
    return new PlexException(
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
            + ")");
  }

  // ---- commit points

  /// An ask: commits what was buffered together with the intent, waits for the disk, then asks.
  Object ask(Turn t, Address to, String operation, Object payload, Duration timeout) {
    String call = "ask " + to + " " + operation;
    long hash = Json.hash(payload);
    if (++step > STEPS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED, "a turn may have at most " + STEPS_MAX + " commit points");
    }
    if (replay != null && !replay.isEmpty()) {
      StepResult recorded = replay.poll();
      if (recorded.step() != step || !recorded.call().equals(call) || recorded.callHash() != hash) {
        throw mismatch("a replayed call differs from the recorded one", recorded.call(), call);
      }
      // Committed before the crash: the changes and messages of this segment are on disk.
      state.drainChanges();
      t.discard();
      if (!recorded.pending()) {
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
              step,
              call,
              hash,
              Optional.empty(),
              Optional.of(error.code() + "|" + error.getMessage()),
              false));
      throw error;
    }
    newSegment(t);
    byte[] json = Json.write(reply);
    results.add(new StepResult(step, call, hash, Optional.of(json), Optional.empty(), false));
    return Json.parse(json);
  }

  private static Object replayed(StepResult recorded) {
    if (recorded.error().isPresent()) {
      String[] parts = recorded.error().get().split("\\|", 2);
      throw new PlexException(ErrorCode.valueOf(parts[0]), parts[1]);
    }
    return recorded.result().map(Json::parse).orElse(null);
  }

  private void newSegment(Turn t) {
    nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    t.now = null;
  }

  private void commitAndWait(Turn t) {
    Kind kind = open ? Kind.SEGMENT : Kind.OPEN;
    if (t.envelope.inboxSeq() > 0 && !open) {
      // From here on the turn is resumed from its record, not from the row.
      t.row(new Row.InboxDelete(id, t.envelope.inboxSeq()), null);
      t.envelope.extras.inboxSeq = 0;
    }
    open = true;
    commit(t, t.envelope, null, kind, null, false);
    Wait wait = new Wait();
    synchronized (lock) {
      if (last == null && !poisoned) {
        return;
      }
      if (last != null) {
        last.waiter = wait;
      }
    }
    if (poisoned()) {
      throw storeRefused();
    }
    cell.system().dispatcher().await(t.worker, wait);
    if (wait.error != null) {
      throw wait.error;
    }
  }

  // ---- the store's answers

  boolean poisoned() {
    synchronized (lock) {
      return poisoned;
    }
  }

  /// True when nothing is on its way to the disk and nothing waits to run.
  boolean quiet() {
    synchronized (lock) {
      return pending == 0 && timers.isEmpty() && recovered.isEmpty() && !behind;
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
    private List<Pending> attached;
    private Wait waiter;

    Pending(
        Object[] effects, Envelope[] rowMessages, List<Row> rows, Envelope envelope, Object reply) {
      this.effects = effects;
      this.rowMessages = rowMessages;
      this.rows = rows;
      this.envelope = envelope;
      this.reply = reply;
    }

    void attach(Pending other) {
      if (attached == null) {
        attached = new ArrayList<>();
      }
      attached.add(other);
    }

    @Override
    public void durable(long seq, List<RowResult> results) {
      for (int i = 0; i < rowMessages.length; i++) {
        Envelope message = rowMessages[i];
        if (message != null && results.get(i) instanceof RowResult.Inserted inserted) {
          deliver(message, (Row.InboxInsert) rows.get(i), inserted.inboxSeq());
        }
      }
      release(effects, envelope, reply);
      List<Pending> next = settle(false);
      if (next != null) {
        next.forEach(p -> release(p.effects, p.envelope, p.reply));
      }
      if (waiter != null) {
        waiter.finish(null);
      }
    }

    private void deliver(Envelope message, Row.InboxInsert row, long inboxSeq) {
      message.extras().inboxSeq = inboxSeq;
      Address target = message.target;
      message.target = null;
      if (row.dueAtMillis() > 0) {
        synchronized (lock) {
          timers.put(timerNumber(row.messageId()), inboxSeq);
        }
        arm(message, row.dueAtMillis() - cell.system().clock().millis());
      } else {
        cell.system().deliver(target, message, null, true);
      }
    }

    @Override
    public void refused(PlexException why) {
      PlexException outcome = why.code() == ErrorCode.CONFLICT ? storeRefused() : why;
      refuse(outcome);
      List<Pending> next = settle(true);
      if (next != null) {
        next.forEach(p -> p.refuse(outcome));
      }
      if (waiter != null) {
        waiter.finish(outcome);
      }
      cell.send(new ActorCell.Reload());
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

    private List<Pending> settle(boolean poison) {
      Wait quiet = null;
      List<Pending> next;
      synchronized (lock) {
        poisoned |= poison;
        pending--;
        if (last == this) {
          last = null;
        }
        next = attached;
        if (pending == 0) {
          quiet = quietWait;
          quietWait = null;
        }
      }
      if (quiet != null) {
        quiet.finish(null);
      }
      return next;
    }
  }
}
