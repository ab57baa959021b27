package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.RequestContext;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// One scope's part of the directory: its actor types and their live actors.
final class ScopeTypes {

  final ActorSystem system;
  final Scope scope;

  /// What the platform does here by itself is done in this context.
  final RequestContext systemContext;

  private final ConcurrentHashMap<String, Instances> byType = new ConcurrentHashMap<>();

  ScopeTypes(ActorSystem system, Scope scope) {
    this.system = system;
    this.scope = scope;
    this.systemContext =
        new RequestContext(
            scope.tenant(),
            scope.namespace(),
            "system",
            Set.of(),
            TurnLog.NO_REQUEST,
            Optional.empty(),
            Optional.empty());
  }

  /// The live actors of a type; null when the type is not offered to this scope.
  Instances instances(String type) {
    Instances i = byType.get(type);
    if (i != null && !i.retired()) {
      return i;
    }
    TypeEntry entry = system.types.find(scope, type);
    if (entry == null) {
      return null;
    }
    return byType.compute(
        type, (t, old) -> old != null && old.entry == entry ? old : new Instances(this, entry));
  }

  Collection<Instances> all() {
    return byType.values();
  }

  void forget(Instances instances) {
    byType.remove(instances.entry.type.name(), instances);
  }
}
