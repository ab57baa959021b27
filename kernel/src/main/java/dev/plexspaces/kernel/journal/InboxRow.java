package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;

/// A message waiting in an actor's durable inbox, or buried among its dead letters.
///
/// @param attempts deliveries that failed
/// @param reason why it was buried; empty for a waiting row
/// @param buriedAtMillis wall clock of the burial, milliseconds since 1970; 0 for a waiting row and
///   for one buried before the store kept that time
/// @param partlyDone true when a turn of the message failed after it had committed something
public record InboxRow(
    ActorId to,
    long seq,
    String messageId,
    long dueAtMillis,
    int attempts,
    String reason,
    long buriedAtMillis,
    boolean partlyDone,
    byte[] body) {}
