package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A value that does not fit, at one place or at several. The path is put together while the stack
/// unwinds, so that a value that does fit pays nothing for it. Never leaves this package.
final class Mismatch extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /// Places that are named in one error: a client gets to see what to mend next, not a book.
  private static final int PLACES_MAX = 20;

  private final String problem;
  private String path = "";

  /// What else is wrong with the same value.
  private final List<Mismatch> others = new ArrayList<>(0);

  Mismatch(String problem) {
    super(problem, null, false, false);
    this.problem = problem;
  }

  /// @param first what was found before; null for nothing
  /// @return both as one
  static Mismatch both(Mismatch first, Mismatch second) {
    if (first == null) {
      return second;
    }
    first.others.add(second);
    return first;
  }

  Mismatch inField(String name) {
    String shown = Conversion.excerpt(name);
    path = path.isEmpty() ? shown : path.charAt(0) == '[' ? shown + path : shown + "." + path;
    others.forEach(other -> other.inField(name));
    return this;
  }

  Mismatch inElement(int index) {
    String shown = "[" + index + "]";
    path = path.isEmpty() || path.charAt(0) == '[' ? shown + path : shown + "." + path;
    others.forEach(other -> other.inElement(index));
    return this;
  }

  private Stream<Mismatch> places() {
    return Stream.concat(Stream.of(this), others.stream().flatMap(Mismatch::places));
  }

  String text() {
    return places()
        .limit(PLACES_MAX)
        .map(m -> m.path.isEmpty() ? m.problem : m.path + ": " + m.problem)
        .collect(Collectors.joining("; "));
  }

  PlexException error() {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        text(),
        places().limit(PLACES_MAX).map(m -> new FieldViolation(m.path, m.problem)).toList(),
        null);
  }
}
