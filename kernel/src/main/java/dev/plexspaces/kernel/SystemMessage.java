package dev.plexspaces.kernel;

/// Work for one cell that runs before its next user message, by whoever runs the cell.
abstract class SystemMessage {
  SystemMessage next;

  /// Runs with the cell claimed.
  abstract void apply(ActorCell cell, Turn turn);

  /// The cell exited first.
  void undelivered(ActorCell cell) {}
}
