package dev.plexspaces.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// How each server under test is started. All run on loopback, as processes of their own.
final class Servers {

  private static final int RESTATE_PORTS = 4;

  private Servers() {}

  /// A node of ours with its samples, as a user starts it.
  ///
  /// @param flags such as `--dev`
  static Peer node(Path data, String... flags) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of("plexspaces").toAbsolutePath().toString(),
                "start",
                "--data",
                data.toString(),
                "--host",
                "127.0.0.1",
                "--http-port",
                "0",
                "--grpc-port",
                "0"));
    command.addAll(Arrays.asList(flags));
    return Peer.start("plexspaces", command, environment(), false);
  }

  /// A token for a node on `data` that may call and deploy in `tenant`.
  static String token(Path data, String tenant) throws IOException, InterruptedException {
    return command("token", "--tenant", tenant, "--role", "deployer", "--data", data.toString())
        .strip();
  }

  /// Deploys a JAR to a node.
  ///
  /// @param authorization such as `--token` and a token; empty with `--dev`
  static void deploy(Peer node, Path jar, String... authorization)
      throws IOException, InterruptedException {
    List<String> arguments =
        new ArrayList<>(List.of("deploy", jar.toString(), "--url", node.address().toString()));
    arguments.addAll(Arrays.asList(authorization));
    command(arguments.toArray(String[]::new));
  }

  private static String command(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("plexspaces").toAbsolutePath().toString());
    command.addAll(Arrays.asList(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment());
    Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(
          "`plexspaces " + arguments[0] + "` failed with exit code " + process.exitValue());
    }
    return output;
  }

  /// The bare handler, answering `body`.
  static Peer bare(String body, BareServer.Kind kind) throws IOException {
    return Peer.start(
        "bare",
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Dslf4j.internal.verbosity=ERROR",
            "-cp",
            System.getProperty("java.class.path"),
            BareServer.class.getName(),
            body,
            kind.name()),
        Map.of(),
        true);
  }

  /// Restate's server and its counter service; installed on first use.
  static Peer restate(Path data) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("bench/peers/restate/start").toAbsolutePath().toString());
    command.add(data.toString());
    for (int port : freePorts(RESTATE_PORTS)) {
      command.add(Integer.toString(port));
    }
    return Peer.start("restate", command, environment(), true);
  }

  private static Map<String, String> environment() {
    return Map.of("JAVA_HOME", System.getProperty("java.home"));
  }

  private static List<Integer> freePorts(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>();
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ServerSocket socket = new ServerSocket(0);
      sockets.add(socket);
      ports.add(socket.getLocalPort());
    }
    for (ServerSocket socket : sockets) {
      socket.close();
    }
    return ports;
  }
}
