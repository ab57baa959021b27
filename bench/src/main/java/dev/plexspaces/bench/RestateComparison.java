package dev.plexspaces.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/// A durable counter over HTTP: Restate's virtual object, on loopback.
final class RestateComparison {

  private static final int KEYS = 1_000;
  private static final List<Integer> CLIENTS = List.of(1, 64, 256);

  private RestateComparison() {}

  static void run(Bench.Options options) throws Exception {
    try (Report report =
        new Report(options.results().resolve("restate.txt"), "Durable counter: Restate")) {
      try (Peer restate = start()) {
        for (int clients : CLIENTS) {
          try (LoadGenerator load =
              new LoadGenerator(
                  restate.address(),
                  clients,
                  1,
                  (connection, number) -> request(restate.address()))) {
            load.closedLoop(3_000_000_000L);
            report.line(
                "restate clients %4d %s",
                clients, load.closedLoop(5_000_000_000L).successful().shown());
          }
        }
      }
    }
  }

  private static byte[] request(URI server) {
    int key = ThreadLocalRandom.current().nextInt(KEYS);
    return LoadGenerator.json(server, "POST", "/Counter/key-" + key + "/add", "1");
  }

  static Peer start() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of("bench/peers/restate/start").toAbsolutePath().toString());
    for (int port : freePorts(4)) {
      command.add(Integer.toString(port));
    }
    return Peer.start("restate", command, Map.of("JAVA_HOME", System.getProperty("java.home")));
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
