package dev.plexspaces.node.links;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;

/// The header `Retry-After`: seconds, or a date. Source: RFC 9110, section 10.2.3.
final class RetryAfter {

  /// Longest text that is a number of seconds, digits.
  private static final int DIGITS_MAX = 9;

  private RetryAfter() {}

  /// How long to wait; zero for a date in the past and for text that is neither.
  static Duration read(String text, Instant now) {
    String value = text.trim();
    if (!value.isEmpty() && value.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return value.length() > DIGITS_MAX
          ? ServiceLink.Limits.DEADLINE_MAX.plusSeconds(1)
          : Duration.ofSeconds(Long.parseLong(value));
    }
    try {
      Instant at = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return at.isAfter(now) ? Duration.between(now, at) : Duration.ZERO;
    } catch (DateTimeException neither) {
      return Duration.ZERO;
    }
  }
}
