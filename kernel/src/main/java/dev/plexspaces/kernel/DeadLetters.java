package dev.plexspaces.kernel;

import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/// Volatile messages that nobody will process: counted by reason, the latest kept for people to
/// see.
public final class DeadLetters {

  /// How many are kept for [#latest].
  public static final int KEPT = 1_000;

  /// Why a message was not processed.
  public enum Reason {
    NO_ACTOR,
    MAILBOX_FULL,
    DROPPED_OLDEST,
    DROPPED_NEWEST,
    ACTOR_STOPPED
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

  private final Map<Reason, LongAdder> counts = new EnumMap<>(Reason.class);
  private final ArrayDeque<DeadLetter> latest = new ArrayDeque<>();

  private final Clock clock;
  private long number;

  DeadLetters(Clock clock) {
    this.clock = clock;
    for (Reason reason : Reason.values()) {
      counts.put(reason, new LongAdder());
    }
  }

  /// Buries `envelope`; a caller that waits for its reply is told. A message that has a row in the
  /// durable inbox waits there and is no dead letter.
  void add(Envelope envelope, String target, Reason reason) {
    if (envelope.inboxSeq() > 0) {
      return;
    }
    counts.get(reason).increment();
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
              envelope.type,
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
    };
  }

  /// Messages buried so far, by reason.
  public Map<Reason, Long> counts() {
    Map<Reason, Long> result = new EnumMap<>(Reason.class);
    counts.forEach((reason, count) -> result.put(reason, count.sum()));
    return result;
  }

  /// The latest, oldest first; at most [#KEPT].
  public List<DeadLetter> latest() {
    synchronized (latest) {
      return List.copyOf(latest);
    }
  }
}
