package dev.plexspaces.sdk;

import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/// Who asked for what is being done, and until when; travels with every message.
///
/// Made by the platform from verified credentials. Application code can read it and cannot pass one
/// on, so it cannot speak for another tenant. Source: DESIGN section 3.
///
/// @param tenant verified tenant
/// @param namespace namespace within the tenant
/// @param user subject of the credentials; `anonymous` without
/// @param roles roles of the credentials
/// @param requestId id of the outside request, in logs and the `PlexSpaces-Request-Id` header
/// @param traceParent W3C `traceparent`, when the request carried one
/// @param deadline when the outside caller stops waiting
public record RequestContext(
    String tenant,
    String namespace,
    String user,
    Set<String> roles,
    String requestId,
    Optional<String> traceParent,
    Optional<Instant> deadline) {}
