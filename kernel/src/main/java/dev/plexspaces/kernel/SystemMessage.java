package dev.plexspaces.kernel;

import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.kernel.supervision.StartFailure;
import dev.plexspaces.sdk.ExitReason;

/// Work for one cell that runs before its next user message, by whoever runs the cell. Here are
/// those that begin and end the cell's lives, which [CellLife] carries out; those about its ties to
/// others are in [Relations].
abstract class SystemMessage {
  SystemMessage next;

  /// Runs with the cell claimed.
  abstract void apply(ActorCell cell, Turn turn);

  /// The cell exited first.
  void undelivered(ActorCell cell) {}

  /// Makes the instance and runs its initialization; the first thing every cell does.
  static final class Start extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      if (cell.state() == ActorCell.State.NEW) {
        cell.start(turn);
      }
    }
  }

  /// Ends the cell in order.
  static final class Stop extends SystemMessage {
    private final ExitReason reason;
    private final Runnable whenStopped;

    /// @param whenStopped called once the cell is gone; null for nobody
    Stop(ExitReason reason, Runnable whenStopped) {
      this.reason = reason;
      this.whenStopped = whenStopped;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      if (whenStopped != null) {
        cell.relations().whenStopped(whenStopped);
      }
      cell.stop(turn, reason);
    }

    @Override
    void undelivered(ActorCell cell) {
      if (whenStopped != null) {
        whenStopped.run();
      }
    }
  }

  /// Ends the instance and keeps cell and mailbox: its supervisor is about to start it again with
  /// its siblings.
  static final class Suspend extends SystemMessage {
    private final Run run;

    Suspend(Run run) {
      this.run = run;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.suspend(turn);
    }

    @Override
    void undelivered(ActorCell cell) {
      cell.relations().supervisor.exited(run, ExitReason.SHUTDOWN);
    }
  }

  /// Restarts after a crash; sent by the supervisor.
  static final class Restart extends SystemMessage {
    private final Run run;

    Restart(Run run) {
      this.run = run;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.restart(turn, run);
    }

    @Override
    void undelivered(ActorCell cell) {
      cell.relations().supervisor.startFailed(run, StartFailure.exited(ExitReason.KILLED));
    }
  }

  /// Throws the instance away and loads the durable state and the inbox again, because a commit was
  /// refused or because rows are back in the inbox that the instance was past.
  static final class Reload extends SystemMessage {
    private final boolean anyway;

    Reload() {
      this(false);
    }

    /// @param anyway true when it is about the inbox and no commit needs to have been refused
    Reload(boolean anyway) {
      this.anyway = anyway;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.reload(turn, anyway);
    }

    @Override
    void undelivered(ActorCell cell) {
      if (anyway) {
        // Passivated meanwhile: nobody else would look at the inbox.
        cell.successor();
      }
    }
  }

  /// Ends an idle virtual activation, unless work came meanwhile.
  static final class Passivate extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.passivate(turn);
    }
  }
}
