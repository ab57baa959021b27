package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// A row that a commit writes directly because others read it; part of the same transaction as the
/// log row. Source: spec/turns section 9.
public sealed interface Row {

  /// How long the version of a key outlives the key, milliseconds: far longer than any segment that
  /// read it.
  long VERSION_KEPT_MILLIS = 10 * 60 * 1000;

  /// Longest key of the key-value store and longest message id, characters.
  int KEY_LENGTH_MAX = 512;

  /// Adds a message to an actor's durable inbox. The store assigns the sequence.
  ///
  /// @param to receiver
  /// @param messageId unique id; while a row of the same id waits or is buried at the same
  ///   receiver, a second insert is ignored and reports the first one's sequence
  /// @param dueAtMillis 0 for now, else when the message becomes visible (a timer)
  /// @param body opaque to the store
  record InboxInsert(ActorId to, String messageId, long dueAtMillis, byte[] body) implements Row {
    /// @throws PlexException `INVALID_MESSAGE` for a bad id
    public InboxInsert {
      requireKey("message_id", messageId);
    }
  }

  /// Consumes an inbox row; the commit is refused unless the row is waiting.
  record InboxDelete(ActorId to, long inboxSeq) implements Row {}

  /// Moves an inbox row to another time and/or counts a failed delivery; a buried row becomes a
  /// waiting one again (re-drive). Refused unless the row is there.
  record InboxUpdate(ActorId to, long inboxSeq, long dueAtMillis, int attempts) implements Row {}

  /// Moves an inbox row to the dead letters with a reason; refused unless it is waiting.
  ///
  /// @param partlyDone true when a turn of the message failed after it had committed something; the
  ///   row remembers that for good, re-driven or not. Source: spec/turns rule 25
  record InboxBury(ActorId to, long inboxSeq, String reason, boolean partlyDone) implements Row {
    /// Buries a message whose turn left nothing behind.
    public InboxBury(ActorId to, long inboxSeq, String reason) {
      this(to, inboxSeq, reason, false);
    }
  }

  /// Removes a buried row for good; refused unless it is buried.
  record InboxDiscard(ActorId to, long inboxSeq) implements Row {}

  /// Begins to watch an actor. Its [RowResult] is `Inserted` with the number the store gave it; a
  /// second insert of the same id is ignored and reports the first one's.
  ///
  /// @param monitorId unique for its watcher, also among the ids of messages to it: the monitor
  ///   becomes a message of that id
  /// @param target in the same scope; need not be known to the store
  record MonitorInsert(ActorId watcher, String monitorId, ActorId target) implements Row {
    /// @throws PlexException `INVALID_MESSAGE` for a bad id or a target in another scope
    public MonitorInsert {
      requireKey("monitor_id", monitorId);
      if (!target.scope().equals(watcher.scope())) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE, watcher + " cannot monitor " + target + " in another scope");
      }
    }
  }

  /// Turns a monitor into a message of its watcher's inbox, or does nothing when there is no such
  /// monitor any more: so however often an exit is told, each monitor tells it once. Its
  /// [RowResult] is `Inserted` with the sequence of the message, or `Done` for nothing.
  ///
  /// @param body of the message, opaque to the store
  record MonitorFire(ActorId watcher, String monitorId, byte[] body) implements Row {}

  /// Drops a monitor, or the waiting message it became; no effect when there is neither. Its
  /// [RowResult] is `true` when there was one of them, else `false`.
  record MonitorDelete(ActorId watcher, String monitorId) implements Row {}

  /// Writes a key. Version of a key rises by one with each write; an absent key has version 0. The
  /// versions of a deleted or expired key are remembered for [#VERSION_KEPT_MILLIS], so that a put
  /// conditional on a version cannot mistake a key written anew for the one that was read.
  ///
  /// @param expectedVersion when present, the commit is refused (`CONFLICT`) unless it matches
  /// @param expiresAtMillis 0 for never
  record KvPut(
      Scope scope, String key, byte[] value, long expiresAtMillis, OptionalLong expectedVersion)
      implements Row {
    /// @throws PlexException `INVALID_MESSAGE` for a bad key
    public KvPut {
      requireKey("key", key);
    }
  }

  /// Deletes a key; no effect when absent.
  record KvDelete(Scope scope, String key, OptionalLong expectedVersion) implements Row {
    /// @throws PlexException `INVALID_MESSAGE` for a bad key
    public KvDelete {
      requireKey("key", key);
    }
  }

  /// Adds to a decimal integer stored as text (absent counts as 0), a 64-bit one; the key keeps its
  /// expiry. Its [RowResult] is the new value; a value that is not an integer, or an overflow,
  /// makes the result an error and changes nothing.
  record KvIncrement(Scope scope, String key, long delta) implements Row {
    /// @throws PlexException `INVALID_MESSAGE` for a bad key
    public KvIncrement {
      requireKey("key", key);
    }
  }

  /// Writes `value` (deletes when empty) only if the current value equals `expected` (absent when
  /// empty); the key keeps its expiry. Its [RowResult] is `true` or `false`; `false` changes
  /// nothing and does not refuse the commit.
  record KvCompareAndSet(Scope scope, String key, Optional<byte[]> expected, Optional<byte[]> value)
      implements Row {
    /// @throws PlexException `INVALID_MESSAGE` for a bad key
    public KvCompareAndSet {
      requireKey("key", key);
    }
  }

  /// Remembers or completes an idempotent request.
  ///
  /// @param keyHash SHA-256 of principal and key
  /// @param bodyHash SHA-256 of operation and body
  /// @param reply the stored outcome; empty while the request is running
  record Idempotency(
      ActorId actor, byte[] keyHash, byte[] bodyHash, Optional<byte[]> reply, long expiresAtMillis)
      implements Row {}

  /// Checks a key or a message id.
  ///
  /// @param what the field to name in the error
  /// @throws PlexException `INVALID_MESSAGE`
  static void requireKey(String what, String key) {
    String problem = null;
    if (key == null || key.isEmpty() || key.length() > KEY_LENGTH_MAX) {
      problem = "must be 1 to " + KEY_LENGTH_MAX + " characters";
    } else if (!StandardCharsets.UTF_8.newEncoder().canEncode(key)) {
      problem = "must not contain unpaired surrogates";
    } else if (key.indexOf('\0') >= 0) {
      problem = "must not contain the character NUL";
    }
    if (problem != null) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          what + ": " + problem,
          List.of(new PlexException.FieldViolation(what, problem)),
          null);
    }
  }
}
