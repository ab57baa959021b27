package dev.plexspaces.store;

import java.time.InstantSource;

/// The same contract when every batch is followed by a fold.
class SqliteStoreEagerFoldContractTest extends SqliteStoreContractTest {

  @Override
  StoreOptions options(InstantSource clock) {
    return super.options(clock).withFold(new StoreOptions.Fold(3, 512, 1));
  }
}
