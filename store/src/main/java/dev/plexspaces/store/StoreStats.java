package dev.plexspaces.store;

/// What a [SqliteStore] did since it was opened and where it stands, for metrics.
///
/// @param state where it stands
/// @param seq number of the last durable commit, over all starts
/// @param commits commits that became durable
/// @param refused commits that were refused, at the door or by the writer
/// @param batches transactions that commits shared
/// @param bytesWritten payload handed to SQLite, bytes: log, direct rows and folds; pages and
///   indexes come on top
/// @param queueDepth commits waiting for the writer
/// @param foldLagRows commits in the log that are not folded yet
/// @param folds folds finished
/// @param walPages pages in the write-ahead log when last looked at
/// @param actorsCached actors held in memory
/// @param requestsRemembered outcomes of requests with an idempotency key, of all tenants together
public record StoreStats(
    State state,
    long seq,
    long commits,
    long refused,
    long batches,
    long bytesWritten,
    int queueDepth,
    int foldLagRows,
    long folds,
    long walPages,
    int actorsCached,
    long requestsRemembered) {

  /// Where a store stands.
  public enum State {
    /// Takes commits.
    RUNNING,
    /// Refuses commits until the disk has room again.
    DISK_FULL,
    /// Refuses commits for good; the process must be restarted.
    FAILED,
    /// Closed.
    CLOSED
  }
}
