package dev.plexspaces.bench;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.SplittableRandom;
import org.HdrHistogram.Histogram;

/// What SQLite can do when nothing else is in its way: one thread that appends rows of a given size
/// in transactions of a given number, with the settings of our store.
final class RawSqlite implements AutoCloseable {

  /// Pages the write-ahead log may grow to before it is copied back; our store's 64 MiB.
  private static final int CHECKPOINT_PAGES = 16_384;

  /// @param latency of one transaction, microseconds
  record Outcome(double rowsPerSecond, Histogram latency) {}

  private final Connection connection;
  private final PreparedStatement insert;
  private final byte[] row;

  /// @param rowBytes size of the blob in a row
  RawSqlite(Path file, int rowBytes) throws SQLException {
    row = new byte[rowBytes];
    new SplittableRandom(1).nextBytes(row);
    connection = DriverManager.getConnection("jdbc:sqlite:" + file);
    try (Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA journal_mode = WAL");
      statement.execute("PRAGMA synchronous = FULL");
      statement.execute("PRAGMA wal_autocheckpoint = " + CHECKPOINT_PAGES);
      statement.execute(
          "CREATE TABLE log (seq INTEGER PRIMARY KEY, actor_no INTEGER NOT NULL, turn INTEGER NOT"
              + " NULL, record BLOB NOT NULL)");
    }
    connection.setAutoCommit(false);
    insert =
        connection.prepareStatement("INSERT INTO log (actor_no, turn, record) VALUES (?, ?, ?)");
  }

  /// Commits transactions of `batch` rows for `nanos`.
  Outcome run(int batch, long nanos) throws SQLException {
    Histogram latency = new Histogram(60_000_000, 3);
    long rows = 0;
    long began = System.nanoTime();
    long now = began;
    while (now - began < nanos) {
      for (int i = 0; i < batch; i++) {
        insert.setLong(1, rows % 1_000);
        insert.setLong(2, rows++);
        insert.setBytes(3, row);
        insert.addBatch();
      }
      insert.executeBatch();
      connection.commit();
      long done = System.nanoTime();
      latency.recordValue((done - now) / 1_000);
      now = done;
    }
    return new Outcome(rows * 1e9 / (now - began), latency);
  }

  @Override
  public void close() throws SQLException {
    insert.close();
    connection.close();
  }
}
