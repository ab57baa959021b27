package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.testkit.contract.StoreContract;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// The simulated disk, with a real thread behind it and without faults, keeps the store's contract.
class SimDiskStoreTest extends StoreContract {

  private final ExecutorService writer = Executors.newSingleThreadExecutor();
  private SimDisk disk;

  @Override
  protected Store open(InstantSource clock) {
    disk = new SimDisk(clock, (nanos, what, action) -> writer.execute(action), new Quiet());
    return disk.open();
  }

  @Override
  protected Store reopen(Store store, InstantSource clock) {
    store.close();
    return disk.open();
  }

  @Override
  protected void dispose() {
    writer.shutdownNow();
  }

  /// Nothing fails and nothing takes time.
  static class Quiet implements SimDisk.Circumstances {
    @Override
    public long writeNanos() {
      return 0;
    }

    @Override
    public long syncNanos() {
      return 0;
    }

    @Override
    public long tellNanos() {
      return 0;
    }

    @Override
    public boolean refusesBatch() {
      return false;
    }

    @Override
    public boolean refusesRead() {
      return false;
    }

    @Override
    public void boundary(String what) {}

    @Override
    public void synced(Commit commit, List<RowResult> results) {}

    @Override
    public SimDisk.Blocker blocker() {
      CountDownLatch done = new CountDownLatch(1);
      return new SimDisk.Blocker() {
        @Override
        public void await() {
          try {
            done.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        }

        @Override
        public void release() {
          done.countDown();
        }
      };
    }
  }
}
