package dev.plexspaces.gateway;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;

/// Request histograms: `plexspaces.http.requests` by route template, method and status, and
/// `plexspaces.grpc.calls` by service, method and status. A raw path, an actor id or a tenant is
/// never a label, so their number is bounded by the routes served.
final class EdgeMetrics {

  /// Upper bounds of the histogram's buckets.
  private static final Duration[] BUCKETS = {
    Duration.ofNanos(500_000),
    Duration.ofMillis(1),
    Duration.ofNanos(2_500_000),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(250),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofMillis(2500),
    Duration.ofSeconds(5),
    Duration.ofSeconds(10),
    Duration.ofSeconds(60)
  };

  private static final int STATUS_MAX = 600;

  /// The histograms of one route and method, one a status, looked up without hashing.
  final class HttpTimers {
    private final String route;
    private final String method;
    private final AtomicReferenceArray<Timer> byStatus = new AtomicReferenceArray<>(STATUS_MAX);

    private HttpTimers(String route, String method) {
      this.route = route;
      this.method = method;
    }

    /// @param start what [EdgeMetrics#now] said when the request came in
    void record(int status, long start) {
      Timer timer = byStatus.get(status);
      if (timer == null) {
        timer =
            Timer.builder("plexspaces.http.requests")
                .description("HTTP requests: time to the answer")
                .tag("route", route)
                .tag("method", method)
                .tag("status", Integer.toString(status))
                .serviceLevelObjectives(BUCKETS)
                .register(registry);
        byStatus.set(status, timer);
      }
      timer.record(now() - start, TimeUnit.NANOSECONDS);
    }
  }

  private record GrpcKey(String service, String method, String status) {}

  private final MeterRegistry registry;
  private final ConcurrentHashMap<GrpcKey, Timer> grpc = new ConcurrentHashMap<>();

  EdgeMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  /// Nanoseconds of the registry's clock.
  long now() {
    return registry.config().clock().monotonicTime();
  }

  HttpTimers http(String route, String method) {
    return new HttpTimers(route, method);
  }

  /// @param start what [#now] said when the call came in
  void grpc(String service, String method, String status, long start) {
    grpc.computeIfAbsent(
            new GrpcKey(service, method, status),
            key ->
                Timer.builder("plexspaces.grpc.calls")
                    .description("gRPC calls: time to the status")
                    .tag("service", service)
                    .tag("method", method)
                    .tag("status", status)
                    .serviceLevelObjectives(BUCKETS)
                    .register(registry))
        .record(now() - start, TimeUnit.NANOSECONDS);
  }
}
