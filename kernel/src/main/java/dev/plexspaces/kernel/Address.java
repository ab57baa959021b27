package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ActorRef;

/// Where an actor can be reached, with a cached way there. Equal to every address of the same
/// actor.
final class Address implements ActorRef {

  final ScopeTypes scope;
  final String type;
  final String key;

  /* Both caches are filled and read without synchronization: any thread may see an older value, finds
  it closed or retired, and resolves anew. */
  private Instances home;
  ActorCell cell;

  Address(ScopeTypes scope, String type, String key) {
    this.scope = scope;
    this.type = type;
    this.key = key;
  }

  /// The live actors of the type in the scope; null when the type is unknown there.
  Instances home() {
    Instances h = home;
    if (h == null || h.retired()) {
      h = scope.instances(type);
      home = h;
    }
    return h;
  }

  ActorId id() {
    return new ActorId(scope.scope, type, key);
  }

  @Override
  public String type() {
    return type;
  }

  @Override
  public String key() {
    return key;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Address a
        && a.scope == scope
        && a.type.equals(type)
        && a.key.equals(key);
  }

  @Override
  public int hashCode() {
    return type.hashCode() * 31 + key.hashCode();
  }

  @Override
  public String toString() {
    return type + "/" + key;
  }
}
