package dev.plexspaces.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;

/// Runs the benchmarks named on the command line, or all of them. Started by `bench/run`.
public final class Bench {

  /// One benchmark: writes one result file.
  @FunctionalInterface
  private interface Benchmark {
    void run(Options options) throws Exception;
  }

  /// What `bench/run` passes as system properties.
  ///
  /// @param results folder of the result files
  /// @param beams folder of the compiled Erlang module
  /// @param data folder for databases, on the disk to measure
  /// @param timing rounds of the messaging comparison
  record Options(Path results, Path beams, Path data, Comparison.Timing timing) {
    static Options fromProperties() {
      return new Options(
          Path.of(System.getProperty("bench.results", "bench/results")),
          Path.of(System.getProperty("bench.beams", "bench/target/erlang")),
          Path.of(System.getProperty("bench.data", "bench/target/data")),
          new Comparison.Timing(
              Integer.getInteger("bench.round.ms", 400),
              Integer.getInteger("bench.rounds", 15),
              Integer.getInteger("bench.warmups", 12),
              Integer.getInteger("bench.tune.ms", 250)));
    }
  }

  private static final Map<String, Benchmark> BENCHMARKS = new LinkedHashMap<>();

  static {
    BENCHMARKS.put("messaging", Messaging::run);
    BENCHMARKS.put("idle", IdleActors::run);
    BENCHMARKS.put("durable", Durable::run);
    BENCHMARKS.put("durable-cost", DurableCost::run);
    BENCHMARKS.put("http", HttpInvoke::run);
    BENCHMARKS.put("durable-http", DurableHttp::run);
  }

  private Bench() {}

  public static void main(String[] args) throws Exception {
    // Libraries that log through the JDK say nothing of interest here.
    Logger.getLogger("").setLevel(Level.WARNING);
    Options options = Options.fromProperties();
    List<String> names = new ArrayList<>(List.of(args));
    if (names.isEmpty()) {
      names.addAll(BENCHMARKS.keySet());
    }
    for (String name : names) {
      if (!BENCHMARKS.containsKey(name)) {
        System.err.println(
            "bench: there is no benchmark `" + name + "`; there are " + BENCHMARKS.keySet());
        System.exit(2);
      }
    }
    try {
      Messaging.workloads();
      Messaging.contestants();
    } catch (IllegalArgumentException unknown) {
      System.err.println("bench: " + unknown.getMessage());
      System.exit(2);
    }
    for (String name : names) {
      BENCHMARKS.get(name).run(options);
    }
    // Idle pools of the peers may still hold threads.
    System.exit(0);
  }
}
