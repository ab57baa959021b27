package dev.plexspaces.node.cli;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.function.Supplier;

/// A command line that cannot be meant; its text says what is wrong with it (exit code 2).
final class Misuse extends RuntimeException {

  Misuse(String message) {
    super(message);
  }

  /// What is refused as `INVALID_MESSAGE` was written on the command line, or is named by it.
  static <T> T checked(Supplier<T> work) {
    try {
      return work.get();
    } catch (PlexException e) {
      if (e.code() == ErrorCode.INVALID_MESSAGE) {
        throw new Misuse(e.getMessage());
      }
      throw e;
    }
  }

  /// The user gets the text, not the stack.
  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
