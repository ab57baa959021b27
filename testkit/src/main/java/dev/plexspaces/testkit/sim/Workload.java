package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.ApplicationUnit;

/// What a world is made to do.
public interface Workload {

  /// The application its node runs; asked at each start of the node.
  ApplicationUnit application(World world);

  /// Makes clients send their first requests, by [World#client] and [World#after].
  void begin(World world);

  /// True when no client has anything left to do or wait for.
  boolean done();

  /// At rest, before and after the last recovery: asks for whatever the checkers want to compare.
  /// Nothing is checked until the answers are in and [#done] is true again.
  default void inspect(World world, boolean afterRecovery) {}
}
