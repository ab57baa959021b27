package dev.plexspaces.kernel.journal;

import java.util.Optional;

/// What is remembered of an idempotent request.
///
/// @param reply the stored outcome; empty while the first request is running
public record IdempotencyRecord(byte[] bodyHash, Optional<byte[]> reply, long expiresAtMillis) {}
