package dev.plexspaces.node.links;

import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// The service links of all applications of a node, calling over HTTP. Thread safe.
public final class OutboundHttp implements LinkOpener, AutoCloseable {

  /// Longest wait for a connection; part of the attempt's own limit.
  public static final Duration CONNECT_MAX = Duration.ofSeconds(10);

  private final Secrets secrets;
  private final Doors doors;
  private final Executor threads;
  private final Map<String, Map<String, HttpLink>> open = new ConcurrentHashMap<>();
  private HttpClient http;

  /// Waits between attempts.
  public interface Pause {

    /// Returns after `time`.
    ///
    /// @throws InterruptedException when the node stops meanwhile
    void accept(Duration time) throws InterruptedException;
  }

  /// What calls need of the outside world.
  ///
  /// @param entropy for the jitter of waits
  record Doors(Supplier<HttpClient> http, Clock clock, RandomGenerator entropy, Pause pause) {}

  /// @param secrets fills in configured headers
  /// @param threads runs each call, which blocks; one virtual thread per task
  /// @param entropy for the jitter of waits
  public OutboundHttp(
      Secrets secrets, Executor threads, Clock clock, RandomGenerator entropy, Pause pause) {
    this.secrets = secrets;
    this.threads = threads;
    this.doors = new Doors(this::http, clock, entropy, pause);
  }

  /// Made by the first call: most nodes start without one, and it costs them a thread and time.
  private synchronized HttpClient http() {
    if (http == null) {
      http =
          HttpClient.newBuilder()
              .followRedirects(HttpClient.Redirect.NEVER)
              .connectTimeout(CONNECT_MAX)
              .executor(threads)
              .build();
    }
    return http;
  }

  @Override
  public ServiceLinks open(String application, String tenant, List<ServiceLink> links)
      throws UnusableLink {
    Map<String, HttpLink> byName = new TreeMap<>();
    for (ServiceLink link : links) {
      Map<String, String> headers = new LinkedHashMap<>();
      for (Map.Entry<String, String> header : link.headers().entrySet()) {
        try {
          headers.put(header.getKey(), secrets.resolve(tenant, header.getValue()));
        } catch (Secrets.Unresolved e) {
          throw new UnusableLink(link.keyPath() + ".headers." + header.getKey(), e.getMessage());
        }
      }
      byName.put(link.name(), new HttpLink(application, link.withHeaders(headers), doors));
    }
    open.put(application, byName);
    return (call, listener) -> call(byName, call, listener);
  }

  private void call(
      Map<String, HttpLink> links, ServiceLinks.Call call, ServiceLinks.Listener listener) {
    String name = call.request().link();
    HttpLink link = links.get(name);
    if (link == null) {
      listener.failed(
          ServiceLinks.unknown(
              name,
              links.isEmpty()
                  ? "it declares none"
                  : "there are: " + String.join(", ", links.keySet())));
      return;
    }
    if (!link.enter()) {
      listener.failed(link.busy());
      return;
    }
    try {
      threads.execute(
          () -> {
            try {
              link.run(call, listener);
            } finally {
              link.leave();
            }
          });
    } catch (RejectedExecutionException stopping) {
      link.leave();
      listener.failed(new PlexException(ErrorCode.UNAVAILABLE, "the node is stopping"));
    }
  }

  @Override
  public void close(String application) {
    open.remove(application);
  }

  /// What each link of the running applications has counted.
  public List<LinkStats> stats() {
    return open.values().stream().flatMap(l -> l.values().stream()).map(HttpLink::stats).toList();
  }

  /// Breaks what is still on its way.
  @Override
  public synchronized void close() {
    if (http != null) {
      http.shutdownNow();
    }
  }
}
