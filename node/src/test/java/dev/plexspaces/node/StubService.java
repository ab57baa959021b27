package dev.plexspaces.node;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// An outside service: remembers who called with which key, and answers what the test says.
final class StubService implements AutoCloseable {

  /// A call, waiting for its answer.
  static final class Received {
    final String path;
    final String key;
    final String authorization;
    final String body;
    private final BlockingQueue<Integer> status = new LinkedBlockingQueue<>();

    private Received(HttpExchange exchange) throws IOException {
      path = exchange.getRequestURI().toString();
      key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
      authorization = exchange.getRequestHeaders().getFirst("Authorization");
      body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    }

    void answer(int status) {
      this.status.add(status);
    }
  }

  /// What comes to a path not in `automatic` waits here for the test.
  private final BlockingQueue<Received> held = new LinkedBlockingQueue<>();

  /// Statuses to answer at once, by path; the last one stays.
  final Map<String, BlockingQueue<Integer>> automatic = new ConcurrentHashMap<>();

  /// Keys of all calls by path, in the order they came.
  final Map<String, List<String>> keys = new ConcurrentHashMap<>();

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;

  StubService() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(threads);
    server.createContext("/", this::serve);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
  }

  /// Answers calls of a path at once.
  StubService answers(String path, Integer... statuses) {
    automatic.put(path, new LinkedBlockingQueue<>(List.of(statuses)));
    return this;
  }

  /// The next call that waits for an answer.
  Received next() throws InterruptedException {
    Received received = held.poll(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    if (received == null) {
      throw new AssertionError("no call came; there were " + keys);
    }
    return received;
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      Received received = new Received(exchange);
      keys.computeIfAbsent(received.path, p -> new CopyOnWriteArrayList<>()).add(received.key);
      BlockingQueue<Integer> statuses = automatic.get(received.path);
      int status;
      if (statuses == null) {
        held.add(received);
        status = received.status.take();
      } else {
        status = statuses.size() > 1 ? statuses.take() : statuses.peek();
      }
      byte[] body = "{\"n\":7}".getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().add("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
