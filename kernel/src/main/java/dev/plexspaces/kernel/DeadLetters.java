package dev.plexspaces.kernel;

import dev.plexspaces.kernel.supervision.Event;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// Messages that nobody will process: counted by type and reason, the latest of the volatile ones
/// kept for people to see. The durable ones are rows of the store.
public final class DeadLetters {

  /// How many are kept for [#latest].
  public static final int KEPT = 1_000;

  /// Why a message was not processed.
  public enum Reason {
    NO_ACTOR(false),
    MAILBOX_FULL(false),
    DROPPED_OLDEST(false),
    DROPPED_NEWEST(false),
    ACTOR_STOPPED(false),

    /// Its handler declared an error, or made a commit that can never be taken.
    REFUSED(true),

    /// Its handler threw at each delivery.
    CRASHED(true),

    /// The process ended each time it ran.
    ENDED_THE_NODE(true),

    UNREADABLE(true),

    /// Its actor was purged.
    PURGED(true);

    private final boolean durable;

    Reason(boolean durable) {
      this.durable = durable;
    }

    /// True when messages of the durable inbox end so, false when those in memory do.
    public boolean durable() {
      return durable;
    }
  }

  /// One of them. Its payload is not kept: a thousand large ones would fill the memory.
  ///
  /// @param number rises with each, from 1
  /// @param target `type/key`
  /// @param sender `type/key`; "" when it came from outside
  public record DeadLetter(
      long number,
      String tenant,
      String namespace,
      String target,
      Message.Kind kind,
      String operation,
      String messageId,
      String sender,
      String user,
      String requestId,
      Reason reason,
      long atMillis) {}

  private static final Logger LOG = LoggerFactory.getLogger(DeadLetters.class);

  /// By actor type; there are as many as were ever deployed.
  private final ConcurrentHashMap<String, Map<Reason, LongAdder>> counts =
      new ConcurrentHashMap<>();

  private final ArrayDeque<DeadLetter> latest = new ArrayDeque<>();

  private final Clock clock;
  private long number;

  DeadLetters(Clock clock) {
    this.clock = clock;
  }

  private void count(String type, Reason reason) {
    counts
        .computeIfAbsent(
            type,
            unseen -> {
              Map<Reason, LongAdder> fresh = new EnumMap<>(Reason.class);
              for (Reason each : Reason.values()) {
                fresh.put(each, new LongAdder());
              }
              return fresh;
            })
        .get(reason)
        .increment();
  }

  /// The row of `envelope` has become a dead letter on disk.
  ///
  /// @param why for the log
  void buried(ActorCell target, Envelope envelope, Reason reason, String why) {
    count(target.home.entry.type.name(), reason);
    TurnLog.at(LOG, Level.WARN, target, envelope.context).log(
        "{}: durable message '{}' is a dead letter (message {}): {}",
        target,
        envelope.type(),
        envelope.id(),
        why);
  }

  /// Like [#buried] for one of many, or of which nothing is known; whoever says so has logged it.
  void buried(String type, Reason reason) {
    count(type, reason);
  }

  /// Buries `envelope`; a caller that waits for its reply is told. A message that has a row in the
  /// durable inbox waits there and is no dead letter; what the platform tells a supervisor that is
  /// gone is nobody's.
  void add(Envelope envelope, Address target, Reason reason) {
    add(envelope, target.type, target.toString(), reason);
  }

  /// The same for a message whose actor is known.
  void add(Envelope envelope, ActorCell target, Reason reason) {
    add(envelope, target.home.entry.type.name(), target.toString(), reason);
  }

  private void add(Envelope envelope, String type, String target, Reason reason) {
    if (envelope.inboxSeq() > 0 || envelope.payload instanceof Event) {
      return;
    }
    count(type, reason);
    synchronized (latest) {
      if (latest.size() == KEPT) {
        latest.removeFirst();
      }
      RequestContext context = envelope.context;
      latest.addLast(
          new DeadLetter(
              ++number,
              context.tenant(),
              context.namespace(),
              target,
              envelope.kind,
              envelope.type(),
              envelope.id(),
              envelope.sender == null ? "" : envelope.sender.toString(),
              context.user(),
              context.requestId(),
              reason,
              clock.millis()));
    }
    if (envelope.replyTo != null) {
      envelope.replyTo.fail(error(target, reason));
    }
  }

  static PlexException error(String target, Reason reason) {
    return switch (reason) {
      case NO_ACTOR -> new PlexException(ErrorCode.ACTOR_NOT_FOUND, "no live actor " + target);
      case ACTOR_STOPPED ->
          new PlexException(
              ErrorCode.ACTOR_NOT_FOUND, target + " stopped before it took the message");
      case MAILBOX_FULL, DROPPED_OLDEST, DROPPED_NEWEST ->
          new PlexException(
              ErrorCode.RESOURCE_EXHAUSTED,
              "the mailbox of " + target + " is full; try again later");
      case REFUSED, CRASHED, ENDED_THE_NODE, UNREADABLE, PURGED ->
          throw new IllegalArgumentException(reason + " is no end of a volatile message");
    };
  }

  /// Messages buried so far, by reason.
  public Map<Reason, Long> counts() {
    Map<Reason, Long> result = new EnumMap<>(Reason.class);
    for (Reason reason : Reason.values()) {
      result.put(reason, counts.values().stream().mapToLong(c -> c.get(reason).sum()).sum());
    }
    return result;
  }

  /// Messages buried so far, by actor type and reason.
  Map<String, Map<Reason, Long>> countsByType() {
    Map<String, Map<Reason, Long>> result = new TreeMap<>();
    counts.forEach(
        (type, byReason) -> {
          Map<Reason, Long> sums = new EnumMap<>(Reason.class);
          byReason.forEach((reason, count) -> sums.put(reason, count.sum()));
          result.put(type, sums);
        });
    return result;
  }

  /// The latest, oldest first; at most [#KEPT].
  public List<DeadLetter> latest() {
    synchronized (latest) {
      return List.copyOf(latest);
    }
  }
}
