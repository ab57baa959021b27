package dev.plexspaces.kernel.journal;

import java.util.List;
import java.util.Optional;

/// What the store knows of one actor.
///
/// @param incarnation raised each time the id is created anew after a purge; 1 for a new actor
/// @param nextTurn number of the next new turn: one past the open turn while one is open; 0 when
///   `@OnInit` has not committed
/// @param changes the state as changes: folded rows first, then the tail of the log, in order; the
///   changes of an open turn are not among them
/// @param open the open turn, when there is one
/// @param lastAtMillis wall clock of the last commit, so that an actor's time never goes back; 0
///   for none
public record LoadedActor(
    int incarnation,
    long nextTurn,
    List<StateChange> changes,
    Optional<OpenTurn> open,
    long lastAtMillis) {

  /// A turn that committed and has not ended.
  ///
  /// @param records its commits in order, the first of kind `OPEN`
  /// @param rowResults what the rows of each commit answered, by position in `records`: the result
  ///   of a conditional operation survives a crash only here (spec/turns rule 10)
  public record OpenTurn(long turn, List<TurnRecord> records, List<List<RowResult>> rowResults) {}
}
