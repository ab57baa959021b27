package dev.plexspaces.gateway;

import java.util.Optional;
import java.util.Set;

/// Whom verified credentials speak for.
///
/// @param tenant the only tenant it may name; empty means any, which only `--dev` has
/// @param namespace the only namespace it may name; empty means all of the tenant
/// @param subject user or service
/// @param roles what it may do, see [Authorization]
public record Principal(
    Optional<String> tenant, Optional<String> namespace, String subject, Set<String> roles) {

  /// Everybody, when authentication is off.
  static final Principal DEV =
      new Principal(
          Optional.empty(),
          Optional.empty(),
          "dev",
          Set.of(Authorization.ADMIN, Authorization.OPERATOR));

  /// Nobody: what an open route sees.
  static final Principal ANONYMOUS =
      new Principal(Optional.empty(), Optional.empty(), "anonymous", Set.of());
}
