package dev.plexspaces.gateway;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one table that gives an [ErrorCode] its HTTP and gRPC status, and the only place that turns
/// a thrown thing into an answer.
final class ErrorTable {

  private static final Logger log = LoggerFactory.getLogger(ErrorTable.class);

  /// Wait suggested with `RESOURCE_EXHAUSTED`, `UNAVAILABLE` and `QUARANTINED`, milliseconds.
  static final int RETRY_AFTER_MS = 1000;

  /// `domain` of `google.rpc.ErrorInfo`.
  static final String DOMAIN = "plexspaces.dev";

  /// The statuses of one code.
  ///
  /// @param http HTTP status
  /// @param grpc gRPC status
  /// @param retryAfterMs milliseconds to wait before trying again; 0 when trying again does not
  ///   help by itself
  record Entry(int http, Status.Code grpc, int retryAfterMs) {}

  private ErrorTable() {}

  /// The statuses of a code.
  static Entry entry(ErrorCode code) {
    return switch (code) {
      case INVALID_MESSAGE -> new Entry(400, Status.Code.INVALID_ARGUMENT, 0);
      case UNKNOWN_OPERATION -> new Entry(404, Status.Code.NOT_FOUND, 0);
      case ACTOR_NOT_FOUND -> new Entry(404, Status.Code.NOT_FOUND, 0);
      case NOT_FOUND -> new Entry(404, Status.Code.NOT_FOUND, 0);
      case CONFLICT -> new Entry(409, Status.Code.ALREADY_EXISTS, 0);
      case FAILED_PRECONDITION -> new Entry(400, Status.Code.FAILED_PRECONDITION, 0);
      case UNAUTHENTICATED -> new Entry(401, Status.Code.UNAUTHENTICATED, 0);
      case NOT_PERMITTED -> new Entry(403, Status.Code.PERMISSION_DENIED, 0);
      case TIMEOUT -> new Entry(504, Status.Code.DEADLINE_EXCEEDED, 0);
      case DEADLOCK -> new Entry(409, Status.Code.ABORTED, 0);
      case RESOURCE_EXHAUSTED -> new Entry(429, Status.Code.RESOURCE_EXHAUSTED, RETRY_AFTER_MS);
      case ACTOR_CRASHED -> new Entry(500, Status.Code.INTERNAL, 0);
      case QUARANTINED -> new Entry(503, Status.Code.UNAVAILABLE, RETRY_AFTER_MS);
      case JOURNAL_MISMATCH -> new Entry(500, Status.Code.DATA_LOSS, 0);
      case DELIVERY_FAILED -> new Entry(503, Status.Code.UNAVAILABLE, RETRY_AFTER_MS);
      case UNAVAILABLE -> new Entry(503, Status.Code.UNAVAILABLE, RETRY_AFTER_MS);
      case NOT_IMPLEMENTED -> new Entry(501, Status.Code.UNIMPLEMENTED, 0);
      case INTERNAL -> new Entry(500, Status.Code.INTERNAL, 0);
    };
  }

  /// Milliseconds to wait before trying again after an error; 0 when trying again does not help by
  /// itself. The table's suggestion belongs to its status: a body that is too long stays too long.
  static int retryAfterMs(PlexException error) {
    Entry entry = entry(error.code());
    return error instanceof HttpError http && http.status() != entry.http()
        ? 0
        : entry.retryAfterMs();
  }

  /// The error to answer with. Whatever was not meant for the caller is logged under the request id
  /// and becomes "internal error".
  static PlexException toAnswer(Throwable thrown, String requestId) {
    return toAnswer(thrown, requestId, Optional.empty());
  }

  /// As above, for a request whose trace is known.
  static PlexException toAnswer(Throwable thrown, Caller caller) {
    return toAnswer(thrown, caller.requestId(), caller.traceParent());
  }

  private static PlexException toAnswer(
      Throwable thrown, String requestId, Optional<String> traceParent) {
    Throwable cause = thrown;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof PlexException known && known.code() != ErrorCode.INTERNAL) {
      return known;
    }
    log.atError()
        .addKeyValue("request_id", requestId)
        .addKeyValue("trace_id", traceParent.map(parent -> parent.substring(3, 35)).orElse(""))
        .setCause(cause)
        .log("request {} failed unexpectedly", requestId);
    return new PlexException(ErrorCode.INTERNAL, "internal error");
  }

  /// The gRPC form of an error, with `google.rpc.Status` details.
  static StatusRuntimeException toGrpc(PlexException error, String requestId) {
    Entry entry = entry(error.code());
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(entry.grpc().value())
            .setMessage(String.valueOf(error.getMessage()))
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setReason(error.code().name())
                        .setDomain(DOMAIN)
                        .putMetadata("request_id", requestId)
                        .build()))
            .addDetails(Any.pack(RequestInfo.newBuilder().setRequestId(requestId).build()));
    if (!error.violations().isEmpty()) {
      BadRequest.Builder fields = BadRequest.newBuilder();
      for (PlexException.FieldViolation violation : error.violations()) {
        fields.addFieldViolations(
            BadRequest.FieldViolation.newBuilder()
                .setField(violation.field())
                .setDescription(violation.description()));
      }
      status.addDetails(Any.pack(fields.build()));
    }
    int retryAfterMs = retryAfterMs(error);
    if (retryAfterMs > 0) {
      status.addDetails(
          Any.pack(
              RetryInfo.newBuilder()
                  .setRetryDelay(
                      Duration.newBuilder()
                          .setSeconds(retryAfterMs / 1000)
                          .setNanos(retryAfterMs % 1000 * 1_000_000))
                  .build()));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }
}
