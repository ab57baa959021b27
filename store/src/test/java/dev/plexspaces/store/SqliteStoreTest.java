package dev.plexspaces.store;

import static dev.plexspaces.testkit.contract.Commits.bytes;
import static dev.plexspaces.testkit.contract.Commits.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.journal.UnacceptableCommit;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.testkit.contract.Commits;
import dev.plexspaces.testkit.contract.Commits.Outcome;
import dev.plexspaces.testkit.contract.MutableClock;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What only the SQLite store promises: batches, bounds, bytes, retention.
class SqliteStoreTest {

  private static final Scope SCOPE = new Scope("acme", "prod");
  private static final ActorId ALICE = actor("alice");
  private static final StoreOptions OPTIONS =
      StoreOptions.defaults()
          .withClock(new MutableClock(Instant.ofEpochMilli(Commits.AT_MILLIS)))
          .withBallastBytes(0)
          .withFold(new StoreOptions.Fold(Integer.MAX_VALUE, Long.MAX_VALUE, Integer.MAX_VALUE));

  @TempDir(factory = MemoryTempDir.class)
  Path directory;

  private static ActorId actor(String key) {
    return new ActorId(SCOPE, "bank_account", key);
  }

  private static Outcome submit(SqliteStore store, Commit commit) {
    Outcome outcome = new Outcome(seq -> {});
    store.submit(commit, outcome);
    return outcome;
  }

  /// Keeps the writer busy while `meanwhile` runs, so that what it submits queues up.
  private static void whileWriterIsBusy(SqliteStore store, Runnable meanwhile)
      throws InterruptedException {
    CountDownLatch busy = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    Thread order =
        Thread.ofVirtual()
            .start(
                () ->
                    store.onWriter(
                        () -> {
                          busy.countDown();
                          try {
                            go.await();
                          } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                          }
                        }));
    busy.await();
    meanwhile.run();
    go.countDown();
    order.join();
  }

  @Test
  void files_areForTheirOwnerOnly_alsoThoseOfAnOlderStore() throws IOException {
    Path home = directory.resolve("home/store");
    StoreOptions options = OPTIONS.withBallastBytes(1 << 16);
    for (boolean older : new boolean[] {false, true}) {
      if (older) {
        Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxr-xr-x"));
        for (Path file : Files.list(home).toList()) {
          Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        }
      }
      try (SqliteStore store = SqliteStore.open(home, options)) {
        submit(store, Commits.whole(ALICE, older ? 1 : 0)).durable();
        store.witness(); // renewed by now: no file comes or goes while they are looked at
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home)))
            .isEqualTo("rwx------");
        List<Path> files = Files.list(home).toList();
        assertThat(files)
            .extracting(file -> file.getFileName().toString())
            .contains(Database.FILE, Database.FILE + "-wal", Witness.FILE);
        for (Path file : files) {
          assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
              .as("%s", file.getFileName())
              .isEqualTo("rw-------");
        }
      }
    }
  }

  /// An actor that asks for a checkpoint at every `interval`th turn.
  private static Commit turn(ActorId actor, int turn, int interval) {
    return new Commit(
        actor,
        Commits.record(Kind.WHOLE, turn, 0, StateChange.append("log", bytes("[" + turn + "]"))),
        List.of(),
        (turn + 1) % interval == 0);
  }

  private static void eventually(BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as("still not so after 30 s").isNegative();
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Test
  void checkpoint_isFoldedOnceTheStoreIsQuiet_othersStayInTheLogUntilAllOfItIsFolded()
      throws Exception {
    ActorId bob = actor("bob");
    Path crashed = directory.resolve("crashed");
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      long before = store.stats().folds();
      for (int turn = 0; turn < 4; turn++) {
        submit(store, turn(ALICE, turn, 4)).durable();
        submit(store, turn(bob, turn, 100)).durable();
      }
      eventually(() -> store.stats().foldLagRows() == 4);
      eventually(() -> store.stats().folds() == before + 1);
      assertThat(store.database().row("SELECT count(*) FROM state WHERE pos = -2"))
          .containsExactly(1);
      assertThat(store.database().row("SELECT sum(commits) FROM log"))
          .as("the log is cut by whole folds only")
          .containsExactly(8);
      store.onWriter(
          () -> {
            try {
              Directories.copy(directory, crashed);
            } catch (IOException e) {
              throw new IllegalStateException(e);
            }
          });
      assertThat(Commits.state(store.load(ALICE))).isEqualTo("{log=[0, 1, 2, 3]}");
      store.fold();
      assertThat(store.database().row("SELECT count(*) FROM log")).containsExactly(0);
    }
    try (SqliteStore store = SqliteStore.open(crashed, OPTIONS)) {
      assertThat(Commits.state(store.load(ALICE))).isEqualTo("{log=[0, 1, 2, 3]}");
      assertThat(Commits.state(store.load(bob))).isEqualTo("{log=[0, 1, 2, 3]}");
      submit(store, turn(ALICE, 4, 4)).durable();
    }
  }

  /// A purge starts the numbers of an actor anew: what a checkpoint left in the log must go first.
  @Test
  void checkpoint_thenPurge_leavesNothingToReplay() throws Exception {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      submit(store, turn(ALICE, 0, 1)).durable();
      eventually(() -> store.stats().foldLagRows() == 0);
      store.purge(List.of(ALICE), List.of());
      assertThat(store.database().row("SELECT count(*) FROM log")).containsExactly(0);
    }
  }

  @Test
  void checkpoint_ofAWriterThatIsBusy_isMadeForManyCommitsAtOnce() throws InterruptedException {
    int commits = 3 * Writer.CHECKPOINT_ROWS;
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      long before = store.stats().folds();
      List<Outcome> outcomes = new ArrayList<>();
      whileWriterIsBusy(
          store,
          () -> {
            for (int i = 0; i < commits; i++) {
              outcomes.add(submit(store, turn(actor("a" + i % 64), i / 64, 1)));
            }
          });
      outcomes.forEach(Outcome::durable);
      eventually(() -> store.stats().foldLagRows() == 0);
      assertThat(store.stats().folds()).isBetween(before + 1, before + 5);
      assertThat(store.load(actor("a7")).nextTurn()).isEqualTo(commits / 64);
    }
  }

  /// With everything folded early the log would grow without end.
  @Test
  void checkpoints_countForTheNextWholeFold() throws SQLException {
    StoreOptions options =
        OPTIONS.withFold(new StoreOptions.Fold(Integer.MAX_VALUE, Long.MAX_VALUE, 8));
    try (SqliteStore store = SqliteStore.open(directory, options)) {
      for (int turn = 0; turn < 8; turn++) {
        submit(store, turn(ALICE, turn, 1)).durable();
      }
      eventually(
          () -> {
            try {
              return store.database().row("SELECT count(*) FROM log")[0] == 0;
            } catch (SQLException e) {
              throw new IllegalStateException(e);
            }
          });
      assertThat(Commits.state(store.load(ALICE))).isEqualTo("{log=[0, 1, 2, 3, 4, 5, 6, 7]}");
    }
  }

  @Test
  void commit_1024Queued_shareOneTransactionThatAStaleOneDoesNotDisturb()
      throws InterruptedException, SQLException {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      List<Outcome> outcomes = new ArrayList<>();
      whileWriterIsBusy(
          store,
          () -> {
            for (int i = 0; i < 1_024; i++) {
              // Number 700 is stale; the others differ in actor.
              outcomes.add(submit(store, Commits.whole(actor("a" + i), i == 700 ? 9 : 0)));
            }
          });
      for (int i = 0; i < 1_024; i++) {
        assertThat(outcomes.get(i).isDurable()).isEqualTo(i != 700);
      }
      StoreStats stats = store.stats();
      assertThat(stats.batches()).isEqualTo(1);
      assertThat(stats.commits()).isEqualTo(1_023);
      assertThat(stats.refused()).isEqualTo(1);
      // One log row for all of them, and no other row but the actors' identities.
      assertThat(store.database().row("SELECT count(*), sum(commits) FROM log"))
          .containsExactly(1, 1_023);
      assertThat(store.database().row("SELECT count(*) FROM state")[0]).isZero();
    }
  }

  @Test
  void commit_moreThanTheBatchHolds_takesMoreTransactions() throws InterruptedException {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      List<Outcome> outcomes = new ArrayList<>();
      byte[] large = bytes("\"" + "x".repeat(1 << 20) + "\"");
      whileWriterIsBusy(
          store,
          () -> {
            for (int i = 0; i < 1_025; i++) {
              outcomes.add(submit(store, Commits.whole(ALICE, i)));
            }
            for (int i = 0; i < 7; i++) {
              outcomes.add(
                  submit(store, Commits.whole(actor("l" + i), 0, StateChange.put("v", "", large))));
            }
          });
      outcomes.forEach(Outcome::durable);
      // 1,024, then the last small one with three of 1 MiB, then three, then one.
      assertThat(store.stats().batches()).isEqualTo(4);
      assertThat(Commits.state(store.load(actor("l6")))).hasSizeGreaterThan(1 << 20);
    }
  }

  @Test
  void submit_queueIsFull_isRefusedAtOnce() throws InterruptedException {
    StoreOptions small = OPTIONS.withQueue(new StoreOptions.Queue(64, 1 << 20));
    try (SqliteStore store = SqliteStore.open(directory, small)) {
      List<Outcome> taken = new ArrayList<>();
      whileWriterIsBusy(
          store,
          () -> {
            for (int i = 0; i < 64; i++) {
              taken.add(submit(store, Commits.whole(ALICE, i)));
            }
            Outcome over = submit(store, Commits.whole(ALICE, 64));
            assertThat(over.isAnswered()).isTrue();
            assertThat(over.refused().code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
            assertThat(over.refused()).hasMessageContaining("64 commits wait for the disk");
          });
      taken.forEach(Outcome::durable);
      assertThat(store.load(ALICE).nextTurn()).isEqualTo(64);
      whileWriterIsBusy(
          store,
          () -> {
            byte[] half = new byte[600_000];
            Row first = new Row.KvPut(SCOPE, "a", half, 0, OptionalLong.empty());
            Row second = new Row.KvPut(SCOPE, "b", half, 0, OptionalLong.empty());
            taken.add(submit(store, new Commit(ALICE, Optional.empty(), List.of(first))));
            Outcome over = submit(store, new Commit(ALICE, Optional.empty(), List.of(second)));
            assertThat(over.refused().code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
          });
      taken.forEach(Outcome::durable);
      assertThat(store.stats().queueDepth()).isZero();
    }
  }

  @Test
  void submit_tooLargeOrNotText_isRefusedAtOnce() {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      byte[] huge = new byte[Writer.COMMIT_BYTES_MAX];
      Outcome large = submit(store, Commits.whole(ALICE, 0, StateChange.put("v", "", huge)));
      assertThat(large.refused()).isInstanceOf(UnacceptableCommit.class);
      assertThat(large.refused().code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
      assertThat(large.refused()).hasMessageContaining("at most 16777216");
      Outcome broken =
          submit(store, Commits.whole(ALICE, 0, StateChange.put("v", "k\ud800", bytes("1"))));
      assertThat(broken.refused()).isInstanceOf(UnacceptableCommit.class);
      assertThat(broken.refused().code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
      submit(store, Commits.whole(ALICE, 0)).durable();
    }
  }

  @Test
  void append_30000th_writesAsManyBytesAsThe1000th() throws SQLException {
    StoreOptions options = OPTIONS.withWalBytesMax(1L << 40);
    try (SqliteStore store = SqliteStore.open(directory, options)) {
      append(store, 0, 1_000);
      long[] early = append(store, 1_000, 100);
      append(store, 1_100, 28_900);
      long[] late = append(store, 30_000, 100);
      // Numbers have a digit more; a rewritten list would be 30 times as much.
      assertThat(late[0]).isBetween(early[0], early[0] + early[0] / 10);
      assertThat(late[1]).isLessThanOrEqualTo(early[1] + early[1] / 4);
      String state = Commits.state(store.load(ALICE));
      assertThat(state).isEqualTo("{log=" + IntStream.range(0, 30_100).boxed().toList() + "}");
      long[] chunks =
          store.database().row("SELECT count(*), max(length(data)) FROM state WHERE field = 'log'");
      assertThat(chunks[0]).isLessThan(30_100 / 64);
      assertThat(chunks[1]).isLessThanOrEqualTo(32 << 10);
    }
  }

  /// @return bytes of payload and pages of the write-ahead log that the appends and their fold took
  private static long[] append(SqliteStore store, int from, int count) {
    long bytes = store.stats().bytesWritten();
    long pages = walPages(store);
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = from; i < from + count; i++) {
      StateChange change = StateChange.append("log", bytes("[" + i + "]"));
      outcomes.add(submit(store, Commits.whole(ALICE, i, change)));
      if (count == 100) {
        // One by one, so that each costs a transaction of its own.
        outcomes.getLast().durable();
      }
    }
    outcomes.forEach(Outcome::durable);
    store.fold();
    return new long[] {store.stats().bytesWritten() - bytes, walPages(store) - pages};
  }

  private static long walPages(SqliteStore store) {
    long[] pages = new long[1];
    store.onWriter(() -> pages[0] = store.database().row("PRAGMA wal_checkpoint(NOOP)")[1]);
    return pages[0];
  }

  @Test
  void load_foldBetweenMemoryAndDatabase_countsNothingTwice() throws InterruptedException {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS.withReaders(1))) {
      for (int turn = 0; turn < 5; turn++) {
        StateChange change = StateChange.append("log", bytes("[" + turn + "]"));
        submit(store, Commits.whole(ALICE, turn, change)).durable();
      }
      List<String> found = Collections.synchronizedList(new ArrayList<>());
      List<Thread> waiting = new ArrayList<>();
      store.read(
          database -> {
            // The only connection is taken: both have copied the tail and wait for it.
            waiting.add(
                Thread.ofPlatform().start(() -> found.add(Commits.state(store.load(ALICE)))));
            waiting.add(
                Thread.ofPlatform()
                    .start(() -> found.add("" + store.history(ALICE, 99, 99).size())));
            for (Thread thread : waiting) {
              while (thread.getState() != Thread.State.TIMED_WAITING) {
                Thread.onSpinWait();
              }
            }
            store.fold();
            return null;
          });
      for (Thread thread : waiting) {
        thread.join();
      }
      assertThat(found).containsExactlyInAnyOrder("{log=[0, 1, 2, 3, 4]}", "5");
    }
  }

  @Test
  void history_beyondRetention_isGone() {
    MutableClock clock = new MutableClock(Instant.ofEpochMilli(Commits.AT_MILLIS));
    StoreOptions options =
        OPTIONS
            .withClock(clock)
            .withHistory(new StoreOptions.History(20, Duration.ofDays(7), 1 << 20));
    try (SqliteStore store = SqliteStore.open(directory, options)) {
      for (int turn = 0; turn < 50; turn++) {
        submit(store, Commits.whole(ALICE, turn)).durable();
        if (turn == 9 || turn == 39) {
          store.fold();
        }
        // What is kept does not depend on what was folded.
        List<HistoryEntry> found = store.history(ALICE, Long.MAX_VALUE, 1_000);
        assertThat(found).hasSize(Math.min(20, turn + 1));
        assertThat(found.getFirst().record().turn()).isEqualTo(turn);
      }
      clock.advance(Duration.ofDays(7).plusMillis(1));
      store.fold();
      submit(store, Commits.whole(actor("bob"), 0)).durable();
      store.onWriter(store::sweepNow);
      assertThat(store.history(ALICE, Long.MAX_VALUE, 1_000)).isEmpty();
      assertThat(store.load(ALICE).nextTurn()).isEqualTo(50);
    }
  }

  @Test
  void history_moreBytesThanAllowed_dropsTheOldest() throws SQLException {
    StoreOptions options =
        OPTIONS.withHistory(new StoreOptions.History(1_000, Duration.ofDays(36_500), 20_000));
    try (SqliteStore store = SqliteStore.open(directory, options)) {
      for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 20; i++) {
          submit(
                  store,
                  Commits.whole(
                      actor("a" + i),
                      turn,
                      StateChange.put("v", "", bytes("\"" + "x".repeat(200) + "\""))))
              .durable();
        }
        store.fold();
      }
      store.onWriter(store::sweepNow);
      long[] held =
          store
              .database()
              .row(
                  "SELECT sum(length(records)), (SELECT history_bytes FROM \"partition\") FROM"
                      + " history");
      assertThat(held[0]).isPositive().isLessThanOrEqualTo(20_000).isEqualTo(held[1]);
      List<HistoryEntry> found = store.history(actor("a3"), Long.MAX_VALUE, 100);
      assertThat(found).isNotEmpty().hasSizeLessThan(10);
      assertThat(found.getFirst().record().turn()).isEqualTo(9);
    }
  }

  @Test
  void sweep_expiredRows_leaveTheTables() throws SQLException {
    MutableClock clock = new MutableClock(Instant.ofEpochMilli(1_000));
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS.withClock(clock))) {
      List<Row> rows =
          List.of(
              new Row.KvPut(SCOPE, "expiring", bytes("x"), 2_000, OptionalLong.empty()),
              new Row.KvPut(SCOPE, "deleted", bytes("x"), 0, OptionalLong.empty()),
              new Row.KvDelete(SCOPE, "deleted", OptionalLong.empty()),
              new Row.KvPut(SCOPE, "kept", bytes("x"), 0, OptionalLong.empty()),
              new Row.Idempotency(ALICE, bytes("k"), bytes("b"), Optional.empty(), 2_000));
      submit(store, new Commit(ALICE, Optional.empty(), rows)).durable();
      store.fold();
      String count = "SELECT (SELECT count(*) FROM kv), (SELECT count(*) FROM idempotency)";
      clock.advance(Duration.ofMinutes(9));
      store.onWriter(store::sweepNow);
      assertThat(store.database().row(count)).containsExactly(3, 0);
      clock.advance(Duration.ofMinutes(2));
      store.onWriter(store::sweepNow);
      assertThat(store.database().row(count)).containsExactly(1, 0);
      assertThat(text(store.kvGet(SCOPE, "kept"))).isEqualTo("x");
    }
  }

  @Test
  void sweep_moreThanOneTakes_goesOnByItselfWithoutCommits() throws SQLException {
    MutableClock clock = new MutableClock(Instant.ofEpochMilli(1_000));
    int requests = 2_500;
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS.withClock(clock))) {
      for (int i = 0; i < requests; i++) {
        submit(store, remembering(actor("a" + i % 7), "k" + i, i == 0 ? 99_000 : 2_000));
      }
      store.fold();
      assertThat(store.idempotencyCount("acme")).isEqualTo(requests);
      assertThat(store.stats().requestsRemembered()).isEqualTo(requests);
      clock.advance(Duration.ofMillis(Writer.SWEEP_INTERVAL_MILLIS));
      // Each makes the writer look once whether a sweep is due; not when the next one waits
      // already.
      for (int looks = 0; looks < 10_000 && store.idempotencyCount("acme") > 1; looks++) {
        store.onWriter(() -> {});
      }
      assertThat(store.idempotencyCount("acme")).isEqualTo(1);
      assertThat(store.stats().requestsRemembered()).isEqualTo(1);
      assertThat(store.database().row("SELECT count(*) FROM idempotency")).containsExactly(1);
    }
  }

  @Test
  void sweep_whatExpiredInTheTail_isFoldedAndRemovedWithoutCommits() throws SQLException {
    MutableClock clock = new MutableClock(Instant.ofEpochMilli(1_000));
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS.withClock(clock))) {
      submit(store, remembering(ALICE, "kept", 99_000)).durable();
      submit(store, remembering(ALICE, "expiring", 2_000)).durable();
      store.onWriter(() -> {});
      assertThat(store.stats().foldLagRows()).isEqualTo(2);
      clock.advance(Duration.ofMillis(Writer.SWEEP_INTERVAL_MILLIS));
      store.onWriter(() -> {});
      // Ends after the writer has kept house behind the one before.
      store.onWriter(() -> {});
      assertThat(store.idempotencyCount("acme")).isEqualTo(1);
      assertThat(store.database().row("SELECT count(*) FROM idempotency")).containsExactly(1);
    }
  }

  /// Commits that keep coming must not leave more and more behind that has expired.
  @Test
  void sweep_underLoad_removesMoreThanComes() throws InterruptedException {
    MutableClock clock = new MutableClock(Instant.ofEpochMilli(1_000));
    int requests = 6_000;
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS.withClock(clock))) {
      for (int i = 0; i < requests; i++) {
        submit(store, remembering(ALICE, "old" + i, 2_000));
      }
      store.fold();
      clock.advance(Duration.ofMillis(Writer.SWEEP_INTERVAL_MILLIS));
      String expired = "SELECT count(*) FROM idempotency WHERE expires = 2000";
      AtomicLong left = new AtomicLong();
      Outcome last =
          new Outcome(
              seq -> {
                try {
                  left.set(store.database().row(expired)[0]);
                } catch (SQLException e) {
                  throw new IllegalStateException(e);
                }
              });
      left.set(requests);
      whileWriterIsBusy(
          store,
          () -> {
            for (int i = 0; i < requests; i++) {
              submit(store, remembering(ALICE, "new" + i, 99_000));
            }
            store.submit(remembering(ALICE, "last", 99_000), last);
          });
      last.durable();
      assertThat(left.get()).as("before the queue was empty").isLessThanOrEqualTo(1_000);
    }
  }

  private static Commit remembering(ActorId actor, String key, long expiresAtMillis) {
    return new Commit(
        actor,
        Optional.empty(),
        List.of(
            new Row.Idempotency(actor, bytes(key), bytes("b"), Optional.empty(), expiresAtMillis)));
  }

  @Test
  void actors_moreThanTheCacheHolds_areForgottenAndFoundAgain() {
    StoreOptions options =
        OPTIONS
            .withActorsCachedMax(1_024)
            .withFold(new StoreOptions.Fold(500, Long.MAX_VALUE, 500));
    int actors = 4_000;
    try (SqliteStore store = SqliteStore.open(directory, options)) {
      for (int turn = 0; turn < 3; turn++) {
        Outcome last = null;
        for (int i = 0; i < actors; i++) {
          last =
              submit(
                  store,
                  Commits.whole(
                      actor("a" + i), turn, StateChange.append("log", bytes("[" + turn + "]"))));
        }
        last.durable();
      }
      store.fold();
      // Each round looks at a part; a few rounds reach the bound.
      for (int i = 0; i < 8; i++) {
        submit(store, Commits.whole(actor("a1"), 3 + i)).durable();
      }
      assertThat(store.stats().actorsCached()).isLessThanOrEqualTo(1_024);
      for (int i = 0; i < actors; i += 97) {
        assertThat(Commits.state(store.load(actor("a" + i)))).isEqualTo("{log=[0, 1, 2]}");
      }
      submit(store, Commits.whole(actor("a2"), 3)).durable();
    }
  }

  @Test
  void checkpoint_busyWriter_startsTheLogOver() throws IOException {
    StoreOptions options =
        OPTIONS.withWalBytesMax(1 << 18).withFold(new StoreOptions.Fold(256, Long.MAX_VALUE, 256));
    try (SqliteStore store = SqliteStore.open(directory, options)) {
      byte[] data = bytes("\"" + "x".repeat(2_000) + "\"");
      long written = 0;
      long largest = 0;
      int turn = 0;
      // Until far more was written than the log file ever held: it was used again and again.
      while (written < 4 * (largest + (1 << 20))) {
        Outcome last = null;
        for (int i = 0; i < 64; i++) {
          last = submit(store, Commits.whole(ALICE, turn++, StateChange.put("v", "", data)));
          written += data.length;
        }
        last.durable();
        largest = Math.max(largest, Files.size(Directories.wal(directory)));
        assertThat(turn).as("commits until the log started over").isLessThan(500_000);
      }
    }
    assertThat(Directories.wal(directory)).doesNotExist();
  }

  @Test
  void listeners_thatThrow_disturbNobody() {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      store.submit(
          Commits.whole(ALICE, 0),
          new Outcome(
              seq -> {
                throw new IllegalStateException("planted");
              }));
      submit(store, Commits.whole(ALICE, 1)).durable();
      assertThat(store.load(ALICE).nextTurn()).isEqualTo(2);
    }
  }

  @Test
  void close_withQueuedCommits_finishesAndFoldsThem() throws InterruptedException {
    SqliteStore store = SqliteStore.open(directory, OPTIONS);
    List<Outcome> outcomes = new ArrayList<>();
    whileWriterIsBusy(
        store,
        () -> {
          for (int i = 0; i < 3_000; i++) {
            outcomes.add(submit(store, Commits.whole(ALICE, i)));
          }
        });
    store.close();
    outcomes.forEach(Outcome::durable);
    assertThat(store.stats().state()).isEqualTo(StoreStats.State.CLOSED);
    assertThat(store.stats().foldLagRows()).isZero();
    assertThatThrownBy(() -> store.load(ALICE)).hasMessageContaining("closed");
    assertThat(directory.resolve(Database.FILE + "-wal")).doesNotExist();
    try (SqliteStore again = SqliteStore.open(directory, OPTIONS)) {
      assertThat(again.load(ALICE).nextTurn()).isEqualTo(3_000);
    }
  }

  @Test
  void migrations_newestIsNamedAndNothingIsPending() throws IOException, URISyntaxException {
    Path folder = Path.of(getClass().getResource("/db/migration").toURI());
    List<String> names;
    try (Stream<Path> files = Files.list(folder)) {
      names = files.map(file -> file.getFileName().toString()).sorted().toList();
    }
    assertThat(names.getLast()).isEqualTo(SqliteStore.NEWEST_MIGRATION);
    SqliteStore.open(directory, OPTIONS).close();
    Flyway flyway =
        Flyway.configure()
            .dataSource("jdbc:sqlite:" + directory.resolve(Database.FILE), "", "")
            .load();
    assertThat(flyway.info().pending()).isEmpty();
    assertThat(flyway.validateWithResult().validationSuccessful).isTrue();
  }

  @Test
  void stepTable_holdsOpenTurnsOnly() throws SQLException {
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      for (int step = 0; step < 5; step++) {
        submit(
                store,
                new Commit(
                    ALICE,
                    Commits.record(step == 0 ? Kind.OPEN : Kind.SEGMENT, 0, step),
                    List.of()))
            .durable();
        store.fold();
      }
      assertThat(store.database().row("SELECT count(*) FROM step")[0]).isEqualTo(5);
      submit(store, new Commit(ALICE, Commits.record(Kind.END, 0, 5), List.of())).durable();
      submit(store, new Commit(ALICE, Commits.record(Kind.OPEN, 1, 0), List.of())).durable();
      store.fold();
      assertThat(store.database().row("SELECT count(*) FROM step")[0]).isEqualTo(1);
      assertThat(store.load(ALICE).open().orElseThrow().records()).hasSize(1);
    }
  }

  @Test
  void options_outOfBounds_nameTheOption() {
    assertThatThrownBy(() -> OPTIONS.withActorsCachedMax(5)).hasMessageContaining("actors_cached");
    assertThatThrownBy(() -> OPTIONS.withQueue(new StoreOptions.Queue(0, 1)))
        .hasMessageContaining("queue");
  }
}
