package dev.plexspaces.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The load generator against the JDK's own server: every reply is understood and counted once.
class LoadGeneratorTest {

  private static final long NANOS = 1_000_000_000;

  private final AtomicLong served = new AtomicLong();
  private HttpServer server;
  private URI address;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/fixed", exchange -> answer(exchange, 200, false));
    server.createContext("/chunked", exchange -> answer(exchange, 200, true));
    server.createContext("/broken", exchange -> answer(exchange, 503, false));
    server.start();
    address = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange, int status, boolean chunked) throws IOException {
    exchange.getRequestBody().readAllBytes();
    byte[] body = "{\"n\":\"0123456789\"}".repeat(50).getBytes(StandardCharsets.UTF_8);
    served.incrementAndGet();
    exchange.sendResponseHeaders(status, chunked ? 0 : body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body, 0, body.length / 2);
      out.flush();
      out.write(body, body.length / 2, body.length - body.length / 2);
    }
  }

  private LoadGenerator generator(String path, int connections, int depth) throws IOException {
    return new LoadGenerator(
        address,
        connections,
        depth,
        (connection, number) -> LoadGenerator.json(address, "POST", path, "{\"a\":1}"));
  }

  @Test
  void closedLoop_fixedLength_everyReplyCounted() throws IOException {
    try (LoadGenerator load = generator("/fixed", 4, 1)) {
      LoadGenerator.Outcome outcome = load.closedLoop(NANOS).successful();

      // What was still in flight when the time was up is served and not counted.
      assertThat(outcome.replies()).isPositive().isBetween(served.get() - 4, served.get());
      assertThat(outcome.latency().getTotalCount()).isEqualTo(outcome.replies());
    }
  }

  @Test
  void closedLoop_chunked_everyReplyCounted() throws IOException {
    try (LoadGenerator load = generator("/chunked", 2, 1)) {
      LoadGenerator.Outcome outcome = load.closedLoop(NANOS).successful();

      assertThat(outcome.replies()).isPositive().isBetween(served.get() - 2, served.get());
    }
  }

  @Test
  void closedLoop_usedTwice_countsAnew() throws IOException {
    try (LoadGenerator load = generator("/fixed", 2, 1)) {
      load.closedLoop(NANOS);
      long before = served.get();

      assertThat(load.closedLoop(NANOS).replies())
          .isBetween(served.get() - before - 2, served.get() - before);
    }
  }

  @Test
  void openLoop_slowRate_sendsWhatIsDue() throws IOException {
    try (LoadGenerator load = generator("/fixed", 2, 1)) {
      LoadGenerator.Outcome outcome = load.openLoop(100, NANOS).successful();

      // Due every 10 ms of a second, the first one at once.
      assertThat(served.get()).isLessThanOrEqualTo(101);
      assertThat(outcome.replies()).isLessThanOrEqualTo(served.get());
    }
  }

  @Test
  void successful_errorStatus_showsTheFirstOne() throws IOException {
    try (LoadGenerator load = generator("/broken", 1, 1)) {
      LoadGenerator.Outcome outcome = load.closedLoop(NANOS);

      assertThat(outcome.replies()).isZero();
      assertThatThrownBy(outcome::successful)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("503");
    }
  }
}
