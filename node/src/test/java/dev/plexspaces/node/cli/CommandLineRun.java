package dev.plexspaces.node.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;

/// Runs commands without a process of their own.
public final class CommandLineRun {

  private CommandLineRun() {}

  /// What came of a command.
  public record Result(int exitCode, String out, String err) {}

  public static Result run(Map<String, String> environment, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode =
        Main.run(arguments, environment, new PrintWriter(out, true), new PrintWriter(err, true));
    return new Result(exitCode, out.toString(), err.toString());
  }
}
