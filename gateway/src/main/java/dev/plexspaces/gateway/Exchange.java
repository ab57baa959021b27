package dev.plexspaces.gateway;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.common.ResponseHeadersBuilder;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.plexspaces.sdk.PlexException;
import io.netty.util.AsciiString;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/// One HTTP request and its one answer. The first answer counts; a later one is ignored.
final class Exchange implements CallsInProgress.Call {

  static final AsciiString REQUEST_ID = HttpHeaderNames.of(Caller.REQUEST_ID);
  static final AsciiString ACTOR = HttpHeaderNames.of("plexspaces-actor");

  private static final MediaType MERGE_JSON = MediaType.parse("application/merge-patch+json");

  private final CallsInProgress calls;
  private final EdgeMetrics.HttpTimers timers;
  private final HttpRoute route;
  private final long started;
  private final CompletableFuture<HttpResponse> response = new CompletableFuture<>();
  final ServiceRequestContext context;
  final HttpRequest request;
  final String requestId;
  private CallsInProgress.Place place;
  private Caller caller;

  Exchange(
      CallsInProgress calls,
      EdgeMetrics.HttpTimers timers,
      HttpRoute route,
      ServiceRequestContext context,
      HttpRequest request,
      String requestId,
      long started) {
    this.calls = calls;
    this.timers = timers;
    this.route = route;
    this.context = context;
    this.request = request;
    this.requestId = requestId;
    this.started = started;
  }

  /// Takes its place among the requests in progress.
  ///
  /// @throws PlexException `RESOURCE_EXHAUSTED`, `UNAVAILABLE`
  void enter() {
    place = calls.enter(this, route.access() == HttpRoute.Access.OPEN);
  }

  @Override
  public void abandon(PlexException why) {
    fail(why);
  }

  /// Who asks. Set before the handler runs.
  Caller caller() {
    return caller;
  }

  void caller(Caller caller) {
    this.caller = caller;
  }

  /// A variable of the path, decoded. Bytes that are not UTF-8 show as U+FFFD.
  String variable(String name) {
    return context.pathParam(name);
  }

  /// Refuses query parameters where none are understood.
  ///
  /// @throws PlexException `INVALID_MESSAGE`
  void requireNoQuery(String instead) {
    String query = context.query();
    if (query != null && !query.isEmpty()) {
      throw Caller.invalid(
          context.queryParams().names().stream().findFirst().orElse("query"),
          "query parameters are not understood here; " + instead);
    }
  }

  /// Reads the whole body as JSON text and passes it on; failures become the answer.
  ///
  /// @throws HttpError 415
  void withJsonBody(Consumer<byte[]> next) {
    MediaType type = request.contentType();
    if (type == null) {
      if (request.headers().contains(HttpHeaderNames.CONTENT_TYPE)) {
        throw HttpError.notJson();
      }
    } else if (!type.isJson() && !type.belongsTo(MERGE_JSON)) {
      throw HttpError.notJson();
    }
    request
        .aggregate()
        .handle(
            (whole, failure) -> {
              if (failure != null) {
                fail(failure);
              } else {
                try {
                  next.accept(whole.content().array());
                } catch (Throwable t) {
                  fail(t);
                }
              }
              return null;
            });
  }

  /// Makes a call once everything that came in together has been read, so that the actors are woken
  /// once for all of it and not for each request; failures become the answer.
  void afterReading(Runnable call) {
    context
        .eventLoop()
        .withoutContext()
        .execute(
            () -> {
              try {
                call.run();
              } catch (Throwable t) {
                fail(t);
              }
            });
  }

  /// Answers once a result is there; failures become the answer.
  <T> void when(CompletableFuture<T> result, Consumer<T> answer) {
    result.whenComplete(
        (value, failure) -> {
          try {
            if (failure != null) {
              fail(failure);
            } else {
              answer.accept(value);
            }
          } catch (Throwable t) {
            fail(t);
          }
        });
  }

  /// Answers with JSON.
  void answer(HttpStatus status, byte[] json) {
    answer(headers(status, MediaType.JSON), json);
  }

  /// Answers with JSON and the id of the actor that took the call.
  void answer(HttpStatus status, String actor, byte[] json) {
    answer(headers(status, MediaType.JSON).set(ACTOR, HeaderText.encode(actor)), json);
  }

  /// Starts an answer.
  ResponseHeadersBuilder headers(HttpStatus status, MediaType type) {
    return ResponseHeaders.builder(status).contentType(type).set(REQUEST_ID, requestId);
  }

  void answer(ResponseHeadersBuilder headers, byte[] body) {
    ResponseHeaders built = headers.build();
    if (calls.stopping()) {
      // HTTP/1 closes after this answer and says so; HTTP/2 sends GOAWAY.
      context.initiateConnectionShutdown();
    }
    if (response.complete(HttpResponse.of(built, HttpData.wrap(body)))) {
      timers.record(built.status().code(), started);
      if (place != null) {
        place.leave();
      }
    }
  }

  /// Answers with an error.
  void fail(Throwable thrown) {
    if (response.isDone()) {
      return;
    }
    Throwable known = HttpEdge.known(thrown);
    PlexException error =
        caller == null ? ErrorTable.toAnswer(known, requestId) : ErrorTable.toAnswer(known, caller);
    ErrorBody body = ErrorBody.of(error, requestId);
    answer(HttpEdge.errorHeaders(body, route.access()), body.json());
  }

  /// What the server sends.
  HttpResponse response() {
    return response.isDone() ? response.join() : HttpResponse.of(response);
  }
}
