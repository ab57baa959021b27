package dev.plexspaces.store;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/// One connection to the database with its prepared statements. Not thread-safe.
final class Database implements AutoCloseable {

  /// Name of the database in its directory.
  static final String FILE = "plexspaces.db";

  private static final String BUSY_TIMEOUT_MILLIS = "5000";
  private static final String WRITER_CACHE_KIB = "32768";
  private static final String READER_CACHE_KIB = "4096";

  private final Connection connection;
  private final Map<String, PreparedStatement> statements = new HashMap<>();

  private Database(Connection connection) {
    this.connection = connection;
  }

  /// The connection that writes: its commits wait for the disk.
  static Database writer(Path directory) throws SQLException {
    Database database = new Database(connect(directory, ""));
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA wal_autocheckpoint = 0");
    database.run("PRAGMA busy_timeout = " + BUSY_TIMEOUT_MILLIS);
    database.run("PRAGMA cache_size = -" + WRITER_CACHE_KIB);
    database.run("PRAGMA cell_size_check = ON");
    database.run("PRAGMA temp_store = MEMORY");
    return database;
  }

  /// A connection that reads, or copies the write-ahead log into the database.
  static Database reader(Path directory) throws SQLException {
    Database database = new Database(connect(directory, ""));
    database.run("PRAGMA wal_autocheckpoint = 0");
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA busy_timeout = " + BUSY_TIMEOUT_MILLIS);
    database.run("PRAGMA cache_size = -" + READER_CACHE_KIB);
    return database;
  }

  /// A connection that leaves every file as it is, even when it is the last to close.
  static Database untouched(Path directory) throws SQLException {
    return new Database(connect(directory, "?mode=ro"));
  }

  private static Connection connect(Path directory, String parameters) throws SQLException {
    String file = directory.resolve(FILE).toUri().getRawPath();
    return DriverManager.getConnection("jdbc:sqlite:file:" + file + parameters, new Properties());
  }

  /// The statement of this text, prepared once.
  PreparedStatement sql(String text) throws SQLException {
    PreparedStatement found = statements.get(text);
    if (found == null) {
      found = connection.prepareStatement(text);
      statements.put(text, found);
    }
    return found;
  }

  /// Runs a statement once; for what is not worth keeping prepared.
  void run(String text) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(text);
    }
  }

  /// Forgets all prepared statements and the rows in their batches. After a failure: the driver
  /// closes a statement that met a full or failing disk.
  void forgetStatements() throws SQLException {
    for (PreparedStatement statement : statements.values()) {
      statement.close();
    }
    statements.clear();
  }

  /// The first row of a query as longs.
  long[] row(String text) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet found = statement.executeQuery(text)) {
      if (!found.next()) {
        return new long[0];
      }
      long[] row = new long[found.getMetaData().getColumnCount()];
      for (int i = 0; i < row.length; i++) {
        row[i] = found.getLong(i + 1);
      }
      return row;
    }
  }

  /// True when SQLite found no room: on the disk, or for its shared index of the log.
  static boolean isFull(SQLException e) {
    return e instanceof SQLiteException sqlite
        && (sqlite.getResultCode() == SQLiteErrorCode.SQLITE_FULL
            || sqlite.getResultCode() == SQLiteErrorCode.SQLITE_IOERR_SHMSIZE);
  }

  static PlexException unavailable(String what, Throwable cause) {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "store: " + what + (cause == null ? "" : ": " + cause.getMessage()),
        List.of(),
        cause);
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
