package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.supervision.RestartIntensity;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/// Keys of virtual actors that crashed too often: they take no messages until released, so that a
/// remote caller can bring down a key and nothing else. Source: spec/turns rule 23. Thread-safe.
public final class Quarantine {

  /// Crashes and failed starts of one key within [#WINDOW] that it survives; one more and it is
  /// quarantined.
  public static final int CRASHES_MAX = 10;

  /// The window of [#CRASHES_MAX].
  public static final Duration WINDOW = Duration.ofSeconds(60);

  /// A key is released by itself after this time.
  public static final Duration RELEASE_AFTER = Duration.ofSeconds(60);

  /// Keys whose crashes are remembered and keys in quarantine, each; beyond it the ones remembered
  /// longest are forgotten.
  public static final int KEYS_MAX = 100_000;

  private final Clock clock;

  /// A key that takes no messages.
  ///
  /// @param reason its last crash
  /// @param until when it is released by itself
  public record Entry(ActorId id, String reason, Instant since, Instant until) {}

  /// Looked at for every activation; mostly empty.
  private final ConcurrentHashMap<ActorId, Entry> entries = new ConcurrentHashMap<>();

  private final LinkedHashMap<ActorId, RestartIntensity> crashes = new LinkedHashMap<>();

  Quarantine(Clock clock) {
    this.clock = clock;
  }

  /// Counts a crash.
  ///
  /// @param reason what crashed it
  /// @return true when it was one too many: the key is in quarantine now
  boolean crashed(ActorId id, String reason) {
    Instant now = clock.instant();
    synchronized (crashes) {
      RestartIntensity counted = crashes.remove(id);
      if (counted == null) {
        counted = new RestartIntensity(CRASHES_MAX, WINDOW);
        if (crashes.size() == KEYS_MAX) {
          crashes.remove(crashes.firstEntry().getKey());
        }
      }
      // Put behind the others: the first one is the one that crashed longest ago.
      crashes.put(id, counted);
      if (counted.admits(now)) {
        return false;
      }
      crashes.remove(id);
    }
    if (entries.size() >= KEYS_MAX) {
      entries.values().removeIf(entry -> !now.isBefore(entry.until));
    }
    entries.put(id, new Entry(id, reason, now, now.plus(RELEASE_AFTER)));
    return true;
  }

  /// @throws PlexException `QUARANTINED`
  void check(Scope scope, String type, String key) {
    if (entries.isEmpty()) {
      return;
    }
    ActorId id = new ActorId(scope, type, key);
    Entry entry = entries.get(id);
    if (entry == null) {
      return;
    }
    if (clock.instant().isBefore(entry.until)) {
      throw error(type + "/" + key);
    }
    entries.remove(id, entry);
  }

  static PlexException error(String actor) {
    return new PlexException(
        ErrorCode.QUARANTINED,
        actor
            + " crashed more than "
            + CRASHES_MAX
            + " times in "
            + WINDOW.toSeconds()
            + " s and takes no messages for now");
  }

  /// Lets a key take messages again; false when it was not quarantined.
  public boolean release(ActorId id) {
    return entries.remove(id) != null;
  }

  /// The quarantined keys.
  public List<Entry> list() {
    Instant now = clock.instant();
    entries.values().removeIf(entry -> !now.isBefore(entry.until));
    return List.copyOf(entries.values());
  }
}
