package dev.plexspaces.store;

import static dev.plexspaces.testkit.contract.Commits.bytes;
import static dev.plexspaces.testkit.contract.Commits.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.testkit.contract.Commits;
import dev.plexspaces.testkit.contract.Commits.Outcome;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/// What is left after a crash, and after a disk that lies.
class SqliteStoreCrashTest {

  private static final Scope SCOPE = new Scope("acme", "prod");
  private static final ActorId ALICE = new ActorId(SCOPE, "bank_account", "alice");
  private static final ActorId BOB = new ActorId(SCOPE, "bank_account", "bob");

  /// Never folds by itself and never checkpoints: everything stays in the write-ahead log.
  private static final StoreOptions STILL =
      StoreOptions.defaults()
          .withBallastBytes(0)
          .withWalBytesMax(1L << 40)
          .withFold(new StoreOptions.Fold(Integer.MAX_VALUE, Long.MAX_VALUE, Integer.MAX_VALUE));

  @TempDir(factory = MemoryTempDir.class)
  Path directory;

  @TempDir(factory = MemoryTempDir.class)
  Path copy;

  /// One commit that touches the log, the inbox, the keys and what is remembered of requests, every
  /// other time of a new one: all of it or nothing.
  private static Commit everywhere(ActorId actor, int turn) {
    return new Commit(
        actor,
        Commits.record(Kind.WHOLE, turn, 0, StateChange.append("log", bytes("[" + turn + "]"))),
        List.of(
            new Row.KvIncrement(SCOPE, "count/" + actor.key(), 1),
            new Row.InboxInsert(BOB, actor.key() + turn, 0, bytes("{}")),
            new Row.Idempotency(
                actor, bytes("k" + turn / 2), bytes("b"), Optional.empty(), Long.MAX_VALUE)));
  }

  /// How many of those commits a store holds; fails when one is there in part.
  private static int whole(SqliteStore store, ActorId actor) {
    int turns = (int) store.load(actor).nextTurn();
    String log = turns == 0 ? "{}" : "{log=" + IntStream.range(0, turns).boxed().toList() + "}";
    assertThat(Commits.state(store.load(actor))).isEqualTo(log);
    String count = store.kvGet(SCOPE, "count/" + actor.key()).map(e -> text(e.value())).orElse("0");
    assertThat(count).isEqualTo("" + turns);
    List<String> ids =
        store.inbox(BOB, 0, Integer.MAX_VALUE).stream()
            .map(InboxRow::messageId)
            .filter(id -> id.startsWith(actor.key()))
            .toList();
    assertThat(ids)
        .isEqualTo(IntStream.range(0, turns).mapToObj(turn -> actor.key() + turn).toList());
    return turns;
  }

  private static Outcome submit(SqliteStore store, Commit commit) {
    Outcome outcome = new Outcome(seq -> {});
    store.submit(commit, outcome);
    return outcome;
  }

  @Test
  void open_logCutOrFlippedAtEvery512Bytes_isAPrefixWithAllWitnessedOrARefusal()
      throws IOException {
    SqliteStore.open(directory, STILL).close();
    SqliteStore store = SqliteStore.open(directory, STILL);
    int commits = 8;
    int witnessed = 3;
    for (int turn = 0; turn < commits; turn++) {
      submit(store, everywhere(ALICE, turn)).durable();
    }
    store.witness();
    Path original = copy.resolve("original");
    Directories.copy(directory, original);
    store.close();
    // The witness of a moment before the crash: it promises the first commits and not the last.
    new Witness(Witness.read(original).orElseThrow().storeId(), witnessed).write(original);

    long size = Files.size(Directories.wal(original));
    Random random = new Random(1);
    int refused = 0;
    int shorter = 0;
    Path damaged = copy.resolve("damaged");
    for (long at = 0; at <= size; at += 512) {
      for (boolean cut : new boolean[] {true, false}) {
        Directories.copy(original, damaged);
        damage(Directories.wal(damaged), Math.min(at, size - 1), cut, random);
        try (SqliteStore found = SqliteStore.open(damaged, STILL)) {
          int turns = whole(found, ALICE);
          assertThat(turns).as("%s at %d", cut ? "cut" : "flip", at).isBetween(witnessed, commits);
          shorter += turns < commits ? 1 : 0;
          submit(found, everywhere(ALICE, turns)).durable();
        } catch (PlexException e) {
          assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE);
          assertThat(e).hasMessageContaining("older than its witness");
          refused++;
          // What a refusal leaves behind is what was there, for whoever has to save it.
          if (!cut || at > 0) {
            assertThat(Files.size(Directories.wal(damaged))).isEqualTo(cut ? at : size);
          }
        }
      }
    }
    assertThat(refused).isPositive();
    assertThat(shorter).isPositive();
  }

  private static void damage(Path file, long at, boolean cut, Random random) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (cut) {
        channel.truncate(at);
        return;
      }
      long where = Math.min(at + random.nextInt(512), channel.size() - 1);
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, where);
      one.put(0, (byte) (one.get(0) ^ 1 << random.nextInt(8)));
      channel.write(one.flip(), where);
    }
  }

  @Test
  void open_copiesTakenMidRun_holdAllThatWasAcknowledged() throws SQLException, IOException {
    // Folds and checkpoints all the time, so that copies meet them at every stage.
    StoreOptions busy =
        STILL.withWalBytesMax(1 << 16).withFold(new StoreOptions.Fold(600, Long.MAX_VALUE, 600));
    List<Path> copies = new ArrayList<>();
    List<int[]> acknowledged = new ArrayList<>();
    int actors = 400;
    int[] durable = new int[actors];
    try (SqliteStore store = SqliteStore.open(directory, busy)) {
      Random random = new Random(3);
      int[] next = new int[actors];
      for (int round = 0; round < 24; round++) {
        for (int i = 0; i < 300; i++) {
          int actor = random.nextInt(actors);
          int turn = next[actor]++;
          store.submit(
              everywhere(actor(actor), turn), new Outcome(seq -> durable[actor] = turn + 1));
        }
        int number = round;
        store.onWriter(
            () -> {
              // The next order runs one more slice of the fold that is under way.
              if (number % 3 == 0) {
                Path target = copy.resolve("c" + copies.size());
                try {
                  store.witness();
                  Directories.copy(directory, target);
                } catch (IOException e) {
                  throw new SQLException(e);
                }
                copies.add(target);
                acknowledged.add(durable.clone());
              }
            });
      }
      assertThat(store.stats().folds()).isPositive();
    }
    for (int i = 0; i < copies.size(); i++) {
      try (SqliteStore found = SqliteStore.open(copies.get(i), busy)) {
        for (int actor = 0; actor < actors; actor += 7) {
          assertThat(whole(found, actor(actor))).isEqualTo(acknowledged.get(i)[actor]);
        }
        assertThat(found.idempotencyCount("acme")).isEqualTo(requests(acknowledged.get(i)));
      }
    }
    try (SqliteStore found = SqliteStore.open(directory, busy)) {
      for (int actor = 0; actor < actors; actor += 5) {
        assertThat(whole(found, actor(actor))).isEqualTo(durable[actor]);
      }
      assertThat(found.idempotencyCount("acme"))
          .isEqualTo(requests(durable))
          .isEqualTo(found.database().row("SELECT count(*) FROM idempotency")[0]);
    }
  }

  /// How many requests those commits remember.
  private static long requests(int[] turns) {
    return IntStream.of(turns).map(count -> (count + 1) / 2).sum();
  }

  private static ActorId actor(int number) {
    return new ActorId(SCOPE, "bank_account", String.format("a%03d-", number));
  }

  @Test
  void open_longTail_isFoldedPieceByPiece() throws IOException, SQLException {
    int commits = 5_000;
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      Outcome last = null;
      for (int i = 0; i < commits; i++) {
        last =
            submit(
                store,
                Commits.whole(
                    actor(i % 100),
                    i / 100,
                    StateChange.append("log", bytes("[" + i / 100 + "]"))));
      }
      last.durable();
      assertThat(store.stats().foldLagRows()).isEqualTo(commits);
      Directories.copy(directory, copy);
    }
    StoreOptions small =
        STILL.withFold(new StoreOptions.Fold(1_000, Long.MAX_VALUE, Integer.MAX_VALUE));
    try (SqliteStore found = SqliteStore.open(copy, small)) {
      assertThat(found.stats().foldLagRows()).isZero();
      assertThat(found.database().row("SELECT count(*) FROM log")[0]).isZero();
      for (int i = 0; i < 100; i++) {
        assertThat(Commits.state(found.load(actor(i))))
            .isEqualTo("{log=" + IntStream.range(0, commits / 100).boxed().toList() + "}");
      }
      submit(found, Commits.whole(actor(3), commits / 100)).durable();
    }
  }

  @Test
  void open_logRowsChangedOrMissing_isRefused() throws IOException, SQLException {
    for (String harm :
        List.of(
            "UPDATE log SET frames = frames || x'00' WHERE seq = 3",
            "UPDATE log SET frames = zeroblob(length(frames)) WHERE seq = 5",
            "DELETE FROM log WHERE seq = 2",
            "DELETE FROM log WHERE seq = 5",
            "DELETE FROM log")) {
      Directories.clear(directory);
      SqliteStore store = SqliteStore.open(directory, STILL);
      for (int turn = 0; turn < 5; turn++) {
        submit(store, everywhere(ALICE, turn)).durable();
      }
      Directories.copy(directory, copy);
      store.close();
      try (Database database = Database.writer(copy)) {
        database.run(harm);
      }
      assertThatThrownBy(() -> SqliteStore.open(copy, STILL))
          .as(harm)
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
          .hasMessageContaining("damaged");
    }
  }

  @Test
  void open_olderDatabaseThanTheWitness_isRefused() throws IOException {
    SqliteStore.open(directory, STILL).close();
    Directories.copy(directory, copy);
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      submit(store, everywhere(ALICE, 0)).durable();
    }
    Files.copy(
        directory.resolve(Witness.FILE),
        copy.resolve(Witness.FILE),
        StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(() -> SqliteStore.open(copy, STILL))
        .hasMessageContaining("ends at commit 0 and is older than its witness")
        .hasMessageContaining("says commit 1 was durable");

    // Without the witness it is a restored backup: ids must not repeat.
    Files.delete(copy.resolve(Witness.FILE));
    try (SqliteStore store = SqliteStore.open(copy, STILL)) {
      assertThat(store.incarnation()).isEqualTo(1);
      submit(store, everywhere(ALICE, 0)).durable();
    }
    Files.delete(copy.resolve(Witness.FILE));
    try (SqliteStore store = SqliteStore.open(copy, STILL)) {
      assertThat(store.incarnation()).isEqualTo(2);
      assertThat(whole(store, ALICE)).isEqualTo(1);
    }
    try (SqliteStore store = SqliteStore.open(copy, STILL)) {
      assertThat(store.incarnation()).isEqualTo(2);
    }
  }

  @Test
  void open_missingDatabaseOrLog_isRefused() throws IOException {
    SqliteStore store = SqliteStore.open(directory, STILL);
    submit(store, everywhere(ALICE, 0)).durable();
    store.witness();
    Directories.copy(directory, copy);
    store.close();

    Files.delete(Directories.wal(copy));
    assertThatThrownBy(() -> SqliteStore.open(copy, STILL)).hasMessageContaining("witness");

    Directories.copy(directory, copy);
    Files.delete(copy.resolve(Database.FILE));
    assertThatThrownBy(() -> SqliteStore.open(copy, STILL))
        .hasMessageContaining("plexspaces.db is missing")
        .hasMessageContaining("commit 1 was durable");
    assertThat(Files.exists(copy.resolve(Database.FILE))).isFalse();

    Files.createFile(copy.resolve(Database.FILE));
    assertThatThrownBy(() -> SqliteStore.open(copy, STILL))
        .hasMessageContaining("plexspaces.db is missing");
  }

  @Test
  void open_witnessOfAnotherDatabaseOrDamaged_isRefused() throws IOException {
    for (Path each : List.of(directory, copy)) {
      try (SqliteStore store = SqliteStore.open(each, STILL)) {
        submit(store, everywhere(ALICE, 0)).durable();
        submit(store, everywhere(ALICE, 1)).durable();
      }
    }
    Path witness = copy.resolve(Witness.FILE);
    String own = Files.readString(witness);
    Files.copy(directory.resolve(Witness.FILE), witness, StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(() -> SqliteStore.open(copy, STILL))
        .hasMessageContaining("is not the one its witness speaks of");
    Files.writeString(witness, own.replace(" 2 ", " 1 "));
    assertThatThrownBy(() -> SqliteStore.open(copy, STILL))
        .hasMessageContaining("witness file plexspaces.witness is damaged");
    Files.writeString(witness, own);
    try (SqliteStore store = SqliteStore.open(copy, STILL)) {
      assertThat(whole(store, ALICE)).isEqualTo(2);
    }
  }

  @Test
  void open_otherProcessHasIt_isRefused() throws IOException, InterruptedException {
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      assertThatThrownBy(() -> SqliteStore.open(directory, STILL))
          .hasMessageContaining("another process has")
          .hasMessageContaining("another directory");
      Process second = child("open");
      assertThat(output(second)).contains("UNAVAILABLE").contains("another process has");
      submit(store, everywhere(ALICE, 0)).durable();
    }
    Process after = child("open");
    assertThat(output(after)).contains("opened");
  }

  @Test
  void open_afterTheProcessWasKilled_holdsAllThatWasAcknowledged()
      throws IOException, InterruptedException {
    int acknowledged = 0;
    for (int round = 0; round < 2; round++) {
      Process child = child("commit");
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
        int until = acknowledged + 600;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.startsWith("durable ")) {
            acknowledged = Integer.parseInt(line.substring("durable ".length()));
            if (acknowledged >= until) {
              break;
            }
          }
        }
        assertThat(acknowledged).isGreaterThanOrEqualTo(until);
        child.destroyForcibly();
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
      }
      try (SqliteStore store = SqliteStore.open(directory, STILL)) {
        int turns = whole(store, ALICE);
        assertThat(turns).isGreaterThanOrEqualTo(acknowledged);
        acknowledged = turns;
      }
    }
  }

  private Process child(String what) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Xmx256m",
            "-cp",
            System.getProperty("java.class.path"),
            Child.class.getName(),
            directory.toString(),
            what)
        .redirectErrorStream(true)
        .start();
  }

  private static String output(Process child) throws IOException, InterruptedException {
    String text = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return text;
  }

  /// Runs in a process of its own: opens the store, and commits until it is killed.
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      StoreOptions options =
          STILL.withWalBytesMax(1 << 18).withFold(new StoreOptions.Fold(200, Long.MAX_VALUE, 200));
      try (SqliteStore store = SqliteStore.open(Path.of(args[0]), options)) {
        if (args[1].equals("open")) {
          System.out.println("opened");
          return;
        }
        int turn = (int) store.load(ALICE).nextTurn();
        while (true) {
          Outcome last = null;
          for (int i = 0; i < 20; i++) {
            last = submit(store, everywhere(ALICE, turn++));
          }
          last.durable();
          System.out.println("durable " + turn);
        }
      } catch (PlexException e) {
        System.out.println(e.code() + " " + e.getMessage());
      }
    }
  }

  @Test
  void purge_onAFullDisk_changesNothing_andWorksWhenThereIsRoom() throws SQLException {
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      submit(store, everywhere(ALICE, 0)).durable();
      List<InboxRow> waiting = store.inbox(BOB, 0, 10);
      List<Row> rows = new ArrayList<>();
      waiting.forEach(row -> rows.add(new Row.InboxDelete(BOB, row.seq())));
      ActorId asker = new ActorId(ALICE.scope(), ALICE.type(), "asker");
      rows.add(new Row.InboxInsert(asker, "reply", 0, new byte[] {1}));
      store.plant(
          () -> {
            throw new SQLiteException("no room", SQLiteErrorCode.SQLITE_FULL);
          });

      assertThatThrownBy(() -> store.purge(List.of(ALICE, BOB), rows))
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));

      assertThat(store.load(ALICE).incarnation()).isEqualTo(1);
      assertThat(store.load(ALICE).nextTurn()).isEqualTo(1);
      assertThat(store.inbox(BOB, 0, 10)).hasSize(1);
      assertThat(store.inbox(asker, 0, 10)).isEmpty();
      store.plant(null);
      store.purge(List.of(ALICE, BOB), rows);
      assertThat(store.load(ALICE).incarnation()).isEqualTo(2);
      assertThat(store.inbox(BOB, 0, 10)).isEmpty();
      assertThat(store.inbox(asker, 0, 10)).hasSize(1);
      submit(store, everywhere(ALICE, 0)).durable();
    }
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      assertThat(store.load(ALICE).incarnation()).isEqualTo(2);
      assertThat(store.load(ALICE).nextTurn()).isEqualTo(1);
      assertThat(store.load(BOB).incarnation()).isEqualTo(2);
    }
  }

  @Test
  void commit_diskFails_stopsTheStoreAndLosesNothing() {
    List<PlexException> told = new ArrayList<>();
    try (SqliteStore store = SqliteStore.open(directory, STILL.withOnFailure(told::add))) {
      submit(store, everywhere(ALICE, 0)).durable();
      store.plant(
          () -> {
            throw new SQLiteException("disk I/O error", SQLiteErrorCode.SQLITE_IOERR_FSYNC);
          });
      PlexException why = submit(store, everywhere(ALICE, 1)).refused();
      assertThat(why.code()).isEqualTo(ErrorCode.UNAVAILABLE);
      assertThat(why).hasMessageContaining("has stopped").hasMessageContaining("disk I/O error");
      store.plant(null);
      // A disk that failed once is not trusted again.
      assertThat(submit(store, everywhere(ALICE, 1)).refused().code())
          .isEqualTo(ErrorCode.UNAVAILABLE);
      assertThatThrownBy(() -> store.purge(List.of(ALICE), List.of()))
          .isInstanceOf(PlexException.class);
      assertThat(store.stats().state()).isEqualTo(StoreStats.State.FAILED);
      assertThat(told).hasSize(1);
      assertThat(whole(store, ALICE)).isEqualTo(1);
    }
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      assertThat(whole(store, ALICE)).isEqualTo(1);
      submit(store, everywhere(ALICE, 1)).durable();
    }
  }

  @Test
  void commit_anotherOwnerTookOver_isFenced() throws SQLException {
    List<PlexException> told = new ArrayList<>();
    try (SqliteStore store = SqliteStore.open(directory, STILL.withOnFailure(told::add))) {
      submit(store, everywhere(ALICE, 0)).durable();
      try (Database other = Database.writer(directory)) {
        other.run("UPDATE \"partition\" SET epoch = epoch + 1");
      }
      PlexException why = submit(store, everywhere(ALICE, 1)).refused();
      assertThat(why.code()).isEqualTo(ErrorCode.CONFLICT);
      assertThat(why).hasMessageContaining("another owner");
      assertThat(told).hasSize(1);
      assertThat(store.stats().state()).isEqualTo(StoreStats.State.FAILED);
    }
    try (SqliteStore store = SqliteStore.open(directory, STILL)) {
      assertThat(whole(store, ALICE)).isEqualTo(1);
    }
  }

  // A full disk

  /// A place for a store where the room can be taken away and given back.
  private interface Volume {
    Path path();

    void takeRoom(SqliteStore store) throws IOException;

    void giveRoom(SqliteStore store) throws IOException;
  }

  @Test
  void commit_databaseMayNotGrow_isRefusedUntilItMay() throws IOException {
    diskFull(
        new Volume() {
          @Override
          public Path path() {
            return directory;
          }

          @Override
          public void takeRoom(SqliteStore store) {
            store.onWriter(
                () -> {
                  long pages = store.database().row("PRAGMA page_count")[0];
                  store.database().row("PRAGMA max_page_count = " + (pages + 30));
                });
          }

          @Override
          public void giveRoom(SqliteStore store) {
            store.onWriter(() -> store.database().row("PRAGMA max_page_count = 1000000"));
          }
        });
  }

  @Test
  void commit_diskIsFull_isRefusedUntilThereIsRoom() throws IOException, InterruptedException {
    Path mount = Files.createDirectory(directory.resolve("small"));
    // Only root may mount; others meet the same rules in a database that may not grow.
    if (!succeeds("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mount.toString())) {
      commit_databaseMayNotGrow_isRefusedUntilItMay();
      return;
    }
    Path hog = mount.resolve("hog");
    try {
      diskFull(
          new Volume() {
            @Override
            public Path path() {
              return mount.resolve("store");
            }

            @Override
            public void takeRoom(SqliteStore store) throws IOException {
              Files.write(hog, new byte[1 << 20]);
            }

            @Override
            public void giveRoom(SqliteStore store) throws IOException {
              Files.delete(hog);
            }
          });
    } finally {
      assertThat(succeeds("umount", mount.toString())).isTrue();
    }
  }

  private static boolean succeeds(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    return process.waitFor() == 0;
  }

  private void diskFull(Volume volume) throws IOException {
    StoreOptions options =
        STILL.withBallastBytes(128 << 10).withFold(new StoreOptions.Fold(8, Long.MAX_VALUE, 8));
    int turn = 0;
    try (SqliteStore store = SqliteStore.open(volume.path(), options)) {
      submit(store, large(turn++)).durable();
      Path ballast = volume.path().resolve("plexspaces.ballast");
      assertThat(ballast).exists();
      volume.takeRoom(store);
      PlexException why = null;
      while (why == null) {
        Outcome outcome = submit(store, large(turn));
        if (outcome.isDurable()) {
          turn++;
        } else {
          why = outcome.refused();
        }
        assertThat(turn).isLessThan(200);
      }
      assertThat(why.code()).isEqualTo(ErrorCode.UNAVAILABLE);
      assertThat(why).hasMessageContaining("the disk is full");
      // Reading goes on, and holds what was acknowledged and nothing else.
      assertLarge(store, turn);

      volume.giveRoom(store);
      int before = turn;
      // The first commit may still meet the old limit; it says so and the next is tried.
      for (int i = 0; i < 3 && turn == before; i++) {
        turn += submit(store, large(turn)).isDurable() ? 1 : 0;
      }
      assertThat(turn).isEqualTo(before + 1);
      assertThat(store.stats().state()).isEqualTo(StoreStats.State.RUNNING);
      assertThat(ballast).exists();
      submit(store, large(turn++)).durable();
      assertLarge(store, turn);
    }
    try (SqliteStore store = SqliteStore.open(volume.path(), options)) {
      assertLarge(store, turn);
    }
  }

  private static Commit large(int turn) {
    return new Commit(
        ALICE,
        Commits.record(Kind.WHOLE, turn, 0, StateChange.append("log", bytes("[" + turn + "]"))),
        List.of(
            new Row.KvPut(
                SCOPE,
                String.format("large/%03d", turn),
                new byte[20_000],
                0,
                OptionalLong.empty())));
  }

  private static void assertLarge(SqliteStore store, int turns) {
    assertThat(Commits.state(store.load(ALICE)))
        .isEqualTo("{log=" + IntStream.range(0, turns).boxed().toList() + "}");
    assertThat(store.kvList(SCOPE, "large/", "", 1_000)).extracting(KvEntry::key).hasSize(turns);
  }
}
