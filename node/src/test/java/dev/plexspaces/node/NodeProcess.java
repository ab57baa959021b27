package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.cli.CommandLineRun;
import dev.plexspaces.node.cli.CommandLineRun.Result;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A real node as a process of its own, on free ports and a directory of the test: started, killed
/// and started again from outside, and talked to over its ports only.
public final class NodeProcess implements AutoCloseable {

  /// Longest wait for a node to be ready or to end. Bounds a hang; no test waits for it to pass.
  static final Duration PATIENCE = Duration.ofSeconds(120);

  /// As long as the edge allows: on a machine that is busy with other tests five seconds are not
  /// enough, and a test that wants a timeout names its own.
  private static final int ASK_TIMEOUT_MS = 60_000;

  /// Where the dead letters of acme/prod are.
  static final String LETTERS = "/api/v1/dead-letters/acme/prod";

  static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path data;

  /// The data directory as the node sees it.
  private final Path dataOfNode;

  private final Path log;

  /// Starts the JVM; with what is needed to see the data directory in front.
  private final List<String> java;

  private final List<String> arguments;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private Process process;
  private BufferedReader out;
  private String readyLine;
  private NodeFile node;
  private String token;

  private NodeProcess(
      Path data, Path dataOfNode, Path log, List<String> java, List<String> arguments) {
    this.data = data;
    this.dataOfNode = dataOfNode;
    this.log = log;
    this.java = java;
    this.arguments = arguments;
  }

  /// Starts a node and waits for its ready line.
  ///
  /// @param arguments more arguments of `start`, such as `--dev`
  public static NodeProcess start(Path data, String... arguments) {
    NodeProcess node =
        new NodeProcess(
            data,
            data,
            data.resolveSibling(data.getFileName() + ".log"),
            java(),
            List.of(arguments));
    node.start();
    return node;
  }

  /// Starts a node that keeps its data, and nothing else, on a small disk.
  static NodeProcess start(SmallDisk disk, String... arguments) {
    List<String> java = new ArrayList<>(disk.entering());
    java.addAll(java());
    NodeProcess node =
        new NodeProcess(
            disk.seen().resolve("data"),
            disk.mount().resolve("data"),
            disk.mount().resolveSibling("node.log"),
            java,
            List.of(arguments));
    node.start();
    return node;
  }

  /// Starts it again on the same data, after [#kill] or [#stop].
  public void start() {
    List<String> command = new ArrayList<>(java);
    command.addAll(
        List.of("start", "--data", dataOfNode.toString(), "--http-port", "0", "--grpc-port", "0"));
    command.addAll(arguments);
    try {
      process =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.appendTo(log().toFile()))
              .start();
      out = process.inputReader(StandardCharsets.UTF_8);
      readyLine =
          CompletableFuture.supplyAsync(() -> line(out), task -> Thread.ofVirtual().start(task))
              .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      if (readyLine == null) {
        process.waitFor();
        throw new IllegalStateException(
            "the node ended with exit code "
                + process.exitValue()
                + "\n"
                + Files.readString(log()));
      }
      node = NodeFile.read(data).orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (Exception e) {
      close();
      throw new IllegalStateException("the node did not start", e);
    }
  }

  boolean alive() {
    return process.isAlive();
  }

  /// The one line it printed.
  public String readyLine() {
    return readyLine;
  }

  public NodeFile nodeFile() {
    return node;
  }

  /// What it wrote to standard error, over all starts.
  public Path log() {
    return log;
  }

  /// Waits for it to end by itself.
  ///
  /// @return its exit code
  int awaitEnd() {
    end();
    return process.exitValue();
  }

  public String url() {
    return "http://127.0.0.1:" + node.httpPort();
  }

  /// Calls as this bearer from now on.
  public NodeProcess as(String token) {
    this.token = token;
    return this;
  }

  /// `kill -9`.
  public void kill() {
    process.destroyForcibly();
    end();
  }

  /// SIGTERM; returns the rest of standard output.
  public String stop() {
    // Through its handle: ending it through the process object would close what it printed.
    process.toHandle().destroy();
    end();
    return all(out);
  }

  /// Sends a request, with JSON when it has a body.
  ///
  /// @param headers names and values in turn
  public HttpResponse<String> send(String method, String path, String body, String... headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url() + path))
            .timeout(PATIENCE)
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    for (int i = 0; i < headers.length; i += 2) {
      request.header(headers[i], headers[i + 1]);
    }
    try {
      return http.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /// Asks an actor `type/key` of acme/prod.
  public HttpResponse<String> ask(
      String actor, String operation, String payload, String... headers) {
    return send(
        "POST",
        "/api/v1/actors/acme/prod/" + actor + "/ask",
        "{\"message_type\":\""
            + operation
            + "\",\"payload\":"
            + payload
            + ",\"timeout_ms\":"
            + ASK_TIMEOUT_MS
            + "}",
        headers);
  }

  /// The dead letters of acme/prod.
  List<JsonNode> letters() {
    return List.copyOf(json(send("GET", LETTERS, null)).path("dead_letters").values());
  }

  /// Mints a token with the key of a data directory, by the command.
  ///
  /// @param more arguments of `token` besides tenant and directory
  static String token(Path data, String tenant, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("token", "--tenant", tenant, "--data", data.toString()));
    arguments.addAll(List.of(more));
    Result minted = plexspaces(Optional.empty(), arguments.toArray(String[]::new));
    if (minted.exitCode() != 0
        || !minted.err().isEmpty()
        || !minted.out().matches("[\\w-]+\\.[\\w-]+\\.[\\w-]+\n")) {
      throw new IllegalStateException("no token: " + minted);
    }
    return minted.out().strip();
  }

  /// The JSON body of an answer.
  public static JsonNode json(HttpResponse<String> response) {
    return JSON.readTree(response.body());
  }

  /// Runs a command against this node, in the JVM of the test.
  public Result command(String... arguments) {
    return command(arguments, Map.of());
  }

  /// The same, with more variables in its environment.
  public Result command(String[] arguments, Map<String, String> environment) {
    Map<String, String> all = new HashMap<>(environment);
    if (token != null) {
      all.put("PLEXSPACES_TOKEN", token);
    }
    return CommandLineRun.run(all, arguments);
  }

  /// Runs a command against this node by its address.
  ///
  /// @param arguments a name alone is that of a group of commands, which takes no options itself
  Result commandHere(String... arguments) {
    if (arguments.length == 1) {
      return command(arguments, Map.of("PLEXSPACES_URL", url()));
    }
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--url", url()));
    return command(all.toArray(String[]::new));
  }

  /// Runs a command that must work.
  ///
  /// @return what it printed
  String succeeds(String... arguments) {
    Result result = commandHere(arguments);
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(result.err()).doesNotContain("plexspaces:");
    return result.out();
  }

  static void eventually(BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as("still not so").isNegative();
      LockSupport.parkNanos(20_000_000);
    }
  }

  /// Runs a command as a process of its own.
  public static Result plexspaces(Optional<String> token, String... arguments) {
    List<String> command = new ArrayList<>(java());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("PLEXSPACES_"));
    token.ifPresent(t -> builder.environment().put("PLEXSPACES_TOKEN", t));
    try {
      Process process = builder.start();
      CompletableFuture<String> err =
          CompletableFuture.supplyAsync(
              () -> all(process.errorReader()), task -> Thread.ofVirtual().start(task));
      String out = all(process.inputReader());
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException("the command hangs");
      }
      return new Result(process.exitValue(), out, err.join());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /// The JVM as the launcher starts it, on what the build compiled.
  static List<String> java() {
    String classPath =
        Arrays.stream(
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"))
                    .split(File.pathSeparator))
            .filter(entry -> !entry.endsWith("test-classes"))
            .collect(Collectors.joining(File.pathSeparator));
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx512m",
        "-cp",
        classPath,
        "dev.plexspaces.node.cli.Main");
  }

  /// Waits until it has ended.
  void end() {
    try {
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException("the node does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static String line(BufferedReader reader) {
    try {
      return reader.readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String all(BufferedReader reader) {
    return reader.lines().map(line -> line + "\n").collect(Collectors.joining());
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly();
      end();
    }
  }
}
