package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What becomes of actors whose application is purged. Source: spec/turns rules 16, 19 and 27.
@Timeout(120)
class PurgeTest {

  private static final Duration HOUR = Duration.ofHours(1);
  private static final String ACME = Node.SCOPE.tenant();
  private static final Purge.Order BANK = new Purge.Order("bank", ACME, List.of("account"));
  private static final ActorId ALICE = Node.id("account", "alice");

  private final ManualClock clock = new ManualClock();
  private final List<Node> nodes = new ArrayList<>();
  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node;

  /// What a handler waits for that is to be in an open turn.
  private volatile CountDownLatch gate = new CountDownLatch(1);

  private final AtomicBoolean failing = new AtomicBoolean(true);

  private Node start() {
    node = Node.withManualTime(store, clock);
    nodes.add(node);
    return node;
  }

  private void restart() {
    node.abandon();
    store = store.afterCrash();
    start();
  }

  @AfterEach
  void close() {
    gate.countDown();
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private void install(String id, Optional<String> tenant, TestType... types) {
    node.install(
        new ApplicationUnit(
            id,
            "1",
            tenant,
            Node.SCOPE,
            Arrays.stream(types).map(t -> new ApplicationUnit.Offer(t, List.of())).toList(),
            java.util.Map.of(),
            Node.supervisor(id, SupervisionStrategy.ONE_FOR_ONE, 3)));
  }

  private void installBank() {
    install("bank", Optional.of(ACME), account());
  }

  private void installShop() {
    install("shop", Optional.of(ACME), payer());
  }

  private TestType account() {
    return DurableScript.type(
        "account",
        () ->
            DurableScript.of("deposit", (c, m, s) -> add(s, "balance", 10))
                .init((c, s) -> add(s, "inits", 1))
                .on("balance", (c, m, s) -> number(s, "balance"))
                .on("inits", (c, m, s) -> number(s, "inits"))
                .on(
                    "fail",
                    (c, m, s) -> {
                      if (failing.get()) {
                        throw new IllegalStateException("on purpose");
                      }
                      return add(s, "balance", 1);
                    })
                .on("later", (c, m, s) -> c.sendAfter(HOUR, "deposit", null))
                .on("fail_soon", (c, m, s) -> c.sendAfter(Duration.ofMillis(1), "fail", null))
                .on(
                    "halfway",
                    (c, m, s) -> {
                      add(s, "balance", 1_000);
                      c.kv().increment("halfway", 1);
                      Node.await(gate);
                      return null;
                    })
                .on(
                    "put",
                    (c, m, s) -> {
                      c.kv().put("key", 7);
                      return null;
                    })
                .on(
                    "greet",
                    (c, m, s) -> {
                      c.tell(c.actor("payer", "bob"), "greeted", null);
                      return null;
                    }));
  }

  private TestType payer() {
    return DurableScript.type(
        "payer",
        () ->
            DurableScript.of(
                    "pay",
                    (c, m, s) -> {
                      add(s, "begun", 1);
                      String operation = (String) m.payload();
                      String outcome;
                      try {
                        outcome =
                            String.valueOf(
                                c.ask(c.actor("account", "alice"), operation, null, HOUR));
                      } catch (PlexException e) {
                        outcome = e.code() + " " + e.getMessage();
                      }
                      s.put("outcome", outcome);
                      add(s, "ended", 1);
                      return outcome;
                    })
                .on("greeted", (c, m, s) -> add(s, "greeted", 1))
                .on(
                    "get",
                    (c, m, s) ->
                        List.of(number(s, "begun"), number(s, "ended"), number(s, "greeted")))
                .on("outcome", (c, m, s) -> s.get("outcome")));
  }

  private Purge.Summary purge() {
    Purge purge = new Purge(node.system);
    purge.reserve(BANK);
    return purge.run(BANK);
  }

  private void uninstallBank() {
    // A handler that is in the way is suspended or killed.
    CompletableFuture<Void> gone = node.system.uninstall("bank");
    node.eventually(Duration.ofSeconds(1), gone::isDone);
    Node.await(gone);
  }

  private List<InboxRow> dead() {
    return store.deadLetters(Node.SCOPE, 0, 100);
  }

  private void parkTell(String operation) {
    Envelope e =
        new Envelope(
            dev.plexspaces.sdk.Message.Kind.CAST, operation, null, null, Node.context(), null);
    insert(ALICE, operation + "-parked-" + parked++, 0, MessageCodec.encode(e));
  }

  private int parked;

  private long insert(ActorId to, String id, long dueAt, byte[] body) {
    CompletableFuture<Long> seq = new CompletableFuture<>();
    store.submit(
        new Commit(to, Optional.empty(), List.of(new Row.InboxInsert(to, id, dueAt, body))),
        new Commit.Listener() {
          @Override
          public void durable(long at, List<RowResult> results) {
            seq.complete(((RowResult.Inserted) results.getFirst()).inboxSeq());
          }

          @Override
          public void refused(PlexException why) {
            seq.completeExceptionally(why);
          }
        });
    return Node.await(seq);
  }

  // ---- asks and tells

  @Test
  void purge_failsAsks() {
    start();
    installBank();
    installShop();
    node.ask("account", "alice", "deposit");
    CompletableFuture<Object> paying = node.asking("payer", "bob", "pay", "halfway");
    Node.eventually(() -> store.kvGet(Node.SCOPE, "halfway").isPresent());
    uninstallBank();
    assertThat(paying).as("the request is parked").isNotDone();

    Purge.Summary done = purge();

    assertThat(done).isEqualTo(new Purge.Summary(1, 0, 1));
    assertThat(Node.await(paying))
        .isEqualTo("ACTOR_NOT_FOUND account/alice: application \"bank\" was purged");
    assertThat(node.ask("payer", "bob", "get")).isEqualTo(List.of(1L, 1L, 0L));
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(dead()).isEmpty();
  }

  @Test
  void purge_failsAsksOfActorsThatDoNotRun_andOfOnesThatAreResumedLater() {
    start();
    installBank();
    installShop();
    node.asking("payer", "bob", "pay", "halfway");
    Node.eventually(() -> store.kvGet(Node.SCOPE, "halfway").isPresent());
    // The process dies; only the purge is gone through with, nobody offers the asker.
    restart();
    purge();
    assertThat(store.actorsWithWork()).containsExactly(Node.id("payer", "bob"));
    assertThat(node.system.deadLetters().latest()).isEmpty();
    installShop();
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(node.ask("payer", "bob", "outcome"))
        .isEqualTo("ACTOR_NOT_FOUND account/alice: application \"bank\" was purged");
    assertThat(node.ask("payer", "bob", "get")).isEqualTo(List.of(1L, 1L, 0L));
  }

  @Test
  void purge_movesTellsToTheDeadLetters() {
    start();
    installBank();
    node.ask("account", "alice", "deposit");
    node.ask("account", "alice", "later");
    assertThat(store.inbox(ALICE, 0, 10)).as("the timer").hasSize(1);
    uninstallBank();
    parkTell("deposit");
    insert(ALICE, "garbage", 0, new byte[] {'?'});
    insert(
        ALICE,
        "x/reply",
        0,
        MessageCodec.encode(
            DurableAsks.reply(
                new DurableAsks.Asker(
                    new Address(node.system.scope(Node.SCOPE), "account", "alice"), "x", 0),
                1,
                null)));

    assertThat(purge()).isEqualTo(new Purge.Summary(1, 2, 0));

    assertThat(store.actorsWithWork()).isEmpty();
    assertThat(dead())
        .extracting(InboxRow::messageId)
        .containsExactly("deposit-parked-0", "garbage");
    assertThat(dead().getFirst().reason()).isEqualTo("application \"bank\" was purged");
    assertThat(dead().getFirst().partlyDone()).isFalse();
    assertThat(dead().getLast().reason()).contains("cannot be read");
    // Listed, discarded, and delivered to the next incarnation.
    Inspection inspection = new Inspection(node.system, true);
    assertThat(inspection.deadLetters(Node.SCOPE, "", 10, true).rows()).hasSize(2);
    Node.await(inspection.discard(Node.SCOPE, Long.toString(dead().getLast().seq())));
    installBank();
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(0L);
    Node.await(inspection.redrive(Node.SCOPE, Long.toString(dead().getFirst().seq()), false));
    Node.eventually(() -> Long.valueOf(10).equals(node.ask("account", "alice", "balance")));
    assertThat(dead()).isEmpty();
    // The timer is gone for good.
    node.advance(HOUR.multipliedBy(2));
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(10L);
  }

  @Test
  void purge_ofALongInbox_isWorkedOffInPortions() {
    start();
    int messages = 3 * Purge.PORTION;
    for (int i = 0; i < messages; i++) {
      parkTell("deposit");
    }
    assertThat(purge()).isEqualTo(new Purge.Summary(1, messages, 0));
    assertThat(dead()).hasSize(messages);
    assertThat(store.inbox(ALICE, 0, 1)).isEmpty();
    assertThat(store.load(ALICE).incarnation()).isEqualTo(2);
  }

  @Test
  void purge_ofManyActors_takesThemAll() {
    start();
    installBank();
    int actors = 129;
    for (int i = 0; i < actors; i++) {
      node.ask("account", "a" + i, "deposit");
    }
    uninstallBank();
    assertThat(purge().actors()).isEqualTo(actors);
    for (int i = 0; i < actors; i++) {
      assertThat(store.load(Node.id("account", "a" + i)).nextTurn()).isZero();
    }
  }

  // ---- open turns

  @Test
  void purge_failsAnOpenTurn_itsMessageIsADeadLetterThatIsPartlyDone() {
    start();
    installBank();
    node.tell("account", "alice", "halfway", null);
    Node.eventually(() -> store.kvGet(Node.SCOPE, "halfway").isPresent());
    uninstallBank();
    assertThat(store.load(ALICE).open()).isPresent();

    purge();

    assertThat(store.load(ALICE).open()).isEmpty();
    InboxRow letter = dead().getFirst();
    assertThat(letter.partlyDone()).isTrue();
    assertThat(letter.reason()).contains("\"bank\" was purged", "turn of the message was open");
    gate.countDown();
    installBank();
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(0L);
    Inspection inspection = new Inspection(node.system, true);
    String id = Long.toString(letter.seq());
    assertThatThrownBy(() -> inspection.redrive(Node.SCOPE, id, false))
        .hasMessageContaining("--rerun");
    Node.await(inspection.redrive(Node.SCOPE, id, true));
    Node.eventually(() -> Long.valueOf(1_000).equals(node.ask("account", "alice", "balance")));
    assertThat(new String(store.kvGet(Node.SCOPE, "halfway").orElseThrow().value()))
        .as("what the failed turn did stands")
        .isEqualTo("2");
  }

  @Test
  void purge_failsTheOpenTurnOfACallFromOutside() {
    start();
    installBank();
    CompletableFuture<Object> call = node.asking("account", "alice", "halfway", null);
    Node.eventually(() -> store.kvGet(Node.SCOPE, "halfway").isPresent());
    uninstallBank();
    assertThat(Node.failure(call)).isNotNull();
    purge();
    assertThat(store.actorsWithWork()).isEmpty();
    assertThat(store.load(ALICE).open()).isEmpty();
    installBank();
    assertThat(node.ask("account", "alice", "inits")).isEqualTo(1L);
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(0L);
  }

  // ---- what is left

  @Test
  void purgedActor_startsAnew_withAnotherIncarnation() {
    start();
    installBank();
    installShop();
    // Its messages have the same turn and place in both incarnations.
    node.ask("account", "alice", "greet");
    Node.eventually(() -> node.ask("payer", "bob", "get").equals(List.of(0L, 0L, 1L)));
    node.ask("account", "alice", "put");
    uninstallBank();
    purge();
    LoadedActor tombstone = store.load(ALICE);
    assertThat(tombstone.incarnation()).isEqualTo(2);
    assertThat(tombstone.nextTurn()).isZero();
    assertThat(tombstone.changes()).isEmpty();
    assertThat(store.history(ALICE, Long.MAX_VALUE, 10)).isEmpty();
    assertThat(store.kvGet(Node.SCOPE, "key")).as("keys are the scope's").isPresent();

    installBank();
    store.hold();
    CompletableFuture<Object> greeting = node.asking("account", "alice", "greet", null);
    // Turn 0, and the greeting that runs ahead of it.
    Node.eventually(() -> store.held() == 2);
    store.release(2);
    Node.await(greeting);
    assertThat(store.inbox(Node.id("payer", "bob"), 0, 10))
        .singleElement()
        .satisfies(row -> assertThat(row.messageId()).endsWith("/alice#1.2.1.0.0"));
    store.releaseAll();
    Node.eventually(() -> node.ask("payer", "bob", "get").equals(List.of(0L, 0L, 2L)));
    assertThat(node.ask("account", "alice", "inits")).isEqualTo(1L);
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(0L);
  }

  /// Both incarnations set their first timer in the same turn.
  @Test
  void timerOfAnEarlierIncarnation_amongTheDeadLetters_doesNotHideThatOfTheNext() {
    start();
    installBank();
    node.ask("account", "alice", "fail_soon");
    node.eventually(Duration.ofSeconds(1), () -> dead().size() == 1);
    uninstallBank();
    purge();
    installBank();
    node.ask("account", "alice", "later");
    assertThat(store.inbox(ALICE, 0, 10)).hasSize(1);
    // Re-driven while a timer of the same number waits.
    failing.set(false);
    Inspection inspection = new Inspection(node.system, true);
    Node.await(inspection.redrive(Node.SCOPE, Long.toString(dead().getFirst().seq()), false));
    Node.eventually(() -> Long.valueOf(1).equals(node.ask("account", "alice", "balance")));
    restart();
    installBank();
    node.advance(HOUR.multipliedBy(2));
    Node.eventually(() -> Long.valueOf(11).equals(node.ask("account", "alice", "balance")));
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(dead()).isEmpty();
  }

  @Test
  void purge_leavesOthersAlone() {
    start();
    installBank();
    installShop();
    install("theirs", Optional.of("globex"), account());
    ActorId theirs = new ActorId(new Scope("globex", "test"), "account", "alice");
    ActorId elsewhere = new ActorId(new Scope(ACME, "other"), "account", "alice");
    node.ask("payer", "bob", "greeted");
    node.ask("account", "alice", "deposit");
    for (ActorId id : List.of(theirs, elsewhere)) {
      insert(id, "m", 0, body("deposit"));
      node.system.resolveQuietly(new Address(node.system.scope(id.scope()), id.type(), id.key()));
      Node.eventually(() -> store.load(id).nextTurn() == 2);
    }
    uninstallBank();
    insert(Node.id("payer", "carol"), "m", HOUR.toMillis() + clock.millis(), body("greeted"));

    assertThat(purge().actors()).as("of all namespaces").isEqualTo(2);

    assertThat(store.load(elsewhere).incarnation()).isEqualTo(2);
    assertThat(store.load(theirs).incarnation()).isEqualTo(1);
    assertThat(store.load(theirs).nextTurn()).isEqualTo(2);
    assertThat(node.ask("payer", "bob", "get")).isEqualTo(List.of(0L, 0L, 1L));
    assertThat(store.inbox(Node.id("payer", "carol"), 0, 10)).hasSize(1);
  }

  @Test
  void typeThatAnotherApplicationOffersToo_isNotPurged() {
    start();
    install("everybodys", Optional.empty(), account());
    installBank();
    node.ask("account", "alice", "deposit");
    uninstallBank();
    assertThat(purge().actors()).isZero();
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(10L);
  }

  private static byte[] body(String operation) {
    return MessageCodec.encode(
        new Envelope(
            dev.plexspaces.sdk.Message.Kind.CAST, operation, null, null, Node.context(), null));
  }

  // ---- meanwhile

  @Test
  void typesBeingPurged_areOfferedByNobody() {
    start();
    installBank();
    Purge purge = new Purge(node.system);
    assertThatThrownBy(() -> purge.reserve(new Purge.Order("other", ACME, List.of("account"))))
        .hasMessageContaining("'bank'");
    purge.reserve(BANK);
    uninstallBank();
    assertThatThrownBy(() -> install("thief", Optional.of(ACME), account()))
        .isInstanceOfSatisfying(
            PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
        .hasMessageContaining("is being purged with application 'bank'");
    purge.run(BANK);
    install("heir", Optional.of(ACME), account());
  }

  @Test
  void freedTypes_areForEverybody() {
    start();
    Purge purge = new Purge(node.system);
    purge.reserve(BANK);
    purge.free(BANK);
    install("heir", Optional.of(ACME), account());
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(0L);
  }

  @Test
  void stoppedPurge_saysThatItGoesOnLater() {
    start();
    parkTell("deposit");
    Purge purge = new Purge(node.system);
    purge.stop();
    assertThatThrownBy(() -> purge.run(BANK)).hasMessageContaining("at its next start");
    assertThat(purge().deadLetters()).isEqualTo(1);
  }

  // ---- crashes

  /// The process dies after each commit of the purge, having heard of it or not; the next one
  /// repeats the purge. Whatever happened: each ask is answered once, each tell is one dead letter,
  /// and no actor is there in part.
  @Test
  void crashAtEachCommit_thenRepeated_comesToTheSameEnd() {
    int crashes = 0;
    for (boolean heardOf : List.of(true, false)) {
      for (int commits = 1; ; commits++) {
        boolean crashed = crashedPurgeIsRepeated(commits, heardOf);
        if (!crashed) {
          break;
        }
        crashes++;
      }
    }
    // Two portions and a last commit, each in both ways.
    assertThat(crashes).isEqualTo(6);
  }

  private boolean crashedPurgeIsRepeated(int commits, boolean heardOf) {
    store = new FaultyStore(new InMemoryStore(clock));
    gate = new CountDownLatch(1);
    start();
    installBank();
    installShop();
    node.ask("account", "alice", "deposit");
    node.asking("payer", "bob", "pay", "halfway");
    Node.eventually(() -> store.kvGet(Node.SCOPE, "halfway").isPresent());
    restart();
    gate.countDown();
    int tells = 2 * Purge.PORTION + 3;
    for (int i = 0; i < tells; i++) {
      parkTell("deposit");
    }
    FaultyStore disk = store;
    disk.crashAfter(commits, heardOf);
    CompletableFuture<Purge.Summary> purging = new CompletableFuture<>();
    Thread.startVirtualThread(
        () -> {
          try {
            purging.complete(purge());
          } catch (RuntimeException e) {
            purging.completeExceptionally(e);
          }
        });
    Node.eventually(() -> purging.isDone() || disk.crash.getCount() == 0);
    boolean crashed = disk.crash.getCount() == 0;
    LoadedActor between = disk.disk().load(ALICE);
    if (between.incarnation() == 1) {
      assertThat(between.open()).isPresent();
      assertThat(between.changes()).isNotEmpty();
    } else {
      assertThat(between.incarnation()).isEqualTo(2);
      assertThat(disk.disk().inbox(ALICE, 0, 1)).isEmpty();
    }
    restart();
    purge();
    assertThat(dead()).hasSize(tells);
    assertThat(dead()).extracting(InboxRow::messageId).doesNotHaveDuplicates();
    assertThat(store.load(ALICE).nextTurn()).isZero();
    assertThat(store.inbox(Node.id("payer", "bob"), 0, 10)).as("one reply").hasSize(1);
    installShop();
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(node.ask("payer", "bob", "outcome")).asString().startsWith("ACTOR_NOT_FOUND");
    assertThat(node.ask("payer", "bob", "get")).isEqualTo(List.of(1L, 1L, 0L));
    installBank();
    assertThat(node.ask("account", "alice", "inits")).isEqualTo(1L);
    assertThat(node.ask("account", "alice", "balance")).isEqualTo(0L);
    node.abandon();
    return crashed;
  }
}
