package dev.plexspaces.store;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.IdempotencyRecord;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnCursor;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecordCodec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.store.KnownActor.TailRow;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteDataSource;

/// A store in one SQLite file: write-ahead log, one writer with group commit, readers beside it.
/// Source: DESIGN section 6, spec/turns section 9.
///
/// In its directory: `plexspaces.db` with SQLite's `-wal` and `-shm`, `plexspaces.witness` (up to
/// where the database was durable), `plexspaces.lock` (one process at a time), `plexspaces.ballast`
/// (room given up when the disk is full). A backup is a copy of the database made by SQLite,
/// without the witness.
public final class SqliteStore implements Store {

  /*
   * A read that may concern the unfolded log first copies the actor's tail from memory and then
   * opens its view of the database. The view holds everything folded before it; rows of the copy
   * that the view has folded are dropped. In the other order a fold in between would lose rows.
   */

  /// Longest wait of [#load] for the actor's queued commits, milliseconds.
  private static final long LOAD_WAIT_MILLIS = 30_000;

  private static final String MIGRATIONS = "db/migration";

  /// The file among [#MIGRATIONS] with the highest version.
  static final String NEWEST_MIGRATION = "V4__monitors.sql";

  private static final String LOCK_FILE = "plexspaces.lock";

  private static final Logger LOG = LoggerFactory.getLogger(SqliteStore.class);

  /// The directories that stores of this process have open.
  private static final Set<Path> OPEN_HERE = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final StoreOptions options;
  private final FileChannel lock;
  private final Database database;
  private final Writer writer;
  private final Readers readers;
  private final Keeper keeper;
  private final Thread keeperThread;
  private final int incarnation;
  private final Object closeLock = new Object();
  private volatile boolean closed;

  private SqliteStore(
      Path directory,
      StoreOptions options,
      FileChannel lock,
      Database database,
      Optional<Witness> witness)
      throws SQLException, IOException {
    this.directory = directory;
    this.options = options;
    this.lock = lock;
    this.database = database;
    long[] seq = database.row("SELECT seq FROM \"partition\" WHERE id = 0");
    String storeId = identity(database, seq[0] > 0 && witness.isEmpty());
    incarnation = (int) database.row("SELECT value FROM meta WHERE name = 'incarnation'")[0];
    Ballast ballast = new Ballast(directory, options.ballastBytes());
    if (!ballast.restore()) {
      LOG.warn("the disk of {} is nearly full", directory);
    }
    writer = new Writer(database, options, ballast);
    writer.recover();
    readers = new Readers(directory, options.readers());
    keeper = new Keeper(directory, writer, database, storeId, options);
    writer.onBatch(keeper::wrote);
    new Witness(storeId, writer.durableSeq()).write(directory);
    Thread writerThread = options.threads().newThread(writer);
    writerThread.setName("store-writer");
    writer.runsOn(writerThread);
    keeperThread = options.threads().newThread(keeper);
    keeperThread.setName("store-keeper");
    writerThread.start();
    keeperThread.start();
  }

  /// Opens the store of a directory, creating both when they are not there. Finishes what an
  /// unclean stop left: the log's checksums are verified and its tail is folded.
  ///
  /// A database without its witness is taken for a restored backup: [#incarnation] rises.
  ///
  /// @throws PlexException `UNAVAILABLE` when another process has it open, when the database is
  ///   missing, damaged or older than its witness, or when it cannot be read or written
  public static SqliteStore open(Path directory, StoreOptions options) {
    try {
      OwnerOnly.directory(directory);
      Path real = directory.toRealPath();
      try {
        return openOnce(real, options);
      } catch (SQLException e) {
        if (!Database.isFull(e)) {
          throw e;
        }
        // The start itself must write a little; that is what the ballast is for.
        new Ballast(real, options.ballastBytes()).release();
        return openOnce(real, options);
      }
    } catch (SQLException | IOException | FlywayException e) {
      if (e instanceof SQLException sql && Database.isFull(sql)) {
        throw Database.unavailable(
            "the disk of " + directory + " is full; make room and start again", e);
      }
      throw Database.unavailable("cannot open " + directory, e);
    }
  }

  private static SqliteStore openOnce(Path directory, StoreOptions options)
      throws SQLException, IOException {
    FileChannel lock = lock(directory);
    Database database = null;
    SqliteStore store = null;
    try {
      Optional<Witness> witness = Witness.read(directory);
      requireWitnessed(directory, witness);
      OwnerOnly.create(directory.resolve(Database.FILE));
      database = Database.writer(directory);
      migrate(directory, database);
      store = new SqliteStore(directory, options, lock, database, witness);
      return store;
    } finally {
      if (store == null) {
        release(directory, database, lock);
      }
    }
  }

  private static void release(Path directory, Database database, FileChannel lock) {
    try {
      if (database != null) {
        database.close();
      }
      unlock(directory, lock);
    } catch (SQLException | IOException e) {
      LOG.warn("closing what could not be opened: {}", e.getMessage());
    }
  }

  private static FileChannel lock(Path directory) throws IOException {
    // Asked first: opening and closing the file again would let go of the lock this process holds.
    if (!OPEN_HERE.add(directory)) {
      throw lockedOut(directory);
    }
    FileChannel channel = null;
    boolean mine = false;
    try {
      channel =
          OwnerOnly.open(
              directory.resolve(LOCK_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      mine = channel.tryLock() != null;
    } finally {
      if (!mine) {
        OPEN_HERE.remove(directory);
        if (channel != null) {
          channel.close();
        }
      }
    }
    if (!mine) {
      throw lockedOut(directory);
    }
    return channel;
  }

  private static void unlock(Path directory, FileChannel lock) throws IOException {
    lock.close();
    OPEN_HERE.remove(directory);
  }

  private static PlexException lockedOut(Path directory) {
    return Database.unavailable(
        "another process has "
            + directory
            + " open; one store serves one process, give the second another directory",
        null);
  }

  /// Compares the database with its witness, before anything writes to it.
  private static void requireWitnessed(Path directory, Optional<Witness> witness)
      throws IOException, SQLException {
    Path file = directory.resolve(Database.FILE);
    Path wal = directory.resolve(Database.FILE + "-wal");
    boolean hasWal = Files.exists(wal) && Files.size(wal) > 0;
    if (!Files.exists(file) || Files.size(file) == 0) {
      if (witness.isPresent() || hasWal) {
        throw refused(
            "the database " + Database.FILE + " is missing",
            witness.map(Witness::seq).orElse(0L),
            "Restore it, or delete all files of the store to start empty");
      }
      return;
    }
    if (witness.isEmpty()) {
      LOG.warn("no witness beside the database: taken for a restored backup");
      return;
    }
    // SQLite empties the log when its last connection closes, unless that one only reads: after a
    // refusal the files must be as they were, for whoever has to save what can be saved.
    try (Database database = hasWal ? Database.untouched(directory) : Database.writer(directory)) {
      boolean known =
          database.row("SELECT 1 FROM sqlite_master WHERE name = 'partition'").length > 0;
      long seq = known ? database.row("SELECT seq FROM \"partition\" WHERE id = 0")[0] : -1;
      String storeId = known ? text(database, "store_id") : "";
      if (!witness.get().storeId().equals(storeId) && known && seq > 0) {
        throw refused(
            "the database is not the one its witness speaks of",
            witness.get().seq(),
            "Bring back the right database, or delete the witness to take this one as a backup");
      }
      if (seq < witness.get().seq()) {
        throw refused(
            "the database ends at commit " + Math.max(0, seq) + " and is older than its witness",
            witness.get().seq(),
            "Acknowledged commits are missing: restore "
                + Database.FILE
                + " and its -wal file, or delete the witness to go on from this older state");
      }
    }
  }

  private static PlexException refused(String what, long seq, String todo) {
    return Database.unavailable(
        what + "; " + Witness.FILE + " says commit " + seq + " was durable. " + todo, null);
  }

  private static void migrate(Path directory, Database database) throws SQLException, IOException {
    if (isCurrent(database)) {
      return;
    }
    SQLiteDataSource source = new SQLiteDataSource();
    source.setUrl("jdbc:sqlite:file:" + directory.resolve(Database.FILE).toUri().getRawPath());
    // No fsync for each statement: the commit that follows in identity() covers the migration.
    source.setSynchronous("NORMAL");
    Flyway.configure(SqliteStore.class.getClassLoader())
        .dataSource(source)
        .locations("classpath:" + MIGRATIONS)
        .load()
        .migrate();
  }

  /// True when the newest migration is the last one applied, unchanged. Asked before Flyway, which
  /// takes longer to start than the rest of the store.
  private static boolean isCurrent(Database database) throws SQLException, IOException {
    if (database.row("SELECT 1 FROM sqlite_master WHERE name = 'flyway_schema_history'").length
        == 0) {
      return false;
    }
    PreparedStatement select =
        database.sql(
            "SELECT success FROM flyway_schema_history WHERE script = ? AND checksum = ?"
                + " AND installed_rank = (SELECT max(installed_rank) FROM flyway_schema_history)");
    select.setString(1, NEWEST_MIGRATION);
    select.setInt(2, checksum(NEWEST_MIGRATION));
    try (ResultSet found = select.executeQuery()) {
      return found.next() && found.getInt(1) == 1;
    }
  }

  /// Flyway's checksum of a migration: CRC-32 of its lines without their ends.
  private static int checksum(String migration) throws IOException {
    CRC32 crc = new CRC32();
    try (InputStream in =
        SqliteStore.class.getResourceAsStream("/" + MIGRATIONS + "/" + migration)) {
      new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .forEach(line -> crc.update(line.getBytes(StandardCharsets.UTF_8)));
    }
    return (int) crc.getValue();
  }

  /// Opens a new epoch, which fences a former owner, and settles who this database is.
  ///
  /// @return the id of the store
  private static String identity(Database database, boolean restored) throws SQLException {
    database.run("BEGIN IMMEDIATE");
    database.run("UPDATE \"partition\" SET epoch = epoch + 1 WHERE id = 0");
    database.run(
        "INSERT OR IGNORE INTO meta VALUES ('store_id', lower(hex(randomblob(16)))),"
            + " ('incarnation', '1')");
    if (restored) {
      database.run("UPDATE meta SET value = value + 1 WHERE name = 'incarnation'");
    }
    database.run("COMMIT");
    return text(database, "store_id");
  }

  private static String text(Database database, String name) throws SQLException {
    PreparedStatement select = database.sql("SELECT value FROM meta WHERE name = ?");
    select.setString(1, name);
    try (ResultSet found = select.executeQuery()) {
      return found.next() ? found.getString(1) : "";
    }
  }

  @Override
  public int incarnation() {
    return incarnation;
  }

  @Override
  public void submit(Commit commit, Commit.Listener listener) {
    writer.submit(commit, listener);
  }

  @Override
  public LoadedActor load(ActorId actor) {
    KnownActor known = writer.known(actor);
    List<TailRow> tail = List.of();
    if (known != null) {
      requireOpen();
      awaitSettled(known);
      tail = known.tail();
    }
    List<TailRow> copied = tail;
    return readers.read(database -> load(database, actor, copied));
  }

  private static void awaitSettled(KnownActor actor) {
    try {
      if (!actor.awaitSettled(LOAD_WAIT_MILLIS)) {
        throw Database.unavailable(
            "actor " + actor.id + " has commits queued for too long; try again later", null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Database.unavailable("interrupted while waiting for queued commits", e);
    }
  }

  /// The identity of an actor in one view.
  private record Identity(long no, int incarnation) {
    static final Identity NONE = new Identity(0, 1);
  }

  private static Identity identity(Database database, ActorId actor) throws SQLException {
    PreparedStatement select =
        database.sql(
            "SELECT a.actor_no, a.incarnation FROM scope s JOIN actor a ON a.scope_no = s.scope_no"
                + " WHERE s.tenant = ? AND s.namespace = ? AND a.type = ? AND a.\"key\" = ?");
    select.setString(1, actor.scope().tenant());
    select.setString(2, actor.scope().namespace());
    select.setString(3, actor.type());
    select.setString(4, actor.key());
    try (ResultSet found = select.executeQuery()) {
      return found.next() ? new Identity(found.getLong(1), found.getInt(2)) : Identity.NONE;
    }
  }

  private static LoadedActor load(Database database, ActorId actor, List<TailRow> tail)
      throws SQLException {
    Identity identity = identity(database, actor);
    List<StateChange> changes = new ArrayList<>();
    Progress progress = state(database, identity.no(), changes);
    TurnCursor cursor = progress.cursor();
    long lastAt = progress.atMillis();
    List<TurnRecord> open = new ArrayList<>();
    List<List<RowResult>> openResults = new ArrayList<>();
    if (cursor.isOpen()) {
      steps(database, identity.no(), open, openResults);
    }
    for (TailRow row : tail) {
      if (row.seq() <= progress.foldedSeq() || row.record() == null) {
        continue;
      }
      cursor = cursor.after(actor, row.record());
      lastAt = row.record().atMillis();
      open.add(row.record());
      openResults.add(results(row.results()));
      if (!cursor.isOpen()) {
        open.forEach(record -> changes.addAll(record.changes()));
        open.clear();
        openResults.clear();
      }
    }
    Optional<LoadedActor.OpenTurn> openTurn =
        cursor.isOpen()
            ? Optional.of(
                new LoadedActor.OpenTurn(
                    cursor.open(), List.copyOf(open), List.copyOf(openResults)))
            : Optional.empty();
    return new LoadedActor(
        identity.incarnation(), cursor.next(), List.copyOf(changes), openTurn, lastAt);
  }

  private static Progress state(Database database, long actorNo, List<StateChange> changes)
      throws SQLException {
    Progress progress = Progress.NONE;
    PreparedStatement select =
        database.sql(
            "SELECT field, pos, chunk, data FROM state WHERE actor_no = ?"
                + " ORDER BY field, pos, chunk");
    select.setLong(1, actorNo);
    try (ResultSet found = select.executeQuery()) {
      while (found.next()) {
        String field = found.getString(1);
        int pos = found.getInt(2);
        byte[] data = found.getBytes(4);
        data = data == null ? new byte[0] : data;
        if (pos == Fold.POS_PROGRESS) {
          progress = Progress.of(data);
        } else if (pos == Fold.POS_CLEARED) {
          changes.add(StateChange.clear(field));
        } else if (pos == Fold.POS_ENTRY) {
          changes.add(StateChange.put(field, found.getString(3), data));
        } else {
          changes.add(StateChange.append(field, data));
        }
      }
    }
    return progress;
  }

  private static void steps(
      Database database, long actorNo, List<TurnRecord> records, List<List<RowResult>> answers)
      throws SQLException {
    PreparedStatement select =
        database.sql("SELECT record, results FROM step WHERE actor_no = ? ORDER BY seq");
    select.setLong(1, actorNo);
    try (ResultSet found = select.executeQuery()) {
      while (found.next()) {
        records.add(TurnRecordCodec.decode(found.getBytes(1)));
        answers.add(results(found.getBytes(2)));
      }
    }
  }

  private static List<RowResult> results(byte[] encoded) {
    return encoded == null ? List.of() : TurnRecordCodec.decodeResults(encoded);
  }

  @Override
  public List<InboxRow> inbox(ActorId actor, long afterSeq, int limit) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT seq, message_id, due_at, attempts, reason, body, buried_at, partly_done"
                      + " FROM inbox WHERE to_no = ? AND seq > ? AND buried = 0 ORDER BY seq LIMIT ?");
          select.setLong(1, identity(database, actor).no());
          select.setLong(2, afterSeq);
          select.setInt(3, limit);
          return all(select, found -> inboxRow(actor, found));
        });
  }

  /// Makes something of one row.
  @FunctionalInterface
  private interface RowReader<T> {
    T read(ResultSet row) throws SQLException;
  }

  private static <T> List<T> all(PreparedStatement select, RowReader<T> reader)
      throws SQLException {
    List<T> rows = new ArrayList<>();
    try (ResultSet found = select.executeQuery()) {
      while (found.next()) {
        rows.add(reader.read(found));
      }
    }
    return rows;
  }

  private static InboxRow inboxRow(ActorId to, ResultSet found) throws SQLException {
    byte[] body = found.getBytes(6);
    return new InboxRow(
        to,
        found.getLong(1),
        found.getString(2),
        found.getLong(3),
        found.getInt(4),
        found.getString(5),
        found.getLong(7),
        found.getInt(8) != 0,
        body == null ? new byte[0] : body);
  }

  @Override
  public List<MonitorRow> monitors(ActorId target, long afterNo, int limit) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT m.monitor_no, a.type, a.\"key\", m.monitor_id FROM monitor m"
                      + " JOIN actor a ON a.actor_no = m.watcher_no WHERE m.target_type = ?"
                      + " AND m.scope_no = (SELECT scope_no FROM scope WHERE tenant = ?"
                      + " AND namespace = ?) AND m.target_key = ? AND m.monitor_no > ?"
                      + " ORDER BY m.monitor_no LIMIT ?");
          select.setString(1, target.type());
          select.setString(2, target.scope().tenant());
          select.setString(3, target.scope().namespace());
          select.setString(4, target.key());
          select.setLong(5, afterNo);
          select.setInt(6, limit);
          return all(
              select,
              found -> {
                ActorId watcher =
                    new ActorId(target.scope(), found.getString(2), found.getString(3));
                return new MonitorRow(found.getLong(1), watcher, found.getString(4));
              });
        });
  }

  @Override
  public List<ActorId> monitored(String type, int limit) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT DISTINCT s.tenant, s.namespace, m.target_key FROM monitor m"
                      + " JOIN scope s ON s.scope_no = m.scope_no WHERE m.target_type = ?"
                      + " LIMIT ?");
          select.setString(1, type);
          select.setInt(2, limit);
          return all(
              select,
              found -> {
                Scope scope = new Scope(found.getString(1), found.getString(2));
                return new ActorId(scope, type, found.getString(3));
              });
        });
  }

  @Override
  public List<InboxRow> deadLetters(Scope scope, long afterSeq, int limit) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT i.seq, i.message_id, i.due_at, i.attempts, i.reason, i.body,"
                      + " i.buried_at, i.partly_done, a.type, a.\"key\" FROM inbox i JOIN actor a ON a.actor_no = i.to_no"
                      + " WHERE i.scope_no = (SELECT scope_no FROM scope WHERE tenant = ?"
                      + " AND namespace = ?) AND i.seq > ? AND i.buried = 1"
                      + " ORDER BY i.seq LIMIT ?");
          select.setString(1, scope.tenant());
          select.setString(2, scope.namespace());
          select.setLong(3, afterSeq);
          select.setInt(4, limit);
          return all(
              select,
              found -> {
                ActorId to = new ActorId(scope, found.getString(9), found.getString(10));
                return inboxRow(to, found);
              });
        });
  }

  @Override
  public List<ActorId> actorsWithWork() {
    requireOpen();
    // Turns that are open in the tail only, or ended in the tail only.
    Map<ActorId, List<TailRow>> tails = new LinkedHashMap<>();
    for (KnownActor actor : writer.knownWithTail()) {
      tails.put(actor.id, actor.tail());
    }
    return readers.read(
        database -> {
          Map<ActorId, Boolean> found = new LinkedHashMap<>();
          actors(
              database,
              "SELECT DISTINCT to_no AS no FROM inbox WHERE buried = 0",
              id -> found.put(id, true));
          actors(
              database,
              "SELECT DISTINCT actor_no AS no FROM step",
              id -> found.putIfAbsent(id, false));
          List<ActorId> working = new ArrayList<>();
          for (Map.Entry<ActorId, Boolean> entry : found.entrySet()) {
            List<TailRow> tail = tails.remove(entry.getKey());
            if (entry.getValue()
                || tail == null
                || load(database, entry.getKey(), tail).open().isPresent()) {
              working.add(entry.getKey());
            }
          }
          for (Map.Entry<ActorId, List<TailRow>> entry : tails.entrySet()) {
            if (load(database, entry.getKey(), entry.getValue()).open().isPresent()) {
              working.add(entry.getKey());
            }
          }
          return working;
        });
  }

  private static void actors(Database database, String numbers, Consumer<ActorId> sink)
      throws SQLException {
    PreparedStatement select =
        database.sql(
            "SELECT s.tenant, s.namespace, a.type, a.\"key\" FROM ("
                + numbers
                + ") n JOIN actor a ON a.actor_no = n.no JOIN scope s ON s.scope_no = a.scope_no"
                + " ORDER BY n.no");
    try (ResultSet found = select.executeQuery()) {
      while (found.next()) {
        sink.accept(
            new ActorId(
                new Scope(found.getString(1), found.getString(2)),
                found.getString(3),
                found.getString(4)));
      }
    }
  }

  @Override
  public Optional<KvEntry> kvGet(Scope scope, String key) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT k.value, k.version, k.expires FROM scope s JOIN kv k"
                      + " ON k.scope_no = s.scope_no WHERE s.tenant = ? AND s.namespace = ?"
                      + " AND k.\"key\" = ? AND k.value IS NOT NULL"
                      + " AND (k.expires = 0 OR k.expires > ?)");
          select.setString(1, scope.tenant());
          select.setString(2, scope.namespace());
          select.setString(3, key);
          select.setLong(4, options.clock().millis());
          try (ResultSet found = select.executeQuery()) {
            if (!found.next()) {
              return Optional.empty();
            }
            return Optional.of(
                new KvEntry(key, found.getBytes(1), found.getLong(2), found.getLong(3)));
          }
        });
  }

  @Override
  public List<KvEntry> kvList(Scope scope, String prefix, String afterKey, int limit) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT k.\"key\", k.value, k.version, k.expires FROM scope s JOIN kv k"
                      + " ON k.scope_no = s.scope_no WHERE s.tenant = ? AND s.namespace = ?"
                      + " AND k.\"key\" >= ? AND k.\"key\" > ? AND k.value IS NOT NULL"
                      + " AND (k.expires = 0 OR k.expires > ?) ORDER BY k.\"key\"");
          select.setString(1, scope.tenant());
          select.setString(2, scope.namespace());
          select.setString(3, prefix);
          select.setString(4, afterKey);
          select.setLong(5, options.clock().millis());
          List<KvEntry> entries = new ArrayList<>();
          try (ResultSet found = select.executeQuery()) {
            while (entries.size() < limit && found.next()) {
              String key = found.getString(1);
              if (!key.startsWith(prefix)) {
                break;
              }
              entries.add(new KvEntry(key, found.getBytes(2), found.getLong(3), found.getLong(4)));
            }
          }
          return entries;
        });
  }

  @Override
  public Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash) {
    long now = options.clock().millis();
    for (TailRow row : tail(actor).reversed()) {
      for (Row.Idempotency request : row.requests().reversed()) {
        if (Arrays.equals(request.keyHash(), keyHash)) {
          return Optional.of(
                  new IdempotencyRecord(
                      request.bodyHash(), request.reply(), request.expiresAtMillis()))
              .filter(found -> found.expiresAtMillis() > now);
        }
      }
    }
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT body_hash, reply, expires FROM idempotency"
                      + " WHERE actor_no = ? AND key_hash = ? AND expires > ?");
          select.setLong(1, identity(database, actor).no());
          select.setBytes(2, keyHash);
          select.setLong(3, now);
          try (ResultSet found = select.executeQuery()) {
            if (!found.next()) {
              return Optional.empty();
            }
            return Optional.of(
                new IdempotencyRecord(
                    found.getBytes(1), Optional.ofNullable(found.getBytes(2)), found.getLong(3)));
          }
        });
  }

  @Override
  public long idempotencyCount(String tenant) {
    requireOpen();
    return writer.requestCounts().of(tenant);
  }

  private List<TailRow> tail(ActorId actor) {
    requireOpen();
    KnownActor known = writer.known(actor);
    return known == null ? List.of() : known.tail();
  }

  @Override
  public List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit) {
    List<TailRow> tail = tail(actor);
    return readers.read(
        database -> {
          long no = identity(database, actor).no();
          Progress progress = progress(database, no);
          HistoryPage page =
              new HistoryPage(
                  beforeSeq,
                  limit,
                  options.clock().millis() - options.history().age().toMillis(),
                  options.history().rowsMax());
          for (TailRow row : tail.reversed()) {
            if (row.record() != null && row.seq() > progress.foldedSeq()) {
              page.add(row);
            }
          }
          long next = progress.historyNo();
          PreparedStatement select =
              database.sql(
                  "SELECT previous, records FROM history WHERE history_no = ? AND actor_no = ?");
          while (next != 0 && !page.isFull()) {
            select.setLong(1, next);
            select.setLong(2, no);
            next = 0;
            try (ResultSet found = select.executeQuery()) {
              if (found.next()) {
                next = found.getLong(1);
                Fold.historyRows(found.getBytes(2)).reversed().forEach(page::add);
              }
            }
          }
          return page.entries;
        });
  }

  /// Collects history newest first, up to the limit of the page and of what is kept.
  private static final class HistoryPage {
    private final List<HistoryEntry> entries = new ArrayList<>();
    private final long beforeSeq;
    private final int limit;
    private final long oldestMillis;
    private int keptLeft;

    /// @param oldestMillis older commits are on their way out and not shown
    HistoryPage(long beforeSeq, int limit, long oldestMillis, int kept) {
      this.beforeSeq = beforeSeq;
      this.limit = limit;
      this.oldestMillis = oldestMillis;
      this.keptLeft = kept;
    }

    boolean isFull() {
      return entries.size() >= limit || keptLeft <= 0;
    }

    void add(TailRow row) {
      if (row.record().atMillis() < oldestMillis) {
        // What comes is older still: an actor's time never goes back.
        keptLeft = 0;
        return;
      }
      if (!isFull() && row.seq() < beforeSeq) {
        entries.add(new HistoryEntry(row.seq(), row.record()));
      }
      keptLeft--;
    }
  }

  private static Progress progress(Database database, long actorNo) throws SQLException {
    PreparedStatement select =
        database.sql(
            "SELECT data FROM state WHERE actor_no = ? AND field = '' AND pos = -2 AND chunk = ''");
    select.setLong(1, actorNo);
    try (ResultSet found = select.executeQuery()) {
      return found.next() ? Progress.of(found.getBytes(1)) : Progress.NONE;
    }
  }

  @Override
  public List<String> namespaces(String tenant) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT namespace FROM scope s WHERE tenant = ? AND EXISTS"
                      + " (SELECT 1 FROM actor a WHERE a.scope_no = s.scope_no)"
                      + " ORDER BY namespace");
          select.setString(1, tenant);
          return texts(select);
        });
  }

  @Override
  public List<String> actorKeys(Scope scope, String type, String afterKey, int limit) {
    return readers.read(
        database -> {
          PreparedStatement select =
              database.sql(
                  "SELECT \"key\" FROM actor WHERE scope_no = (SELECT scope_no FROM scope"
                      + " WHERE tenant = ? AND namespace = ?) AND type = ? AND \"key\" > ?"
                      + " ORDER BY \"key\" LIMIT ?");
          select.setString(1, scope.tenant());
          select.setString(2, scope.namespace());
          select.setString(3, type);
          select.setString(4, afterKey);
          select.setInt(5, limit);
          return texts(select);
        });
  }

  private static List<String> texts(PreparedStatement select) throws SQLException {
    List<String> found = new ArrayList<>();
    try (ResultSet rows = select.executeQuery()) {
      while (rows.next()) {
        found.add(rows.getString(1));
      }
    }
    return found;
  }

  @Override
  public List<RowResult> purge(List<ActorId> actors, List<Row> rows) {
    Writer.Purge purge = new Writer.Purge(actors, rows);
    writer.order(() -> writer.purge(purge));
    return purge.results();
  }

  /// What the store did and where it stands. Cheap.
  public StoreStats stats() {
    return writer.stats(keeper.walPages());
  }

  /// Folds the whole log now; returns when it is done.
  void fold() {
    writer.order(writer::foldAll);
  }

  /// Runs something on the writer thread, between two batches.
  void onWriter(Writer.Action action) {
    writer.order(action);
  }

  /// Removes what expired; on the writer thread.
  void sweepNow() throws SQLException {
    writer.sweep();
  }

  /// Renews the witness now.
  void witness() {
    keeper.witness();
  }

  /// Lends a connection that reads.
  <T> T read(Readers.Query<T> query) {
    return readers.read(query);
  }

  void plant(Writer.Fault fault) {
    writer.plant(fault);
  }

  /// The writer's connection; for tests, on the writer thread.
  Database database() {
    return database;
  }

  private void requireOpen() {
    if (closed) {
      throw Database.unavailable("it is closed", null);
    }
  }

  @Override
  public void close() {
    synchronized (closeLock) {
      if (closed) {
        return;
      }
      keeper.stop();
      writer.close();
      joinKeeper();
      closed = true;
      try {
        readers.close();
        keeper.witness();
        keeper.close();
        // The last connection empties the log into the database.
        database.close();
      } catch (SQLException e) {
        LOG.warn("closing the database of {}: {}", directory, e.getMessage());
      }
      try {
        unlock(directory, lock);
      } catch (IOException e) {
        LOG.warn("letting go of {}: {}", directory, e.getMessage());
      }
    }
  }

  private void joinKeeper() {
    try {
      keeperThread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
