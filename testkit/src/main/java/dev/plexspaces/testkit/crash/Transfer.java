package dev.plexspaces.testkit.crash;

import dev.plexspaces.kernel.json.Json;
import java.util.Map;
import java.util.SplittableRandom;

/// One transfer that a client wants to happen once.
///
/// @param id drawn at random, 64 bits
/// @param from number of the account that pays
/// @param to number of the account that gets it
/// @param amount 1 to [#AMOUNT_MAX]
/// @param interestAfterMillis when the reminder that pays interest is due; 0 to
///   [#INTEREST_AFTER_MAX_MILLIS]
record Transfer(long id, int from, int to, long amount, long interestAfterMillis) {

  static final int AMOUNT_MAX = 300;

  /// Long enough that most reminders wait through a crash, milliseconds.
  static final int INTEREST_AFTER_MAX_MILLIS = 6_000;

  /// As in the sample.
  private static final long INTEREST_DIVISOR = 100;

  static Transfer draw(SplittableRandom random, int from, int accounts) {
    int to = random.nextInt(accounts - 1);
    return new Transfer(
        random.nextLong(),
        from,
        to < from ? to : to + 1,
        random.nextInt(1, AMOUNT_MAX + 1),
        random.nextInt(INTEREST_AFTER_MAX_MILLIS + 1));
  }

  long interest() {
    return Math.max(1, amount / INTEREST_DIVISOR);
  }

  /// The request, the same bytes whenever it is sent.
  byte[] body() {
    return Json.canonical(
        Map.of(
            "message_type",
            "transfer",
            "payload",
            Map.of(
                "id",
                id,
                "to",
                Books.key(to),
                "amount",
                amount,
                "interest_after_ms",
                interestAfterMillis)));
  }
}
