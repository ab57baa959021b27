package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;

/// A commit was refused because somebody else wrote a key since it was read. The only `CONFLICT`
/// that says nothing about the actor itself: the same turn may be run again. Source: spec/turns
/// rule 31.
public final class StaleVersion extends PlexException {

  private final transient Scope scope;
  private final String key;

  public StaleVersion(Scope scope, String key, long version, long expected) {
    super(
        ErrorCode.CONFLICT,
        "key " + key + ": version is " + version + ", expected " + expected + "; read it again");
    this.scope = scope;
    this.key = key;
  }

  /// The key with its scope, as one name.
  public String name() {
    return scope + "/" + key;
  }
}
