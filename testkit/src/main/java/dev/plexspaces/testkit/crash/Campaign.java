package dev.plexspaces.testkit.crash;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;

/// Kills a node under load again and again, lets it settle, and compares what it holds with what it
/// promised.
///
/// Amounts, accounts and the moments of the kills come from the seed; what the processes make of
/// them does not.
public final class Campaign {

  /// A life that is killed while it starts or recovers: at most so long after its launch, ms.
  private static final int START_KILL_MAX_MILLIS = 2_500;

  /// One life in so many is.
  private static final int START_KILL_ONE_IN = 4;

  /// The others live so long after they began to serve, milliseconds.
  private static final int LIFE_MIN_MILLIS = 300;

  private static final int LIFE_MAX_MILLIS = 4_000;

  /// With a hog, one life in so many sees its disk full.
  private static final int FULL_ONE_IN = 2;

  /// For so long, milliseconds.
  private static final int FULL_MIN_MILLIS = 300;

  private static final int FULL_MAX_MILLIS = 3_000;

  private static final long FULL_LOOK_MILLIS = 20;

  private static final int BULK_BYTES = 1 << 20;

  private static final int CHUNK_BYTES = 1 << 12;

  /// Longest wait for all messages to arrive and all reminders to fire, once the clients rest.
  private static final Duration SETTLE_MAX = Duration.ofMinutes(5);

  /// Given up earlier when nothing arrived for so long; longer than any reminder takes.
  private static final Duration QUIET_MAX =
      Duration.ofMillis(3 * Transfer.INTEREST_AFTER_MAX_MILLIS);

  private static final long LOOK_MILLIS = 200;

  /// Time between two lines of progress.
  private static final Duration PROGRESS = Duration.ofSeconds(10);

  /// Differences that are told; the others are counted.
  private static final int VIOLATIONS_TOLD = 20;

  private final CampaignOptions options;
  private final PrintStream out;
  private final CrashedNode node;
  private final Books books;
  private final List<LedgerClient> clients = new ArrayList<>();
  private final List<String> violations = Collections.synchronizedList(new ArrayList<>());
  private final SplittableRandom random;
  private volatile boolean resting;
  private int kills;
  private int killsWhileStarting;
  private long startMillisMax;
  private long startMillisSum;
  private int starts;
  private int timesFull;
  private int startsWithoutRoom;

  public Campaign(CampaignOptions options, PrintStream out) {
    this.options = options;
    this.out = out;
    this.node = new CrashedNode(options.command(), options.data(), options.log());
    this.books = new Books(options.accounts());
    // The clients have their own.
    this.random = new SplittableRandom(~options.seed());
  }

  /// What a campaign did and found.
  ///
  /// @param violations what broke a promise, one sentence each; empty when none was broken
  /// @param kills `kill -9`s
  /// @param killsWhileStarting those soon after a launch
  /// @param timesFull how often the disk was full
  /// @param startsWithoutRoom starts that gave up because it was
  /// @param requests transfers the clients wanted
  /// @param refused answers that said "later"; with a key the request was sent again
  /// @param retries repetitions of unanswered requests under their key
  /// @param acknowledged requests answered
  /// @param transfers that moved money, each with one payment of interest
  /// @param unanswered requests without a key that got no answer
  /// @param unansweredHappened those of them that turned out to have happened
  /// @param sentAgain answered requests sent once more under their key
  public record Result(
      List<String> violations,
      int kills,
      int killsWhileStarting,
      int timesFull,
      int startsWithoutRoom,
      long requests,
      long refused,
      long retries,
      long acknowledged,
      long transfers,
      long unanswered,
      long unansweredHappened,
      long sentAgain) {}

  /// Runs it.
  public Result run() throws InterruptedException {
    long began = System.nanoTime();
    try (node;
        LedgerPort port = new LedgerPort(node)) {
      List<Thread> threads = startClients(port);
      try {
        killAgainAndAgain(began);
        starts(node::awaitReady);
        resting = true;
        for (Thread thread : threads) {
          thread.join();
        }
        long settled = System.nanoTime();
        settle(port);
        Books.Reports reports = port.reports(options.accounts());
        violations.addAll(books.differences(reports));
        noDeadLetters(port);
        afterAnOrderlyRestart(port, reports);
        out.printf("settled and checked in %d ms%n", millisSince(settled));
      } catch (CrashedNode.Broken | LedgerPort.Wrong | LedgerPort.Over e) {
        violations.add(e.getMessage());
      } finally {
        resting = true;
        node.close();
        for (Thread thread : threads) {
          thread.join();
        }
      }
    }
    Result result = result();
    report(result, began);
    return result;
  }

  private List<Thread> startClients(LedgerPort port) {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < options.clients(); i++) {
      LedgerClient client =
          new LedgerClient(options, i, port, books, () -> resting || !violations.isEmpty());
      clients.add(client);
      threads.add(
          Thread.ofVirtual()
              .name("client-" + i)
              .start(
                  () -> {
                    try {
                      client.run();
                    } catch (LedgerPort.Over e) {
                      // Whoever ended the campaign has said why.
                    } catch (RuntimeException | Error e) {
                      violations.add(e instanceof LedgerPort.Wrong ? e.getMessage() : e.toString());
                    }
                  }));
    }
    return threads;
  }

  private void killAgainAndAgain(long began) throws InterruptedException {
    long told = began;
    node.launch();
    while (kills < options.killsMax()
        && System.nanoTime() - began < options.duration().toNanos()
        && violations.isEmpty()) {
      if (random.nextInt(START_KILL_ONE_IN) == 0) {
        Thread.sleep(random.nextInt(START_KILL_MAX_MILLIS));
        killsWhileStarting++;
      } else {
        starts(node::awaitReady);
        Thread.sleep(random.nextInt(LIFE_MIN_MILLIS, LIFE_MAX_MILLIS));
        if (options.hog().isPresent() && random.nextInt(FULL_ONE_IN) == 0) {
          fillTheDisk(options.hog().get());
        }
      }
      node.kill();
      kills++;
      if (System.nanoTime() - told >= PROGRESS.toNanos()) {
        told = System.nanoTime();
        out.printf(
            "%4d s: %d kills, %d requests acknowledged, %d transfers%n",
            millisSince(began) / 1_000, kills, sum(c -> c.acknowledged), sum(c -> c.transfers));
      }
      node.launch();
    }
  }

  /// Takes all room of the node's disk for a while. The node may be killed meanwhile, and a start
  /// on a full disk may give up; a node that runs must not.
  private void fillTheDisk(Path hog) throws InterruptedException {
    timesFull++;
    try {
      try {
        keepFull(hog, random.nextInt(FULL_MIN_MILLIS, FULL_MAX_MILLIS));
        if (random.nextBoolean()) {
          node.kill();
          kills++;
          node.launch();
          keepFull(hog, random.nextInt(FULL_MIN_MILLIS, FULL_MAX_MILLIS));
          Files.delete(hog);
          if (!node.awaitReadyOrNoRoom()) {
            startsWithoutRoom++;
            node.launch();
          }
        }
      } finally {
        Files.deleteIfExists(hog);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot fill the disk", e);
    }
    starts(node::awaitReady);
    Thread.sleep(random.nextInt(LIFE_MIN_MILLIS, LIFE_MAX_MILLIS));
  }

  /// Takes all room, and for a while again what the node gives up to help itself.
  private static void keepFull(Path hog, long millis) throws IOException, InterruptedException {
    fill(hog, new byte[BULK_BYTES]);
    long began = System.nanoTime();
    do {
      fill(hog, new byte[CHUNK_BYTES]);
      Thread.sleep(FULL_LOOK_MILLIS);
    } while (millisSince(began) < millis);
  }

  private static void fill(Path hog, byte[] chunk) throws IOException {
    try (OutputStream out =
        Files.newOutputStream(hog, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (long taken = Files.size(hog);
          taken < CampaignOptions.HOG_BYTES_MAX;
          taken += chunk.length) {
        out.write(chunk);
      }
    } catch (IOException e) {
      if (!String.valueOf(e.getMessage()).contains("No space left")) {
        throw e;
      }
    }
  }

  private interface Start {
    void await() throws InterruptedException;
  }

  private void starts(Start start) throws InterruptedException {
    long launched = System.nanoTime();
    start.await();
    long millis = millisSince(launched);
    starts++;
    startMillisSum += millis;
    startMillisMax = Math.max(startMillisMax, millis);
  }

  /// Waits until the last message has arrived, as far as can be seen from outside. What is missing
  /// then is named by the comparison.
  private void settle(LedgerPort port) throws InterruptedException {
    long began = System.nanoTime();
    long changed = began;
    Tally moved = books.allDebited();
    Tally interest = books.allInterest();
    List<Tally> last = List.of();
    while (true) {
      Books.Reports auditors = new Books.Reports(List.of(), port.auditors(), Map.of());
      List<Tally> heard =
          List.of(
              auditors.audited("debits"),
              auditors.audited("credits"),
              auditors.audited("interest"));
      if (heard.equals(List.of(moved, moved, interest))) {
        return;
      }
      long now = System.nanoTime();
      if (!heard.equals(last)) {
        last = heard;
        changed = now;
      }
      if (now - changed > QUIET_MAX.toNanos() || now - began > SETTLE_MAX.toNanos()) {
        violations.add(
            "not settled after "
                + millisSince(began)
                + " ms: debits, credits and interest that the"
                + " auditors heard of are "
                + heard
                + "; must be "
                + List.of(moved, moved, interest));
        return;
      }
      Thread.sleep(LOOK_MILLIS);
    }
  }

  private void noDeadLetters(LedgerPort port) throws InterruptedException {
    long letters = port.deadLetters();
    if (letters != 0) {
      violations.add(letters + " dead letters");
    }
  }

  /// What is on the disk is what was in memory.
  private void afterAnOrderlyRestart(LedgerPort port, Books.Reports before)
      throws InterruptedException {
    node.stop();
    node.launch();
    node.awaitReady();
    if (!port.reports(options.accounts()).equals(before)) {
      violations.add("after an orderly stop and start the reports differ from those before");
    }
    noDeadLetters(port);
    node.stop();
  }

  private Result result() {
    return new Result(
        List.copyOf(violations),
        kills,
        killsWhileStarting,
        timesFull,
        startsWithoutRoom,
        sum(c -> c.requests),
        sum(c -> c.refused),
        sum(c -> c.retries),
        sum(c -> c.acknowledged),
        sum(c -> c.transfers),
        sum(c -> c.unanswered),
        sum(c -> c.unansweredHappened),
        sum(c -> c.sentAgain));
  }

  private long sum(ToLongFunction<LedgerClient.Counts> count) {
    return clients.stream().mapToLong(client -> count.applyAsLong(client.counts)).sum();
  }

  private void report(Result result, long began) {
    result.violations().stream().limit(VIOLATIONS_TOLD).forEach(v -> out.println("VIOLATION " + v));
    if (result.violations().size() > VIOLATIONS_TOLD) {
      out.printf("and %d more%n", result.violations().size() - VIOLATIONS_TOLD);
    }
    out.printf(
        "seed %d: %d kills (%d while starting), disk full %d times (%d starts gave up), %d requests (refused for now %d times), %d acknowledged, %d"
            + " retries, %d sent again; %d unanswered without a key, of which %d happened;"
            + " %d transfers with as many payments of interest; start %d ms on average, %d at"
            + " most; %d violations, %d s%n",
        options.seed(),
        result.kills(),
        result.killsWhileStarting(),
        result.timesFull(),
        result.startsWithoutRoom(),
        result.requests(),
        result.refused(),
        result.acknowledged(),
        result.retries(),
        result.sentAgain(),
        result.unanswered(),
        result.unansweredHappened(),
        result.transfers(),
        starts == 0 ? 0 : startMillisSum / starts,
        startMillisMax,
        result.violations().size(),
        millisSince(began) / 1_000);
  }

  private static long millisSince(long nanos) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanos);
  }
}
