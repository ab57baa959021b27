package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Optional;

/// Commits what the turn of an actor without durable state wrote into durable services, before
/// anything else of the turn becomes visible. Source: DESIGN section 5.
final class VolatileRows implements Commit.Listener, Dispatcher.Waiter {

  private final ActorCell cell;
  private volatile boolean done;
  private volatile Thread thread;
  private List<RowResult> results;
  private PlexException refusal;

  private VolatileRows(ActorCell cell) {
    this.cell = cell;
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
    VolatileRows wait = new VolatileRows(cell);
    cell.blocks();
    cell.system().store().submit(new Commit(cell.id(), Optional.empty(), rows), wait);
    if (!wait.done) {
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
    finish();
  }

  @Override
  public void refused(PlexException why) {
    refusal = why;
    finish();
  }

  private void finish() {
    done = true;
    cell.system().dispatcher().resume(this);
  }

  @Override
  public boolean ready() {
    return done;
  }

  @Override
  public Thread waitingThread() {
    return thread;
  }

  @Override
  public void waitingThread(Thread thread) {
    this.thread = thread;
  }
}
