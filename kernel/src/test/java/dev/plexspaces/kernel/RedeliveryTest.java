package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// When a durable message is delivered again, and what waits meanwhile. Source: spec/turns rule 24.
@Timeout(120)
class RedeliveryTest {

  private static final Duration FIRST_PAUSE = Duration.ofMillis(Deliveries.BACKOFF_MIN_MILLIS);
  private static final Duration LONGEST_PAUSE = Duration.ofMillis(Deliveries.BACKOFF_MAX_MILLIS);

  /// Shorter than any pause.
  private static final Duration SHORT = FIRST_PAUSE.dividedBy(5);

  private final ManualClock clock = new ManualClock();
  private final List<Node> nodes = new ArrayList<>();
  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node;

  /// What the receiver did, in order.
  private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();

  /// Runs of the handler that fails.
  private final AtomicInteger runs = new AtomicInteger();

  /// How often it came to where the process dies.
  private final AtomicInteger stuck = new AtomicInteger();

  /// What it throws; null for nothing.
  private final AtomicReference<RuntimeException> failure =
      new AtomicReference<>(new IllegalStateException("on purpose"));

  /// What it does first.
  private volatile DurableScript.Life before = (c, s) -> {};

  private Node start(TestType... types) {
    return start(Node.withManualTime(store, clock), types);
  }

  private Node start(Node started, TestType... types) {
    node = started;
    nodes.add(node);
    return node.offer(types);
  }

  private Node restart(boolean inOrder, TestType... types) {
    node.abandon();
    store = store.afterCrash();
    return start(
        inOrder ? Node.withManualTime(store, clock) : Node.afterUncleanStop(store, clock), types);
  }

  @AfterEach
  void close() {
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private DurableScript receiver() {
    return DurableScript.of(
            "fail",
            (c, m, s) -> {
              runs.incrementAndGet();
              add(s, "sum", 1);
              before.run(c, s);
              RuntimeException thrown = failure.get();
              if (thrown != null) {
                throw thrown;
              }
              seen.add("mended");
              return null;
            })
        .on(
            "note",
            (c, m, s) -> {
              seen.add(((Number) m.payload()).longValue());
              return add(s, "sum", 1);
            })
        .on("later", (c, m, s) -> c.sendAfter(Duration.ofMinutes(1), "fail", null))
        .on("get", (c, m, s) -> number(s, "sum"));
  }

  private TestType[] types() {
    return new TestType[] {
      DurableScript.type("r", this::receiver),
      DurableScript.type(
          "s",
          () ->
              DurableScript.of(
                  "*",
                  (c, m, s) -> {
                    c.tell(c.actor("r", "r"), m.type(), m.payload());
                    return add(s, "sent", 1);
                  })),
      TestType.of("callee", () -> Script.of("*", (c, m) -> m.payload()), FacetCatalog.VIRTUAL_ACTOR)
    };
  }

  /// Counts who asks it and answers once `gate` is open.
  private static TestType waitingCallee(CountDownLatch gate, AtomicInteger asked) {
    return TestType.of(
        "callee",
        () ->
            Script.of(
                "*",
                (c, m) -> {
                  asked.incrementAndGet();
                  gate.await();
                  return 1;
                }),
        FacetCatalog.VIRTUAL_ACTOR);
  }

  private static void askSomebody(ActorContext c, Map<String, Object> state) {
    c.ask(c.actor("callee", "x"), "echo", 5, CellContext.ASK_MAX);
  }

  private List<InboxRow> dead() {
    return store.deadLetters(Node.SCOPE, 0, 10);
  }

  private List<InboxRow> rows() {
    return store.inbox(Node.id("r", "r"), 0, 10);
  }

  /// The failed delivery is on disk, the actor is up again, and the time of the next one is set.
  private void failedOnce(int deliveries) {
    Node.eventually(
        () ->
            runs.get() == deliveries
                && rows().stream()
                    .anyMatch(row -> Deliveries.of(row.attempts()).count() == deliveries));
    Node.eventually(
        () -> node.nextDue().filter(due -> due.compareTo(LONGEST_PAUSE) <= 0).isPresent());
  }

  private boolean atRest() {
    return store.actorsWithWork().isEmpty();
  }

  // ---- lanes

  @Test
  void backoff_parksTheSendersLaneOnly_itsLaterMessagesKeepTheirOrder() {
    start(types());
    node.ask("s", "one", "fail");
    failedOnce(1);
    node.ask("s", "one", "note", 1);
    node.ask("s", "one", "note", 2);
    node.ask("s", "two", "note", 3);
    node.tell("r", "r", "note", 4);
    assertThat(List.of(Node.take(seen), Node.take(seen)))
        .as("another sender and the outside go on")
        .containsExactlyInAnyOrder(3L, 4L);
    assertThat(node.ask("r", "r", "get")).as("calls, too").isEqualTo(2L);
    assertThat(seen).as("the sender's later messages wait").isEmpty();
    assertThat(runs.get()).isEqualTo(1);
    failure.set(null);
    node.advance(FIRST_PAUSE);
    assertThat(List.of(Node.take(seen), Node.take(seen), Node.take(seen)))
        .containsExactly("mended", 1L, 2L);
    Node.eventually(this::atRest);
    assertThat(dead()).isEmpty();
  }

  @Test
  void messagesFromOutside_keepTheirOrderPerUser() {
    start(types());
    node.tell("r", "r", "fail", null);
    failedOnce(1);
    node.tell("r", "r", "note", 1);
    CompletableFuture<Boolean> told = new CompletableFuture<>();
    node.system.tell(
        Node.context("bob", "request-2", Optional.empty()),
        Node.to("r", "r"),
        Node.request("note", 2, Node.BOUND),
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {
            told.complete(durable);
          }

          @Override
          public void failed(PlexException error) {
            told.completeExceptionally(error);
          }
        });
    Node.await(told);
    assertThat(Node.take(seen)).as("of another user").isEqualTo(2L);
    node.ask("r", "r", "get");
    assertThat(seen).isEmpty();
    failure.set(null);
    node.advance(FIRST_PAUSE);
    assertThat(List.of(Node.take(seen), Node.take(seen))).containsExactly("mended", 1L);
  }

  @Test
  void pause_isDoubledWithEachDelivery_andEndsInTheDeadLetters() {
    start(types());
    node.ask("s", "one", "fail");
    node.ask("s", "one", "note", 1);
    for (int delivery = 1; delivery < Deliveries.DELIVERIES_MAX; delivery++) {
      failedOnce(delivery);
      Duration pause = FIRST_PAUSE.multipliedBy(1L << (delivery - 1));
      node.advance(pause.dividedBy(2).minusMillis(1));
      node.ask("r", "r", "get");
      assertThat(runs.get()).as("before half the pause").isEqualTo(delivery);
      node.advance(pause.dividedBy(2).plusMillis(1));
    }
    assertThat(Node.take(seen)).as("behind the one that is buried").isEqualTo(1L);
    assertThat(runs.get()).isEqualTo(Deliveries.DELIVERIES_MAX);
    assertThat(dead())
        .extracting(InboxRow::reason)
        .containsExactly("delivered 3 times, crashed: java.lang.IllegalStateException: on purpose");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void pause_survivesARestart_andWakesTheActor(boolean inOrder) {
    start(types());
    node.ask("s", "one", "fail");
    node.ask("s", "one", "note", 1);
    failedOnce(1);
    failure.set(null);
    restart(inOrder, types());
    Node.eventually(() -> node.state("r", "r").equals("active"));
    node.ask("r", "r", "get");
    assertThat(runs.get()).as("still in its pause").isEqualTo(1);
    assertThat(seen).isEmpty();
    // Nobody talks to it.
    node.advance(FIRST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
    assertThat(Node.take(seen)).isEqualTo(1L);
    Node.eventually(this::atRest);
  }

  @Test
  void clockSetBackWhileTheNodeIsDown_makesNoPauseLongerThanItCanBe() {
    start(types());
    clock.advance(Duration.ofDays(1));
    node.ask("s", "one", "fail");
    failedOnce(1);
    failure.set(null);
    node.abandon();
    store = store.afterCrash();
    ManualClock setBack = new ManualClock();
    node = Node.withManualTime(store, setBack).offer(types());
    nodes.add(node);
    node.ask("r", "r", "get");
    node.advance(LONGEST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
  }

  @Test
  void parkedRow_keepsItsActorInMemory() {
    start(types());
    node.ask("s", "one", "fail");
    failedOnce(1);
    failure.set(null);
    node.advance(Duration.ofDays(1));
    assertThat(Node.take(seen)).as("not passivated before it was due").isEqualTo("mended");
  }

  @Test
  void openTurn_whileItWaits_theWholeActorWaits_andItIsResumedFirst() {
    before = RedeliveryTest::askSomebody;
    start(types());
    node.ask("s", "one", "fail");
    failedOnce(1);
    node.ask("s", "two", "note", 3);
    node.tell("r", "r", "note", 4);
    CompletableFuture<Object> call = node.asking("r", "r", "get", null);
    node.ask("s", "one", "sent");
    assertThat(seen).isEmpty();
    assertThat(call).isNotDone();
    failure.set(null);
    node.advance(FIRST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
    assertThat(List.of(Node.take(seen), Node.take(seen))).containsExactlyInAnyOrder(3L, 4L);
    Node.await(call);
    assertThat(runs.get()).isEqualTo(2);
  }

  @Test
  void timerWhoseHandlerFails_staysATimer_andIsTriedAgainAfterAPause() {
    start(types());
    Object timer = node.ask("r", "r", "later");
    node.advance(Duration.ofMinutes(1));
    failedOnce(1);
    node.tell("r", "r", "note", 1);
    assertThat(Node.take(seen)).isEqualTo(1L);
    assertThat(timer).isInstanceOf(Long.class);
    assertThat(node.ask("r", "r", "get")).as("is on disk").isEqualTo(1L);
    failure.set(null);
    restart(false, types());
    node.ask("r", "r", "get");
    assertThat(runs.get()).isEqualTo(1);
    node.advance(FIRST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
    Node.eventually(this::atRest);
    assertThat(runs.get()).isEqualTo(2);
  }

  @Test
  void moreRowsThanTheWindowBehindAParkedOne_staysBounded_andKeepsTheirOrder() {
    start(types());
    node.ask("s", "one", "fail");
    failedOnce(1);
    int count = DurableInbox.WINDOW * 2 + 10;
    for (int i = 0; i < count; i++) {
      node.ask("s", "one", "note", i);
    }
    assertThat(seen).isEmpty();
    failure.set(null);
    node.advance(FIRST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
    for (long i = 0; i < count; i++) {
      assertThat(Node.take(seen)).isEqualTo(i);
    }
    Node.eventually(this::atRest);
  }

  // ---- what uses up no delivery

  @ParameterizedTest
  @CsvSource({"TIMEOUT,false", "UNAVAILABLE,false", "TIMEOUT,true", "UNAVAILABLE,true"})
  void timeoutOrOutageThatEscapes_isNoCrash_andIsTriedAgainUntilItHeals(
      ErrorCode code, boolean wrapped) {
    PlexException outage = new PlexException(code, "nobody there");
    failure.set(wrapped ? new IllegalStateException("around it", outage) : outage);
    start(types());
    node.ask("s", "one", "fail");
    int times = 3 * Quarantine.CRASHES_MAX;
    node.eventually(SHORT, () -> runs.get() > Deliveries.DELIVERIES_MAX);
    node.eventually(LONGEST_PAUSE, () -> runs.get() >= times);
    assertThat(dead()).isEmpty();
    failure.set(null);
    node.advance(LONGEST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
    Node.eventually(this::atRest);
    assertThat(node.ask("r", "r", "get")).as("what failed left nothing").isEqualTo(1L);
    assertThat(node.system.metrics().types()).allMatch(type -> type.crashes() == 0);
    assertThat(node.system.quarantine().list()).isEmpty();
  }

  @Test
  void outageThatNeverEnds_isTriedABoundedNumberOfTimes_acrossRestarts() {
    failure.set(new PlexException(ErrorCode.UNAVAILABLE, "nobody there"));
    start(types());
    node.ask("s", "one", "fail");
    node.eventually(LONGEST_PAUSE, () -> runs.get() == Deliveries.EXCUSED_MAX / 2);
    failedOnce(Deliveries.EXCUSED_MAX / 2);
    restart(true, types());
    node.eventually(LONGEST_PAUSE, () -> dead().size() == 1);
    assertThat(runs.get()).isEqualTo(Deliveries.EXCUSED_MAX);
    assertThat(dead().getFirst().reason())
        .startsWith("delivered 120 times (120 of them met a timeout or an outage), crashed: ")
        .endsWith("nobody there");
  }

  @Test
  void callThatMeetsAnOutage_isToldSo_andIsNotTriedAgain() {
    failure.set(new PlexException(ErrorCode.TIMEOUT, "nobody there"));
    before = RedeliveryTest::askSomebody;
    start(types());
    for (int i = 1; i <= 2 * Quarantine.CRASHES_MAX; i++) {
      PlexException told = node.askFails("r", "r", "fail", null);
      assertThat(told.code()).isEqualTo(ErrorCode.TIMEOUT);
      assertThat(told).hasMessage("r/r gave up 'fail': nobody there");
      assertThat(runs.get()).isEqualTo(i);
    }
    Node.eventually(this::atRest);
    assertThat(node.ask("r", "r", "get"))
        .as("what was committed before it stands")
        .isEqualTo(2L * Quarantine.CRASHES_MAX);
    assertThat(dead()).isEmpty();
  }

  @Test
  void volatileActor_outagesDoNotQuarantineIt() {
    TestType type =
        TestType.of(
            "v",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      throw new PlexException(ErrorCode.TIMEOUT, "nobody there");
                    }),
            FacetCatalog.VIRTUAL_ACTOR);
    start(type);
    for (int i = 0; i < 3 * Quarantine.CRASHES_MAX; i++) {
      assertThat(node.askFails("v", "v", "go", null).code()).isEqualTo(ErrorCode.TIMEOUT);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CONFLICT", "UNAVAILABLE", "RESOURCE_EXHAUSTED"})
  void storeErrors_useUpNoDelivery(ErrorCode code) {
    start(types());
    node.ask("s", "one", "fail");
    failedOnce(1);
    failure.set(null);
    store.hold();
    for (int i = 0; i < 2 * Deliveries.DELIVERIES_MAX; i++) {
      node.eventually(LONGEST_PAUSE, () -> store.held() == 1);
      store.refuseHeld(code);
    }
    store.releaseAll();
    node.eventually(LONGEST_PAUSE, this::atRest);
    assertThat(runs.get()).isGreaterThan(2 * Deliveries.DELIVERIES_MAX);
    assertThat(dead()).isEmpty();
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void killOfASupervisedActor_whileItsHandlerRuns_usesUpNoDelivery(boolean inOrder) {
    ConcurrentLinkedQueue<CountDownLatch> gates = new ConcurrentLinkedQueue<>();
    failure.set(null);
    TestType[] types = types();
    types[0] = DurableScript.supervisedType("r", this::receiver);
    ApplicationUnit unit =
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(ChildSpec.of("r", "r"))),
            types);
    node = Node.withManualTime(store, clock);
    nodes.add(node);
    node.install(unit);
    before =
        (c, s) -> {
          CountDownLatch gate = new CountDownLatch(1);
          gates.add(gate);
          try {
            gate.await();
          } catch (InterruptedException killed) {
            throw new IllegalStateException(killed);
          }
        };
    node.tell("r", "r", "fail", null);
    Node.eventually(() -> gates.size() == 1);
    if (!inOrder) {
      node.abandon();
      store = store.afterCrash();
      node = Node.afterUncleanStop(store, clock);
      nodes.add(node);
      node.install(unit);
      Node.eventually(() -> gates.size() == 2);
    }
    int lives = gates.size();
    for (int i = 1; i <= 2 * Deliveries.DELIVERIES_MAX; i++) {
      CompletableFuture<Void> gone = node.system.uninstall("app");
      node.eventually(ChildSpec.SHUTDOWN_TIMEOUT, gone::isDone);
      int now = lives + i;
      if (i == 2 * Deliveries.DELIVERIES_MAX) {
        before = (c, s) -> {};
      }
      node.install(unit);
      if (i < 2 * Deliveries.DELIVERIES_MAX) {
        Node.eventually(() -> gates.size() == now);
      }
    }
    assertThat(Node.take(seen)).isEqualTo("mended");
    Node.eventually(this::atRest);
    assertThat(dead()).isEmpty();
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
  }

  // ---- a message that ends the process

  /// Lets the process die in the handler, again and again, until `starts` of it have died.
  private void dieInTheHandler(int starts) {
    for (int i = 1; i <= starts; i++) {
      int run = i;
      Node.eventually(() -> stuck.get() == run);
      restart(false, types());
    }
  }

  private void blockForEver(ActorContext c, Map<String, Object> state) throws Exception {
    stuck.incrementAndGet();
    new CountDownLatch(1).await();
  }

  @Test
  void messageThatEndsTheProcess_isBuriedAtTheSeventhStart_andTheOthersGoOn() {
    before = this::blockForEver;
    start(types());
    node.tell("r", "r", "fail", null);
    Node.eventually(() -> runs.get() == 1);
    node.tell("r", "r", "note", 1);
    dieInTheHandler(Deliveries.LOST_MAX);
    assertThat(Node.take(seen)).isEqualTo(1L);
    Node.eventually(this::atRest);
    assertThat(runs.get()).isEqualTo(Deliveries.LOST_MAX);
    assertThat(dead())
        .extracting(InboxRow::reason)
        .containsExactly(
            "the node ended without being stopped each of the 6 times this message ran");
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
    restart(false, types());
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
    assertThat(runs.get()).isEqualTo(Deliveries.LOST_MAX);
  }

  @Test
  void openTurnThatEndsTheProcess_isBuriedAsPartlyDone_andItsCommittedPartStands() {
    before =
        (c, s) -> {
          askSomebody(c, s);
          add(s, "sum", 100);
          blockForEver(c, s);
        };
    start(types());
    node.tell("r", "r", "fail", null);
    dieInTheHandler(Deliveries.LOST_MAX);
    Node.eventually(() -> dead().size() == 1);
    assertThat(dead().getFirst().partlyDone()).isTrue();
    assertThat(runs.get()).isEqualTo(Deliveries.LOST_MAX);
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
    Node.eventually(this::atRest);
  }

  @Test
  void openTurnOfACallThatEndsTheProcess_isBuriedToo() {
    before =
        (c, s) -> {
          askSomebody(c, s);
          blockForEver(c, s);
        };
    start(types());
    node.asking("r", "r", "fail", null);
    dieInTheHandler(Deliveries.LOST_MAX);
    Node.eventually(() -> dead().size() == 1);
    assertThat(runs.get()).isEqualTo(Deliveries.LOST_MAX);
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
    Node.eventually(this::atRest);
  }

  @Test
  void requestThatEndsTheProcess_isAnsweredWithAnError() {
    before = this::blockForEver;
    TestType[] all = types();
    all[1] =
        DurableScript.type(
            "s",
            () ->
                DurableScript.of(
                    "go",
                    (c, m, s) -> {
                      try {
                        c.ask(c.actor("r", "r"), "fail", null, CellContext.ASK_MAX);
                      } catch (PlexException e) {
                        if (e.code() == ErrorCode.ACTOR_CRASHED) {
                          seen.add(e.getMessage());
                        }
                      }
                      return add(s, "sent", 1);
                    }));
    start(all);
    node.tell("s", "one", "go", null);
    for (int i = 1; i <= Deliveries.LOST_MAX; i++) {
      int run = i;
      Node.eventually(() -> runs.get() == run);
      restart(false, all);
    }
    assertThat(Node.take(seen))
        .isEqualTo(
            "r/r: the node ended without being stopped each of the 6 times this" + " message ran");
    Node.eventually(this::atRest);
    assertThat(dead()).isEmpty();
    assertThat(runs.get()).isEqualTo(Deliveries.LOST_MAX);
  }

  @Test
  void crashesOfTheNode_whileAMessageOnlyWaits_useUpNoDelivery() {
    // Its turn is open, and it waits for an answer whenever the node dies.
    TestType[] all = types();
    CountDownLatch never = new CountDownLatch(1);
    AtomicInteger asked = new AtomicInteger();
    all[2] = waitingCallee(never, asked);
    before = RedeliveryTest::askSomebody;
    failure.set(null);
    start(all);
    node.tell("r", "r", "fail", null);
    // Behind it, and never come to.
    node.tell("r", "r", "note", 1);
    for (int i = 1; i <= 3 * Deliveries.DELIVERIES_MAX; i++) {
      int times = i;
      Node.eventually(() -> asked.get() == times);
      restart(false, all);
    }
    Node.eventually(() -> asked.get() > 3 * Deliveries.DELIVERIES_MAX);
    never.countDown();
    assertThat(Node.take(seen)).isEqualTo("mended");
    assertThat(Node.take(seen)).isEqualTo(1L);
    Node.eventually(this::atRest);
    assertThat(dead()).isEmpty();
  }

  @Test
  void suspects_runOneAtATime_andAllOfThemRun() {
    int actors = 20;
    before = this::blockForEver;
    start(types());
    for (int i = 0; i < actors; i++) {
      node.tell("r", "r" + i, "fail", null);
    }
    Node.eventually(() -> stuck.get() == actors);
    restart(false, types());
    // Not yet suspects: any of them, or none, may have ended the process.
    Node.eventually(() -> stuck.get() == 2 * actors);
    AtomicInteger running = new AtomicInteger();
    AtomicInteger together = new AtomicInteger();
    before =
        (c, s) -> {
          together.accumulateAndGet(running.incrementAndGet(), Math::max);
          Thread.sleep(2);
          running.decrementAndGet();
        };
    failure.set(null);
    restart(false, types());
    for (int i = 0; i < actors; i++) {
      assertThat(Node.take(seen)).isEqualTo("mended");
    }
    assertThat(together.get()).isEqualTo(1);
    Node.eventually(this::atRest);
    assertThat(dead()).isEmpty();
  }

  @Test
  void suspectThatTakesTooLong_isNotWaitedForByTheOthers() {
    before = this::blockForEver;
    start(types());
    node.tell("r", "a", "fail", null);
    node.tell("r", "b", "fail", null);
    Node.eventually(() -> stuck.get() == 2);
    restart(false, types());
    Node.eventually(() -> stuck.get() == 4);
    restart(false, types());
    Node.eventually(() -> stuck.get() == 5);
    node.eventually(Duration.ofNanos(UncleanStop.ALONE_MAX_NANOS), () -> stuck.get() == 6);
  }

  @Test
  void suspectThatOnlyWaits_letsTheNextOneRun() {
    CountDownLatch never = new CountDownLatch(1);
    TestType[] all = types();
    all[2] = waitingCallee(never, new AtomicInteger());
    before = this::blockForEver;
    start(all);
    node.tell("r", "a", "fail", null);
    node.tell("r", "b", "fail", null);
    Node.eventually(() -> stuck.get() == 2);
    restart(false, all);
    Node.eventually(() -> stuck.get() == 4);
    AtomicInteger asking = new AtomicInteger();
    before =
        (c, s) -> {
          asking.incrementAndGet();
          askSomebody(c, s);
        };
    failure.set(null);
    restart(false, all);
    Node.eventually(() -> asking.get() == 2);
    never.countDown();
    assertThat(Node.take(seen)).isEqualTo("mended");
    assertThat(Node.take(seen)).isEqualTo("mended");
  }

  @Test
  void oldMessage_whoseTurnEndsWellOrFailsOnItsOwn_losesItsMark() {
    before = this::blockForEver;
    start(types());
    node.tell("r", "r", "fail", null);
    dieInTheHandler(1);
    Node.eventually(() -> runs.get() == 2);
    assertThat(Deliveries.of(rows().getFirst().attempts())).isEqualTo(new Deliveries(0, 0, 1));
    before = (c, s) -> {};
    restart(false, types());
    Node.eventually(
        () -> Deliveries.of(rows().getFirst().attempts()).equals(new Deliveries(1, 0, 0)));
    failure.set(null);
    node.advance(LONGEST_PAUSE);
    assertThat(Node.take(seen)).isEqualTo("mended");
    Node.eventually(this::atRest);
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @CsvSource({"1,true", "1,false", "2,true", "2,false", "3,true", "3,false"})
  void crashAroundTheMark_theMessageIsHandledOnce(int commits, boolean heardOf) {
    failure.set(null);
    before = this::blockForEver;
    start(types());
    node.tell("r", "r", "fail", null);
    Node.eventually(() -> runs.get() == 1);
    node.abandon();
    store = store.afterCrash();
    before = (c, s) -> {};
    // The mark, the turn; init is on disk already.
    store.crashAfter(commits, heardOf);
    start(Node.afterUncleanStop(store, clock), types());
    if (commits <= 2) {
      Node.await(store.crash);
    } else {
      Node.eventually(this::atRest);
    }
    restart(false, types());
    Node.eventually(this::atRest);
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
    assertThat(dead()).isEmpty();
  }

  @Test
  void newMessages_afterAnUncleanStop_areNotMarked() {
    failure.set(null);
    start(types());
    node.ask("r", "r", "get");
    node.tell("r", "r", "note", 1);
    Node.take(seen);
    Node.eventually(this::atRest);
    restart(false, types());
    store.hold();
    CompletableFuture<Boolean> told = node.telling("r", "r", "note", 2);
    Node.eventually(() -> store.held() == 1);
    store.release(1);
    Node.await(told);
    assertThat(Node.take(seen)).as("its turn is the only commit").isEqualTo(2L);
    Node.eventually(() -> store.held() == 1);
    store.releaseAll();
    Node.eventually(this::atRest);
  }

  // ---- stop and undeployment

  @Test
  void stopByAnOperator_suspendsTheOpenTurn_whichTheNextActivationResumes() {
    failure.set(null);
    AtomicInteger asked = new AtomicInteger();
    CountDownLatch answer = new CountDownLatch(1);
    TestType[] all = types();
    all[2] =
        TestType.of(
            "callee",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      asked.incrementAndGet();
                      answer.await();
                      return 1;
                    }),
            FacetCatalog.VIRTUAL_ACTOR);
    before = RedeliveryTest::askSomebody;
    start(all);
    node.tell("r", "r", "fail", null);
    Node.eventually(() -> asked.get() == 1);
    node.system.stop(Node.id("r", "r"));
    node.eventually(ChildSpec.SHUTDOWN_TIMEOUT, () -> node.state("r", "r").isEmpty());
    assertThat(rows()).singleElement().satisfies(row -> assertThat(row.attempts()).isZero());
    assertThat(dead()).isEmpty();
    assertThat(runs.get()).isEqualTo(1);
    answer.countDown();
    // A call makes the next activation, and waits behind the turn.
    assertThat(node.ask("r", "r", "get")).isEqualTo(1L);
    assertThat(Node.take(seen)).isEqualTo("mended");
    Node.eventually(this::atRest);
    assertThat(runs.get()).isEqualTo(2);
  }

  @Test
  void rowsOfAnUndeployedApplication_wait_andGoOnWhenItIsDeployedAgain() {
    start(types());
    node.ask("s", "one", "fail");
    node.ask("s", "one", "note", 1);
    failedOnce(1);
    failure.set(null);
    node.uninstall("app");
    node.advance(Duration.ofDays(1));
    assertThat(rows()).hasSize(2);
    assertThat(node.tellFails("r", "r", "note", 2).code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(runs.get()).isEqualTo(1);
    node.offer(types());
    assertThat(Node.take(seen)).isEqualTo("mended");
    assertThat(Node.take(seen)).isEqualTo(1L);
    Node.eventually(this::atRest);
    assertThat(dead()).isEmpty();
  }

  // ---- the number in the row

  @Test
  void deliveries_asOneNumber_areTheCountOfFailuresWhileThereIsNothingElse() {
    for (int failed = 0; failed <= Deliveries.DELIVERIES_MAX; failed++) {
      assertThat(new Deliveries(failed, 0, 0).packed()).isEqualTo(failed);
    }
    Deliveries all = new Deliveries(2, Deliveries.EXCUSED_MAX, Deliveries.DELIVERIES_MAX);
    assertThat(Deliveries.of(all.packed())).isEqualTo(all);
  }
}
