package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.FacetSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;

/// A bound class under the name and with the facets the configuration gives it.
///
/// @param facets the class's own and the configured ones; for a facet named by both the
///   configuration wins
record DeployedType(ActorType bound, String name, List<FacetSpec> facets) implements ActorType {

  static ActorType of(ActorType bound, AppConfig.ActorDeclaration declaration) {
    if (declaration.type().isEmpty() && declaration.facets().isEmpty()) {
      return bound;
    }
    Map<String, FacetSpec> facets = new LinkedHashMap<>();
    bound.facets().forEach(f -> facets.put(f.name(), f));
    declaration.facets().forEach(f -> facets.put(f.name(), f));
    return new DeployedType(
        bound, declaration.type().orElse(bound.name()), List.copyOf(facets.values()));
  }

  @Override
  public Behavior behavior() {
    return bound.behavior();
  }

  @Override
  public SortedSet<String> operations() {
    return bound.operations();
  }

  @Override
  public Actor create() {
    return bound.create();
  }

  @Override
  public void requireDurable() {
    bound.requireDurable();
  }
}
