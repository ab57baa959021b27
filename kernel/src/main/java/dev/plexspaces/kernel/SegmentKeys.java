package dev.plexspaces.kernel;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// What one segment of a turn has read and written of the key-value store: later reads see it, and
/// writes depend on it. Source: spec/turns rule 31.
final class SegmentKeys {

  private final Map<String, Read> reads = new HashMap<>();
  private final Map<String, Optional<byte[]>> writes = new HashMap<>();
  private boolean conditional;

  /// A committed value.
  ///
  /// @param version 0 for an absent one
  record Read(long version, Optional<byte[]> value) {}

  /// What the segment would see; null when it has not met the key.
  Optional<byte[]> seen(String key) {
    Optional<byte[]> written = writes.get(key);
    if (written != null) {
      return written;
    }
    Read read = reads.get(key);
    return read == null ? null : read.value;
  }

  void read(String key, Read read) {
    reads.put(key, read);
  }

  /// Notes a write.
  ///
  /// @param value empty for a deletion
  /// @return the version it depends on
  OptionalLong write(String key, Optional<byte[]> value) {
    // Only the first write of a key: the next one finds what this one wrote.
    Read read = writes.containsKey(key) ? null : reads.get(key);
    writes.put(key, value);
    if (read == null) {
      return OptionalLong.empty();
    }
    conditional = true;
    return OptionalLong.of(read.version);
  }

  boolean conditional() {
    return conditional;
  }
}
