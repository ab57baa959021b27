package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import dev.plexspaces.sdk.SupervisionStrategy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Rule 20 of spec/turns: asks between durable actors happen exactly once.
@Timeout(120)
class DurableAsksTest {

  private static final Duration HOUR = Duration.ofHours(1);

  private final ManualClock clock = new ManualClock();
  private final List<Node> nodes = new ArrayList<>();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final AtomicInteger entered = new AtomicInteger();

  /// What handlers wait for, by actor key.
  private final ConcurrentHashMap<String, CountDownLatch> gates = new ConcurrentHashMap<>();

  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node;

  private Node start() {
    node = Node.withManualTime(store, clock).offer(payer(), account(), clerk());
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
    gates.values().forEach(CountDownLatch::countDown);
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private void quiet() {
    Node.eventually(() -> store.actorsWithWork().isEmpty());
  }

  /// Asks other durable actors in its turns.
  private TestType payer() {
    return DurableScript.type(
        "payer",
        () ->
            DurableScript.of(
                    "pay",
                    (c, m, s) -> {
                      long first =
                          ((Number) c.ask(c.actor("account", "a"), "take", 5, HOUR)).longValue();
                      add(s, "sum", first);
                      long second =
                          ((Number) c.ask(c.actor("account", "b"), "take", 7, HOUR)).longValue();
                      return add(s, "sum", second);
                    })
                .on(
                    "pay_impatiently",
                    (c, m, s) -> {
                      try {
                        c.ask(c.actor("account", "a"), "take_slowly", 5, Duration.ofMillis(50));
                        return "paid";
                      } catch (PlexException e) {
                        add(s, "given_up", 1);
                        return e.code().name();
                      }
                    })
                .on(
                    "pay_the_refusing",
                    (c, m, s) -> {
                      String first = code(() -> c.ask(c.actor("account", "a"), "refuse", 1, HOUR));
                      c.ask(c.actor("account", "b"), "take", 1, HOUR);
                      add(s, "refused " + first, 1);
                      return first;
                    })
                .on(
                    "cross",
                    (c, m, s) -> {
                      Node.await(gate(c.self().key()));
                      String outcome =
                          code(() -> c.ask(c.actor("payer", m.payload() + ""), "count", 1, HOUR));
                      return add(s, outcome, 1);
                    })
                .on("count", (c, m, s) -> add(s, "counted", 1))
                .on(
                    "pay_one_impatiently",
                    (c, m, s) -> {
                      Duration soon = Duration.ofMillis(50);
                      add(s, code(() -> c.ask(c.actor("account", "a"), "wait", 1, soon)), 1);
                      return c.ask(c.actor("account", "b"), "wait", 1, HOUR);
                    })
                .on("ask", (c, m, s) -> c.ask(c.actor("account", "a"), m.payload() + "", 1, HOUR))
                .on(
                    "chain",
                    (c, m, s) -> {
                      List<?> keys = (List<?>) m.payload();
                      if (keys.isEmpty()) {
                        return "end";
                      }
                      try {
                        return c.ask(
                            c.actor("payer", keys.getFirst() + ""),
                            "chain",
                            keys.subList(1, keys.size()),
                            HOUR);
                      } catch (PlexException e) {
                        return e.code().name();
                      }
                    })
                .on("get", (c, m, s) -> number(s, "sum"))
                .on("field", (c, m, s) -> number(s, m.payload() + "")));
  }

  private CountDownLatch gate(String key) {
    return gates.computeIfAbsent(key, k -> new CountDownLatch(1));
  }

  private static String code(Runnable call) {
    try {
      call.run();
      return "none";
    } catch (PlexException e) {
      return e.code().name();
    }
  }

  /// Does not deduplicate anything.
  private TestType account() {
    return DurableScript.type(
        "account",
        () ->
            DurableScript.of("take", (c, m, s) -> add(s, "sum", ((Number) m.payload()).longValue()))
                .on(
                    "take_slowly",
                    (c, m, s) -> {
                      entered.incrementAndGet();
                      gate.await(60, TimeUnit.SECONDS);
                      return add(s, "sum", ((Number) m.payload()).longValue());
                    })
                .on(
                    "wait",
                    (c, m, s) -> {
                      Node.await(gate(c.self().key()));
                      return add(s, "sum", 1);
                    })
                .on(
                    "refuse",
                    (c, m, s) -> {
                      add(s, "sum", 1_000);
                      throw ActorException.invalid("n", "is wrong");
                    })
                .on(
                    "crash",
                    (c, m, s) -> {
                      add(s, "sum", 1_000);
                      throw new IllegalStateException("on purpose");
                    })
                .on(
                    "pass_on",
                    (c, m, s) -> {
                      if (c.self().key().equals("other")) {
                        return "by other, time " + add(s, "sum", 1);
                      }
                      add(s, "passed", 1);
                      c.forward(c.actor("account", "other"));
                      return Reply.LATER;
                    })
                .on(
                    "pass_to_clerk",
                    (c, m, s) -> {
                      c.forward(c.actor("clerk", "c"));
                      return Reply.LATER;
                    })
                .on("get", (c, m, s) -> number(s, "sum")));
  }

  private TestType clerk() {
    return TestType.of(
        "clerk", () -> Script.of("pass_to_clerk", (c, m) -> "done"), FacetCatalog.VIRTUAL_ACTOR);
  }

  static Stream<Arguments> crashPoints() {
    return IntStream.rangeClosed(1, 12)
        .boxed()
        .flatMap(n -> Stream.of(Arguments.of(n, true), Arguments.of(n, false)));
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("crashPoints")
  void askBetweenDurableActors_crashAtEveryCommit_runsOnceAtTheCallee(
      int commits, boolean heardOf) {
    start();
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("payer", "p", "pay", null);
    // Inits of three actors, the message, two intents, two callees, the end: 9 commits.
    if (commits <= 9) {
      Node.await(store.crash);
    } else {
      quiet();
    }
    boolean accepted = told.isDone();
    restart();
    quiet();
    long paid = (Long) node.ask("payer", "p", "get");
    if (!accepted && paid == 0) {
      assertThat(node.ask("account", "a", "get")).isEqualTo(0L);
      return;
    }
    assertThat(paid).isEqualTo(12);
    assertThat(node.ask("account", "a", "get")).as("asked once").isEqualTo(5L);
    assertThat(node.ask("account", "b", "get")).as("asked once").isEqualTo(7L);
    assertThat(store.inbox(id("payer", "p"), 0, 10)).as("replies left behind").isEmpty();
  }

  private static ActorId id(String type, String key) {
    return new ActorId(Node.SCOPE, type, key);
  }

  @Test
  void replyThatComesAfterTheTimeout_isDeletedAndCounted_andTheTimeoutStands() {
    start();
    CompletableFuture<Object> outcome = node.asking("payer", "p", "pay_impatiently", null);
    Node.eventually(() -> entered.get() == 1);
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(20));
          return outcome.isDone();
        });
    assertThat(Node.await(outcome)).isEqualTo("TIMEOUT");
    gate.countDown();
    quiet();
    assertThat(node.system.durableAsks().late()).isEqualTo(1);
    assertThat(node.ask("account", "a", "get")).as("it ran, once").isEqualTo(5L);
    restart();
    quiet();
    assertThat(node.ask("payer", "p", "field", "given_up")).isEqualTo(1L);
    assertThat(node.ask("account", "a", "get")).isEqualTo(5L);
  }

  @Test
  void requestWhoseDeadlinePassedWhileItWaited_isNotRun() {
    start();
    CompletableFuture<Object> first = node.asking("payer", "p", "pay_impatiently", null);
    Node.eventually(() -> entered.get() == 1);
    CompletableFuture<Object> second = node.asking("payer", "q", "pay_impatiently", null);
    Node.eventually(() -> store.inbox(id("account", "a"), 0, 10).size() == 2);
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(60));
          return first.isDone() && second.isDone();
        });
    gate.countDown();
    quiet();
    assertThat(node.ask("account", "a", "get")).as("the first one only").isEqualTo(5L);
    assertThat(entered).hasValue(1);
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("crashPoints")
  void refusalOfACallee_isReplayedAsTheSameRefusal(int commits, boolean heardOf) {
    start();
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("payer", "p", "pay_the_refusing", null);
    if (commits <= 9) {
      Node.await(store.crash);
    } else {
      quiet();
    }
    boolean accepted = told.isDone();
    restart();
    quiet();
    long refused = (Long) node.ask("payer", "p", "field", "refused INVALID_MESSAGE");
    if (accepted) {
      assertThat(refused).isEqualTo(1);
    }
    assertThat(node.ask("account", "a", "get")).as("rolled back").isEqualTo(0L);
    assertThat(node.ask("account", "b", "get")).isEqualTo(refused);
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).as("a refusal is an answer").isEmpty();
  }

  @Test
  void calleeThatCrashes_itsAskerIsTold_andNothingIsTriedAgain() {
    start();
    node.askFails("payer", "p", "ask", "crash");
    quiet();
    assertThat(node.ask("account", "a", "get")).isEqualTo(0L);
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).isEmpty();
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("crashPoints")
  void forwardedRequest_isAnsweredByTheOtherActor_once(int commits, boolean heardOf) {
    start();
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("payer", "p", "ask", "pass_on");
    // Inits of three actors, the message, the intent, the forwarding, the answer, the end.
    if (commits <= 8) {
      Node.await(store.crash);
    } else {
      quiet();
    }
    boolean accepted = told.isDone();
    restart();
    quiet();
    Object times = node.ask("account", "other", "get");
    if (accepted || !times.equals(0L)) {
      assertThat(times).isEqualTo(1L);
    }
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).isEmpty();
  }

  @Test
  void requestForwardedToAVolatileActor_isAnswered() {
    start();
    assertThat(node.ask("payer", "p", "ask", "pass_to_clerk")).isEqualTo("done");
    quiet();
  }

  @Test
  void askThatWouldCloseACycle_ofTwoOrThree_isRefusedAtOnce() {
    start();
    assertThat(node.ask("payer", "one", "chain", List.of("two"))).isEqualTo("end");
    assertThat(node.ask("payer", "one", "chain", List.of("one"))).isEqualTo("DEADLOCK");
    assertThat(node.ask("payer", "one", "chain", List.of("two", "one"))).isEqualTo("DEADLOCK");
    assertThat(node.ask("payer", "one", "chain", List.of("two", "three", "one")))
        .isEqualTo("DEADLOCK");
    quiet();
  }

  @Test
  void askThatWasAdmittedBeforeItsCalleesWaitWasResumed_isWithdrawnAsADeadlock() {
    start();
    node.telling("payer", "two", "cross", "one");
    gate("one").countDown();
    node.telling("payer", "one", "cross", "two");
    Node.eventually(() -> store.inbox(id("payer", "two"), 0, 10).size() == 2);
    // In the next life it is the other way round: two asks one, which has not come to its ask
    // again.
    gates.remove("one");
    CountDownLatch ofTheFirstLife = gate("two");
    gates.remove("two");
    gate("two").countDown();
    restart();
    // Only now: before, its turn would go on and find the cycle in the first life.
    ofTheFirstLife.countDown();
    Node.eventually(() -> store.inbox(id("payer", "one"), 0, 10).size() == 2);
    gate("one").countDown();
    quiet();
    assertThat(node.ask("payer", "two", "field", "DEADLOCK")).isEqualTo(1L);
    assertThat(node.ask("payer", "one", "field", "counted")).as("withdrawn").isEqualTo(0L);
    assertThat(node.ask("payer", "one", "field", "none")).as("answered").isEqualTo(1L);
    assertThat(node.ask("payer", "two", "field", "counted")).isEqualTo(1L);
  }

  @Test
  void replyThatCameAfterItsTimeout_isDeletedAtTheEndOfTheTurnThatWasResumedMeanwhile() {
    start();
    node.telling("payer", "p", "pay_one_impatiently", null);
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(20));
          return store.inbox(id("account", "b"), 0, 10).size() == 1;
        });
    gate("a").countDown();
    // Its own message and the late reply.
    Node.eventually(() -> store.inbox(id("payer", "p"), 0, 10).size() == 2);
    restart();
    gate("b").countDown();
    quiet();
    assertThat(node.system.durableAsks().late()).isEqualTo(1);
    assertThat(node.ask("payer", "p", "field", "TIMEOUT")).isEqualTo(1L);
  }

  @Test
  void lateReply_thatCannotBeDeletedBecauseTheDiskIsFull_isDeletedOnceItCan() {
    start();
    CompletableFuture<Object> outcome = node.asking("payer", "p", "pay_impatiently", null);
    Node.eventually(() -> entered.get() == 1);
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(20));
          return outcome.isDone();
        });
    store.hold();
    gate.countDown();
    Node.eventually(() -> store.held() == 1);
    store.release(1);
    Node.eventually(() -> store.held() == 1);
    store.refuseHeld(ErrorCode.UNAVAILABLE);
    store.releaseAll();
    assertThat(store.inbox(id("payer", "p"), 0, 10)).as("the late reply").hasSize(1);
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(CommitPipeline.RELOAD_MAX_MILLIS));
          return store.inbox(id("payer", "p"), 0, 10).isEmpty();
        });
    assertThat(node.ask("payer", "p", "field", "given_up")).isEqualTo(1L);
  }

  /// Applications come back one after the other.
  @Test
  void callerThatComesBackBeforeItsCallee_goesOnOnceThatIsThere() {
    TestType early =
        DurableScript.type(
            "early",
            () ->
                DurableScript.of(
                        "begin",
                        (c, m, s) -> {
                          c.tell(c.actor("late", "x"), "told", null);
                          c.ask(c.actor("late", "x"), "first", null, HOUR);
                          s.put("outcome", c.ask(c.actor("late", "x"), "second", null, HOUR));
                          return null;
                        })
                    .on("outcome", (c, m, s) -> s.get("outcome")));
    TestType late =
        DurableScript.type(
            "late",
            () ->
                DurableScript.of("told", (c, m, s) -> add(s, "told", 1))
                    .on("first", (c, m, s) -> add(s, "asked", 1))
                    .on(
                        "second",
                        (c, m, s) -> {
                          entered.incrementAndGet();
                          Node.await(gate);
                          return List.of(number(s, "told"), add(s, "asked", 1));
                        }));
    node = Node.withManualTime(store, clock).offer(early, late);
    nodes.add(node);
    node.tell("early", "e", "begin", null);
    Node.eventually(() -> entered.get() == 1);
    node.abandon();
    store = store.afterCrash();
    node = Node.withManualTime(store, clock).offer(early);
    nodes.add(node);
    gate.countDown();
    Node.eventually(() -> node.state("early", "e").equals("active"));
    node.install(
        Node.unit("later", Node.supervisor("later", SupervisionStrategy.ONE_FOR_ONE, 3), late));
    quiet();
    assertThat(node.ask("early", "e", "outcome")).isEqualTo(List.of(1L, 2L));
  }
}
