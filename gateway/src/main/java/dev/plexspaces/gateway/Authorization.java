package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// The one decision point: what a [Principal] may do, for gRPC and HTTP alike.
///
/// A refusal never depends on whether the thing exists, so that nobody learns of another tenant's
/// names: whoever may not name a tenant or namespace is told only that; what role is missing is
/// said to its own.
final class Authorization {

  /// May do everything within its tenant.
  static final String ADMIN = "admin";

  /// May deploy and undeploy applications, and stop, inspect and repair actors of its tenant.
  static final String DEPLOYER = "deployer";

  /// May see the node as a whole, which shows what applications all tenants have and how busy they
  /// are.
  static final String OPERATOR = "operator";

  private static final List<String> NONE = List.of();
  private static final List<String> OF_TENANT = List.of(ADMIN, DEPLOYER);
  private static final List<String> OF_NODE = List.of(OPERATOR);

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
    /// Read the node's information, health, documentation.
    VIEW_NODE,
    /// Read the node's metrics, which name the applications of every tenant.
    VIEW_METRICS
  }

  private Authorization() {}

  /// Allows something that concerns a namespace, or refuses.
  ///
  /// @throws PlexException `NOT_PERMITTED`
  static void require(Principal principal, Permission permission, String tenant, String namespace) {
    if (!owns(principal, tenant)
        || (principal.namespace().isPresent() && !principal.namespace().get().equals(namespace))) {
      throw new PlexException(
          ErrorCode.NOT_PERMITTED,
          "the credentials do not allow this for this tenant and namespace");
    }
    require(principal, permission);
  }

  /// Allows something that concerns no namespace, or refuses.
  ///
  /// @throws PlexException `NOT_PERMITTED`
  static void require(Principal principal, Permission permission) {
    List<String> roles =
        switch (permission) {
          case INVOKE, VIEW_ACTORS, VIEW_APPLICATIONS, VIEW_NODE -> NONE;
          case STOP_ACTOR, INSPECT, REPAIR, DEPLOY -> OF_TENANT;
          case VIEW_METRICS -> OF_NODE;
        };
    if (!roles.isEmpty() && roles.stream().noneMatch(principal.roles()::contains)) {
      throw new PlexException(
          ErrorCode.NOT_PERMITTED,
          "this needs the role " + String.join(" or ", roles) + ", which the credentials lack");
    }
  }

  /// True when the tenant is the principal's own.
  static boolean owns(Principal principal, String tenant) {
    return principal.tenant().isEmpty() || principal.tenant().get().equals(tenant);
  }
}
