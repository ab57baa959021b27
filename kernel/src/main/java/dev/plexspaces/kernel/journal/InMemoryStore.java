package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/// A store that keeps everything in memory: the reference that other stores are compared with, and
/// the one for tests and simulation. "Durable" means: as durable as the process.
///
/// Thread-safe: one lock around everything. Listeners are called in commit order, outside the lock,
/// on a submitter's thread; a listener may submit.
public final class InMemoryStore implements Store {

  /*
   * A commit is applied in submit(), so reads see it at once. It is applied to the real maps with an
   * undo list beside it; a refused commit runs the list backwards. Listeners are queued in commit
   * order and called by whichever thread finds nobody else calling them.
   */

  /// Committed rows that [#history] remembers of one actor.
  public static final int HISTORY_ROWS_MAX = 1_000;

  /// Older rows are not shown by [#history].
  public static final Duration HISTORY_AGE = Duration.ofDays(7);

  /// Commits between two sweeps of expired keys and requests.
  private static final int SWEEP_EVERY = 1_024;

  private final InstantSource clock;
  private final int incarnation;
  private final Object lock = new Object();
  private final Contents contents;
  private final ArrayDeque<Runnable> notices = new ArrayDeque<>();
  private boolean notifying;
  private boolean closed;

  /// An empty store.
  ///
  /// @param clock decides what has expired
  public InMemoryStore(InstantSource clock) {
    this(clock, new Contents(), 1);
  }

  private InMemoryStore(InstantSource clock, Contents contents, int incarnation) {
    this.clock = clock;
    this.contents = contents;
    this.incarnation = incarnation;
  }

  /// Closes this store and returns a new one with its contents, as a process would find them on
  /// disk after a restart.
  public InMemoryStore reopen() {
    close();
    synchronized (lock) {
      return new InMemoryStore(clock, contents, incarnation);
    }
  }

  @Override
  public int incarnation() {
    return incarnation;
  }

  @Override
  public void submit(Commit commit, Commit.Listener listener) {
    synchronized (lock) {
      notices.add(apply(commit, listener));
      if (notifying) {
        return;
      }
      notifying = true;
    }
    while (true) {
      Runnable notice;
      synchronized (lock) {
        notice = notices.poll();
        if (notice == null) {
          notifying = false;
          return;
        }
      }
      notice.run();
    }
  }

  private Runnable apply(Commit commit, Commit.Listener listener) {
    if (closed) {
      return () -> listener.refused(closedError());
    }
    long now = clock.millis();
    List<Runnable> undo = new ArrayList<>();
    try {
      TurnCursor after = null;
      if (commit.record().isPresent()) {
        Actor known = contents.actors.get(commit.actor());
        TurnCursor before = known == null ? TurnCursor.START : known.cursor;
        after = before.after(commit.actor(), commit.record().get());
      }
      List<RowResult> answer = applyRows(commit.rows(), now, undo);
      long seq = ++contents.seq;
      if (after != null) {
        contents.actor(commit.actor()).commit(seq, commit.record().get(), answer, after);
      }
      if (seq % SWEEP_EVERY == 0) {
        contents.sweep(now);
      }
      return () -> listener.durable(seq, answer);
    } catch (PlexException refused) {
      undo(undo);
      return () -> listener.refused(refused);
    }
  }

  private static void undo(List<Runnable> undo) {
    for (int i = undo.size() - 1; i >= 0; i--) {
      undo.get(i).run();
    }
  }

  private List<RowResult> applyRows(List<Row> rows, long now, List<Runnable> undo) {
    List<RowResult> results = new ArrayList<>(rows.size());
    for (Row row : rows) {
      results.add(applyRow(row, now, undo));
    }
    return List.copyOf(results);
  }

  private RowResult applyRow(Row row, long now, List<Runnable> undo) {
    return switch (row) {
      case Row.InboxInsert insert -> inboxInsert(insert, undo);
      case Row.InboxDelete(ActorId to, long seq) -> {
        setInbox(waiting(to, seq), null, undo);
        yield new RowResult.Done();
      }
      case Row.InboxUpdate(ActorId to, long seq, long due, int attempts) -> {
        Inbox old = require(contents.inbox.get(seq), to, seq);
        setInbox(old, old.with(due, attempts), undo);
        yield new RowResult.Done();
      }
      case Row.InboxBury(ActorId to, long seq, String reason, boolean partlyDone) -> {
        Inbox old = waiting(to, seq);
        setInbox(old, old.buriedFor(reason, now, partlyDone), undo);
        yield new RowResult.Done();
      }
      case Row.InboxDiscard(ActorId to, long seq) -> {
        Inbox dead = contents.inbox.get(seq);
        if (dead == null || !dead.to.equals(to) || !dead.buried()) {
          throw new PlexException(
              ErrorCode.CONFLICT, "inbox of " + to + ": message " + seq + " is not buried");
        }
        setInbox(dead, null, undo);
        yield new RowResult.Done();
      }
      case Row.MonitorInsert(ActorId watcher, String id, ActorId target) -> {
        contents.actor(watcher);
        MonitorKey key = new MonitorKey(watcher, id);
        Monitor known = contents.monitors.get(key);
        long no = known == null ? ++contents.monitorNo : known.no;
        setMonitor(key, new Monitor(no, target), undo);
        yield new RowResult.Inserted(no);
      }
      case Row.MonitorFire(ActorId watcher, String id, byte[] body) -> {
        MonitorKey key = new MonitorKey(watcher, id);
        if (!contents.monitors.containsKey(key)) {
          yield new RowResult.Done();
        }
        setMonitor(key, null, undo);
        yield inboxInsert(new Row.InboxInsert(watcher, id, 0, body), undo);
      }
      case Row.MonitorDelete(ActorId watcher, String id) -> {
        MonitorKey key = new MonitorKey(watcher, id);
        boolean held = contents.monitors.containsKey(key);
        Inbox told = held ? null : message(watcher, id);
        if (held) {
          setMonitor(key, null, undo);
        } else if (told != null && !told.buried()) {
          setInbox(told, null, undo);
        }
        yield RowResult.truth(held || (told != null && !told.buried()));
      }
      case Row.KvPut put -> {
        Kv old = kv(put.scope(), put.key());
        requireVersion(put.scope(), put.key(), put.expectedVersion(), old, now);
        setKv(put.scope(), put.key(), old.put(put.value(), put.expiresAtMillis()), undo);
        yield new RowResult.Done();
      }
      case Row.KvDelete delete -> {
        Kv old = kv(delete.scope(), delete.key());
        requireVersion(delete.scope(), delete.key(), delete.expectedVersion(), old, now);
        if (old.present(now)) {
          setKv(delete.scope(), delete.key(), old.deleted(now), undo);
        }
        yield new RowResult.Done();
      }
      case Row.KvIncrement increment -> increment(increment, now, undo);
      case Row.KvCompareAndSet cas -> compareAndSet(cas, now, undo);
      case Row.Idempotency idempotency -> {
        Actor actor = contents.actor(idempotency.actor());
        Bytes key = new Bytes(idempotency.keyHash());
        IdempotencyRecord old = actor.requests.get(key);
        undo.add(() -> restore(actor.requests, key, old));
        if (old == null) {
          String tenant = idempotency.actor().scope().tenant();
          contents.countRequests(tenant, 1);
          undo.add(() -> contents.countRequests(tenant, -1));
        }
        contents.requestExpires = Math.min(contents.requestExpires, idempotency.expiresAtMillis());
        actor.requests.put(
            key,
            new IdempotencyRecord(
                idempotency.bodyHash(), idempotency.reply(), idempotency.expiresAtMillis()));
        yield new RowResult.Done();
      }
    };
  }

  private RowResult inboxInsert(Row.InboxInsert insert, List<Runnable> undo) {
    Inbox known = message(insert.to(), insert.messageId());
    if (known != null) {
      return new RowResult.Inserted(known.seq);
    }
    contents.actor(insert.to());
    long seq = ++contents.inboxSeq;
    contents.inbox.put(
        seq,
        new Inbox(
            insert.to(),
            seq,
            insert.messageId(),
            insert.dueAtMillis(),
            0,
            Burial.NONE,
            false,
            insert.body()));
    undo.add(() -> contents.inbox.remove(seq));
    return new RowResult.Inserted(seq);
  }

  private Inbox message(ActorId to, String messageId) {
    for (Inbox row : contents.inbox.values()) {
      if (row.to.equals(to) && row.messageId.equals(messageId)) {
        return row;
      }
    }
    return null;
  }

  private void setMonitor(MonitorKey key, Monitor monitor, List<Runnable> undo) {
    Monitor old =
        monitor == null ? contents.monitors.remove(key) : contents.monitors.put(key, monitor);
    undo.add(() -> restore(contents.monitors, key, old));
  }

  private Inbox waiting(ActorId to, long seq) {
    Inbox row = require(contents.inbox.get(seq), to, seq);
    return require(row.buried() ? null : row, to, seq);
  }

  private static Inbox require(Inbox row, ActorId to, long seq) {
    if (row == null || !row.to.equals(to)) {
      throw new PlexException(
          ErrorCode.CONFLICT, "inbox of " + to + ": message " + seq + " is not waiting");
    }
    return row;
  }

  private void setInbox(Inbox old, Inbox row, List<Runnable> undo) {
    undo.add(() -> contents.inbox.put(old.seq, old));
    if (row == null) {
      contents.inbox.remove(old.seq);
    } else {
      contents.inbox.put(old.seq, row);
    }
  }

  private Kv kv(Scope scope, String key) {
    return contents.kv.getOrDefault(scope, NO_KEYS).getOrDefault(key, Kv.NEVER);
  }

  private void setKv(Scope scope, String key, Kv value, List<Runnable> undo) {
    TreeMap<String, Kv> keys = contents.kv.computeIfAbsent(scope, s -> new TreeMap<>(KEY_ORDER));
    Kv old = keys.put(key, value);
    undo.add(() -> restore(keys, key, old));
  }

  private static <K, V> void restore(Map<K, V> map, K key, V old) {
    if (old == null) {
      map.remove(key);
    } else {
      map.put(key, old);
    }
  }

  private static void requireVersion(
      Scope scope, String key, OptionalLong expected, Kv old, long now) {
    long version = old.present(now) ? old.version : 0;
    if (expected.isPresent() && expected.getAsLong() != version) {
      throw new StaleVersion(scope, key, version, expected.getAsLong());
    }
  }

  private RowResult increment(Row.KvIncrement row, long now, List<Runnable> undo) {
    Kv old = kv(row.scope(), row.key());
    boolean present = old.present(now);
    long sum;
    try {
      long value = present ? Long.parseLong(new String(old.value, StandardCharsets.UTF_8)) : 0;
      sum = Math.addExact(value, row.delta());
    } catch (NumberFormatException e) {
      return new RowResult.Failed("key " + row.key() + ": the value is not an integer");
    } catch (ArithmeticException e) {
      return new RowResult.Failed("key " + row.key() + ": the sum leaves the range of 64 bits");
    }
    byte[] text = Long.toString(sum).getBytes(StandardCharsets.UTF_8);
    setKv(row.scope(), row.key(), old.put(text, present ? old.expires : 0), undo);
    return new RowResult.Value(text);
  }

  private RowResult compareAndSet(Row.KvCompareAndSet row, long now, List<Runnable> undo) {
    Kv old = kv(row.scope(), row.key());
    boolean present = old.present(now);
    boolean same =
        row.expected().isPresent()
            ? present && Arrays.equals(old.value, row.expected().get())
            : !present;
    if (same && row.value().isPresent()) {
      Kv value = old.put(row.value().get(), present ? old.expires : 0);
      setKv(row.scope(), row.key(), value, undo);
    } else if (same && present) {
      setKv(row.scope(), row.key(), old.deleted(now), undo);
    }
    return RowResult.truth(same);
  }

  @Override
  public LoadedActor load(ActorId actor) {
    synchronized (lock) {
      requireOpen();
      Actor known = contents.actors.get(actor);
      if (known == null) {
        return new LoadedActor(1, 0, List.of(), Optional.empty(), 0);
      }
      Optional<LoadedActor.OpenTurn> open = Optional.empty();
      if (known.cursor.isOpen()) {
        open =
            Optional.of(
                new LoadedActor.OpenTurn(
                    known.cursor.open(),
                    List.copyOf(known.openRecords),
                    List.copyOf(known.openResults)));
      }
      return new LoadedActor(
          known.incarnation, known.cursor.next(), known.changes(), open, known.lastAtMillis);
    }
  }

  @Override
  public List<InboxRow> inbox(ActorId actor, long afterSeq, int limit) {
    synchronized (lock) {
      requireOpen();
      return contents.inbox.tailMap(afterSeq, false).values().stream()
          .filter(row -> !row.buried() && row.to.equals(actor))
          .limit(limit)
          .map(Inbox::view)
          .toList();
    }
  }

  @Override
  public List<ActorId> actorsWithWork() {
    synchronized (lock) {
      requireOpen();
      List<ActorId> found = new ArrayList<>();
      for (Inbox row : contents.inbox.values()) {
        if (!row.buried() && !found.contains(row.to)) {
          found.add(row.to);
        }
      }
      contents.actors.forEach(
          (id, actor) -> {
            if (actor.cursor.isOpen() && !found.contains(id)) {
              found.add(id);
            }
          });
      return found;
    }
  }

  @Override
  public List<MonitorRow> monitors(ActorId target, long afterNo, int limit) {
    synchronized (lock) {
      requireOpen();
      return contents.monitors.entrySet().stream()
          .filter(m -> m.getValue().no > afterNo && m.getValue().target.equals(target))
          .map(m -> new MonitorRow(m.getValue().no, m.getKey().watcher, m.getKey().id))
          .sorted(Comparator.comparingLong(MonitorRow::no))
          .limit(limit)
          .toList();
    }
  }

  @Override
  public List<ActorId> monitored(String type, int limit) {
    synchronized (lock) {
      requireOpen();
      return contents.monitors.values().stream()
          .map(Monitor::target)
          .filter(target -> target.type().equals(type))
          .distinct()
          .limit(limit)
          .toList();
    }
  }

  @Override
  public List<InboxRow> deadLetters(Scope scope, long afterSeq, int limit) {
    synchronized (lock) {
      requireOpen();
      return contents.inbox.tailMap(afterSeq, false).values().stream()
          .filter(row -> row.buried() && row.to.scope().equals(scope))
          .limit(limit)
          .map(Inbox::view)
          .toList();
    }
  }

  @Override
  public Optional<KvEntry> kvGet(Scope scope, String key) {
    synchronized (lock) {
      requireOpen();
      Kv kv = kv(scope, key);
      return kv.present(clock.millis()) ? Optional.of(kv.view(key)) : Optional.empty();
    }
  }

  @Override
  public List<KvEntry> kvList(Scope scope, String prefix, String afterKey, int limit) {
    synchronized (lock) {
      requireOpen();
      long now = clock.millis();
      return contents.kv.getOrDefault(scope, NO_KEYS).entrySet().stream()
          .filter(entry -> entry.getKey().startsWith(prefix))
          .filter(entry -> KEY_ORDER.compare(entry.getKey(), afterKey) > 0)
          .filter(entry -> entry.getValue().present(now))
          .limit(limit)
          .map(entry -> entry.getValue().view(entry.getKey()))
          .toList();
    }
  }

  @Override
  public Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash) {
    synchronized (lock) {
      requireOpen();
      Actor known = contents.actors.get(actor);
      if (known == null) {
        return Optional.empty();
      }
      return Optional.ofNullable(known.requests.get(new Bytes(keyHash)))
          .filter(found -> found.expiresAtMillis() > clock.millis());
    }
  }

  @Override
  public long idempotencyCount(String tenant) {
    synchronized (lock) {
      requireOpen();
      long now = clock.millis();
      if (contents.requestExpires <= now) {
        contents.sweepRequests(now);
      }
      return contents.requests.getOrDefault(tenant, 0L);
    }
  }

  @Override
  public List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit) {
    synchronized (lock) {
      requireOpen();
      Actor known = contents.actors.get(actor);
      if (known == null) {
        return List.of();
      }
      long oldest = clock.millis() - HISTORY_AGE.toMillis();
      return known.history.stream()
          .filter(entry -> entry.seq() < beforeSeq && entry.record().atMillis() >= oldest)
          .limit(limit)
          .toList();
    }
  }

  @Override
  public List<String> namespaces(String tenant) {
    synchronized (lock) {
      requireOpen();
      return contents.actors.keySet().stream()
          .filter(id -> id.scope().tenant().equals(tenant))
          .map(id -> id.scope().namespace())
          .distinct()
          .sorted(KEY_ORDER)
          .toList();
    }
  }

  @Override
  public List<String> actorKeys(Scope scope, String type, String afterKey, int limit) {
    synchronized (lock) {
      requireOpen();
      return contents.actors.keySet().stream()
          .filter(id -> id.scope().equals(scope) && id.type().equals(type))
          .map(ActorId::key)
          .filter(key -> KEY_ORDER.compare(key, afterKey) > 0)
          .sorted(KEY_ORDER)
          .limit(limit)
          .toList();
    }
  }

  @Override
  public List<RowResult> purge(List<ActorId> actors, List<Row> rows) {
    synchronized (lock) {
      requireOpen();
      List<Runnable> undo = new ArrayList<>();
      try {
        List<RowResult> results = applyRows(rows, clock.millis(), undo);
        for (Inbox row : contents.inbox.values()) {
          if (!row.buried() && actors.contains(row.to)) {
            throw new PlexException(
                ErrorCode.CONFLICT, "inbox of " + row.to + ": message " + row.seq + " waits");
          }
        }
        contents.seq++;
        contents.monitors.keySet().removeIf(key -> actors.contains(key.watcher));
        for (ActorId actor : actors) {
          contents.actors.computeIfPresent(
              actor,
              (id, known) -> {
                contents.countRequests(id.scope().tenant(), -known.requests.size());
                return new Actor(known.incarnation + 1);
              });
        }
        return results;
      } catch (PlexException refused) {
        undo(undo);
        throw refused;
      }
    }
  }

  @Override
  public void close() {
    synchronized (lock) {
      closed = true;
    }
  }

  private void requireOpen() {
    if (closed) {
      throw closedError();
    }
  }

  private static PlexException closedError() {
    return new PlexException(ErrorCode.UNAVAILABLE, "the store is closed");
  }

  /// Keys are ordered by their bytes in UTF-8, in every store.
  private static final Comparator<String> KEY_ORDER =
      (a, b) ->
          Arrays.compareUnsigned(
              a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));

  private static final TreeMap<String, Kv> NO_KEYS = new TreeMap<>(KEY_ORDER);

  /// What a disk would hold.
  private static final class Contents {
    long seq;
    long inboxSeq;
    long monitorNo;
    final Map<MonitorKey, Monitor> monitors = new LinkedHashMap<>();
    final Map<ActorId, Actor> actors = new LinkedHashMap<>();
    final TreeMap<Long, Inbox> inbox = new TreeMap<>();
    final Map<Scope, TreeMap<String, Kv>> kv = new HashMap<>();

    /// Remembered requests by tenant.
    final Map<String, Long> requests = new HashMap<>();

    /// No request expires earlier, milliseconds.
    long requestExpires = Long.MAX_VALUE;

    Actor actor(ActorId id) {
      return actors.computeIfAbsent(id, i -> new Actor(1));
    }

    void sweep(long now) {
      kv.values().forEach(keys -> keys.values().removeIf(value -> value.forgotten(now)));
      sweepRequests(now);
    }

    void sweepRequests(long now) {
      requestExpires = Long.MAX_VALUE;
      actors.forEach(
          (id, actor) -> {
            int before = actor.requests.size();
            actor.requests.values().removeIf(r -> r.expiresAtMillis() <= now);
            countRequests(id.scope().tenant(), actor.requests.size() - before);
            for (IdempotencyRecord left : actor.requests.values()) {
              requestExpires = Math.min(requestExpires, left.expiresAtMillis());
            }
          });
    }

    void countRequests(String tenant, long change) {
      if (change != 0) {
        requests.merge(tenant, change, Long::sum);
      }
    }
  }

  private static final class Actor {
    final int incarnation;
    TurnCursor cursor = TurnCursor.START;
    long lastAtMillis;
    final Map<String, Field> fields = new LinkedHashMap<>();
    final List<TurnRecord> openRecords = new ArrayList<>();
    final List<List<RowResult>> openResults = new ArrayList<>();
    final Map<Bytes, IdempotencyRecord> requests = new HashMap<>();
    final ArrayDeque<HistoryEntry> history = new ArrayDeque<>();

    Actor(int incarnation) {
      this.incarnation = incarnation;
    }

    void commit(long seq, TurnRecord record, List<RowResult> results, TurnCursor after) {
      cursor = after;
      lastAtMillis = record.atMillis();
      history.addFirst(new HistoryEntry(seq, record));
      if (history.size() > HISTORY_ROWS_MAX) {
        history.removeLast();
      }
      if (after.isOpen()) {
        openRecords.add(record);
        openResults.add(List.copyOf(results));
        return;
      }
      for (TurnRecord earlier : openRecords) {
        change(earlier);
      }
      openRecords.clear();
      openResults.clear();
      change(record);
    }

    private void change(TurnRecord record) {
      for (StateChange change : record.changes()) {
        fields.computeIfAbsent(change.field(), f -> new Field()).apply(change);
      }
    }

    List<StateChange> changes() {
      List<StateChange> changes = new ArrayList<>();
      fields.forEach(
          (name, field) -> {
            if (field.cleared) {
              changes.add(StateChange.clear(name));
            }
            field.entries.forEach((chunk, data) -> changes.add(StateChange.put(name, chunk, data)));
            field.elements.forEach(data -> changes.add(StateChange.append(name, data)));
          });
      return List.copyOf(changes);
    }
  }

  private static final class Field {
    boolean cleared;
    final Map<String, byte[]> entries = new LinkedHashMap<>();
    final List<byte[]> elements = new ArrayList<>();

    void apply(StateChange change) {
      switch (change.op()) {
        case PUT -> entries.put(change.chunk(), change.data());
        case APPEND -> elements.add(change.data());
        case DELETE -> {
          cleared = true;
          entries.remove(change.chunk());
        }
        case CLEAR -> {
          cleared = true;
          entries.clear();
          elements.clear();
        }
      }
    }
  }

  private record Inbox(
      ActorId to,
      long seq,
      String messageId,
      long dueAtMillis,
      int attempts,
      Burial burial,
      boolean partlyDone,
      byte[] body) {

    boolean buried() {
      return burial != Burial.NONE;
    }

    Inbox with(long due, int failed) {
      return new Inbox(to, seq, messageId, due, failed, Burial.NONE, partlyDone, body);
    }

    Inbox buriedFor(String why, long at, boolean partly) {
      return new Inbox(
          to,
          seq,
          messageId,
          dueAtMillis,
          attempts,
          new Burial(why, at),
          partlyDone || partly,
          body);
    }

    InboxRow view() {
      return new InboxRow(
          to,
          seq,
          messageId,
          dueAtMillis,
          attempts,
          burial.reason,
          burial.atMillis,
          partlyDone,
          body);
    }
  }

  private record MonitorKey(ActorId watcher, String id) {}

  private record Monitor(long no, ActorId target) {}

  private record Burial(String reason, long atMillis) {
    static final Burial NONE = new Burial("", 0);
  }

  /// @param value null once deleted
  private record Kv(byte[] value, long version, long expires) {
    static final Kv NEVER = new Kv(null, 0, 0);

    boolean present(long now) {
      return value != null && (expires == 0 || expires > now);
    }

    Kv put(byte[] newValue, long newExpires) {
      return new Kv(newValue, version + 1, newExpires);
    }

    Kv deleted(long now) {
      return new Kv(null, version, now);
    }

    boolean forgotten(long now) {
      return expires != 0 && expires + Row.VERSION_KEPT_MILLIS <= now;
    }

    KvEntry view(String key) {
      return new KvEntry(key, value, version, expires);
    }
  }

  private record Bytes(byte[] value) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Bytes bytes && Arrays.equals(value, bytes.value);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(value);
    }
  }
}
