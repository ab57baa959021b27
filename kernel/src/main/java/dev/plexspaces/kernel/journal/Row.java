package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import java.util.Optional;
import java.util.OptionalLong;

/// A row that a commit writes directly because others read it; part of the same transaction as the
/// log row. Source: spec/turns section 9.
public sealed interface Row {

  /// Adds a message to an actor's durable inbox. The store assigns the sequence.
  ///
  /// @param to receiver
  /// @param messageId unique id; a second insert of the same id for the same receiver is ignored
  ///   and reports the first one's sequence
  /// @param dueAtMillis 0 for now, else when the message becomes visible (a timer)
  /// @param body opaque to the store
  record InboxInsert(ActorId to, String messageId, long dueAtMillis, byte[] body) implements Row {}

  /// Consumes an inbox row; the commit is refused unless the row is there.
  record InboxDelete(ActorId to, long inboxSeq) implements Row {}

  /// Moves an inbox row to another time and/or counts a failed delivery; refused unless it is
  /// there.
  record InboxUpdate(ActorId to, long inboxSeq, long dueAtMillis, int attempts) implements Row {}

  /// Moves an inbox row to the dead letters with a reason; refused unless it is there.
  record InboxBury(ActorId to, long inboxSeq, String reason) implements Row {}

  /// Writes a key. Version of a key rises by one with each write; an absent key has version 0.
  ///
  /// @param expectedVersion when present, the commit is refused (`CONFLICT`) unless it matches
  /// @param expiresAtMillis 0 for never
  record KvPut(
      Scope scope, String key, byte[] value, long expiresAtMillis, OptionalLong expectedVersion)
      implements Row {}

  /// Deletes a key; no effect when absent.
  record KvDelete(Scope scope, String key, OptionalLong expectedVersion) implements Row {}

  /// Adds to a decimal integer stored as text (absent counts as 0). Its [RowResult] is the new
  /// value; a value that is not an integer, or an overflow, makes the result an error and changes
  /// nothing.
  record KvIncrement(Scope scope, String key, long delta) implements Row {}

  /// Writes `value` (deletes when empty) only if the current value equals `expected` (absent when
  /// empty). Its [RowResult] is `true` or `false`; `false` changes nothing and does not refuse the
  /// commit.
  record KvCompareAndSet(Scope scope, String key, Optional<byte[]> expected, Optional<byte[]> value)
      implements Row {}

  /// Remembers or completes an idempotent request.
  ///
  /// @param keyHash SHA-256 of principal and key
  /// @param bodyHash SHA-256 of operation and body
  /// @param reply the stored outcome; empty while the request is running
  record Idempotency(
      ActorId actor, byte[] keyHash, byte[] bodyHash, Optional<byte[]> reply, long expiresAtMillis)
      implements Row {}
}
