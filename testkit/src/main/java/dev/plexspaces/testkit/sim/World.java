package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.Inspection;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.Quarantine;
import dev.plexspaces.kernel.SeededDispatcher;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.kernel.time.DeadlineWheel;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;

/// A simulated world: one node that runs the production kernel, its disk, its clients and the
/// network between them. Everything that happens follows from the seed, so a failure is repeated by
/// its seed. Source: DESIGN section 10, spec/turns section 10.
///
/// A run has four phases. *Faults*: the workload runs while things fail. *Heal*: faults stop, and
/// everything must come to rest. *Recovery*: the node is killed at rest and started again, and must
/// be what it was. *Over.*
///
/// Used by one thread; during [#run] by whatever the world itself runs.
public final class World implements SeededDispatcher.Script {

  /* One step of the world is one of: an actor runs or a turn goes on; an event that is due (disk,
  network, a client, a start) happens; the deadline wheel is advanced. Turns cost a little simulated
  time, so that clocks move within a busy spell; when nothing can happen now, the clock goes to the
  next event or deadline. */

  /// Steps of one run; more is a world that never comes to rest.
  static final int STEPS_MAX = 3_000_000;

  /// Simulated time that the world may take to come to rest once nothing fails any more.
  public static final Duration HEAL_MAX = Duration.ofHours(6);

  /// Simulated time of the fault phase, when the workload does not end earlier.
  public static final Duration FAULTS_MAX = Duration.ofMinutes(2);

  /// How long a handler may block in something that is not simulated, in real time.
  public static final Duration BLOCKING_MAX = Duration.ofSeconds(2);

  /// How long one step may compute, in real time; generous, because machines are busy.
  public static final Duration COMPUTING_MAX = Duration.ofSeconds(60);

  /// What one step of a turn costs, nanoseconds of simulated time.
  private static final long STEP_NANOS_MIN = 1_000;

  private static final long STEP_NANOS_MAX = 20_000;

  /// Seeds the randomness of durable turns; the same for every node.
  private static final long SECRET = 42;

  private enum Phase {
    FAULTS,
    HEAL,
    INSPECT,
    RECOVERY,
    INSPECT_AGAIN,
    OVER
  }

  private final long seed;
  private final Workload workload;
  private final List<Checker> checkers;
  private final UnaryOperator<Store> between;
  private final SimEntropy entropy;
  private final SimEntropy picks;
  private final SimEntropy crashes;
  private final SimEntropy diskEntropy;
  private final SimEntropy networkEntropy;
  private final SimEntropy handlerEntropy;
  private final SimClock clock = new SimClock();
  private final Trace trace = new Trace(clock);
  private final SeededDispatcher dispatcher = new SeededDispatcher(this);
  private final SimDisk disk;
  private final PriorityQueue<Event> agenda = new PriorityQueue<>();
  private final List<Call> calls = new ArrayList<>();
  private final TreeMap<String, Long> counts = new TreeMap<>();

  private Faults faults;
  private Phase phase = Phase.FAULTS;
  private long steps;
  private long events;
  private long phaseEndsNanos;
  private int starts;
  private String crashWanted;
  private Instant lastStart = SimClock.START;

  // The node; null while it is down.
  private ActorSystem system;
  private DeadlineWheel wheel;
  private boolean up;
  private long refusals;
  private boolean wallClockWentBack;

  /// Kept, because a handler or the kernel may catch what is thrown at them.
  private Violation violation;

  private record Event(long atNanos, long order, String what, Runnable action)
      implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(atNanos, other.atNanos);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  /// How a client learns what became of its request. Exactly one of the last four is called.
  public interface Outcome {
    /// The node lets the reply go: from now on it counts as promised, whether it arrives or not.
    /// Called once more for a copy of the request that the network made.
    default void promised(Object reply) {}

    /// @param reply of an ask what the actor said, of a tell the id of the message
    void replied(Object reply);

    /// The node answered with an error.
    void failed(PlexException error);

    /// No answer: the connection broke. It may have been done or not.
    void lost();

    /// The node was down and never saw the request.
    void unreachable();
  }

  /// A world with the faults its seed draws.
  public World(long seed, Workload workload, List<Checker> checkers) {
    this(seed, Faults.drawn(new SimEntropy(seed).stream("faults")), workload, checkers);
  }

  public World(long seed, Faults faults, Workload workload, List<Checker> checkers) {
    this(seed, faults, workload, checkers, UnaryOperator.identity());
  }

  /// @param between wraps the store of each node: the seam for bugs planted in tests of the
  ///   simulator
  World(
      long seed,
      Faults faults,
      Workload workload,
      List<Checker> checkers,
      UnaryOperator<Store> between) {
    this.seed = seed;
    this.faults = faults;
    this.workload = workload;
    this.checkers = List.copyOf(checkers);
    this.between = between;
    this.entropy = new SimEntropy(seed);
    this.picks = entropy.stream("picks");
    this.crashes = entropy.stream("crashes");
    this.diskEntropy = entropy.stream("disk");
    this.networkEntropy = entropy.stream("network");
    this.handlerEntropy = entropy.stream("handlers");
    this.disk = new SimDisk(clock, this::laterOnDisk, new DiskCircumstances());
  }

  // ---- for tests and workloads

  /// The command that repeats this world.
  public String command() {
    return "./plexspaces simulate --seeds 1 --seed " + seed;
  }

  public long seed() {
    return seed;
  }

  public Trace trace() {
    return trace;
  }

  public SimClock clock() {
    return clock;
  }

  public SimDisk disk() {
    return disk;
  }

  /// The faults in force; none once the world heals.
  public Faults faults() {
    return faults;
  }

  /// How often the node started; handlers of an earlier start are dead.
  public int starts() {
    return starts;
  }

  /// How many batches of commits the disk refused.
  public long refusals() {
    return refusals;
  }

  /// True once the wall clock was set back.
  public boolean wallClockWentBack() {
    return wallClockWentBack;
  }

  /// Counts something that happened, by a word or two in the plural such as `late replies`.
  public void count(String what) {
    counts.merge(what, 1L, Long::sum);
  }

  /// What happened how often.
  public SortedMap<String, Long> counts() {
    return Collections.unmodifiableSortedMap(counts);
  }

  /// What an operator of the node can look at and repair; empty while it is down. Valid until the
  /// node crashes.
  public Optional<Inspection> inspection() {
    return up ? Optional.of(new Inspection(system, true)) : Optional.empty();
  }

  /// Randomness for workloads, by name.
  public SimEntropy entropy(String stream) {
    return entropy.stream(stream);
  }

  /// Runs the world to its end.
  ///
  /// @throws Violation when a checker found something or the world did not come to rest
  /// @throws IllegalStateException when a handler blocks in something that is not simulated
  public void run() {
    phaseEndsNanos = clock.nanoTime() + FAULTS_MAX.toNanos();
    trace.add(0, "seed", seed + " " + faults);
    start();
    workload.begin(this);
    dispatcher.run(BLOCKING_MAX, COMPUTING_MAX);
  }

  /// Reports a broken promise; never returns.
  public void violated(String checker, String what) {
    if (violation == null) {
      trace.add(starts, "violated", checker + ": " + what);
      violation =
          new Violation(
              checker, "seed " + seed + ", " + checker + ": " + what + "\nrepeat: " + command());
    }
    throw violation;
  }

  /// Calls `action` after a time, as a step of the world.
  public void after(Duration delay, String what, Runnable action) {
    after(delay.toNanos(), what, action);
  }

  /// A handler's offer to throw here.
  ///
  /// @throws IllegalStateException now and then, while faults are on
  public void maybeCrash(String where) {
    if (handlerEntropy.chance(faults.handlerCrash())) {
      trace.add(starts, "throw", where);
      count("handler crashes");
      throw new IllegalStateException("simulated crash of a handler at " + where);
    }
  }

  /// Adds a line to the trace.
  public void note(String event, String detail) {
    trace.add(starts, event, detail);
  }

  /// Sends a request over the network and waits for its answer. The network may deliver one with an
  /// idempotency key twice; what is said to the copy never arrives.
  ///
  /// @param ask true for an ask, false for a tell
  public void client(
      boolean ask,
      RequestContext context,
      Invoker.Target target,
      Invoker.Request request,
      Outcome outcome) {
    Call call = new Call(context.requestId(), outcome);
    after(networkNanos(), "request", () -> arrive(ask, context, target, request, call));
    if (request.idempotencyKey().isPresent() && networkEntropy.chance(faults.duplicated())) {
      count("duplicates");
      Call copy = new Call(context.requestId() + "'", new Unheard(outcome));
      after(networkNanos(), "request", () -> arrive(ask, context, target, request, copy));
    }
  }

  /// What is said to a copy of a request.
  private record Unheard(Outcome original) implements Outcome {
    @Override
    public void promised(Object reply) {
      original.promised(reply);
    }

    @Override
    public void replied(Object reply) {}

    @Override
    public void failed(PlexException error) {}

    @Override
    public void lost() {}

    @Override
    public void unreachable() {}
  }

  /// A context of this tenant and namespace for one request.
  public static RequestContext context(String tenant, String namespace, String requestId) {
    return new RequestContext(
        tenant, namespace, "client", Set.of(), requestId, Optional.empty(), Optional.empty());
  }

  // ---- the network

  /// A request on its way.
  private final class Call implements Invoker.ReplyListener, Invoker.TellListener {
    private final String id;
    private final Outcome outcome;
    private final int start = starts;
    private int sentTo;
    private boolean over;

    Call(String id, Outcome outcome) {
      this.id = id;
      this.outcome = outcome;
    }

    @Override
    public void replied(ActorId by, Object value) {
      if (!answers()) {
        return;
      }
      trace.add(starts, "reply", id);
      outcome.promised(value);
      back(() -> outcome.replied(value));
    }

    @Override
    public void accepted(ActorId target, String messageId, boolean durable) {
      if (!answers()) {
        return;
      }
      trace.add(starts, "accept", id + (durable ? "" : " volatile"));
      outcome.promised(messageId);
      back(() -> outcome.replied(messageId));
    }

    @Override
    public void failed(PlexException error) {
      if (!answers()) {
        return;
      }
      trace.add(starts, "error", id + " " + error.code());
      back(() -> outcome.failed(error));
    }

    /// False for what a dead node still says.
    private boolean answers() {
      if (over || sentTo != starts || system == null) {
        return false;
      }
      over = true;
      calls.remove(this);
      return true;
    }

    private void back(Runnable arrives) {
      if (networkEntropy.chance(faults.replyLost())) {
        count("lost answers");
        lose();
      } else {
        after(networkNanos(), "answer", arrives);
      }
    }

    void lose() {
      after(networkNanos(), "lost", outcome::lost);
    }
  }

  private void arrive(
      boolean ask,
      RequestContext context,
      Invoker.Target target,
      Invoker.Request request,
      Call call) {
    if (!up) {
      after(networkNanos(), "refused", call.outcome::unreachable);
      return;
    }
    trace.add(
        starts,
        ask ? "ask" : "tell",
        call.id + " " + target.type() + "/" + target.key().orElse("*") + " " + request.operation());
    call.sentTo = starts;
    calls.add(call);
    if (ask) {
      system.ask(context, target, request, call);
    } else {
      system.tell(context, target, request, call);
    }
  }

  private long networkNanos() {
    if (networkEntropy.chance(faults.delayed())) {
      count("delays");
      return networkEntropy.between(1_000, Faults.DELAY_MAX.toNanos());
    }
    return networkEntropy.between(1_000, faults.network().toNanos());
  }

  // ---- the node

  private void start() {
    starts++;
    Instant before = clock.instant();
    if (crashes.chance(faults.clockJumps())) {
      count("clock jumps");
      // Backwards, forwards, or to where the last start was, as a machine without a clock does.
      switch ((int) crashes.between(0, 2)) {
        case 0 -> clock.jump(Duration.ofMillis(-crashes.between(1, 10_000)));
        case 1 -> clock.jump(Duration.ofMillis(crashes.between(1, 10_000)));
        default -> clock.wallTo(lastStart);
      }
    }
    wallClockWentBack |= clock.instant().isBefore(before);
    lastStart = clock.instant();
    trace.add(starts, "start", clock.instant().toString());
    wheel = new DeadlineWheel(clock::nanoTime, 1);
    Store store = between.apply(disk.open());
    system = dispatcher.boot(clock, entropy.stream("node" + starts), store, wheel, SECRET);
    if (starts > 1) {
      system.afterUncleanStop();
    }
    int started = starts;
    CompletableFuture<Void> installed = system.install(workload.application(this));
    installed.whenComplete(
        (nothing, error) -> {
          if (started != starts || system == null) {
            return;
          }
          if (error != null) {
            violated("start", "the application did not start: " + error);
          }
          trace.add(starts, "up", "");
          up = true;
        });
  }

  private void crash(String where) {
    count("crashes");
    boolean power = crashes.chance(faults.powerLoss());
    boolean written = disk.written();
    if (power) {
      count("power losses");
    }
    // The machine's memory keeps what was written, unless the power goes as well.
    String disks = disk.crash(n -> power || !written ? (int) crashes.between(0, n) : n);
    trace.add(starts, "crash", where + (power ? ", power lost: " : ": ") + disks);
    ActorSystem dead = system;
    system = null;
    up = false;
    dispatcher.abandon(dead);
    for (Call call : calls) {
      call.over = true;
      call.lose();
    }
    calls.clear();
    checkers.forEach(checker -> checker.crashed(this));
    after(
        crashes.between(100_000, Math.max(100_000, faults.down().toNanos())), "start", this::start);
  }

  // ---- the disk

  private void laterOnDisk(long nanos, String what, Runnable action) {
    after(nanos, what, action);
  }

  private final class DiskCircumstances implements SimDisk.Circumstances {
    @Override
    public long writeNanos() {
      return diskEntropy.between(500, Math.max(500, faults.diskWrite().toNanos()));
    }

    @Override
    public long syncNanos() {
      return diskEntropy.between(500, Math.max(500, faults.diskSync().toNanos()));
    }

    @Override
    public long tellNanos() {
      if (faults.toldLate().isZero()) {
        return 0;
      }
      count("late hints");
      return diskEntropy.between(0, faults.toldLate().toNanos());
    }

    @Override
    public boolean refusesBatch() {
      boolean refuses = diskEntropy.chance(faults.diskRefuses());
      if (refuses) {
        refusals++;
        count("refused batches");
        trace.add(starts, "full", "");
      }
      return refuses;
    }

    @Override
    public boolean refusesRead() {
      boolean refuses = diskEntropy.chance(faults.readRefuses());
      if (refuses) {
        count("refused reads");
        trace.add(starts, "unreadable", "");
      }
      return refuses;
    }

    @Override
    public void boundary(String what) {
      if (system != null && crashWanted == null && crashes.chance(faults.crashAtDisk())) {
        crashWanted = "when " + what;
      }
    }

    @Override
    public void synced(Commit commit, List<RowResult> results) {
      trace.add(starts, "commit", describe(commit));
      for (Checker checker : checkers) {
        checker.synced(World.this, commit, results);
      }
    }

    @Override
    public SimDisk.Blocker blocker() {
      SeededDispatcher.Pause pause = dispatcher.new Pause();
      return new SimDisk.Blocker() {
        @Override
        public void await() {
          pause.await();
        }

        @Override
        public void release() {
          pause.release();
        }
      };
    }
  }

  /// One commit in a few words, with a digest of its contents. Of contents, not bytes: the order of
  /// the entries of a handler's `Map.of` differs from JVM to JVM.
  private static String describe(Commit commit) {
    StringBuilder text = new StringBuilder();
    text.append(commit.actor().type()).append('/').append(commit.actor().key());
    long hash = 17;
    if (commit.record().isPresent()) {
      TurnRecord record = commit.record().get();
      text.append(' ').append(record.kind()).append(" t").append(record.turn());
      text.append('.').append(record.step());
      hash = hash * 31 + record.atMillis();
      hash = hash * 31 + record.input().map(World::digest).orElse(0L);
      for (TurnRecord.StepResult result : record.results()) {
        hash = hash * 31 + result.call().hashCode() + result.callHash();
        hash = hash * 31 + result.result().map(World::digest).orElse(0L);
      }
      for (StateChange change : record.changes()) {
        hash = hash * 31 + (change.op() + change.field() + "/" + change.chunk()).hashCode();
        hash = hash * 31 + (change.data().length == 0 ? 0 : digest(change.data()));
      }
      hash = hash * 31 + record.reply().map(World::digest).orElse(0L);
    }
    for (Row row : commit.rows()) {
      switch (row) {
        case Row.InboxInsert insert -> {
          text.append(" +").append(insert.to().type()).append('/').append(insert.to().key());
          hash = hash * 31 + insert.messageId().hashCode();
          hash = hash * 31 + digest(insert.body());
          hash = hash * 31 + insert.dueAtMillis();
        }
        case Row.InboxDelete delete -> text.append(" -").append(delete.inboxSeq());
        case Row.InboxUpdate update ->
            text.append(" ~").append(update.inboxSeq()).append('x').append(update.attempts());
        case Row.InboxBury bury -> text.append(" !").append(bury.inboxSeq());
        case Row.InboxDiscard discard -> text.append(" x").append(discard.inboxSeq());
        case Row.MonitorInsert monitor ->
            text.append(" watch ").append(monitor.target().key()).append(monitor.monitorId());
        case Row.MonitorFire fire -> {
          text.append(" down ").append(fire.watcher().key()).append(fire.monitorId());
          hash = hash * 31 + digest(fire.body());
        }
        case Row.MonitorDelete monitor -> text.append(" unwatch ").append(monitor.monitorId());
        case Row.KvPut put -> text.append(" put ").append(put.key());
        case Row.KvDelete delete -> text.append(" del ").append(delete.key());
        case Row.KvIncrement increment -> text.append(" inc ").append(increment.key());
        case Row.KvCompareAndSet cas -> text.append(" cas ").append(cas.key());
        case Row.Idempotency idempotency -> text.append(" idem");
      }
    }
    return text.append(" #").append(Long.toHexString(hash)).toString();
  }

  private static long digest(byte[] json) {
    return Json.hash(Json.parse(json));
  }

  // ---- the script

  private void after(long nanos, String what, Runnable action) {
    agenda.add(new Event(clock.nanoTime() + nanos, events++, what, action));
  }

  @Override
  public int next(int ready) {
    if (violation != null) {
      throw violation;
    }
    if (++steps > STEPS_MAX) {
      violated("liveness", "more than " + STEPS_MAX + " steps; " + waiting());
    }
    if (system != null && crashWanted == null && crashes.chance(faults.crashAtStep())) {
      crashWanted = "between steps";
    }
    if (crashWanted != null) {
      String where = crashWanted;
      crashWanted = null;
      if (system != null) {
        crash(where);
        return AGAIN;
      }
    }
    boolean eventDue = !agenda.isEmpty() && agenda.peek().atNanos <= clock.nanoTime();
    boolean deadlineDue = deadline() <= clock.nanoTime();
    if (eventDue && (ready == 0 || picks.chance(0.5))) {
      agenda.poll().action.run();
      return AGAIN;
    }
    if (deadlineDue && (ready == 0 || picks.chance(0.5))) {
      wheel.advance(clock.nanoTime());
      return AGAIN;
    }
    if (ready > 0) {
      int choice = ready == 1 ? 0 : (int) picks.between(0, ready - 1);
      trace.add(starts, "step", dispatcher.describe(choice));
      clock.advance(picks.between(STEP_NANOS_MIN, STEP_NANOS_MAX));
      return choice;
    }
    if (eventDue || deadlineDue) {
      return AGAIN;
    }
    if (phaseOver()) {
      return nextPhase();
    }
    long to = Math.min(deadline(), agenda.isEmpty() ? Long.MAX_VALUE : agenda.peek().atNanos);
    if (to == Long.MAX_VALUE) {
      violated("liveness", "nothing will ever happen any more; " + waiting());
    }
    clock.advanceTo(to);
    return AGAIN;
  }

  private long deadline() {
    return wheel == null || system == null
        ? Long.MAX_VALUE
        : wheel.nextDueNanos().orElse(Long.MAX_VALUE);
  }

  private boolean phaseOver() {
    boolean late = clock.nanoTime() >= phaseEndsNanos;
    if (phase == Phase.FAULTS) {
      return late || workload.done();
    }
    boolean atRest =
        up
            && workload.done()
            && disk.idle()
            && dispatcher.blockedTurns().isEmpty()
            && disk.image().actorsWithWork().isEmpty();
    if (late && !atRest) {
      violated(
          "liveness", "not at rest " + HEAL_MAX.toHours() + " h after the faults; " + waiting());
    }
    return atRest;
  }

  private String waiting() {
    return "blocked turns: "
        + dispatcher.blockedTurns()
        + ", actors with work on disk: "
        + disk.image().actorsWithWork().stream()
            .map(
                id -> id + " " + disk.image().inbox(id, 0, 10).stream().map(InboxRow::seq).toList())
            .toList()
        + (up ? "" : ", node down")
        + (workload.done() ? "" : ", clients wait")
        + (system == null
            ? ""
            : ", quarantined: "
                + system.quarantine().list().stream().map(Quarantine.Entry::id).toList());
  }

  private int nextPhase() {
    phase = Phase.values()[phase.ordinal() + 1];
    phaseEndsNanos = clock.nanoTime() + HEAL_MAX.toNanos();
    trace.add(starts, "phase", phase.toString());
    switch (phase) {
      case FAULTS, HEAL -> faults = Faults.none();
      case INSPECT -> workload.inspect(this, false);
      case RECOVERY -> {
        checkers.forEach(checker -> checker.atRest(this));
        crash("at rest");
      }
      case INSPECT_AGAIN -> workload.inspect(this, true);
      case OVER -> {
        checkers.forEach(checker -> checker.afterRecovery(this));
        dispatcher.abandon(system);
        system = null;
        return OVER;
      }
    }
    return AGAIN;
  }
}
