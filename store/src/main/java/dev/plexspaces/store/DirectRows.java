package dev.plexspaces.store;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StaleVersion;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// The inbox, monitor and key-value rows of one transaction. Belongs to the writer thread.
final class DirectRows {

  /*
   * A transaction carries many commits, and one that is refused must leave no trace. So rows are
   * applied to cells in memory, read from the table when first touched; a refused commit is undone
   * there, and what remains is written once per row, in key order, before the transaction ends. A
   * counter raised a thousand times in a batch is one write.
   */

  /// Gives actors and scopes their numbers, creating rows where asked.
  interface Numbers {
    /// Number of an actor, 0 when it has no row.
    long find(ActorId actor) throws SQLException;

    /// Number of an actor that gets a row now if it has none.
    long create(ActorId actor) throws SQLException;

    int scope(Scope scope) throws SQLException;
  }

  private record InboxKey(long to, long seq) implements Comparable<InboxKey> {
    @Override
    public int compareTo(InboxKey other) {
      int order = Long.compare(to, other.to);
      return order != 0 ? order : Long.compare(seq, other.seq);
    }
  }

  private record MessageKey(long to, String messageId) {}

  /// @param stored true when the table holds the row
  /// @param present false once consumed
  /// @param fresh the insert, for a row the table does not hold
  private record InboxCell(
      boolean stored,
      boolean present,
      boolean changed,
      long dueAt,
      int attempts,
      Burial burial,
      boolean partlyDone,
      int scopeNo,
      Row.InboxInsert fresh) {

    static final InboxCell ABSENT =
        new InboxCell(false, false, false, 0, 0, Burial.NONE, false, 0, null);

    boolean buried() {
      return burial.buried();
    }

    InboxCell consumed() {
      return new InboxCell(
          stored, false, true, dueAt, attempts, burial, partlyDone, scopeNo, fresh);
    }

    InboxCell moved(long newDueAt, int newAttempts) {
      return new InboxCell(
          stored, true, true, newDueAt, newAttempts, Burial.NONE, partlyDone, scopeNo, fresh);
    }

    InboxCell buriedFor(String why, long at, boolean partly) {
      return new InboxCell(
          stored,
          true,
          true,
          dueAt,
          attempts,
          new Burial(true, why, at),
          partlyDone || partly,
          scopeNo,
          fresh);
    }
  }

  /// @param at wall clock, milliseconds; 0 when not known
  private record Burial(boolean buried, String reason, long at) {
    static final Burial NONE = new Burial(false, "", 0);
  }

  private record MonitorKey(long watcher, String id) {}

  /// @param stored number of the row the table holds; 0 for none
  /// @param no number of the monitor; 0 for none
  /// @param fresh the insert, for a row the table does not hold
  private record MonitorCell(long stored, long no, int scopeNo, Row.MonitorInsert fresh) {

    boolean present() {
      return no != 0;
    }

    MonitorCell gone() {
      return new MonitorCell(stored, 0, 0, null);
    }
  }

  private record KvKey(int scopeNo, String key) implements Comparable<KvKey> {
    @Override
    public int compareTo(KvKey other) {
      int order = Integer.compare(scopeNo, other.scopeNo);
      return order != 0 ? order : key.compareTo(other.key);
    }
  }

  /// @param value null when deleted or never written
  private record KvCell(long version, byte[] value, long expires, boolean changed) {
    static final KvCell NEVER = new KvCell(0, null, 0, false);

    boolean present(long now) {
      return value != null && (expires == 0 || expires > now);
    }

    KvCell put(byte[] newValue, long newExpires) {
      return new KvCell(version + 1, newValue, newExpires, true);
    }

    KvCell deleted(long now) {
      return new KvCell(version, null, now, true);
    }
  }

  private final Database database;
  private final Numbers numbers;
  private final Map<InboxKey, InboxCell> inbox = new HashMap<>();
  private final Map<MessageKey, Long> messages = new HashMap<>();
  private final Map<MonitorKey, MonitorCell> monitors = new LinkedHashMap<>();
  private final Map<KvKey, KvCell> kv = new HashMap<>();
  private final List<Runnable> undo = new ArrayList<>();
  private long inboxSeq;

  /// Highest number given to a monitor.
  private long monitorNo;

  DirectRows(Database database, Numbers numbers, long inboxSeq) throws SQLException {
    this.database = database;
    this.numbers = numbers;
    this.inboxSeq = inboxSeq;
    this.monitorNo = database.row("SELECT coalesce(max(monitor_no), 0) FROM monitor")[0];
  }

  /// Highest inbox sequence given out.
  long inboxSeq() {
    return inboxSeq;
  }

  /// Forgets everything; call before each transaction.
  void reset() {
    inbox.clear();
    messages.clear();
    monitors.clear();
    kv.clear();
    undo.clear();
  }

  /// Applies the rows of one commit, or none of them.
  ///
  /// @param now wall clock, milliseconds
  /// @return one answer per row; [Row.Idempotency] rows are only answered here
  /// @throws PlexException `CONFLICT` when a precondition fails
  List<RowResult> apply(List<Row> rows, long now) throws SQLException {
    undo.clear();
    List<RowResult> results = new ArrayList<>(rows.size());
    try {
      for (Row row : rows) {
        results.add(apply(row, now));
      }
    } catch (PlexException refused) {
      for (int i = undo.size() - 1; i >= 0; i--) {
        undo.get(i).run();
      }
      throw refused;
    }
    return List.copyOf(results);
  }

  private RowResult apply(Row row, long now) throws SQLException {
    return switch (row) {
      case Row.InboxInsert insert -> inboxInsert(insert);
      case Row.InboxDelete(ActorId to, long seq) -> {
        InboxKey key = new InboxKey(numbers.find(to), seq);
        set(key, waiting(key, to).consumed());
        yield new RowResult.Done();
      }
      case Row.InboxUpdate(ActorId to, long seq, long dueAt, int attempts) -> {
        InboxKey key = new InboxKey(numbers.find(to), seq);
        set(key, present(key, to).moved(dueAt, attempts));
        yield new RowResult.Done();
      }
      case Row.InboxBury(ActorId to, long seq, String reason, boolean partlyDone) -> {
        InboxKey key = new InboxKey(numbers.find(to), seq);
        set(key, waiting(key, to).buriedFor(reason, now, partlyDone));
        yield new RowResult.Done();
      }
      case Row.InboxDiscard(ActorId to, long seq) -> {
        InboxKey key = new InboxKey(numbers.find(to), seq);
        InboxCell cell = cell(key);
        if (!cell.present() || !cell.buried()) {
          throw new PlexException(
              ErrorCode.CONFLICT, "inbox of " + to + ": message " + seq + " is not buried");
        }
        set(key, cell.consumed());
        yield new RowResult.Done();
      }
      case Row.MonitorInsert insert -> monitorInsert(insert);
      case Row.MonitorFire(ActorId watcher, String id, byte[] body) -> {
        MonitorKey key = new MonitorKey(numbers.find(watcher), id);
        yield endMonitor(key)
            ? inboxInsert(new Row.InboxInsert(watcher, id, 0, body))
            : new RowResult.Done();
      }
      case Row.MonitorDelete(ActorId watcher, String id) -> {
        MonitorKey key = new MonitorKey(numbers.find(watcher), id);
        yield RowResult.truth(endMonitor(key) || takeBack(key));
      }
      case Row.KvPut put -> {
        KvKey key = new KvKey(numbers.scope(put.scope()), put.key());
        KvCell old = cell(key);
        requireVersion(put.scope(), put.key(), put.expectedVersion(), old, now);
        set(key, old.put(put.value(), put.expiresAtMillis()));
        yield new RowResult.Done();
      }
      case Row.KvDelete delete -> {
        KvKey key = new KvKey(numbers.scope(delete.scope()), delete.key());
        KvCell old = cell(key);
        requireVersion(delete.scope(), delete.key(), delete.expectedVersion(), old, now);
        if (old.present(now)) {
          set(key, old.deleted(now));
        }
        yield new RowResult.Done();
      }
      case Row.KvIncrement increment -> increment(increment, now);
      case Row.KvCompareAndSet cas -> compareAndSet(cas, now);
      case Row.Idempotency idempotency -> new RowResult.Done();
    };
  }

  private RowResult inboxInsert(Row.InboxInsert insert) throws SQLException {
    long to = numbers.create(insert.to());
    MessageKey message = new MessageKey(to, insert.messageId());
    long known = message(message);
    if (known != 0 && cell(new InboxKey(to, known)).present()) {
      return new RowResult.Inserted(known);
    }
    long seq = ++inboxSeq;
    Long before = messages.put(message, seq);
    undo.add(
        () -> {
          if (before == null) {
            messages.remove(message);
          } else {
            messages.put(message, before);
          }
        });
    int scopeNo = numbers.scope(insert.to().scope());
    InboxCell cell =
        new InboxCell(
            false, true, true, insert.dueAtMillis(), 0, Burial.NONE, false, scopeNo, insert);
    set(new InboxKey(to, seq), cell);
    return new RowResult.Inserted(seq);
  }

  /// The sequence a message has or had; 0 for none.
  private long message(MessageKey message) throws SQLException {
    Long known = messages.get(message);
    return known == null ? storedMessage(message) : known;
  }

  private long storedMessage(MessageKey message) throws SQLException {
    PreparedStatement select =
        database.sql("SELECT seq FROM inbox WHERE to_no = ? AND message_id = ?");
    select.setLong(1, message.to());
    select.setString(2, message.messageId());
    try (ResultSet found = select.executeQuery()) {
      return found.next() ? found.getLong(1) : 0;
    }
  }

  private InboxCell waiting(InboxKey key, ActorId to) throws SQLException {
    InboxCell cell = present(key, to);
    if (cell.buried()) {
      throw notWaiting(key, to);
    }
    return cell;
  }

  private InboxCell present(InboxKey key, ActorId to) throws SQLException {
    InboxCell cell = cell(key);
    if (!cell.present()) {
      throw notWaiting(key, to);
    }
    return cell;
  }

  private static PlexException notWaiting(InboxKey key, ActorId to) {
    return new PlexException(
        ErrorCode.CONFLICT, "inbox of " + to + ": message " + key.seq() + " is not waiting");
  }

  private InboxCell cell(InboxKey key) throws SQLException {
    InboxCell known = inbox.get(key);
    if (known != null) {
      return known;
    }
    if (key.to() == 0) {
      return InboxCell.ABSENT;
    }
    PreparedStatement select =
        database.sql(
            "SELECT due_at, attempts, buried, reason, buried_at, partly_done FROM inbox"
                + " WHERE to_no = ? AND seq = ?");
    select.setLong(1, key.to());
    select.setLong(2, key.seq());
    InboxCell cell = InboxCell.ABSENT;
    try (ResultSet found = select.executeQuery()) {
      if (found.next()) {
        cell =
            new InboxCell(
                true,
                true,
                false,
                found.getLong(1),
                found.getInt(2),
                new Burial(found.getInt(3) != 0, found.getString(4), found.getLong(5)),
                found.getInt(6) != 0,
                0,
                null);
      }
    }
    inbox.put(key, cell);
    return cell;
  }

  private void set(InboxKey key, InboxCell cell) {
    InboxCell old = inbox.put(key, cell);
    undo.add(() -> inbox.put(key, old == null ? InboxCell.ABSENT : old));
  }

  private RowResult monitorInsert(Row.MonitorInsert insert) throws SQLException {
    MonitorKey key = new MonitorKey(numbers.create(insert.watcher()), insert.monitorId());
    MonitorCell old = cell(key);
    if (old.present()) {
      return new RowResult.Inserted(old.no());
    }
    int scopeNo = numbers.scope(insert.watcher().scope());
    set(key, new MonitorCell(old.stored(), ++monitorNo, scopeNo, insert));
    return new RowResult.Inserted(monitorNo);
  }

  /// Ends a monitor; false when there is none.
  private boolean endMonitor(MonitorKey key) throws SQLException {
    MonitorCell old = cell(key);
    if (old.present()) {
      set(key, old.gone());
    }
    return old.present();
  }

  /// Removes the waiting message that a monitor became; false when there is none.
  private boolean takeBack(MonitorKey monitor) throws SQLException {
    long seq = message(new MessageKey(monitor.watcher(), monitor.id()));
    InboxKey key = new InboxKey(monitor.watcher(), seq);
    InboxCell told = seq == 0 ? InboxCell.ABSENT : cell(key);
    boolean waits = told.present() && !told.buried();
    if (waits) {
      set(key, told.consumed());
    }
    return waits;
  }

  private MonitorCell cell(MonitorKey key) throws SQLException {
    MonitorCell known = monitors.get(key);
    if (known != null) {
      return known;
    }
    PreparedStatement select =
        database.sql("SELECT monitor_no FROM monitor WHERE watcher_no = ? AND monitor_id = ?");
    select.setLong(1, key.watcher());
    select.setString(2, key.id());
    try (ResultSet found = select.executeQuery()) {
      long no = found.next() ? found.getLong(1) : 0;
      return new MonitorCell(no, no, 0, null);
    }
  }

  private void set(MonitorKey key, MonitorCell cell) {
    MonitorCell old = monitors.put(key, cell);
    undo.add(
        () -> {
          if (old == null) {
            monitors.remove(key);
          } else {
            monitors.put(key, old);
          }
        });
  }

  private KvCell cell(KvKey key) throws SQLException {
    KvCell known = kv.get(key);
    if (known != null) {
      return known;
    }
    PreparedStatement select =
        database.sql("SELECT version, value, expires FROM kv WHERE scope_no = ? AND \"key\" = ?");
    select.setInt(1, key.scopeNo());
    select.setString(2, key.key());
    KvCell cell = KvCell.NEVER;
    try (ResultSet found = select.executeQuery()) {
      if (found.next()) {
        cell = new KvCell(found.getLong(1), found.getBytes(2), found.getLong(3), false);
      }
    }
    kv.put(key, cell);
    return cell;
  }

  private void set(KvKey key, KvCell cell) {
    KvCell old = kv.put(key, cell);
    undo.add(() -> kv.put(key, old));
  }

  private static void requireVersion(
      Scope scope, String key, OptionalLong expected, KvCell old, long now) {
    long version = old.present(now) ? old.version() : 0;
    if (expected.isPresent() && expected.getAsLong() != version) {
      throw new StaleVersion(scope, key, version, expected.getAsLong());
    }
  }

  private RowResult increment(Row.KvIncrement row, long now) throws SQLException {
    KvKey key = new KvKey(numbers.scope(row.scope()), row.key());
    KvCell old = cell(key);
    boolean present = old.present(now);
    long sum;
    try {
      long value = present ? Long.parseLong(new String(old.value(), StandardCharsets.UTF_8)) : 0;
      sum = Math.addExact(value, row.delta());
    } catch (NumberFormatException e) {
      return new RowResult.Failed("key " + row.key() + ": the value is not an integer");
    } catch (ArithmeticException e) {
      return new RowResult.Failed("key " + row.key() + ": the sum leaves the range of 64 bits");
    }
    byte[] text = Long.toString(sum).getBytes(StandardCharsets.UTF_8);
    set(key, old.put(text, present ? old.expires() : 0));
    return new RowResult.Value(text);
  }

  private RowResult compareAndSet(Row.KvCompareAndSet row, long now) throws SQLException {
    KvKey key = new KvKey(numbers.scope(row.scope()), row.key());
    KvCell old = cell(key);
    boolean present = old.present(now);
    boolean same =
        row.expected().isPresent()
            ? present && Arrays.equals(old.value(), row.expected().get())
            : !present;
    if (same && row.value().isPresent()) {
      set(key, old.put(row.value().get(), present ? old.expires() : 0));
    } else if (same && present) {
      set(key, old.deleted(now));
    }
    return RowResult.truth(same);
  }

  /// Writes what the commits of this transaction left changed.
  ///
  /// @return bytes of payload written
  long flush() throws SQLException {
    long bytes = 0;
    if (!inbox.isEmpty()) {
      bytes += flushInbox();
    }
    if (!monitors.isEmpty()) {
      bytes += flushMonitors();
    }
    if (!kv.isEmpty()) {
      bytes += flushKv();
    }
    return bytes;
  }

  private long flushInbox() throws SQLException {
    // Deletes first: an id that was consumed may come again in the same transaction.
    PreparedStatement delete = database.sql("DELETE FROM inbox WHERE to_no = ? AND seq = ?");
    PreparedStatement update =
        database.sql(
            "UPDATE inbox SET due_at = ?, attempts = ?, buried = ?, reason = ?, buried_at = ?,"
                + " partly_done = ? WHERE to_no = ? AND seq = ?");
    PreparedStatement insert =
        database.sql("INSERT INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    int deletes = 0;
    int updates = 0;
    int inserts = 0;
    long bytes = 0;
    InboxKey[] keys = inbox.keySet().toArray(new InboxKey[0]);
    Arrays.sort(keys);
    for (InboxKey key : keys) {
      InboxCell cell = inbox.get(key);
      if (!cell.changed()) {
        continue;
      }
      if (cell.stored() && !cell.present()) {
        delete.setLong(1, key.to());
        delete.setLong(2, key.seq());
        delete.addBatch();
        deletes++;
        bytes += 16;
      } else if (cell.stored()) {
        update.setLong(1, cell.dueAt());
        update.setInt(2, cell.attempts());
        update.setInt(3, cell.buried() ? 1 : 0);
        update.setString(4, cell.burial().reason());
        update.setLong(5, cell.burial().at());
        update.setInt(6, cell.partlyDone() ? 1 : 0);
        update.setLong(7, key.to());
        update.setLong(8, key.seq());
        update.addBatch();
        updates++;
        bytes += 32;
      } else if (cell.present()) {
        insert.setLong(1, key.to());
        insert.setLong(2, key.seq());
        insert.setInt(3, cell.scopeNo());
        insert.setString(4, cell.fresh().messageId());
        insert.setLong(5, cell.dueAt());
        insert.setInt(6, cell.attempts());
        insert.setInt(7, cell.buried() ? 1 : 0);
        insert.setString(8, cell.burial().reason());
        insert.setBytes(9, cell.fresh().body());
        insert.setLong(10, cell.burial().at());
        insert.setInt(11, cell.partlyDone() ? 1 : 0);
        insert.addBatch();
        inserts++;
        bytes += 40 + cell.fresh().messageId().length() + cell.fresh().body().length;
      }
    }
    if (deletes > 0) {
      delete.executeBatch();
    }
    if (updates > 0) {
      update.executeBatch();
    }
    if (inserts > 0) {
      insert.executeBatch();
    }
    return bytes;
  }

  private long flushMonitors() throws SQLException {
    PreparedStatement delete = database.sql("DELETE FROM monitor WHERE monitor_no = ?");
    PreparedStatement insert = database.sql("INSERT INTO monitor VALUES (?, ?, ?, ?, ?, ?)");
    int deletes = 0;
    int inserts = 0;
    long bytes = 0;
    for (Map.Entry<MonitorKey, MonitorCell> entry : monitors.entrySet()) {
      MonitorCell cell = entry.getValue();
      if (cell.stored() != 0 && cell.stored() != cell.no()) {
        delete.setLong(1, cell.stored());
        delete.addBatch();
        deletes++;
        bytes += 32;
      }
      if (cell.fresh() != null) {
        ActorId target = cell.fresh().target();
        insert.setLong(1, cell.no());
        insert.setLong(2, entry.getKey().watcher());
        insert.setInt(3, cell.scopeNo());
        insert.setString(4, entry.getKey().id());
        insert.setString(5, target.type());
        insert.setString(6, target.key());
        insert.addBatch();
        inserts++;
        bytes += 96 + 2L * (entry.getKey().id().length() + target.key().length());
      }
    }
    if (deletes > 0) {
      delete.executeBatch();
    }
    if (inserts > 0) {
      insert.executeBatch();
    }
    return bytes;
  }

  private long flushKv() throws SQLException {
    PreparedStatement upsert =
        database.sql(
            "INSERT INTO kv VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE"
                + " SET version = ?3, expires = ?4, value = ?5");
    int upserts = 0;
    long bytes = 0;
    KvKey[] keys = kv.keySet().toArray(new KvKey[0]);
    Arrays.sort(keys);
    for (KvKey key : keys) {
      KvCell cell = kv.get(key);
      if (cell.changed()) {
        upsert.setInt(1, key.scopeNo());
        upsert.setString(2, key.key());
        upsert.setLong(3, cell.version());
        upsert.setLong(4, cell.expires());
        upsert.setBytes(5, cell.value());
        upsert.addBatch();
        upserts++;
        bytes += 24 + key.key().length() + (cell.value() == null ? 0 : cell.value().length);
      }
    }
    if (upserts > 0) {
      upsert.executeBatch();
    }
    return bytes;
  }
}
