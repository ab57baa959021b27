package dev.plexspaces.bench;

import dev.plexspaces.store.StoreOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/// What a durable turn writes, and how long a node needs to read a long log again.
final class DurableCost {

  private static final int FEW = 1_000;
  private static final int MANY = 200_000;
  private static final int DEPOSITS = 200_000;
  private static final int OUTSTANDING = 4_096;
  private static final double BYTES_RATIO_GOAL = 1.5;
  private static final int TAIL = 100_000;

  /// DESIGN section 11.
  private static final double RECOVERY_GOAL_SECONDS = 2;

  private static final double ANSWER_GOAL_MS = 10;

  /// Stores opened after a crash.
  private static final int RECOVERIES = 6;

  private DurableCost() {}

  static void run(Bench.Options options) throws Exception {
    try (Report report =
        new Report(
            options.results().resolve("durable-cost.txt"),
            "Bytes written per durable turn, and recovery")) {
      double few = bytesPerTurn(options, report, FEW);
      double many = bytesPerTurn(options, report, MANY);
      report.line(
          "ratio %,d / %,d actors: %.2f   goal <= %.2f %s",
          MANY, FEW, many / few, BYTES_RATIO_GOAL, verdict(many / few <= BYTES_RATIO_GOAL));
      recovery(options, report);
    }
  }

  /// Every actor exists before it is measured; what closing the store writes counts.
  private static double bytesPerTurn(Bench.Options options, Report report, int actors)
      throws Exception {
    try (Scratch scratch = Scratch.under(options.data())) {
      long before;
      try (DurableNode node = new DurableNode(scratch.path(), StoreOptions.defaults())) {
        deposit(node, actors, actors);
        before = written();
        deposit(node, actors, DEPOSITS);
      }
      double bytes = (double) (written() - before) / DEPOSITS;
      report.line(
          "%,9d actors: %,8.0f bytes written to disk per deposit (%,d deposits)",
          actors, bytes, DEPOSITS);
      return bytes;
    }
  }

  private static void deposit(DurableNode node, int actors, int deposits)
      throws InterruptedException {
    OutsideAsks.drive(
        new Workload.AskFromOutside(actors, OUTSTANDING, 0),
        deposits,
        (server, over) -> node.deposit(server, Durable.listener(over)));
  }

  /// Opens a store after a crash again and again. The first time is printed apart: the code that
  /// reads what is stored has never run before in this process.
  private static void recovery(Bench.Options options, Report report) throws Exception {
    double[] opened = new double[RECOVERIES];
    double[] answered = new double[RECOVERIES];
    for (int i = 0; i < RECOVERIES; i++) {
      double[] seconds = recover(options);
      opened[i] = seconds[0];
      answered[i] = seconds[1] * 1e3;
      report.line(
          "recovery %d  open %.2f s   first answer of one actor %.1f ms",
          i, opened[i], answered[i]);
    }
    double open = Comparison.median(Comparison.sorted(Arrays.copyOfRange(opened, 1, RECOVERIES)));
    double answer =
        Comparison.median(Comparison.sorted(Arrays.copyOfRange(answered, 1, RECOVERIES)));
    report.line(
        "recovery of a log of %,d turns, median without the first: open %.2f s   goal <= %.1f s %s;"
            + " first answer of one actor %.1f ms   goal <= %.0f ms %s",
        TAIL,
        open,
        RECOVERY_GOAL_SECONDS,
        verdict(open <= RECOVERY_GOAL_SECONDS),
        answer,
        ANSWER_GOAL_MS,
        verdict(answer <= ANSWER_GOAL_MS));
  }

  /// A node that never folds makes the log; a copy of its files, as a crash leaves them, is opened.
  ///
  /// @return seconds to open it, and from then to the first answer
  private static double[] recover(Bench.Options options) throws Exception {
    StoreOptions neverFold =
        StoreOptions.defaults()
            .withFold(new StoreOptions.Fold(Integer.MAX_VALUE, Long.MAX_VALUE, Integer.MAX_VALUE));
    try (Scratch live = Scratch.under(options.data());
        Scratch crashed = Scratch.under(options.data())) {
      try (DurableNode node = new DurableNode(live.path(), neverFold)) {
        deposit(node, FEW, TAIL);
        copy(live.path(), crashed.path());
      }
      long began = System.nanoTime();
      try (DurableNode node = new DurableNode(crashed.path(), StoreOptions.defaults())) {
        double opened = (System.nanoTime() - began) / 1e9;
        long asked = System.nanoTime();
        CompletableFuture<Throwable> reply = new CompletableFuture<>();
        node.deposit(0, Durable.listener(reply::complete));
        if (reply.join() != null) {
          throw new IllegalStateException("the first deposit failed", reply.join());
        }
        return new double[] {opened, (System.nanoTime() - asked) / 1e9};
      }
    }
  }

  private static String verdict(boolean reached) {
    return reached ? "met" : "MISSED";
  }

  private static void copy(Path from, Path to) throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.list(from)) {
      all = files.filter(Files::isRegularFile).toList();
    }
    for (Path file : all) {
      Files.copy(file, to.resolve(file.getFileName()));
    }
  }

  /// Bytes this process caused to be written to disk.
  private static long written() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/io"))) {
      if (line.startsWith("write_bytes:")) {
        return Long.parseLong(line.substring("write_bytes:".length()).strip());
      }
    }
    throw new IOException("/proc/self/io does not say how much was written");
  }
}
