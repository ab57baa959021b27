package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.plexspaces.kernel.DeadLetters.DeadLetter;
import dev.plexspaces.kernel.DeadLetters.Reason;
import dev.plexspaces.kernel.supervision.Event;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class DeadLettersTest {

  private final CountDownLatch gate = new CountDownLatch(1);
  private final CountDownLatch held = new CountDownLatch(1);
  private final Node node = Node.start();

  @AfterEach
  void close() {
    gate.countDown();
    node.close();
  }

  private void install() {
    node.install(
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(
                    ChildSpec.of("actor", "a").restart(dev.plexspaces.sdk.RestartType.TEMPORARY))),
            TestType.of(
                "actor",
                () ->
                    Script.of(
                            "hold",
                            (c, m) -> {
                              held.countDown();
                              Node.await(gate);
                              return null;
                            })
                        .on("put", (c, m) -> null)),
            TestType.of(
                "sender",
                () ->
                    Script.of(
                        "tell",
                        (c, m) -> {
                          c.tell(c.actor("actor", (String) m.payload()), "put", null);
                          return null;
                        }),
                FacetCatalog.VIRTUAL_ACTOR)));
  }

  @Test
  void messageToASupervisorThatIsGone_isNoDeadLetter() {
    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () ->
                node.install(
                    Node.unit(
                        "app",
                        Node.supervisor(
                            "app",
                            SupervisionStrategy.ONE_FOR_ONE,
                            1,
                            new SupervisorSpec.Worker(ChildSpec.of("broken", "a")),
                            new SupervisorSpec.Worker(ChildSpec.of("broken", "b"))),
                        TestType.of(
                            "broken",
                            () ->
                                Script.of("put", (c, m) -> null)
                                    .init(
                                        c -> {
                                          throw new IllegalStateException("on purpose");
                                        })))));
    assertThat(refused.code()).isEqualTo(ErrorCode.ACTOR_CRASHED);

    Address gone = new Address(node.system.scope(Node.SCOPE), SupervisorType.NAME, "app");
    node.system.info(gone, "supervise", new Event.StartAll());

    assertThat(node.system.deadLetters().latest()).isEmpty();
    assertThat(node.system.deadLetters().countsByType()).isEmpty();
  }

  @Test
  void messageToNobody_isCountedAndKept() {
    install();
    node.ask("sender", "s", "tell", "nobody");
    assertThat(node.tellFails("actor", "nobody", "put", null).code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(node.askFails("actor", "nobody", "put", null).code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(node.system.deadLetters().counts().get(Reason.NO_ACTOR))
        .as("a tell of an actor and the call; the outside tell was refused before")
        .isEqualTo(2);
    assertThat(node.system.deadLetters().latest())
        .extracting(DeadLetter::target, DeadLetter::operation, DeadLetter::reason)
        .containsOnly(tuple("actor/nobody", "put", Reason.NO_ACTOR));
    assertThat(node.system.deadLetters().latest().getFirst())
        .satisfies(
            letter -> {
              assertThat(letter.tenant()).isEqualTo("acme");
              assertThat(letter.namespace()).isEqualTo("test");
              assertThat(letter.sender()).isEqualTo("sender/s");
              assertThat(letter.user()).isEqualTo("alice");
              assertThat(letter.requestId()).isEqualTo("request-1");
              assertThat(letter.atMillis()).isPositive();
            });
    assertThat(node.system.metrics().deadLetters().get("actor"))
        .containsEntry(Reason.NO_ACTOR, 2L)
        .containsEntry(Reason.CRASHED, 0L);
  }

  @Test
  void messagesThatWaitWhenTheActorStops_areDeadLettersAndCallersAreTold() {
    install();
    node.tell("actor", "a", "hold", null);
    Node.await(held);
    node.tell("actor", "a", "put", null);
    CompletableFuture<Object> asked = node.asking("actor", "a", "put", null);
    node.system.stop(Node.id("actor", "a"));
    gate.countDown();
    assertThat(Node.failure(asked).code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(node.system.deadLetters().latest())
        .extracting(DeadLetter::target, DeadLetter::operation, DeadLetter::reason)
        .containsExactly(
            tuple("actor/a", "put", Reason.ACTOR_STOPPED),
            tuple("actor/a", "put", Reason.ACTOR_STOPPED));
    assertThat(node.system.metrics().deadLetters().get("actor"))
        .containsEntry(Reason.ACTOR_STOPPED, 2L);
  }

  @Test
  void deadLetters_onlyTheLatestAreKept_allAreCounted() {
    install();
    for (int i = 0; i < DeadLetters.KEPT + 100; i++) {
      node.ask("sender", "s", "tell", "nobody" + i);
    }
    assertThat(node.system.deadLetters().counts().get(Reason.NO_ACTOR))
        .isEqualTo(DeadLetters.KEPT + 100);
    assertThat(node.system.deadLetters().latest()).hasSize(DeadLetters.KEPT);
    assertThat(node.system.deadLetters().latest().getLast().target())
        .isEqualTo("actor/nobody" + (DeadLetters.KEPT + 99));
  }
}
