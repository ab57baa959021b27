package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.LoadedActor.OpenTurn;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StaleVersion;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.journal.UnacceptableCommit;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// The turns of one durable activation: what they commit, what waits for the disk, what is
/// replayed. Source: DESIGN section 5, spec/turns.
final class DurableTurns {

  /* The row of a message stays in the inbox until the commit that ends its turn. While the turn is
  open the row counts its deliveries, and if the turn fails for good it becomes the dead letter.

  The rows of a commit: first those that the platform adds before the handler's (`before`), so that a
  replay knows where the handler's begin, then the handler's, then `after`. */

  /// Commit points of one turn. Source: spec/turns rule 13.
  static final int STEPS_MAX = 10_000;

  /// Runs of one segment because of keys that others wrote. Source: spec/turns rule 31.
  static final int RERUNS_MAX = 10;

  /// Timers one turn may set.
  static final int TIMERS_MAX = 1 << 20;

  /// Longest actor id that message ids begin with, characters; longer ones are hashed.
  private static final int ID_LENGTH_MAX = 300;

  /// What the id of the row begins with that an open turn of a call gets after an unclean stop.
  private static final String ROW_OF_TURN = "turn-";

  private static final Envelope[] NO_MESSAGES = {};

  private final ActorCell cell;
  private final DurableState state;
  private final Store store;
  private final ActorId id;
  private final DurableTimers timers;
  private final DurableMonitors monitors;
  private final CommitPipeline pipeline;
  private final DurableInbox inbox;
  private final Recording recording;
  private final CommitPoints points;

  /// Turns after which the log of the actor is to be folded; 0 when the store decides.
  private final int checkpointInterval;

  private int incarnation;

  /// What the ids of all its messages begin with; null until asked for.
  private String idPrefix;

  private long nextTurn;

  /// The turn that runs or ran last.
  private long runningTurn;

  private long nowMillis;

  // The running turn.
  private boolean running;
  private boolean open;
  private int messages;
  private int timersSet;
  private RandomGenerator random;

  /// Rows of the platform in the next commit, and the message each one carries.
  private final RowBuffer before = new RowBuffer();

  private final RowBuffer after = new RowBuffer();

  /// Rows the platform put before the handler's in the recorded segment that is replayed.
  private int recordedBefore;

  /// How the open turn of a message without a row ended so far; null for none.
  private RowlessRetry rowless;

  /// Raised when the running segment must be run again; then every further host call raises it.
  private Rerun rerun;

  /// Raised when the running turn made a commit that can never be taken; then every further host
  /// call raises it.
  private UnacceptableCommit unacceptable;

  /// The call whose turn is to be run again by the next activation; null for none.
  private Envelope kept;

  /// The key whose lock the running segment is to hold, or holds.
  private String lock;

  private boolean locked;
  private int reruns;
  private long rerunsOf = -1;

  /// The running message is marked on disk as one that may end the process.
  private boolean marked;

  /// @param dueAtMillis when it may go on, milliseconds since 1970
  private record RowlessRetry(long turn, Deliveries deliveries, long dueAtMillis) {}

  /// Requests with a key whose commit is on its way, by key.
  private final ConcurrentHashMap<String, Keyed> keyed = new ConcurrentHashMap<>();

  private record Keyed(IdempotencyKey key, CommitPipeline.Pending commit) {}

  /// Rows and their messages, side by side.
  private static final class RowBuffer {
    final List<Row> rows = new ArrayList<>();
    final List<Envelope> messages = new ArrayList<>();

    void add(Row row, Envelope message) {
      rows.add(row);
      messages.add(message);
    }

    void clear() {
      rows.clear();
      messages.clear();
    }
  }

  DurableTurns(ActorCell cell, DurableState state, Store store) {
    this.cell = cell;
    this.state = state;
    this.store = store;
    this.id = cell.id();
    this.timers = new DurableTimers(cell);
    this.monitors = new DurableMonitors(cell);
    this.pipeline = new CommitPipeline(cell, store, timers);
    this.inbox = new DurableInbox(cell, store, timers, pipeline);
    this.recording = new Recording(id);
    this.points = new CommitPoints(cell, this, recording);
    this.checkpointInterval =
        FacetCatalog.checkpointInterval(FacetCatalog.named(cell.facets(), FacetCatalog.DURABILITY));
  }

  /// The calls that commit.
  CommitPoints points() {
    return points;
  }

  CommitPipeline pipeline() {
    return pipeline;
  }

  DurableInbox inbox() {
    return inbox;
  }

  // ---- activation

  /// Loads the state, runs turn 0 if it never ended, and queues what waits on disk.
  ///
  /// @param before the previous activation of the cell, whose commits may still be on their way
  void load(Turn t, DurableTurns before) throws Exception {
    if (before != null) {
      before.pipeline.awaitQuiet(t);
      pipeline.continues(before.pipeline);
      inbox.continues(before.inbox);
      rowless = before.rowless;
      reruns = before.reruns;
      rerunsOf = before.rerunsOf;
      lock = before.lock;
      kept = before.kept;
    }
    LoadedActor loaded = store.load(id);
    incarnation = loaded.incarnation();
    timers.incarnation(incarnation);
    nextTurn = loaded.nextTurn();
    nowMillis = loaded.lastAtMillis();
    state.restore(loaded.changes());
    Envelope first = null;
    if (loaded.open().isPresent()) {
      OpenTurn openTurn = loaded.open().get();
      nextTurn = openTurn.turn();
      first = resume(t, openTurn, kept);
    } else if (kept != null) {
      kept.extras().resume = null;
      inbox.resumeFirst(kept);
    }
    if (nextTurn == 0) {
      Envelope init = first == null ? t.envelope : first;
      t.begin(init);
      begin(t, init);
      cell.actorInit();
      requireReplayed();
      commit(t, null, null, open ? Kind.END : Kind.WHOLE, state.drainChanges(), t.conditional());
      running = false;
    } else if (first != null) {
      inbox.resumeFirst(first);
    }
    nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    inbox.load();
    kept = null;
  }

  /// @param kept the message of the turn with its caller, when the caller still waits; null
  ///   otherwise
  private Envelope resume(Turn t, OpenTurn openTurn, Envelope kept) {
    if (kept != null) {
      kept.extras().resume = openTurn;
      inbox.holdsOpenTurn(kept, requestIds(openTurn.turn()));
      return kept;
    }
    byte[] input =
        openTurn
            .records()
            .getFirst()
            .input()
            .orElseThrow(() -> new IllegalStateException(id + ": an open turn has no input"));
    Envelope e = MessageCodec.decode(input, cell.home.scope, null);
    e.extras().resume = openTurn;
    inbox.holdsOpenTurn(e, requestIds(openTurn.turn()));
    if (openTurn.turn() > 0 && !claims(e)) {
      inbox.giveRow(t, e, rowOfTurn(incarnation, openTurn.turn()), input);
    }
    if (e.inboxSeq() == 0 && rowless != null && rowless.turn == openTurn.turn()) {
      e.extras.deliveries = rowless.deliveries;
      e.extras.pauseMillis =
          Deliveries.leftMillis(rowless.dueAtMillis, cell.system().clock().millis());
    }
    return e;
  }

  /// The id of the row that the open turn of a call from outside may have.
  static String rowOfTurn(int incarnation, long turn) {
    return ROW_OF_TURN + incarnation + "." + turn;
  }

  /// Ends the activation: `activate` may do anything but change what is durable.
  void activated(Turn t) {
    if (t.hasRows() || !state.drainChanges().isEmpty()) {
      throw noTurn("change state or send durable messages");
    }
    releaseMessages(t);
  }

  /// The instance is gone: its timers are the next activation's.
  void detach() {
    timers.detach();
    inbox.detach();
  }

  // ---- one turn

  /// @return false when the message cannot be processed now
  boolean begin(Turn t, Envelope e) {
    if (pipeline.poisoned()) {
      abandoned(e);
      return false;
    }
    open = false;
    unacceptable = null;
    marked = false;
    messages = 0;
    timersSet = 0;
    monitors.begin();
    random = null;
    before.clear();
    after.clear();
    OpenTurn resumed = e.extras == null ? null : e.extras.resume;
    recording.begin(nextTurn, resumed);
    if (resumed == null && e.extras != null && settledAtOnce(t, e)) {
      return false;
    }
    running = true;
    runningTurn = nextTurn;
    if (lock != null) {
      String name = lock;
      locked = cell.system().keyLocks().acquire(t, cell, name);
      lock = locked ? name : null;
    }
    if (resumed != null) {
      open = true;
      // A call from outside, which has no id, had no row when its turn was opened.
      recordedBefore = claims(e) && !e.id().isEmpty() ? 2 : 0;
      nowMillis = resumed.records().getFirst().atMillis();
    } else {
      nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    }
    return e.inboxSeq() == 0 || outlived(t, e);
  }

  /// Marks a message that was there before an unclean stop as lost, for the case that it ends this
  /// process, too, and buries one that seems to have done so again and again.
  ///
  /// @return false when it was buried, or its asker was told
  private boolean outlived(Turn t, Envelope e) {
    UncleanStop.Leftovers old = inbox.leftovers();
    if (old == null || e.inboxSeq() > old.upToSeq) {
      return true;
    }
    if (old.markedSeq != e.inboxSeq()) {
      old.lostBefore = e.extras.deliveries.lost();
      old.markedSeq = e.inboxSeq();
    }
    // The one that ended it first had no mark yet.
    if (old.lostBefore + 1 >= Deliveries.LOST_MAX) {
      running = false;
      String reason =
          "the node ended without being stopped each of the "
              + Deliveries.LOST_MAX
              + " times this message ran";
      failed(
          t,
          e,
          DeadLetters.Reason.ENDED_THE_NODE,
          reason,
          new PlexException(ErrorCode.ACTOR_CRASHED, cell + ": " + reason));
      if (recording.isResumed()) {
        // What the turn committed stands, and is not in memory, since it was not replayed.
        cell.send(new SystemMessage.Reload(true));
      }
      return false;
    }
    mark(t);
    return true;
  }

  private void mark(Turn t) {
    int before = inbox.leftovers().lostBefore;
    if (before > 0) {
      cell.system().uncleanStop().enter(t, cell);
    }
    pipeline.commitRow(t, lost(t.envelope, before + 1));
    marked = true;
  }

  /// The handler waits for somebody: whatever happens to the process now, it is not the handler's
  /// doing.
  private void unmark(Turn t) {
    pipeline.submitAside(
        List.of(lost(t.envelope, inbox.leftovers().lostBefore)),
        "taking back the mark of a message");
    cell.system().uncleanStop().leave(t);
  }

  private Row lost(Envelope e, int count) {
    e.extras.deliveries = e.extras.deliveries.withLost(count);
    return new Row.InboxUpdate(id, e.inboxSeq(), dueAt(e), e.extras.deliveries.packed());
  }

  /// Does what blocks the handler and runs none of its code.
  <T> T waiting(Turn t, Supplier<T> action) {
    if (!marked) {
      return action.get();
    }
    unmark(t);
    T result;
    try {
      result = action.get();
    } catch (PlexException error) {
      mark(t);
      throw error;
    }
    mark(t);
    return result;
  }

  /// Answers a request without running it: its deadline has passed, or it was answered before.
  /// Leaves out what a dropped monitor would have told.
  private boolean settledAtOnce(Turn t, Envelope e) {
    if (monitors.isDropped(e)) {
      return true;
    }
    if (e.extras.asker != null
        && e.extras.asker.deadlineMillis() < cell.system().clock().millis()) {
      PlexException expired = DurableAsks.expired(cell, e.type());
      failed(t, e, DeadLetters.Reason.REFUSED, expired.getMessage(), expired);
      return true;
    }
    // Without a caller somebody re-drove it, to have it run.
    return e.extras.idempotency != null
        && e.replyTo != null
        && answeredBefore(e, e.extras.idempotency);
  }

  /// Gives a request with a key the outcome of the first one of that key. While that one is open
  /// the second one waits in the mailbox.
  private boolean answeredBefore(Envelope e, IdempotencyKey key) {
    Keyed first = keyed.get(key.text());
    if (first != null) {
      if (!key.sameBody(first.key.body())) {
        e.replyTo.fail(Idempotency.otherBody());
        return true;
      }
      if (pipeline.share(first.commit, e)) {
        return true;
      }
    }
    try {
      Optional<byte[]> known = Idempotency.known(cell.system(), id, key);
      known.ifPresent(outcome -> Idempotency.settle(cell, e.replyTo, outcome));
      return known.isPresent();
    } catch (PlexException refusal) {
      e.replyTo.fail(refusal);
      return true;
    }
  }

  /// A message that came while the activation waits to be loaded again. One with a row stays there.
  void abandoned(Envelope e) {
    if (e.replyTo != null) {
      e.replyTo.fail(pipeline.refusal());
    }
  }

  /// The calls that are only possible within a turn that can commit.
  void requireTurn(String what) {
    requireGoingOn();
    if (!running) {
      throw noTurn(what);
    }
  }

  private PlexException noTurn(String what) {
    return new PlexException(
        ErrorCode.FAILED_PRECONDITION,
        id + ": a durable actor may not " + what + " while it is activated or stopped");
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
      seed = seed * 1_000_003 + recording.step();
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
    String messageId = messageIds() + recording.step() + "." + messages++;
    e.extras().id = messageId;
    t.row(
        new Row.InboxInsert(
            new ActorId(cell.home.scope.scope, to.type, to.key),
            messageId,
            0,
            MessageCodec.encode(e)),
        e);
  }

  /// What the ids of the running turn's messages begin with.
  String messageIds() {
    return requestIds(nextTurn);
  }

  /// The key of a call to the outside at this step.
  String linkKey() {
    return LinkCall.key(id, store.incarnation(), incarnation, nextTurn, recording.step());
  }

  /// What the ids of a turn's messages begin with.
  private String requestIds(long turn) {
    if (idPrefix == null) {
      String name = id.toString();
      if (name.length() > ID_LENGTH_MAX) {
        name = IdempotencyKey.of("", name, "", null).text();
      }
      idPrefix = name + "#" + store.incarnation() + "." + incarnation + ".";
    }
    return idPrefix + turn + ".";
  }

  long sendAfter(Turn t, Duration delay, Envelope e) {
    requireTurn("set timers");
    if (timersSet == TIMERS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED, "a turn may set at most " + TIMERS_MAX + " timers");
    }
    // Made of what a replay has as well, so that a number the handler keeps stays valid.
    long number = nextTurn * TIMERS_MAX + timersSet++;
    String messageId = timers.messageId(number);
    e.extras().id = messageId;
    e.extras().durableTimer = number;
    long dueAt = Math.max(1, nowMillis + delay.toMillis());
    t.row(new Row.InboxInsert(id, messageId, dueAt, MessageCodec.encode(e)), e);
    if (!recording.replaying()) {
      timers.set(number, e);
      t.onDiscard(() -> timers.forget(number));
    }
    return number;
  }

  boolean cancelTimer(Turn t, long number) {
    requireTurn("cancel timers");
    if (recording.replaying()) {
      return replayCancel(t, number);
    }
    boolean cancelled = cancelNow(t, number);
    if (!cancelled) {
      recording.noTimer(number, t.rowCount());
    }
    return cancelled;
  }

  private boolean cancelNow(Turn t, long number) {
    DurableTimers.DurableTimer timer = timers.get(number);
    if (timer == null) {
      return false;
    }
    if (t.dropRow(timer.message)) {
      // Set in this very segment.
      timers.forget(number);
      return true;
    }
    if (timers.seq(timer) == 0) {
      // Set by a turn whose commit is on its way: its row number is known once it is durable.
      pipeline.awaitQuiet(t);
    }
    long seq = timers.seq(timer);
    if (seq == 0 || t.envelope.inboxSeq() == seq) {
      return false;
    }
    timers.forget(number);
    t.onDiscard(() -> timers.putBack(number, timer));
    t.row(new Row.InboxDelete(id, seq), null);
    t.buffer((Turn.Effect) worker -> timers.disarm(timer));
    return true;
  }

  /// What a cancellation answered in the recorded segment: true when it wrote a row at this place.
  private boolean replayCancel(Turn t, long number) {
    Envelope fresh = t.rowMessage(m -> m.extras != null && m.extras.durableTimer == number);
    if (fresh != null) {
      return t.dropRow(fresh);
    }
    if (recording.replayedNoTimer(number, t.rowCount())) {
      return false;
    }
    List<RowResult> recorded = recording.recordedRows();
    int place = recordedBefore + t.rowCount();
    boolean cancelled = place < recorded.size() && recorded.get(place) instanceof RowResult.Done;
    if (cancelled) {
      t.row(new Row.InboxDelete(id, 0), null);
    }
    return cancelled;
  }

  long monitor(Turn t, Address target) {
    requireTurn("monitor actors");
    return monitors.set(t, incarnation, nextTurn, target);
  }

  void demonitor(Turn t, long number) {
    requireTurn("demonitor actors");
    monitors.drop(t, incarnation, number);
  }

  /// Ends a turn that returned.
  void end(Turn t, Envelope e, Object reply) {
    requireReplayed();
    running = false;
    if (e.inboxSeq() > 0) {
      after.add(new Row.InboxDelete(id, e.inboxSeq()), null);
      timers.forget(e.extras.durableTimer);
    }
    boolean replies = e.kind == Message.Kind.CALL && reply != Reply.LATER;
    if (replies && e.extras != null) {
      if (e.extras.asker != null) {
        Envelope answer = DurableAsks.reply(e.extras.asker, reply, null);
        after.add(DurableAsks.row(answer), answer);
      }
      remember(e, Idempotency.value(reply));
    }
    if (cell.stopIsTold()) {
      cell.system().durableDowns().stops(cell, after::add);
    }
    boolean conditional = t.conditional();
    List<StateChange> changes = state.drainChanges();
    if (!open && changes.isEmpty() && !t.hasRows() && after.rows.isEmpty()) {
      pipeline.releaseBehind(t.takeEffects(), e, reply);
      return;
    }
    commit(t, e, reply, open ? Kind.END : Kind.WHOLE, changes, conditional);
  }

  /// Adds the record of an outcome to the commit that brings it about.
  private void remember(Envelope e, Map<String, Object> outcome) {
    IdempotencyKey key = e.extras.idempotency;
    if (key != null) {
      after.add(Idempotency.row(cell.system(), id, key, outcome), null);
    }
  }

  private void requireGoingOn() {
    recording.requireMatch();
    if (rerun != null) {
      throw rerun;
    }
    if (unacceptable != null) {
      throw unacceptable;
    }
  }

  private void requireReplayed() {
    requireGoingOn();
    recording.requireReplayed();
  }

  private TurnRecord record(
      Turn t, Envelope e, Object reply, Kind kind, List<StateChange> changes, boolean ends) {
    boolean first = kind == Kind.WHOLE || kind == Kind.OPEN;
    return new TurnRecord(
        kind,
        nextTurn,
        recording.step(),
        nowMillis,
        cell.home.entry.version,
        first && e != null ? Optional.of(MessageCodec.encode(e)) : Optional.empty(),
        recording.take(!ends),
        changes,
        ends && e != null && e.kind == Message.Kind.CALL && reply != Reply.LATER
            ? Optional.of(Json.write(reply))
            : Optional.empty(),
        Optional.empty(),
        t.outgoing());
  }

  /// Commits the end of a turn.
  ///
  /// @param conditional true when it is refused if somebody else wrote a key
  private void commit(
      Turn t, Envelope e, Object reply, Kind kind, List<StateChange> changes, boolean conditional) {
    TurnRecord record = record(t, e, reply, kind, changes, true);
    CommitPipeline.Pending p = pending(t, e, reply).ofHandler();
    cell.home.entry.commits.increment();
    announce(e, p);
    // Turn numbers go on after a passivation and a restart, so nothing has to be counted.
    boolean checkpoint = checkpointInterval > 0 && (nextTurn + 1) % checkpointInterval == 0;
    Commit commit = new Commit(id, Optional.of(record), p.rows(), checkpoint);
    boolean wasOpen = open;
    nextTurn++;
    open = false;
    try {
      if (conditional) {
        // The next turn must not build on what may have to be run again.
        waitFor(t, commit, p);
      } else {
        pipeline.submit(commit, p);
      }
    } catch (UnacceptableCommit never) {
      nextTurn--;
      open = wasOpen;
      unacceptable = never;
      throw never;
    }
    inbox.turnOver();
  }

  private List<RowResult> waitFor(Turn t, Commit commit, CommitPipeline.Pending p) {
    try {
      return pipeline.submitAndWait(t, commit, p);
    } catch (StaleVersion stale) {
      rerun = new Rerun(stale);
      throw rerun;
    } finally {
      releaseKey();
    }
  }

  /// Takes all that the next commit writes and releases.
  private CommitPipeline.Pending pending(Turn t, Envelope e, Object reply) {
    List<Row> rows = new ArrayList<>(before.rows);
    List<Envelope> carried = new ArrayList<>(before.messages);
    Collections.addAll(carried, t.takeRowMessages());
    rows.addAll(t.takeRows());
    carried.addAll(after.messages);
    rows.addAll(after.rows);
    before.clear();
    after.clear();
    return pipeline.new Pending(t.takeEffects(), carried.toArray(NO_MESSAGES), rows, e, reply);
  }

  /// Lets requests of the same key share the outcome while it is on its way to the disk.
  private void announce(Envelope e, CommitPipeline.Pending p) {
    IdempotencyKey key = e == null || e.extras == null ? null : e.extras.idempotency;
    if (key != null) {
      Keyed entry = new Keyed(key, p);
      keyed.put(key.text(), entry);
      p.whenOver(() -> keyed.remove(key.text(), entry));
    }
  }

  /// What an instance says on its way in or out leaves like the effects of a turn that wrote
  /// nothing.
  void releaseMessages(Turn t) {
    if (t.hasEffects()) {
      pipeline.releaseBehind(t.takeEffects(), null, null);
    }
  }

  /// A declared error: the segment is rolled back, the caller gets it, a durable message is buried.
  void refused(Turn t, Envelope e, ActorException declared) {
    requireReplayed();
    running = false;
    state.rollback();
    failed(
        t, e, DeadLetters.Reason.REFUSED, declared.code() + ": " + declared.getMessage(), declared);
  }

  /// Commits that a turn ended without a result: buries its row, or answers the actor that asked,
  /// and closes the turn if it is open.
  ///
  /// @param end what the message counts as when it is buried
  private void failed(
      Turn t, Envelope e, DeadLetters.Reason end, String reason, PlexException reply) {
    after.clear();
    if (e.inboxSeq() > 0) {
      if (e.extras.asker == null) {
        after.add(new Row.InboxBury(id, e.inboxSeq(), reason, open), null);
        // Nothing else is left to happen: the segment was dropped.
        t.buffer((Turn.Effect) worker -> cell.system().deadLetters().buried(cell, e, end, reason));
      } else {
        Envelope answer = DurableAsks.reply(e.extras.asker, null, reply);
        after.add(new Row.InboxDelete(id, e.inboxSeq()), null);
        after.add(DurableAsks.row(answer), answer);
      }
      timers.forget(e.extras.durableTimer);
    }
    if (!open) {
      before.clear();
      if (after.rows.isEmpty()) {
        pipeline.releaseBehind(Turn.NONE, e, reply);
        return;
      }
    }
    Optional<TurnRecord> record = Optional.empty();
    if (open) {
      if (e.kind == Message.Kind.CALL && e.extras != null) {
        remember(e, Idempotency.error(reply));
      }
      record =
          Optional.of(
              new TurnRecord(
                  Kind.FAILED,
                  nextTurn,
                  recording.step(),
                  nowMillis,
                  cell.home.entry.version,
                  Optional.empty(),
                  recording.take(false),
                  List.of(),
                  Optional.empty(),
                  Optional.of(reason)));
      nextTurn++;
      open = false;
    }
    CommitPipeline.Pending p = pending(t, e, reply);
    if (record.isPresent()) {
      announce(e, p);
    }
    pipeline.submit(new Commit(id, record, p.rows()), p);
    if (record.isPresent()) {
      inbox.turnOver();
    }
  }

  /// The handler threw. A durable message is delivered again after a pause, resuming its turn if
  /// that is open, and buried once its [Deliveries] are used up. A call is over: its caller is
  /// told, so an open turn of it fails for good; one that was resumed, whose caller is gone, is
  /// tried again as often.
  void crashed(Turn t, Envelope e, Throwable thrown, PlexException reply) {
    running = false;
    String reason = "crashed: " + thrown;
    boolean hasRow = e.inboxSeq() > 0;
    if (hasRow ? e.extras.asker != null : open && !recording.isResumed()) {
      failed(t, e, DeadLetters.Reason.CRASHED, reason, reply);
      return;
    }
    if (!hasRow && !open) {
      pipeline.releaseBehind(Turn.NONE, e, reply);
      return;
    }
    Deliveries deliveries = e.extras.deliveries.after(thrown);
    if (deliveries.usedUp()) {
      failed(t, e, DeadLetters.Reason.CRASHED, deliveries.text() + ", " + reason, reply);
      return;
    }
    long dueAt = cell.system().clock().millis() + deliveries.backoffMillis(cell.system().entropy());
    if (hasRow) {
      List<Row> rows = List.of(new Row.InboxUpdate(id, e.inboxSeq(), dueAt, deliveries.packed()));
      pipeline.submit(
          new Commit(id, Optional.empty(), rows),
          pipeline.new Pending(Turn.NONE, NO_MESSAGES, rows, e, reply));
      if (marked) {
        inbox.leftovers().lostBefore = 0;
      }
    } else {
      rowless = new RowlessRetry(nextTurn, deliveries, dueAt);
      pipeline.releaseBehind(Turn.NONE, e, reply);
    }
  }

  /// A timer that is run again stays one.
  private static long dueAt(Envelope e) {
    return e.extras.durableTimer < 0 ? 0 : 1;
  }

  // ---- keys

  /// Reads a key; in the recorded part of an open turn, what was read then.
  SegmentKeys.Read read(Scope scope, String key) {
    requireGoingOn();
    if (running && recording.replaying()) {
      return recording.replayedRead(key);
    }
    SegmentKeys.Read read = ActorKeys.read(cell.system(), scope, key);
    if (running) {
      recording.read(key, read);
    }
    return read;
  }

  /// Why the running turn must be run again; null when it need not.
  Rerun rerun() {
    return rerun;
  }

  /// Prepares the next activation for running the turn again.
  ///
  /// @return false when that was done too often
  boolean keepForRerun(Envelope e) {
    if (rerunsOf != runningTurn) {
      rerunsOf = runningTurn;
      reruns = 0;
    }
    if (++reruns > RERUNS_MAX) {
      reruns = 0;
      return false;
    }
    lock = rerun.stale().name();
    // A message with a row is read from the inbox again.
    kept = e.inboxSeq() == 0 ? e : null;
    return true;
  }

  /// The turn is over, whichever way: lets those go on that wait for it.
  void over(Turn t) {
    releaseKey();
    if (inbox.leftovers() != null) {
      // What it submitted last is written before the mark of the next one.
      cell.system().uncleanStop().leave(t);
    }
  }

  /// Lets the next turn that wants the key go on.
  private void releaseKey() {
    if (locked) {
      locked = false;
      cell.system().keyLocks().release(lock);
      lock = null;
    }
  }

  /// Why the running turn can never be committed; null when it can.
  UnacceptableCommit unacceptable() {
    return unacceptable;
  }

  /// Ends a turn that can never be committed like one with a declared error; what it had committed
  /// before stands. The actor is to be loaded anew.
  void neverCommitted(Turn t, Envelope e) {
    running = false;
    failed(t, e, DeadLetters.Reason.REFUSED, unacceptable.getMessage(), unacceptable);
  }

  /// The mismatch that was met in the running turn; null for none.
  JournalMismatch mismatch() {
    return recording.mismatch();
  }

  // ---- for the commit points

  void rowBefore(Row row) {
    before.add(row, null);
  }

  /// @param message what an inbox row carries; null for other rows
  void rowAfter(Row row, Envelope message) {
    after.add(row, message);
  }

  /// The segment was committed before the crash: its changes and messages are on disk.
  void segmentReplayed(Turn t) {
    state.drainChanges();
    t.replayed();
  }

  void newSegment(Turn t) {
    nowMillis = Math.max(nowMillis, cell.system().clock().millis());
    t.now = null;
    random = null;
  }

  /// Enters the segment behind a replayed commit point: at its recorded time when it is on disk.
  ///
  /// @param platformRows rows of the platform at the beginning of its commit
  void enterReplayed(Turn t, int platformRows) {
    recordedBefore = platformRows;
    Optional<Long> at = recording.recordedAtMillis();
    if (at.isPresent()) {
      nowMillis = Math.max(nowMillis, at.get());
      t.now = null;
      random = null;
    } else {
      newSegment(t);
    }
  }

  /// Commits the segment and waits for the disk.
  ///
  /// @throws PlexException why the store refused it
  List<RowResult> commitAndWait(Turn t) {
    Kind kind = open ? Kind.SEGMENT : Kind.OPEN;
    if (!open && claims(t.envelope)) {
      claimRow(t.envelope);
    }
    TurnRecord record = record(t, t.envelope, null, kind, state.drainChanges(), false);
    CommitPipeline.Pending p = pending(t, null, null).ofHandler();
    cell.home.entry.commits.increment();
    boolean wasOpen = open;
    open = true;
    try {
      return waitFor(t, new Commit(id, Optional.of(record), p.rows()), p);
    } catch (UnacceptableCommit never) {
      open = wasOpen;
      unacceptable = never;
      throw never;
    }
  }

  private static boolean claims(Envelope e) {
    return e.inboxSeq() > 0;
  }

  /// Makes the commit that opens a turn depend on the row of its message, which stays where it is:
  /// only a waiting row can be buried, and the second step puts it back. Without this a late copy
  /// of a row that was handled could begin a turn, and its steps would be on disk before the end
  /// finds no row to delete. Source: spec/turns rule 16.
  private void claimRow(Envelope e) {
    before.add(new Row.InboxBury(id, e.inboxSeq(), "its turn is open"), null);
    before.add(new Row.InboxUpdate(id, e.inboxSeq(), dueAt(e), e.extras.deliveries.packed()), null);
  }

  /// True when nothing is on its way to the disk and nothing waits to run. What the store refused
  /// waits to be run again, once the actor is loaded anew.
  boolean quiet() {
    return pipeline.quiet() && timers.isEmpty() && inbox.isEmpty();
  }
}
