package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.RowResult;
import java.util.List;

/// Watches a world and says when a promise is broken, by [World#violated].
public interface Checker {

  /// The promise, such as `exactly once`.
  String name();

  /// A commit is on disk: it was synced, or it survived a crash.
  default void synced(World world, Commit commit, List<RowResult> results) {}

  /// A node crashed; the disk shows what survived.
  default void crashed(World world) {}

  /// Faults are off, nothing waits and nothing runs.
  default void atRest(World world) {}

  /// The node was killed at rest and started again; nothing waits and nothing runs.
  default void afterRecovery(World world) {}
}
