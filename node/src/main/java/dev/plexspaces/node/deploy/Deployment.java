package dev.plexspaces.node.deploy;

import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// What is known of one application on the node.
///
/// @param id as deployed
/// @param name for people; default the id
/// @param version for people; default [#DEFAULT_VERSION]
/// @param description for people; may be ""
/// @param tenant the owner; empty when it belongs to the node and serves every tenant
/// @param namespace where its supervised actors live
/// @param status where it is in its life
/// @param detail why it failed; "" when all is well
/// @param deployedAt when it was first deployed
/// @param actorTypes ordered by name; empty while loading and when it never loaded
/// @param actorCount live actors
/// @param supervisor its tree as configured; empty while loading and when it never loaded
public record Deployment(
    String id,
    String name,
    String version,
    String description,
    Optional<String> tenant,
    String namespace,
    Status status,
    String detail,
    Instant deployedAt,
    List<String> actorTypes,
    int actorCount,
    Optional<SupervisorSpec> supervisor) {

  /// Version of an application that does not say.
  public static final String DEFAULT_VERSION = "0";

  /// Where an application is in its life.
  public enum Status {
    /// Its files are being read and checked.
    LOADING,
    /// Its tree is being started.
    STARTING,
    /// It serves.
    RUNNING,
    /// It is being stopped, children first.
    STOPPING,
    /// It was stopped in order.
    STOPPED,
    /// It could not start, or its root supervisor gave up.
    FAILED
  }
}
