package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(180)
class DurableTurnsTest {

  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration HOUR = Duration.ofHours(1);

  /// Shorter than any pause before a redelivery.
  private static final Duration SHORT = Duration.ofMillis(Deliveries.BACKOFF_MIN_MILLIS / 5);

  private final ManualClock clock = new ManualClock();
  private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private final AtomicInteger runs = new AtomicInteger();
  private final List<Node> nodes = new ArrayList<>();
  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node;

  private Node start(TestType... types) {
    return start(Node.withManualTime(store, clock), types);
  }

  private Node start(Node started, TestType... types) {
    node = started;
    nodes.add(node);
    return node.offer(types);
  }

  /// The process dies and is started again; `types` may be newer code.
  private Node restart(TestType... types) {
    node.abandon();
    store = store.afterCrash();
    return start(Node.afterUncleanStop(store, clock), types);
  }

  @AfterEach
  void close() {
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  /// Nothing waits and no turn is open.
  private void quiet() {
    Node.eventually(() -> store.actorsWithWork().isEmpty());
  }

  private TestType counter() {
    return DurableScript.type(
        "counter",
        () ->
            DurableScript.of(
                    "add",
                    (c, m, s) -> {
                      runs.incrementAndGet();
                      return add(s, "sum", ((Number) m.payload()).longValue());
                    })
                .on(
                    "add_and_refuse",
                    (c, m, s) -> {
                      add(s, "sum", 1_000);
                      c.tell(c.actor("counter", "other"), "add", 1);
                      throw new ActorException("refused");
                    })
                .on(
                    "add_and_crash",
                    (c, m, s) -> {
                      runs.incrementAndGet();
                      add(s, "sum", 1_000);
                      c.tell(c.actor("counter", "other"), "add", 1);
                      throw new IllegalStateException("on purpose");
                    })
                .on(
                    "reply_not_json",
                    (c, m, s) -> {
                      add(s, "sum", 1_000);
                      return new Object();
                    })
                .on("get", (c, m, s) -> number(s, "sum"))
                .init((c, s) -> add(s, "inits", 1))
                .on("inits", (c, m, s) -> number(s, "inits")));
  }

  // ---- replies and the disk

  @Test
  void reply_leavesOnlyAfterItsTurnIsDurable() {
    start(counter());
    node.ask("counter", "a", "get");
    store.hold();
    CompletableFuture<Object> reply = node.asking("counter", "a", "add", 5);
    Node.eventually(() -> store.held() == 1);
    assertThat(reply).isNotDone();
    store.release(1);
    assertThat(Node.await(reply)).isEqualTo(5L);
  }

  @Test
  void laterTurns_runWhileTheFirstCommitIsHeldBack_repliesFollowInOrder() {
    start(counter());
    node.ask("counter", "a", "get");
    store.hold();
    List<Long> order = java.util.Collections.synchronizedList(new ArrayList<>());
    List<CompletableFuture<Object>> replies = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      CompletableFuture<Object> reply = node.asking("counter", "a", "add", 1);
      replies.add(
          reply.thenApply(
              r -> {
                order.add((Long) r);
                return r;
              }));
    }
    Node.eventually(() -> runs.get() == 100);
    Node.eventually(() -> store.held() == 100);
    assertThat(replies).noneMatch(CompletableFuture::isDone);
    store.release(40);
    assertThat(order).hasSize(40);
    store.releaseAll();
    replies.forEach(Node::await);
    assertThat(order).isEqualTo(IntStream.rangeClosed(1, 100).mapToObj(i -> (long) i).toList());
  }

  @Test
  void readOnlyTurn_itsReplyWaitsForEarlierCommits() {
    start(counter());
    node.ask("counter", "a", "get");
    store.hold();
    CompletableFuture<Object> write = node.asking("counter", "a", "add", 5);
    CompletableFuture<Object> read = node.asking("counter", "a", "get", null);
    Node.eventually(() -> store.held() == 1);
    // Behind the read in the mailbox and held as well: so the read has run.
    CompletableFuture<Object> after = node.asking("counter", "a", "add", 1);
    Node.eventually(() -> store.held() == 2);
    assertThat(read).isNotDone();
    store.release(1);
    assertThat(Node.await(write)).isEqualTo(5L);
    assertThat(Node.await(read)).isEqualTo(5L);
    assertThat(after).isNotDone();
  }

  @Test
  void readOnlyTurn_whoseEarlierCommitIsRefused_isToldSo() {
    start(counter());
    node.ask("counter", "a", "get");
    store.hold();
    CompletableFuture<Object> write = node.asking("counter", "a", "add", 5);
    CompletableFuture<Object> read = node.asking("counter", "a", "get", null);
    CompletableFuture<Object> after = node.asking("counter", "a", "add", 1);
    Node.eventually(() -> store.held() == 2);
    // Somebody else took the turn meanwhile.
    store.disk().purge(List.of(Node.id("counter", "a")), List.of());
    store.releaseAll();
    assertThat(Node.failure(write).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(Node.failure(read).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(Node.failure(after).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    Node.eventually(() -> Long.valueOf(0).equals(answer("counter", "a", "get")));
  }

  private Object answer(String type, String key, String operation) {
    try {
      return node.ask(type, key, operation);
    } catch (PlexException e) {
      return e;
    }
  }

  /// The answer of an actor that needs time to pass before it takes messages: the time moves on
  /// while the question waits, in steps that are short beside any timeout.
  private Object answerInTime(String type, String key, String operation) {
    while (true) {
      CompletableFuture<Object> asked = node.asking(type, key, operation, null);
      node.eventually(Duration.ofMillis(200), asked::isDone);
      if (!asked.isCompletedExceptionally()) {
        return asked.join();
      }
      assertThat(Node.failure(asked).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CONFLICT", "UNAVAILABLE", "RESOURCE_EXHAUSTED"})
  void refusedCommit_callerIsTold_stateIsThatOfTheDisk_laterTurnsAreFine(ErrorCode code) {
    start(counter());
    node.ask("counter", "a", "add", 5);
    store.refuse(code, 1);
    ErrorCode told = code == ErrorCode.CONFLICT ? ErrorCode.UNAVAILABLE : code;
    assertThat(node.askFails("counter", "a", "add", 100).code()).isEqualTo(told);
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(20));
          return Long.valueOf(5).equals(answer("counter", "a", "get"));
        });
    assertThat(node.ask("counter", "a", "add", 1)).isEqualTo(6L);
    restart(counter());
    assertThat(node.ask("counter", "a", "get")).isEqualTo(6L);
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  @Test
  void storeInTrouble_forALongTime_noCrashIsCountedAndNothingIsBuried() {
    TestType type =
        DurableScript.supervisedType(
            "keeper",
            () ->
                DurableScript.of("add", (c, m, s) -> add(s, "sum", 1))
                    .on("get", (c, m, s) -> number(s, "sum"))
                    .on(
                        "add_by_ask",
                        (c, m, s) -> {
                          add(s, "sum", 1);
                          c.ask(c.actor("echo", "e"), "echo", 1, HOUR);
                          return add(s, "sum", 1);
                        }));
    TestType echo =
        TestType.of("echo", () -> Script.of("*", (c, m) -> m.payload()), "virtual_actor");
    node = Node.withManualTime(store, clock);
    nodes.add(node);
    CompletableFuture<String> exited = new CompletableFuture<>();
    node.system.onApplicationExit((id, reason) -> exited.complete(reason.text()));
    node.install(
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                SupervisionStrategy.ONE_FOR_ONE,
                0,
                new SupervisorSpec.Worker(ChildSpec.of("keeper", "k"))),
            type,
            echo));
    node.ask("keeper", "k", "add");
    assertThat(node.tell("keeper", "k", "add", null)).isTrue();
    Node.eventually(() -> Long.valueOf(2).equals(node.ask("keeper", "k", "get")));
    store.hold();
    CompletableFuture<Boolean> told = node.telling("keeper", "k", "add", null);
    Node.eventually(() -> store.held() == 1);
    store.releaseAll();
    assertThat(Node.await(told)).isTrue();
    Node.eventually(() -> Long.valueOf(3).equals(node.ask("keeper", "k", "get")));

    store.refuse(ErrorCode.UNAVAILABLE, Integer.MAX_VALUE);
    store.failReads(ErrorCode.UNAVAILABLE);
    assertThat(node.askFails("keeper", "k", "add", null).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    // From here on the actor cannot even be loaded; it is tried again and again.
    for (int i = 0; i < 20; i++) {
      node.advance(Duration.ofSeconds(6));
    }
    store.refuse(ErrorCode.UNAVAILABLE, 0);
    store.failReads(null);
    assertThat(answerInTime("keeper", "k", "get")).isEqualTo(3L);
    store.refuse(ErrorCode.UNAVAILABLE, 1);
    assertThat(node.askFails("keeper", "k", "add_by_ask", null).code())
        .isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(answerInTime("keeper", "k", "add_by_ask")).isEqualTo(5L);
    assertThat(exited).isNotDone();
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).isEmpty();
    assertThat(node.system.actor(Node.id("keeper", "k")).orElseThrow().restarts()).isZero();
  }

  @Test
  void state_isRecoveredAfterACrash_andInitRunsOncePerIncarnation() {
    start(counter());
    assertThat(node.ask("counter", "a", "add", 5)).isEqualTo(5L);
    assertThat(node.ask("counter", "a", "add", 6)).isEqualTo(11L);
    for (int i = 0; i < 3; i++) {
      restart(counter());
      assertThat(node.ask("counter", "a", "get")).isEqualTo(11L);
      assertThat(node.ask("counter", "a", "inits")).isEqualTo(1L);
    }
    node.askFails("counter", "a", "add_and_crash", null);
    assertThat(node.ask("counter", "a", "inits")).isEqualTo(1L);
    restart();
    store.disk().purge(List.of(Node.id("counter", "a")), List.of());
    restart(counter());
    assertThat(node.ask("counter", "a", "get")).isEqualTo(0L);
    assertThat(node.ask("counter", "a", "inits")).isEqualTo(1L);
  }

  @ParameterizedTest
  @ValueSource(strings = {"add_and_refuse", "add_and_crash"})
  void failedTurn_leavesNoStateAndNoMessage(String operation) {
    start(counter());
    node.ask("counter", "a", "add", 5);
    assertThat(node.askFails("counter", "a", operation, null).code())
        .isEqualTo(
            operation.equals("add_and_refuse")
                ? ErrorCode.FAILED_PRECONDITION
                : ErrorCode.ACTOR_CRASHED);
    assertThat(node.ask("counter", "a", "get")).isEqualTo(5L);
    assertThat(node.ask("counter", "a", "add", 1)).isEqualTo(6L);
    assertThat(node.ask("counter", "other", "get")).isEqualTo(0L);
    restart(counter());
    assertThat(node.ask("counter", "a", "get")).isEqualTo(6L);
  }

  @Test
  void replyThatCannotBeWritten_isACrashOfTheActorAndOfNothingElse() {
    start(counter());
    assertThat(node.askFails("counter", "a", "reply_not_json", null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    for (int i = 0; i < 20; i++) {
      assertThat(node.ask("counter", "a" + i, "add", 1)).isEqualTo(1L);
    }
    assertThat(node.ask("counter", "a", "get")).isEqualTo(0L);
  }

  // ---- messages

  /// Moves money by tells between durable actors and notes it in a third.
  private TestType account() {
    return DurableScript.type(
        "account",
        () ->
            DurableScript.of(
                    "transfer",
                    (c, m, s) -> {
                      Map<?, ?> p = (Map<?, ?>) m.payload();
                      long amount = ((Number) p.get("amount")).longValue();
                      add(s, "balance", -amount);
                      c.tell(c.actor("account", (String) p.get("to")), "credit", amount);
                      c.tell(c.actor("account", "audit"), "credit", 1);
                      return null;
                    })
                .on("credit", (c, m, s) -> add(s, "balance", ((Number) m.payload()).longValue()))
                .on("balance", (c, m, s) -> number(s, "balance")));
  }

  private static final int TRANSFERS = 5;

  private static Stream<Arguments> crashPoints(int commits) {
    return IntStream.range(0, commits)
        .boxed()
        .flatMap(i -> Stream.of(Arguments.of(i, true), Arguments.of(i, false)));
  }

  /// Per transfer: its row, the turn of the payer, of the payee, of the audit; and three inits.
  static Stream<Arguments> transferCrashPoints() {
    return crashPoints(TRANSFERS * 4 + 3 + 1);
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("transferCrashPoints")
  void tellsBetweenDurableActors_crashAtEveryCommit_eachIsAppliedExactlyOnce(
      int commits, boolean heardOf) {
    start(account());
    store.crashAfter(commits, heardOf);
    AtomicInteger accepted = new AtomicInteger();
    for (int i = 0; i < TRANSFERS; i++) {
      node.telling("account", "a", "transfer", Map.of("to", "b", "amount", 10))
          .thenAccept(durable -> accepted.incrementAndGet());
    }
    boolean all = commits > TRANSFERS * 4 + 3;
    if (all) {
      quiet();
    } else {
      Node.await(store.crash);
    }
    int acknowledged = accepted.get();
    restart(account());
    quiet();
    long a = (Long) node.ask("account", "a", "balance");
    long b = (Long) node.ask("account", "b", "balance");
    long audit = (Long) node.ask("account", "audit", "balance");
    assertThat(a + b).as("conserved").isZero();
    assertThat(b).isEqualTo(audit * 10);
    assertThat(audit).isBetween((long) acknowledged, (long) TRANSFERS);
    if (all) {
      assertThat(audit).isEqualTo(TRANSFERS);
    }
    // And once more: nothing of it comes again.
    restart(account());
    quiet();
    assertThat(node.ask("account", "a", "balance")).isEqualTo(a);
    assertThat(node.ask("account", "b", "balance")).isEqualTo(b);
    assertThat(node.ask("account", "audit", "balance")).isEqualTo(audit);
  }

  @Test
  void externalTell_isAcceptedOnlyOnceItIsOnDisk() {
    start(counter());
    store.hold();
    CompletableFuture<Boolean> told = node.telling("counter", "a", "add", 5);
    Node.eventually(() -> store.held() == 1);
    assertThat(told).isNotDone();
    assertThat(runs.get()).isZero();
    store.release(1);
    assertThat(Node.await(told)).as("durable").isTrue();
  }

  @Test
  void externalTell_whoseTurnWasNotDurable_isDeliveredAgainAfterTheCrashOnce() {
    start(counter());
    node.ask("counter", "a", "add", 1);
    store.hold();
    node.telling("counter", "a", "add", 5);
    Node.eventually(() -> store.held() == 1);
    store.release(1);
    Node.eventually(() -> runs.get() == 2);
    Node.eventually(() -> store.held() == 1);
    restart(counter());
    quiet();
    assertThat(node.ask("counter", "a", "get")).isEqualTo(6L);
    assertThat(runs.get()).as("run again, for the first run left nothing").isEqualTo(3);
  }

  @Test
  void externalTell_toNobody_isRefusedAtTheCall() {
    start(DurableScript.supervisedType("lonely", DurableScript::new));
    assertThat(node.tellFails("lonely", "x", "go", null).code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(store.actorsWithWork()).isEmpty();
  }

  @Test
  void messagesOfOneSender_arriveInTheirOrder() {
    TestType sender =
        DurableScript.type(
            "sender",
            () ->
                DurableScript.of(
                    "send",
                    (c, m, s) -> {
                      for (int i = 0; i < 3; i++) {
                        c.tell(c.actor("receiver", "r"), "take", add(s, "sent", 1));
                      }
                      return null;
                    }));
    TestType receiver =
        DurableScript.type(
            "receiver",
            () ->
                DurableScript.of(
                    "take",
                    (c, m, s) -> {
                      seen.add(m.payload());
                      return add(s, "got", 1);
                    }));
    store.writeLater();
    start(sender, receiver);
    for (int i = 0; i < 100; i++) {
      node.tell("sender", "s", "send", null);
    }
    for (long i = 1; i <= 300; i++) {
      assertThat(((Number) Node.take(seen)).longValue()).isEqualTo(i);
    }
    quiet();
    assertThat(seen).isEmpty();
  }

  /// Turns that write and turns that only read take different ways out; neither overtakes the
  /// other.
  @Test
  void messagesToAVolatileActor_ofWritingAndReadingTurns_arriveInTheirOrder() {
    TestType sender =
        DurableScript.type(
            "sender",
            () ->
                DurableScript.of(
                        "write",
                        (c, m, s) -> {
                          c.tell(c.actor("receiver", "r"), "take", m.payload());
                          return add(s, "sent", 1);
                        })
                    .on(
                        "read",
                        (c, m, s) -> {
                          c.tell(c.actor("receiver", "r"), "take", m.payload());
                          return null;
                        }));
    TestType receiver =
        TestType.of(
            "receiver",
            () ->
                Script.of(
                    "take",
                    (c, m) -> {
                      seen.add(m.payload());
                      return null;
                    }),
            FacetCatalog.VIRTUAL_ACTOR);
    store.writeLater();
    start(sender, receiver);
    int count = 20_000;
    CompletableFuture<Object> last = null;
    for (int i = 0; i < count; i++) {
      last = node.asking("sender", "s", i % 3 == 0 ? "write" : "read", i);
      if (i % 1_000 == 999) {
        Node.await(last);
      }
    }
    for (int i = 0; i < count; i++) {
      assertThat(Node.take(seen)).isEqualTo(i);
    }
  }

  /// While what waited for a commit goes out, a later turn must not find that nothing is pending.
  @Test
  void messagesOfReadingTurns_thatWaitForACommit_areNotOvertakenByALaterTurn() {
    TestType sender =
        DurableScript.type(
            "sender",
            () ->
                DurableScript.of(
                        "write",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          return add(s, "sent", 1);
                        })
                    .on(
                        "read",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          c.tell(c.actor("callee", "x"), "note", m.payload());
                          return null;
                        }));
    start(sender, callee());
    node.ask("sender", "s", "read", "first");
    assertThat(Node.take(seen)).isEqualTo("first");
    store.hold();
    node.asking("sender", "s", "write", null);
    CompletableFuture<Object> second = node.asking("sender", "s", "read", "second");
    // Told in the middle of it, on the thread that releases.
    CompletableFuture<Object> told =
        second.thenApply(
            reply -> {
              node.asking("sender", "s", "read", "fourth");
              node.asking("sender", "s", "read", "fifth");
              // The fourth has left its turn when the fifth runs.
              Node.eventually(() -> runs.get() == 6);
              return reply;
            });
    node.asking("sender", "s", "read", "third");
    Node.eventually(() -> runs.get() == 4);
    Node.eventually(() -> store.held() == 1);
    // The third has left its turn as well once the actor is idle.
    Node.eventually(() -> node.system.actor(Node.id("sender", "s")).orElseThrow().messages() == 4);
    store.release(1);
    Node.await(told);
    for (String expected : List.of("second", "third", "fourth", "fifth")) {
      assertThat(Node.take(seen)).isEqualTo(expected);
    }
  }

  // ---- failed deliveries

  private TestType poisonable() {
    return poisonable(runs);
  }

  private TestType poisonable(AtomicInteger runs) {
    return DurableScript.type(
        "p",
        () ->
            DurableScript.of(
                    "fail",
                    (c, m, s) -> {
                      runs.incrementAndGet();
                      add(s, "sum", 1_000);
                      throw new IllegalStateException("on purpose");
                    })
                .on(
                    "refuse",
                    (c, m, s) -> {
                      runs.incrementAndGet();
                      throw new ActorException("not this one");
                    })
                .on(
                    "note",
                    (c, m, s) -> {
                      seen.add(m.payload());
                      return add(s, "sum", 1);
                    })
                .on("get", (c, m, s) -> number(s, "sum")));
  }

  @Test
  void messageThatCrashesItsActor_isTriedThreeTimesInPlace_thenBuriedWithItsReason() {
    start(poisonable());
    node.tell("p", "a", "note", 1);
    node.tell("p", "a", "fail", null);
    node.tell("p", "a", "note", 2);
    assertThat(((Number) Node.take(seen)).intValue()).isEqualTo(1);
    node.eventually(SHORT, () -> !seen.isEmpty());
    assertThat(((Number) Node.take(seen)).intValue()).isEqualTo(2);
    assertThat(runs.get()).as("before the one behind it").isEqualTo(3);
    quiet();
    assertThat(node.ask("p", "a", "get")).isEqualTo(2L);
    List<InboxRow> dead = store.deadLetters(Node.SCOPE, 0, 10);
    assertThat(dead).hasSize(1);
    assertThat(dead.getFirst().to()).isEqualTo(Node.id("p", "a"));
    assertThat(dead.getFirst().reason())
        .isEqualTo("delivered 3 times, crashed: java.lang.IllegalStateException: on purpose");
    restart(poisonable());
    assertThat(node.ask("p", "a", "get")).isEqualTo(2L);
    assertThat(runs.get()).isEqualTo(3);
  }

  @Test
  void failedDeliveries_areCountedAcrossACrashOfTheNode() {
    start(poisonable());
    node.ask("p", "a", "get");
    // The row, one failed delivery, and then the power goes.
    store.crashAfter(2, true);
    node.telling("p", "a", "fail", null);
    Node.await(store.crash);
    // A counter of its own: the dying node may still be in the middle of its next attempt.
    AtomicInteger runsAfter = new AtomicInteger();
    restart(poisonable(runsAfter));
    node.eventually(SHORT, () -> store.deadLetters(Node.SCOPE, 0, 10).size() == 1);
    assertThat(runsAfter.get()).isEqualTo(2);
    assertThat(node.ask("p", "a", "get")).isEqualTo(0L);
  }

  @Test
  void messageThatIsRefused_isBuriedAtOnceAndNobodyCrashes() {
    start(poisonable());
    node.tell("p", "a", "refuse", null);
    node.tell("p", "a", "note", 1);
    Node.take(seen);
    quiet();
    assertThat(runs.get()).isEqualTo(1);
    assertThat(store.deadLetters(Node.SCOPE, 0, 10))
        .extracting(InboxRow::reason)
        .containsExactly("FAILED_PRECONDITION: not this one");
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
    assertThat(node.system.deadLetters().latest()).as("volatile ones").isEmpty();
  }

  @Test
  void messageWhoseCommitCanNeverBeWritten_isBuried_andNobodyCrashes() {
    CountDownLatch gate = new CountDownLatch(1);
    CountDownLatch held = new CountDownLatch(1);
    TestType type =
        DurableScript.type(
            "w",
            () ->
                DurableScript.of(
                        "bad",
                        (c, m, s) -> {
                          held.countDown();
                          Node.await(gate);
                          return add(s, "sum", 1_000);
                        })
                    .on("note", (c, m, s) -> add(s, "sum", 1))
                    .on("get", (c, m, s) -> number(s, "sum")));
    start(type);
    node.tell("w", "a", "bad", null);
    Node.await(held);
    node.tell("w", "a", "note", null);
    store.refuse(ErrorCode.INVALID_MESSAGE, 1);
    gate.countDown();
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(50));
          return store.actorsWithWork().isEmpty();
        });
    assertThat(store.deadLetters(Node.SCOPE, 0, 10))
        .extracting(InboxRow::reason)
        .containsExactly("the test refuses this commit");
    Node.eventually(() -> Long.valueOf(1).equals(answer("w", "a", "get")));
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  @Test
  void turnThatCanNeverBeCommitted_askerIsTold_stateIsThatOfTheDisk() {
    start(counter());
    node.ask("counter", "a", "add", 5);
    store.refuse(ErrorCode.INVALID_MESSAGE, 1);
    assertThat(node.askFails("counter", "a", "add", 100).code())
        .isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(node.ask("counter", "a", "add", 1)).isEqualTo(6L);
    restart(counter());
    assertThat(node.ask("counter", "a", "get")).isEqualTo(6L);
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void openTurnThatCanNeverBeCommitted_failsForGood_whateverItsHandlerCatches(boolean atTheEnd) {
    AtomicInteger caught = new AtomicInteger();
    TestType type =
        DurableScript.type(
            "w",
            () ->
                DurableScript.of(
                        "bad",
                        (c, m, s) -> {
                          add(s, "sum", 1);
                          c.ask(c.actor("callee", "x"), "double", 1, HOUR);
                          add(s, "sum", 10);
                          store.refuse(ErrorCode.INVALID_MESSAGE, 1);
                          for (int i = 0; i < (atTheEnd ? 0 : 2); i++) {
                            try {
                              c.ask(c.actor("callee", "x"), "double", 2, HOUR);
                            } catch (PlexException e) {
                              caught.incrementAndGet();
                            }
                          }
                          return add(s, "sum", 100);
                        })
                    .on("get", (c, m, s) -> number(s, "sum")));
    start(type, callee());
    node.tell("w", "a", "bad", null);
    Node.eventually(() -> !store.deadLetters(Node.SCOPE, 0, 10).isEmpty());
    InboxRow dead = store.deadLetters(Node.SCOPE, 0, 10).getFirst();
    assertThat(dead.reason()).isEqualTo("the test refuses this commit");
    assertThat(dead.partlyDone()).isTrue();
    assertThat(caught.get()).isEqualTo(atTheEnd ? 0 : 2);
    assertThat(node.ask("w", "a", "get")).isEqualTo(1L);
    restart(type, callee());
    assertThat(node.ask("w", "a", "get")).isEqualTo(1L);
    assertThat(asked.get(1L).get()).isEqualTo(1);
  }

  // ---- asks as commit points

  /// How often the callee was asked, by payload, all processes together.
  private final Map<Object, AtomicInteger> asked = new ConcurrentHashMap<>();

  /// What a run saw of time and randomness, by segment.
  private final Map<Integer, ConcurrentLinkedQueue<Object>> observed = new ConcurrentHashMap<>();

  private TestType callee() {
    return TestType.of(
        "callee",
        () ->
            Script.of(
                    "double",
                    (c, m) -> {
                      asked
                          .computeIfAbsent(
                              ((Number) m.payload()).longValue(), k -> new AtomicInteger())
                          .incrementAndGet();
                      return ((Number) m.payload()).longValue() * 2;
                    })
                .on(
                    "refuse",
                    (c, m) -> {
                      asked.computeIfAbsent("refuse", k -> new AtomicInteger()).incrementAndGet();
                      throw ActorException.invalid("n", "is wrong");
                    })
                .on(
                    "note",
                    (c, m) -> {
                      seen.add(m.payload());
                      return null;
                    }),
        FacetCatalog.VIRTUAL_ACTOR);
  }

  private void observe(dev.plexspaces.sdk.ActorContext c, int segment) {
    observed
        .computeIfAbsent(segment, k -> new ConcurrentLinkedQueue<>())
        .add(List.of(c.now(), c.random().nextLong(), c.random().nextLong()));
  }

  private TestType planner() {
    return DurableScript.type(
        "planner",
        () ->
            DurableScript.of(
                    "plan",
                    (c, m, s) -> {
                      runs.incrementAndGet();
                      add(s, "sum", 1);
                      observe(c, 0);
                      c.tell(c.actor("account", "b"), "credit", 1);
                      long first =
                          ((Number) c.ask(c.actor("callee", "x"), "double", 5, HOUR)).longValue();
                      add(s, "sum", first);
                      observe(c, 1);
                      c.tell(c.actor("account", "b"), "credit", 10);
                      long second =
                          ((Number) c.ask(c.actor("callee", "x"), "double", 6, HOUR)).longValue();
                      add(s, "sum", second);
                      observe(c, 2);
                      c.tell(c.actor("account", "b"), "credit", 100);
                      return number(s, "sum");
                    })
                .on("get", (c, m, s) -> number(s, "sum")));
  }

  /// Init, row, open, segment, end; the payee's init and three credits.
  static Stream<Arguments> planCrashPoints() {
    return crashPoints(10);
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("planCrashPoints")
  void turnWithTwoAsks_crashAtEveryCommit_isResumedAndTheSumIsRight(int commits, boolean heardOf) {
    start(planner(), callee(), account());
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("planner", "p", "plan", null);
    if (commits <= 9) {
      Node.await(store.crash);
    } else {
      quiet();
    }
    int before = runs.get();
    clock.advance(SECOND);
    restart(planner(), callee(), account());
    quiet();
    boolean accepted = told.isDone();
    long sum = (Long) node.ask("planner", "p", "get");
    long credit = (Long) node.ask("account", "b", "balance");
    if (!accepted && sum == 0) {
      assertThat(credit).isZero();
      assertThat(commits).isLessThanOrEqualTo(1);
      return;
    }
    assertThat(sum).isEqualTo(1 + 10 + 12);
    assertThat(credit).isEqualTo(111);
    assertThat(before + runs.get()).isPositive();
    // A result that is on disk is not asked for again: that of the first ask is in the second
    // commit of the turn, that of the second in its last.
    List<Long> kinds = new ArrayList<>();
    asked.forEach((payload, times) -> kinds.add((long) times.get()));
    assertThat(kinds).allMatch(times -> times <= 2);
    assertThat(asked.values().stream().mapToInt(AtomicInteger::get).sum())
        .as("at most the one ask that was under way is repeated")
        .isLessThanOrEqualTo(3);
    // What was committed is replayed with the time and randomness it had.
    observed.forEach(
        (segment, views) -> {
          List<?> firstView = (List<?>) views.peek();
          assertThat(firstView.get(1))
              .as("two draws of one segment")
              .isNotEqualTo(firstView.get(2));
          for (Object view : views) {
            assertThat(((List<?>) view).subList(1, 3))
                .as("randomness of segment %d", segment)
                .isEqualTo(firstView.subList(1, 3));
          }
        });
    restart(planner(), callee(), account());
    assertThat(node.ask("planner", "p", "get")).isEqualTo(23L);
    assertThat(node.ask("account", "b", "balance")).isEqualTo(111L);
  }

  private final AtomicInteger worked = new AtomicInteger();

  private TestType worker() {
    return DurableScript.type(
        "worker",
        () ->
            DurableScript.of(
                    "work",
                    (c, m, s) -> {
                      add(s, "sum", 1);
                      Object drawn = c.step("draw", () -> worked.incrementAndGet());
                      add(s, "drawn", ((Number) drawn).longValue());
                      try {
                        c.step(
                            "refuse",
                            () -> {
                              worked.incrementAndGet();
                              throw ActorException.invalid("n", "is wrong");
                            });
                      } catch (ActorException e) {
                        add(s, "refused", 1);
                      }
                      return drawn;
                    })
                .on("field", (c, m, s) -> number(s, m.payload() + "")));
  }

  /// Init, row, two intents, end.
  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("workCrashPoints")
  void turnWithSteps_crashAtEveryCommit_doesNotRepeatARecordedStep(int commits, boolean heardOf) {
    start(worker());
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("worker", "w", "work", null);
    if (commits <= 5) {
      Node.await(store.crash);
    } else {
      quiet();
    }
    boolean accepted = told.isDone();
    restart(worker());
    quiet();
    long sum = (Long) node.ask("worker", "w", "field", "sum");
    if (!accepted && sum == 0) {
      return;
    }
    assertThat(sum).isEqualTo(1);
    assertThat(node.ask("worker", "w", "field", "refused")).isEqualTo(1L);
    assertThat(worked.get()).as("at most the one that was under way is repeated").isBetween(2, 3);
    long drawn = (Long) node.ask("worker", "w", "field", "drawn");
    assertThat(drawn).isBetween(1L, 2L);
  }

  static Stream<Arguments> workCrashPoints() {
    return crashPoints(6);
  }

  @Test
  void openTurn_afterACrash_replaysRecordedResultsAtTheirRecordedTime() {
    start(planner(), callee(), account());
    node.ask("planner", "p", "get");
    store.hold();
    node.telling("planner", "p", "plan", null);
    Node.eventually(() -> store.held() == 1);
    store.release(1); // the row
    Node.eventually(() -> store.held() == 1);
    clock.advance(SECOND);
    store.release(1); // opened, with the first ask's intent
    Node.eventually(() -> store.held() >= 1 && asked.containsKey(5L));
    Node.eventually(() -> observed.containsKey(1));
    clock.advance(SECOND);
    // The payee's rows are among what is held; let everything go until the second segment is.
    Node.eventually(
        () -> {
          if (!asked.containsKey(6L) && store.held() > 0) {
            store.release(1);
          }
          return asked.containsKey(6L);
        });
    clock.advance(SECOND);
    restart(planner(), callee(), account());
    quiet();
    assertThat(node.ask("planner", "p", "get")).isEqualTo(23L);
    assertThat(asked.get(5L).get()).as("its result was on disk").isEqualTo(1);
    for (int segment = 0; segment < 2; segment++) {
      assertThat(observed.get(segment)).hasSize(2);
      assertThat(List.copyOf(observed.get(segment)).get(0))
          .as("time and randomness of segment %d", segment)
          .isEqualTo(List.copyOf(observed.get(segment)).get(1));
    }
  }

  @Test
  void ask_isSentOnlyAfterWhatItDependsOnIsDurable() {
    start(planner(), callee(), account());
    node.ask("planner", "p", "get");
    store.hold();
    CompletableFuture<Object> plan = node.asking("planner", "p", "plan", null);
    Node.eventually(() -> store.held() == 1);
    assertThat(asked).isEmpty();
    store.releaseAll();
    assertThat(Node.await(plan)).isEqualTo(23L);
    quiet();
    assertThat(node.ask("account", "b", "balance")).isEqualTo(111L);
  }

  @Test
  void refusedAskThatTheHandlerCaught_isReplayedAsTheSameRefusal() {
    TestType type =
        DurableScript.type(
            "cautious",
            () ->
                DurableScript.of(
                        "go",
                        (c, m, s) -> {
                          try {
                            c.ask(c.actor("callee", "x"), "refuse", null, HOUR);
                          } catch (ActorException e) {
                            s.put("error", e.code() + " " + e.getMessage() + " " + e.violations());
                          }
                          c.ask(c.actor("callee", "x"), "double", 1, HOUR);
                          seen.add("done");
                          return null;
                        })
                    .on("get", (c, m, s) -> s.get("error")));
    start(type, callee());
    node.ask("cautious", "c", "get");
    // Row, opened, second segment; then the power goes.
    store.crashAfter(3, false);
    node.telling("cautious", "c", "go", null);
    Node.await(store.crash);
    restart(type, callee());
    Node.take(seen);
    quiet();
    assertThat(asked.get("refuse").get()).isEqualTo(1);
    assertThat(node.ask("cautious", "c", "get"))
        .isEqualTo("INVALID_MESSAGE n: is wrong [FieldViolation[field=n, description=is wrong]]");
  }

  @Test
  void openTurnThatCrashes_isResumedThreeTimes_thenFailsAndItsCommittedPartStands() {
    TestType type =
        DurableScript.type(
            "half",
            () ->
                DurableScript.of(
                        "go",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          add(s, "sum", 1);
                          c.ask(c.actor("callee", "x"), "double", 5, HOUR);
                          c.ask(c.actor("callee", "x"), "double", 6, HOUR);
                          add(s, "sum", 100);
                          throw new IllegalStateException("on purpose");
                        })
                    .on("get", (c, m, s) -> number(s, "sum")));
    start(type, callee());
    node.tell("half", "h", "go", null);
    node.eventually(SHORT, () -> store.deadLetters(Node.SCOPE, 0, 10).size() == 1);
    assertThat(runs.get()).isEqualTo(3);
    assertThat(asked.get(5L).get()).as("recorded").isEqualTo(1);
    assertThat(store.deadLetters(Node.SCOPE, 0, 10).getFirst().reason())
        .startsWith("delivered 3 times, crashed: ");
    quiet();
    assertThat(node.ask("half", "h", "get")).isEqualTo(1L);
    restart(type, callee());
    assertThat(node.ask("half", "h", "get")).isEqualTo(1L);
    assertThat(runs.get()).isEqualTo(3);
  }

  @Test
  void callWhoseOpenTurnCrashes_isOver_andItsCommittedPartStands() {
    TestType type =
        DurableScript.type(
            "half",
            () ->
                DurableScript.of(
                        "go",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          add(s, "sum", 1);
                          c.ask(c.actor("callee", "x"), "double", 5, HOUR);
                          add(s, "sum", 100);
                          throw new IllegalStateException("on purpose");
                        })
                    .on("get", (c, m, s) -> number(s, "sum")));
    start(type, callee());
    assertThat(node.askFails("half", "h", "go", null).code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(node.ask("half", "h", "get")).isEqualTo(1L);
    quiet();
    assertThat(runs.get()).isEqualTo(1);
  }

  @Test
  void callWhoseOpenTurnRefuses_rollsBackItsLastSegmentOnly() {
    TestType type =
        DurableScript.type(
            "half",
            () ->
                DurableScript.of(
                        "go",
                        (c, m, s) -> {
                          add(s, "sum", 1);
                          c.ask(c.actor("callee", "x"), "double", 5, HOUR);
                          add(s, "sum", 100);
                          throw new ActorException("no");
                        })
                    .on("get", (c, m, s) -> number(s, "sum")));
    start(type, callee());
    assertThat(node.askFails("half", "h", "go", null).code())
        .isEqualTo(ErrorCode.FAILED_PRECONDITION);
    assertThat(node.ask("half", "h", "get")).isEqualTo(1L);
    quiet();
    restart(type, callee());
    assertThat(node.ask("half", "h", "get")).isEqualTo(1L);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void initWithAnAsk_crashAtEveryCommit_isResumedAndRunsOnce(int commits) {
    TestType type =
        DurableScript.type(
            "needy",
            () ->
                DurableScript.of("get", (c, m, s) -> number(s, "sum"))
                    .init(
                        (c, s) -> {
                          add(s, "sum", 1);
                          add(
                              s,
                              "sum",
                              ((Number) c.ask(c.actor("callee", "x"), "double", 5, HOUR))
                                  .longValue());
                        }));
    start(type, callee());
    store.crashAfter(commits, true);
    CompletableFuture<Object> reply = node.asking("needy", "n", "get", null);
    if (commits <= 2) {
      Node.await(store.crash);
    } else {
      assertThat(Node.await(reply)).isEqualTo(11L);
    }
    restart(type, callee());
    assertThat(node.ask("needy", "n", "get")).isEqualTo(11L);
    restart(type, callee());
    assertThat(node.ask("needy", "n", "get")).isEqualTo(11L);
    quiet();
  }

  // ---- journal mismatch

  private TestType plannerThat(DurableScript.Step step) {
    return DurableScript.type(
        "planner", () -> DurableScript.of("plan", step).on("get", (c, m, s) -> number(s, "sum")));
  }

  static Stream<Arguments> changedCode() {
    DurableScript.Step otherOperation =
        (c, m, s) -> c.ask(c.actor("callee", "x"), "triple", 5, HOUR);
    DurableScript.Step otherTarget = (c, m, s) -> c.ask(c.actor("callee", "y"), "double", 5, HOUR);
    DurableScript.Step otherPayload = (c, m, s) -> c.ask(c.actor("callee", "x"), "double", 7, HOUR);
    DurableScript.Step noAsk = (c, m, s) -> add(s, "sum", 1_000);
    DurableScript.Step refuses =
        (c, m, s) -> {
          throw new ActorException("no");
        };
    DurableScript.Step swallows =
        (c, m, s) -> {
          try {
            return c.ask(c.actor("callee", "x"), "triple", 5, HOUR);
          } catch (Throwable everything) {
            try {
              c.tell(c.actor("account", "b"), "credit", 1);
            } catch (Throwable again) {
              return add(s, "sum", 1_000);
            }
            return add(s, "sum", 1_000);
          }
        };
    DurableScript.Step rethrows =
        (c, m, s) -> {
          try {
            return c.ask(c.actor("callee", "x"), "triple", 5, HOUR);
          } catch (Throwable everything) {
            throw new IllegalStateException("something else", everything);
          }
        };
    return Stream.of(
        Arguments.of(
            "operation", otherOperation, "'ask callee/x double', got 'ask callee/x triple'"),
        Arguments.of("target", otherTarget, "'ask callee/x double', got 'ask callee/y double'"),
        Arguments.of("payload", otherPayload, "the payload differs"),
        Arguments.of("no ask", noAsk, "'ask callee/x double', got 'the end of the turn'"),
        Arguments.of("refuses", refuses, "got 'the end of the turn'"),
        Arguments.of("swallows", swallows, "got 'ask callee/x triple'"),
        Arguments.of("rethrows", rethrows, "got 'ask callee/x triple'"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("changedCode")
  void replayThatDiffers_stopsThatActorOnly_andNamesWhatDiffers(
      String what, DurableScript.Step changed, String text) {
    DurableScript.Step original =
        (c, m, s) -> {
          add(s, "sum", 1);
          long first = ((Number) c.ask(c.actor("callee", "x"), "double", 5, HOUR)).longValue();
          return add(s, "sum", first);
        };
    start(plannerThat(original), callee(), account());
    node.ask("planner", "p", "get");
    // The row, the turn opened; the power goes before the call.
    store.crashAfter(2, false);
    node.telling("planner", "p", "plan", null);
    Node.await(store.crash);
    restart(plannerThat(changed), callee(), account());
    Node.eventually(() -> node.state("planner", "p").equals("failed"));
    PlexException error = node.askFails("planner", "p", "get", null);
    assertThat(error.code()).isEqualTo(ErrorCode.JOURNAL_MISMATCH);
    assertThat(error)
        .hasMessageContaining(
            "acme/test/planner/p, turn 1, step "
                + (what.startsWith("no") || what.equals("refuses") ? 0 : 1))
        .hasMessageContaining(text);
    // Neither quarantined nor started again and again; the others are fine.
    assertThat(node.askFails("planner", "p", "get", null).code())
        .isEqualTo(ErrorCode.JOURNAL_MISMATCH);
    assertThat(node.system.quarantine().list()).isEmpty();
    assertThat(node.ask("planner", "q", "get")).isEqualTo(0L);
    assertThat(asked).isEmpty();

    // Nothing was lost: with the right code it goes on.
    restart(plannerThat(original), callee(), account());
    quiet();
    assertThat(node.ask("planner", "p", "get")).isEqualTo(11L);
    assertThat(node.ask("account", "b", "balance")).isEqualTo(0L);
  }

  @Test
  void replayThatDiffers_inASupervisedActor_isNoBusinessOfItsSupervisor() {
    DurableScript.Step good =
        (c, m, s) -> {
          c.ask(c.actor("callee", "x"), "double", 5, HOUR);
          return add(s, "sum", 1);
        };
    DurableScript.Step bad = (c, m, s) -> c.ask(c.actor("callee", "x"), "triple", 5, HOUR);
    List<DurableScript.Step> code = List.of(good, bad, good);
    CompletableFuture<String> exited = new CompletableFuture<>();
    for (int i = 0; i < code.size(); i++) {
      DurableScript.Step step = code.get(i);
      if (node != null) {
        node.abandon();
        store = store.afterCrash();
      }
      node = Node.withManualTime(store, clock);
      nodes.add(node);
      node.system.onApplicationExit((id, reason) -> exited.complete(reason.text()));
      node.install(
          Node.unit(
              "app",
              Node.supervisor(
                  "app",
                  SupervisionStrategy.ONE_FOR_ALL,
                  0,
                  new SupervisorSpec.Worker(ChildSpec.of("planner", "p")),
                  new SupervisorSpec.Worker(ChildSpec.of("planner", "q"))),
              DurableScript.supervisedType(
                  "planner",
                  () -> DurableScript.of("plan", step).on("get", (c, m, s) -> number(s, "sum"))),
              callee()));
      switch (i) {
        case 0 -> {
          node.ask("planner", "p", "get");
          store.crashAfter(2, false);
          node.telling("planner", "p", "plan", null);
          Node.await(store.crash);
        }
        case 1 -> {
          Node.eventually(() -> node.state("planner", "p").equals("failed"));
          assertThat(node.ask("planner", "q", "get")).isEqualTo(0L);
          assertThat(exited).isNotDone();
          node.uninstall("app");
          exited.complete("uninstalled");
        }
        case 2 -> {
          quiet();
          assertThat(node.ask("planner", "p", "get")).isEqualTo(1L);
        }
        default -> throw new AssertionError();
      }
    }
  }

  // ---- timers

  private TestType alarm() {
    return DurableScript.type(
        "alarm",
        () ->
            DurableScript.of("set", (c, m, s) -> c.sendAfter(SECOND, "ring", m.payload()))
                .on("cancel", (c, m, s) -> c.cancelTimer(((Number) m.payload()).longValue()))
                .on(
                    "set_and_cancel",
                    (c, m, s) -> c.cancelTimer(c.sendAfter(SECOND, "ring", m.payload())))
                .on(
                    "cancel_and_refuse",
                    (c, m, s) -> {
                      c.cancelTimer(((Number) m.payload()).longValue());
                      throw new ActorException("no");
                    })
                .on(
                    "set_and_refuse",
                    (c, m, s) -> {
                      c.sendAfter(SECOND, "ring", m.payload());
                      throw new ActorException("no");
                    })
                .on(
                    "crash",
                    (c, m, s) -> {
                      throw new IllegalStateException("on purpose");
                    })
                .on(
                    "ring",
                    (c, m, s) -> {
                      assertThat(m.kind()).isEqualTo(Message.Kind.INFO);
                      seen.add(m.payload());
                      return add(s, "rings", 1);
                    })
                .on(
                    "set_ask_cancel",
                    (c, m, s) -> {
                      long kept = c.sendAfter(SECOND, "ring", "kept");
                      long dropped = c.sendAfter(SECOND, "ring", "dropped");
                      boolean atOnce = c.cancelTimer(c.sendAfter(SECOND, "ring", "at once"));
                      boolean nobodys = c.cancelTimer(12_345_678L);
                      c.ask(c.actor("callee", "x"), "double", 1, HOUR);
                      boolean later = c.cancelTimer(dropped);
                      boolean again = c.cancelTimer(dropped);
                      boolean unknown = c.cancelTimer(12_345_678L);
                      // On disk it looks like a cancellation.
                      c.kv().put("after", 1);
                      c.ask(c.actor("callee", "x"), "double", 2, HOUR);
                      s.put(
                          "log", List.of(atOnce, nobodys, later, again, unknown, kept != dropped));
                      return null;
                    })
                .on("log", (c, m, s) -> s.get("log"))
                .on("get", (c, m, s) -> number(s, "rings")));
  }

  @Test
  void durableTimer_firesOnceWhenDue() {
    start(alarm());
    node.ask("alarm", "a", "set", 1);
    node.advance(SECOND.minusMillis(1));
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(0L);
    node.advance(Duration.ofMillis(1));
    Node.take(seen);
    quiet();
    node.advance(HOUR);
    restart(alarm());
    node.advance(HOUR);
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(1L);
    assertThat(seen).isEmpty();
  }

  @Test
  void durableTimer_survivesARestartAndFiresWhenDueOrAtOnceWhenMissed() {
    start(alarm());
    node.ask("alarm", "a", "set", 1);
    restart(alarm());
    // Loaded before the clock moves: what is left of the delay is read from it.
    node.ask("alarm", "a", "get");
    node.advance(SECOND.minusMillis(1));
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(0L);
    node.advance(Duration.ofMillis(1));
    Node.take(seen);
    quiet();
    node.ask("alarm", "a", "set", 2);
    clock.advance(HOUR);
    restart(alarm());
    assertThat(((Number) Node.take(seen)).intValue()).isEqualTo(2);
    quiet();
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(2L);
  }

  static Stream<Arguments> timerCrashPoints() {
    return crashPoints(4);
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("timerCrashPoints")
  void durableTimer_crashAroundItsTurn_firesOnce(int commits, boolean heardOf) {
    start(alarm());
    node.ask("alarm", "a", "get");
    store.crashAfter(commits, heardOf);
    CompletableFuture<Object> set = node.asking("alarm", "a", "set", 1);
    if (commits >= 2) {
      // Set and fired before the crash.
      Node.await(set);
      node.advance(SECOND);
      Node.take(seen);
    }
    if (commits <= 2) {
      Node.await(store.crash);
    } else {
      quiet();
    }
    seen.clear();
    clock.advance(SECOND);
    boolean wasSet = commits >= 1;
    restart(alarm());
    quiet();
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(wasSet ? 1L : 0L);
  }

  @Test
  void cancelledDurableTimer_neverFires_alsoNotAfterARestart() {
    start(alarm());
    Object timer = node.ask("alarm", "a", "set", 1);
    assertThat(node.ask("alarm", "a", "cancel", timer)).isEqualTo(true);
    assertThat(node.ask("alarm", "a", "cancel", timer)).isEqualTo(false);
    assertThat(node.ask("alarm", "a", "set_and_cancel", 2)).isEqualTo(true);
    node.advance(SECOND);
    quiet();
    Object other = node.ask("alarm", "a", "set", 3);
    restart(alarm());
    assertThat(node.ask("alarm", "a", "cancel", other))
        .as("by its number of before")
        .isEqualTo(true);
    node.advance(SECOND);
    restart(alarm());
    node.advance(SECOND);
    quiet();
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(0L);
    assertThat(seen).isEmpty();
  }

  @Test
  void cancelOfATimerWhoseCommitIsOnItsWay_waitsForItAndWorks() {
    start(alarm());
    node.ask("alarm", "a", "get");
    store.hold();
    CompletableFuture<Object> setting = node.asking("alarm", "a", "set", 1);
    Node.eventually(() -> store.held() == 1);
    // The first turn but one: turn 0 was init, and a turn's first timer has number 0 in it.
    CompletableFuture<Object> cancelling =
        node.asking("alarm", "a", "cancel", 1L * DurableTurns.TIMERS_MAX);
    assertThat(setting).isNotDone();
    store.releaseAll();
    assertThat(Node.await(setting)).isEqualTo(1L * DurableTurns.TIMERS_MAX);
    assertThat(Node.await(cancelling)).isEqualTo(true);
    node.advance(SECOND);
    quiet();
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(0L);
  }

  @Test
  void cancelOrSet_inATurnThatRefuses_isTakenBack() {
    start(alarm());
    node.askFails("alarm", "a", "set_and_refuse", 1);
    Object timer = node.ask("alarm", "a", "set", 2);
    node.askFails("alarm", "a", "cancel_and_refuse", timer);
    node.advance(SECOND);
    assertThat(((Number) Node.take(seen)).intValue()).isEqualTo(2);
    quiet();
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(1L);
  }

  @Test
  void timerOfAnActorThatCrashed_firesOnceInItsNextLife() {
    start(alarm());
    node.ask("alarm", "a", "set", 1);
    for (int i = 0; i < 3; i++) {
      node.askFails("alarm", "a", "crash", null);
    }
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(0L);
    node.advance(SECOND);
    Node.take(seen);
    quiet();
    node.advance(HOUR);
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(1L);
    assertThat(seen).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void cancellationsInAReplayedSegment_answerAsTheyDid(int commits) {
    start(alarm(), callee());
    node.ask("alarm", "a", "get");
    store.crashAfter(commits, false);
    node.telling("alarm", "a", "set_ask_cancel", null);
    Node.await(store.crash);
    restart(alarm(), callee());
    Node.eventually(() -> node.ask("alarm", "a", "log") != null);
    assertThat(node.ask("alarm", "a", "log"))
        .isEqualTo(List.of(true, false, true, false, false, true));
    node.advance(SECOND);
    assertThat(Node.take(seen)).isEqualTo("kept");
    quiet();
    assertThat(node.ask("alarm", "a", "get")).isEqualTo(1L);
  }

  // ---- the durable inbox and its window

  private void insert(String type, String key, String operation, int from, int to) {
    for (int i = from; i < to; i++) {
      Envelope e = new Envelope(Message.Kind.CAST, operation, i, null, Node.context(), null);
      CompletableFuture<Void> done = new CompletableFuture<>();
      store.submit(
          new Commit(
              Node.id(type, key),
              Optional.empty(),
              List.of(new Row.InboxInsert(Node.id(type, key), "m" + i, 0, MessageCodec.encode(e)))),
          new Commit.Listener() {
            @Override
            public void durable(long seq, List<RowResult> results) {
              done.complete(null);
            }

            @Override
            public void refused(PlexException why) {
              done.completeExceptionally(why);
            }
          });
      Node.await(done);
    }
  }

  @Test
  void inboxLargerThanItsWindow_isWorkedOffInOrderExactlyOnce() {
    int count = DurableInbox.WINDOW * 2 + 500;
    insert("p", "a", "note", 0, count);
    start(poisonable());
    // More come while the old ones are worked off; they stay behind them.
    for (int i = count; i < count + 100; i++) {
      node.telling("p", "a", "note", i);
    }
    for (int i = 0; i < count + 100; i++) {
      assertThat(((Number) Node.take(seen)).intValue()).isEqualTo(i);
    }
    quiet();
    assertThat(node.ask("p", "a", "get")).isEqualTo(count + 100L);
    assertThat(seen).isEmpty();
  }

  @Test
  void messagesBeyondTheMailbox_waitOnDiskAndAreWorkedOffInOrder() {
    CountDownLatch gate = new CountDownLatch(1);
    CountDownLatch held = new CountDownLatch(1);
    TestType receiver =
        DurableScript.supervisedType(
            "receiver",
            () ->
                DurableScript.of(
                        "hold",
                        (c, m, s) -> {
                          held.countDown();
                          Node.await(gate);
                          return null;
                        })
                    .on(
                        "take",
                        (c, m, s) -> {
                          seen.add(m.payload());
                          return add(s, "sum", 1);
                        })
                    .on("get", (c, m, s) -> number(s, "sum")));
    TestType sender =
        DurableScript.type(
            "sender",
            () ->
                DurableScript.of(
                        "send",
                        (c, m, s) -> {
                          for (int i = 0; i < 50; i++) {
                            c.tell(c.actor("receiver", "r"), "take", i);
                          }
                          return add(s, "sent", 50);
                        })
                    .on(
                        "send_one",
                        (c, m, s) -> {
                          try {
                            c.tell(c.actor("receiver", "r"), "take", 99);
                            return "sent";
                          } catch (PlexException e) {
                            return e.code().name();
                          }
                        }));
    node = Node.withManualTime(store, clock);
    nodes.add(node);
    node.install(
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(
                    ChildSpec.of("receiver", "r").mailbox(5, ChildSpec.Overflow.REJECT))),
            receiver,
            sender));
    CompletableFuture<Object> holding = node.asking("receiver", "r", "hold", null);
    Node.await(held);
    node.ask("sender", "s", "send");
    assertThat(node.ask("sender", "s", "send_one"))
        .as("refused at the call once the mailbox is full")
        .isEqualTo("RESOURCE_EXHAUSTED");
    assertThat(node.tellFails("receiver", "r", "take", 99).code())
        .isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
    gate.countDown();
    Node.await(holding);
    for (int i = 0; i < 50; i++) {
      assertThat(((Number) Node.take(seen)).intValue()).isEqualTo(i);
    }
    quiet();
    assertThat(node.ask("receiver", "r", "get")).isEqualTo(50L);
  }

  // ---- what a durable actor may not do outside of a turn

  @Test
  void durableEffectsInActivate_areRefused_andReachNobody() {
    Map<String, DurableScript.Life> attempts = new HashMap<>();
    attempts.put("tell", (c, s) -> c.tell(c.actor("counter", "x"), "add", 1));
    attempts.put("change", (c, s) -> s.put("sum", 1L));
    attempts.put("timer", (c, s) -> c.sendAfter(SECOND, "ring", null));
    attempts.put("ask", (c, s) -> c.ask(c.actor("counter", "x"), "get", null, HOUR));
    attempts.forEach(
        (name, attempt) -> {
          store = new FaultyStore(new InMemoryStore(clock));
          start(
              counter(),
              DurableScript.type(
                  "eager", () -> DurableScript.of("*", (c, m, s) -> "up").activate(attempt)));
          assertThat(node.askFails("eager", "e", "go", null).code())
              .as(name)
              .isEqualTo(ErrorCode.ACTOR_CRASHED);
          assertThat(node.ask("counter", "x", "get")).as(name).isEqualTo(0L);
          // The next actors on the same threads commit nothing but their own.
          for (int i = 0; i < 10; i++) {
            node.ask("counter", "y" + i, "add", 1);
          }
          assertThat(node.ask("counter", "x", "get")).as(name).isEqualTo(0L);
        });
  }

  @Test
  void volatileMessagesInActivateAndTerminate_leave() {
    TestType type =
        DurableScript.type(
            "polite",
            () ->
                DurableScript.of("*", (c, m, s) -> "up")
                    .activate((c, s) -> c.tell(c.actor("callee", "x"), "note", "hello"))
                    .terminate((c, s) -> c.tell(c.actor("callee", "x"), "note", "bye")));
    start(type, callee());
    assertThat(node.ask("polite", "p", "go")).isEqualTo("up");
    assertThat(Node.take(seen)).isEqualTo("hello");
    node.system.stop(Node.id("polite", "p"));
    assertThat(Node.take(seen)).isEqualTo("bye");
  }

  @Test
  void durabilityFacet_onATypeWithoutDurableState_isRefusedAtTheStart() {
    start(new TestType("plain", Script::new, DurableScript.type("x", DurableScript::new).facets()));
    PlexException error = node.askFails("plain", "p", "go", null);
    assertThat(error.code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(error).hasMessage("plain/p crashed while starting");
  }
}
