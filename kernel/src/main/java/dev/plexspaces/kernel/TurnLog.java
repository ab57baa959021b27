package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.RequestContext;
import org.slf4j.Logger;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/// Log lines about an actor and what it does: each says in fields of its own whose actor it is and
/// which request it works for.
final class TurnLog {

  /// The request of what the platform does by itself.
  static final String NO_REQUEST = "-";

  /// Where the trace id begins in a `traceparent`.
  private static final int TRACE_ID_AT = 3;

  private TurnLog() {}

  /// A line with `actor`, `tenant`, `namespace` and, when it is about a request from outside,
  /// `request_id` and `trace_id`.
  ///
  /// @param request what the actor works on; null for nothing
  static LoggingEventBuilder at(Logger log, Level level, ActorCell cell, RequestContext request) {
    LoggingEventBuilder line = log.atLevel(level);
    if (!log.isEnabledForLevel(level)) {
      return line;
    }
    Scope scope = cell.home.scope.scope;
    line =
        line.addKeyValue("actor", cell.toString())
            .addKeyValue("tenant", scope.tenant())
            .addKeyValue("namespace", scope.namespace());
    if (request == null) {
      return line;
    }
    if (!request.requestId().equals(NO_REQUEST)) {
      line = line.addKeyValue("request_id", request.requestId());
    }
    String trace = traceId(request.traceParent().orElse(""));
    return trace.isEmpty() ? line : line.addKeyValue("trace_id", trace);
  }

  /// Source: W3C Trace Context, `version-traceid-parentid-flags`.
  private static String traceId(String traceParent) {
    int end = traceParent.indexOf('-', TRACE_ID_AT);
    return end < 0 ? "" : traceParent.substring(TRACE_ID_AT, end);
  }
}
