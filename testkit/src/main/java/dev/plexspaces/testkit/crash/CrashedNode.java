package dev.plexspaces.testkit.crash;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A node as a process, life after life on one data directory. One thread starts and kills it; any
/// may ask where it is.
final class CrashedNode implements AutoCloseable {

  /// Longest wait for a node to be ready, and for one to end. It recovers within a second or two; a
  /// machine under load takes longer.
  static final Duration PATIENCE = Duration.ofSeconds(120);

  private static final String READY = "PlexSpaces ready ";

  /// What a node says that needs room to start: the store, or whatever else writes a file.
  private static final List<String> NO_ROOM =
      List.of("is full; make room and start again", "No space left on device");

  /// Lines of its log shown when it ends by itself.
  private static final int LOG_LINES = 20;

  private final List<String> command;
  private final Path log;
  private Process process;
  private CompletableFuture<String> firstLine;
  private String url;
  private boolean over;
  private int lives;

  /// @param command runs a node's command line, up to where `start` would follow
  CrashedNode(List<String> command, Path data, Path log) {
    this.command = new ArrayList<>(command);
    this.command.addAll(
        List.of(
            "start", "--dev", "--data", data.toString(), "--http-port", "0", "--grpc-port", "0"));
    this.log = log;
  }

  /// Starts a life; does not wait until it serves.
  void launch() {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
      builder.environment().keySet().removeIf(name -> name.startsWith("PLEXSPACES_"));
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("the node cannot be started: " + command.getFirst(), e);
    }
    BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
    CompletableFuture<String> first = new CompletableFuture<>();
    synchronized (this) {
      lives++;
      firstLine = first;
    }
    Thread.startVirtualThread(
        () -> {
          try {
            first.complete(serves(out.readLine(), first));
          } catch (IOException e) {
            first.complete(null); // killed while we read
          }
        });
  }

  /// Tells the clients where the life serves, unless it is over already.
  private synchronized String serves(String line, CompletableFuture<String> life) {
    if (line != null && line.startsWith(READY) && life == firstLine) {
      url = line.substring(READY.length()).split(" ")[0];
      notifyAll();
    }
    return line;
  }

  /// Waits until it serves.
  ///
  /// @throws Broken when it ends by itself or is not ready in time
  void awaitReady() throws InterruptedException {
    String line;
    CompletableFuture<String> life;
    synchronized (this) {
      life = firstLine;
    }
    try {
      line = life.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new Broken("life " + lives + " is not ready after " + PATIENCE.toSeconds() + " s", log);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
    if (line == null || !line.startsWith(READY)) {
      throw new Broken("life " + lives + " ended before it was ready, after \"" + line + "\"", log);
    }
  }

  /// `kill -9`, and waits for the end.
  ///
  /// @throws Broken when it had ended by itself
  void kill() throws InterruptedException {
    boolean alive = process.isAlive();
    process.destroyForcibly();
    ended();
    if (!alive) {
      throw new Broken(
          "life " + lives + " ended by itself with exit code " + process.exitValue(), log);
    }
  }

  /// Waits until it serves, or gives up because its disk was full when it started.
  ///
  /// @return false when it gave up
  /// @throws Broken when it ended for another reason or is not ready in time
  boolean awaitReadyOrNoRoom() throws InterruptedException {
    try {
      awaitReady();
      return true;
    } catch (Broken e) {
      ended();
      if (process.exitValue() != 1 || NO_ROOM.stream().noneMatch(e.getMessage()::contains)) {
        throw e;
      }
      return false;
    }
  }

  /// SIGTERM, and waits for the orderly end.
  void stop() throws InterruptedException {
    process.destroy();
    ended();
  }

  private void ended() throws InterruptedException {
    if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new Broken("life " + lives + " does not end", log);
    }
    synchronized (this) {
      url = null;
      firstLine = CompletableFuture.completedFuture(null);
    }
  }

  /// Where the node serves; waits while it is down.
  ///
  /// @return null when there will be no further life
  synchronized String awaitUrl() throws InterruptedException {
    while (url == null && !over) {
      wait();
    }
    return over ? null : url;
  }

  @Override
  public void close() {
    synchronized (this) {
      over = true;
      notifyAll();
    }
    if (process != null) {
      process.destroyForcibly();
    }
  }

  /// The node did what no node may do; the campaign cannot go on.
  static final class Broken extends RuntimeException {
    Broken(String what, Path log) {
      super(what + tail(log));
    }

    private static String tail(Path log) {
      try {
        List<String> lines = Files.readAllLines(log, StandardCharsets.UTF_8);
        List<String> last = lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size());
        return "; its log ends:\n" + String.join("\n", last);
      } catch (IOException e) {
        return "; its log " + log + " cannot be read";
      }
    }
  }
}
