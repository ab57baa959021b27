package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class EffectsTest {

  private static final Duration HOUR = Duration.ofHours(1);

  private final BlockingQueue<Object> received = new LinkedBlockingQueue<>();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final CountDownLatch entered = new CountDownLatch(1);

  private void everyEffect(ActorContext c) {
    c.tell(c.actor("receiver", "r"), "put", "told");
    c.spawn(ChildSpec.of("receiver", "spawned"));
    c.sendAfter(Duration.ZERO, "put", "timer");
    c.monitor(c.actor("receiver", "victim"));
    c.link(c.actor("receiver", "victim"));
    c.stop(c.actor("receiver", "survivor"));
    c.stop();
  }

  private final TestType actor =
      TestType.of(
          "actor",
          () ->
              Script.of(
                      "effects_then_crash",
                      (c, m) -> {
                        everyEffect(c);
                        throw new IllegalStateException("on purpose");
                      })
                  .on(
                      "effects_then_refuse",
                      (c, m) -> {
                        everyEffect(c);
                        throw new ActorException("no");
                      })
                  .on(
                      "tell_ask_tell_then_refuse",
                      (c, m) -> {
                        c.tell(c.actor("receiver", "r"), "put", "before");
                        c.ask(c.actor("receiver", "r"), "ping", null, HOUR);
                        c.tell(c.actor("receiver", "r"), "put", "after");
                        throw new ActorException("no");
                      })
                  .on(
                      "tell_then_wait",
                      (c, m) -> {
                        c.tell(c.actor("receiver", "r"), "put", "told");
                        entered.countDown();
                        Node.await(gate);
                        return null;
                      })
                  .on(
                      "tell_many",
                      (c, m) -> {
                        for (int i = 0; i < 1_000; i++) {
                          c.tell(c.actor("receiver", "r"), "put", i);
                        }
                        return null;
                      })
                  .on(
                      "catch_and_go_on",
                      (c, m) -> {
                        try {
                          c.ask(c.actor("receiver", "r"), "refuse", null, HOUR);
                        } catch (ActorException e) {
                          c.tell(c.actor("receiver", "r"), "put", e.getMessage());
                        }
                        return "done";
                      })
                  .on("put", (c, m) -> received.add(m.payload()))
                  .on("ping", (c, m) -> "pong")
                  .on("__DOWN__", (c, m) -> received.add(m.payload()))
                  .on("__EXIT__", (c, m) -> received.add(m.payload())),
          FacetCatalog.VIRTUAL_ACTOR);

  private final TestType receiver =
      TestType.of(
          "receiver",
          () ->
              Script.of("put", (c, m) -> received.add(m.payload()))
                  .on("ping", (c, m) -> "pong")
                  .on(
                      "refuse",
                      (c, m) -> {
                        throw new ActorException("refused");
                      })
                  .on(
                      "crash",
                      (c, m) -> {
                        throw new IllegalStateException("victim");
                      })
                  .terminate((c, reason) -> received.add("stopped " + c.self().key())),
          FacetCatalog.VIRTUAL_ACTOR);

  private final Node node = Node.withManualTime().offer(actor, receiver);

  @AfterEach
  void close() {
    gate.countDown();
    node.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"effects_then_crash", "effects_then_refuse"})
  void failedTurn_noneOfItsEffectsHappened(String operation) {
    for (String key : List.of("r", "victim", "survivor")) {
      node.ask("receiver", key, "ping");
    }
    ErrorCode code = node.askFails("actor", "a", operation, null).code();
    assertThat(code)
        .isEqualTo(
            operation.endsWith("crash") ? ErrorCode.ACTOR_CRASHED : ErrorCode.FAILED_PRECONDITION);
    // Still there, also after a turn that succeeds: nothing was kept for later.
    assertThat(node.ask("actor", "a", "ping")).isEqualTo("pong");
    assertThat(node.ask("actor", "a", "ping")).isEqualTo("pong");
    node.advance(Duration.ofSeconds(1));
    node.askFails("receiver", "victim", "crash", null);
    assertThat(Node.take(received)).as("the victim's own end").isEqualTo("stopped victim");
    for (String key : List.of("r", "survivor", "victim")) {
      assertThat(node.ask("receiver", key, "ping")).isEqualTo("pong");
    }
    assertThat(node.ask("actor", "a", "ping")).isEqualTo("pong");
    // Told on the way by anybody who ran on the same threads.
    for (int i = 0; i < 20; i++) {
      node.ask("receiver", "other" + i, "ping");
    }
    assertThat(received).isEmpty();
    assertThat(node.system.metrics().types().stream().mapToLong(t -> t.activations()).sum())
        .as("nobody was spawned or started again but the two that crashed")
        .isEqualTo(4 + 20 + (operation.endsWith("crash") ? 1 : 0) + 1);
  }

  @Test
  void effects_leaveWhenTheTurnEndsAndNotBefore() {
    node.telling("actor", "a", "tell_then_wait", null);
    Node.await(entered);
    node.ask("receiver", "r", "ping");
    assertThat(received).isEmpty();
    gate.countDown();
    assertThat(Node.take(received)).isEqualTo("told");
  }

  @Test
  void ask_releasesWhatWasBufferedBefore_andOnlyThat() {
    node.askFails("actor", "a", "tell_ask_tell_then_refuse", null);
    node.ask("receiver", "r", "ping");
    assertThat(Node.take(received)).isEqualTo("before");
    assertThat(received).isEmpty();
  }

  @Test
  void manyEffectsOfOneTurn_arriveInOrder() {
    node.ask("actor", "a", "tell_many");
    for (int i = 0; i < 1_000; i++) {
      assertThat(Node.take(received)).isEqualTo(i);
    }
  }

  @Test
  void refusalOfACallee_thatIsCaught_changesNothingForTheCaller() {
    assertThat(node.ask("actor", "a", "catch_and_go_on")).isEqualTo("done");
    assertThat(Node.take(received)).isEqualTo("refused");
  }
}
