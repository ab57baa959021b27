package dev.plexspaces.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatabaseTest {

  /// SQLite's number for `PRAGMA synchronous = FULL`: each commit is fsynced. A process killed with
  /// -9 would not miss it, a machine that loses power would.
  private static final long FULL = 2;

  @TempDir Path directory;

  @Test
  void commits_waitForTheDisk() throws SQLException {
    try (Database writer = Database.writer(directory)) {
      assertThat(writer.row("PRAGMA synchronous")).containsExactly(FULL);
    }
  }

  @Test
  void checkpoints_waitForTheDisk() throws SQLException {
    try (Database reader = Database.reader(directory)) {
      assertThat(reader.row("PRAGMA synchronous")).containsExactly(FULL);
    }
  }
}
