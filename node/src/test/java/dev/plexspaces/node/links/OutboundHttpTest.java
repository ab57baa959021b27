package dev.plexspaces.node.links;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.kernel.ServiceLinks.Answer;
import dev.plexspaces.kernel.ServiceLinks.Call;
import dev.plexspaces.kernel.ServiceLinks.Listener;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.node.links.LinkStats.Ending;
import dev.plexspaces.node.links.ServiceLink.Backoff;
import dev.plexspaces.node.links.ServiceLink.BreakerPolicy;
import dev.plexspaces.node.links.ServiceLink.Limits;
import dev.plexspaces.node.links.ServiceLink.RetryPolicy;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Links against a real server. Waits between attempts are counted, not waited for: time moves only
/// by them.
@Timeout(120)
class OutboundHttpTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final String SECRET = "s3cret-value";
  private static final RetryPolicy FIXED =
      new RetryPolicy(3, Backoff.FIXED, Duration.ofMillis(100), Duration.ofSeconds(10));

  /// One request as the server got it.
  private record Got(String method, String uri, Map<String, List<String>> headers, String body) {
    String header(String name) {
      return String.join("|", headers.getOrDefault(name, List.of()));
    }
  }

  private interface Behaviour {
    void serve(HttpExchange exchange) throws IOException;
  }

  private final List<Got> got = Collections.synchronizedList(new ArrayList<>());
  private final ArrayDeque<Behaviour> next = new ArrayDeque<>();
  private final List<Duration> pauses = Collections.synchronizedList(new ArrayList<>());
  private final AtomicLong nanos = new AtomicLong();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch closing = new CountDownLatch(1);
  private HttpServer server;
  private OutboundHttp links;

  @BeforeEach
  void serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
    Clock clock =
        new Clock() {
          @Override
          public Instant instant() {
            return NOW.plusNanos(nanos.get());
          }

          @Override
          public long nanoTime() {
            return nanos.get();
          }
        };
    RandomGenerator half = () -> 1L << 63;
    links =
        new OutboundHttp(
            new Secrets(Map.of("PLEXSPACES_SECRET_T", SECRET)::get, Path.of("none")),
            threads,
            clock,
            half,
            pause -> {
              pauses.add(pause);
              nanos.addAndGet(pause.toNanos());
            });
  }

  @AfterEach
  void close() {
    closing.countDown();
    links.close();
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    got.add(
        new Got(
            exchange.getRequestMethod(),
            exchange.getRequestURI().toString(),
            Map.copyOf(exchange.getRequestHeaders()),
            body));
    Behaviour behaviour;
    synchronized (next) {
      behaviour = next.isEmpty() ? status(200) : next.poll();
    }
    try (exchange) {
      behaviour.serve(exchange);
    }
  }

  private static Behaviour status(int status, String... header) {
    return exchange -> {
      for (int i = 0; i < header.length; i += 2) {
        exchange.getResponseHeaders().add(header[i], header[i + 1]);
      }
      byte[] body = ("corpus " + status).getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    };
  }

  private void behave(Behaviour... behaviours) {
    synchronized (next) {
      next.addAll(List.of(behaviours));
    }
  }

  private ServiceLink link(Limits limits, RetryPolicy retry, BreakerPolicy breaker) {
    return new ServiceLink(
        "service_links[0]",
        "out",
        URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/base/"),
        Map.of("Authorization", "Bearer ${env:PLEXSPACES_SECRET_T}"),
        limits,
        retry,
        breaker);
  }

  private ServiceLinks open(ServiceLink link) {
    try {
      return links.open("shop", "acme", List.of(link));
    } catch (LinkOpener.UnusableLink e) {
      throw new AssertionError(e);
    }
  }

  private ServiceLinks open() {
    return open(link(Limits.defaults(), FIXED, BreakerPolicy.defaults()));
  }

  private static CompletableFuture<Answer> start(ServiceLinks links, LinkRequest request) {
    CompletableFuture<Answer> result = new CompletableFuture<>();
    links.call(
        new Call(request, "key/1", "00-t-s-01", Duration.ofMinutes(5)),
        new Listener() {
          @Override
          public void answered(Answer answer) {
            result.complete(answer);
          }

          @Override
          public void failed(PlexException error) {
            result.completeExceptionally(error);
          }
        });
    return result;
  }

  private static Answer call(ServiceLinks links, LinkRequest request) {
    try {
      return start(links, request).get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw (PlexException) e.getCause();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static PlexException fails(ServiceLinks links, LinkRequest request) {
    PlexException e = catchThrowableOfType(PlexException.class, () -> call(links, request));
    assertThat(e).as("failed").isNotNull();
    assertThat(e.getMessage())
        .startsWith("service link 'out': ")
        .doesNotContain(SECRET, "127.0.0.1", "corpus");
    return e;
  }

  private long counted(Ending ending) {
    return links.stats().getFirst().calls().get(ending);
  }

  private static final LinkRequest GET = LinkRequest.get("out", "/x?q=1");

  @Test
  void call_goesBelowTheBase_withKeyTraceAndConfiguredHeaders() {
    behave(status(201, "X-One", "1", "X-One", "2"));
    Answer answer =
        call(
            open(),
            new LinkRequest(
                "out",
                "POST",
                "/x?q=1",
                Map.of("X-Mine", "m"),
                "body".getBytes(StandardCharsets.UTF_8)));

    assertThat(answer.status()).isEqualTo(201);
    assertThat(new String(answer.body(), StandardCharsets.UTF_8)).isEqualTo("corpus 201");
    assertThat(answer.headers()).containsEntry("x-one", "1, 2");
    Got request = got.getFirst();
    assertThat(request.method()).isEqualTo("POST");
    assertThat(request.uri()).isEqualTo("/base/x?q=1");
    assertThat(request.body()).isEqualTo("body");
    assertThat(request.header("Idempotency-key")).isEqualTo("key/1");
    assertThat(request.header("Traceparent")).isEqualTo("00-t-s-01");
    assertThat(request.header("Authorization")).isEqualTo("Bearer " + SECRET);
    assertThat(request.header("X-mine")).isEqualTo("m");
    assertThat(request.headers()).doesNotContainKeys("Upgrade", "Http2-settings");
    assertThat(counted(Ending.OK)).isEqualTo(1);
  }

  @Test
  void linkThatIsNotDeclared_isNotCalled() {
    PlexException e =
        catchThrowableOfType(
            PlexException.class, () -> call(open(), LinkRequest.get("other", "/x")));
    assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(e)
        .hasMessage("service link 'other' is not declared by this application; there are: out");
    assertThat(got).isEmpty();
  }

  @Test
  void headerOfTheConfiguration_cannotBeReplaced() {
    PlexException e = fails(open(), GET.header("authorization", "mine"));
    assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(e.getMessage()).contains("header authorization is set by the link's configuration");
    assertThat(got).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 307, 400, 401, 404, 409, 422})
  void redirectsAndClientErrors_areAnswers_andNotTriedAgain(int status) {
    behave(status(status, "Location", "http://127.0.0.1:1/elsewhere"));
    assertThat(call(open(), GET).status()).isEqualTo(status);
    assertThat(got).hasSize(1);
    assertThat(counted(status < 400 ? Ending.OK : Ending.CLIENT_ERROR)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "500,UNAVAILABLE,UNAVAILABLE",
    "503,UNAVAILABLE,UNAVAILABLE",
    "408,TIMEOUT,TIMEOUT",
    "429,RESOURCE_EXHAUSTED,THROTTLED"
  })
  void whatMayPass_isTriedAgainWithTheSameKey_andReportedAtLast(
      int status, ErrorCode code, Ending ending) {
    behave(status(status), status(status), status(status));
    PlexException e = fails(open(), LinkRequest.post("out", "/x", null));
    assertThat(e.code()).isEqualTo(code);
    assertThat(e).hasMessage("service link 'out': the service answered " + status);
    assertThat(got).hasSize(3).allMatch(g -> g.header("Idempotency-key").equals("key/1"));
    assertThat(pauses).containsExactly(Duration.ofMillis(100), Duration.ofMillis(100));
    assertThat(links.stats().getFirst().retries()).isEqualTo(2);
    assertThat(counted(ending)).isEqualTo(1);
  }

  @Test
  void attemptThatSucceeds_endsTheRetries() {
    behave(status(503), status(200));
    assertThat(call(open(), GET).status()).isEqualTo(200);
    assertThat(got).hasSize(2);
    assertThat(counted(Ending.OK)).isEqualTo(1);
    assertThat(counted(Ending.UNAVAILABLE)).isZero();
  }

  @Test
  void exponentialBackoff_isJittered() {
    behave(status(503), status(503), status(503), status(200));
    call(
        open(
            link(
                Limits.defaults(),
                new RetryPolicy(
                    5, Backoff.EXPONENTIAL, Duration.ofMillis(100), Duration.ofSeconds(1)),
                BreakerPolicy.defaults())),
        GET);
    assertThat(pauses)
        .containsExactly(Duration.ofMillis(50), Duration.ofMillis(100), Duration.ofMillis(200));
  }

  @Test
  void retryAfter_isWaitedFor_whenTimeAllows() {
    behave(
        status(429, "Retry-After", "7"),
        status(503, "Retry-After", "Sat, 21 Nov 2026 10:00:20 GMT"));
    assertThat(call(open(), GET).status()).isEqualTo(200);
    assertThat(pauses).containsExactly(Duration.ofSeconds(7), Duration.ofSeconds(13));
  }

  @Test
  void retryAfterBeyondTheDeadline_endsTheCallAtOnce() {
    behave(status(429, "Retry-After", "60"));
    assertThat(fails(open(), GET).code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
    assertThat(pauses).isEmpty();
    assertThat(got).hasSize(1);
  }

  @Test
  void deadline_endsTheRetries() {
    behave(status(503), status(503), status(503));
    Limits short250 = new Limits(Duration.ofSeconds(30), Duration.ofMillis(150), 1024, 9);
    assertThat(fails(open(link(short250, FIXED, BreakerPolicy.defaults())), GET).code())
        .isIn(ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT);
    assertThat(got.size()).isLessThanOrEqualTo(2);
    assertThat(pauses.size()).isLessThanOrEqualTo(1);
  }

  @Test
  void noAnswer_timesOut_alsoWhenOnlyTheBodyIsMissing() {
    behave(
        this::closing,
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write('a');
          exchange.getResponseBody().flush();
          closing(exchange);
        });
    Limits hasty = new Limits(Duration.ofMillis(200), Duration.ofSeconds(60), 1024, 9);
    RetryPolicy twice = new RetryPolicy(2, Backoff.NONE, Duration.ZERO, Duration.ZERO);
    PlexException e = fails(open(link(hasty, twice, BreakerPolicy.defaults())), GET);
    assertThat(e.code()).isEqualTo(ErrorCode.TIMEOUT);
    assertThat(got).hasSize(2);
  }

  /// Holds the connection until the test is over.
  private void closing(HttpExchange exchange) throws IOException {
    try {
      closing.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void nobodyThere_isUnavailable_andTriedAgain() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    ServiceLink nobody =
        new ServiceLink(
            "service_links[0]",
            "out",
            URI.create("http://127.0.0.1:" + port),
            Map.of(),
            Limits.defaults(),
            FIXED,
            BreakerPolicy.defaults());
    assertThat(fails(open(nobody), GET).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(pauses).hasSize(2);
  }

  @Test
  void answerBeyondTheBound_isRefusedWithoutAnotherAttempt_oneAtTheBoundIsNot() {
    Limits ten = new Limits(Duration.ofSeconds(30), Duration.ofSeconds(60), 10, 9);
    // "corpus 200" has ten bytes.
    ServiceLinks small = open(link(ten, FIXED, BreakerPolicy.defaults()));
    assertThat(call(small, GET).body()).hasSize(10);
    ServiceLinks nine =
        open(
            link(
                new Limits(Duration.ofSeconds(30), Duration.ofSeconds(60), 9, 9),
                FIXED,
                BreakerPolicy.defaults()));
    PlexException e = fails(nine, GET);
    assertThat(e.code()).isEqualTo(ErrorCode.DELIVERY_FAILED);
    assertThat(e.getMessage()).contains("more than 9 bytes");
    assertThat(got).hasSize(2);
    assertThat(counted(Ending.BAD_ANSWER)).isEqualTo(1);
  }

  @Test
  void callsBeyondTheBound_areRefused() throws Exception {
    behave(this::closing);
    Limits one = new Limits(Duration.ofSeconds(30), Duration.ofSeconds(60), 1024, 1);
    ServiceLinks busy = open(link(one, FIXED, BreakerPolicy.defaults()));
    CompletableFuture<Answer> first = start(busy, GET);
    assertThat(fails(busy, GET).code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
    assertThat(counted(Ending.REFUSED)).isEqualTo(1);
    assertThat(first).isNotDone();
  }

  @Test
  void breaker_opensAfterFailures_refusesWithoutCalling_andClosesAgain() {
    BreakerPolicy two = new BreakerPolicy(2, 2, Duration.ofSeconds(30), 1);
    RetryPolicy once = new RetryPolicy(1, Backoff.NONE, Duration.ZERO, Duration.ZERO);
    ServiceLinks broken = open(link(Limits.defaults(), once, two));
    behave(status(503), status(500));
    fails(broken, GET);
    fails(broken, GET);
    assertThat(links.stats().getFirst().breaker()).isEqualTo("open");

    PlexException e = fails(broken, GET);
    assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(e.getMessage()).endsWith("its circuit breaker is open");
    assertThat(got).hasSize(2);
    assertThat(counted(Ending.BREAKER_OPEN)).isEqualTo(1);

    nanos.addAndGet(Duration.ofSeconds(30).toNanos());
    assertThat(call(broken, GET).status()).isEqualTo(200);
    assertThat(links.stats().getFirst().breaker()).isEqualTo("closed");
  }

  @Test
  void breakerThatOpensDuringACall_endsItsRetries() {
    BreakerPolicy two = new BreakerPolicy(2, 2, Duration.ofSeconds(30), 1);
    behave(status(503), status(503), status(503));
    PlexException e = fails(open(link(Limits.defaults(), FIXED, two)), GET);
    assertThat(e.getMessage()).endsWith("its circuit breaker is open");
    assertThat(got).hasSize(2);
  }

  @Test
  void throttling_doesNotOpenTheBreaker() {
    BreakerPolicy one = new BreakerPolicy(1, 1, Duration.ofSeconds(30), 1);
    behave(status(429), status(429));
    assertThat(call(open(link(Limits.defaults(), FIXED, one)), GET).status()).isEqualTo(200);
  }

  @Test
  void missingSecret_namesItsKey() {
    ServiceLink link =
        link(Limits.defaults(), FIXED, BreakerPolicy.defaults())
            .withHeaders(Map.of("Authorization", "Bearer ${file:token}"));
    LinkOpener.UnusableLink e =
        catchThrowableOfType(
            LinkOpener.UnusableLink.class, () -> links.open("shop", "acme", List.of(link)));
    assertThat(e.keyPath()).isEqualTo("service_links[0].headers.Authorization");
    assertThat(e).hasMessageContaining("secrets/acme/token in the node's data directory");
    assertThat(links.stats()).isEmpty();
  }

  @Test
  void closedApplication_isNotCounted() {
    open();
    assertThat(links.stats()).hasSize(1);
    links.close("shop");
    assertThat(links.stats()).isEmpty();
  }
}
