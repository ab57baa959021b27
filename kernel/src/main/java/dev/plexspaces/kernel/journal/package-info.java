/// The protocol between turns and the disk: what a commit is and what a store must do with it.
///
/// Reading order: [dev.plexspaces.kernel.journal.Commit],
/// [dev.plexspaces.kernel.journal.TurnRecord], [dev.plexspaces.kernel.journal.StateChange],
/// [dev.plexspaces.kernel.journal.Store].
package dev.plexspaces.kernel.journal;
