package dev.plexspaces.bench;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// A durable number per key over HTTP: our bank account against a virtual object of Restate, both
/// as a user starts them, on loopback, in interleaved rounds.
final class DurableHttp {

  private static final int KEYS = 1_000;
  private static final List<Integer> CLIENTS = List.of(1, 16, 64, 256, 1_024);
  private static final int ROUNDS = 3;
  private static final long SECOND = 1_000_000_000L;
  private static final long ROUND_NANOS = 2 * SECOND;
  private static final long WARM_UP_NANOS = 6 * SECOND;
  private static final int WARM_UP_CLIENTS = 64;

  /// DESIGN section 11 and issue 4: at 64 and 256 clients.
  private static final double RATE_GOAL = 8;

  private static final double P99_GOAL = 0.2;

  /// A server and how one durable change is asked of it.
  ///
  /// @param path with `%d` for the number of the key
  private record Contender(String name, URI address, String path, String body) {
    LoadGenerator.Outcome load(int clients, long nanos) throws IOException {
      byte[][] requests = new byte[KEYS][];
      for (int key = 0; key < KEYS; key++) {
        requests[key] = LoadGenerator.json(address, "POST", path.formatted(key), body);
      }
      SplittableRandom random = new SplittableRandom(clients);
      try (LoadGenerator load =
          new LoadGenerator(
              address, clients, 1, (connection, number) -> requests[random.nextInt(KEYS)])) {
        return load.closedLoop(nanos).successful();
      }
    }
  }

  private DurableHttp() {}

  static void run(Bench.Options options) throws Exception {
    try (Report report =
            new Report(
                options.results().resolve("durable-http.txt"),
                "Durable change of a number by HTTP: bank account against Restate's virtual object");
        Scratch data = Scratch.under(options.data());
        Peer node = Servers.node(data.path().resolve("node"), "--dev")) {
      Contender ours =
          new Contender(
              "plexspaces",
              node.address(),
              "/api/v1/actors/acme/default/bank_account/bench-%d/ask",
              "{\"message_type\":\"deposit\",\"payload\":{\"amount\":1}}");
      if (!Files.isExecutable(Path.of("bench/peers/restate/start"))) {
        throw new IOException("run from the root of the repository");
      }
      Peer restate = null;
      try {
        restate = Servers.restate(data.path());
      } catch (IOException e) {
        // Without npm or the package the comparison is ours alone; the report says so.
        report.line("restate  not available: %s", e.getMessage());
      }
      try (Peer peer = restate) {
        List<Contender> contenders = new ArrayList<>(List.of(ours));
        if (peer != null) {
          contenders.add(new Contender("restate", peer.address(), "/Counter/bench-%d/add", "1"));
        }
        compare(report, contenders);
      }
    }
  }

  private static void compare(Report report, List<Contender> contenders) throws IOException {
    for (Contender contender : contenders) {
      contender.load(WARM_UP_CLIENTS, WARM_UP_NANOS);
    }
    for (int clients : CLIENTS) {
      report.line("");
      report.line("== %d clients", clients);
      double[][] rate = new double[contenders.size()][ROUNDS];
      double[][] p50 = new double[contenders.size()][ROUNDS];
      double[][] p99 = new double[contenders.size()][ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < contenders.size(); i++) {
          LoadGenerator.Outcome outcome = contenders.get(i).load(clients, ROUND_NANOS);
          rate[i][round] = outcome.rate();
          p50[i][round] = outcome.ms(50);
          p99[i][round] = outcome.ms(99);
          report.line("round %d  %-12s %s", round + 1, contenders.get(i).name, outcome.shown());
        }
      }
      for (int i = 0; i < contenders.size(); i++) {
        report.line(
            "median   %-12s %,10.0f /s   p50 %8.3f ms   p99 %8.3f ms",
            contenders.get(i).name, middle(rate[i]), middle(p50[i]), middle(p99[i]));
      }
      if (contenders.size() > 1) {
        ratios(
            report,
            clients,
            middle(rate[0]) / middle(rate[1]),
            middle(p50[0]) / middle(p50[1]),
            middle(p99[0]) / middle(p99[1]));
      }
    }
  }

  private static void ratios(Report report, int clients, double rate, double p50, double p99) {
    boolean judged = clients == 64 || clients == 256;
    report.line(
        "ratio plexspaces / restate: throughput %.2f%s, p50 %.2f%s, p99 %.2f%s",
        rate,
        judged ? verdict(" (goal >= " + RATE_GOAL, rate >= RATE_GOAL) : "",
        p50,
        clients == 1 ? verdict(" (goal < 1", p50 < 1) : "",
        p99,
        judged ? verdict(" (goal <= " + P99_GOAL, p99 <= P99_GOAL) : "");
  }

  private static String verdict(String goal, boolean reached) {
    return goal + (reached ? " met)" : " MISSED)");
  }

  private static double middle(double[] values) {
    return Comparison.median(Comparison.sorted(values));
  }
}
