package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/// Keys of virtual actors that crashed too often: they take no messages until released, so that a
/// remote caller can bring down a key and nothing else. Source: spec/turns rule 23.
public final class Quarantine {

  /// Crashes of one key within [#WINDOW] that are one too many.
  public static final int CRASHES_MAX = 10;

  /// The window of [#CRASHES_MAX].
  public static final Duration WINDOW = Duration.ofSeconds(60);

  /// A key is released by itself after this time.
  public static final Duration RELEASE_AFTER = Duration.ofSeconds(60);

  private final Clock clock;
  private final ConcurrentHashMap<ActorId, Instant> until = new ConcurrentHashMap<>();

  Quarantine(Clock clock) {
    this.clock = clock;
  }

  void add(ActorId id) {
    until.put(id, clock.instant().plus(RELEASE_AFTER));
  }

  /// @throws PlexException `QUARANTINED`
  void check(Scope scope, String type, String key) {
    if (until.isEmpty()) {
      return;
    }
    ActorId id = new ActorId(scope, type, key);
    Instant end = until.get(id);
    if (end == null) {
      return;
    }
    if (clock.instant().isBefore(end)) {
      throw new PlexException(
          ErrorCode.QUARANTINED,
          type
              + "/"
              + key
              + " crashed more than "
              + CRASHES_MAX
              + " times in "
              + WINDOW.toSeconds()
              + " s and takes no messages for now");
    }
    until.remove(id, end);
  }

  /// Lets a key take messages again; false when it was not quarantined.
  public boolean release(ActorId id) {
    return until.remove(id) != null;
  }

  /// The quarantined keys.
  public List<ActorId> list() {
    return List.copyOf(until.keySet());
  }
}
