package dev.plexspaces.gateway;

import dev.plexspaces.sdk.PlexException;

/// Turns the credentials of a request into a [Principal].
@FunctionalInterface
interface Authenticator {

  /// Authentication off (`--dev`): everybody is [Principal#DEV].
  Authenticator DEV = authorization -> Principal.DEV;

  /// @param authorization the `Authorization` header, or null
  /// @throws PlexException `UNAUTHENTICATED` without saying which check failed beyond what the
  ///   caller needs to mend it
  Principal authenticate(String authorization);
}
