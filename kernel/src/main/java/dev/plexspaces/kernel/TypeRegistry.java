package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// Which actor types which tenant can use.
final class TypeRegistry {

  /// Stands for all tenants.
  private static final String EVERYBODY = "*";

  private final Map<String, Map<String, TypeEntry>> byTenant = new ConcurrentHashMap<>();

  /// By tenant and name, the application whose actors are being purged. Guarded by this object.
  private final Map<String, Map<String, String>> reserved = new HashMap<>();

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

  /// Keeps names from being offered to a tenant until [#free]: while the actors of an application
  /// are purged nobody may run them.
  ///
  /// @throws PlexException `CONFLICT` naming a type that is another application's
  synchronized void reserve(String tenant, String application, Collection<String> names) {
    Map<String, TypeEntry> offered = byTenant.getOrDefault(tenant, Map.of());
    Map<String, String> kept = reserved.computeIfAbsent(tenant, t -> new HashMap<>());
    for (String name : names) {
      TypeEntry entry = offered.get(name);
      String owner = entry == null ? kept.get(name) : entry.application;
      if (owner != null && !owner.equals(application)) {
        throw taken(name, owner);
      }
    }
    names.forEach(name -> kept.put(name, application));
  }

  /// Ends what [#reserve] began.
  synchronized void free(String tenant, String application) {
    Map<String, String> kept = reserved.get(tenant);
    if (kept != null) {
      kept.values().removeIf(application::equals);
    }
  }

  private static PlexException taken(String type, String application) {
    return new PlexException(
        ErrorCode.CONFLICT,
        "actor type '" + type + "' is offered by application '" + application + "' already");
  }

  /// Adds all or none.
  ///
  /// @param tenant who may use them; empty for everybody
  /// @throws PlexException `CONFLICT` naming a type that is offered already, or that is being
  ///   purged
  synchronized void add(Optional<String> tenant, Collection<TypeEntry> entries) {
    Map<String, TypeEntry> types =
        byTenant.computeIfAbsent(tenant.orElse(EVERYBODY), t -> new ConcurrentHashMap<>());
    Map<String, String> kept = reserved.getOrDefault(tenant.orElse(EVERYBODY), Map.of());
    for (TypeEntry entry : entries) {
      String name = entry.type.name();
      TypeEntry taken = types.get(name);
      if (taken != null) {
        throw taken(name, taken.application);
      }
      if (kept.containsKey(name)) {
        throw new PlexException(
            ErrorCode.CONFLICT,
            "actor type '"
                + name
                + "' is being purged with application '"
                + kept.get(name)
                + "'; try again when that is over");
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
