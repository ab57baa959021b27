package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.SupervisorSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// What is installed in and removed from an [ActorSystem] as a whole: one deployed application.
///
/// @param id unique among installed applications
/// @param version recorded with every durable turn
/// @param visibleTo the tenant that may use its actor types; empty for every tenant
/// @param home where its supervised actors live
/// @param types its actor types
/// @param facets its own facets by name
/// @param supervisor the root of its supervision tree; without children when all of its actors are
///   activated on demand
/// @param links its ways out; [ServiceLinks#NONE] when it declares none
public record ApplicationUnit(
    String id,
    String version,
    Optional<String> visibleTo,
    Scope home,
    List<Offer> types,
    Map<String, Supplier<Facet>> facets,
    SupervisorSpec supervisor,
    ServiceLinks links) {

  /// One actor type and the facets configuration adds to it.
  public record Offer(ActorType type, List<FacetSpec> facets) {}

  /// An application without service links.
  public ApplicationUnit(
      String id,
      String version,
      Optional<String> visibleTo,
      Scope home,
      List<Offer> types,
      Map<String, Supplier<Facet>> facets,
      SupervisorSpec supervisor) {
    this(id, version, visibleTo, home, types, facets, supervisor, ServiceLinks.NONE);
  }

  public ApplicationUnit {
    types = List.copyOf(types);
    facets = Map.copyOf(facets);
  }
}
