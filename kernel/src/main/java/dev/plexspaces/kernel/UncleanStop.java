package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/// What lay in the inboxes when the process before this one ended without stopping in order: one of
/// those messages may have ended it. Empty after an orderly stop. Source: spec/turns rule 24.
///
/// Suspects, messages that were running already when a process ended, run one at a time on this
/// node. So whoever kills a node again and again while it recovers hits one of them per life, not
/// all, and what ended the process is found among them.
final class UncleanStop {

  /// After this time a suspect that still runs is not waited for any more.
  static final long ALONE_MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final ActorSystem system;

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

  UncleanStop(ActorSystem system) {
    this.system = system;
  }

  void remember(List<ActorId> actorsWithWork) {
    actorsWithWork.forEach(id -> leftovers.put(id, new Leftovers()));
  }

  /// Null for an actor whose inbox was empty.
  Leftovers of(ActorId id) {
    return leftovers.isEmpty() ? null : leftovers.get(id);
  }

  // The suspect that runs, and who waits for it. Guarded by `waiting`.
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
  private Turn alone;

  private record Waiting(Turn turn, TimedWait room) {}

  /// Waits until no other suspect runs, but not for one that takes too long.
  void enter(Turn t, ActorCell cell) {
    boolean waits = true;
    while (waits) {
      Turn holder;
      Waiting w = new Waiting(t, new TimedWait(system.clock().nanoTime() + ALONE_MAX_NANOS, cell));
      synchronized (waiting) {
        if (alone == null) {
          alone = t;
          return;
        }
        holder = alone;
        waiting.add(w);
      }
      system.wheel().add(w.room);
      cell.blocks();
      system.dispatcher().await(t.worker, w.room);
      synchronized (waiting) {
        // Whoever is taken out of the queue by another one runs.
        boolean late = waiting.remove(w);
        if (late && alone == holder) {
          alone = t;
        }
        waits = alone != t && !cell.killed();
      }
    }
  }

  /// Lets the next suspect run. Does nothing when `t` is not the one that runs.
  void leave(Turn t) {
    Waiting next;
    synchronized (waiting) {
      if (alone != t) {
        return;
      }
      next = waiting.poll();
      alone = next == null ? null : next.turn;
    }
    if (next != null) {
      next.room.finish();
    }
  }
}
