package dev.plexspaces.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// A process that is told what to do, a line at a time, over its standard input. It answers each
/// with a line that begins with `ok`, and ends when its input does.
final class ToldProcess implements AutoCloseable {

  /// What an answer begins with.
  static final String OK = "ok";

  private final String name;
  private final Process process;
  private final BufferedReader answers;
  private final PrintWriter commands;
  private boolean failed;

  /// @param name for errors
  ToldProcess(String name, List<String> command) throws IOException {
    this.name = name;
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    commands = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
  }

  /// @return the answer behind its `ok`
  /// @throws IOException naming the answer, when that is another one or none
  String tell(String command) throws IOException {
    commands.println(command);
    String answer = answers.readLine();
    if (answer == null || !answer.startsWith(OK)) {
      failed = true;
      throw new IOException(name + " answered `" + answer + "` to `" + command + "`");
    }
    return answer.substring(OK.length()).trim();
  }

  /// True once an answer was none that it should be: there is nobody to tell any more.
  boolean failed() {
    return failed;
  }

  /// Processor time of all its threads so far, nanoseconds, to a hundredth of a second.
  long cpuNanos() {
    return process.info().totalCpuDuration().orElseThrow().toNanos();
  }

  @Override
  public void close() {
    commands.close();
    process.onExit().join();
  }
}
