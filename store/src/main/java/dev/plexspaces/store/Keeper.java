package dev.plexspaces.store;

import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The thread that renews the witness and copies the write-ahead log into the database, so that the
/// writer need not. Sleeps while nothing is written.
final class Keeper implements Runnable {

  /*
   * A checkpoint beside a busy writer never catches up with it, and SQLite starts its log over only
   * when it has. So the bulk is copied here, a part at a time, and when the log has reached its size
   * the writer is asked to copy the small rest between two batches. That keeps all commits waiting
   * for the disk (twice, and the log is begun anew), so it should be rare.
   */

  /// Time between two renewals of the witness, milliseconds.
  private static final long INTERVAL_MILLIS = 1_000;

  private static final int PAGE_BYTES = 4_096;

  /// Times the log is copied until it is full.
  private static final int PARTS = 4;

  private static final Logger LOG = LoggerFactory.getLogger(Keeper.class);

  private final Path directory;
  private final Writer writer;
  private final Database writerDatabase;
  private final String storeId;
  private final long walPagesMax;

  /// Pages after which a part is copied.
  private final long partPages;

  private final Database database;
  private final Object witnessLock = new Object();
  private long witnessed;
  private volatile boolean dirty;
  private boolean closing;
  private volatile long walPages;

  Keeper(
      Path directory, Writer writer, Database writerDatabase, String storeId, StoreOptions options)
      throws SQLException {
    this.directory = directory;
    this.writer = writer;
    this.writerDatabase = writerDatabase;
    this.storeId = storeId;
    this.walPagesMax = options.walBytesMax() / PAGE_BYTES;
    this.partPages = walPagesMax / PARTS;
    this.database = Database.reader(directory);
  }

  /// Pages in the log when last looked at.
  long walPages() {
    return walPages;
  }

  /// Something was written. Cheap; called by the writer after each batch.
  void wrote() {
    if (!dirty || isUrgent()) {
      synchronized (this) {
        dirty = true;
        notifyAll();
      }
    }
  }

  private boolean isUrgent() {
    return writer.pagesWritten() >= partPages || writer.state() == StoreStats.State.DISK_FULL;
  }

  @Override
  public void run() {
    try {
      while (awaitWork()) {
        witness();
        checkpoint();
        pause();
      }
    } catch (InterruptedException e) {
      LOG.warn("interrupted; the witness is renewed at close only");
    }
  }

  private synchronized boolean awaitWork() throws InterruptedException {
    while (!dirty && !closing) {
      wait();
    }
    dirty = false;
    return !closing;
  }

  private synchronized void pause() throws InterruptedException {
    if (!closing && writer.pagesWritten() < partPages) {
      wait(INTERVAL_MILLIS);
    }
  }

  /// Writes down what is durable now.
  void witness() {
    // A lock of its own: the writer must not wait for this fsync.
    synchronized (witnessLock) {
      long durable = writer.durableSeq();
      if (durable == witnessed) {
        return;
      }
      try {
        new Witness(storeId, durable).write(directory);
        witnessed = durable;
      } catch (IOException e) {
        // An older witness is still true; it only promises less.
        LOG.warn("cannot renew the witness: {}", e.getMessage());
      }
    }
  }

  private void checkpoint() {
    try {
      if (writer.state() == StoreStats.State.DISK_FULL) {
        // With the ballast gone there is room to empty the log into, which gives its room back.
        walPages = database.row("PRAGMA wal_checkpoint(TRUNCATE)")[1];
      } else if (writer.pagesWritten() >= partPages) {
        writer.takePagesWritten();
        walPages = database.row("PRAGMA wal_checkpoint(PASSIVE)")[1];
        if (walPages >= walPagesMax) {
          writer.order(() -> writerDatabase.row("PRAGMA wal_checkpoint(PASSIVE)"));
        }
      }
    } catch (SQLException e) {
      LOG.warn("checkpoint failed, the log grows until the next one: {}", e.getMessage());
    } catch (PlexException e) {
      LOG.debug("no checkpoint: {}", e.getMessage());
    }
  }

  /// Ends the thread's loop; the caller joins it.
  synchronized void stop() {
    closing = true;
    notifyAll();
  }

  /// Closes the connection, once the thread has ended.
  void close() throws SQLException {
    database.close();
  }
}
