package dev.plexspaces.testkit.contract;

import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.Store;
import java.time.InstantSource;

/// The reference store keeps the contract. Here and not in the kernel: Maven allows no cycle.
class InMemoryStoreTest extends StoreContract {

  @Override
  protected Store open(InstantSource clock) {
    return new InMemoryStore(clock);
  }

  @Override
  protected Store reopen(Store store, InstantSource clock) {
    return ((InMemoryStore) store).reopen();
  }
}
