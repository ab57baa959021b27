package dev.plexspaces.gateway;

import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The one shape of an HTTP error:
/// `{"error":{"status","code","message","request_id","field_violations"?,"retry_after_ms"?}}`.
///
/// @param status HTTP status
/// @param retryAfterMs milliseconds to wait before trying again; 0 for none
record ErrorBody(int status, PlexException error, String requestId, int retryAfterMs) {

  static ErrorBody of(PlexException error, String requestId) {
    int status =
        error instanceof HttpError http ? http.status() : ErrorTable.entry(error.code()).http();
    return new ErrorBody(status, error, requestId, ErrorTable.retryAfterMs(error));
  }

  byte[] json() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("status", (long) status);
    body.put("code", error.code().name());
    body.put("message", String.valueOf(error.getMessage()));
    body.put("request_id", requestId);
    if (!error.violations().isEmpty()) {
      List<Object> violations = new ArrayList<>();
      for (PlexException.FieldViolation violation : error.violations()) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("field", violation.field());
        one.put("description", violation.description());
        violations.add(one);
      }
      body.put("field_violations", violations);
    }
    if (retryAfterMs > 0) {
      body.put("retry_after_ms", (long) retryAfterMs);
    }
    return Json.write(Map.of("error", body));
  }

  /// Seconds for the `Retry-After` header, rounded up; 0 for none.
  int retryAfterSeconds() {
    return (retryAfterMs + 999) / 1000;
  }

  /// True when the answer must say how to authenticate.
  boolean challenges() {
    return error.code() == ErrorCode.UNAUTHENTICATED;
  }
}
