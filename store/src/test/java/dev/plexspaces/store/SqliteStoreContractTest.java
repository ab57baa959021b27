package dev.plexspaces.store;

import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.testkit.contract.StoreContract;
import java.nio.file.Path;
import java.time.InstantSource;
import org.junit.jupiter.api.io.TempDir;

/// SQLite keeps the contract, folding whenever it has the time.
class SqliteStoreContractTest extends StoreContract {

  @TempDir(factory = MemoryTempDir.class)
  Path directory;

  StoreOptions options(InstantSource clock) {
    return StoreOptions.defaults().withClock(clock).withBallastBytes(1 << 16);
  }

  @Override
  protected Store open(InstantSource clock) {
    return SqliteStore.open(directory, options(clock));
  }

  @Override
  protected Store reopen(Store store, InstantSource clock) {
    store.close();
    return open(clock);
  }

  @Override
  protected void fold(Store store) {
    ((SqliteStore) store).fold();
  }

  @Override
  protected void sweep(Store store) {
    SqliteStore sqlite = (SqliteStore) store;
    sqlite.onWriter(sqlite::sweepNow);
  }
}
