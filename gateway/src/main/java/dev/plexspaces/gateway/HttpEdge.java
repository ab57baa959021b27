package dev.plexspaces.gateway;

import com.linecorp.armeria.common.AggregatedHttpResponse;
import com.linecorp.armeria.common.ClosedSessionException;
import com.linecorp.armeria.common.ContentTooLargeException;
import com.linecorp.armeria.common.ExchangeType;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.ResponseCompleteException;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import com.linecorp.armeria.common.ShuttingDownException;
import com.linecorp.armeria.common.multipart.MimeParsingException;
import com.linecorp.armeria.common.stream.AbortedStreamException;
import com.linecorp.armeria.common.stream.ClosedStreamException;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.HttpStatusException;
import com.linecorp.armeria.server.RequestTimeoutException;
import com.linecorp.armeria.server.RoutingContext;
import com.linecorp.armeria.server.ServerErrorHandler;
import com.linecorp.armeria.server.ServiceConfig;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.netty.util.AsciiString;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/// What every HTTP request passes: the bound on requests in progress, its request id,
/// authentication, the error model and the histogram, all in one step and without a decorator.
final class HttpEdge {

  private static final AsciiString IDEMPOTENCY_KEY = HttpHeaderNames.of(Caller.IDEMPOTENCY_KEY);
  private static final AsciiString TRACE_PARENT = HttpHeaderNames.of(Caller.TRACE_PARENT);
  private static final String BASIC = "Basic ";

  private final Authenticator authenticator;
  private final EdgeMetrics metrics;
  private final Supplier<String> ids;
  private final CallsInProgress calls;

  HttpEdge(
      Authenticator authenticator,
      EdgeMetrics metrics,
      Supplier<String> ids,
      CallsInProgress calls) {
    this.authenticator = authenticator;
    this.metrics = metrics;
    this.ids = ids;
    this.calls = calls;
  }

  /// The service of one route.
  HttpService service(HttpRoute route) {
    EdgeMetrics.HttpTimers timers = metrics.http(route.template(), route.method().name());
    return new WholeAnswers((context, request) -> serve(route, timers, context, request));
  }

  /// Sends an answer when it is whole: headers and body in one write, instead of the body when the
  /// headers are gone.
  private record WholeAnswers(HttpService service) implements HttpService {
    @Override
    public HttpResponse serve(ServiceRequestContext context, HttpRequest request) throws Exception {
      return service.serve(context, request);
    }

    @Override
    public ExchangeType exchangeType(RoutingContext context) {
      // The request still comes in pieces: who may not call is refused before the body is here.
      return ExchangeType.REQUEST_STREAMING;
    }
  }

  /// Everything no route serves: 405 with `Allow` when the path is served with other methods, else
  /// 404. Without credentials it is 401, like everything else.
  HttpService fallback(List<HttpRoute> routes) {
    Map<HttpMethod, HttpRoute> byMethod = new EnumMap<>(HttpMethod.class);
    Map<HttpMethod, EdgeMetrics.HttpTimers> timers = new EnumMap<>(HttpMethod.class);
    for (HttpMethod method : HttpMethod.values()) {
      byMethod.put(
          method,
          new HttpRoute(
              method,
              "unmatched",
              HttpRoute.Access.TOKEN,
              GatewayOptions.BODY_BYTES_MAX,
              null,
              exchange -> {
                throw unserved(routes, exchange.context.method(), exchange.context.path());
              }));
      timers.put(method, metrics.http("unmatched", method.name()));
    }
    return new WholeAnswers(
        (context, request) ->
            serve(byMethod.get(request.method()), timers.get(request.method()), context, request));
  }

  private static PlexException unserved(List<HttpRoute> routes, HttpMethod method, String path) {
    TreeSet<String> allowed = new TreeSet<>();
    for (HttpRoute route : routes) {
      if (route.fits(path)) {
        allowed.add(route.method().name());
      }
    }
    return allowed.isEmpty()
        ? HttpError.of(404, "no such route; /openapi.json lists those there are")
        : HttpError.methodNotAllowed(method.name(), String.join(", ", allowed));
  }

  private HttpResponse serve(
      HttpRoute route,
      EdgeMetrics.HttpTimers timers,
      ServiceRequestContext context,
      HttpRequest request) {
    long started = metrics.now();
    RequestHeaders headers = request.headers();
    Exchange exchange =
        new Exchange(
            calls,
            timers,
            route,
            context,
            request,
            Caller.requestId(headers.get(Exchange.REQUEST_ID), ids),
            started);
    try {
      exchange.enter();
      requirePlainTarget(context.rawPath());
      exchange.caller(
          new Caller(
              authenticate(route.access(), headers.get(HttpHeaderNames.AUTHORIZATION)),
              exchange.requestId,
              Caller.traceParent(headers.get(TRACE_PARENT)),
              Caller.idempotencyKey(headers.get(IDEMPOTENCY_KEY))));
      route.handler().handle(exchange);
    } catch (Throwable t) {
      // Errors too: whatever it was, the request gets its answer and gives its place back.
      exchange.fail(t);
    }
    return exchange.response();
  }

  /// Refuses a path with an empty segment, and bytes that a URL does not have. The server library
  /// drops empty segments and reads such bytes as Latin-1, so that somebody else would be called
  /// than was named; it keeps what was sent.
  ///
  /// @param target path and query as they were sent
  /// @throws PlexException `INVALID_MESSAGE`
  private static void requirePlainTarget(String target) {
    boolean inPath = true;
    char before = 0;
    for (int i = 0; i < target.length(); i++) {
      char c = target.charAt(i);
      if (c <= ' ' || c >= 0x7f) {
        throw Caller.invalid(
            inPath ? "path" : "query", "has bytes that are not ASCII; send them as %XX of UTF-8");
      }
      if (inPath && c == '/' && before == '/') {
        throw Caller.invalid("path", "has an empty segment; a slash within a name is %2F");
      }
      inPath = inPath && c != '?';
      before = c;
    }
  }

  private Principal authenticate(HttpRoute.Access access, String authorization) {
    return switch (access) {
      case OPEN -> Principal.ANONYMOUS;
      case TOKEN -> authenticator.authenticate(authorization);
      case TOKEN_OR_BASIC -> authenticator.authenticate(bearer(authorization));
    };
  }

  /// The password of HTTP Basic as a bearer token; anything else as it is.
  private static String bearer(String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, BASIC, 0, BASIC.length())) {
      return authorization;
    }
    try {
      String pair =
          new String(
              Base64.getDecoder().decode(authorization.substring(BASIC.length()).trim()),
              StandardCharsets.UTF_8);
      return "Bearer " + pair.substring(pair.indexOf(':') + 1);
    } catch (IllegalArgumentException e) {
      return "Bearer ";
    }
  }

  /// The headers of an error.
  static ResponseHeadersBuilder errorHeaders(ErrorBody body, HttpRoute.Access access) {
    ResponseHeadersBuilder headers =
        ResponseHeaders.builder(HttpStatus.valueOf(body.status()))
            .contentType(MediaType.JSON)
            .set(Exchange.REQUEST_ID, body.requestId());
    if (body.challenges()) {
      headers.add(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer realm=\"plexspaces\"");
      if (access == HttpRoute.Access.TOKEN_OR_BASIC) {
        headers.add(
            HttpHeaderNames.WWW_AUTHENTICATE,
            "Basic realm=\"plexspaces: any user, the token as password\", charset=\"UTF-8\"");
      }
    }
    if (body.retryAfterMs() > 0) {
      headers.set(HttpHeaderNames.RETRY_AFTER, Integer.toString(body.retryAfterSeconds()));
    }
    if (body.error() instanceof HttpError http && !http.allow().isEmpty()) {
      headers.set(HttpHeaderNames.ALLOW, http.allow());
    }
    return headers;
  }

  /// Names what the server threw; what is not known stays as it is.
  static Throwable known(Throwable thrown) {
    Throwable cause = thrown;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return switch (cause) {
      case HttpStatusException status ->
          HttpError.of(status.httpStatus().code(), message(status.httpStatus()));
      case RequestTimeoutException timeout ->
          new PlexException(ErrorCode.TIMEOUT, "the request took too long");
      case ContentTooLargeException large -> HttpError.tooLarge(large.maxContentLength());
      case MimeParsingException malformed ->
          new PlexException(
              ErrorCode.INVALID_MESSAGE, "the body is not well-formed multipart/form-data");
      // It was taken before; those that come later are refused at once.
      case ShuttingDownException stopping -> CallsInProgress.unknownOutcome();
      // Nobody reads these answers: the stream is gone, or the server has answered it itself.
      case ClosedSessionException gone -> HttpError.of(400, "the client went away");
      case ClosedStreamException gone -> HttpError.of(400, "the client went away");
      case AbortedStreamException gone -> HttpError.of(400, "the request was cut short");
      case ResponseCompleteException gone -> HttpError.of(400, "the request was cut short");
      default -> cause;
    };
  }

  /// Words for a status the server library decided on. Its own are not passed on: they may name
  /// classes.
  private static String message(HttpStatus status) {
    return switch (status.code()) {
      case 400 -> "the request is not valid HTTP, or its path has forbidden characters";
      case 413 -> "the request body is too long";
      case 414 -> "the request's path and query are too long";
      case 431 -> "the request's headers are too long";
      default -> status.reasonPhrase();
    };
  }

  /// Errors the server finds before or beside any route, in the one shape.
  ServerErrorHandler errorHandler() {
    return new ServerErrorHandler() {
      @Override
      public HttpResponse onServiceException(ServiceRequestContext context, Throwable cause) {
        String requestId =
            Caller.requestId(context.request().headers().get(Exchange.REQUEST_ID), ids);
        ErrorBody body = ErrorBody.of(ErrorTable.toAnswer(known(cause), requestId), requestId);
        return HttpResponse.of(
            errorHeaders(body, HttpRoute.Access.TOKEN).build(), HttpData.wrap(body.json()));
      }

      @Override
      public AggregatedHttpResponse onProtocolViolation(
          ServiceConfig config,
          RequestHeaders headers,
          HttpStatus status,
          String description,
          Throwable cause) {
        return render(headers, status);
      }

      @Override
      public AggregatedHttpResponse renderStatus(
          ServiceRequestContext context,
          ServiceConfig config,
          RequestHeaders headers,
          HttpStatus status,
          String description,
          Throwable cause) {
        return render(headers, status);
      }

      private AggregatedHttpResponse render(RequestHeaders headers, HttpStatus status) {
        String requestId =
            Caller.requestId(headers == null ? null : headers.get(Exchange.REQUEST_ID), ids);
        ErrorBody body = ErrorBody.of(HttpError.of(status.code(), message(status)), requestId);
        return AggregatedHttpResponse.of(
            errorHeaders(body, HttpRoute.Access.TOKEN).build(), HttpData.wrap(body.json()));
      }
    };
  }
}
