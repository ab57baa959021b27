package dev.plexspaces.node.cli;

/// A command that cannot do what was asked; its text is all the user sees (exit code 1).
final class Failure extends RuntimeException {

  Failure(String message) {
    super(message);
  }

  /// The user gets the text, not the stack.
  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
