package dev.plexspaces.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;

/// An actor called over HTTP against a bare handler of the same server that answers the same bytes.
final class HttpInvoke {

  private static final String TENANT = "default";
  private static final String ACTOR = "/api/v1/actors/" + TENANT + "/default/bench_echo/one";
  private static final String ASK = "{\"message_type\":\"echo\",\"payload\":{\"number\":42}}";
  private static final long SECOND = 1_000_000_000L;

  /// A server's compiler needs about so many requests before its numbers mean anything: pipelined
  /// ones, others, and another kind; a time would be too short on a slow machine.
  private static final long WARM_UP_ASKS = 1_500_000;

  private static final long WARM_UP_SINGLE_ASKS = 200_000;
  private static final long WARM_UP_GETS = 100_000;

  /// Longest warm-up with one kind of request.
  private static final long WARM_UP_NANOS_MAX = 40 * SECOND;

  private static final long ROUND_NANOS = SECOND;
  private static final int ROUNDS = 5;

  /// DESIGN section 11, against a handler that may block as an actor may (ADR 14).
  private static final double RATIO_GOAL = 0.8;

  /// Share of our throughput that is asked for when latency is what matters.
  private static final double PACED_SHARE = 0.5;

  /// @param depth requests in flight per connection
  private record Shape(int connections, int depth) {
    @Override
    public String toString() {
      return connections + " connections" + (depth == 1 ? "" : " x " + depth + " pipelined");
    }
  }

  private static final Shape WARM_UP_PIPELINED = new Shape(16, 8);
  private static final Shape WARM_UP = new Shape(16, 1);

  private static final List<Shape> ASK_SHAPES =
      List.of(new Shape(16, 1), new Shape(64, 1), new Shape(16, 8));

  private static final List<Shape> GET_SHAPES = List.of(new Shape(64, 1));

  /// @param headers of every request
  private record Contender(String name, URI address, String[] headers) {
    byte[] ask() {
      return LoadGenerator.json(address, "POST", ACTOR + "/ask", ASK, headers);
    }

    byte[] get() {
      return LoadGenerator.json(address, "GET", ACTOR + "?op=echo&number=42", "", headers);
    }
  }

  private HttpInvoke() {}

  static void run(Bench.Options options) throws Exception {
    try (Report report =
            new Report(
                options.results().resolve("http.txt"),
                "HTTP invocation of an actor against a bare handler of the same server");
        Scratch devData = Scratch.under(options.data());
        Scratch secureData = Scratch.under(options.data());
        Peer dev = Servers.node(devData.path(), "--dev");
        Peer secure = Servers.node(secureData.path())) {
      Path jar = EchoApplication.jar(devData.path().resolve("application"));
      String token = Servers.token(secureData.path(), TENANT);
      Servers.deploy(dev, jar);
      Servers.deploy(secure, jar, "--token", token);
      Contender open = new Contender("plexspaces --dev", dev.address(), new String[0]);
      String body = reply(open);
      report.line("reply    %s (%d bytes)", body, body.length());
      try (Peer bare = Servers.bare(body, BareServer.Kind.PLAIN);
          Peer blocking = Servers.bare(body, BareServer.Kind.MAY_BLOCK);
          Peer library = Servers.bare(body, BareServer.Kind.UNTUNED)) {
        List<Contender> contenders =
            List.of(
                open,
                new Contender("bare, may block", blocking.address(), new String[0]),
                new Contender("bare handler", bare.address(), new String[0]),
                new Contender(
                    "plexspaces with token",
                    secure.address(),
                    new String[] {"authorization: Bearer " + token}),
                new Contender("bare, library's way", library.address(), new String[0]));
        compare(report, contenders);
      }
    }
  }

  private static void compare(Report report, List<Contender> contenders) throws IOException {
    for (Contender contender : contenders) {
      warmUp(contender, WARM_UP_PIPELINED, contender.ask(), WARM_UP_ASKS);
      warmUp(contender, WARM_UP, contender.ask(), WARM_UP_SINGLE_ASKS);
      warmUp(contender, WARM_UP, contender.get(), WARM_UP_GETS);
    }
    for (boolean ask : List.of(true, false)) {
      for (Shape shape : ask ? ASK_SHAPES : GET_SHAPES) {
        report.line("");
        report.line("== %s, %s", ask ? "POST .../ask" : "GET ...?op=echo&number=42", shape);
        double[][] rates = rounds(report, contenders, shape, ask);
        double ours = median(rates[0]);
        for (int i = 1; i < contenders.size(); i++) {
          double ratio = ours / median(rates[i]);
          report.line(
              "ratio %s / %s: %.2f%s",
              contenders.getFirst().name,
              contenders.get(i).name,
              ratio,
              i > 1
                  ? ""
                  : String.format(
                      "   goal >= %.2f %s", RATIO_GOAL, ratio >= RATIO_GOAL ? "met" : "MISSED"));
        }
      }
    }
    paced(report, contenders);
  }

  private static void warmUp(Contender contender, Shape shape, byte[] request, long requests)
      throws IOException {
    long began = System.nanoTime();
    for (long done = 0; done < requests && System.nanoTime() - began < WARM_UP_NANOS_MAX; ) {
      done += load(contender, shape, request, SECOND).replies();
    }
  }

  private static double median(double[] rates) {
    return Comparison.median(Comparison.sorted(rates));
  }

  private static double[][] rounds(
      Report report, List<Contender> contenders, Shape shape, boolean ask) throws IOException {
    double[][] rates = new double[contenders.size()][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      for (int turn = 0; turn < contenders.size(); turn++) {
        int i = (turn + round) % contenders.size();
        Contender contender = contenders.get(i);
        LoadGenerator.Outcome outcome =
            load(contender, shape, ask ? contender.ask() : contender.get(), ROUND_NANOS);
        rates[i][round] = outcome.rate();
        report.line("round %d  %-22s %s", round + 1, contender.name, outcome.shown());
      }
    }
    return rates;
  }

  /// Requests at a fixed rate that both can serve: latency without the queue a closed loop builds.
  private static void paced(Report report, List<Contender> contenders) throws IOException {
    Shape shape = new Shape(64, 1);
    double rate =
        PACED_SHARE
            * load(contenders.getFirst(), shape, contenders.getFirst().ask(), ROUND_NANOS).rate();
    report.line("");
    report.line(
        "== POST .../ask at %,.0f requests/s (half of what --dev did), latency from when each was"
            + " due",
        rate);
    for (Contender contender : contenders) {
      byte[] request = contender.ask();
      try (LoadGenerator load =
          new LoadGenerator(
              contender.address, shape.connections, shape.depth, (connection, number) -> request)) {
        report.line(
            "%-22s %s", contender.name, load.openLoop(rate, 3 * SECOND).successful().shown());
      }
    }
  }

  private static LoadGenerator.Outcome load(
      Contender contender, Shape shape, byte[] request, long nanos) throws IOException {
    try (LoadGenerator load =
        new LoadGenerator(
            contender.address, shape.connections, shape.depth, (connection, number) -> request)) {
      return load.closedLoop(nanos).successful();
    }
  }

  private static String reply(Contender contender) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> response =
          client.send(
              HttpRequest.newBuilder(contender.address.resolve(ACTOR + "/ask"))
                  .header("content-type", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(ASK))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new IOException(
            "the actor answered " + response.statusCode() + ": " + response.body());
      }
      return response.body();
    }
  }
}
