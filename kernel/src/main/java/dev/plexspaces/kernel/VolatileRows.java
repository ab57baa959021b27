package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Optional;

/// Commits what the turn of an actor without durable state wrote into durable services, before
/// anything else of the turn becomes visible. Source: DESIGN section 5.
final class VolatileRows extends Signal implements Commit.Listener {

  private List<RowResult> results;
  private PlexException refusal;

  private VolatileRows(Dispatcher dispatcher) {
    super(dispatcher);
  }

  /// Commits the buffered rows and blocks the turn until they are on disk.
  ///
  /// @return what they answered
  /// @throws PlexException why the store refused them: `CONFLICT` when a key was written by
  ///   somebody else since it was read
  static List<RowResult> commit(ActorCell cell, Turn t) {
    t.takeRowMessages();
    List<Row> rows = t.takeRows();
    if (rows.isEmpty()) {
      return List.of();
    }
    VolatileRows wait = new VolatileRows(cell.system().dispatcher());
    cell.blocks();
    cell.system().store().submit(new Commit(cell.id(), Optional.empty(), rows), wait);
    if (!wait.ready()) {
      cell.system().dispatcher().await(t.worker, wait);
    }
    if (wait.refusal != null) {
      throw wait.refusal;
    }
    return wait.results;
  }

  @Override
  public void durable(long seq, List<RowResult> answers) {
    results = answers;
    raise();
  }

  @Override
  public void refused(PlexException why) {
    refusal = why;
    raise();
  }
}
