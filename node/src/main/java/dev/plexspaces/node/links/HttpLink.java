package dev.plexspaces.node.links;

import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.kernel.ServiceLinks.Answer;
import dev.plexspaces.kernel.ServiceLinks.Call;
import dev.plexspaces.node.links.CircuitBreaker.Outcome;
import dev.plexspaces.node.links.LinkStats.Ending;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.PlexException;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One service link in use: makes calls over HTTP, each on a virtual thread of its own that blocks.
final class HttpLink {

  /* Redirects are not followed: whatever a service says, a call stays at and below the link's
  address. Error texts name the link and what happened, never the address, a header or what the other
  side said, since all of these may hold secrets. */

  private static final Logger LOG = LoggerFactory.getLogger(HttpLink.class);

  private static final String TRACE_PARENT = "traceparent";
  private static final int REQUEST_TIMEOUT = 408;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int FIRST_CLIENT_ERROR = 400;
  private static final int FIRST_SERVER_ERROR = 500;

  private final String application;
  private final ServiceLink link;
  private final String base;
  private final OutboundHttp.Doors doors;
  private final CircuitBreaker breaker;
  private final Semaphore calls;
  private final Map<Ending, LongAdder> endings = new LinkedHashMap<>();
  private final LongAdder retries = new LongAdder();

  /// An attempt or a call without an answer.
  ///
  /// @param mayPass true when another attempt may succeed
  /// @param retryAfter what the service asked to wait
  private record Failure(
      Ending ending, ErrorCode code, String problem, boolean mayPass, Duration retryAfter) {
    Failure(Ending ending, ErrorCode code, String problem, boolean mayPass) {
      this(ending, code, problem, mayPass, Duration.ZERO);
    }
  }

  /// How one attempt ended.
  ///
  /// @param answer null when there is none
  /// @param failure null when there is an answer
  private record Attempt(Answer answer, Failure failure, Outcome outcome) {}

  /// @param link with resolved headers
  HttpLink(String application, ServiceLink link, OutboundHttp.Doors doors) {
    this.application = application;
    this.link = link;
    this.doors = doors;
    String text = link.baseUrl().toString();
    this.base = text.endsWith("/") ? text.substring(0, text.length() - 1) : text;
    this.breaker = new CircuitBreaker(link.breaker());
    this.calls = new Semaphore(link.limits().calls());
    for (Ending ending : Ending.values()) {
      endings.put(ending, new LongAdder());
    }
  }

  LinkStats stats() {
    Map<Ending, Long> counts = new LinkedHashMap<>();
    endings.forEach((ending, count) -> counts.put(ending, count.sum()));
    return new LinkStats(
        application,
        link.name(),
        counts,
        retries.sum(),
        breaker.state().name().toLowerCase(Locale.ROOT));
  }

  /// Takes one of the places for calls on their way; false when there is none.
  boolean enter() {
    return calls.tryAcquire();
  }

  /// Gives the place back.
  void leave() {
    calls.release();
  }

  /// The error of a call that found no place.
  PlexException busy() {
    return ended(
        new Failure(
            Ending.REFUSED,
            ErrorCode.RESOURCE_EXHAUSTED,
            link.limits().calls() + " calls are on their way, its bound; try later",
            true));
  }

  /// Makes a call: attempts and waits until there is an answer or no sense in going on.
  void run(Call call, ServiceLinks.Listener listener) {
    Answer answer;
    try {
      answer = answer(call);
    } catch (PlexException failed) {
      listener.failed(failed);
      return;
    } catch (InterruptedException stopping) {
      Thread.currentThread().interrupt();
      listener.failed(
          ended(
              new Failure(
                  Ending.UNAVAILABLE, ErrorCode.UNAVAILABLE, "the node is stopping", true)));
      return;
    } catch (Throwable bug) {
      LOG.error(
          "a call over service link '{}' failed; this is a bug of the platform", link.name(), bug);
      listener.failed(new PlexException(ErrorCode.INTERNAL, text("internal error")));
      return;
    }
    endings.get(answer.status() < FIRST_CLIENT_ERROR ? Ending.OK : Ending.CLIENT_ERROR).increment();
    listener.answered(answer);
  }

  private Answer answer(Call call) throws InterruptedException {
    Duration whole = shorter(call.timeout(), link.limits().deadline());
    long due = doors.clock().nanoTime() + whole.toNanos();
    HttpRequest.Builder request = request(call);
    for (int made = 1; ; made++) {
      long ticket = breaker.admit(doors.clock().nanoTime());
      if (ticket == CircuitBreaker.REFUSED) {
        // Waiting for it to close would hold up the actor: the point of the breaker is not to.
        throw ended(
            new Failure(
                Ending.BREAKER_OPEN, ErrorCode.UNAVAILABLE, "its circuit breaker is open", true));
      }
      Attempt attempt = null;
      try {
        attempt = attempt(request, due);
      } finally {
        Outcome outcome = attempt == null ? Outcome.NEITHER : attempt.outcome();
        if (breaker.ended(ticket, outcome, doors.clock().nanoTime())) {
          LOG.warn(
              "the circuit breaker of service link '{}' of {} is {} now",
              link.name(),
              application,
              stats().breaker());
        }
      }
      if (attempt.failure() == null) {
        return attempt.answer();
      }
      Failure failure = attempt.failure();
      if (!failure.mayPass() || made >= link.retry().maxAttempts()) {
        throw ended(failure);
      }
      Duration pause = link.retry().pause(made, doors.entropy().nextDouble());
      pause = pause.compareTo(failure.retryAfter()) < 0 ? failure.retryAfter() : pause;
      if (doors.clock().nanoTime() + pause.toNanos() - due >= 0) {
        throw ended(failure);
      }
      doors.pause().accept(pause);
      retries.increment();
    }
  }

  private HttpRequest.Builder request(Call call) {
    byte[] body = (byte[]) call.request().body();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + call.request().path()))
            // Without TLS the client would ask for an upgrade, which some servers do not bear.
            .version(
                base.startsWith("https:") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
            .method(
                call.request().method(),
                body == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
    call.request()
        .headers()
        .forEach(
            (name, value) -> {
              if (link.headers().keySet().stream().anyMatch(name::equalsIgnoreCase)) {
                throw ended(
                    new Failure(
                        Ending.REFUSED,
                        ErrorCode.INVALID_MESSAGE,
                        "header " + name + " is set by the link's configuration; leave it out",
                        false));
              }
              request.setHeader(name, value);
            });
    link.headers().forEach(request::setHeader);
    request.setHeader(ServiceLinks.IDEMPOTENCY_KEY, call.idempotencyKey());
    if (!call.traceParent().isEmpty()
        && call.request().headers().keySet().stream().noneMatch(TRACE_PARENT::equalsIgnoreCase)) {
      request.setHeader(TRACE_PARENT, call.traceParent());
    }
    return request;
  }

  private Attempt attempt(HttpRequest.Builder request, long due) throws InterruptedException {
    long left = due - doors.clock().nanoTime();
    long patience = Math.min(left, link.limits().attemptTimeout().toNanos());
    // An attempt cut to less than half by the caller's haste tells nothing about the service.
    boolean hasty = patience < link.limits().attemptTimeout().toNanos() / 2;
    Outcome late = hasty ? Outcome.NEITHER : Outcome.FAILURE;
    if (patience <= 0) {
      return late(late);
    }
    CompletableFuture<HttpResponse<byte[]>> answer =
        doors
            .http()
            .get()
            .sendAsync(request.build(), BoundedBody.handler(link.limits().responseBytes()));
    try {
      // Not the request's own timeout, which ends with the headers and would wait for a body for
      // ever.
      return answered(answer.get(patience, TimeUnit.NANOSECONDS));
    } catch (TimeoutException e) {
      return late(late);
    } catch (ExecutionException e) {
      return failed(e.getCause(), late);
    } finally {
      // Drops the connection of an exchange that is still going on.
      answer.cancel(true);
    }
  }

  private static Attempt late(Outcome outcome) {
    return new Attempt(
        null, new Failure(Ending.TIMEOUT, ErrorCode.TIMEOUT, "no answer in time", true), outcome);
  }

  private Attempt failed(Throwable cause, Outcome late) {
    LOG.debug("service link '{}': {}", link.name(), cause.getClass().getName());
    return switch (cause) {
      case HttpTimeoutException e -> late(late);
      case BoundedBody.TooLarge e ->
          new Attempt(
              null,
              new Failure(
                  Ending.BAD_ANSWER,
                  ErrorCode.DELIVERY_FAILED,
                  "its answer has more than " + link.limits().responseBytes() + " bytes",
                  false),
              Outcome.SUCCESS);
      case ProtocolException e ->
          new Attempt(
              null,
              new Failure(
                  Ending.BAD_ANSWER, ErrorCode.DELIVERY_FAILED, "its answer is no HTTP", false),
              Outcome.FAILURE);
      default ->
          new Attempt(
              null,
              new Failure(
                  Ending.UNAVAILABLE,
                  ErrorCode.UNAVAILABLE,
                  "the service cannot be reached or broke the connection",
                  true),
              Outcome.FAILURE);
    };
  }

  private Attempt answered(HttpResponse<byte[]> response) {
    int status = response.statusCode();
    if (status == REQUEST_TIMEOUT) {
      return refused(response, Ending.TIMEOUT, ErrorCode.TIMEOUT, Outcome.FAILURE);
    }
    if (status == TOO_MANY_REQUESTS) {
      // It works and says so.
      return refused(response, Ending.THROTTLED, ErrorCode.RESOURCE_EXHAUSTED, Outcome.NEITHER);
    }
    if (status >= FIRST_SERVER_ERROR) {
      return refused(response, Ending.UNAVAILABLE, ErrorCode.UNAVAILABLE, Outcome.FAILURE);
    }
    Map<String, String> headers = new LinkedHashMap<>();
    for (Map.Entry<String, List<String>> header : response.headers().map().entrySet()) {
      // Pseudo-headers of HTTP/2 begin with a colon.
      if (headers.size() < LinkResponse.HEADERS_MAX && !header.getKey().startsWith(":")) {
        headers.put(header.getKey().toLowerCase(Locale.ROOT), String.join(", ", header.getValue()));
      }
    }
    return new Attempt(new Answer(status, headers, response.body()), null, Outcome.SUCCESS);
  }

  private Attempt refused(
      HttpResponse<byte[]> response, Ending ending, ErrorCode code, Outcome outcome) {
    Duration retryAfter =
        response
            .headers()
            .firstValue("Retry-After")
            .map(text -> RetryAfter.read(text, doors.clock().instant()))
            .orElse(Duration.ZERO);
    String problem = "the service answered " + response.statusCode();
    return new Attempt(null, new Failure(ending, code, problem, true, retryAfter), outcome);
  }

  private PlexException ended(Failure failure) {
    endings.get(failure.ending()).increment();
    return new PlexException(failure.code(), text(failure.problem()));
  }

  private String text(String problem) {
    return "service link '" + link.name() + "': " + problem;
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }
}
