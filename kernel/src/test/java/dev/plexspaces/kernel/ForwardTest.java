package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A message that is forwarded in circles comes to an end, between actors of either kind.
@Timeout(120)
class ForwardTest {

  private static final Duration HOUR = Duration.ofHours(1);

  private final AtomicInteger turns = new AtomicInteger();
  private final BlockingQueue<String> entered = new LinkedBlockingQueue<>();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final Node.ManualClock clock = new Node.ManualClock();
  private final Node node = Node.withManualTime(new InMemoryStore(clock), clock);

  @AfterEach
  void close() {
    gate.countDown();
    node.close();
  }

  /// Forwards `round` to `next`, which has the same key.
  private TestType type(String name, String next, boolean durable) {
    if (durable) {
      return DurableScript.type(
          name,
          () ->
              DurableScript.of("get", (c, m, s) -> DurableScript.number(s, "n"))
                  .on(
                      "round",
                      (c, m, s) -> {
                        DurableScript.add(s, "n", 1);
                        return pass(c, next);
                      })
                  .on("hold", (c, m, s) -> hold(c, next))
                  .on("start", (c, m, s) -> start(c, next)));
    }
    return TestType.of(
        name,
        () ->
            Script.of("get", (c, m) -> "alive")
                .on("round", (c, m) -> pass(c, next))
                .on("hold", (c, m) -> hold(c, next))
                .on("start", (c, m) -> start(c, next)),
        FacetCatalog.VIRTUAL_ACTOR);
  }

  private Object pass(ActorContext c, String next) {
    turns.incrementAndGet();
    c.forward(c.actor(next, c.self().key()));
    return Reply.LATER;
  }

  private Object hold(ActorContext c, String next) {
    entered.add(c.self().type());
    Node.await(gate);
    c.forward(c.actor(next, c.self().key()));
    return Reply.LATER;
  }

  private static Object start(ActorContext c, String next) {
    try {
      return c.ask(c.actor(next, "loop"), "round", null, HOUR);
    } catch (PlexException e) {
      return e.code().name();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void forwardToItself_isRefused_andNothingCrashes(boolean durable) {
    node.offer(type("a", "a", durable));
    PlexException error = node.askFails("a", "x", "round", null);
    assertThat(error.code()).isEqualTo(ErrorCode.DEADLOCK);
    assertThat(error).hasMessageContaining("a/x").hasMessageContaining("to itself");
    assertThat(turns).hasValue(1);
    assertThat(node.ask("a", "x", "get")).isEqualTo(durable ? (Object) 0L : "alive");
    assertThat(node.system.metrics().types().getFirst().crashes()).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void forwardToAnUnknownType_isRefused_andNothingCrashes(boolean durable) {
    node.offer(type("a", "nono", durable));
    PlexException error = node.askFails("a", "x", "round", null);
    assertThat(error.code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(error).hasMessage("a/x: forwards 'round' to the unknown actor type 'nono'");
    node.tell("a", "x", "round", null);
    assertThat(node.ask("a", "x", "get")).isEqualTo(durable ? (Object) 0L : "alive");
    assertThat(turns).hasValue(2);
    assertThat(node.system.metrics().types().getFirst().crashes()).isZero();
  }

  @ParameterizedTest
  @CsvSource({"false, false", "true, true", "true, false", "false, true"})
  void callForwardedInCircles_isRefusedAtTheBound(boolean first, boolean second) {
    node.offer(type("a", "b", first), type("b", "a", second));
    PlexException error = node.askFails("a", "x", "round", null);
    assertThat(error.code()).isEqualTo(ErrorCode.DEADLOCK);
    assertThat(error).hasMessageContaining("forwarded 32 times");
    assertThat(turns).hasValue(CellContext.FORWARDS_MAX + 1);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "true, true", "true, false", "false, true"})
  void messageForwardedInCircles_comesToAnEnd(boolean first, boolean second) {
    node.offer(type("a", "b", first), type("b", "a", second));
    node.tell("a", "x", "round", null);
    Node.eventually(() -> turns.get() > CellContext.FORWARDS_MAX);
    // Whatever was sent on is in a mailbox before these.
    for (int i = 0; i < 3; i++) {
      node.ask("a", "x", "get");
      node.ask("b", "x", "get");
    }
    assertThat(turns).hasValue(CellContext.FORWARDS_MAX + 1);
  }

  @ParameterizedTest
  @CsvSource({
    "false, false, false",
    "true, true, true",
    "true, true, false",
    "true, false, true",
    "true, false, false",
    "false, true, true"
  })
  void actorThatAsksIntoACircle_isTold(boolean asker, boolean first, boolean second) {
    node.offer(type("asker", "a", asker), type("a", "b", first), type("b", "a", second));
    assertThat(node.ask("asker", "x", "start")).isEqualTo("DEADLOCK");
    assertThat(turns).hasValue(CellContext.FORWARDS_MAX + 1);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "true, true", "true, false", "false, true"})
  void callWhoseCallerGaveUp_isNotPassedOn(boolean first, boolean second) {
    node.offer(type("a", "b", first), type("b", "c", second));
    CompletableFuture<Object> call =
        node.asking(Node.context(), "a", "x", Node.request("hold", null, Duration.ofSeconds(1)));
    assertThat(Node.take(entered)).isEqualTo("a");
    node.advance(Duration.ofSeconds(2));
    assertThat(Node.failure(call).code()).isEqualTo(ErrorCode.TIMEOUT);
    gate.countDown();
    node.ask("a", "x", "get");
    node.ask("b", "x", "get");
    assertThat(entered).as("b has not seen it").isEmpty();
  }

  @Test
  void requestOfADurableActorThatGaveUp_isNotPassedOnThroughAVolatileOne() {
    node.offer(
        DurableScript.type(
            "asker",
            () ->
                DurableScript.of(
                    "start",
                    (c, m, s) -> {
                      try {
                        return c.ask(c.actor("a", "x"), "through", null, Duration.ofSeconds(1));
                      } catch (PlexException e) {
                        return e.code().name();
                      }
                    })),
        DurableScript.type(
            "a",
            () ->
                DurableScript.of(
                    "through",
                    (c, m, s) -> {
                      c.forward(c.actor("b", "x"));
                      return Reply.LATER;
                    })),
        TestType.of(
            "b",
            () ->
                Script.of(
                        "through",
                        (c, m) -> {
                          entered.add("b");
                          Node.await(gate);
                          c.forward(c.actor("c", "x"));
                          return Reply.LATER;
                        })
                    .on("get", (c, m) -> "alive"),
            FacetCatalog.VIRTUAL_ACTOR),
        TestType.of(
            "c",
            () ->
                Script.of(
                        "through",
                        (c, m) -> {
                          entered.add("c");
                          return "late";
                        })
                    .on("get", (c, m) -> "alive"),
            FacetCatalog.VIRTUAL_ACTOR));
    CompletableFuture<Object> call = node.asking("asker", "x", "start", null);
    assertThat(Node.take(entered)).isEqualTo("b");
    // More than once: the asker may not have begun to wait yet.
    node.eventually(Duration.ofMillis(50), call::isDone);
    assertThat(Node.await(call)).isEqualTo("TIMEOUT");
    // Deadlines that travel are whole milliseconds.
    node.advance(Duration.ofMillis(1));
    gate.countDown();
    node.ask("b", "x", "get");
    node.ask("c", "x", "get");
    assertThat(entered).isEmpty();
  }
}
