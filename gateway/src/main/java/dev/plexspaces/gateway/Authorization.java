package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;

/// The one decision point: what a [Principal] may do, for gRPC and HTTP alike.
///
/// A refusal never depends on whether the thing exists, and its text does not say what was missing,
/// so that nobody learns of another tenant's names.
final class Authorization {

  /// May do everything within its tenant.
  static final String ADMIN = "admin";

  /// May deploy and undeploy applications, and stop, inspect and repair actors of its tenant.
  static final String DEPLOYER = "deployer";

  /// What can be asked for.
  enum Permission {
    /// Ask or tell an actor.
    INVOKE,
    /// List or describe actors.
    VIEW_ACTORS,
    /// Stop an actor.
    STOP_ACTOR,
    /// See what others sent: histories, dead letters, quarantine.
    INSPECT,
    /// Re-drive or discard dead letters, release from quarantine.
    REPAIR,
    /// List or describe applications.
    VIEW_APPLICATIONS,
    /// Deploy or undeploy an application.
    DEPLOY,
    /// Read the node's information, health, metrics, documentation.
    VIEW_NODE
  }

  private Authorization() {}

  /// Allows something that concerns a namespace, or refuses.
  ///
  /// @throws PlexException `NOT_PERMITTED`
  static void require(Principal principal, Permission permission, String tenant, String namespace) {
    if (!owns(principal, tenant)
        || (principal.namespace().isPresent() && !principal.namespace().get().equals(namespace))) {
      throw refused();
    }
    require(principal, permission);
  }

  /// Allows something that concerns no namespace, or refuses.
  ///
  /// @throws PlexException `NOT_PERMITTED`
  static void require(Principal principal, Permission permission) {
    boolean allowed =
        switch (permission) {
          case INVOKE, VIEW_ACTORS, VIEW_APPLICATIONS, VIEW_NODE -> true;
          case STOP_ACTOR, INSPECT, REPAIR, DEPLOY ->
              principal.roles().contains(ADMIN) || principal.roles().contains(DEPLOYER);
        };
    if (!allowed) {
      throw refused();
    }
  }

  /// True when the tenant is the principal's own.
  static boolean owns(Principal principal, String tenant) {
    return principal.tenant().isEmpty() || principal.tenant().get().equals(tenant);
  }

  private static PlexException refused() {
    return new PlexException(
        ErrorCode.NOT_PERMITTED, "the credentials do not allow this for this tenant and namespace");
  }
}
