package dev.plexspaces.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A server under test in a process of its own, which prints a line with `ready` and its address.
final class Peer implements AutoCloseable {

  private static final Pattern READY = Pattern.compile(".*[Rr]eady.*?(http://[0-9.a-z:]+).*");

  private final Process process;
  private final URI address;
  private final boolean endsWithInput;

  private Peer(Process process, URI address, boolean endsWithInput) {
    this.process = process;
    this.address = address;
    this.endsWithInput = endsWithInput;
  }

  /// Starts it and waits for its `ready` line.
  ///
  /// @param endsWithInput true when it ends in order once its standard input is closed
  static Peer start(
      String name, List<String> command, Map<String, String> environment, boolean endsWithInput)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line;
    while ((line = output.readLine()) != null) {
      Matcher matcher = READY.matcher(line);
      if (matcher.matches()) {
        Thread.ofPlatform().daemon().name(name + "-output").start(() -> drain(output));
        return new Peer(process, URI.create(matcher.group(1)), endsWithInput);
      }
    }
    throw new IOException(name + " ended before it was ready: " + command);
  }

  URI address() {
    return address;
  }

  /// Ends the process in order: by closing its standard input if it said it listens to that (a
  /// script has things to tidy up), else by a signal.
  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    if (!endsWithInput) {
      process.destroy();
    }
    process.onExit().join();
  }

  private static void drain(Reader output) {
    char[] buffer = new char[4_096];
    try {
      while (output.read(buffer) >= 0) {
        continue;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
