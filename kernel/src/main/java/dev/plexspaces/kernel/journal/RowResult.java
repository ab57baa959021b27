package dev.plexspaces.kernel.journal;

/// What applying one [Row] answered, by position in [Commit#rows].
public sealed interface RowResult {
  /// The row was written.
  record Done() implements RowResult {}

  /// The sequence an [Row.InboxInsert] got.
  record Inserted(long inboxSeq) implements RowResult {}

  /// JSON result of a conditional operation.
  record Value(byte[] json) implements RowResult {}

  /// The conditional operation itself failed; nothing of it was applied.
  record Failed(String message) implements RowResult {}
}
