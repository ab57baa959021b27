package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class TimersTest {

  private static final Duration SECOND = Duration.ofSeconds(1);

  private final BlockingQueue<Object> fired = new LinkedBlockingQueue<>();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final CountDownLatch held = new CountDownLatch(1);
  private Node node;

  private Script actor() {
    return Script.of("set", (c, m) -> c.sendAfter(SECOND, "tick", m.payload()))
        .on("set_zero", (c, m) -> c.sendAfter(Duration.ZERO, "tick", m.payload()))
        .on("set_negative", (c, m) -> c.sendAfter(SECOND.negated(), "tick", null))
        .on("set_too_long", (c, m) -> c.sendAfter(Duration.ofSeconds(Long.MAX_VALUE), "tick", null))
        .on("cancel", (c, m) -> c.cancelTimer((Long) m.payload()))
        .on("set_and_cancel", (c, m) -> c.cancelTimer(c.sendAfter(SECOND, "tick", m.payload())))
        .on(
            "cancel_and_refuse",
            (c, m) -> {
              c.cancelTimer((Long) m.payload());
              throw new ActorException("no");
            })
        .on(
            "set_and_refuse",
            (c, m) -> {
              c.sendAfter(SECOND, "tick", m.payload());
              throw new ActorException("no");
            })
        .on(
            "set_cancel_and_refuse",
            (c, m) -> {
              c.cancelTimer(c.sendAfter(SECOND, "tick", m.payload()));
              throw new ActorException("no");
            })
        .on(
            "hold_and_cancel",
            (c, m) -> {
              held.countDown();
              Node.await(gate);
              return c.cancelTimer((Long) m.payload());
            })
        .on(
            "crash",
            (c, m) -> {
              throw new IllegalStateException("on purpose");
            })
        .on("ping", (c, m) -> "pong")
        .on(
            "tick",
            (c, m) -> {
              assertThat(m.kind()).isEqualTo(Message.Kind.INFO);
              fired.add(m.payload());
              return null;
            })
        .on("ask_later", (c, m) -> c.sendAfter(SECOND, "ask_now", null))
        .on(
            "ask_now",
            (c, m) -> {
              fired.add(
                  c.ask(c.actor("actor", "b"), "ping", null, Duration.ofSeconds(5))
                      + " "
                      + c.request().user()
                      + " "
                      + c.request().requestId());
              return null;
            });
  }

  @BeforeEach
  void start() {
    node = Node.withManualTime();
    node.install(
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                SupervisionStrategy.ONE_FOR_ONE,
                10,
                new SupervisorSpec.Worker(ChildSpec.of("actor", "a")),
                new SupervisorSpec.Worker(ChildSpec.of("actor", "b"))),
            TestType.of("actor", this::actor)));
  }

  @AfterEach
  void close() {
    gate.countDown();
    node.close();
  }

  private void expectNothing() {
    node.ask("actor", "a", "ping");
    assertThat(fired).isEmpty();
  }

  @Test
  void timer_firesOnceWhenItIsDueAndNotBefore() {
    node.ask("actor", "a", "set", 1);
    node.advance(SECOND.minusMillis(1));
    expectNothing();
    node.advance(Duration.ofMillis(1));
    assertThat(Node.take(fired)).isEqualTo(1);
    node.advance(SECOND.multipliedBy(10));
    expectNothing();
  }

  @Test
  void timers_fireInTheOrderTheyAreDue() {
    node.ask("actor", "a", "set", 2);
    node.ask("actor", "a", "set_zero", 1);
    node.advance(SECOND);
    assertThat(Node.take(fired)).isEqualTo(1);
    assertThat(Node.take(fired)).isEqualTo(2);
  }

  @Test
  void cancel_beforeItIsDue_itNeverFires() {
    Object timer = node.ask("actor", "a", "set", 1);
    assertThat(node.ask("actor", "a", "cancel", timer)).isEqualTo(true);
    assertThat(node.ask("actor", "a", "cancel", timer)).isEqualTo(false);
    node.advance(SECOND.multipliedBy(2));
    expectNothing();
  }

  @Test
  void cancel_inTheTurnThatSetIt_itNeverFires() {
    assertThat(node.ask("actor", "a", "set_and_cancel", 1)).isEqualTo(true);
    node.advance(SECOND.multipliedBy(2));
    expectNothing();
  }

  @Test
  void cancel_whileItsMessageWaitsInTheMailbox_itIsNeverSeen() {
    Object timer = node.ask("actor", "a", "set", 1);
    CompletableFuture<Object> cancelling = node.asking("actor", "a", "hold_and_cancel", timer);
    Node.await(held);
    node.advance(SECOND);
    gate.countDown();
    assertThat(Node.await(cancelling)).isEqualTo(true);
    expectNothing();
  }

  @Test
  void cancel_afterItFired_isFalse() {
    Object timer = node.ask("actor", "a", "set", 1);
    node.advance(SECOND);
    Node.take(fired);
    assertThat(node.ask("actor", "a", "cancel", timer)).isEqualTo(false);
  }

  @Test
  void cancel_inATurnThatRefuses_isTakenBack() {
    Object timer = node.ask("actor", "a", "set", 1);
    node.askFails("actor", "a", "cancel_and_refuse", timer);
    node.advance(SECOND);
    assertThat(Node.take(fired)).isEqualTo(1);
  }

  @Test
  void set_inATurnThatRefuses_neverHappened() {
    node.askFails("actor", "a", "set_and_refuse", 1);
    node.askFails("actor", "a", "set_cancel_and_refuse", 1);
    node.advance(SECOND.multipliedBy(2));
    expectNothing();
  }

  @Test
  void timersOfAnEarlierLife_doNotFire() {
    node.ask("actor", "a", "set", 1);
    node.askFails("actor", "a", "crash", null);
    node.ask("actor", "a", "ping");
    node.advance(SECOND.multipliedBy(2));
    expectNothing();
  }

  @Test
  void badDelay_isRefused() {
    assertThat(node.askFails("actor", "a", "set_negative", null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(node.askFails("actor", "a", "set_too_long", null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    node.ask("actor", "a", "set", 1);
    node.advance(SECOND);
    assertThat(Node.take(fired)).isEqualTo(1);
  }

  @Test
  void timer_keepsTheRequestButNotItsDeadline() {
    Instant deadline = node.system.clock().instant().plusMillis(10);
    Node.await(
        node.asking(
            Node.context("bob", "r-7", Optional.of(deadline)),
            "actor",
            "a",
            Node.request("ask_later", null, Node.BOUND)));
    node.advance(SECOND);
    assertThat(Node.take(fired)).isEqualTo("pong bob r-7");
  }
}
