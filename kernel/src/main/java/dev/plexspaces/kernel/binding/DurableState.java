package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// The state of one actor as a stream of changes; implemented by bound actors beside `sdk.Actor`.
/// Used by one thread at a time.
public interface DurableState {

  /// Returns what changed since the previous call to this, [#rollback] or [#restore], in order, and
  /// makes the present state the new baseline. Empty when nothing changed.
  List<StateChange> drainChanges();

  /// Returns to the baseline: everything changed since is undone.
  void rollback();

  /// Replaces the whole state by the initial one followed by `changes`, which becomes the baseline.
  /// Fields the class no longer has are ignored; fields it has in addition keep their initial
  /// value.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming a field whose stored value does not fit its
  ///   type
  void restore(List<StateChange> changes);
}
