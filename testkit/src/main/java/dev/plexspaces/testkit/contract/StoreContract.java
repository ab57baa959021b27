package dev.plexspaces.testkit.contract;

import static dev.plexspaces.testkit.contract.Commits.bytes;
import static dev.plexspaces.testkit.contract.Commits.text;
import static dev.plexspaces.testkit.contract.Commits.whole;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.IdempotencyRecord;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.testkit.contract.Commits.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What every [Store] must do. Source: spec/turns sections 2, 4, 5, 7, 8 and 9.
public abstract class StoreContract {

  /// Where the clock starts.
  protected static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  protected static final Scope SCOPE = new Scope("acme", "prod");
  protected static final ActorId ALICE = actor("alice");
  protected static final ActorId BOB = actor("bob");

  protected final MutableClock clock = new MutableClock(START);
  protected Store store;

  /// A fresh, empty store.
  protected abstract Store open(InstantSource clock);

  /// Closes a store and opens what it kept.
  protected abstract Store reopen(Store store, InstantSource clock);

  /// Brings what a store may fold later into its tables now; nothing for a store that does not.
  protected void fold(Store store) {}

  /// Removes what has expired now; nothing for a store that does not wait with it.
  protected void sweep(Store store) {}

  /// Called after each test, to release what [#open] took.
  protected void dispose() {}

  @BeforeEach
  void openStore() {
    store = open(clock);
  }

  @AfterEach
  void closeStore() {
    store.close();
    dispose();
  }

  protected static ActorId actor(String key) {
    return new ActorId(SCOPE, "bank_account", key);
  }

  // Turns

  @Test
  void load_neverCommitted_isEmpty() {
    LoadedActor loaded = store.load(ALICE);
    assertThat(loaded.incarnation()).isEqualTo(1);
    assertThat(loaded.nextTurn()).isZero();
    assertThat(loaded.changes()).isEmpty();
    assertThat(loaded.open()).isEmpty();
    assertThat(loaded.lastAtMillis()).isZero();
  }

  @Test
  void load_afterSubmit_seesTheCommit() {
    // Not waiting for the listener is the point.
    Outcome outcome = submit(whole(ALICE, 0, StateChange.put("balance", "", bytes("5"))));
    LoadedActor loaded = store.load(ALICE);
    assertThat(loaded.nextTurn()).isEqualTo(1);
    assertThat(loaded.lastAtMillis()).isEqualTo(Commits.AT_MILLIS);
    assertThat(Commits.state(loaded)).isEqualTo("{balance={=5}}");
    outcome.durable();
  }

  /// Whenever a store folds what, alone or with others, before or after a purge: nobody sees it.
  @Test
  void checkpoint_changesNothingThatIsRead() {
    for (int turn = 0; turn < 6; turn++) {
      List<StateChange> changes =
          List.of(
              StateChange.append("log", bytes("[" + turn + "]")),
              StateChange.put("last", "", bytes("" + turn)));
      for (ActorId actor : List.of(ALICE, BOB)) {
        Row request =
            new Row.Idempotency(
                actor, bytes("k" + turn), bytes("b"), Optional.empty(), Long.MAX_VALUE);
        boolean checkpoint = actor.equals(ALICE) ? turn % 2 == 1 : turn == 2;
        submit(
                new Commit(
                    actor,
                    Commits.record(Kind.WHOLE, turn, 0, changes.toArray(StateChange[]::new)),
                    List.of(request),
                    checkpoint))
            .durable();
      }
      assertThat(Commits.state(store.load(ALICE)))
          .isEqualTo(Commits.state(store.load(BOB)))
          .isEqualTo(
              "{last={="
                  + turn
                  + "}, log="
                  + IntStream.rangeClosed(0, turn).boxed().toList()
                  + "}");
      assertThat(store.history(ALICE, Long.MAX_VALUE, 100)).hasSize(turn + 1);
    }
    String before = Commits.state(store.load(ALICE));
    store.purge(List.of(BOB), List.of());
    store = reopen(store, clock);
    assertThat(Commits.state(store.load(ALICE))).isEqualTo(before);
    assertThat(store.load(ALICE).nextTurn()).isEqualTo(6);
    assertThat(store.load(BOB).nextTurn()).isZero();
    assertThat(store.idempotency(ALICE, bytes("k0"))).isPresent();
    assertThat(store.idempotency(BOB, bytes("k0"))).isEmpty();
    assertThat(store.idempotencyCount(SCOPE.tenant())).isEqualTo(6);
  }

  @Test
  void submit_thousandsToManyActors_keepsOrderPerActorAndOfListeners() {
    int actors = 20;
    int turns = 100;
    List<Long> seqs = Collections.synchronizedList(new ArrayList<>());
    List<Outcome> outcomes = new ArrayList<>();
    for (int turn = 0; turn < turns; turn++) {
      for (int a = 0; a < actors; a++) {
        Outcome outcome = new Outcome(seqs::add);
        outcomes.add(outcome);
        Commit commit =
            whole(actor("a" + a), turn, StateChange.append("log", bytes("[" + turn + "]")));
        store.submit(commit, outcome);
      }
    }
    outcomes.forEach(Outcome::durable);
    assertThat(seqs).hasSize(actors * turns).isSorted().doesNotHaveDuplicates();
    String expected = "{log=" + IntStream.range(0, turns).boxed().toList() + "}";
    for (int a = 0; a < actors; a++) {
      assertThat(Commits.state(store.load(actor("a" + a)))).isEqualTo(expected);
    }
  }

  @Test
  void submit_wrongTurnNumber_isRefusedAndChangesNothing() {
    commit(whole(ALICE, 0));
    refused(whole(ALICE, 0), ErrorCode.CONFLICT);
    refused(whole(ALICE, 2), ErrorCode.CONFLICT);
    refused(new Commit(ALICE, Commits.record(Kind.SEGMENT, 0, 1), List.of()), ErrorCode.CONFLICT);
    refused(new Commit(ALICE, Commits.record(Kind.END, 1, 1), List.of()), ErrorCode.CONFLICT);
    refused(
        new Commit(ALICE, Commits.record(Kind.WHOLE, 5, 0), List.of(put("k", "v"))),
        ErrorCode.CONFLICT);
    assertThat(store.kvGet(SCOPE, "k")).isEmpty();
    assertThat(store.load(ALICE).nextTurn()).isEqualTo(1);
    commit(whole(ALICE, 1));
  }

  @Test
  void submit_staleCommitAmid1023GoodOnes_refusesOnlyThatOne() {
    commit(kv(put("lease", "mine")));
    List<Outcome> good = new ArrayList<>();
    Outcome stale = null;
    for (int i = 0; i < 1_024; i++) {
      if (i == 512) {
        List<Row> rows =
            List.of(
                put("neighbour", "never"),
                new Row.InboxInsert(BOB, "never", 0, bytes("{}")),
                new Row.KvPut(SCOPE, "lease", bytes("x"), 0, OptionalLong.of(7)));
        TurnRecord record = Commits.record(Kind.WHOLE, 0, 0, StateChange.clear("f")).get();
        stale = submit(new Commit(ALICE, Optional.of(record), rows));
      } else {
        good.add(
            submit(
                new Commit(
                    actor("n" + i),
                    Commits.record(Kind.WHOLE, 0, 0, StateChange.put("v", "", bytes("" + i))),
                    List.of(new Row.KvIncrement(SCOPE, "count", 1)))));
      }
    }
    good.forEach(Outcome::durable);
    assertThat(stale.refused().code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(text(store.kvGet(SCOPE, "count"))).isEqualTo("1023");
    assertThat(text(store.kvGet(SCOPE, "lease"))).isEqualTo("mine");
    assertThat(store.kvGet(SCOPE, "neighbour")).isEmpty();
    assertThat(store.inbox(BOB, 0, 10)).isEmpty();
    assertThat(store.load(ALICE).nextTurn()).isZero();
    assertThat(Commits.state(store.load(actor("n7")))).isEqualTo("{v={=7}}");
  }

  @Test
  void load_openTurn_givesItsRecordsAndKeepsItsChangesOut() {
    commit(whole(ALICE, 0, StateChange.put("balance", "", bytes("1"))));
    commit(turn(Kind.OPEN, 1, 0, StateChange.put("balance", "", bytes("2"))));
    commit(turn(Kind.SEGMENT, 1, 1, StateChange.put("balance", "", bytes("3"))));
    for (int round = 0; round < 2; round++) {
      LoadedActor loaded = store.load(ALICE);
      assertThat(Commits.state(loaded)).isEqualTo("{balance={=1}}");
      assertThat(loaded.nextTurn()).isEqualTo(2);
      assertThat(loaded.open().orElseThrow().turn()).isEqualTo(1);
      assertThat(loaded.open().orElseThrow().records())
          .extracting(TurnRecord::kind)
          .containsExactly(Kind.OPEN, Kind.SEGMENT);
      assertThat(store.actorsWithWork()).containsExactly(ALICE);
      refused(whole(ALICE, 2), ErrorCode.CONFLICT);
      refused(turn(Kind.OPEN, 2, 0), ErrorCode.CONFLICT);
      fold(store);
    }
    commit(turn(Kind.END, 1, 2, StateChange.append("log", bytes("[\"done\"]"))));
    for (int round = 0; round < 2; round++) {
      LoadedActor ended = store.load(ALICE);
      assertThat(ended.open()).isEmpty();
      assertThat(ended.nextTurn()).isEqualTo(2);
      assertThat(Commits.state(ended)).isEqualTo("{balance={=3}, log=[\"done\"]}");
      assertThat(store.actorsWithWork()).isEmpty();
      fold(store);
    }
  }

  @Test
  void load_openTurn_remembersWhatConditionalRowsAnswered() {
    commit(kv(put("count", "41")));
    TurnRecord opening = Commits.record(Kind.OPEN, 0, 0).get();
    Outcome outcome =
        submit(
            new Commit(
                ALICE, Optional.of(opening), List.of(new Row.KvIncrement(SCOPE, "count", 1))));
    outcome.durable();
    for (int round = 0; round < 3; round++) {
      List<List<RowResult>> results = store.load(ALICE).open().orElseThrow().rowResults();
      assertThat(results).hasSize(1);
      assertThat(results.getFirst()).hasSize(1);
      RowResult.Value value = (RowResult.Value) results.getFirst().getFirst();
      assertThat(text(value.json())).isEqualTo("42");
      if (round == 0) {
        fold(store);
      } else {
        store = reopen(store, clock);
      }
    }
  }

  @Test
  void load_failedTurn_keepsTheChangesOfItsEarlierCommits() {
    commit(turn(Kind.OPEN, 0, 0, StateChange.put("balance", "", bytes("2"))));
    commit(turn(Kind.FAILED, 0, 1));
    assertThat(Commits.state(store.load(ALICE))).isEqualTo("{balance={=2}}");
    commit(turn(Kind.FAILED, 1, 0));
    assertThat(store.load(ALICE).nextTurn()).isEqualTo(2);
    assertThat(store.load(ALICE).open()).isEmpty();
  }

  @Test
  void load_randomChangesFoldedAtRandomTimes_equalsTheModel() {
    for (int seed = 0; seed < 8; seed++) {
      Random random = new Random(seed);
      ActorId id = actor("seed" + seed);
      StateModel model = new StateModel();
      List<StateChange> openChanges = new ArrayList<>();
      boolean open = false;
      long turn = 0;
      for (int i = 0; i < 120; i++) {
        StateChange[] changes = StateModel.randomChanges(random);
        boolean ends = random.nextInt(3) > 0;
        Kind kind = open ? (ends ? Kind.END : Kind.SEGMENT) : (ends ? Kind.WHOLE : Kind.OPEN);
        submit(new Commit(id, Commits.record(kind, turn, i, changes), List.of()));
        openChanges.addAll(Arrays.asList(changes));
        open = !ends;
        if (ends) {
          openChanges.forEach(model::apply);
          openChanges.clear();
          turn++;
        }
        int what = random.nextInt(24);
        if (what == 0) {
          fold(store);
        } else if (what == 1) {
          store = reopen(store, clock);
        }
        if (what < 4) {
          assertThat(Commits.state(store.load(id)))
              .as("seed %d, commit %d", seed, i)
              .isEqualTo(model.toString());
        }
      }
      assertThat(store.load(id).nextTurn()).isEqualTo(open ? turn + 1 : turn);
    }
  }

  @Test
  void reopen_everything_isAsBefore() {
    byte[] key = bytes("key-hash");
    for (int turn = 0; turn < 50; turn++) {
      commit(whole(ALICE, turn, StateChange.append("log", bytes("[" + turn + "]"))));
    }
    commit(
        new Commit(
            BOB,
            Commits.record(Kind.OPEN, 0, 0),
            List.of(
                new Row.InboxInsert(ALICE, "m1", 0, bytes("one")),
                new Row.InboxInsert(ALICE, "m2", 77, bytes("two")),
                put("k", "v"),
                new Row.Idempotency(
                    ALICE, key, bytes("body"), Optional.of(bytes("reply")), Long.MAX_VALUE))));
    List<InboxRow> inbox = store.inbox(ALICE, 0, 10);
    commit(kv(new Row.InboxBury(ALICE, inbox.get(1).seq(), "because")));
    String before = everything(key);
    int incarnation = store.incarnation();

    store = reopen(store, clock);

    assertThat(everything(key)).isEqualTo(before).contains("because").contains("reply");
    assertThat(store.incarnation()).isEqualTo(incarnation);
    commit(whole(ALICE, 50));
    commit(new Commit(BOB, Commits.record(Kind.END, 0, 1), List.of()));
    long newer = inserted(commit(kv(new Row.InboxInsert(ALICE, "m3", 0, bytes("three")))));
    assertThat(newer).isGreaterThan(inbox.get(1).seq());
  }

  private String everything(byte[] keyHash) {
    StringBuilder all = new StringBuilder();
    for (ActorId id : List.of(ALICE, BOB)) {
      LoadedActor loaded = store.load(id);
      all.append(id).append(' ').append(loaded.incarnation()).append(' ').append(loaded.nextTurn());
      all.append(Commits.state(loaded)).append(loaded.open().isPresent());
      all.append(loaded.lastAtMillis()).append('\n');
      store.inbox(id, 0, 100).forEach(row -> all.append(Commits.text(row)).append('\n'));
      for (HistoryEntry entry : store.history(id, Long.MAX_VALUE, 1_000)) {
        all.append(entry.seq()).append(entry.record().kind()).append(entry.record().turn());
      }
    }
    store.deadLetters(SCOPE, 0, 100).forEach(row -> all.append(Commits.text(row)).append('\n'));
    store.kvList(SCOPE, "", "", 100).forEach(e -> all.append(e.key()).append(text(e.value())));
    all.append(text(store.idempotency(ALICE, keyHash).orElseThrow().reply().orElseThrow()));
    return all.append(store.actorsWithWork()).toString();
  }

  // Inbox

  @Test
  void inbox_rows_areInOrderAndPaged() {
    List<Long> seqs = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      seqs.add(inserted(commit(kv(new Row.InboxInsert(ALICE, "m" + i, i, bytes("b" + i))))));
    }
    assertThat(seqs).isSorted().doesNotHaveDuplicates();
    assertThat(seqs.getFirst()).isPositive();
    List<InboxRow> page = store.inbox(ALICE, seqs.get(3), 4);
    assertThat(page).extracting(InboxRow::messageId).containsExactly("m4", "m5", "m6", "m7");
    InboxRow row = page.getFirst();
    assertThat(row.to()).isEqualTo(ALICE);
    assertThat(row.seq()).isEqualTo(seqs.get(4));
    assertThat(row.dueAtMillis()).isEqualTo(4);
    assertThat(row.attempts()).isZero();
    assertThat(row.reason()).isEmpty();
    assertThat(text(row.body())).isEqualTo("b4");
    assertThat(store.inbox(BOB, 0, 10)).isEmpty();
    assertThat(store.actorsWithWork()).containsExactly(ALICE);
  }

  @Test
  void inboxInsert_sameMessageId_isIgnoredAndReportsTheFirst() {
    Row insert = new Row.InboxInsert(ALICE, "same", 0, bytes("first"));
    Row again = new Row.InboxInsert(ALICE, "same", 0, bytes("second"));
    long first = inserted(commit(kv(insert)));
    assertThat(inserted(commit(kv(again)))).isEqualTo(first);
    List<RowResult> twice =
        commit(
            kv(
                new Row.InboxInsert(BOB, "same", 0, bytes("x")),
                new Row.InboxInsert(BOB, "same", 0, bytes("y"))));
    assertThat(twice.get(0)).isEqualTo(twice.get(1)).isNotEqualTo(new RowResult.Inserted(first));
    assertThat(store.inbox(ALICE, 0, 10)).hasSize(1);
    assertThat(text(store.inbox(ALICE, 0, 10).getFirst().body())).isEqualTo("first");
    assertThat(store.inbox(BOB, 0, 10)).hasSize(1);
  }

  @Test
  void inboxDelete_manyAtOnce_exactlyOneWins() {
    long seq = inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("x")))));
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      outcomes.add(
          submit(
              kv(
                  new Row.KvIncrement(SCOPE, "consumed", 1),
                  new Row.InboxDelete(ALICE, seq),
                  new Row.InboxInsert(BOB, "effect" + i, 0, bytes("e")))));
    }
    assertThat(outcomes.stream().filter(Outcome::isDurable)).hasSize(1);
    assertThat(text(store.kvGet(SCOPE, "consumed"))).isEqualTo("1");
    assertThat(store.inbox(BOB, 0, 100)).hasSize(1);
    assertThat(store.inbox(ALICE, 0, 100)).isEmpty();
    refused(kv(new Row.InboxDelete(ALICE, seq)), ErrorCode.CONFLICT);
    refused(kv(new Row.InboxDelete(BOB, seq)), ErrorCode.CONFLICT);
    refused(kv(new Row.InboxDelete(actor("stranger"), 1)), ErrorCode.CONFLICT);
  }

  @Test
  void inboxDelete_thenSameMessageId_isANewMessage() {
    long first = inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("x")))));
    List<RowResult> results =
        commit(
            kv(new Row.InboxDelete(ALICE, first), new Row.InboxInsert(ALICE, "m", 0, bytes("y"))));
    long second = ((RowResult.Inserted) results.get(1)).inboxSeq();
    assertThat(second).isGreaterThan(first);
    assertThat(store.inbox(ALICE, 0, 9)).extracting(InboxRow::seq).containsExactly(second);
  }

  @Test
  void inboxUpdate_movesTimeAndCountsAttempts() {
    long seq = inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("x")))));
    commit(kv(new Row.InboxUpdate(ALICE, seq, 9_000, 2)));
    InboxRow row = store.inbox(ALICE, 0, 10).getFirst();
    assertThat(row.dueAtMillis()).isEqualTo(9_000);
    assertThat(row.attempts()).isEqualTo(2);
    assertThat(text(row.body())).isEqualTo("x");
    refused(kv(new Row.InboxUpdate(ALICE, seq + 1, 0, 0)), ErrorCode.CONFLICT);
  }

  @Test
  void inboxBury_movesToTheDeadLettersOfItsScope() {
    ActorId stranger = new ActorId(new Scope("other", "prod"), "bank_account", "alice");
    long seq = inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("x")))));
    long other = inserted(commit(kv(new Row.InboxInsert(stranger, "m", 0, bytes("x")))));
    commit(kv(new Row.InboxUpdate(ALICE, seq, 0, 3), new Row.InboxBury(ALICE, seq, "poison")));
    commit(kv(new Row.InboxBury(stranger, other, "poison")));
    assertThat(store.inbox(ALICE, 0, 10)).isEmpty();
    assertThat(store.actorsWithWork()).isEmpty();
    List<InboxRow> dead = store.deadLetters(SCOPE, 0, 10);
    assertThat(dead).hasSize(1);
    assertThat(dead.getFirst().reason()).isEqualTo("poison");
    assertThat(dead.getFirst().attempts()).isEqualTo(3);
    assertThat(dead.getFirst().to()).isEqualTo(ALICE);
    assertThat(text(dead.getFirst().body())).isEqualTo("x");
    assertThat(store.deadLetters(SCOPE, seq, 10)).isEmpty();
    refused(kv(new Row.InboxDelete(ALICE, seq)), ErrorCode.CONFLICT);
    refused(kv(new Row.InboxBury(ALICE, seq, "again")), ErrorCode.CONFLICT);

    commit(kv(new Row.InboxUpdate(ALICE, seq, 0, 0)));
    assertThat(store.deadLetters(SCOPE, 0, 10)).isEmpty();
    assertThat(store.inbox(ALICE, 0, 10)).hasSize(1);
    commit(kv(new Row.InboxDelete(ALICE, seq)));
  }

  @Test
  void inboxBury_remembersWhenAndWhetherItsTurnHadCommitted() {
    long seq = inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("x")))));
    InboxRow waiting = store.inbox(ALICE, 0, 10).getFirst();
    assertThat(waiting.buriedAtMillis()).isZero();
    assertThat(waiting.partlyDone()).isFalse();
    commit(kv(new Row.InboxBury(ALICE, seq, "untouched")));
    assertThat(store.deadLetters(SCOPE, 0, 10).getFirst().partlyDone()).isFalse();
    commit(kv(new Row.InboxUpdate(ALICE, seq, 0, 0)));
    clock.advance(Duration.ofSeconds(5));
    commit(kv(new Row.InboxBury(ALICE, seq, "halfway", true)));
    for (int round = 0; round < 2; round++) {
      InboxRow dead = store.deadLetters(SCOPE, 0, 10).getFirst();
      assertThat(dead.reason()).isEqualTo("halfway");
      assertThat(dead.buriedAtMillis()).isEqualTo(clock.millis());
      assertThat(dead.partlyDone()).isTrue();
      store = reopen(store, clock);
    }
    // What was committed stays committed, however the message fares later.
    commit(kv(new Row.InboxUpdate(ALICE, seq, 0, 0)));
    assertThat(store.inbox(ALICE, 0, 10).getFirst().buriedAtMillis()).isZero();
    commit(kv(new Row.InboxBury(ALICE, seq, "again")));
    assertThat(store.deadLetters(SCOPE, 0, 10).getFirst().partlyDone()).isTrue();
  }

  @Test
  void inboxDiscard_removesABuriedRowAndNoOther() {
    long seq = inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("x")))));
    long other = inserted(commit(kv(new Row.InboxInsert(ALICE, "n", 0, bytes("y")))));
    refused(kv(new Row.InboxDiscard(ALICE, seq)), ErrorCode.CONFLICT);
    commit(kv(new Row.InboxBury(ALICE, seq, "poison"), new Row.InboxBury(ALICE, other, "poison")));
    refused(kv(new Row.InboxDiscard(BOB, seq)), ErrorCode.CONFLICT);
    refused(
        kv(new Row.InboxDiscard(ALICE, seq), new Row.InboxDiscard(ALICE, seq)), ErrorCode.CONFLICT);
    assertThat(store.deadLetters(SCOPE, 0, 10)).hasSize(2);
    commit(kv(new Row.InboxDiscard(ALICE, seq)));
    refused(kv(new Row.InboxDiscard(ALICE, seq)), ErrorCode.CONFLICT);
    refused(kv(new Row.InboxUpdate(ALICE, seq, 0, 0)), ErrorCode.CONFLICT);
    for (int round = 0; round < 2; round++) {
      assertThat(store.deadLetters(SCOPE, 0, 10)).extracting(InboxRow::seq).containsExactly(other);
      assertThat(store.inbox(ALICE, 0, 10)).isEmpty();
      store = reopen(store, clock);
    }
    // Its id is free again.
    assertThat(inserted(commit(kv(new Row.InboxInsert(ALICE, "m", 0, bytes("z"))))))
        .isGreaterThan(other);
  }

  // Monitors

  private static Row watch(ActorId watcher, String id, ActorId target) {
    return new Row.MonitorInsert(watcher, id, target);
  }

  private static List<String> ids(List<MonitorRow> monitors) {
    return monitors.stream().map(m -> m.watcher().key() + " " + m.monitorId()).toList();
  }

  @Test
  void monitors_areFoundByTheirTargetInOrderAndPaged() {
    ActorId elsewhere = new ActorId(new Scope("acme", "test"), "bank_account", "alice");
    commit(kv(watch(BOB, "d1", ALICE), watch(actor("carol"), "d1", ALICE)));
    commit(kv(watch(BOB, "d2", actor("dave")), watch(elsewhere, "d1", elsewhere)));
    commit(kv(watch(BOB, "d3", ALICE)));
    commit(kv(watch(BOB, "d3", ALICE)));
    for (int round = 0; round < 2; round++) {
      assertThat(ids(store.monitors(ALICE, 0, 10))).containsExactly("bob d1", "carol d1", "bob d3");
      List<MonitorRow> first = store.monitors(ALICE, 0, 2);
      assertThat(ids(first)).containsExactly("bob d1", "carol d1");
      assertThat(ids(store.monitors(ALICE, first.getLast().no(), 2))).containsExactly("bob d3");
      assertThat(ids(store.monitors(elsewhere, 0, 10))).containsExactly("alice d1");
      assertThat(store.monitors(BOB, 0, 10)).isEmpty();
      assertThat(store.monitored("bank_account", 10))
          .containsExactlyInAnyOrder(ALICE, actor("dave"), elsewhere);
      assertThat(store.monitored("bank_account", 1)).hasSize(1);
      assertThat(store.monitored("teller", 10)).isEmpty();
      assertThat(store.actorsWithWork()).as("a monitor is no work").isEmpty();
      store = reopen(store, clock);
    }
    // Not given a second time while others are there.
    long last = store.monitors(ALICE, 0, 10).getLast().no();
    commit(kv(watch(BOB, "d4", ALICE)));
    assertThat(store.monitors(ALICE, last, 10)).hasSize(1);
  }

  @Test
  void monitorFire_manyAtOnce_tellsOnce() {
    commit(kv(watch(BOB, "d1", ALICE)));
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      outcomes.add(submit(kv(new Row.MonitorFire(BOB, "d1", bytes("down " + i)))));
    }
    List<String> answers = outcomes.stream().map(o -> text(o.durable()).strip()).toList();
    assertThat(answers.getFirst()).isEqualTo("inserted");
    assertThat(answers.subList(1, 20)).containsOnly("done");
    for (int round = 0; round < 2; round++) {
      assertThat(store.monitors(ALICE, 0, 10)).isEmpty();
      assertThat(store.inbox(BOB, 0, 10))
          .extracting(row -> row.messageId() + " " + text(row.body()))
          .containsExactly("d1 down 0");
      store = reopen(store, clock);
    }
    commit(kv(new Row.InboxDelete(BOB, store.inbox(BOB, 0, 1).getFirst().seq())));
    commit(kv(new Row.MonitorFire(BOB, "d1", bytes("again"))));
    assertThat(store.inbox(BOB, 0, 10)).isEmpty();
  }

  @Test
  void monitorDelete_dropsTheMonitorOrItsWaitingMessage() {
    commit(kv(watch(BOB, "d1", ALICE), watch(BOB, "d2", ALICE), watch(BOB, "d3", ALICE)));
    assertThat(text(commit(kv(new Row.MonitorDelete(BOB, "d1"))))).isEqualTo("true ");
    assertThat(text(commit(kv(new Row.MonitorDelete(BOB, "d1"))))).isEqualTo("false ");
    assertThat(text(commit(kv(new Row.MonitorDelete(actor("nobody"), "d1"))))).isEqualTo("false ");
    assertThat(text(commit(kv(new Row.MonitorFire(BOB, "d1", bytes("x")))))).isEqualTo("done ");
    commit(
        kv(new Row.MonitorFire(BOB, "d2", bytes("x")), new Row.MonitorFire(BOB, "d3", bytes("x"))));
    List<InboxRow> told = store.inbox(BOB, 0, 10);
    assertThat(told).extracting(InboxRow::messageId).containsExactly("d2", "d3");
    assertThat(text(commit(kv(new Row.MonitorDelete(BOB, "d2"))))).isEqualTo("true ");
    commit(kv(new Row.InboxBury(BOB, told.get(1).seq(), "poison")));
    assertThat(text(commit(kv(new Row.MonitorDelete(BOB, "d3"))))).isEqualTo("false ");
    assertThat(store.inbox(BOB, 0, 10)).isEmpty();
    assertThat(store.deadLetters(SCOPE, 0, 10)).hasSize(1);
  }

  @Test
  void monitors_setToldAndDroppedInOneBatch_leaveWhatTheLastOneSays() {
    commit(kv(watch(BOB, "old", ALICE)));
    commit(
        kv(
            watch(BOB, "a", ALICE),
            new Row.MonitorFire(BOB, "a", bytes("x")),
            watch(BOB, "b", ALICE),
            new Row.MonitorDelete(BOB, "b"),
            watch(BOB, "c", ALICE),
            new Row.MonitorFire(BOB, "c", bytes("x")),
            new Row.MonitorDelete(BOB, "c"),
            new Row.MonitorDelete(BOB, "old"),
            watch(BOB, "old", actor("dave"))));
    store = reopen(store, clock);
    assertThat(store.monitors(ALICE, 0, 10)).isEmpty();
    assertThat(ids(store.monitors(actor("dave"), 0, 10))).containsExactly("bob old");
    assertThat(store.inbox(BOB, 0, 10)).extracting(InboxRow::messageId).containsExactly("a");
  }

  @Test
  void monitors_ofARefusedCommit_areAsBefore() {
    commit(kv(watch(BOB, "d1", ALICE), watch(BOB, "d2", ALICE)));
    refused(
        kv(
            watch(BOB, "d3", ALICE),
            new Row.MonitorFire(BOB, "d1", bytes("x")),
            new Row.MonitorDelete(BOB, "d2"),
            new Row.InboxDelete(BOB, 77)),
        ErrorCode.CONFLICT);
    assertThat(ids(store.monitors(ALICE, 0, 10))).containsExactly("bob d1", "bob d2");
    assertThat(store.inbox(BOB, 0, 10)).isEmpty();
  }

  @Test
  void purge_forgetsTheMonitorsTheActorHolds_andNotThoseOfIt() {
    commit(whole(BOB, 0));
    commit(whole(ALICE, 0));
    commit(kv(watch(BOB, "d1", ALICE), watch(ALICE, "d1", BOB)));
    store.purge(List.of(BOB), List.of());
    for (int round = 0; round < 2; round++) {
      assertThat(store.monitors(ALICE, 0, 10)).isEmpty();
      assertThat(ids(store.monitors(BOB, 0, 10))).containsExactly("alice d1");
      store = reopen(store, clock);
    }
  }

  @Test
  void monitorInsert_acrossScopesOrWithABadId_isRefusedWhenItIsMade() {
    ActorId elsewhere = new ActorId(new Scope("acme", "test"), "bank_account", "alice");
    for (Runnable bad :
        List.<Runnable>of(() -> watch(BOB, "d1", elsewhere), () -> watch(BOB, "", ALICE))) {
      assertThatThrownBy(bad::run)
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE));
    }
  }

  // Key-value

  @Test
  void kvPut_versionsRiseByOne() {
    assertThat(store.kvGet(SCOPE, "k")).isEmpty();
    commit(kv(put("k", "a")));
    commit(kv(put("k", "b"), put("k", "c")));
    KvEntry entry = store.kvGet(SCOPE, "k").orElseThrow();
    assertThat(entry.version()).isEqualTo(3);
    assertThat(text(entry.value())).isEqualTo("c");
    assertThat(entry.key()).isEqualTo("k");
    assertThat(entry.expiresAtMillis()).isZero();
    assertThat(store.kvGet(new Scope("other", "prod"), "k")).isEmpty();
    assertThat(store.kvGet(new Scope("acme", "test"), "k")).isEmpty();
  }

  @Test
  void kvPut_expectedVersion_isCheckedInTheCommit() {
    commit(kv(putIf("k", "a", 0)));
    refused(kv(putIf("k", "b", 0)), ErrorCode.CONFLICT);
    refused(kv(putIf("k", "b", 2)), ErrorCode.CONFLICT);
    commit(kv(putIf("k", "b", 1)));
    refused(kv(new Row.KvDelete(SCOPE, "k", OptionalLong.of(1))), ErrorCode.CONFLICT);
    commit(kv(new Row.KvDelete(SCOPE, "k", OptionalLong.of(2))));
    assertThat(store.kvGet(SCOPE, "k")).isEmpty();
    commit(kv(new Row.KvDelete(SCOPE, "k", OptionalLong.empty())));
    // The commit sees its own earlier rows.
    commit(kv(put("own", "a"), putIf("own", "b", 1), putIf("own", "c", 2)));
    assertThat(text(store.kvGet(SCOPE, "own"))).isEqualTo("c");
  }

  @Test
  void kvPut_manyConditionalOnOneVersion_exactlyOneWins() {
    commit(kv(put("k", "start")));
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      outcomes.add(submit(kv(putIf("k", "w" + i, 1))));
    }
    List<Integer> winners =
        IntStream.range(0, 50).filter(i -> outcomes.get(i).isDurable()).boxed().toList();
    assertThat(winners).hasSize(1);
    assertThat(text(store.kvGet(SCOPE, "k"))).isEqualTo("w" + winners.getFirst());
  }

  @Test
  void kvPut_afterDelete_doesNotRepeatAVersion() {
    commit(kv(put("k", "a")));
    commit(kv(new Row.KvDelete(SCOPE, "k", OptionalLong.empty())));
    commit(kv(putIf("k", "b", 0)));
    assertThat(store.kvGet(SCOPE, "k").orElseThrow().version()).isGreaterThan(1);
    // A reader of version 1 must not overwrite the key written anew.
    refused(kv(putIf("k", "c", 1)), ErrorCode.CONFLICT);
  }

  @Test
  void kvEntry_expired_isAbsent() {
    long expires = START.plusSeconds(10).toEpochMilli();
    commit(kv(new Row.KvPut(SCOPE, "k", bytes("5"), expires, OptionalLong.empty())));
    assertThat(store.kvGet(SCOPE, "k").orElseThrow().expiresAtMillis()).isEqualTo(expires);
    commit(kv(new Row.KvIncrement(SCOPE, "k", 1)));
    clock.advance(Duration.ofSeconds(9));
    assertThat(text(store.kvGet(SCOPE, "k"))).isEqualTo("6");
    clock.advance(Duration.ofSeconds(1));
    assertThat(store.kvGet(SCOPE, "k")).isEmpty();
    assertThat(store.kvList(SCOPE, "", "", 10)).isEmpty();
    assertThat(text(value(commit(kv(new Row.KvIncrement(SCOPE, "k", 1)))))).isEqualTo("1");
    assertThat(store.kvGet(SCOPE, "k").orElseThrow().expiresAtMillis()).isZero();
    clock.advance(Duration.ofDays(1));
    assertThat(text(store.kvGet(SCOPE, "k"))).isEqualTo("1");
  }

  @Test
  void kvIncrement_addsAndReports() {
    assertThat(text(value(commit(kv(new Row.KvIncrement(SCOPE, "n", 5)))))).isEqualTo("5");
    assertThat(text(value(commit(kv(new Row.KvIncrement(SCOPE, "n", -7)))))).isEqualTo("-2");
    assertThat(text(store.kvGet(SCOPE, "n"))).isEqualTo("-2");
    commit(kv(put("text", "abc"), put("large", "" + Long.MAX_VALUE)));
    List<RowResult> results =
        commit(
            kv(
                new Row.KvIncrement(SCOPE, "text", 1),
                new Row.KvIncrement(SCOPE, "large", 1),
                new Row.KvIncrement(SCOPE, "n", 3)));
    assertThat(results.get(0)).isInstanceOf(RowResult.Failed.class);
    assertThat(results.get(1)).isInstanceOf(RowResult.Failed.class);
    assertThat(text(value(results.subList(2, 3)))).isEqualTo("1");
    assertThat(text(store.kvGet(SCOPE, "text"))).isEqualTo("abc");
    assertThat(text(store.kvGet(SCOPE, "large"))).isEqualTo("" + Long.MAX_VALUE);
    assertThat(store.kvGet(SCOPE, "text").orElseThrow().version()).isEqualTo(1);
  }

  @Test
  void kvCompareAndSet_comparesValues() {
    assertThat(cas("k", null, "a")).isTrue();
    assertThat(cas("k", null, "b")).isFalse();
    assertThat(cas("k", "x", "b")).isFalse();
    assertThat(text(store.kvGet(SCOPE, "k"))).isEqualTo("a");
    assertThat(store.kvGet(SCOPE, "k").orElseThrow().version()).isEqualTo(1);
    assertThat(cas("k", "a", "b")).isTrue();
    assertThat(text(store.kvGet(SCOPE, "k"))).isEqualTo("b");
    assertThat(cas("k", "b", null)).isTrue();
    assertThat(store.kvGet(SCOPE, "k")).isEmpty();
    assertThat(cas("k", null, null)).isTrue();
  }

  @Test
  void kvList_pagesInKeyOrderWithinThePrefix() {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < 25; i++) {
      keys.add(String.format("job/%02d", i));
    }
    // Order is by bytes of UTF-8, where the last of these comes after the one before it.
    keys.addAll(List.of("job/a%_", "job/a\u00e9", "job/a\uffee", "job/a\ud83d\ude00"));
    List<String> shuffled = new ArrayList<>(keys);
    Collections.shuffle(shuffled, new Random(1));
    shuffled.forEach(key -> commit(kv(put(key, key))));
    commit(kv(put("joa", "x"), put("joc", "x"), put("job0", "x"), put("jo\ud83d\ude00", "x")));
    commit(kv(put("job/gone", "x"), new Row.KvDelete(SCOPE, "job/gone", OptionalLong.empty())));
    List<String> listed = new ArrayList<>();
    String after = "";
    while (true) {
      List<KvEntry> page = store.kvList(SCOPE, "job/", after, 7);
      page.forEach(entry -> listed.add(entry.key()));
      if (page.size() < 7) {
        break;
      }
      after = page.getLast().key();
    }
    assertThat(listed).isEqualTo(keys);
    assertThat(store.kvList(SCOPE, "", "", 100)).hasSize(keys.size() + 4);
    assertThat(store.kvList(SCOPE, "job/a%", "", 100)).hasSize(1);
    assertThat(store.kvList(SCOPE, "jo\ud83d\ude00", "", 100)).hasSize(1);
  }

  @Test
  void commit_refusedByItsLastRow_undoesItsEarlierRows() {
    commit(kv(put("k", "a"), new Row.InboxInsert(ALICE, "m", 0, bytes("x"))));
    long seq = store.inbox(ALICE, 0, 1).getFirst().seq();
    Outcome bad =
        submit(
            kv(
                put("k", "b"),
                new Row.KvDelete(SCOPE, "k", OptionalLong.empty()),
                new Row.KvIncrement(SCOPE, "n", 1),
                new Row.InboxBury(ALICE, seq, "no"),
                new Row.InboxInsert(ALICE, "m2", 0, bytes("x")),
                new Row.Idempotency(
                    ALICE, bytes("h"), bytes("b"), Optional.empty(), Long.MAX_VALUE),
                putIf("absent", "x", 4)));
    Outcome good = submit(kv(putIf("k", "c", 1), new Row.InboxUpdate(ALICE, seq, 5, 1)));
    assertThat(bad.refused().code()).isEqualTo(ErrorCode.CONFLICT);
    good.durable();
    assertThat(text(store.kvGet(SCOPE, "k"))).isEqualTo("c");
    assertThat(store.kvGet(SCOPE, "n")).isEmpty();
    assertThat(store.deadLetters(SCOPE, 0, 10)).isEmpty();
    assertThat(store.inbox(ALICE, 0, 10)).extracting(InboxRow::messageId).containsExactly("m");
    assertThat(store.idempotency(ALICE, bytes("h"))).isEmpty();
  }

  @Test
  void kv_randomRows_equalsTheModel() {
    for (int seed = 0; seed < 6; seed++) {
      Random random = new Random(seed);
      Scope scope = new Scope("acme", "seed" + seed);
      KvModel model = new KvModel();
      List<Runnable> checks = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        List<Row> rows = KvModel.randomRows(random, scope);
        Optional<List<RowResult>> expected = model.apply(rows);
        Outcome outcome = submit(new Commit(ALICE, Optional.empty(), rows));
        String at = "seed " + seed + ", commit " + i + ": " + rows;
        checks.add(
            () -> {
              assertThat(outcome.isDurable()).as(at).isEqualTo(expected.isPresent());
              expected.ifPresent(
                  results ->
                      assertThat(Commits.text(outcome.durable()))
                          .as(at)
                          .isEqualTo(Commits.text(results)));
            });
        if (random.nextInt(10) == 0) {
          checks.forEach(Runnable::run);
          checks.clear();
        }
      }
      checks.forEach(Runnable::run);
      StringBuilder found = new StringBuilder();
      for (KvEntry entry : store.kvList(scope, "", "", 1_000)) {
        found.append(entry.key()).append('=').append(text(entry.value())).append(' ');
      }
      assertThat(found.toString()).as("seed %d", seed).isEqualTo(model.toString());
    }
  }

  // Remembered requests, history, purge

  @Test
  void idempotency_runningThenDone_isRemembered() {
    byte[] key = bytes("principal and key");
    long expires = START.plusSeconds(60).toEpochMilli();
    assertThat(store.idempotency(ALICE, key)).isEmpty();
    Row running = new Row.Idempotency(ALICE, key, bytes("body"), Optional.empty(), expires);
    commit(new Commit(ALICE, Commits.record(Kind.OPEN, 0, 0), List.of(running)));
    for (int round = 0; round < 2; round++) {
      IdempotencyRecord found = store.idempotency(ALICE, key).orElseThrow();
      assertThat(found.reply()).isEmpty();
      assertThat(text(found.bodyHash())).isEqualTo("body");
      assertThat(found.expiresAtMillis()).isEqualTo(expires);
      fold(store);
    }
    Row done =
        new Row.Idempotency(ALICE, key, bytes("body"), Optional.of(bytes("{\"ok\":1}")), expires);
    commit(new Commit(ALICE, Commits.record(Kind.END, 0, 1), List.of(done)));
    for (int round = 0; round < 2; round++) {
      IdempotencyRecord found = store.idempotency(ALICE, key).orElseThrow();
      assertThat(text(found.reply().orElseThrow())).isEqualTo("{\"ok\":1}");
      assertThat(store.idempotency(BOB, key)).isEmpty();
      assertThat(store.idempotency(ALICE, bytes("another"))).isEmpty();
      fold(store);
    }
    clock.advance(Duration.ofSeconds(60));
    assertThat(store.idempotency(ALICE, key)).isEmpty();
  }

  @Test
  void idempotency_withoutATurn_isRemembered() {
    byte[] key = bytes("k");
    commit(kv(new Row.Idempotency(ALICE, key, bytes("b"), Optional.empty(), Long.MAX_VALUE)));
    assertThat(store.idempotency(ALICE, key)).isPresent();
    store = reopen(store, clock);
    assertThat(store.idempotency(ALICE, key)).isPresent();
    assertThat(store.load(ALICE).nextTurn()).isZero();
  }

  private static Row remembered(ActorId actor, String key, long expiresAtMillis) {
    return new Row.Idempotency(
        actor, bytes(key), bytes("body"), Optional.of(bytes("{}")), expiresAtMillis);
  }

  @Test
  void idempotencyCount_isOfATenant_overItsNamespacesAndActors() {
    assertThat(store.idempotencyCount("acme")).isZero();
    ActorId elsewhere = new ActorId(new Scope("acme", "test"), "bank_account", "alice");
    ActorId ofGlobex = new ActorId(new Scope("globex", "prod"), "bank_account", "alice");
    long never = Long.MAX_VALUE;
    commit(
        new Commit(
            ALICE,
            Commits.record(Kind.WHOLE, 0, 0),
            List.of(remembered(ALICE, "k1", never), remembered(ALICE, "k2", never))));
    commit(kv(remembered(BOB, "k1", never), put("k", "v")));
    commit(new Commit(elsewhere, Optional.empty(), List.of(remembered(elsewhere, "k1", never))));
    commit(new Commit(ofGlobex, Optional.empty(), List.of(remembered(ofGlobex, "k1", never))));
    refused(kv(remembered(ALICE, "k3", never), putIf("absent", "x", 4)), ErrorCode.CONFLICT);
    for (int round = 0; round < 2; round++) {
      assertThat(store.idempotencyCount("acme")).isEqualTo(4);
      assertThat(store.idempotencyCount("globex")).isEqualTo(1);
      assertThat(store.idempotencyCount("acm")).isZero();
      fold(store);
      assertThat(store.idempotencyCount("acme")).isEqualTo(4);
      store = reopen(store, clock);
    }
  }

  @Test
  void idempotencyCount_ofOneWrittenAgain_isOneOnceFolded() {
    commit(kv(remembered(ALICE, "k1", Long.MAX_VALUE)));
    commit(kv(remembered(ALICE, "k1", Long.MAX_VALUE), remembered(ALICE, "k2", Long.MAX_VALUE)));
    assertThat(store.idempotencyCount("acme")).isBetween(2L, 3L);
    fold(store);
    assertThat(store.idempotencyCount("acme")).isEqualTo(2);
    commit(
        kv(
            new Row.Idempotency(
                ALICE, bytes("k1"), bytes("other"), Optional.empty(), Long.MAX_VALUE)));
    fold(store);
    assertThat(store.idempotencyCount("acme")).isEqualTo(2);
    IdempotencyRecord latest = store.idempotency(ALICE, bytes("k1")).orElseThrow();
    assertThat(text(latest.bodyHash())).isEqualTo("other");
    assertThat(latest.reply()).isEmpty();
    store = reopen(store, clock);
    assertThat(store.idempotencyCount("acme")).isEqualTo(2);
  }

  @Test
  void idempotencyCount_fallsWithWhatExpiresOrIsPurged() {
    long soon = START.plusSeconds(60).toEpochMilli();
    ActorId ofGlobex = new ActorId(new Scope("globex", "prod"), "bank_account", "alice");
    commit(
        kv(
            remembered(ALICE, "k1", soon),
            remembered(ALICE, "k2", soon + 1),
            remembered(BOB, "k1", soon),
            remembered(BOB, "k2", Long.MAX_VALUE),
            remembered(ofGlobex, "k1", soon)));
    fold(store);
    sweep(store);
    assertThat(store.idempotencyCount("acme")).isEqualTo(4);
    clock.advance(Duration.ofSeconds(60));
    sweep(store);
    for (int round = 0; round < 2; round++) {
      assertThat(store.idempotencyCount("acme")).isEqualTo(2);
      assertThat(store.idempotencyCount("globex")).isZero();
      store = reopen(store, clock);
    }
    store.purge(List.of(ALICE), List.of());
    assertThat(store.idempotencyCount("acme")).isEqualTo(1);
    commit(kv(remembered(BOB, "k3", Long.MAX_VALUE)));
    store.purge(List.of(BOB), List.of());
    for (int round = 0; round < 2; round++) {
      assertThat(store.idempotencyCount("acme")).isZero();
      store = reopen(store, clock);
    }
  }

  @Test
  void history_isNewestFirstAndPaged() {
    for (int turn = 0; turn < 30; turn++) {
      commit(whole(ALICE, turn, StateChange.put("v", "", bytes("" + turn))));
      commit(whole(BOB, turn));
      if (turn % 7 == 6) {
        fold(store);
      }
    }
    for (int round = 0; round < 2; round++) {
      List<Long> turns = new ArrayList<>();
      List<Long> seqs = new ArrayList<>();
      long before = Long.MAX_VALUE;
      while (true) {
        List<HistoryEntry> page = store.history(ALICE, before, 4);
        page.forEach(entry -> turns.add(entry.record().turn()));
        page.forEach(entry -> seqs.add(entry.seq()));
        if (page.size() < 4) {
          break;
        }
        before = page.getLast().seq();
      }
      assertThat(turns).isEqualTo(IntStream.range(0, 30).mapToObj(i -> 29L - i).toList());
      assertThat(seqs).isSortedAccordingTo(Collections.reverseOrder());
      store = reopen(store, clock);
    }
  }

  @Test
  void history_isBoundedByNumberAndAge_andRecoveryDoesNotMiss() {
    int kept = InMemoryStore.HISTORY_ROWS_MAX;
    int turns = kept + 20;
    for (int turn = 0; turn < turns; turn++) {
      submit(whole(ALICE, turn, StateChange.put("v", "", bytes("" + turn))));
      if (turn == turns / 2) {
        fold(store);
      }
    }
    assertThat(store.load(ALICE).nextTurn()).isEqualTo(turns);
    assertThat(store.history(ALICE, Long.MAX_VALUE, 2 * turns)).hasSize(kept);
    clock.advance(InMemoryStore.HISTORY_AGE);
    assertThat(store.history(ALICE, Long.MAX_VALUE, 2 * turns)).hasSize(kept);
    clock.advance(Duration.ofMillis(1));
    for (int round = 0; round < 2; round++) {
      assertThat(store.history(ALICE, Long.MAX_VALUE, 10)).isEmpty();
      assertThat(Commits.state(store.load(ALICE))).isEqualTo("{v={=" + (turns - 1) + "}}");
      fold(store);
      store = reopen(store, clock);
    }
  }

  @Test
  void purge_forgetsTheActorAndStartsANewIncarnation() {
    byte[] key = bytes("k");
    commit(whole(ALICE, 0, StateChange.put("v", "", bytes("1"))));
    fold(store);
    long dead = inserted(commit(kv(new Row.InboxInsert(ALICE, "dead", 0, bytes("x")))));
    commit(
        new Commit(
            ALICE,
            Commits.record(Kind.OPEN, 1, 0, StateChange.put("v", "", bytes("2"))),
            List.of(
                new Row.InboxBury(ALICE, dead, "reason"),
                new Row.InboxInsert(ALICE, "m", 0, bytes("x")),
                new Row.Idempotency(ALICE, key, bytes("b"), Optional.empty(), Long.MAX_VALUE))));
    commit(whole(BOB, 0, StateChange.put("v", "", bytes("9"))));

    purgeRefused(List.of(ALICE), List.of());
    assertThat(store.load(ALICE).open()).as("still there").isPresent();
    long waiting = store.inbox(ALICE, 0, 10).getFirst().seq();
    assertThat(store.purge(List.of(ALICE), List.of(new Row.InboxDelete(ALICE, waiting))))
        .containsExactly(new RowResult.Done());

    for (int round = 0; round < 2; round++) {
      LoadedActor loaded = store.load(ALICE);
      assertThat(loaded.incarnation()).isEqualTo(2);
      assertThat(loaded.nextTurn()).isZero();
      assertThat(loaded.changes()).isEmpty();
      assertThat(loaded.open()).isEmpty();
      assertThat(store.inbox(ALICE, 0, 10)).isEmpty();
      assertThat(store.history(ALICE, Long.MAX_VALUE, 10)).isEmpty();
      assertThat(store.idempotency(ALICE, key)).isEmpty();
      assertThat(store.actorsWithWork()).isEmpty();
      assertThat(store.deadLetters(SCOPE, 0, 10)).hasSize(1);
      assertThat(Commits.state(store.load(BOB))).isEqualTo("{v={=9}}");
      store = reopen(store, clock);
    }
    refused(whole(ALICE, 2), ErrorCode.CONFLICT);
    commit(whole(ALICE, 0, StateChange.put("v", "", bytes("3"))));
    assertThat(Commits.state(store.load(ALICE))).isEqualTo("{v={=3}}");
    store.purge(List.of(ALICE, actor("nobody")), List.of());
    assertThat(store.load(ALICE).incarnation()).isEqualTo(3);
    assertThat(store.load(actor("nobody")).incarnation()).isEqualTo(1);
  }

  @Test
  void purge_withItsRows_isOneCommit_andRefusedAsAWhole() {
    commit(whole(ALICE, 0, StateChange.put("v", "", bytes("1"))));
    commit(whole(BOB, 0, StateChange.put("v", "", bytes("2"))));
    long tell = inserted(commit(kv(new Row.InboxInsert(ALICE, "tell", 0, bytes("t")))));
    long ask = inserted(commit(kv(new Row.InboxInsert(BOB, "ask", 0, bytes("a")))));
    ActorId asker = actor("asker");
    Row bury = new Row.InboxBury(ALICE, tell, "purged", true);
    Row delete = new Row.InboxDelete(BOB, ask);
    Row reply = new Row.InboxInsert(asker, "ask/reply", 0, bytes("no"));

    purgeRefused(List.of(ALICE, BOB), List.of(reply, bury));
    purgeRefused(
        List.of(ALICE, BOB), List.of(reply, bury, delete, new Row.InboxDelete(BOB, ask + 100)));

    for (int round = 0; round < 2; round++) {
      assertThat(Commits.state(store.load(ALICE))).isEqualTo("{v={=1}}");
      assertThat(store.load(BOB).incarnation()).isEqualTo(1);
      assertThat(store.inbox(ALICE, 0, 10)).hasSize(1);
      assertThat(store.inbox(BOB, 0, 10)).hasSize(1);
      assertThat(store.inbox(asker, 0, 10)).isEmpty();
      assertThat(store.deadLetters(SCOPE, 0, 10)).isEmpty();
      store = reopen(store, clock);
    }
    commit(whole(ALICE, 1, StateChange.put("v", "", bytes("3"))));

    List<RowResult> results = store.purge(List.of(ALICE, BOB), List.of(bury, delete, reply));

    assertThat(text(results)).isEqualTo("done done inserted ");
    for (int round = 0; round < 2; round++) {
      for (ActorId purged : List.of(ALICE, BOB)) {
        assertThat(store.load(purged).incarnation()).isEqualTo(2);
        assertThat(store.load(purged).nextTurn()).isZero();
        assertThat(store.load(purged).changes()).isEmpty();
      }
      InboxRow dead = store.deadLetters(SCOPE, 0, 10).getFirst();
      assertThat(dead.seq()).isEqualTo(tell);
      assertThat(dead.reason()).isEqualTo("purged");
      assertThat(dead.partlyDone()).isTrue();
      assertThat(store.inbox(asker, 0, 10))
          .extracting(InboxRow::seq)
          .containsExactly(((RowResult.Inserted) results.getLast()).inboxSeq());
      assertThat(store.actorsWithWork()).containsExactly(asker);
      store = reopen(store, clock);
    }
    // Numbers go on where they were.
    assertThat(inserted(commit(kv(new Row.InboxInsert(BOB, "later", 0, bytes("x"))))))
        .isGreaterThan(((RowResult.Inserted) results.getLast()).inboxSeq());
    commit(new Commit(BOB, Optional.empty(), List.of(new Row.InboxUpdate(ALICE, tell, 0, 0))));
    assertThat(store.inbox(ALICE, 0, 10)).extracting(InboxRow::seq).containsExactly(tell);
  }

  private void purgeRefused(List<ActorId> actors, List<Row> rows) {
    assertThatThrownBy(() -> store.purge(actors, rows))
        .isInstanceOfSatisfying(
            PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT));
  }

  @Test
  void actorKeys_ofOneTypeInOneScope_inOrderOfTheirBytes_tombstonesIncluded() {
    assertThat(store.namespaces("acme")).isEmpty();
    List<String> keys = List.of("a", "a/b", "b", "z", "\u00e9", "\uff5e", "\ud83d\ude00");
    for (String key : keys.reversed()) {
      commit(whole(actor(key), 0));
    }
    commit(kv(new Row.InboxInsert(actor("only in the inbox"), "m", 0, bytes("x"))));
    commit(whole(new ActorId(SCOPE, "other_type", "a"), 0));
    commit(whole(new ActorId(new Scope("acme", "dev"), "bank_account", "dev"), 0));
    commit(whole(new ActorId(new Scope("globex", "prod"), "bank_account", "globex"), 0));
    commit(kv(put("a key makes no actor", "v")));
    store.purge(List.of(actor("b")), List.of());
    for (int round = 0; round < 2; round++) {
      List<String> found = new ArrayList<>();
      String after = "";
      while (true) {
        List<String> page = store.actorKeys(SCOPE, "bank_account", after, 3);
        found.addAll(page);
        if (page.size() < 3) {
          break;
        }
        after = page.getLast();
      }
      found.remove("only in the inbox");
      assertThat(found).isEqualTo(keys);
      assertThat(store.namespaces("acme")).containsExactly("dev", "prod");
      assertThat(store.namespaces("nobody")).isEmpty();
      assertThat(store.actorKeys(SCOPE, "nothing", "", 3)).isEmpty();
      store = reopen(store, clock);
    }
  }

  @Test
  void row_badKey_isRefusedWhenItIsMade() {
    for (String key : List.of("", "x".repeat(Row.KEY_LENGTH_MAX + 1), "a\ud800b", "a\0b")) {
      assertThatThrownBy(() -> put(key, "v"))
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE));
      assertThatThrownBy(() -> new Row.InboxInsert(ALICE, key, 0, bytes("x")))
          .isInstanceOf(PlexException.class);
    }
    String longest = "\u00e9".repeat(Row.KEY_LENGTH_MAX);
    commit(kv(put(longest, "v")));
    assertThat(text(store.kvGet(SCOPE, longest))).isEqualTo("v");
  }

  @Test
  void submit_concurrently_losesNothing() throws InterruptedException {
    int threads = 8;
    int each = 200;
    List<Thread> running = new ArrayList<>();
    List<Outcome> outcomes = Collections.synchronizedList(new ArrayList<>());
    for (int t = 0; t < threads; t++) {
      ActorId mine = actor("t" + t);
      running.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    for (int i = 0; i < each; i++) {
                      outcomes.add(
                          submit(
                              new Commit(
                                  mine,
                                  Commits.record(Kind.WHOLE, i, 0),
                                  List.of(new Row.KvIncrement(SCOPE, "n", 1)))));
                    }
                  }));
    }
    for (Thread thread : running) {
      thread.join();
    }
    outcomes.forEach(Outcome::durable);
    assertThat(text(store.kvGet(SCOPE, "n"))).isEqualTo("" + threads * each);
    for (int t = 0; t < threads; t++) {
      assertThat(store.load(actor("t" + t)).nextTurn()).isEqualTo(each);
    }
  }

  @Test
  void close_laterCalls_areUnavailable() {
    Outcome last = submit(whole(ALICE, 0));
    store.close();
    last.durable();
    refused(whole(ALICE, 1), ErrorCode.UNAVAILABLE);
    for (Runnable call :
        List.<Runnable>of(
            () -> store.load(ALICE),
            () -> store.inbox(ALICE, 0, 1),
            () -> store.kvGet(SCOPE, "k"),
            () -> store.history(ALICE, 9, 1),
            () -> store.idempotencyCount("acme"),
            () -> store.purge(List.of(ALICE), List.of()),
            () -> store.namespaces("acme"),
            () -> store.actorKeys(SCOPE, "bank_account", "", 1),
            () -> store.actorsWithWork())) {
      assertThatThrownBy(call::run)
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    }
    store.close();
  }

  // Shorthand

  protected final Outcome submit(Commit commit) {
    Outcome outcome = new Outcome(seq -> {});
    store.submit(commit, outcome);
    return outcome;
  }

  protected final List<RowResult> commit(Commit commit) {
    return submit(commit).durable();
  }

  protected final void refused(Commit commit, ErrorCode code) {
    assertThat(submit(commit).refused().code()).isEqualTo(code);
  }

  protected static Commit kv(Row... rows) {
    return new Commit(ALICE, Optional.empty(), List.of(rows));
  }

  protected static Commit turn(Kind kind, long turn, int step, StateChange... changes) {
    return new Commit(ALICE, Commits.record(kind, turn, step, changes), List.of());
  }

  protected static Row put(String key, String value) {
    return new Row.KvPut(SCOPE, key, bytes(value), 0, OptionalLong.empty());
  }

  private static Row putIf(String key, String value, long version) {
    return new Row.KvPut(SCOPE, key, bytes(value), 0, OptionalLong.of(version));
  }

  private boolean cas(String key, String expected, String value) {
    Row row =
        new Row.KvCompareAndSet(
            SCOPE,
            key,
            Optional.ofNullable(expected).map(Commits::bytes),
            Optional.ofNullable(value).map(Commits::bytes));
    return Boolean.parseBoolean(text(value(commit(kv(row)))));
  }

  private static long inserted(List<RowResult> results) {
    return ((RowResult.Inserted) results.getFirst()).inboxSeq();
  }

  private static byte[] value(List<RowResult> results) {
    return ((RowResult.Value) results.getFirst()).json();
  }
}
