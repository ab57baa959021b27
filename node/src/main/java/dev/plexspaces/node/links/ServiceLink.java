package dev.plexspaces.node.links;

import java.net.URI;
import java.time.Duration;
import java.util.Map;

/// A named way out to an HTTP service, so that neither address nor credentials are in code.
///
/// @param keyPath where it is declared, for errors, such as `service_links[0]`
/// @param name what actors call it
/// @param baseUrl absolute `http` or `https` address without query; calls go to it and below it
/// @param headers sent with every call; values may hold placeholders, see [Secrets]
/// @param limits what one call may take
/// @param retry what follows an attempt that failed
/// @param breaker when to stop calling
public record ServiceLink(
    String keyPath,
    String name,
    URI baseUrl,
    Map<String, String> headers,
    Limits limits,
    RetryPolicy retry,
    BreakerPolicy breaker) {

  /// Most headers a link sets.
  public static final int HEADERS_MAX = 16;

  /// What one call may take.
  ///
  /// @param attemptTimeout longest wait for the whole answer to one attempt; default 30 s
  /// @param deadline longest wait of the caller, attempts and the waits between them together;
  ///   default 60 s, or `attemptTimeout` when that is longer
  /// @param responseBytes largest body of an answer; default 1 MiB
  /// @param calls on their way at once; default 256; one more is refused
  public record Limits(Duration attemptTimeout, Duration deadline, int responseBytes, int calls) {

    public static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(30);
    public static final Duration DEADLINE = Duration.ofSeconds(60);

    /// Longest `deadline`: what the kernel waits at most.
    public static final Duration DEADLINE_MAX = Duration.ofMinutes(10);

    public static final int RESPONSE_BYTES = 1 << 20;

    /// Largest `responseBytes`: an answer becomes part of one commit.
    public static final int RESPONSE_BYTES_MAX = 4 << 20;

    public static final int CALLS = 256;
    public static final int CALLS_MAX = 10_000;

    public static Limits defaults() {
      return new Limits(ATTEMPT_TIMEOUT, DEADLINE, RESPONSE_BYTES, CALLS);
    }
  }

  /// What follows an attempt that failed in a way that may pass.
  ///
  /// @param maxAttempts calls made before giving up, the first included; default 3. All methods are
  ///   tried again, since every attempt carries the same idempotency key; set 1 for a service that
  ///   ignores it
  /// @param backoff how the wait between attempts grows; default exponential
  /// @param initial the first wait, or every one when it is fixed; default 100 ms
  /// @param max longest wait; default 10 s
  public record RetryPolicy(int maxAttempts, Backoff backoff, Duration initial, Duration max) {

    public static final int MAX_ATTEMPTS = 3;
    public static final int MAX_ATTEMPTS_MAX = 100;
    public static final Duration INITIAL = Duration.ofMillis(100);
    public static final Duration MAX = Duration.ofSeconds(10);

    public static RetryPolicy defaults() {
      return new RetryPolicy(MAX_ATTEMPTS, Backoff.EXPONENTIAL, INITIAL, MAX);
    }

    /// The wait after a number of failed attempts.
    ///
    /// Exponential waits have full jitter: anything from nothing to the doubled bound, so that
    /// those who failed together do not come back together.
    ///
    /// @param failed attempts made, from 1
    /// @param random 0 (included) to 1 (excluded)
    Duration pause(int failed, double random) {
      return switch (backoff) {
        case NONE -> Duration.ZERO;
        case FIXED -> initial;
        case EXPONENTIAL -> {
          long bound = max.toNanos();
          // Doubled that often it is beyond any bound.
          int doublings = Math.min(failed - 1, Long.SIZE - 2);
          long first = initial.toNanos();
          if (first <= bound >> doublings) {
            bound = first << doublings;
          }
          yield Duration.ofNanos((long) (bound * random));
        }
      };
    }
  }

  /// How the wait between attempts grows.
  public enum Backoff {
    /// No wait.
    NONE,
    /// Always the same.
    FIXED,
    /// Its bound doubles; the wait is a random part of it.
    EXPONENTIAL
  }

  /// When to stop calling a service that fails, and when to try again.
  ///
  /// @param window attempts that are looked at, the latest; default 20
  /// @param failures that many failed ones among them open the breaker; default 10
  /// @param openFor how long all calls are refused then; default 30 s
  /// @param trials attempts let through afterwards; all must succeed to close it; default 1
  public record BreakerPolicy(int window, int failures, Duration openFor, int trials) {

    public static final int WINDOW = 20;
    public static final int WINDOW_MAX = 10_000;
    public static final int FAILURES = 10;
    public static final Duration OPEN_FOR = Duration.ofSeconds(30);
    public static final Duration OPEN_FOR_MAX = Duration.ofHours(1);
    public static final int TRIALS = 1;
    public static final int TRIALS_MAX = 100;

    public static BreakerPolicy defaults() {
      return new BreakerPolicy(WINDOW, FAILURES, OPEN_FOR, TRIALS);
    }
  }

  /// The same link with other headers.
  ServiceLink withHeaders(Map<String, String> others) {
    return new ServiceLink(keyPath, name, baseUrl, others, limits, retry, breaker);
  }

  /// Without the headers, which may be secret.
  @Override
  public String toString() {
    return "service link " + name + " to " + baseUrl;
  }
}
