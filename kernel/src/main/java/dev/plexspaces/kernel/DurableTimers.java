package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.time.Timers;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/// The timers of one durable activation: rows of its inbox that are due at some time. Shared with
/// the store's and the wheel's threads. Source: spec/turns rule 30.
final class DurableTimers {

  private static final String ID_PREFIX = "timer-";

  private final ActorCell cell;

  /// Those that have not been handled, by number. Guarded by this object.
  private final Map<Long, DurableTimer> timers = new HashMap<>();

  private boolean detached;

  /// What the ids of their rows begin with.
  private String prefix = ID_PREFIX;

  /// One timer.
  static final class DurableTimer {
    final Envelope message;

    /// Its row; 0 until that is on disk.
    private long seq;

    /// Null until the row is on disk and waits for its time.
    private Timers.Timer armed;

    private DurableTimer(Envelope message, long seq) {
      this.message = message;
      this.seq = seq;
    }
  }

  DurableTimers(ActorCell cell) {
    this.cell = cell;
  }

  /// Numbers begin anew with each incarnation, and a dead letter of an earlier one may still be
  /// there; the first incarnation is not named.
  void incarnation(int incarnation) {
    prefix = incarnation == 1 ? ID_PREFIX : ID_PREFIX + incarnation + ".";
  }

  /// The message id of a timer's row.
  String messageId(long number) {
    return prefix + number;
  }

  /// True for the row of a timer, whatever incarnation set it.
  static boolean isTimer(InboxRow row) {
    return row.dueAtMillis() != 0 && row.messageId().startsWith(ID_PREFIX);
  }

  /// The number of a timer's row; -1 for other rows. A timer of an earlier incarnation, which
  /// somebody re-drove, is a message like any other.
  long number(InboxRow row) {
    if (!isTimer(row) || !row.messageId().startsWith(prefix)) {
      return -1;
    }
    try {
      return Long.parseLong(row.messageId().substring(prefix.length()));
    } catch (NumberFormatException notOurs) {
      return -1;
    }
  }

  /// A timer the running turn set.
  synchronized void set(long number, Envelope message) {
    timers.put(number, new DurableTimer(message, 0));
  }

  /// A timer read from the inbox.
  ///
  /// @param delayMillis until it is due; 0 or less for one that is
  /// @return true when it is due now
  synchronized boolean load(long number, Envelope message, long seq, long delayMillis) {
    DurableTimer timer = new DurableTimer(message, seq);
    timers.put(number, timer);
    if (delayMillis <= 0) {
      return true;
    }
    arm(timer, delayMillis);
    return false;
  }

  /// The row of a timer is on disk.
  synchronized void durable(long number, long seq, long dueAtMillis) {
    DurableTimer timer = timers.get(number);
    if (timer != null) {
      timer.seq = seq;
      arm(timer, dueAtMillis - cell.system().clock().millis());
    }
  }

  private void arm(DurableTimer timer, long delayMillis) {
    if (!detached) {
      ActorSystem system = cell.system();
      timer.armed =
          system
              .timers()
              .after(
                  Duration.ofMillis(Math.max(0, delayMillis)),
                  () -> system.deliver(cell.context().address(), timer.message, null, true));
    }
  }

  synchronized boolean knows(long number) {
    return number >= 0 && timers.containsKey(number);
  }

  /// Null for a timer that was handled or cancelled.
  synchronized DurableTimer get(long number) {
    return timers.get(number);
  }

  synchronized long seq(DurableTimer timer) {
    return timer.seq;
  }

  /// False for a message of a timer that was cancelled or handled, or armed by an earlier
  /// activation.
  synchronized boolean due(Envelope message) {
    DurableTimer timer = timers.get(message.extras.durableTimer);
    return timer != null && timer.message == message;
  }

  synchronized void forget(long number) {
    timers.remove(number);
  }

  synchronized void putBack(long number, DurableTimer timer) {
    timers.put(number, timer);
  }

  synchronized void disarm(DurableTimer timer) {
    if (timer.armed != null) {
      timer.armed.cancel();
    }
  }

  synchronized boolean isEmpty() {
    return timers.isEmpty();
  }

  /// The instance is gone: its timers are the next activation's.
  synchronized void detach() {
    detached = true;
    timers.values().forEach(this::disarm);
  }
}
