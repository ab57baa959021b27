package dev.plexspaces.kernel.journal;

/// One operation on an actor's state, the only form in which state reaches the disk. Source:
/// spec/turns section 2.
///
/// A field is either a *value* (one chunk named ""), a *map* (one chunk per key) or a *list*
/// (chunks in append order).
///
/// State starts from nothing: an initial value that is not empty must be journalled as well. A
/// store folds changes, so the order of map entries that [LoadedActor] returns is not the order of
/// the puts, and one returned `APPEND` may hold the elements of many. A field that was ever
/// cleared, or lost an entry, is returned with a `CLEAR` first.
///
/// @param op what to do
/// @param field name of the `@State` field
/// @param chunk "" for a value, the map key for a map entry, ignored for `APPEND` and `CLEAR`
/// @param data JSON text in UTF-8: for `PUT` the value; for `APPEND` an array of one or more
///   elements; empty for `DELETE` and `CLEAR`
public record StateChange(Op op, String field, String chunk, byte[] data) {

  /// The operations.
  public enum Op {
    /// Sets a value or a map entry.
    PUT,
    /// Adds elements to the end of a list.
    APPEND,
    /// Removes a map entry.
    DELETE,
    /// Removes everything the field holds; the field then exists and is empty.
    CLEAR
  }

  private static final byte[] NOTHING = {};

  /// @throws IllegalArgumentException when `APPEND` comes without a JSON array; what stands between
  ///   the brackets is not looked at
  public StateChange {
    if (op == Op.APPEND && !isArray(data)) {
      throw new IllegalArgumentException("field " + field + ": APPEND needs a JSON array");
    }
  }

  private static boolean isArray(byte[] data) {
    int from = 0;
    int to = data.length - 1;
    while (from < to && Character.isWhitespace(data[from])) {
      from++;
    }
    while (to > from && Character.isWhitespace(data[to])) {
      to--;
    }
    return from < to && data[from] == '[' && data[to] == ']';
  }

  public static StateChange put(String field, String chunk, byte[] json) {
    return new StateChange(Op.PUT, field, chunk, json);
  }

  public static StateChange append(String field, byte[] jsonArray) {
    return new StateChange(Op.APPEND, field, "", jsonArray);
  }

  public static StateChange delete(String field, String chunk) {
    return new StateChange(Op.DELETE, field, chunk, NOTHING);
  }

  public static StateChange clear(String field) {
    return new StateChange(Op.CLEAR, field, "", NOTHING);
  }
}
