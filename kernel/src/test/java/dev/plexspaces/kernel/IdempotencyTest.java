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
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Rules 28 and 29 of spec/turns: idempotency keys.
@Timeout(120)
class IdempotencyTest {

  private static final Duration HOUR = Duration.ofHours(1);

  private final ManualClock clock = new ManualClock();
  private final List<Node> nodes = new ArrayList<>();
  private final AtomicInteger runs = new AtomicInteger();
  private long perTenant = ActorSystem.Options.IDEMPOTENCY_PER_TENANT;
  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));

  /// What `work_after_an_ask` does.
  private volatile DurableScript.Life work = (c, s) -> {};

  private boolean unclean;
  private Node node = start();

  private Node start() {
    TestType durable =
        DurableScript.type(
            "account",
            () ->
                DurableScript.of(
                        "add",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          return add(s, "sum", ((Number) m.payload()).longValue());
                        })
                    .on(
                        "add_after_an_ask",
                        (c, m, s) -> {
                          add(s, "sum", 1);
                          c.ask(c.actor("account", "other"), "add", 1, HOUR);
                          return add(s, "sum", 10);
                        })
                    .on(
                        "work_after_an_ask",
                        (c, m, s) -> {
                          add(s, "sum", 1);
                          c.ask(c.actor("account", "other"), "add", 1, HOUR);
                          work.run(c, s);
                          return add(s, "sum", 10);
                        })
                    .on(
                        "refuse",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          throw ActorException.invalid("n", "is wrong");
                        })
                    .on(
                        "refuse_after_an_ask",
                        (c, m, s) -> {
                          add(s, "sum", 1);
                          c.ask(c.actor("account", "other"), "add", 1, HOUR);
                          throw ActorException.invalid("n", "is wrong");
                        })
                    .on("get", (c, m, s) -> number(s, "sum")));
    TestType passing =
        TestType.of(
            "counter",
            () ->
                Script.of("add", (c, m) -> (long) runs.incrementAndGet())
                    .on(
                        "refuse",
                        (c, m) -> {
                          runs.incrementAndGet();
                          throw new ActorException("no");
                        }),
            FacetCatalog.VIRTUAL_ACTOR);
    ActorSystem.Options options =
        new ActorSystem.Options(1, 7, ActorSystem.Options.IDEMPOTENCY_KEPT, perTenant);
    Node started = Node.withManualTime(store, clock, options);
    if (unclean) {
      started.system.afterUncleanStop();
    }
    started.offer(durable, passing);
    nodes.add(started);
    return started;
  }

  /// Starts the node anew with a quota.
  private void restart(long keysPerTenant) {
    perTenant = keysPerTenant;
    restart();
  }

  private void restart() {
    node.abandon();
    store = store.afterCrash();
    node = start();
  }

  @AfterEach
  void close() {
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private static Invoker.Request request(String operation, Object payload, String key) {
    return new Invoker.Request(
        operation, payload, false, Map.of(), CellContext.ASK_MAX, Optional.of(key));
  }

  private CompletableFuture<Object> asking(
      String type, String operation, Object payload, String key) {
    return node.asking(Node.context(), type, "a", request(operation, payload, key));
  }

  private Object ask(String type, String operation, Object payload, String key) {
    return Node.await(asking(type, operation, payload, key));
  }

  private PlexException askFails(String type, String operation, Object payload, String key) {
    return Node.failure(asking(type, operation, payload, key));
  }

  private CompletableFuture<List<Object>> telling(String type, Object payload, String key) {
    CompletableFuture<List<Object>> outcome = new CompletableFuture<>();
    node.system.tell(
        Node.context(),
        Node.to(type, "a"),
        request("add", payload, key),
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {
            outcome.complete(List.of(messageId, durable));
          }

          @Override
          public void failed(PlexException error) {
            outcome.completeExceptionally(error);
          }
        });
    return outcome;
  }

  @ParameterizedTest
  @ValueSource(strings = {"account", "counter"})
  void sameKeyAndBody_runsOnce_andGetsTheSameReply(String type) {
    Object first = ask(type, "add", 5, "k1");
    assertThat(ask(type, "add", 5, "k1")).isEqualTo(first);
    assertThat(runs).hasValue(1);
    assertThat(ask(type, "add", 5, "k2")).isNotEqualTo(first);
    assertThat(runs).hasValue(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"account", "counter"})
  void sameKeyWithAnotherBodyOrOperation_isAConflict(String type) {
    ask(type, "add", 5, "k1");
    assertThat(askFails(type, "add", 6, "k1").code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(askFails(type, "refuse", 5, "k1").code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(runs).hasValue(1);
  }

  @Test
  void sameKeyOfAnotherUserOrActor_isAnotherRequest() {
    ask("account", "add", 5, "k1");
    Object ofBob =
        Node.await(
            node.asking(
                Node.context("bob", "r", Optional.empty()),
                "account",
                "a",
                request("add", 5, "k1")));
    assertThat(ofBob).isEqualTo(10L);
    assertThat(Node.await(node.asking(Node.context(), "account", "b", request("add", 5, "k1"))))
        .isEqualTo(5L);
  }

  @Test
  void duplicatesWhileTheFirstIsOnItsWayToTheDisk_waitForItAndShareItsReply() {
    node.ask("account", "a", "get");
    store.hold();
    List<CompletableFuture<Object>> replies = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      replies.add(asking("account", "add", 5, "k1"));
    }
    CompletableFuture<Object> other = asking("account", "add", 6, "k1");
    Node.eventually(() -> store.held() == 1);
    assertThat(Node.failure(other).code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(replies).noneMatch(CompletableFuture::isDone);
    store.releaseAll();
    replies.forEach(reply -> assertThat(Node.await(reply)).isEqualTo(5L));
    assertThat(runs).hasValue(1);
    assertThat(store.held()).isZero();
  }

  @Test
  void duplicatesOfARefusedCommit_areToldSo_andTheNextOneRunsAfresh() {
    node.ask("account", "a", "get");
    store.hold();
    CompletableFuture<Object> first = asking("account", "add", 5, "k1");
    CompletableFuture<Object> second = asking("account", "add", 5, "k1");
    Node.eventually(() -> store.held() == 1 && runs.get() == 1);
    store.refuseHeld(ErrorCode.UNAVAILABLE);
    assertThat(Node.failure(first).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(Node.failure(second).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    store.releaseAll();
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(50));
          CompletableFuture<Object> again = asking("account", "add", 5, "k1");
          Node.eventually(again::isDone);
          return !again.isCompletedExceptionally() && again.join().equals(5L);
        });
  }

  @ParameterizedTest(name = "crash after {0} commits, heard of: {1}")
  @CsvSource({"1,true", "1,false", "2,true", "2,false"})
  void retryAfterACrash_isAppliedOnce(int commits, boolean heardOf) {
    store.crashAfter(commits, heardOf);
    asking("account", "add", 5, "k1");
    Node.await(store.crash);
    restart();
    assertThat(ask("account", "add", 5, "k1")).isEqualTo(5L);
    assertThat(node.ask("account", "a", "get")).isEqualTo(5L);
    restart();
    assertThat(ask("account", "add", 5, "k1")).isEqualTo(5L);
    assertThat(node.ask("account", "a", "get")).isEqualTo(5L);
  }

  @ParameterizedTest(name = "crash after {0} commits, heard of: {1}")
  @CsvSource({"2,true", "2,false", "3,true", "3,false", "4,true", "4,false", "5,true", "5,false"})
  void retryOfAnOpenTurn_waitsForItAndGetsItsReply(int commits, boolean heardOf) {
    store.crashAfter(commits, heardOf);
    asking("account", "add_after_an_ask", null, "k1");
    Node.await(store.crash);
    restart();
    assertThat(ask("account", "add_after_an_ask", null, "k1")).isEqualTo(11L);
    assertThat(node.ask("account", "a", "get")).isEqualTo(11L);
    assertThat(node.ask("account", "other", "get")).isEqualTo(1L);
  }

  @Test
  void refusalThatRolledBack_isNotRemembered_oneWithCommittedEffectsIs() {
    assertThat(askFails("account", "refuse", 1, "k1").code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(askFails("account", "refuse", 1, "k1").code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(runs).as("it runs afresh").hasValue(2);
    assertThat(askFails("account", "refuse_after_an_ask", 1, "k2"))
        .isInstanceOf(ActorException.class);
    PlexException again = askFails("account", "refuse_after_an_ask", 1, "k2");
    assertThat(again).isInstanceOf(ActorException.class);
    assertThat(again.violations()).hasSize(1);
    assertThat(node.ask("account", "other", "get")).as("not asked a second time").isEqualTo(1L);
    assertThat(node.ask("account", "a", "get")).isEqualTo(1L);
  }

  @Test
  void requestThatBecameADeadLetter_isRunWhenItIsRedriven_notAnsweredWithItsFailure() {
    CountDownLatch stuck = new CountDownLatch(1);
    work =
        (c, s) -> {
          stuck.countDown();
          new CountDownLatch(1).await();
        };
    asking("account", "work_after_an_ask", null, "k");
    Node.await(stuck);
    work =
        (c, s) -> {
          throw new IllegalStateException("on purpose");
        };
    unclean = true;
    restart();
    node.eventually(
        Duration.ofMillis(Deliveries.BACKOFF_MAX_MILLIS),
        () -> store.deadLetters(Node.SCOPE, 0, 10).size() == 1);
    assertThat(askFails("account", "work_after_an_ask", null, "k").code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    work = (c, s) -> {};
    String id = Long.toString(store.deadLetters(Node.SCOPE, 0, 10).getFirst().seq());
    Node.await(new Inspection(node.system, true).redrive(Node.SCOPE, id, true));
    Node.eventually(() -> Long.valueOf(12).equals(node.ask("account", "a", "get")));
    assertThat(ask("account", "work_after_an_ask", null, "k")).isEqualTo(12L);
  }

  @Test
  void outcome_isForgottenAfterADay() {
    assertThat(ask("account", "add", 5, "k1")).isEqualTo(5L);
    clock.advance(ActorSystem.Options.IDEMPOTENCY_KEPT.minusSeconds(1));
    assertThat(ask("account", "add", 5, "k1")).isEqualTo(5L);
    clock.advance(Duration.ofSeconds(2));
    assertThat(ask("account", "add", 5, "k1")).isEqualTo(10L);
  }

  @Test
  void tell_ofADurableActor_isAcceptedOnceWithTheSameMessageId_alsoAfterACrash() {
    List<Object> first = Node.await(telling("account", 5, "k1"));
    assertThat(first.get(1)).isEqualTo(true);
    assertThat(Node.await(telling("account", 5, "k1"))).isEqualTo(first);
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    restart();
    assertThat(Node.await(telling("account", 5, "k1"))).isEqualTo(first);
    assertThat(Node.failure(telling("account", 6, "k1")).code()).isEqualTo(ErrorCode.CONFLICT);
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(node.ask("account", "a", "get")).isEqualTo(5L);
  }

  @Test
  void tells_ofOneKeyAtTheSameTime_areOneMessage() {
    store.hold();
    List<CompletableFuture<List<Object>>> all = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      all.add(telling("account", 5, "k1"));
    }
    assertThat(store.held()).isEqualTo(1);
    assertThat(all).noneMatch(CompletableFuture::isDone);
    store.releaseAll();
    assertThat(all.stream().map(Node::await).distinct()).hasSize(1);
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(node.ask("account", "a", "get")).isEqualTo(5L);
  }

  @Test
  void tell_ofAVolatileActor_saysThatItIsNotDurable_andIsSentOnce() {
    List<Object> first = Node.await(telling("counter", 5, "k1"));
    assertThat(first.get(1)).isEqualTo(false);
    assertThat(Node.await(telling("counter", 5, "k1"))).isEqualTo(first);
    assertThat(ask("counter", "add", 1, "k2")).as("behind the tells").isEqualTo(2L);
  }

  @Test
  void askAndTell_ofOneKey_areDifferentRequests() {
    ask("account", "add", 5, "k1");
    assertThat(Node.failure(telling("account", 5, "k1")).code()).isEqualTo(ErrorCode.CONFLICT);
  }

  // ---- the quota

  private void assertQuotaReached(PlexException error) {
    assertThat(error.code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
    assertThat(error)
        .hasMessageContaining("tenant acme has " + perTenant + " outcomes")
        .hasMessageContaining("nothing was done")
        .hasMessageContaining("per_tenant");
  }

  @Test
  void newKeyBeyondTheQuota_isRefusedBeforeAnythingRuns_knownOnesAreAnswered() {
    restart(2);
    assertThat(ask("account", "add", 5, "k1")).isEqualTo(5L);
    List<Object> told = Node.await(telling("account", 5, "k2"));
    Node.eventually(() -> runs.get() == 2);

    assertQuotaReached(askFails("account", "add", 5, "k3"));
    assertQuotaReached(Node.failure(telling("account", 5, "k4")));
    assertQuotaReached(
        Node.failure(node.asking(Node.context(), "account", "b", request("add", 5, "k1"))));
    assertThat(node.system.metrics().idempotencyRefusals()).isEqualTo(3);

    assertThat(ask("account", "add", 5, "k1")).isEqualTo(5L);
    assertThat(Node.await(telling("account", 5, "k2"))).isEqualTo(told);
    assertThat(askFails("account", "add", 6, "k1").code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(runs).as("nothing of that ran").hasValue(2);
    assertThat(node.ask("account", "a", "get")).as("without a key").isEqualTo(10L);
    assertThat(ask("counter", "add", 1, "k5")).as("to a volatile actor").isEqualTo(3L);
    assertThat(node.system.metrics().idempotencyRefusals()).isEqualTo(3);
  }

  @Test
  void quota_isOfOneTenant() {
    restart(1);
    ask("account", "add", 5, "k1");
    assertQuotaReached(askFails("account", "add", 5, "k2"));
    for (String namespace : List.of(Node.SCOPE.namespace(), "elsewhere")) {
      RequestContext acme = context("acme", namespace);
      RequestContext globex = context("globex", namespace);
      assertQuotaReached(Node.failure(node.asking(acme, "account", "a", request("add", 5, "k2"))));
      if (namespace.equals("elsewhere")) {
        // It used up its own before.
        assertThat(Node.failure(node.asking(globex, "account", "a", request("add", 5, "k1"))))
            .hasMessageContaining("tenant globex has 1 outcomes");
      } else {
        assertThat(Node.await(node.asking(globex, "account", "a", request("add", 5, "k1"))))
            .isEqualTo(5L);
      }
    }
  }

  private static RequestContext context(String tenant, String namespace) {
    return new RequestContext(
        tenant, namespace, "alice", Set.of(), "request-1", Optional.empty(), Optional.empty());
  }

  @Test
  void quota_isFreedByExpiry() {
    restart(2);
    ask("account", "add", 5, "k1");
    clock.advance(HOUR);
    ask("account", "add", 5, "k2");
    assertQuotaReached(askFails("account", "add", 5, "k3"));
    clock.advance(ActorSystem.Options.IDEMPOTENCY_KEPT.minus(HOUR));
    assertThat(ask("account", "add", 5, "k3")).isEqualTo(15L);
    assertQuotaReached(askFails("account", "add", 5, "k1"));
    assertThat(ask("account", "add", 5, "k2")).isEqualTo(10L);
  }

  @Test
  void quota_countsWhatAnEarlierProcessRemembered() {
    ask("account", "add", 5, "k1");
    ask("account", "add", 5, "k2");
    restart(2);
    assertQuotaReached(askFails("account", "add", 5, "k3"));
    assertThat(ask("account", "add", 5, "k2")).isEqualTo(10L);
    restart(3);
    assertThat(ask("account", "add", 5, "k3")).isEqualTo(15L);
    assertQuotaReached(askFails("account", "add", 5, "k4"));
  }

  @Test
  void requestsThatLeaveNothingBehind_takeUpNothing() {
    restart(1);
    for (int i = 0; i < 3; i++) {
      assertThat(askFails("account", "refuse", 1, "k" + i).code())
          .isEqualTo(ErrorCode.INVALID_MESSAGE);
    }
    store.hold();
    CompletableFuture<List<Object>> told = telling("account", 5, "t1");
    store.refuseHeld(ErrorCode.UNAVAILABLE);
    assertThat(Node.failure(told).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    store.releaseAll();
    assertThat(ask("account", "add", 5, "k9")).isEqualTo(5L);
    assertQuotaReached(askFails("account", "refuse", 1, "k0"));
  }

  @Test
  void requestsOnTheirWay_mayGoBeyondTheQuota_byAsManyAsTheyAre() {
    restart(1);
    node.ask("account", "a", "get");
    store.hold();
    List<CompletableFuture<Object>> replies = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      replies.add(asking("account", "add", 1, "k" + i));
    }
    Node.eventually(() -> store.held() == 3);
    store.releaseAll();
    replies.forEach(Node::await);
    assertQuotaReached(askFails("account", "add", 1, "k3"));
    assertThat(ask("account", "add", 1, "k2")).isEqualTo(3L);
  }

  @Test
  void openTurn_thatBeganWithinTheQuota_endsBeyondIt_alsoAfterACrash() {
    restart(1);
    List.of("a", "b", "other").forEach(key -> node.ask("account", key, "get"));
    store.hold();
    asking("account", "add_after_an_ask", null, "k1");
    Node.eventually(() -> store.held() == 1);
    store.release(1);
    // What the other one answers.
    Node.eventually(() -> store.held() == 1);
    CompletableFuture<Object> ofB =
        node.asking(Node.context(), "account", "b", request("add", 1, "k2"));
    Node.eventually(() -> store.held() == 2);
    store.release(2);
    assertThat(Node.await(ofB)).isEqualTo(1L);
    Node.eventually(() -> store.held() == 1);
    assertQuotaReached(
        Node.failure(node.asking(Node.context(), "account", "b", request("add", 1, "k3"))));
    restart();
    assertThat(ask("account", "add_after_an_ask", null, "k1")).isEqualTo(11L);
    assertThat(node.ask("account", "a", "get")).isEqualTo(11L);
    assertQuotaReached(askFails("account", "add", 1, "k2"));
    assertThat(store.idempotencyCount("acme")).isEqualTo(2);
  }
}
