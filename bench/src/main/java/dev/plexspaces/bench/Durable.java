package dev.plexspaces.bench;

import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.store.StoreOptions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/// Durable deposits in process, against what SQLite alone can commit with the same settings in the
/// same run.
final class Durable {

  private static final int ACCOUNTS = 1_000;
  private static final int BATCH = 1_024;

  /// Asks in flight of the throughput line: enough that the next batch waits while one is written.
  private static final int OUTSTANDING = 4 * BATCH;

  private static final List<Integer> CLIENTS = List.of(1, 16, 64, 256, 1_024);
  private static final int ROUNDS = 3;
  private static final long SECOND = 1_000_000_000L;
  private static final long RAW_NANOS = SECOND;
  private static final long OURS_NANOS = 2 * SECOND;

  /// DESIGN section 11.
  private static final double RATIO_GOAL = 0.5;

  private Durable() {}

  static void run(Bench.Options options) throws Exception {
    try (Report report =
            new Report(
                options.results().resolve("durable.txt"),
                "Durable deposits in process against raw SQLite (WAL, synchronous=FULL)");
        Scratch scratch = Scratch.under(options.data());
        DurableNode node =
            new DurableNode(scratch.path().resolve("node"), StoreOptions.defaults())) {
      drive(node, ACCOUNTS, SECOND / 2, 64);
      int rowBytes = frameBytes(scratch.path().resolve("node"));
      report.line("row      %d bytes in the log per deposit; raw rows have the same", rowBytes);
      drive(node, ACCOUNTS, 3 * SECOND, OUTSTANDING);
      try (RawSqlite raw = new RawSqlite(scratch.path().resolve("raw.db"), rowBytes)) {
        throughput(report, node, raw);
        latency(report, node, raw);
      }
      report.line("");
      report.line("store    %s", node.store().stats());
    }
  }

  private static void throughput(Report report, DurableNode node, RawSqlite raw) throws Exception {
    double[] ours = new double[ROUNDS];
    double[] limit = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      limit[round] = raw.run(BATCH, RAW_NANOS).rowsPerSecond();
      ours[round] = drive(node, ACCOUNTS, OURS_NANOS, OUTSTANDING);
      report.line(
          "round %d  raw batch %d %,12.0f rows/s   deposits %,12.0f /s",
          round + 1, BATCH, limit[round], ours[round]);
    }
    double ratio =
        Comparison.median(Comparison.sorted(ours)) / Comparison.median(Comparison.sorted(limit));
    report.line(
        "ratio deposits / raw: %.2f   goal >= %.2f %s",
        ratio, RATIO_GOAL, ratio >= RATIO_GOAL ? "met" : "MISSED");
  }

  private static void latency(Report report, DurableNode node, RawSqlite raw) throws Exception {
    report.line("");
    report.line(
        "closed loop, median of %d rounds; raw = one transaction of as many rows as there are"
            + " clients",
        ROUNDS);
    for (int clients : CLIENTS) {
      line(report, node, raw, clients, ACCOUNTS);
    }
    line(report, node, raw, 64, 1);
  }

  private static void line(
      Report report, DurableNode node, RawSqlite raw, int clients, int accounts) throws Exception {
    double[] rate = new double[ROUNDS];
    double[] p50 = new double[ROUNDS];
    double[] p99 = new double[ROUNDS];
    double[] limit = new double[ROUNDS];
    double[] rawP50 = new double[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      RawSqlite.Outcome alone = raw.run(clients, RAW_NANOS);
      limit[round] = alone.rowsPerSecond();
      rawP50[round] = alone.latency().getValueAtPercentile(50) / 1_000.0;
      Outcome outcome = closedLoop(node, clients, accounts, OURS_NANOS);
      rate[round] = outcome.rate;
      p50[round] = outcome.latency.getValueAtPercentile(50) / 1_000.0;
      p99[round] = outcome.latency.getValueAtPercentile(99) / 1_000.0;
    }
    report.line(
        "%-12s clients %5d  %,10.0f /s  p50 %8.3f ms  p99 %8.3f ms   | raw %,10.0f rows/s  p50"
            + " %8.3f ms",
        accounts == 1 ? "one account" : accounts + " accounts",
        clients,
        middle(rate),
        middle(p50),
        middle(p99),
        middle(limit),
        middle(rawP50));
  }

  private static double middle(double[] values) {
    return Comparison.median(Comparison.sorted(values));
  }

  /// Keeps `outstanding` deposits in flight from two threads for about `nanos`.
  ///
  /// @return deposits per second
  static double drive(DurableNode node, int accounts, long nanos, int outstanding)
      throws InterruptedException {
    return OutsideAsks.driveFor(
            new Workload.AskFromOutside(accounts, outstanding, 0),
            nanos,
            (server, over) -> node.deposit(server, listener(over)))
        .perSecond();
  }

  static Invoker.ReplyListener listener(OutsideAsks.Done over) {
    return new Invoker.ReplyListener() {
      @Override
      public void replied(ActorId by, Object value) {
        over.over(null);
      }

      @Override
      public void failed(PlexException error) {
        over.over(error);
      }
    };
  }

  /// @param latency microseconds
  private record Outcome(double rate, Histogram latency) {}

  /// Clients that ask, wait for the reply and ask again, each a virtual thread.
  private static Outcome closedLoop(DurableNode node, int clients, int accounts, long nanos)
      throws InterruptedException {
    Recorder recorder = new Recorder(60_000_000, 3);
    LongAdder replies = new LongAdder();
    List<Thread> threads = new ArrayList<>();
    List<Throwable> failures = java.util.Collections.synchronizedList(new ArrayList<>());
    long began = System.nanoTime();
    for (int i = 0; i < clients; i++) {
      SplittableRandom random = new SplittableRandom(i);
      threads.add(
          Thread.startVirtualThread(
              () -> {
                try {
                  while (System.nanoTime() - began < nanos) {
                    long sent = System.nanoTime();
                    CompletableFuture<Void> reply = new CompletableFuture<>();
                    node.deposit(
                        random.nextInt(accounts),
                        listener(
                            failure -> {
                              if (failure == null) {
                                reply.complete(null);
                              } else {
                                reply.completeExceptionally(failure);
                              }
                            }));
                    reply.join();
                    recorder.recordValue((System.nanoTime() - sent) / 1_000);
                    replies.increment();
                  }
                } catch (RuntimeException e) {
                  failures.add(e);
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    if (!failures.isEmpty()) {
      throw new IllegalStateException("a deposit failed", failures.getFirst());
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    return new Outcome(replies.sum() / seconds, recorder.getIntervalHistogram());
  }

  /// Bytes of log per commit, read from the store's own file.
  static int frameBytes(Path directory) throws Exception {
    Path file;
    try (var files = java.nio.file.Files.list(directory)) {
      file = files.filter(path -> path.toString().endsWith(".db")).findFirst().orElseThrow();
    }
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery("SELECT sum(length(frames)), sum(commits) FROM log")) {
      long commits = row.getLong(2);
      if (commits == 0) {
        throw new IllegalStateException("the log of " + file + " is empty");
      }
      return (int) (row.getLong(1) / commits);
    }
  }
}
