package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.State;
import dev.plexspaces.sdk.SupervisionStrategy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// Copies of durable messages in memory. Source: spec/turns rule 16.
class DurableInboxTest {

  private static final AtomicInteger DELIVERIES = new AtomicInteger();

  @GenServer
  static class Clerk {
    @State int turns;

    @Handler("wait")
    void waits(ActorContext context) {
      turns++;
      context.ask(context.actor("gate", "g"), "pass", null, Node.BOUND);
      throw new IllegalStateException("after the gate");
    }

    @Handler(value = "poison", cast = true)
    void poison(ActorContext context) {
      DELIVERIES.incrementAndGet();
      turns++;
      context.ask(context.actor("echo", "e"), "answer", null, Duration.ofSeconds(10));
      throw new IllegalStateException("poison");
    }

    @Handler("turns")
    int turns() {
      return turns;
    }
  }

  /// The copy that waits in the mailbox outlives the reloads after each crash. It must not begin
  /// the turn of its message once more when the message lies among the dead letters.
  @Test
  void message_buriedWhileACopyWaitsInTheMailbox_isNotRunAgain() throws InterruptedException {
    DELIVERIES.set(0);
    CountDownLatch atGate = new CountDownLatch(1);
    CountDownLatch gate = new CountDownLatch(1);
    InMemoryStore store = new InMemoryStore(SystemClock.INSTANCE);
    try (Node node = Node.start(store)) {
      node.install(
          new ApplicationUnit(
              "app",
              "1",
              Optional.empty(),
              Node.SCOPE,
              List.of(
                  new ApplicationUnit.Offer(
                      AnnotatedActors.bind(Clerk.class),
                      List.of(FacetSpec.of("virtual_actor"), FacetSpec.of("durability"))),
                  new ApplicationUnit.Offer(
                      TestType.of(
                          "gate",
                          () ->
                              Script.of(
                                  "pass",
                                  (context, message) -> {
                                    atGate.countDown();
                                    gate.await();
                                    return null;
                                  }),
                          "virtual_actor"),
                      List.of()),
                  new ApplicationUnit.Offer(
                      TestType.of(
                          "echo",
                          () -> Script.of("answer", (context, message) -> "answer"),
                          "virtual_actor"),
                      List.of())),
              Map.of(),
              Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 3)));
      CompletableFuture<Object> waiting = node.asking("clerk", "c", "wait", null);
      atGate.await();
      assertThat(node.tell("clerk", "c", "poison", null)).isTrue();
      gate.countDown();
      assertThat(Node.failure(waiting).code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
      // Behind the copy in the mailbox.
      assertThat(node.ask("clerk", "c", "turns")).isEqualTo(2);
      assertThat(DELIVERIES.get()).isEqualTo(Deliveries.DELIVERIES_MAX);
      assertThat(store.deadLetters(Node.SCOPE, 0, 10)).hasSize(1);
      assertThat(store.inbox(Node.id("clerk", "c"), 0, 10)).isEmpty();
    }
  }
}
