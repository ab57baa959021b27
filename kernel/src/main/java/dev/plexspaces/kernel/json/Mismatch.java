package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// A value that does not fit. The path is put together while the stack unwinds, so that a value
/// that does fit pays nothing for it. Never leaves this package.
final class Mismatch extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final String problem;
  private String path = "";

  Mismatch(String problem) {
    super(problem, null, false, false);
    this.problem = problem;
  }

  Mismatch inField(String name) {
    String shown = Conversion.excerpt(name);
    path = path.isEmpty() ? shown : path.charAt(0) == '[' ? shown + path : shown + "." + path;
    return this;
  }

  Mismatch inElement(int index) {
    String shown = "[" + index + "]";
    path = path.isEmpty() || path.charAt(0) == '[' ? shown + path : shown + "." + path;
    return this;
  }

  String text() {
    return path.isEmpty() ? problem : path + ": " + problem;
  }

  PlexException error() {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        text(),
        List.of(new PlexException.FieldViolation(path, problem)),
        null);
  }
}
