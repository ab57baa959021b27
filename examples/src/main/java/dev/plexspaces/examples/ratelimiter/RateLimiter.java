package dev.plexspaces.examples.ratelimiter;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.OnInit;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A sliding window per client: at most `max_requests` within `window_size_ms`.
///
/// It is supervised and not durable: after a crash its supervisor starts it again and every client
/// begins with an empty window, which is what one wants of a rate limiter.
@GenServer
public class RateLimiter {

  /// Clients remembered at a time; beyond it those without a request in the window are forgotten,
  /// and if none is, new clients are refused.
  static final int CLIENTS_MAX = 10_000;

  /// Bound of `max_requests`, which is also how many times are kept per client.
  static final int REQUESTS_MAX = 10_000;

  /// Reply of `check_rate`; names as on the wire.
  public record Verdict(boolean allowed, int remaining, int limit, String client_id) {}

  /// Reply of `stats`.
  public record Stats(
      long total_checks,
      long total_allowed,
      long total_denied,
      int clients,
      long window_size_ms,
      int max_requests) {}

  /// The times, milliseconds, of a client's requests within the window, oldest first.
  public record Window(List<Long> timestamps) {}

  @State private long windowSizeMs;
  @State private int maxRequests;
  @State private long allowed;
  @State private long denied;
  @State private Map<String, Window> clients = new HashMap<>();

  /// The `args` of the child specification; they may be numbers or text.
  @OnInit
  void init(
      @Param(value = "window_size_ms", defaultValue = "60000") long windowSizeMs,
      @Param(value = "max_requests", defaultValue = "100") int maxRequests) {
    if (windowSizeMs < 1) {
      throw ActorException.invalid("window_size_ms", "must be positive");
    }
    if (maxRequests < 1 || maxRequests > REQUESTS_MAX) {
      throw ActorException.invalid("max_requests", "must be 1 to " + REQUESTS_MAX);
    }
    this.windowSizeMs = windowSizeMs;
    this.maxRequests = maxRequests;
  }

  @Handler("check_rate")
  Verdict checkRate(ActorContext context, @Param("client_id") String clientId) {
    if (clientId == null || clientId.isEmpty()) {
      throw ActorException.invalid("client_id", "is required");
    }
    // The time of the turn and not of the machine, so that a replay sees the same.
    long now = context.now().toEpochMilli();
    List<Long> recent = recent(clientId, now);
    boolean allow = recent.size() < maxRequests;
    if (allow) {
      requireRoom(clientId, now);
      recent.add(now);
      allowed++;
    } else {
      denied++;
    }
    clients.put(clientId, new Window(recent));
    return new Verdict(allow, maxRequests - recent.size(), maxRequests, clientId);
  }

  @Handler({"stats", "call"})
  Stats stats() {
    return new Stats(allowed + denied, allowed, denied, clients.size(), windowSizeMs, maxRequests);
  }

  /// Crashes, so that its supervisor can be seen at work.
  @Handler("fail")
  void fail() {
    throw new IllegalStateException("asked to fail");
  }

  private List<Long> recent(String clientId, long now) {
    List<Long> recent = new ArrayList<>();
    Window window = clients.get(clientId);
    if (window != null) {
      for (long timestamp : window.timestamps) {
        if (timestamp > now - windowSizeMs) {
          recent.add(timestamp);
        }
      }
    }
    return recent;
  }

  private void requireRoom(String clientId, long now) {
    if (clients.size() >= CLIENTS_MAX && !clients.containsKey(clientId)) {
      clients
          .values()
          .removeIf(w -> w.timestamps.isEmpty() || w.timestamps.getLast() <= now - windowSizeMs);
      if (clients.size() >= CLIENTS_MAX) {
        throw new ActorException(
            ErrorCode.RESOURCE_EXHAUSTED,
            "more than " + CLIENTS_MAX + " clients within the window; try again later");
      }
    }
  }
}
