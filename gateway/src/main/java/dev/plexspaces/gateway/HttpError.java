package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// An error of HTTP itself, whose status says more than that of its [ErrorCode]: an unknown method,
/// media type or length.
final class HttpError extends PlexException {

  private final int status;
  private final String allow;

  private HttpError(int status, ErrorCode code, String message, String allow) {
    super(code, message, List.of(), null);
    this.status = status;
    this.allow = allow;
  }

  /// 405: the path is served, with other methods.
  static HttpError methodNotAllowed(String method, String allow) {
    return new HttpError(
        405,
        ErrorCode.UNKNOWN_OPERATION,
        "method " + method + " is not served here; served: " + allow,
        allow);
  }

  /// 415: the body is of a type that is not understood.
  ///
  /// @param advice what to send instead
  static HttpError unsupportedMediaType(String wanted, String advice) {
    return new HttpError(
        415,
        ErrorCode.INVALID_MESSAGE,
        "the request's content-type must be " + wanted + "; " + advice,
        "");
  }

  /// 415 where JSON is wanted: most often a form, because that is what curl makes of `-d`.
  static HttpError notJson() {
    return unsupportedMediaType(
        "application/json",
        "add the header 'Content-Type: application/json' (with curl: --json in place of -d)");
  }

  /// 413: the body is too long.
  static HttpError tooLarge(long bytesMax) {
    return new HttpError(
        413,
        ErrorCode.RESOURCE_EXHAUSTED,
        "the request body is longer than " + bytesMax + " bytes",
        "");
  }

  /// Any other status the HTTP layer itself decided on, such as 414 or 431.
  static HttpError of(int status, String message) {
    ErrorCode code =
        switch (status) {
          case 401 -> ErrorCode.UNAUTHENTICATED;
          case 403 -> ErrorCode.NOT_PERMITTED;
          case 404 -> ErrorCode.NOT_FOUND;
          case 405 -> ErrorCode.UNKNOWN_OPERATION;
          case 413, 429 -> ErrorCode.RESOURCE_EXHAUSTED;
          case 501 -> ErrorCode.NOT_IMPLEMENTED;
          case 503 -> ErrorCode.UNAVAILABLE;
          default -> status >= 500 ? ErrorCode.INTERNAL : ErrorCode.INVALID_MESSAGE;
        };
    return new HttpError(status, code, message, "");
  }

  /// HTTP status.
  int status() {
    return status;
  }

  /// Value of the `Allow` header; "" for none.
  String allow() {
    return allow;
  }

  /// Says something about the request, not about us: the stack is not worth its cost.
  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
