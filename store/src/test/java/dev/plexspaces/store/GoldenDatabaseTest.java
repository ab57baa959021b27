package dev.plexspaces.store;

import static dev.plexspaces.testkit.contract.Commits.bytes;
import static dev.plexspaces.testkit.contract.Commits.text;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.testkit.contract.Commits;
import dev.plexspaces.testkit.contract.Commits.Outcome;
import dev.plexspaces.testkit.contract.MutableClock;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A database that the first release of format 1 left behind in a crash opens for ever: folded rows
/// of every kind, and a tail of the log that is not folded. Never change the file; add one per
/// format.
class GoldenDatabaseTest {

  private static final Scope SCOPE = new Scope("acme", "prod");
  private static final ActorId ALICE = new ActorId(SCOPE, "bank_account", "alice");
  private static final ActorId BOB = new ActorId(SCOPE, "bank_account", "b\u00f6b/1");
  private static final StoreOptions OPTIONS =
      StoreOptions.defaults()
          .withBallastBytes(0)
          .withClock(new MutableClock(Instant.ofEpochMilli(Commits.AT_MILLIS)))
          .withFold(new StoreOptions.Fold(Integer.MAX_VALUE, Long.MAX_VALUE, Integer.MAX_VALUE));

  @TempDir(factory = MemoryTempDir.class)
  Path directory;

  @Test
  void open_databaseOfFormat1_holdsWhatWasWritten() throws IOException {
    try (InputStream in = getClass().getResourceAsStream("/golden/store-v1.zip");
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Files.copy(zip, directory.resolve(entry.getName()));
      }
    }
    try (SqliteStore store = SqliteStore.open(directory, OPTIONS)) {
      assertThat(store.incarnation()).isEqualTo(1);
      LoadedActor alice = store.load(ALICE);
      assertThat(Commits.state(alice))
          .isEqualTo("{balance={=20}, limits={z\u00fcrich=7}, log=[0, 1, 2, 3]}");
      assertThat(alice.nextTurn()).isEqualTo(4);
      assertThat(alice.lastAtMillis()).isEqualTo(Commits.AT_MILLIS);
      assertThat(store.history(ALICE, Long.MAX_VALUE, 10))
          .extracting(HistoryEntry::record)
          .extracting(TurnRecord::turn)
          .containsExactly(3L, 2L, 1L, 0L);

      LoadedActor bob = store.load(BOB);
      assertThat(bob.incarnation()).isEqualTo(2);
      LoadedActor.OpenTurn open = bob.open().orElseThrow();
      assertThat(open.turn()).isZero();
      assertThat(open.records())
          .extracting(TurnRecord::kind)
          .containsExactly(Kind.OPEN, Kind.SEGMENT);
      assertThat(text(((RowResult.Value) open.rowResults().getFirst().getFirst()).json()))
          .isEqualTo("42");
      assertThat(open.rowResults().get(1)).isEmpty();

      List<InboxRow> inbox = store.inbox(ALICE, 0, 10);
      assertThat(inbox).hasSize(1);
      assertThat(Commits.text(inbox.getFirst()))
          .isEqualTo("acme/prod/bank_account/alice 1 m1 77 2  {\"one\":1}");
      assertThat(store.deadLetters(SCOPE, 0, 10))
          .extracting(InboxRow::reason)
          .containsExactly("poison");
      assertThat(text(store.kvGet(SCOPE, "count"))).isEqualTo("42");
      assertThat(store.kvGet(SCOPE, "gone")).isEmpty();
      assertThat(store.kvGet(SCOPE, "count").orElseThrow().version()).isEqualTo(2);
      assertThat(text(store.idempotency(ALICE, bytes("key")).orElseThrow().reply().orElseThrow()))
          .isEqualTo("{\"ok\":true}");
      assertThat(store.idempotencyCount("acme")).as("counted by the migration").isEqualTo(1);
      assertThat(store.actorsWithWork()).containsExactlyInAnyOrder(ALICE, BOB);

      assertThat(store.monitored("bank_account", 10)).isEmpty();
      assertThat(store.monitors(ALICE, 0, 10)).isEmpty();

      Outcome next = new Outcome(seq -> assertThat(seq).isEqualTo(13));
      store.submit(Commits.whole(ALICE, 4), next);
      next.durable();
      Outcome monitor = new Outcome(seq -> assertThat(seq).isEqualTo(14));
      store.submit(
          new Commit(
              ALICE, Optional.empty(), List.of(new Row.MonitorInsert(ALICE, "down-1.1", BOB))),
          monitor);
      monitor.durable();
      assertThat(store.monitors(BOB, 0, 10)).hasSize(1);
    }
  }

  /// Wrote the golden file; kept to show what is in it.
  static final class Generator {
    private Generator() {}

    /// @param args an empty directory to work in, and the file to write
    public static void main(String[] args) throws IOException {
      Path work = Path.of(args[0]);
      try (SqliteStore store = SqliteStore.open(work.resolve("store"), OPTIONS)) {
        commit(
            store, Commits.whole(ALICE, 0, append(0), StateChange.put("balance", "", bytes("5"))));
        commit(
            store,
            Commits.whole(
                ALICE,
                1,
                append(1),
                StateChange.put("limits", "bern", bytes("3")),
                StateChange.put("limits", "z\u00fcrich", bytes("7"))));
        commit(store, Commits.whole(BOB, 0));
        commit(
            store,
            rows(
                new Row.InboxInsert(ALICE, "m1", 0, bytes("{\"one\":1}")),
                new Row.InboxInsert(BOB, "m2", 0, bytes("{}")),
                put("count", "41"),
                put("gone", "x"),
                new Row.Idempotency(
                    ALICE,
                    bytes("key"),
                    bytes("body"),
                    Optional.of(bytes("{\"ok\":true}")),
                    Long.MAX_VALUE)));
        commit(
            store,
            rows(
                new Row.InboxUpdate(ALICE, 1, 77, 2),
                new Row.InboxBury(BOB, 2, "poison"),
                new Row.KvDelete(SCOPE, "gone", OptionalLong.empty())));
        store.purge(List.of(BOB), List.of());
        TurnRecord opening = Commits.record(Kind.OPEN, 0, 0).get();
        commit(
            store,
            new Commit(BOB, Optional.of(opening), List.of(new Row.KvIncrement(SCOPE, "count", 1))));
        store.fold();
        // From here on only in the log.
        commit(store, Commits.whole(ALICE, 2, append(2), StateChange.delete("limits", "bern")));
        commit(
            store, Commits.whole(ALICE, 3, append(3), StateChange.put("balance", "", bytes("20"))));
        commit(store, new Commit(BOB, Commits.record(Kind.SEGMENT, 0, 1), List.of()));
        commit(store, Commits.whole(new ActorId(SCOPE, "bank_account", "carol"), 0));
        commit(store, rows(put("tail", "1")));
        store.onWriter(
            () -> {
              try {
                store.database().row("PRAGMA wal_checkpoint(PASSIVE)");
                store.witness();
                Directories.copy(work.resolve("store"), work.resolve("copy"));
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
      }
      try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(Path.of(args[1])))) {
        for (String name : List.of(Database.FILE, Witness.FILE)) {
          zip.putNextEntry(new ZipEntry(name));
          Files.copy(work.resolve("copy").resolve(name), zip);
        }
      }
    }

    private static StateChange append(int turn) {
      return StateChange.append("log", bytes("[" + turn + "]"));
    }

    private static Row put(String key, String value) {
      return new Row.KvPut(SCOPE, key, bytes(value), 0, OptionalLong.empty());
    }

    private static Commit rows(Row... rows) {
      return new Commit(ALICE, Optional.empty(), List.of(rows));
    }

    private static void commit(SqliteStore store, Commit commit) {
      Outcome outcome = new Outcome(seq -> {});
      store.submit(commit, outcome);
      outcome.durable();
    }
  }
}
