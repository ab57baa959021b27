package dev.plexspaces.testkit.sim;

/// A promise was broken in a simulated world. Its message names the seed and the checker.
public final class Violation extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final String checker;

  Violation(String checker, String message) {
    super(message);
    this.checker = checker;
  }

  /// Who found it.
  public String checker() {
    return checker;
  }
}
