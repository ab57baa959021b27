package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/// What lay in the inboxes when the process before this one ended without stopping in order: one of
/// those messages may have ended it. Empty after an orderly stop. Source: spec/turns rule 24.
final class UncleanStop {

  private final ConcurrentHashMap<ActorId, Leftovers> leftovers = new ConcurrentHashMap<>();

  /// The old rows of one actor. Written by the thread that runs its cell; outlives the cell.
  static final class Leftovers {

    /// The newest of them; every row is taken for an old one until the inbox was read to its end.
    volatile long upToSeq = Long.MAX_VALUE;

    /// The row that was marked last, and its count of lost deliveries without the mark: what is
    /// counted once by a process must not be counted again by the same one.
    volatile long markedSeq;

    volatile int lostBefore;
  }

  void remember(List<ActorId> actorsWithWork) {
    actorsWithWork.forEach(id -> leftovers.put(id, new Leftovers()));
  }

  /// Null for an actor whose inbox was empty.
  Leftovers of(ActorId id) {
    return leftovers.isEmpty() ? null : leftovers.get(id);
  }
}
