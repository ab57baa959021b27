package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// One request's verified credentials and marks, the same for gRPC and HTTP.
///
/// @param principal whom it speaks for
/// @param requestId in logs, in the answer and in every message that follows from it
/// @param traceParent W3C `traceparent`, when the request carried a valid one
/// @param idempotencyKey the client's key, if it sent one
record Caller(
    Principal principal,
    String requestId,
    Optional<String> traceParent,
    Optional<String> idempotencyKey) {

  /// Header of the request id, both ways.
  static final String REQUEST_ID = "plexspaces-request-id";

  /// Header of the client's idempotency key.
  static final String IDEMPOTENCY_KEY = "idempotency-key";

  /// Header of the trace context. Source: W3C Trace Context.
  static final String TRACE_PARENT = "traceparent";

  /// Longest request id taken from a client, characters.
  static final int REQUEST_ID_LENGTH_MAX = 128;

  /// Longest idempotency key, characters.
  static final int IDEMPOTENCY_KEY_LENGTH_MAX = 128;

  private static final int TRACE_PARENT_LENGTH = 55;

  /// The client's request id when it is fit for logs and headers, else a fresh one.
  static String requestId(String sent, Supplier<String> ids) {
    if (sent == null || sent.isEmpty() || sent.length() > REQUEST_ID_LENGTH_MAX) {
      return ids.get();
    }
    for (int i = 0; i < sent.length(); i++) {
      char c = sent.charAt(i);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '-'
              || c == '_'
              || c == '.'
              || c == ':';
      if (!plain) {
        return ids.get();
      }
    }
    return sent;
  }

  /// The trace context; one that is not valid is ignored, as its specification demands.
  static Optional<String> traceParent(String sent) {
    if (sent == null || sent.length() != TRACE_PARENT_LENGTH) {
      return Optional.empty();
    }
    for (int i = 0; i < TRACE_PARENT_LENGTH; i++) {
      char c = sent.charAt(i);
      boolean fits =
          i == 2 || i == 35 || i == 52
              ? c == '-'
              : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      if (!fits) {
        return Optional.empty();
      }
    }
    return Optional.of(sent);
  }

  /// The client's idempotency key.
  ///
  /// @throws PlexException `INVALID_MESSAGE` for one that is empty, too long or not printable ASCII
  static Optional<String> idempotencyKey(String sent) {
    if (sent == null) {
      return Optional.empty();
    }
    boolean fits = !sent.isEmpty() && sent.length() <= IDEMPOTENCY_KEY_LENGTH_MAX;
    for (int i = 0; i < sent.length() && fits; i++) {
      fits = sent.charAt(i) > ' ' && sent.charAt(i) < 0x7f;
    }
    if (!fits) {
      throw invalid(
          "Idempotency-Key",
          "must be 1 to " + IDEMPOTENCY_KEY_LENGTH_MAX + " printable ASCII characters");
    }
    return Optional.of(sent);
  }

  /// What travels with the messages of this request. The tenant was compared with the principal's
  /// before.
  RequestContext context(String tenant, String namespace, Optional<Instant> deadline) {
    return new RequestContext(
        tenant,
        namespace,
        principal.subject(),
        principal.roles(),
        requestId,
        traceParent,
        deadline);
  }

  /// `INVALID_MESSAGE` about one field.
  static PlexException invalid(String field, String description) {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        field + ": " + description,
        List.of(new PlexException.FieldViolation(field, description)),
        null);
  }
}
