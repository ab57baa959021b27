package dev.plexspaces.kernel;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// Lets the turns that are run again because of one key go one after the other: otherwise of a
/// hundred that want it each round of commits would let one pass. Nothing depends on it but speed.
final class KeyLocks {

  /// Longest wait for those before; then the turn runs all the same.
  static final long WAIT_MAX_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final ActorSystem system;

  /// Who waits behind the holder, by key. Guarded by itself.
  private final Map<String, ArrayDeque<TimedWait>> held = new HashMap<>();

  KeyLocks(ActorSystem system) {
    this.system = system;
  }

  /// Waits for those before.
  ///
  /// @return false when it took too long: the lock is not held then
  boolean acquire(Turn t, ActorCell cell, String name) {
    TimedWait wait;
    synchronized (held) {
      ArrayDeque<TimedWait> queue = held.get(name);
      if (queue == null) {
        held.put(name, new ArrayDeque<>());
        return true;
      }
      wait = new TimedWait(system.clock().nanoTime() + WAIT_MAX_NANOS, cell);
      queue.add(wait);
    }
    system.wheel().add(wait);
    cell.blocks();
    system.dispatcher().await(t.worker, wait);
    synchronized (held) {
      ArrayDeque<TimedWait> queue = held.get(name);
      // Whoever is taken out of the queue was given the lock.
      return queue == null || !queue.remove(wait);
    }
  }

  void release(String name) {
    TimedWait next;
    synchronized (held) {
      ArrayDeque<TimedWait> queue = held.get(name);
      next = queue.poll();
      if (next == null) {
        held.remove(name);
      }
    }
    if (next != null) {
      next.finish();
    }
  }
}
