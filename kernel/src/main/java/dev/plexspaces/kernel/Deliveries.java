package dev.plexspaces.kernel;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.random.RandomGenerator;

/// How the deliveries of a durable message ended so far, and when it may be delivered again. Its
/// inbox row keeps it as one number, the plain count of failures while there is nothing else to
/// tell. Source: spec/turns rule 24, ADR 8.
///
/// @param failed the actor crashed, by its own making
/// @param excused somebody else could not be reached in time: uses up no delivery
/// @param lost the process ended while the message ran, and perhaps because of it: written *before*
///   it runs, and taken back as soon as it waits for somebody or its turn ends
record Deliveries(int failed, int excused, int lost) {

  /// Failed deliveries of a message before it is buried.
  static final int DELIVERIES_MAX = 3;

  /// Runs of a message with which the process ended before it is buried. More than of those that
  /// failed: somebody who kills the process again and again while it recovers hits the same
  /// messages, which have nothing to do with it.
  static final int LOST_MAX = 6;

  /// Redeliveries because of timeouts and outages before a message is buried: about an hour.
  static final int EXCUSED_MAX = 120;

  /// Pause before the first redelivery, milliseconds; doubled each time up to the maximum. Between
  /// half of it and all of it is waited, so that messages that failed together come apart.
  static final long BACKOFF_MIN_MILLIS = 100;

  static final long BACKOFF_MAX_MILLIS = 30_000;

  static final Deliveries NONE = new Deliveries(0, 0, 0);

  private static final int EXCUSED_SHIFT = 8;
  private static final int LOST_SHIFT = 24;

  /// Causes that are looked at to find out why a turn failed.
  private static final int CAUSES_MAX = 10;

  /// Reads what [#packed] made.
  static Deliveries of(int packed) {
    return packed == 0
        ? NONE
        : new Deliveries(
            packed & 0xff, (packed >>> EXCUSED_SHIFT) & 0xffff, (packed >>> LOST_SHIFT) & 0x7f);
  }

  int packed() {
    return failed | excused << EXCUSED_SHIFT | lost << LOST_SHIFT;
  }

  /// All that did not end well.
  int count() {
    return failed + excused + lost;
  }

  /// After a delivery that ended on its own, though not well: so the process survived it.
  Deliveries after(Throwable thrown) {
    return outageIn(thrown) != null
        ? new Deliveries(failed, excused + 1, 0)
        : new Deliveries(failed + 1, excused, 0);
  }

  Deliveries withLost(int count) {
    return new Deliveries(failed, excused, count);
  }

  /// True when the message is not to be delivered again after an error.
  boolean usedUp() {
    return failed >= DELIVERIES_MAX || excused >= EXCUSED_MAX;
  }

  /// What is said of a message that is buried.
  String text() {
    int ended = failed + excused;
    return "delivered "
        + ended
        + " times"
        + (excused == 0 ? "" : " (" + excused + " of them met a timeout or an outage)");
  }

  /// The pause before the next delivery, milliseconds.
  long backoffMillis(RandomGenerator entropy) {
    int doublings = Math.min(failed + excused - 1, 20);
    long whole = Math.min(BACKOFF_MAX_MILLIS, BACKOFF_MIN_MILLIS << doublings);
    return whole / 2 + entropy.nextLong(whole / 2 + 1);
  }

  /// What is left of a pause that ends at `dueAtMillis`: no clock makes it longer than it can be.
  static long leftMillis(long dueAtMillis, long nowMillis) {
    return Math.clamp(dueAtMillis - nowMillis, 0, BACKOFF_MAX_MILLIS);
  }

  /// The timeout or outage that a handler let escape; null for anything else it threw. What a
  /// handler declares is its own answer.
  static PlexException outageIn(Throwable thrown) {
    Throwable t = thrown;
    for (int i = 0; t != null && i < CAUSES_MAX; i++) {
      if (t instanceof PlexException p) {
        boolean outage = p.code() == ErrorCode.TIMEOUT || p.code() == ErrorCode.UNAVAILABLE;
        return outage && !(p instanceof ActorException) ? p : null;
      }
      t = t.getCause();
    }
    return null;
  }
}
