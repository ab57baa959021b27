package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.IdempotencyRecord;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecordCodec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A disk with one store on it. A commit is *queued*, then *written*, then *synced*; only then it
/// is visible and its listener is told. A crash keeps every synced commit and a prefix of the
/// written ones, whole commits only: a torn one vanishes. What survives is what the next [#open]
/// shows.
///
/// Thread-safe, although a world needs no more than one thread.
public final class SimDisk {

  /* The image holds what is synced. Commits are validated and applied when their batch is synced, in
  the order they were queued, as a database does within its transaction: so reads can never see more
  than the disk has, and surviving a crash is nothing but applying the survivors.

  A record goes through its bytes on the way, so that nothing on the disk is shared with a node. */

  /// Commits of one batch. Source: spec/turns rule 15.
  static final int BATCH_MAX = 1_024;

  /// Runs what the disk does later.
  public interface Later {
    void after(long nanos, String what, Runnable action);
  }

  /// Blocks readers that have to wait for the disk.
  public interface Blocker {
    void await();

    void release();
  }

  /// Where the disk's delays, faults and crashes come from, and who is told of its commits.
  public interface Circumstances {
    /// Nanoseconds that writing a batch takes.
    long writeNanos();

    /// Nanoseconds that syncing a batch takes.
    long syncNanos();

    /// Nanoseconds until the next listener hears of its commit; 0 for at once.
    long tellNanos();

    /// True when the next batch is refused: the disk is full.
    boolean refusesBatch();

    /// True when a load fails.
    boolean refusesRead();

    /// A boundary was reached; the node may crash here.
    void boundary(String what);

    /// A commit was synced or survived a crash.
    void synced(Commit commit, List<RowResult> results);

    Blocker blocker();
  }

  private final Later later;
  private final Circumstances circumstances;
  private InMemoryStore image;
  private Open open;

  private final ArrayDeque<Entry> queue = new ArrayDeque<>();
  private List<Entry> batch = List.of();
  private boolean written;
  private final ArrayDeque<Runnable> notices = new ArrayDeque<>();
  private boolean telling;
  private long submitted;
  private long settled;
  private final List<Waiting> waiting = new ArrayList<>();

  private record Waiting(long ticket, Blocker blocker) {}

  private record Entry(
      ActorId actor, Optional<byte[]> record, List<Row> rows, Commit.Listener listener) {
    Commit commit() {
      return new Commit(actor, record.map(TurnRecordCodec::decode), rows);
    }
  }

  public SimDisk(InstantSource clock, Later later, Circumstances circumstances) {
    this.image = new InMemoryStore(clock);
    this.later = later;
    this.circumstances = circumstances;
  }

  /// What is on the disk, for checkers; commits nothing.
  public synchronized Store image() {
    return image;
  }

  /// True when no commit is on its way and every listener was told.
  public synchronized boolean idle() {
    return queue.isEmpty() && batch.isEmpty() && notices.isEmpty();
  }

  /// Opens the store for a node.
  ///
  /// @throws IllegalStateException when it is open
  public synchronized Store open() {
    if (open != null) {
      throw new IllegalStateException("simulation: the store is open already");
    }
    open = new Open();
    return open;
  }

  /// The node died: its store handle goes deaf.
  ///
  /// @param survivors draws how many of so many written commits survive, 0 to all of them
  /// @return what happened to the commits on their way, for the trace
  public synchronized String crash(java.util.function.IntUnaryOperator survivors) {
    open = null;
    int onTheWay = batch.size();
    int kept = onTheWay == 0 ? 0 : survivors.applyAsInt(onTheWay);
    for (Entry entry : batch.subList(0, kept)) {
      apply(entry);
    }
    String text = "kept " + kept + " of " + onTheWay + " written, lost " + queue.size() + " queued";
    batch = List.of();
    written = false;
    queue.clear();
    notices.clear();
    telling = false;
    settled = submitted;
    // Their turns are gone with the node.
    waiting.clear();
    image = image.reopen();
    return text;
  }

  /// True when the commits of the present batch are written and not synced.
  synchronized boolean written() {
    return written;
  }

  // ---- the writer

  private synchronized void enqueue(Open by, Commit commit, Commit.Listener listener) {
    if (by != open) {
      return;
    }
    submitted++;
    queue.add(
        new Entry(
            commit.actor(), commit.record().map(TurnRecordCodec::encode), commit.rows(), listener));
    circumstances.boundary("queued");
    start();
  }

  private void start() {
    if (!batch.isEmpty() || queue.isEmpty()) {
      return;
    }
    List<Entry> taken = new ArrayList<>();
    while (!queue.isEmpty() && taken.size() < BATCH_MAX) {
      taken.add(queue.poll());
    }
    batch = taken;
    Open by = open;
    later.after(circumstances.writeNanos(), "write", () -> write(by));
  }

  private synchronized void write(Open by) {
    if (by != open) {
      return;
    }
    if (circumstances.refusesBatch()) {
      for (Entry entry : batch) {
        notices.add(
            () ->
                entry.listener.refused(
                    new PlexException(ErrorCode.UNAVAILABLE, "the disk is full; try again later")));
      }
      settle(batch.size());
      batch = List.of();
      tell();
      start();
      return;
    }
    written = true;
    circumstances.boundary("written");
    later.after(circumstances.syncNanos(), "sync", () -> sync(by));
  }

  private synchronized void sync(Open by) {
    if (by != open) {
      return;
    }
    int count = batch.size();
    for (Entry entry : batch) {
      notices.add(apply(entry));
    }
    batch = List.of();
    written = false;
    circumstances.boundary("synced");
    settle(count);
    tell();
    start();
  }

  /// Applies a commit to the image.
  ///
  /// @return tells its listener
  private Runnable apply(Entry entry) {
    Commit commit = entry.commit();
    Runnable[] notice = new Runnable[1];
    image.submit(
        commit,
        new Commit.Listener() {
          @Override
          public void durable(long seq, List<RowResult> results) {
            circumstances.synced(commit, results);
            notice[0] = () -> entry.listener.durable(seq, results);
          }

          @Override
          public void refused(PlexException why) {
            notice[0] = () -> entry.listener.refused(why);
          }
        });
    return notice[0];
  }

  private void settle(int count) {
    settled += count;
    waiting.removeIf(
        w -> {
          if (w.ticket <= settled) {
            w.blocker.release();
            return true;
          }
          return false;
        });
  }

  /// Listeners are told one at a time, in order; the node may crash in between.
  private void tell() {
    if (telling || notices.isEmpty()) {
      return;
    }
    telling = true;
    Open by = open;
    later.after(circumstances.tellNanos(), "tell", () -> tellNext(by));
  }

  private void tellNext(Open by) {
    Runnable notice;
    synchronized (this) {
      if (by != open) {
        return;
      }
      notice = notices.poll();
    }
    notice.run();
    synchronized (this) {
      circumstances.boundary("told");
      telling = false;
      tell();
    }
  }

  private void awaitSubmitted(Open by) {
    Blocker blocker;
    synchronized (this) {
      requireOpen(by);
      if (settled == submitted) {
        return;
      }
      blocker = circumstances.blocker();
      waiting.add(new Waiting(submitted, blocker));
    }
    blocker.await();
    synchronized (this) {
      requireOpen(by);
    }
  }

  private void requireOpen(Open by) {
    if (by != open) {
      throw new PlexException(ErrorCode.UNAVAILABLE, "the store is closed");
    }
  }

  private void close(Open by) {
    List<Runnable> rest;
    synchronized (this) {
      if (by != open) {
        return;
      }
      for (Entry entry : batch) {
        notices.add(apply(entry));
      }
      for (Entry entry : queue) {
        notices.add(apply(entry));
      }
      settle(batch.size() + queue.size());
      batch = List.of();
      queue.clear();
      written = false;
      telling = false;
      rest = List.copyOf(notices);
      notices.clear();
      open = null;
      image = image.reopen();
    }
    rest.forEach(Runnable::run);
  }

  /// The store as one node sees it, until that node dies.
  private final class Open implements Store {

    private boolean closed;

    @Override
    public int incarnation() {
      return image().incarnation();
    }

    @Override
    public void submit(Commit commit, Commit.Listener listener) {
      if (closed) {
        listener.refused(new PlexException(ErrorCode.UNAVAILABLE, "the store is closed"));
      } else {
        enqueue(this, commit, listener);
      }
    }

    @Override
    public LoadedActor load(ActorId actor) {
      awaitSubmitted(this);
      if (circumstances.refusesRead()) {
        throw new PlexException(ErrorCode.UNAVAILABLE, "the disk cannot be read; try again later");
      }
      return image().load(actor);
    }

    @Override
    public List<InboxRow> inbox(ActorId actor, long afterSeq, int limit) {
      return readable().inbox(actor, afterSeq, limit);
    }

    @Override
    public List<ActorId> actorsWithWork() {
      return readable().actorsWithWork();
    }

    @Override
    public List<MonitorRow> monitors(ActorId target, long afterNo, int limit) {
      return readable().monitors(target, afterNo, limit);
    }

    @Override
    public List<ActorId> monitored(String type, int limit) {
      return readable().monitored(type, limit);
    }

    @Override
    public List<InboxRow> deadLetters(Scope scope, long afterSeq, int limit) {
      return readable().deadLetters(scope, afterSeq, limit);
    }

    @Override
    public Optional<KvEntry> kvGet(Scope scope, String key) {
      return readable().kvGet(scope, key);
    }

    @Override
    public List<KvEntry> kvList(Scope scope, String prefix, String afterKey, int limit) {
      return readable().kvList(scope, prefix, afterKey, limit);
    }

    @Override
    public Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash) {
      return readable().idempotency(actor, Arrays.copyOf(keyHash, keyHash.length));
    }

    @Override
    public long idempotencyCount(String tenant) {
      return readable().idempotencyCount(tenant);
    }

    @Override
    public List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit) {
      return readable().history(actor, beforeSeq, limit);
    }

    @Override
    public List<String> namespaces(String tenant) {
      return readable().namespaces(tenant);
    }

    @Override
    public List<String> actorKeys(Scope scope, String type, String afterKey, int limit) {
      return readable().actorKeys(scope, type, afterKey, limit);
    }

    @Override
    public List<RowResult> purge(List<ActorId> actors, List<Row> rows) {
      awaitSubmitted(this);
      return image().purge(actors, rows);
    }

    @Override
    public void close() {
      closed = true;
      SimDisk.this.close(this);
    }

    private Store readable() {
      synchronized (SimDisk.this) {
        requireOpen(this);
        return image;
      }
    }
  }
}
