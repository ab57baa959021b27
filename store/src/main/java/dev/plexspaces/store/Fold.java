package dev.plexspaces.store;

import dev.plexspaces.kernel.journal.BinaryReader;
import dev.plexspaces.kernel.journal.BinaryWriter;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.TurnCursor;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecordCodec;
import dev.plexspaces.store.KnownActor.TailRow;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Moves the tail of the log into tables, in bulk, actor by actor, a slice at a time between the
/// batches of the writer. Belongs to the writer thread.
final class Fold {

  /*
   * A fold takes all log rows up to a target sequence, or those of some actors; then the log is not
   * cut, and what is read of it again is known by the progress rows. Each slice is one transaction and takes whole
   * actors; an actor's progress row says up to where it is folded, so a crash between slices folds
   * nothing twice. Slices do not wait for the disk: what they write is derived from log rows that
   * stay until the last slice, and a later commit's fsync covers them in order.
   *
   * Memory follows the transaction: `Folded` results are applied to the actors only once it has
   * committed.
   */

  /// Fewest commits that one slice takes before it ends; the pause between two batches.
  static final int SLICE_ROWS_MIN = 256;

  private static final int SLICE_BYTES = 4 << 20;

  /// A chunk of a list ends at this size or number of appends, so that loading reads few rows and
  /// no row is large.
  private static final int CHUNK_BYTES = 32 << 10;

  private static final int CHUNK_APPENDS = 256;

  /// A row of history ends at this size or number of commits.
  private static final int HISTORY_CHUNK_BYTES = 64 << 10;

  private static final int HISTORY_CHUNK_ROWS = 256;

  private static final int HISTORY_FORMAT = 1;

  /// Rows that one sweep removes of each kind that expires.
  private static final int SWEEP_ROWS = 1_000;

  /// Positions in the `state` table.
  static final int POS_PROGRESS = -2;

  static final int POS_CLEARED = -1;
  static final int POS_ENTRY = 0;

  private final Database database;
  private final StoreOptions.History retention;
  private final RequestCounts counts;
  private long historyNo;
  private long historyBytes;
  private long bytesWritten;

  /// The fold that is under way; empty when none is.
  private List<KnownActor> actors = List.of();

  private int next;
  private long targetSeq;
  private long targetChain;
  private boolean running;
  private boolean whole;

  /// The requests of the slice that is under way, in the order of their batch.
  private final List<Remembered> remembered = new ArrayList<>();

  private record Remembered(KnownActor actor, Row.Idempotency request) {}

  /// What becomes true of an actor once its slice has committed.
  private record Folded(
      KnownActor actor, TurnCursor cursor, long seq, long atMillis, long historyNo) {}

  Fold(
      Database database,
      StoreOptions.History retention,
      RequestCounts counts,
      long historyNo,
      long historyBytes) {
    this.database = database;
    this.retention = retention;
    this.counts = counts;
    this.historyNo = historyNo;
    this.historyBytes = historyBytes;
  }

  /// Payload written since the start, bytes.
  long bytesWritten() {
    return bytesWritten;
  }

  /// Payload of the history, bytes.
  long historyBytes() {
    return historyBytes;
  }

  /// A transaction that called [#forget] was rolled back.
  ///
  /// @param before what [#historyBytes] was
  void notForgotten(long before) {
    historyBytes = before;
  }

  boolean isRunning() {
    return running;
  }

  /// Begins to fold everything up to `seq`.
  ///
  /// @param withTail the actors that have a tail
  /// @param chain checksum of the last log row up to `seq`
  void start(List<KnownActor> withTail, long seq, long chain) {
    targetChain = chain;
    start(withTail, seq, true);
  }

  /// Begins to fold what some actors have up to `seq`.
  void startPart(List<KnownActor> some, long seq) {
    start(some, seq, false);
  }

  private void start(List<KnownActor> which, long seq, boolean all) {
    actors = new ArrayList<>(which);
    actors.sort(Comparator.comparingLong(actor -> actor.no));
    next = 0;
    targetSeq = seq;
    whole = all;
    running = true;
  }

  /// False for a fold of some actors.
  boolean isWhole() {
    return whole;
  }

  /// What one slice took out of the tail.
  record Slice(int rows, long bytes) {}

  /// Folds some actors; the last slice of a whole fold also cuts the log. Call in no transaction.
  ///
  /// @param rowsMax commits to take before the slice ends; an actor is never split
  /// @throws SQLException nothing of this slice happened; the same slice is next again
  Slice slice(int rowsMax) throws SQLException {
    List<Folded> done = new ArrayList<>();
    int rows = 0;
    long bytes = 0;
    int from = next;
    long historyNoBefore = historyNo;
    long historyBytesBefore = historyBytes;
    remembered.clear();
    database.run("PRAGMA synchronous = NORMAL");
    try {
      database.sql("BEGIN IMMEDIATE").execute();
      while (next < actors.size() && rows < rowsMax && bytes < SLICE_BYTES) {
        KnownActor actor = actors.get(next++);
        List<TailRow> tail = actor.tail();
        int count = 0;
        while (count < tail.size() && tail.get(count).seq() <= targetSeq) {
          bytes += tail.get(count).size();
          count++;
        }
        if (count > 0) {
          done.add(fold(actor, tail.subList(0, count)));
          rows += count;
        }
      }
      flush();
      List<KnownActor> rememberedAgain = flushRequests();
      countHistory();
      boolean last = next == actors.size();
      if (last && whole) {
        cutLog();
      }
      database.sql("COMMIT").execute();
      for (Folded folded : done) {
        folded.actor.foldedCursor = folded.cursor;
        folded.actor.foldedSeq = folded.seq;
        folded.actor.foldedAtMillis = folded.atMillis;
        folded.actor.historyNo = folded.historyNo;
        folded.actor.folded(folded.seq);
      }
      rememberedAgain.forEach(actor -> counts.add(actor.id.scope().tenant(), -1));
      if (last) {
        running = false;
        actors = List.of();
      }
      return new Slice(rows, bytes);
    } catch (SQLException | RuntimeException e) {
      next = from;
      historyNo = historyNoBefore;
      historyBytes = historyBytesBefore;
      Writer.rollback(database);
      throw e;
    } finally {
      database.run("PRAGMA synchronous = FULL");
    }
  }

  private void flush() throws SQLException {
    // The order matters: what a field loses goes before what it gains.
    clearField().executeBatch();
    deleteEntry().executeBatch();
    upsert().executeBatch();
    append().executeBatch();
    deleteSteps().executeBatch();
    insertStep().executeBatch();
    insertHistory().executeBatch();
  }

  /// Writes the requests that were remembered, and how many are new.
  ///
  /// @return the actors of those that took the place of a row
  private List<KnownActor> flushRequests() throws SQLException {
    int[] inserted = insertRequest().executeBatch();
    List<KnownActor> again = new ArrayList<>();
    Map<Integer, Long> added = new HashMap<>();
    for (int i = 0; i < inserted.length; i++) {
      KnownActor actor = remembered.get(i).actor;
      if (inserted[i] > 0) {
        added.merge(actor.scopeNo, 1L, Long::sum);
      } else {
        again.add(actor);
        addToBatch(updateRequest(), actor, remembered.get(i).request);
      }
    }
    updateRequest().executeBatch();
    for (Map.Entry<Integer, Long> scope : added.entrySet()) {
      RequestCounts.write(database, scope.getKey(), scope.getValue());
    }
    remembered.clear();
    return again;
  }

  private Folded fold(KnownActor actor, List<TailRow> rows) throws SQLException {
    TurnCursor cursor = actor.foldedCursor;
    long at = actor.foldedAtMillis;
    boolean stepsStored = cursor.isOpen();
    List<TailRow> open = new ArrayList<>();
    Map<String, FieldFold> fields = new LinkedHashMap<>();
    for (TailRow row : rows) {
      for (Row.Idempotency request : row.requests()) {
        remember(actor, request);
      }
      if (row.record() == null) {
        continue;
      }
      cursor = cursor.after(actor.id, row.record());
      at = row.record().atMillis();
      if (cursor.isOpen()) {
        open.add(row);
        continue;
      }
      if (stepsStored) {
        for (TurnRecord step : steps(actor.no)) {
          change(fields, step);
        }
        deleteSteps().setLong(1, actor.no);
        deleteSteps().addBatch();
        stepsStored = false;
      }
      for (TailRow earlier : open) {
        change(fields, earlier.record());
      }
      open.clear();
      change(fields, row.record());
    }
    for (TailRow step : open) {
      PreparedStatement insert = insertStep();
      insert.setLong(1, actor.no);
      insert.setLong(2, step.seq());
      insert.setInt(3, actor.scopeNo);
      insert.setBytes(4, step.encoded());
      insert.setBytes(5, step.results());
      insert.addBatch();
      bytesWritten += step.encoded().length;
    }
    for (Map.Entry<String, FieldFold> field : fields.entrySet()) {
      write(actor, field.getKey(), field.getValue());
    }
    long newest = writeHistory(actor, rows);
    long seq = rows.getLast().seq();
    Progress progress = new Progress(cursor, seq, at, newest);
    put(actor, "", POS_PROGRESS, "", progress.toBytes());
    return new Folded(actor, cursor, seq, at, newest);
  }

  /// What one fold does to one field, in the order it is written.
  private static final class FieldFold {
    boolean cleared;
    boolean lostEntry;

    /// Map entries by chunk; null for a deleted one.
    final Map<String, byte[]> entries = new LinkedHashMap<>();

    final List<byte[]> appends = new ArrayList<>();
  }

  private static void change(Map<String, FieldFold> fields, TurnRecord record) {
    for (StateChange change : record.changes()) {
      FieldFold field = fields.computeIfAbsent(change.field(), f -> new FieldFold());
      switch (change.op()) {
        case PUT -> field.entries.put(change.chunk(), change.data());
        case DELETE -> {
          field.entries.put(change.chunk(), null);
          field.lostEntry = true;
        }
        case APPEND -> field.appends.add(change.data());
        case CLEAR -> {
          field.cleared = true;
          field.entries.clear();
          field.appends.clear();
        }
      }
    }
  }

  private void write(KnownActor actor, String name, FieldFold field) throws SQLException {
    if (field.cleared) {
      PreparedStatement clear = clearField();
      clear.setLong(1, actor.no);
      clear.setString(2, name);
      clear.setInt(3, POS_CLEARED);
      clear.addBatch();
    }
    if (field.cleared || field.lostEntry) {
      put(actor, name, POS_CLEARED, "", new byte[0]);
    }
    for (Map.Entry<String, byte[]> entry : field.entries.entrySet()) {
      if (entry.getValue() != null) {
        put(actor, name, POS_ENTRY, entry.getKey(), entry.getValue());
      } else if (!field.cleared) {
        PreparedStatement delete = deleteEntry();
        delete.setLong(1, actor.no);
        delete.setString(2, name);
        delete.setString(3, entry.getKey());
        delete.addBatch();
      }
    }
    int from = 0;
    while (from < field.appends.size()) {
      int to = from + 1;
      int size = field.appends.get(from).length;
      while (to < field.appends.size()
          && to - from < CHUNK_APPENDS
          && size + field.appends.get(to).length <= CHUNK_BYTES) {
        size += field.appends.get(to++).length;
      }
      byte[] chunk = join(field.appends.subList(from, to));
      PreparedStatement append = append();
      append.setLong(1, actor.no);
      append.setString(2, name);
      append.setInt(3, actor.scopeNo);
      append.setBytes(4, chunk);
      append.addBatch();
      bytesWritten += chunk.length + name.length();
      from = to;
    }
  }

  /// One JSON array of all elements of several, without looking into the elements.
  static byte[] join(List<byte[]> arrays) {
    if (arrays.size() == 1) {
      return arrays.getFirst();
    }
    BinaryWriter out = new BinaryWriter(1 << 10);
    out.oneByte('[');
    boolean first = true;
    for (byte[] array : arrays) {
      int from = 0;
      while (array[from] != '[') {
        from++;
      }
      int to = array.length;
      while (array[to - 1] != ']') {
        to--;
      }
      from = skipSpace(array, from + 1, to - 1);
      if (from < to - 1) {
        if (!first) {
          out.oneByte(',');
        }
        out.raw(array, from, to - 1 - from);
        first = false;
      }
    }
    return out.oneByte(']').toBytes();
  }

  private static int skipSpace(byte[] array, int from, int to) {
    int at = from;
    while (at < to && array[at] <= ' ' && array[at] >= 0) {
      at++;
    }
    return at;
  }

  private void put(KnownActor actor, String field, int pos, String chunk, byte[] data)
      throws SQLException {
    PreparedStatement upsert = upsert();
    upsert.setLong(1, actor.no);
    upsert.setString(2, field);
    upsert.setInt(3, pos);
    upsert.setString(4, chunk);
    upsert.setInt(5, actor.scopeNo);
    upsert.setBytes(6, data);
    upsert.addBatch();
    bytesWritten += data.length + chunk.length() + field.length();
  }

  private List<TurnRecord> steps(long actorNo) throws SQLException {
    List<TurnRecord> steps = new ArrayList<>();
    PreparedStatement select =
        database.sql("SELECT record FROM step WHERE actor_no = ? ORDER BY seq");
    select.setLong(1, actorNo);
    try (ResultSet found = select.executeQuery()) {
      while (found.next()) {
        steps.add(TurnRecordCodec.decode(found.getBytes(1)));
      }
    }
    return steps;
  }

  private void remember(KnownActor actor, Row.Idempotency request) throws SQLException {
    addToBatch(insertRequest(), actor, request);
    remembered.add(new Remembered(actor, request));
    bytesWritten += 72 + request.reply().map(reply -> reply.length).orElse(0);
  }

  private static void addToBatch(
      PreparedStatement statement, KnownActor actor, Row.Idempotency request) throws SQLException {
    statement.setLong(1, actor.no);
    statement.setBytes(2, request.keyHash());
    statement.setInt(3, actor.scopeNo);
    statement.setBytes(4, request.bodyHash());
    statement.setBytes(5, request.reply().orElse(null));
    statement.setLong(6, request.expiresAtMillis());
    statement.addBatch();
  }

  /// @return number of the actor's newest history row
  private long writeHistory(KnownActor actor, List<TailRow> rows) throws SQLException {
    long previous = actor.historyNo;
    List<TailRow> recorded = rows.stream().filter(row -> row.record() != null).toList();
    int from = Math.max(0, recorded.size() - retention.rowsMax());
    while (from < recorded.size()) {
      BinaryWriter out = new BinaryWriter(512);
      out.oneByte(HISTORY_FORMAT);
      long lastSeq = 0;
      int to = from;
      do {
        TailRow row = recorded.get(to++);
        out.unsigned(row.seq() - lastSeq).bytes(row.encoded());
        lastSeq = row.seq();
      } while (to < recorded.size()
          && to - from < HISTORY_CHUNK_ROWS
          && out.size() < HISTORY_CHUNK_BYTES);
      historyNo++;
      historyBytes += out.size();
      bytesWritten += out.size();
      PreparedStatement insert = insertHistory();
      insert.setLong(1, historyNo);
      insert.setLong(2, actor.no);
      insert.setInt(3, actor.scopeNo);
      insert.setLong(4, previous);
      insert.setLong(5, recorded.get(to - 1).record().atMillis());
      insert.setBytes(6, out.toBytes());
      insert.addBatch();
      previous = historyNo;
      from = to;
    }
    return previous;
  }

  /// The commits of one history row, oldest first.
  static List<TailRow> historyRows(byte[] records) {
    BinaryReader in = new BinaryReader(records);
    int format = in.oneByte();
    if (format != HISTORY_FORMAT) {
      throw in.broken("history format " + format + ", this build reads " + HISTORY_FORMAT);
    }
    List<TailRow> rows = new ArrayList<>();
    long seq = 0;
    while (!in.atEnd()) {
      seq += in.unsigned();
      byte[] encoded = in.bytes();
      rows.add(new TailRow(seq, TurnRecordCodec.decode(encoded), encoded, null, List.of()));
    }
    return rows;
  }

  private void countHistory() throws SQLException {
    PreparedStatement partition =
        database.sql("UPDATE \"partition\" SET history_no = ?, history_bytes = ? WHERE id = 0");
    partition.setLong(1, historyNo);
    partition.setLong(2, historyBytes);
    partition.executeUpdate();
  }

  private void cutLog() throws SQLException {
    PreparedStatement partition =
        database.sql("UPDATE \"partition\" SET folded_seq = ?, folded_chain = ? WHERE id = 0");
    partition.setLong(1, targetSeq);
    partition.setLong(2, targetChain);
    partition.executeUpdate();
    PreparedStatement cut = database.sql("DELETE FROM log WHERE seq <= ?");
    cut.setLong(1, targetSeq);
    cut.executeUpdate();
  }

  /// Removes what expired: old history, forgotten keys, old requests. One transaction of bounded
  /// size; call in no transaction.
  ///
  /// @return true when keys or requests may be left that have expired
  boolean sweep(long now) throws SQLException {
    database.run("PRAGMA synchronous = NORMAL");
    long historyBytesBefore = historyBytes;
    try {
      database.sql("BEGIN IMMEDIATE").execute();
      sweepHistory(now);
      PreparedStatement keys =
          database.sql(
              "DELETE FROM kv WHERE (scope_no, \"key\") IN (SELECT scope_no, \"key\" FROM kv"
                  + " WHERE expires > 0 AND expires <= ? LIMIT "
                  + SWEEP_ROWS
                  + ")");
      keys.setLong(1, now - Row.VERSION_KEPT_MILLIS);
      int keysRemoved = keys.executeUpdate();
      PreparedStatement requests =
          database.sql(
              "DELETE FROM idempotency WHERE (actor_no, key_hash) IN (SELECT actor_no, key_hash"
                  + " FROM idempotency WHERE expires <= ? LIMIT "
                  + SWEEP_ROWS
                  + ") RETURNING scope_no");
      requests.setLong(1, now);
      int requestsRemoved = 0;
      Map<Integer, Long> byScope = new HashMap<>();
      try (ResultSet removed = requests.executeQuery()) {
        while (removed.next()) {
          requestsRemoved++;
          byScope.merge(removed.getInt(1), 1L, Long::sum);
        }
      }
      Map<String, Long> byTenant = new HashMap<>();
      for (Map.Entry<Integer, Long> scope : byScope.entrySet()) {
        String tenant = RequestCounts.write(database, scope.getKey(), -scope.getValue());
        byTenant.merge(tenant, scope.getValue(), Long::sum);
      }
      database.sql("COMMIT").execute();
      byTenant.forEach((tenant, removed) -> counts.add(tenant, -removed));
      return keysRemoved >= SWEEP_ROWS || requestsRemoved >= SWEEP_ROWS;
    } catch (SQLException | RuntimeException e) {
      historyBytes = historyBytesBefore;
      Writer.rollback(database);
      throw e;
    } finally {
      database.run("PRAGMA synchronous = FULL");
    }
  }

  private void sweepHistory(long now) throws SQLException {
    long before = now - retention.age().toMillis();
    long cutUpTo = 0;
    PreparedStatement oldest =
        database.sql("SELECT history_no, at, length(records) FROM history ORDER BY history_no");
    oldest.setMaxRows(SWEEP_ROWS * 20);
    try (ResultSet found = oldest.executeQuery()) {
      while (found.next() && (found.getLong(2) < before || historyBytes > retention.bytesMax())) {
        cutUpTo = found.getLong(1);
        historyBytes -= found.getLong(3);
      }
    }
    if (cutUpTo > 0) {
      PreparedStatement cut = database.sql("DELETE FROM history WHERE history_no <= ?");
      cut.setLong(1, cutUpTo);
      cut.executeUpdate();
      countHistory();
    }
  }

  /// Removes all rows of an actor but its identity. Call inside a transaction, with nothing of the
  /// actor left to fold.
  ///
  /// @return how many remembered requests it had
  int forget(KnownActor actor) throws SQLException {
    long row = actor.historyNo;
    while (row != 0) {
      PreparedStatement select =
          database.sql(
              "SELECT previous, length(records) FROM history WHERE history_no = ? AND"
                  + " actor_no = ?");
      select.setLong(1, row);
      select.setLong(2, actor.no);
      long previous = 0;
      try (ResultSet found = select.executeQuery()) {
        if (found.next()) {
          previous = found.getLong(1);
          historyBytes -= found.getLong(2);
        }
      }
      PreparedStatement delete =
          database.sql("DELETE FROM history WHERE history_no = ? AND actor_no = ?");
      delete.setLong(1, row);
      delete.setLong(2, actor.no);
      delete.executeUpdate();
      row = previous;
    }
    delete("state", actor);
    delete("step", actor);
    int requests = delete("idempotency", actor);
    if (requests > 0) {
      RequestCounts.write(database, actor.scopeNo, -requests);
    }
    PreparedStatement monitors = database.sql("DELETE FROM monitor WHERE watcher_no = ?");
    monitors.setLong(1, actor.no);
    monitors.executeUpdate();
    PreparedStatement inbox = database.sql("DELETE FROM inbox WHERE to_no = ? AND buried = 0");
    inbox.setLong(1, actor.no);
    inbox.executeUpdate();
    countHistory();
    return requests;
  }

  private int delete(String table, KnownActor actor) throws SQLException {
    PreparedStatement delete = database.sql("DELETE FROM " + table + " WHERE actor_no = ?");
    delete.setLong(1, actor.no);
    return delete.executeUpdate();
  }

  private PreparedStatement upsert() throws SQLException {
    return database.sql(
        "INSERT INTO state VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET data = ?6");
  }

  private PreparedStatement append() throws SQLException {
    return database.sql(
        "INSERT INTO state VALUES (?1, ?2, (SELECT max(0, coalesce(max(pos), 0)) + 1 FROM state"
            + " WHERE actor_no = ?1 AND field = ?2), '', ?3, ?4)");
  }

  private PreparedStatement clearField() throws SQLException {
    return database.sql("DELETE FROM state WHERE actor_no = ? AND field = ? AND pos >= ?");
  }

  private PreparedStatement deleteEntry() throws SQLException {
    return database.sql(
        "DELETE FROM state WHERE actor_no = ? AND field = ? AND pos = 0 AND chunk = ?");
  }

  private PreparedStatement deleteSteps() throws SQLException {
    return database.sql("DELETE FROM step WHERE actor_no = ?");
  }

  private PreparedStatement insertStep() throws SQLException {
    return database.sql("INSERT INTO step VALUES (?, ?, ?, ?, ?)");
  }

  private PreparedStatement insertHistory() throws SQLException {
    return database.sql("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)");
  }

  private PreparedStatement insertRequest() throws SQLException {
    return database.sql(
        "INSERT INTO idempotency VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING");
  }

  private PreparedStatement updateRequest() throws SQLException {
    return database.sql(
        "UPDATE idempotency SET body_hash = ?4, reply = ?5, expires = ?6"
            + " WHERE actor_no = ?1 AND key_hash = ?2 AND scope_no = ?3");
  }
}
