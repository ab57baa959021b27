package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// Which actor types which tenant can use.
final class TypeRegistry {

  /// Stands for all tenants.
  private static final String EVERYBODY = "*";

  private final Map<String, Map<String, TypeEntry>> byTenant = new ConcurrentHashMap<>();

  /// The type as offered to a scope, a tenant's own one first; null when there is none.
  TypeEntry find(Scope scope, String type) {
    Map<String, TypeEntry> own = byTenant.get(scope.tenant());
    TypeEntry entry = own == null ? null : own.get(type);
    if (entry == null) {
      Map<String, TypeEntry> shared = byTenant.get(EVERYBODY);
      entry = shared == null ? null : shared.get(type);
    }
    return entry;
  }

  /// Adds all or none.
  ///
  /// @param tenant who may use them; empty for everybody
  /// @throws PlexException `CONFLICT` naming a type that is offered already
  synchronized void add(Optional<String> tenant, Collection<TypeEntry> entries) {
    Map<String, TypeEntry> types =
        byTenant.computeIfAbsent(tenant.orElse(EVERYBODY), t -> new ConcurrentHashMap<>());
    for (TypeEntry entry : entries) {
      TypeEntry taken = types.get(entry.type.name());
      if (taken != null) {
        throw new PlexException(
            ErrorCode.CONFLICT,
            "actor type '"
                + entry.type.name()
                + "' is offered by application '"
                + taken.application
                + "' already");
      }
    }
    entries.forEach(entry -> types.put(entry.type.name(), entry));
  }

  synchronized void remove(Optional<String> tenant, Collection<TypeEntry> entries) {
    Map<String, TypeEntry> types = byTenant.get(tenant.orElse(EVERYBODY));
    if (types != null) {
      entries.forEach(entry -> types.remove(entry.type.name(), entry));
    }
  }

  List<TypeEntry> all() {
    return byTenant.values().stream().flatMap(types -> types.values().stream()).toList();
  }
}
