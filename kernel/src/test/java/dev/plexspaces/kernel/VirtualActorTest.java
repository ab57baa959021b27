package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class VirtualActorTest {

  private static final Duration IDLE = Duration.ofSeconds(10);

  private final AtomicInteger activations = new AtomicInteger();
  private final AtomicInteger passivations = new AtomicInteger();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final BlockingQueue<String> entered = new LinkedBlockingQueue<>();
  private Node node = Node.withManualTime();

  private static FacetSpec virtual(String strategy) {
    return new FacetSpec(
        FacetCatalog.VIRTUAL_ACTOR,
        FacetSpec.DEFAULT_PRIORITY,
        Map.of("idle_timeout", IDLE.toSeconds() + "s", "activation_strategy", strategy));
  }

  private TestType counter(String strategy) {
    return new TestType("counter", script(), List.of(virtual(strategy)));
  }

  private Supplier<dev.plexspaces.sdk.Actor> script() {
    return () -> {
      AtomicLong count = new AtomicLong();
      return Script.of("increment", (c, m) -> count.incrementAndGet())
          .on("get", (c, m) -> count.get())
          .on(
              "hold",
              (c, m) -> {
                entered.add("in");
                Node.await(gate);
                return null;
              })
          .on("timer", (c, m) -> c.sendAfter(Duration.ofHours(1), "tick", null))
          .on("tick", (c, m) -> null)
          .on(
              "take_back_everything",
              (c, m) -> {
                c.cancelTimer(c.sendAfter(Duration.ofHours(1), "tick", null));
                c.demonitor(c.monitor(c.actor("counter", "other")));
                c.link(c.actor("counter", "other"));
                c.unlink(c.actor("counter", "other"));
                throw new ActorException("no");
              })
          .on("monitor", (c, m) -> c.monitor(c.actor("counter", (String) m.payload())))
          .on(
              "demonitor",
              (c, m) -> {
                c.demonitor((Long) m.payload());
                return null;
              })
          .on("__DOWN__", (c, m) -> entered.add("down"))
          .on(
              "link",
              (c, m) -> {
                c.link(c.actor("counter", (String) m.payload()));
                return null;
              })
          .on(
              "unlink",
              (c, m) -> {
                c.unlink(c.actor("counter", (String) m.payload()));
                return null;
              })
          .activate(c -> activations.incrementAndGet())
          .terminate((c, reason) -> passivations.incrementAndGet());
    };
  }

  @AfterEach
  void close() {
    gate.countDown();
    node.close();
  }

  /// The caller sees none of what init was given, so none of it can be the caller's mistake.
  @ParameterizedTest
  @CsvSource({
    "INVALID_MESSAGE, ACTOR_CRASHED",
    "FAILED_PRECONDITION, ACTOR_CRASHED",
    "NOT_FOUND, ACTOR_CRASHED",
    "RESOURCE_EXHAUSTED, ACTOR_CRASHED",
    "UNAVAILABLE, UNAVAILABLE",
    "TIMEOUT, TIMEOUT",
    "QUARANTINED, QUARANTINED"
  })
  void initThatThrows_isTheActorsFaultUnlessItIsAnOutage(ErrorCode thrown, ErrorCode told) {
    offerBroken(new PlexException(thrown, "size: is required"));

    PlexException error = node.askFails("broken", "b", "get", null);

    assertThat(error.code()).isEqualTo(told);
    assertThat(error)
        .hasMessage(
            told == ErrorCode.ACTOR_CRASHED
                ? "broken/b crashed while starting"
                : "size: is required");
  }

  private void offerBroken(PlexException thrownByInit) {
    node.offer(
        TestType.of(
            "broken",
            () ->
                Script.of("get", (c, m) -> "never")
                    .init(
                        c -> {
                          throw thrownByInit;
                        }),
            FacetCatalog.VIRTUAL_ACTOR));
  }

  @Test
  void errorThatInitDeclares_isNoAnswerToACaller() {
    offerBroken(ActorException.invalid("size", "must be positive"));

    PlexException error = node.askFails("broken", "b", "get", null);

    assertThat(error.code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(error.violations()).isEmpty();
  }

  private void idle() {
    node.advance(IDLE);
  }

  /// Passes idle times until the actor is gone.
  private void passivated(String key) {
    Node.eventually(
        () -> {
          if (!node.state("counter", key).isEmpty()) {
            idle();
          }
          return node.state("counter", key).isEmpty();
        });
  }

  @Test
  void lazyActor_isActivatedByItsFirstMessageOnly() {
    node.offer(counter("lazy"));
    assertThat(activations.get()).isZero();
    assertThat(node.state("counter", "default")).isEmpty();
    assertThat(node.ask("counter", "a", "increment")).isEqualTo(1L);
    assertThat(node.ask("counter", "a", "increment")).isEqualTo(2L);
    assertThat(node.ask("counter", "b", "get")).isEqualTo(0L);
    assertThat(activations.get()).isEqualTo(2);
  }

  @Test
  void eagerActor_isActivatedWithItsApplication() {
    node.offer(counter("eager"));
    Node.eventually(() -> node.state("counter", "default").equals("active"));
    assertThat(activations.get()).isEqualTo(1);
  }

  @Test
  void firstMessages_fromManyThreadsAtOnce_makeOneActivation() throws Exception {
    node.offer(counter("lazy"));
    int threads = 4;
    for (int round = 0; round < 200; round++) {
      String key = "k" + round;
      CyclicBarrier barrier = new CyclicBarrier(threads);
      List<CompletableFuture<Object>> replies = new ArrayList<>();
      List<Thread> callers = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        CompletableFuture<Object> reply = new CompletableFuture<>();
        replies.add(reply);
        callers.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        barrier.await(30, TimeUnit.SECONDS);
                      } catch (Exception e) {
                        throw new AssertionError(e);
                      }
                      node.asking("counter", key, "increment", null)
                          .whenComplete(
                              (value, error) -> {
                                if (error == null) {
                                  reply.complete(value);
                                } else {
                                  reply.completeExceptionally(error);
                                }
                              });
                    }));
      }
      assertThat(replies.stream().map(Node::await).toList())
          .containsExactlyInAnyOrder(1L, 2L, 3L, 4L);
      for (Thread caller : callers) {
        caller.join(Node.BOUND);
      }
    }
    assertThat(activations.get()).isEqualTo(200);
  }

  @Test
  void idleActor_isPassivatedAfterItsIdleTime_andComesBackWithItsNextMessage() {
    node.offer(counter("lazy"));
    node.ask("counter", "a", "increment");
    node.advance(IDLE.minusMillis(1));
    assertThat(node.ask("counter", "a", "get")).isEqualTo(1L);
    passivated("a");
    assertThat(passivations.get()).isEqualTo(1);
    assertThat(node.ask("counter", "a", "get")).as("volatile state is gone").isEqualTo(0L);
    assertThat(activations.get()).isEqualTo(2);
    assertThat(node.system.deadLetters().latest()).isEmpty();
  }

  @Test
  void busyActor_isNotPassivated() {
    node.offer(counter("lazy"));
    node.ask("counter", "a", "increment");
    for (int i = 0; i < 5; i++) {
      node.ask("counter", "a", "increment");
      idle();
    }
    assertThat(node.ask("counter", "a", "get")).isEqualTo(6L);
    CompletableFuture<Object> holding = node.asking("counter", "a", "hold", null);
    Node.take(entered);
    CompletableFuture<Object> waiting = node.asking("counter", "a", "get", null);
    idle();
    idle();
    idle();
    gate.countDown();
    Node.await(holding);
    assertThat(Node.await(waiting)).isEqualTo(6L);
    assertThat(activations.get()).isEqualTo(1);
  }

  @Test
  void actorWithATimer_isPassivatedOnlyOnceItHasFired() {
    node.offer(counter("lazy"));
    node.ask("counter", "a", "increment");
    node.ask("counter", "a", "timer");
    for (int i = 0; i < 10; i++) {
      idle();
    }
    assertThat(node.ask("counter", "a", "get")).isEqualTo(1L);
    node.advance(Duration.ofHours(1));
    passivated("a");
  }

  @Test
  void watchingAndLinkedActors_stay_untilTheyLetGo() {
    node.offer(counter("lazy"));
    Object ref = node.ask("counter", "a", "monitor", "b");
    node.ask("counter", "c", "link", "d");
    for (String key : List.of("b", "d")) {
      Node.eventually(() -> node.state("counter", key).equals("active"));
    }
    for (int i = 0; i < 5; i++) {
      idle();
      for (String key : List.of("a", "b", "c", "d")) {
        assertThat(node.state("counter", key)).isEqualTo("active");
      }
    }
    node.ask("counter", "a", "demonitor", ref);
    node.ask("counter", "c", "unlink", "d");
    for (String key : List.of("a", "b", "c", "d")) {
      passivated(key);
    }
    assertThat(entered).as("no DOWN for a passivation").isEmpty();
  }

  @Test
  void turnThatTookBackItsTies_andRefused_leavesNone() {
    node.offer(counter("lazy"));
    node.askFails("counter", "a", "take_back_everything", null);
    passivated("a");
    assertThat(node.state("counter", "other")).isEmpty();
  }

  @Test
  void watcherWhoseTargetIsGone_isPassivatedAgain() {
    node.offer(counter("lazy"));
    node.ask("counter", "a", "monitor", "b");
    node.system.stop(Node.id("counter", "b"));
    assertThat(Node.take(entered)).isEqualTo("down");
    passivated("a");
  }

  /// Each message is counted by the durable state, so none is lost and none is counted twice.
  @Test
  void passivation_whileMessagesCome_losesNothing() throws Exception {
    node.close();
    ManualClock clock = new ManualClock();
    node = Node.withManualTime(new InMemoryStore(clock), clock);
    TestType durable =
        new TestType(
            "counter",
            () ->
                DurableScript.of("increment", (c, m, s) -> DurableScript.add(s, "sum", 1))
                    .on("get", (c, m, s) -> DurableScript.number(s, "sum"))
                    .activate((c, s) -> activations.incrementAndGet()),
            List.of(virtual("lazy"), FacetSpec.of(FacetCatalog.DURABILITY)));
    node.offer(durable);
    AtomicInteger sent = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    List<Thread> senders = new ArrayList<>();
    CompletableFuture<Throwable> wrong = new CompletableFuture<>();
    for (int s = 0; s < 2; s++) {
      boolean asks = s == 0;
      senders.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      while (activations.get() < 20 && !wrong.isDone()) {
                        if (asks) {
                          node.ask("counter", "a", "increment");
                        } else {
                          node.tell("counter", "a", "increment", null);
                        }
                        sent.incrementAndGet();
                      }
                    } catch (Throwable e) {
                      wrong.complete(e);
                    }
                    done.incrementAndGet();
                  }));
    }
    int before = -1;
    while (done.get() < 2) {
      if (sent.get() > before) {
        before = sent.get();
        // Twice: what nobody used between two looks is idle.
        idle();
        idle();
      }
      Thread.onSpinWait();
    }
    for (Thread sender : senders) {
      sender.join(Node.BOUND);
    }
    assertThat(wrong).isNotDone();
    Node.eventually(() -> node.ask("counter", "a", "get").equals((long) sent.get()));
  }

  @Test
  void durableActor_keepsItsStateOverPassivation() {
    node.close();
    ManualClock clock = new ManualClock();
    node = Node.withManualTime(new InMemoryStore(clock), clock);
    node.offer(
        new TestType(
            "counter",
            () ->
                DurableScript.of("increment", (c, m, s) -> DurableScript.add(s, "sum", 1))
                    .on("get", (c, m, s) -> DurableScript.number(s, "sum")),
            List.of(virtual("lazy"), FacetSpec.of(FacetCatalog.DURABILITY))));
    for (long i = 1; i <= 5; i++) {
      assertThat(node.ask("counter", "a", "increment")).isEqualTo(i);
      passivated("a");
      assertThat(node.system.actor(Node.id("counter", "a"))).isEmpty();
      assertThat(node.system.stored(Node.id("counter", "a")))
          .contains(
              new Invoker.StoredActor(
                  Node.id("counter", "a"), "app", List.of("virtual_actor", "durability")));
      assertThat(node.system.stored(Node.id("counter", "nobody"))).isEmpty();
    }
    assertThat(node.ask("counter", "a", "get")).isEqualTo(5L);
  }

  @Test
  void stoppedVirtualActor_isActivatedByItsNextMessage() {
    node.offer(counter("lazy"));
    node.ask("counter", "a", "increment");
    node.system.stop(Node.id("counter", "a"));
    Node.eventually(() -> node.state("counter", "a").isEmpty());
    assertThat(node.ask("counter", "a", "get")).isEqualTo(0L);
  }

  @Test
  void actorsOfAnUninstalledApplication_areGoneAndItsTypesUnknown() {
    node.install(
        Node.unit(
            "app", Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 1), counter("lazy")));
    for (int i = 0; i < 100; i++) {
      node.ask("counter", "k" + i, "increment");
    }
    node.uninstall("app");
    assertThat(passivations.get()).isEqualTo(100);
    assertThat(node.askFails("counter", "k1", "get", null).code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    node.offer(counter("lazy"));
    assertThat(node.ask("counter", "k1", "get")).isEqualTo(0L);
  }

  /// Activations that race with the end of their application leave nobody behind.
  @Test
  void uninstall_whileMessagesActivate_leavesNobody() throws Exception {
    for (int round = 0; round < 20; round++) {
      node.offer(counter("lazy"));
      AtomicInteger sent = new AtomicInteger();
      CountDownLatch some = new CountDownLatch(50);
      Thread sender =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (sent.get() < 2_000) {
                      node.telling("counter", "k" + sent.getAndIncrement(), "increment", null);
                      some.countDown();
                    }
                  });
      Node.await(some);
      node.uninstall("app");
      sender.join(Node.BOUND);
      Node.eventually(
          () ->
              node.system.actors(Node.SCOPE, java.util.Optional.empty(), "", 10).isEmpty()
                  && activations.get() == passivations.get());
    }
  }
}
