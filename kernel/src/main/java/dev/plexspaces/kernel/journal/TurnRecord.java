package dev.plexspaces.kernel.journal;

import java.util.List;
import java.util.Optional;

/// The content of one log row: what one commit of one turn changed and learned.
///
/// @param kind where in the turn this commit stands
/// @param turn number of the turn within the actor's incarnation, from 0 (`@OnInit`)
/// @param step number of the commit point this commit belongs to, from 0
/// @param atMillis wall clock, milliseconds since 1970
/// @param appVersion version of the application that ran the segment
/// @param input the message, in the first commit of a turn (body as in [Row.InboxInsert])
/// @param results results learned since the previous commit of the turn
/// @param changes changes of state, in the order they were made
/// @param reply the JSON reply, in the last commit of a turn that replies
/// @param failure why the turn failed for good, for kind `FAILED`
/// @param effects what left the actor with this commit, for people to read, such as `tell
///   ledger/bob credit`; at most [#EFFECTS_MAX], then one that counts the rest
public record TurnRecord(
    Kind kind,
    long turn,
    int step,
    long atMillis,
    String appVersion,
    Optional<byte[]> input,
    List<StepResult> results,
    List<StateChange> changes,
    Optional<byte[]> reply,
    Optional<String> failure,
    List<String> effects) {

  /// Effects that are written down one by one.
  public static final int EFFECTS_MAX = 100;

  /// A commit that nothing leaves with.
  public TurnRecord(
      Kind kind,
      long turn,
      int step,
      long atMillis,
      String appVersion,
      Optional<byte[]> input,
      List<StepResult> results,
      List<StateChange> changes,
      Optional<byte[]> reply,
      Optional<String> failure) {
    this(
        kind, turn, step, atMillis, appVersion, input, results, changes, reply, failure, List.of());
  }

  /// Where a commit stands in its turn.
  public enum Kind {
    /// A whole turn without commit points: the common case, one row.
    WHOLE,
    /// The first commit of a turn that goes on: from here on it is open.
    OPEN,
    /// A later commit of an open turn.
    SEGMENT,
    /// The last commit of an open turn.
    END,
    /// The turn failed for good; what its earlier commits changed stands.
    FAILED
  }

  /// The recorded outcome of one commit point of an open turn.
  ///
  /// @param step number of the step within the turn
  /// @param call kind, target and operation, such as `ask bank_account/bob deposit`
  /// @param callHash hash of the canonical payload of the call
  /// @param result JSON result, empty when the call failed or has not returned
  /// @param error error code name and message, when the call failed
  /// @param pending true when this is the intent only and the result is not known yet
  public record StepResult(
      int step,
      String call,
      long callHash,
      Optional<byte[]> result,
      Optional<String> error,
      boolean pending) {}
}
