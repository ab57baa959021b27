package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;

/// Where an actor stands in its sequence of turns, and which record may come next. The one home of
/// that rule for all stores. Source: spec/turns section 3.
///
/// @param next number of the next new turn; already past an open one
/// @param open the open turn, or [#NONE]
public record TurnCursor(long next, long open) {

  /// No turn is open.
  public static final long NONE = -1;

  /// An actor without any committed turn.
  public static final TurnCursor START = new TurnCursor(0, NONE);

  /// True while a turn has committed and not ended.
  public boolean isOpen() {
    return open != NONE;
  }

  /// Where the actor stands once `record` has committed.
  ///
  /// @throws PlexException `CONFLICT` when `record` is neither the next turn nor goes on with the
  ///   open one
  public TurnCursor after(ActorId actor, TurnRecord record) {
    return switch (record.kind()) {
      case WHOLE -> {
        requireNext(actor, record);
        yield new TurnCursor(next + 1, NONE);
      }
      case OPEN -> {
        requireNext(actor, record);
        yield new TurnCursor(next + 1, record.turn());
      }
      case SEGMENT -> {
        requireOpen(actor, record);
        yield this;
      }
      case END -> {
        requireOpen(actor, record);
        yield new TurnCursor(next, NONE);
      }
      case FAILED -> {
        // A turn may fail before its first commit point; it is recorded all the same.
        if (isOpen()) {
          requireOpen(actor, record);
          yield new TurnCursor(next, NONE);
        }
        requireNext(actor, record);
        yield new TurnCursor(next + 1, NONE);
      }
    };
  }

  private void requireNext(ActorId actor, TurnRecord record) {
    if (isOpen() || record.turn() != next) {
      throw refuse(actor, record);
    }
  }

  private void requireOpen(ActorId actor, TurnRecord record) {
    if (!isOpen() || record.turn() != open) {
      throw refuse(actor, record);
    }
  }

  private PlexException refuse(ActorId actor, TurnRecord record) {
    return new PlexException(
        ErrorCode.CONFLICT,
        "actor "
            + actor
            + ": commit "
            + record.kind()
            + " of turn "
            + record.turn()
            + " came where "
            + (isOpen() ? "turn " + open + " is open" : "turn " + next + " is next")
            + "; load the actor again");
  }
}
