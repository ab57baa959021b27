package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// A value that does not fit, at one place or at several. Paths are put together while the stack
/// unwinds, so that a value that does fit pays nothing for them. Never leaves this package.
final class Mismatch extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final List<FieldViolation> places = new ArrayList<>(1);

  Mismatch(String problem) {
    super(problem, null, false, false);
    places.add(new FieldViolation("", problem));
  }

  /* Cut short here and not in the end: each level of a value puts its name in front of every path, so
  a payload of many wrong places in each other would cost far more than it is long. */

  /// @param first what was found before; null for nothing
  /// @return both as one
  static Mismatch both(Mismatch first, Mismatch second) {
    if (first == null) {
      return second;
    }
    second.places.stream()
        .limit(Conversion.PLACES_MAX - (long) first.places.size())
        .forEach(first.places::add);
    return first;
  }

  Mismatch inField(String name) {
    String shown = Conversion.excerpt(name);
    return in(
        path -> path.isEmpty() ? shown : path.charAt(0) == '[' ? shown + path : shown + "." + path);
  }

  Mismatch inElement(int index) {
    String shown = "[" + index + "]";
    return in(path -> path.isEmpty() || path.charAt(0) == '[' ? shown + path : shown + "." + path);
  }

  private Mismatch in(UnaryOperator<String> outer) {
    places.replaceAll(p -> new FieldViolation(outer.apply(p.field()), p.description()));
    return this;
  }

  String text() {
    return error().getMessage();
  }

  PlexException error() {
    return Conversion.invalid(places);
  }
}
