package dev.plexspaces.store;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;

/// The connections that read: a fixed number, lent one query at a time. Thread-safe.
final class Readers implements AutoCloseable {

  /// Longest wait for a free connection, seconds.
  private static final int WAIT_SECONDS = 10;

  /// What to do with a connection inside one read transaction.
  interface Query<T> {
    T run(Database database) throws SQLException;
  }

  private final ArrayBlockingQueue<Database> free;
  private final List<Database> all = new ArrayList<>();
  private volatile boolean closed;

  Readers(Path directory, int count) throws SQLException {
    free = new ArrayBlockingQueue<>(count);
    for (int i = 0; i < count; i++) {
      Database database = Database.reader(directory);
      database.run("PRAGMA query_only = ON");
      all.add(database);
      free.add(database);
    }
  }

  /// Runs a query on one consistent view of the database.
  ///
  /// @throws PlexException `UNAVAILABLE` when it fails, when all connections stay busy, or after
  ///   close
  <T> T read(Query<T> query) {
    Database database = null;
    try {
      if (!closed) {
        database = free.poll(WAIT_SECONDS, TimeUnit.SECONDS);
      }
      if (closed) {
        throw new PlexException(ErrorCode.UNAVAILABLE, "the store is closed");
      }
      if (database == null) {
        throw new PlexException(
            ErrorCode.UNAVAILABLE,
            "store: no free connection to read with for " + WAIT_SECONDS + " s; try again later");
      }
      return inTransaction(database, query);
    } catch (SQLException e) {
      throw Database.unavailable("reading failed", e);
    } catch (IllegalArgumentException e) {
      throw Database.unavailable("a row is damaged", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Database.unavailable("interrupted while waiting to read", e);
    } finally {
      if (database != null) {
        free.add(database);
      }
    }
  }

  private static <T> T inTransaction(Database database, Query<T> query) throws SQLException {
    try {
      database.sql("BEGIN").execute();
      T answer = query.run(database);
      database.sql("COMMIT").execute();
      return answer;
    } catch (SQLException | RuntimeException e) {
      // A view that stays open would keep the log from starting over.
      Writer.rollback(database);
      throw e;
    }
  }

  /// Waits for the queries under way and closes the connections.
  @Override
  public void close() throws SQLException {
    closed = true;
    for (int i = 0; i < all.size(); i++) {
      try {
        Database database = free.poll(WAIT_SECONDS, TimeUnit.SECONDS);
        if (database != null) {
          database.close();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
