package dev.plexspaces.kernel;

import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ExitReason;
import java.util.Iterator;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/// The live actors of one type in one scope.
final class Instances {

  final ScopeTypes scope;
  final TypeEntry entry;
  final ConcurrentHashMap<String, ActorCell> cells = new ConcurrentHashMap<>();
  private final AtomicInteger turn = new AtomicInteger();

  Instances(ScopeTypes scope, TypeEntry entry) {
    this.scope = scope;
    this.entry = entry;
  }

  /// True once the type's application is gone.
  boolean retired() {
    return entry.retired;
  }

  /// True while actors of the type can be activated.
  boolean runs() {
    return !entry.retired && entry.failure == null;
  }

  /// The live actor, or when its type is virtual a new one, which starts once something is offered
  /// to it or [ActorCell#wake] is called; null when there is none.
  ///
  /// Not started here, because one that fails to start closes its mailbox: whoever offers its
  /// message then would activate it again and again.
  ///
  /// @throws PlexException `QUARANTINED`; `UNAVAILABLE` when the type's application has failed
  ActorCell resolve(String key) {
    ActorCell cell = cells.get(key);
    if (cell == null) {
      entry.requireRunning();
    }
    if (cell == null && entry.virtual && !entry.retired) {
      entry.quarantine.check(scope.scope, entry.type.name(), key);
      ActorCell fresh = ActorCell.dormant(this, key, entry.defaults);
      cell = cells.putIfAbsent(key, fresh);
      if (cell == null) {
        if (entry.retired || entry.failure != null) {
          // The application went between the two looks and did not see this one.
          cells.remove(key, fresh);
          fresh.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, null));
          return null;
        }
        cell = fresh;
      }
    }
    return cell;
  }

  /// One live actor, another each time; null when there is none.
  ActorCell any() {
    int size = cells.size();
    if (size == 0) {
      return null;
    }
    int skip = Math.floorMod(turn.getAndIncrement(), size);
    // Skipping is bounded: with more actors than this, "one of them" need not be fair.
    skip = Math.min(skip, 64);
    Iterator<ActorCell> it = cells.values().iterator();
    ActorCell cell = null;
    while (it.hasNext() && skip-- >= 0) {
      cell = it.next();
    }
    return cell;
  }

  /// One live actor, the same one for the same text as long as the same ones live; null when there
  /// is none.
  ///
  /// Source: highest random weight, Thaler and Ravishankar 1998.
  ActorCell anyFor(String text) {
    ActorCell best = null;
    long most = 0;
    int looks = 0;
    for (ActorCell cell : cells.values()) {
      long weight = Json.hash(text + '\0' + cell.key);
      if (best == null || weight > most) {
        best = cell;
        most = weight;
      }
      if (++looks == CHOICE_MAX) {
        break;
      }
    }
    return best;
  }

  /// Actors looked at to choose one by a key.
  private static final int CHOICE_MAX = 10_000;
}
