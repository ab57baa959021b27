package dev.plexspaces.kernel;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Requests with an idempotency key whose outcome no durable turn remembers: those to volatile
/// actors, for as long as this process lives, and durable tells while they are on their way to the
/// disk. Source: spec/turns rules 28 and 29. Thread-safe.
final class RequestKeys {

  /// Most outcomes kept; the oldest are forgotten first.
  static final int KEPT_MAX = 10_000;

  private final ActorSystem system;

  /// By actor and key, in the order they came. Guarded by itself.
  private final LinkedHashMap<String, Entry> entries = new LinkedHashMap<>();

  private static final class Entry {
    final IdempotencyKey key;
    final long expiresMillis;
    final List<Consumer<Object>> waiting = new ArrayList<>();

    /// Null while the first request is running.
    Object outcome;

    Entry(IdempotencyKey key, long expiresMillis) {
      this.key = key;
      this.expiresMillis = expiresMillis;
    }
  }

  RequestKeys(ActorSystem system) {
    this.system = system;
  }

  /// Enters a request.
  ///
  /// @param actor whom it is for
  /// @param listener gets the outcome, also when another request brings it about; a
  ///   [dev.plexspaces.sdk.PlexException] is a failure
  /// @param keep false when somebody else remembers the outcome
  /// @return to be called with the outcome by whoever runs the request; null when it must not be
  ///   run
  Consumer<Object> enter(
      String actor, IdempotencyKey key, boolean keep, Consumer<Object> listener) {
    String name = actor + "#" + key.text();
    Object outcome = null;
    synchronized (entries) {
      Entry known = entries.get(name);
      if (known != null && known.outcome != null && known.expiresMillis < system.clock().millis()) {
        entries.remove(name);
        known = null;
      }
      if (known == null) {
        Entry fresh = new Entry(key, system.idempotencyExpiresMillis());
        fresh.waiting.add(listener);
        entries.put(name, fresh);
        forgetOldest();
        return o -> finish(name, fresh, keep, o);
      }
      if (!known.key.sameBody(key.body())) {
        outcome = Idempotency.otherBody();
      } else if (known.outcome == null) {
        known.waiting.add(listener);
      } else {
        outcome = known.outcome;
      }
    }
    if (outcome != null) {
      listener.accept(outcome);
    }
    return null;
  }

  private void finish(String name, Entry entry, boolean keep, Object outcome) {
    List<Consumer<Object>> waiting;
    synchronized (entries) {
      if (keep && !(outcome instanceof Exception)) {
        entry.outcome = outcome;
      } else {
        // What failed never happened: the next one runs afresh.
        entries.remove(name, entry);
      }
      waiting = List.copyOf(entry.waiting);
      entry.waiting.clear();
    }
    waiting.forEach(listener -> listener.accept(outcome));
  }

  private void forgetOldest() {
    Iterator<Map.Entry<String, Entry>> it = entries.entrySet().iterator();
    while (entries.size() > KEPT_MAX && it.hasNext()) {
      if (it.next().getValue().outcome != null) {
        it.remove();
      }
    }
  }
}
