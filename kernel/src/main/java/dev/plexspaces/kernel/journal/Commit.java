package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Optional;

/// One atomic append: a log row (when the actor is durable or a turn is recorded) and direct rows.
/// All of it is on disk or none of it. Source: DESIGN section 5.
///
/// @param actor the actor whose turn commits; also the order: commits of one actor are applied in
///   the order they were submitted
/// @param record the log row; empty for a commit that only writes direct rows (a message from
///   outside, an actor without durable state)
/// @param rows direct rows
/// @param checkpoint true when a store that keeps a log is to fold what it holds of the actor soon
///   after, together with others; a wish that changes nothing else
public record Commit(
    ActorId actor, Optional<TurnRecord> record, List<Row> rows, boolean checkpoint) {

  /// A commit whose actor is folded whenever the store likes.
  public Commit(ActorId actor, Optional<TurnRecord> record, List<Row> rows) {
    this(actor, record, rows, false);
  }

  /// Learns the fate of a commit, on the store's thread (on the submitter's when refused at the
  /// door): must not block, and must not throw.
  public interface Listener {
    /// It is on disk.
    ///
    /// @param results one per row
    void durable(long seq, List<RowResult> results);

    /// It is not, and nothing of it is visible. `CONFLICT`: a precondition failed (a stale version,
    /// an inbox row that is gone, a stale epoch, a turn number that is not the next).
    /// `RESOURCE_EXHAUSTED`: the queue is full. An [UnacceptableCommit]: it would be refused each
    /// time. `UNAVAILABLE`: the disk is full or failing; nothing that was acknowledged is lost, try
    /// again.
    void refused(PlexException why);
  }
}
