package dev.plexspaces.store;

import dev.plexspaces.kernel.journal.TurnCursor;
import java.nio.charset.StandardCharsets;

/// The folded progress of an actor: a row among its state, so that a fold touches one page an
/// actor. JSON, so that people can read it: `[next turn, open turn, folded seq, time, history
/// row]`.
///
/// @param foldedSeq the actor's log is folded up to here
/// @param atMillis wall clock of the last folded commit
/// @param historyNo newest history row, 0 for none
record Progress(TurnCursor cursor, long foldedSeq, long atMillis, long historyNo) {

  static final Progress NONE = new Progress(TurnCursor.START, 0, 0, 0);

  byte[] toBytes() {
    String text =
        "["
            + cursor.next()
            + ","
            + cursor.open()
            + ","
            + foldedSeq
            + ","
            + atMillis
            + ","
            + historyNo
            + "]";
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /// @throws IllegalArgumentException for anything else
  static Progress of(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.US_ASCII);
    String[] parts =
        text.startsWith("[") && text.endsWith("]")
            ? text.substring(1, text.length() - 1).split(",")
            : new String[0];
    if (parts.length != 5) {
      throw new IllegalArgumentException("progress row " + text + ": the data is damaged");
    }
    return new Progress(
        new TurnCursor(Long.parseLong(parts[0]), Long.parseLong(parts[1])),
        Long.parseLong(parts[2]),
        Long.parseLong(parts[3]),
        Long.parseLong(parts[4]));
  }
}
