package dev.plexspaces.node.links;

import java.util.List;
import java.util.Map;

/// What one service link has counted since its application was started.
///
/// @param calls ended ones by [Ending], every one of them present
/// @param retries attempts after the first ones
/// @param breaker one of [#BREAKER_STATES]
public record LinkStats(
    String application, String link, Map<Ending, Long> calls, long retries, String breaker) {

  /// The states of a circuit breaker.
  public static final List<String> BREAKER_STATES = List.of("closed", "open", "half_open");

  /// How a call, all attempts together, ended.
  public enum Ending {
    /// Answered with a status below 400.
    OK,
    /// Answered with a status of 400 to 499 that another attempt would not change.
    CLIENT_ERROR,
    /// Not reached, connection lost, or 5xx.
    UNAVAILABLE,
    /// No answer in time, or 408.
    TIMEOUT,
    /// 429.
    THROTTLED,
    /// The circuit breaker was open.
    BREAKER_OPEN,
    /// Not called: too many calls on their way, or a header that the link sets.
    REFUSED,
    /// An answer that is too large or no HTTP.
    BAD_ANSWER
  }
}
