package dev.plexspaces.store;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnCursor;
import dev.plexspaces.kernel.journal.TurnRecordCodec;
import dev.plexspaces.kernel.journal.UnacceptableCommit;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.store.KnownActor.TailRow;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jctools.queues.MpscArrayQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one thread that writes: takes what queued while the previous fsync ran, commits it in one
/// transaction, tells the listeners, and folds the log between two batches.
final class Writer implements Runnable {

  /*
   * Validation happens in memory: each loaded actor carries its turn cursor, rows that others read
   * go through DirectRows. What a batch changed of the cursors is remembered in `touched`, because a
   * transaction that fails as a whole (no room on the disk) must leave memory as it was.
   *
   * Order: submitters enter the queue; one consumer takes from it in that order; listeners are
   * called in that order after COMMIT has returned. The queue is bounded by commits and bytes.
   */

  /// Most commits in one transaction.
  static final int BATCH_COMMITS_MAX = 1_024;

  /// Most payload in one transaction, bytes; one larger commit goes alone.
  static final int BATCH_BYTES_MAX = 4 << 20;

  /// Largest commit, bytes.
  static final int COMMIT_BYTES_MAX = 16 << 20;

  /// Commits folded in one transaction when nobody waits for the writer.
  private static final int RECOVERY_SLICE_ROWS = 16_384;

  /// Scopes whose number is remembered; all are forgotten at the bound.
  private static final int SCOPES_CACHED_MAX = 10_000;

  /// Direct rows between two sweeps of what expired.
  private static final int SWEEP_ROWS = 8_192;

  /// Direct rows between two sweeps while more has expired than the last one removed: fewer than it
  /// removes, so that what has expired becomes less whatever the load.
  private static final int SWEEP_ROWS_BEHIND = 500;

  /// Shortest time between two sweeps because of requests that expire one by one, milliseconds.
  static final long SWEEP_INTERVAL_MILLIS = 10_000;

  /// Commits between two folds of those actors whose commits ask for it, while others wait for the
  /// writer.
  static final int CHECKPOINT_ROWS = 4_096;

  /// Idle actors looked at in one search for some to forget.
  private static final int EVICTION_SCAN = 4_096;

  private static final Logger LOG = LoggerFactory.getLogger(SqliteStore.class);

  /// Something for the writer to do, in the order of the queue.
  sealed interface Task permits Submission, Order {}

  /// A commit on its way.
  static final class Submission implements Task {
    final KnownActor actor;
    final Commit commit;
    final Commit.Listener listener;

    /// Bytes of the record; null without one.
    final byte[] encoded;

    final int size;

    private long seq;
    private List<RowResult> results = List.of();
    private TailRow tailRow;
    private PlexException refusal;

    Submission(KnownActor actor, Commit commit, Commit.Listener listener, byte[] encoded) {
      this.actor = actor;
      this.commit = commit;
      this.listener = listener;
      this.encoded = encoded;
      int bytes = 64 + (encoded == null ? 0 : encoded.length);
      for (Row row : commit.rows()) {
        bytes += size(row);
      }
      this.size = bytes;
    }

    private static int size(Row row) {
      return 64
          + switch (row) {
            case Row.InboxInsert insert -> insert.body().length + insert.messageId().length();
            case Row.InboxBury bury -> bury.reason().length();
            case Row.KvPut put -> put.key().length() + put.value().length;
            case Row.KvCompareAndSet cas ->
                cas.key().length() + cas.value().map(value -> value.length).orElse(0);
            case Row.Idempotency request ->
                request.keyHash().length
                    + request.bodyHash().length
                    + request.reply().map(reply -> reply.length).orElse(0);
            case Row.KvDelete delete -> delete.key().length();
            case Row.KvIncrement increment -> increment.key().length();
            case Row.InboxDelete delete -> 0;
            case Row.InboxDiscard discard -> 0;
            case Row.InboxUpdate update -> 0;
            case Row.MonitorInsert monitor ->
                monitor.monitorId().length() + monitor.target().key().length();
            case Row.MonitorFire fire -> fire.monitorId().length() + fire.body().length;
            case Row.MonitorDelete delete -> delete.monitorId().length();
          };
    }
  }

  /// Something that is not a commit and runs between two batches.
  interface Action {
    void run() throws SQLException;
  }

  /// Stands in for a disk that fails, in tests.
  interface Fault {
    void beforeCommit() throws SQLException;
  }

  /// An action and its end: completed, or failed with a [PlexException].
  record Order(Action action, CompletableFuture<Void> done) implements Task {}

  /// A frame of another actor's commit that remembers a request of this one.
  private record Guest(KnownActor actor, TailRow row) {}

  private record Touched(KnownActor actor, TurnCursor before) {}

  private final Database database;
  private final StoreOptions options;
  private final Ballast ballast;
  private final RequestCounts requestCounts;
  private final Fold fold;
  private final DirectRows direct;
  private final LogFrames frames = new LogFrames();
  private final long epoch;

  private final MpscArrayQueue<Task> queue;
  private final AtomicLong queuedBytes = new AtomicLong();
  private volatile boolean sleeping;
  private volatile Thread thread;
  private volatile boolean closing;
  private volatile boolean ended;

  /// Every actor in memory. Submitters add, the writer removes.
  private final ConcurrentHashMap<ActorId, KnownActor> actors = new ConcurrentHashMap<>();

  private Iterator<KnownActor> evictionCursor;
  private final Map<Scope, Integer> scopes = new HashMap<>();
  private final Set<KnownActor> withTail = new LinkedHashSet<>();

  /// Those with a tail whose commits asked for a checkpoint.
  private final Set<KnownActor> checkpoints = new LinkedHashSet<>();

  /// Commits since the last fold began, of whomever.
  private int rowsSinceFold;

  /// What was folded of some actors and is still in the log.
  private int uncutRows;

  private long uncutBytes;
  private final List<Submission> batch = new ArrayList<>(BATCH_COMMITS_MAX);
  private final List<Touched> touched = new ArrayList<>();
  private final List<KnownActor> created = new ArrayList<>();
  private final List<Guest> guests = new ArrayList<>();
  private Task next;
  private long nextActorNo;
  private long seq;
  private long chain;
  private long tailBytes;

  /// No request in the tail expires earlier, milliseconds; what has expired can be removed once it
  /// is folded.
  private long tailExpires = Long.MAX_VALUE;

  /// No remembered request expires earlier, milliseconds.
  private long nextExpires;

  private int rowsSinceSweep;
  private boolean expiredLeft;
  private long sweptAtMillis;

  private volatile long durableSeq;
  private volatile int tailRows;
  private volatile StoreStats.State state = StoreStats.State.RUNNING;
  private volatile PlexException failure;
  private volatile Runnable onBatch = () -> {};
  private volatile Fault fault;
  private final LongAdder refused = new LongAdder();
  private final AtomicLong commits = new AtomicLong();
  private final AtomicLong batches = new AtomicLong();
  private final AtomicLong folds = new AtomicLong();
  private final AtomicLong batchBytes = new AtomicLong();
  private final AtomicLong foldBytes = new AtomicLong();
  private final AtomicInteger sinceCheckpoint = new AtomicInteger();

  /// Takes over a database whose log has been verified. Call [#recover] and then start the thread.
  ///
  /// @param ballast given up when the disk is full
  Writer(Database database, StoreOptions options, Ballast ballast) throws SQLException {
    this.database = database;
    this.options = options;
    this.ballast = ballast;
    long[] partition =
        database.row(
            "SELECT epoch, seq, chain, inbox_seq, history_no, history_bytes FROM \"partition\""
                + " WHERE id = 0");
    epoch = partition[0];
    seq = partition[1];
    chain = partition[2];
    durableSeq = seq;
    requestCounts = RequestCounts.read(database);
    nextExpires = tableExpires();
    fold = new Fold(database, options.history(), requestCounts, partition[4], partition[5]);
    direct = new DirectRows(database, new CachedNumbers(), partition[3]);
    queue = new MpscArrayQueue<>(Math.max(8, options.queue().commitsMax()));
    nextActorNo = database.row("SELECT coalesce(max(actor_no), 0) + 1 FROM actor")[0];
  }

  /// Reads the unfolded log and folds it, bounded memory at a time.
  void recover() throws SQLException {
    long[] partition =
        database.row("SELECT folded_seq, folded_chain, seq, chain FROM \"partition\" WHERE id = 0");
    Map<Long, KnownActor> byNo = new HashMap<>();
    long last = partition[0];
    long verified = partition[1];
    PreparedStatement select =
        database.sql("SELECT seq, frames, chain FROM log WHERE seq > ? ORDER BY seq");
    while (true) {
      boolean more = false;
      select.setLong(1, last);
      try (ResultSet found = select.executeQuery()) {
        while (found.next()) {
          long rowSeq = found.getLong(1);
          byte[] bytes = found.getBytes(2);
          long stored = found.getLong(3);
          verified = LogFrames.chain(verified, rowSeq, bytes);
          if (verified != stored) {
            throw broken("the checksum of log row " + rowSeq + " does not match");
          }
          last = rowSeq;
          List<Map.Entry<Long, TailRow>> rows = new ArrayList<>();
          LogFrames.read(bytes, (no, row) -> rows.add(Map.entry(no, row)));
          for (Map.Entry<Long, TailRow> row : rows) {
            KnownActor actor = byNo.get(row.getKey());
            if (actor == null) {
              actor = readActor(row.getKey());
              byNo.put(row.getKey(), actor);
              actors.put(actor.id, actor);
            }
            if (row.getValue().seq() > actor.foldedSeq) {
              actor.append(row.getValue());
              appended(actor, row.getValue());
              if (row.getValue().record() != null) {
                actor.cursor = actor.cursor.after(actor.id, row.getValue().record());
              }
            }
          }
          // A tail outgrows the bound a little while it is folded; one go should take all of it.
          if (tailRows / 2 >= options.fold().rowsMax()
              || tailBytes / 2 >= options.fold().bytesMax()) {
            more = true;
            break;
          }
        }
      } catch (IllegalArgumentException e) {
        throw broken(e.getMessage());
      }
      try {
        foldUpTo(last, verified, RECOVERY_SLICE_ROWS);
        byNo.values().forEach(actor -> actors.remove(actor.id));
        byNo.clear();
      } catch (SQLException e) {
        if (more || !Database.isFull(e)) {
          throw e;
        }
        // The tail stays in memory; the fold goes on when there is room.
        failed(e);
      }
      if (!more) {
        break;
      }
    }
    if (verified != partition[3]) {
      throw broken("the log ends at " + last + " without its last rows");
    }
    if (mayKeepHouse()) {
      sweep();
      // Now, while nobody waits: otherwise the first commits would share the disk with it.
      database.row("PRAGMA wal_checkpoint(TRUNCATE)");
      takePagesWritten();
    }
  }

  private static PlexException broken(String what) {
    return Database.unavailable(
        "the database is damaged and stays closed: " + what + "; restore a backup", null);
  }

  private void foldUpTo(long upTo, long upToChain, int sliceRows) throws SQLException {
    startFold(upTo, upToChain);
    while (fold.isRunning()) {
      folded(fold.slice(sliceRows));
    }
    withTail.removeIf(actor -> !actor.hasTail());
    folds.incrementAndGet();
  }

  private void startFold(long upTo, long upToChain) {
    tailExpires = Long.MAX_VALUE;
    checkpoints.clear();
    rowsSinceFold = 0;
    uncutRows = 0;
    uncutBytes = 0;
    fold.start(List.copyOf(withTail), upTo, upToChain);
  }

  private KnownActor readActor(long no) throws SQLException {
    PreparedStatement select =
        database.sql(
            "SELECT a.actor_no, a.scope_no, p.data, s.tenant, s.namespace, a.type, a.\"key\""
                + " FROM actor a JOIN scope s ON s.scope_no = a.scope_no LEFT JOIN state p"
                + " ON p.actor_no = a.actor_no AND p.field = '' AND p.pos = -2 AND p.chunk = ''"
                + " WHERE a.actor_no = ?");
    select.setLong(1, no);
    try (ResultSet found = select.executeQuery()) {
      if (!found.next()) {
        throw broken("the log names actor " + no + ", which has no row");
      }
      Scope scope = new Scope(found.getString(4), found.getString(5));
      KnownActor actor = new KnownActor(new ActorId(scope, found.getString(6), found.getString(7)));
      fill(actor, found);
      return actor;
    }
  }

  // For other threads

  /// Names the thread that [#run] will be on; before it starts.
  void runsOn(Thread writerThread) {
    thread = writerThread;
  }

  /// The actor's entry, when it is in memory.
  KnownActor known(ActorId id) {
    return actors.get(id);
  }

  /// Every actor in memory that has a tail.
  List<KnownActor> knownWithTail() {
    return actors.values().stream().filter(KnownActor::hasTail).toList();
  }

  /// Queues a commit, or refuses it at once.
  void submit(Commit commit, Commit.Listener listener) {
    byte[] encoded = null;
    if (commit.record().isPresent()) {
      try {
        encoded = TurnRecordCodec.encode(commit.record().get());
      } catch (IllegalArgumentException e) {
        refuseAtTheDoor(
            listener,
            new UnacceptableCommit(
                ErrorCode.INVALID_MESSAGE, "actor " + commit.actor() + ": " + e.getMessage()));
        return;
      }
    }
    if (closing || failure != null) {
      refuseAtTheDoor(listener, whyNot());
      return;
    }
    KnownActor actor =
        actors.compute(
            commit.actor(),
            (id, known) -> {
              KnownActor entry = known == null ? new KnownActor(id) : known;
              entry.submitting();
              return entry;
            });
    Submission submission = new Submission(actor, commit, listener, encoded);
    if (submission.size > COMMIT_BYTES_MAX) {
      actor.settle(null);
      refuseAtTheDoor(
          listener,
          new UnacceptableCommit(
              ErrorCode.RESOURCE_EXHAUSTED,
              "actor "
                  + commit.actor()
                  + ": a commit of "
                  + submission.size
                  + " bytes; at most "
                  + COMMIT_BYTES_MAX
                  + ". Keep large data in a blob"));
      return;
    }
    boolean room = queuedBytes.addAndGet(submission.size) <= options.queue().bytesMax();
    if (!room || !queue.offer(submission)) {
      queuedBytes.addAndGet(-submission.size);
      actor.settle(null);
      refuseAtTheDoor(
          listener,
          new PlexException(
              ErrorCode.RESOURCE_EXHAUSTED,
              "store: "
                  + queue.size()
                  + " commits wait for the disk, which is as many as may; try again later"));
      return;
    }
    wake();
  }

  /// Runs an action on the writer thread, between two batches, after what was submitted before.
  ///
  /// @throws PlexException `UNAVAILABLE` when it failed or the store is closed
  void order(Action action) {
    if (closing) {
      throw whyNot();
    }
    orderAndWait(action);
  }

  private void orderAndWait(Action action) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    Order order = new Order(action, done);
    while (!queue.offer(order)) {
      // Full of commits: they are being worked off, and an order is rare.
      wake();
      LockSupport.parkNanos(1_000_000);
      if (ended) {
        throw whyNot();
      }
    }
    wake();
    try {
      done.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof PlexException why) {
        throw why;
      }
      throw Database.unavailable("the order failed", e.getCause());
    }
  }

  /// Works off the queue, folds everything, and ends the thread. Later commits are refused.
  void close() {
    closing = true;
    wake();
    Thread running = thread;
    boolean interrupted = false;
    while (running != null && running.isAlive()) {
      try {
        running.join();
      } catch (InterruptedException e) {
        // Leaving now would let go of the directory while the writer still writes.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  void plant(Fault newFault) {
    fault = newFault;
  }

  StoreStats.State state() {
    return state;
  }

  long durableSeq() {
    return durableSeq;
  }

  /// Tells this after each durable batch, on the writer thread; must not block.
  void onBatch(Runnable listener) {
    onBatch = listener;
  }

  /// An estimate of the pages written since the last call.
  int takePagesWritten() {
    return sinceCheckpoint.getAndSet(0);
  }

  int pagesWritten() {
    return sinceCheckpoint.get();
  }

  StoreStats stats(long walPages) {
    return new StoreStats(
        ended && failure == null ? StoreStats.State.CLOSED : state,
        durableSeq,
        commits.get(),
        refused.sum(),
        batches.get(),
        batchBytes.get() + foldBytes.get(),
        queue.size(),
        tailRows,
        folds.get(),
        walPages,
        actors.size(),
        requestCounts.total());
  }

  /// Remembered requests by tenant.
  RequestCounts requestCounts() {
    return requestCounts;
  }

  private void wake() {
    if (sleeping) {
      LockSupport.unpark(thread);
    }
    if (ended) {
      refuseLeftovers();
    }
  }

  private void refuseAtTheDoor(Commit.Listener listener, PlexException why) {
    refused.increment();
    tell(() -> listener.refused(why));
  }

  private PlexException whyNot() {
    PlexException why = failure;
    if (why != null) {
      return new PlexException(why.code(), why.getMessage());
    }
    return new PlexException(ErrorCode.UNAVAILABLE, "the store is closed");
  }

  // The thread

  @Override
  public void run() {
    try {
      while (true) {
        if (!take()) {
          break;
        }
        if (!batch.isEmpty()) {
          commitBatch();
        }
        if (next instanceof Order order) {
          next = null;
          run(order);
        }
        keepHouse();
      }
      if (mayKeepHouse()) {
        foldAll();
      }
    } catch (SQLException e) {
      // Nothing is lost: the log is folded at the next start.
      LOG.warn("the last fold failed: {}", e.getMessage());
    } catch (Throwable t) {
      // Only a bug gets here; the queue must not be left without an answer.
      fail("the writer stopped", t);
      throw t;
    } finally {
      ended = true;
      refuseLeftovers();
    }
  }

  /// Takes what has queued; sleeps while there is nothing to take, to fold or to sweep.
  ///
  /// @return false when closing and all is done
  private boolean take() {
    batch.clear();
    int bytes = 0;
    while (batch.size() < BATCH_COMMITS_MAX) {
      if (next == null) {
        next = queue.poll();
      }
      if (next == null) {
        if (!batch.isEmpty() || ((fold.isRunning() || sweepIsDue()) && mayKeepHouse())) {
          return true;
        }
        if (closing && queue.isEmpty()) {
          return false;
        }
        sleeping = true;
        if (queue.isEmpty() && !closing) {
          sleep();
        }
        sleeping = false;
      } else if (next instanceof Submission submission) {
        if (!batch.isEmpty() && bytes + submission.size > BATCH_BYTES_MAX) {
          return true;
        }
        bytes += submission.size;
        batch.add(submission);
        queuedBytes.addAndGet(-submission.size);
        next = null;
      } else {
        return true;
      }
    }
    return true;
  }

  private void commitBatch() {
    if (failure != null) {
      refuseBatch(whyNot());
      return;
    }
    if (state == StoreStats.State.DISK_FULL) {
      if (!ballast.restore()) {
        refuseBatch(diskFull(null));
        return;
      }
      LOG.info("the disk has room again, commits are taken");
      state = StoreStats.State.RUNNING;
    }
    long seqBefore = seq;
    long chainBefore = chain;
    try {
      write();
    } catch (SQLException | RuntimeException | Error e) {
      seq = seqBefore;
      chain = chainBefore;
      undoBatch();
      refuseBatch(failed(e));
      return;
    }
    publish();
  }

  private void write() throws SQLException {
    touched.clear();
    created.clear();
    guests.clear();
    direct.reset();
    frames.reset();
    long now = options.clock().millis();
    database.sql("BEGIN IMMEDIATE").execute();
    requireEpoch();
    for (Submission submission : batch) {
      try {
        accept(submission, now);
      } catch (PlexException why) {
        submission.refusal = why;
      }
    }
    long bytes = direct.flush();
    if (!frames.isEmpty()) {
      byte[] row = frames.toBytes();
      chain = LogFrames.chain(chain, frames.lastSeq(), row);
      PreparedStatement insert = database.sql("INSERT INTO log VALUES (?, ?, ?, ?)");
      insert.setLong(1, frames.lastSeq());
      insert.setInt(2, frames.count());
      insert.setBytes(3, row);
      insert.setLong(4, chain);
      insert.executeUpdate();
      bytes += row.length;
    }
    PreparedStatement partition =
        database.sql("UPDATE \"partition\" SET seq = ?, chain = ?, inbox_seq = ? WHERE id = 0");
    partition.setLong(1, seq);
    partition.setLong(2, chain);
    partition.setLong(3, direct.inboxSeq());
    partition.executeUpdate();
    Fault planted = fault;
    if (planted != null) {
      planted.beforeCommit();
    }
    database.sql("COMMIT").execute();
    batchBytes.addAndGet(bytes);
    sinceCheckpoint.addAndGet((int) (bytes >> 12) + 2);
  }

  private void requireEpoch() throws SQLException {
    PreparedStatement fence =
        database.sql("UPDATE \"partition\" SET seq = seq WHERE id = 0 AND epoch = ?");
    fence.setLong(1, epoch);
    if (fence.executeUpdate() != 1) {
      throw new PlexException(
          ErrorCode.CONFLICT,
          "store: another owner has taken over this database; stop this process");
    }
  }

  private void accept(Submission submission, long now) throws SQLException {
    KnownActor actor = submission.actor;
    Commit commit = submission.commit;
    actor.used = true;
    TurnCursor after = null;
    if (commit.record().isPresent()) {
      load(actor);
      after = actor.cursor.after(actor.id, commit.record().get());
    }
    List<Row> rows = commit.rows();
    if (!rows.isEmpty()) {
      submission.results = direct.apply(rows, now);
      rowsSinceSweep += rows.size();
      sinceCheckpoint.addAndGet(2 * rows.size());
    }
    // From here on nothing refuses the commit.
    submission.seq = ++seq;
    List<Row.Idempotency> mine = requests(commit, submission.seq);
    if (after == null && mine.isEmpty()) {
      return;
    }
    create(actor);
    byte[] results =
        after != null && after.isOpen() && !rows.isEmpty()
            ? TurnRecordCodec.encodeResults(submission.results)
            : null;
    submission.tailRow =
        new TailRow(
            submission.seq, commit.record().orElse(null), submission.encoded, results, mine);
    frames.add(actor.no, submission.tailRow);
    if (after != null) {
      touched.add(new Touched(actor, actor.cursor));
      actor.cursor = after;
    }
  }

  /// The requests that the commit remembers for its own actor; those of others become guests.
  private List<Row.Idempotency> requests(Commit commit, long commitSeq) throws SQLException {
    List<Row.Idempotency> mine = List.of();
    for (Row row : commit.rows()) {
      if (row instanceof Row.Idempotency request) {
        if (request.actor().equals(commit.actor())) {
          mine = mine.isEmpty() ? new ArrayList<>() : mine;
          mine.add(request);
        } else {
          KnownActor other = entry(request.actor());
          create(other);
          TailRow guest = new TailRow(commitSeq, null, null, null, List.of(request));
          frames.add(other.no, guest);
          guests.add(new Guest(other, guest));
        }
      }
    }
    return mine;
  }

  private void undoBatch() {
    rollback(database);
    for (int i = touched.size() - 1; i >= 0; i--) {
      touched.get(i).actor.cursor = touched.get(i).before;
    }
    for (KnownActor actor : created) {
      actor.no = 0;
    }
    scopes.clear();
  }

  private void publish() {
    for (Guest guest : guests) {
      guest.actor.append(guest.row);
      appended(guest.actor, guest.row);
    }
    long durable = 0;
    for (Submission submission : batch) {
      if (submission.refusal == null) {
        durable++;
        if (submission.tailRow != null) {
          appended(submission.actor, submission.tailRow);
          if (submission.commit.checkpoint()) {
            checkpoints.add(submission.actor);
          }
        }
      }
      submission.actor.settle(submission.tailRow);
    }
    durableSeq = seq;
    commits.addAndGet(durable);
    refused.add(batch.size() - durable);
    batches.incrementAndGet();
    onBatch.run();
    for (Submission submission : batch) {
      if (submission.refusal != null) {
        tell(() -> submission.listener.refused(submission.refusal));
      } else {
        tell(() -> submission.listener.durable(submission.seq, submission.results));
      }
    }
  }

  private void appended(KnownActor actor, TailRow row) {
    tailRows = tailRows + 1;
    rowsSinceFold++;
    tailBytes += row.size();
    withTail.add(actor);
    for (Row.Idempotency request : row.requests()) {
      tailExpires = Math.min(tailExpires, request.expiresAtMillis());
      nextExpires = Math.min(nextExpires, tailExpires);
    }
    requestCounts.add(actor.id.scope().tenant(), row.requests().size());
  }

  private void refuseBatch(PlexException why) {
    for (Submission submission : batch) {
      submission.actor.settle(null);
    }
    refused.add(batch.size());
    for (Submission submission : batch) {
      PlexException own = submission.refusal != null ? submission.refusal : why;
      tell(() -> submission.listener.refused(own));
    }
  }

  private static void tell(Runnable listener) {
    try {
      listener.run();
    } catch (RuntimeException | Error e) {
      LOG.error("a commit's listener threw; it must not", e);
    }
  }

  private void run(Order order) {
    if (failure != null) {
      order.done.completeExceptionally(whyNot());
      return;
    }
    try {
      order.action.run();
      order.done.complete(null);
    } catch (SQLException | RuntimeException e) {
      rollback(database);
      order.done.completeExceptionally(
          e instanceof PlexException plain && plain.code() != ErrorCode.CONFLICT
              ? plain
              : failed(e));
    }
  }

  /// What has to be done now and then, between two batches.
  private void keepHouse() {
    if (!mayKeepHouse()) {
      return;
    }
    try {
      if (!fold.isRunning() && foldIsDue()) {
        startFold(seq, chain);
      } else if (!fold.isRunning() && checkpointIsDue()) {
        rowsSinceFold = 0;
        fold.startPart(List.copyOf(checkpoints), seq);
        checkpoints.clear();
      }
      if (fold.isRunning()) {
        foldSlice();
      }
      if (sweepIsDue()) {
        sweep();
      }
      if (actors.size() > options.actorsCachedMax()) {
        evict();
      }
    } catch (SQLException | RuntimeException e) {
      failed(e);
    }
  }

  private boolean sweepIsDue() {
    if (closing) {
      return false;
    }
    if (expiredLeft && (rowsSinceSweep >= SWEEP_ROWS_BEHIND || queue.isEmpty())) {
      return true;
    }
    return rowsSinceSweep >= SWEEP_ROWS || options.clock().millis() >= sweepAtMillis();
  }

  /// When something will have expired; `Long.MAX_VALUE` for never.
  private long sweepAtMillis() {
    return nextExpires == Long.MAX_VALUE
        ? Long.MAX_VALUE
        : Math.max(nextExpires, sweptAtMillis + SWEEP_INTERVAL_MILLIS);
  }

  /// Until somebody wakes the writer, or something has expired and can be removed.
  private void sleep() {
    long at = mayKeepHouse() ? sweepAtMillis() : Long.MAX_VALUE;
    if (at == Long.MAX_VALUE) {
      LockSupport.park(this);
    } else {
      long millis = Math.max(1, at - options.clock().millis());
      LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(millis));
    }
  }

  private boolean mayKeepHouse() {
    return failure == null && state == StoreStats.State.RUNNING;
  }

  /// Never while commits wait, but for now and then.
  private boolean checkpointIsDue() {
    return !checkpoints.isEmpty() && (queue.isEmpty() || rowsSinceFold >= CHECKPOINT_ROWS);
  }

  private boolean foldIsDue() {
    int logRows = tailRows + uncutRows;
    return logRows >= options.fold().rowsMax()
        || tailBytes + uncutBytes >= options.fold().bytesMax()
        || (logRows >= options.fold().rowsWhenIdle() && queue.isEmpty())
        || (tailExpires < Long.MAX_VALUE && tailExpires <= options.clock().millis());
  }

  private void foldSlice() throws SQLException {
    // Twice what came in, so that the tail shrinks whatever the load.
    folded(fold.slice(Math.max(Fold.SLICE_ROWS_MIN, 2 * batch.size())));
    if (!fold.isRunning()) {
      withTail.removeIf(actor -> !actor.hasTail());
      folds.incrementAndGet();
      if (fold.isWhole()) {
        sweep();
      }
      onBatch.run();
    }
  }

  private void folded(Fold.Slice slice) {
    tailRows = tailRows - slice.rows();
    tailBytes -= slice.bytes();
    if (!fold.isWhole()) {
      uncutRows += slice.rows();
      uncutBytes += slice.bytes();
    }
    sinceCheckpoint.addAndGet(4 * slice.rows() / 3);
    foldBytes.set(fold.bytesWritten());
  }

  /// Folds the whole tail now. On the writer thread, between two batches.
  void foldAll() throws SQLException {
    while (fold.isRunning()) {
      foldSlice();
    }
    if (tailRows + uncutRows > 0) {
      foldUpTo(seq, chain, RECOVERY_SLICE_ROWS);
    }
  }

  /// Removes what expired. On the writer thread, between two batches.
  void sweep() throws SQLException {
    rowsSinceSweep = 0;
    sweptAtMillis = options.clock().millis();
    expiredLeft = fold.sweep(sweptAtMillis);
    // What is being folded is in neither place for certain.
    long inTail = fold.isRunning() ? sweptAtMillis : tailExpires;
    nextExpires = Math.min(inTail, tableExpires());
  }

  private long tableExpires() throws SQLException {
    return database
        .row("SELECT coalesce(min(expires), " + Long.MAX_VALUE + ") FROM idempotency")[0];
  }

  /// Actors to be forgotten, with the rows of the same commit, and its outcome.
  static final class Purge {
    private final List<ActorId> actors;
    private final List<Row> rows;
    private List<RowResult> results = List.of();
    private PlexException refusal;

    Purge(List<ActorId> actors, List<Row> rows) {
      this.actors = actors;
      this.rows = rows;
    }

    /// What the rows answered.
    ///
    /// @throws PlexException `CONFLICT`: nothing has happened
    List<RowResult> results() {
      if (refusal != null) {
        throw refusal;
      }
      return results;
    }
  }

  /// Writes rows and forgets actors. On the writer thread, between two batches.
  void purge(Purge purge) throws SQLException {
    if (purge.actors.size() > Store.PURGED_MAX) {
      throw new IllegalArgumentException(
          purge.actors.size() + " actors at once, at most " + Store.PURGED_MAX);
    }
    // With the whole log folded, no row of the actors is left in it.
    foldAll();
    List<KnownActor> known = new ArrayList<>();
    Map<String, Long> forgotten = new HashMap<>();
    touched.clear();
    created.clear();
    direct.reset();
    long historyBytes = fold.historyBytes();
    try {
      database.sql("BEGIN IMMEDIATE").execute();
      requireEpoch();
      try {
        purge.results = direct.apply(purge.rows, options.clock().millis());
        direct.flush();
        for (ActorId id : purge.actors) {
          KnownActor actor = entry(id);
          load(actor);
          if (actor.no != 0) {
            requireEmptyInbox(actor);
            known.add(actor);
          }
        }
      } catch (PlexException refused) {
        undoBatch();
        purge.refusal = refused;
        return;
      }
      PreparedStatement tombstone =
          database.sql("UPDATE actor SET incarnation = incarnation + 1 WHERE actor_no = ?");
      for (KnownActor actor : known) {
        forgotten.merge(actor.id.scope().tenant(), (long) fold.forget(actor), Long::sum);
        tombstone.setLong(1, actor.no);
        tombstone.executeUpdate();
      }
      PreparedStatement partition =
          database.sql("UPDATE \"partition\" SET seq = ?, inbox_seq = ? WHERE id = 0");
      partition.setLong(1, seq + 1);
      partition.setLong(2, direct.inboxSeq());
      partition.executeUpdate();
      Fault planted = fault;
      if (planted != null) {
        planted.beforeCommit();
      }
      database.sql("COMMIT").execute();
    } catch (SQLException | RuntimeException e) {
      fold.notForgotten(historyBytes);
      undoBatch();
      throw e;
    }
    forgotten.forEach((tenant, requests) -> requestCounts.add(tenant, -requests));
    seq++;
    durableSeq = seq;
    for (KnownActor actor : known) {
      actor.cursor = TurnCursor.START;
      actor.foldedCursor = TurnCursor.START;
      actor.foldedSeq = 0;
      actor.foldedAtMillis = 0;
      actor.historyNo = 0;
    }
    onBatch.run();
  }

  private void requireEmptyInbox(KnownActor actor) throws SQLException {
    PreparedStatement select =
        database.sql("SELECT seq FROM inbox WHERE to_no = ? AND buried = 0 LIMIT 1");
    select.setLong(1, actor.no);
    try (ResultSet found = select.executeQuery()) {
      if (found.next()) {
        throw new PlexException(
            ErrorCode.CONFLICT,
            "inbox of " + actor.id + ": message " + found.getLong(1) + " waits");
      }
    }
  }

  // Actors and scopes

  private KnownActor entry(ActorId id) {
    KnownActor actor = actors.computeIfAbsent(id, KnownActor::new);
    actor.used = true;
    return actor;
  }

  private void load(KnownActor actor) throws SQLException {
    if (actor.loaded) {
      return;
    }
    PreparedStatement select =
        database.sql(
            "SELECT a.actor_no, a.scope_no, p.data FROM scope s JOIN actor a"
                + " ON a.scope_no = s.scope_no LEFT JOIN state p ON p.actor_no = a.actor_no"
                + " AND p.field = '' AND p.pos = -2 AND p.chunk = ''"
                + " WHERE s.tenant = ? AND s.namespace = ? AND a.type = ? AND a.\"key\" = ?");
    select.setString(1, actor.id.scope().tenant());
    select.setString(2, actor.id.scope().namespace());
    select.setString(3, actor.id.type());
    select.setString(4, actor.id.key());
    try (ResultSet found = select.executeQuery()) {
      if (found.next()) {
        fill(actor, found);
      }
    }
    actor.loaded = true;
  }

  private static void fill(KnownActor actor, ResultSet found) throws SQLException {
    actor.no = found.getLong(1);
    actor.scopeNo = found.getInt(2);
    byte[] data = found.getBytes(3);
    Progress progress = data == null ? Progress.NONE : Progress.of(data);
    actor.cursor = progress.cursor();
    actor.foldedCursor = progress.cursor();
    actor.foldedSeq = progress.foldedSeq();
    actor.foldedAtMillis = progress.atMillis();
    actor.historyNo = progress.historyNo();
    actor.loaded = true;
  }

  private void create(KnownActor actor) throws SQLException {
    load(actor);
    if (actor.no != 0) {
      return;
    }
    int scopeNo = scopeNo(actor.id.scope());
    PreparedStatement insert = database.sql("INSERT INTO actor VALUES (?, ?, ?, ?, 1)");
    insert.setLong(1, nextActorNo);
    insert.setInt(2, scopeNo);
    insert.setString(3, actor.id.type());
    insert.setString(4, actor.id.key());
    insert.executeUpdate();
    actor.no = nextActorNo++;
    actor.scopeNo = scopeNo;
    created.add(actor);
  }

  private int scopeNo(Scope scope) throws SQLException {
    Integer known = scopes.get(scope);
    if (known != null) {
      return known;
    }
    PreparedStatement insert =
        database.sql("INSERT OR IGNORE INTO scope (tenant, namespace) VALUES (?, ?)");
    insert.setString(1, scope.tenant());
    insert.setString(2, scope.namespace());
    insert.executeUpdate();
    PreparedStatement select =
        database.sql("SELECT scope_no FROM scope WHERE tenant = ? AND namespace = ?");
    select.setString(1, scope.tenant());
    select.setString(2, scope.namespace());
    try (ResultSet found = select.executeQuery()) {
      found.next();
      int number = found.getInt(1);
      if (scopes.size() >= SCOPES_CACHED_MAX) {
        scopes.clear();
      }
      scopes.put(scope, number);
      return number;
    }
  }

  private final class CachedNumbers implements DirectRows.Numbers {
    @Override
    public long find(ActorId id) throws SQLException {
      KnownActor actor = entry(id);
      load(actor);
      return actor.no;
    }

    @Override
    public long create(ActorId id) throws SQLException {
      KnownActor actor = entry(id);
      Writer.this.create(actor);
      return actor.no;
    }

    @Override
    public int scope(Scope scope) throws SQLException {
      return scopeNo(scope);
    }
  }

  /// Forgets idle actors that were not used since the last time around.
  private void evict() {
    for (int looked = 0; looked < EVICTION_SCAN; looked++) {
      if (evictionCursor == null || !evictionCursor.hasNext()) {
        evictionCursor = actors.values().iterator();
        if (!evictionCursor.hasNext()) {
          return;
        }
      }
      KnownActor actor = evictionCursor.next();
      if (actor.used) {
        actor.used = false;
      } else {
        actors.computeIfPresent(actor.id, (id, known) -> known.isIdle() ? null : known);
      }
      if (actors.size() <= options.actorsCachedMax()) {
        return;
      }
    }
  }

  // Failure

  static void rollback(Database database) {
    try {
      database.forgetStatements();
      database.run("ROLLBACK");
    } catch (SQLException e) {
      // SQLite has rolled back already when the error was severe.
      LOG.debug("rollback: {}", e.getMessage());
    }
  }

  /// What a failed transaction means for the store: wait for room, or stop.
  private PlexException failed(Throwable e) {
    if (e instanceof SQLException sql && Database.isFull(sql)) {
      if (state == StoreStats.State.RUNNING) {
        state = StoreStats.State.DISK_FULL;
        LOG.error("the disk is full, commits are refused until it has room: {}", e.getMessage());
        ballast.release();
        onBatch.run();
      }
      return diskFull(e);
    }
    fail("a write failed and the store has stopped; restart the process", e);
    return whyNot();
  }

  private static PlexException diskFull(Throwable cause) {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "store: the disk is full; nothing acknowledged is lost, make room and try again",
        List.of(),
        cause);
  }

  private void fail(String what, Throwable cause) {
    if (failure == null) {
      ErrorCode code = cause instanceof PlexException plain ? plain.code() : ErrorCode.UNAVAILABLE;
      failure =
          new PlexException(code, "store: " + what + ": " + cause.getMessage(), List.of(), cause);
      state = StoreStats.State.FAILED;
      LOG.error(what, cause);
      try {
        options.onFailure().accept(failure);
      } catch (RuntimeException e) {
        LOG.error("the failure listener threw", e);
      }
    }
  }

  private synchronized void refuseLeftovers() {
    for (Task task = next != null ? next : queue.poll(); task != null; task = queue.poll()) {
      next = null;
      switch (task) {
        case Submission submission -> {
          submission.actor.settle(null);
          refuseAtTheDoor(submission.listener, whyNot());
        }
        case Order order -> order.done.completeExceptionally(whyNot());
      }
    }
  }
}
