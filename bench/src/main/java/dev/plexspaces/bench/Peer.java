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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A server under test in a process of its own, which prints a line with `ready` and its address.
final class Peer implements AutoCloseable {

  private static final Pattern READY = Pattern.compile(".*[Rr]eady.*?(http://[0-9.a-z:]+).*");

  private static final int STOP_SECONDS = 15;

  private final String name;
  private final Process process;
  private final URI address;

  private Peer(String name, Process process, URI address) {
    this.name = name;
    this.process = process;
    this.address = address;
  }

  /// Starts it and waits for its `ready` line.
  static Peer start(String name, List<String> command, Map<String, String> environment)
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
        return new Peer(name, process, URI.create(matcher.group(1)));
      }
    }
    throw new IOException(name + " ended before it was ready: " + command);
  }

  String name() {
    return name;
  }

  URI address() {
    return address;
  }

  /// Ends the process: peers of ours end, and tidy up, when their standard input closes; what has
  /// not ended after [#STOP_SECONDS] gets a signal.
  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    CompletableFuture<Process> exit = process.onExit();
    try {
      exit.get(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException | ExecutionException e) {
      process.destroy();
      exit.join();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
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
