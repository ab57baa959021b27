package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.SupervisorSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// A checked application, ready to be started.
///
/// @param id unique on the node
/// @param version recorded with what it writes
/// @param owner whose actors they are; empty when every tenant may use its types, each with actors
///   of its own
/// @param types its actor types
/// @param facets its own facets by name
/// @param supervisor its tree
public record ApplicationUnit(
    String id,
    String version,
    Optional<Scope> owner,
    List<ActorType> types,
    Map<String, Supplier<Facet>> facets,
    SupervisorSpec supervisor) {}
