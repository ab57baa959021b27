package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;

/// A message waiting in an actor's durable inbox, or buried among its dead letters.
///
/// @param attempts deliveries that failed
/// @param reason why it was buried; empty for a waiting row
public record InboxRow(
    ActorId to,
    long seq,
    String messageId,
    long dueAtMillis,
    int attempts,
    String reason,
    byte[] body) {}
