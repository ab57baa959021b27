package dev.plexspaces.kernel.journal;

import java.nio.charset.StandardCharsets;

/// What applying one [Row] answered, by position in [Commit#rows].
public sealed interface RowResult {
  /// The row was written.
  record Done() implements RowResult {}

  /// The sequence an [Row.InboxInsert] got.
  record Inserted(long inboxSeq) implements RowResult {}

  /// JSON result of a conditional operation.
  record Value(byte[] json) implements RowResult {}

  /// The result of an operation that answers `true` or `false`.
  static RowResult truth(boolean value) {
    return new Value(Boolean.toString(value).getBytes(StandardCharsets.UTF_8));
  }

  /// The conditional operation itself failed; nothing of it was applied.
  record Failed(String message) implements RowResult {}
}
