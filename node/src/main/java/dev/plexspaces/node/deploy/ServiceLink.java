package dev.plexspaces.node.deploy;

import java.net.URI;
import java.time.Duration;

/// A named way out to an HTTP service, so that neither address nor credentials are in code.
///
/// @param name what actors call it
/// @param baseUrl absolute `http` or `https` address
/// @param timeout longest wait for an answer; default 30 s
/// @param maxAttempts calls made before giving up, the first included; default 3
/// @param backoff how the wait between attempts grows; default exponential
public record ServiceLink(
    String name, URI baseUrl, Duration timeout, int maxAttempts, Backoff backoff) {

  /// Default of `timeout`.
  public static final Duration TIMEOUT = Duration.ofSeconds(30);

  /// Default of `maxAttempts`.
  public static final int MAX_ATTEMPTS = 3;

  /// How the wait between attempts grows.
  public enum Backoff {
    /// No wait.
    NONE,
    /// Always the same.
    FIXED,
    /// Doubles.
    EXPONENTIAL
  }
}
