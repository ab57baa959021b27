package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// The state of one actor as a stream of changes; implemented by bound actors beside `sdk.Actor`.
/// Used by one thread at a time.
///
/// Nothing is tracked here before the first [#restore], which is never called for a volatile actor;
/// see [VolatileState]. A new durable actor is restored from no changes before its `init`.
public interface DurableState {

  /// Returns what changed since the previous call to this, [#rollback] or [#restore], in order, and
  /// makes the present state the new baseline. Empty when nothing changed or nothing is tracked.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming a field whose value JSON cannot carry, such as
  ///   NaN; the baseline is then as before
  /// @throws IllegalArgumentException for a value that is not of its declared type; likewise
  List<StateChange> drainChanges();

  /// Returns to the baseline: everything changed since is undone. No effect when nothing is
  /// tracked.
  void rollback();

  /// Replaces the whole state by a fresh instance's, each field that `changes` speaks of by what
  /// they say; that becomes the baseline, and from then on changes are tracked. Fields the class no
  /// longer has are ignored; fields it has in addition keep their initial value. When it throws,
  /// the state is as before.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming a field whose stored value does not fit its
  ///   type
  void restore(List<StateChange> changes);
}
