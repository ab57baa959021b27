package dev.plexspaces.sdk;

import java.time.Duration;
import java.util.Optional;

/// The key-value store of this tenant and namespace: committed, durable, shared by all its actors.
///
/// [#get] sees what is committed and what this turn has written. [#put] and [#delete] are buffered
/// and take place when the turn commits, together with its state and messages, or not at all.
/// Writing a key that was read since the last commit point is conditional on what was read: when
/// somebody else wrote it meanwhile, a durable actor runs that part of the turn again, a volatile
/// one fails the turn with `CONFLICT`; so reading, computing and writing loses no update.
/// [#compareAndSet] and [#increment] are commit points.
///
/// Keys have 1 to 512 characters, values at most [#VALUE_BYTES_MAX] as JSON. Every method throws
/// [PlexException] `INVALID_MESSAGE` for a bad key, `UNAVAILABLE` when the store cannot be reached.
/// Source: WIT `kv-get`, `kv-put`; DESIGN section 5.
public interface KeyValue {

  /// Longest value, bytes of JSON.
  int VALUE_BYTES_MAX = 1 << 20;

  /// The value of a key; empty when it is absent, expired or `null`.
  Optional<Object> get(String key);

  /// Writes a key, for ever or until it is written or deleted.
  ///
  /// @param value any JSON value
  /// @throws PlexException `RESOURCE_EXHAUSTED` for one that is too large
  void put(String key, Object value);

  /// Writes a key that is absent again after `lifetime`.
  ///
  /// @param lifetime positive
  void put(String key, Object value, Duration lifetime);

  /// Deletes a key; no effect when it is absent.
  void delete(String key);

  /// Writes `value` only if the committed value, after this turn's own writes, equals `expected`; a
  /// commit point.
  ///
  /// @param expected empty for "absent"
  /// @param value empty to delete
  /// @return true when it was written
  boolean compareAndSet(String key, Optional<?> expected, Optional<?> value);

  /// Adds to an integer, which counts as 0 when absent; a commit point.
  ///
  /// @return the new value
  /// @throws PlexException `FAILED_PRECONDITION` when the value is no integer, or the sum leaves 64
  ///   bits; nothing is changed then
  long increment(String key, long delta);
}
