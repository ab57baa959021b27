package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class LinksAndMonitorsTest {

  private final BlockingQueue<Message> received = new LinkedBlockingQueue<>();
  private final AtomicInteger lives = new AtomicInteger();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final CountDownLatch held = new CountDownLatch(1);
  private Node node;

  private Script watcher() {
    return Script.of("monitor", (c, m) -> c.monitor(c.actor("target", (String) m.payload())))
        .on("monitor_unknown_type", (c, m) -> c.monitor(c.actor("nobody", "x")))
        .on(
            "demonitor",
            (c, m) -> {
              c.demonitor((Long) m.payload());
              return null;
            })
        .on(
            "demonitor_and_refuse",
            (c, m) -> {
              c.demonitor((Long) m.payload());
              throw new ActorException("no");
            })
        .on(
            "monitor_and_refuse",
            (c, m) -> {
              c.monitor(c.actor("target", (String) m.payload()));
              throw new ActorException("no");
            })
        .on(
            "link",
            (c, m) -> {
              c.link(c.actor("target", (String) m.payload()));
              return null;
            })
        .on(
            "link_watcher",
            (c, m) -> {
              c.link(c.actor("watcher", (String) m.payload()));
              return null;
            })
        .on(
            "unlink",
            (c, m) -> {
              c.unlink(c.actor("target", (String) m.payload()));
              return null;
            })
        .on(
            "unlink_and_refuse",
            (c, m) -> {
              c.unlink(c.actor("target", (String) m.payload()));
              throw new ActorException("no");
            })
        .on(
            "crash",
            (c, m) -> {
              throw new IllegalStateException("watcher");
            })
        .on("ping", (c, m) -> "pong")
        .on(
            "hold",
            (c, m) -> {
              held.countDown();
              Node.await(gate);
              return null;
            })
        .on(
            "hold_and_demonitor",
            (c, m) -> {
              held.countDown();
              Node.await(gate);
              c.demonitor((Long) m.payload());
              return null;
            })
        .on("__DOWN__", (c, m) -> received.add(m))
        .on("__EXIT__", (c, m) -> received.add(m));
  }

  private Script target() {
    return Script.of("ping", (c, m) -> "pong")
        .on(
            "crash",
            (c, m) -> {
              throw new IllegalStateException("on purpose");
            })
        .on(
            "stop",
            (c, m) -> {
              c.stop();
              return null;
            })
        .init(c -> lives.incrementAndGet());
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
                100,
                new SupervisorSpec.Worker(ChildSpec.of("watcher", "w")),
                new SupervisorSpec.Worker(ChildSpec.of("watcher", "v")),
                new SupervisorSpec.Worker(ChildSpec.of("target", "t")),
                new SupervisorSpec.Worker(
                    ChildSpec.of("target", "brief")
                        .restart(dev.plexspaces.sdk.RestartType.TEMPORARY))),
            TestType.of("watcher", this::watcher),
            TestType.of("target", this::target)));
  }

  @AfterEach
  void close() {
    gate.countDown();
    node.close();
  }

  /// Whatever was sent to the watchers before is in front of this.
  private void expectNothingMore() {
    node.ask("target", "t", "ping");
    node.ask("watcher", "w", "ping");
    node.ask("watcher", "v", "ping");
    assertThat(received).isEmpty();
  }

  /// Returns once the permanent one is back.
  private void exit(String key, String how) {
    int before = lives.get();
    switch (how) {
      case "crash" -> node.askFails("target", key, "crash", null);
      case "stop" -> node.ask("target", key, "stop");
      case "shutdown" -> node.system.stop(Node.id("target", key));
      default -> throw new AssertionError(how);
    }
    if (key.equals("t")) {
      Node.eventually(() -> lives.get() > before && node.state("target", "t").equals("active"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "crash, error: IllegalStateException: on purpose",
    "stop, normal",
    "shutdown, shutdown"
  })
  void monitoredActor_exitsForAnyReason_downWithExactFieldsOnce(String how, String reason) {
    Object ref = node.ask("watcher", "w", "monitor", "t");
    exit("t", how);
    Message down = Node.take(received);
    assertThat(down.type()).isEqualTo("__DOWN__");
    assertThat(down.kind()).isEqualTo(Message.Kind.INFO);
    assertThat(down.sender()).isEmpty();
    assertThat(down.payload())
        .isEqualTo(Map.of("monitor_ref", ref, "down_from", "target/t", "down_reason", reason));
    // It was restarted since; its next exit is another life's.
    exit("t", "crash");
    expectNothingMore();
  }

  @Test
  void referencesAndTimerIds_areWholeNumbersOfJsonForever() {
    // Source: RFC 8259, section 6: beyond 2^53 - 1 receivers need not agree on the value.
    long bound = (1L << 53) - 1;
    assertThat((Long) node.ask("watcher", "w", "monitor", "t")).isPositive().isLessThan(bound);
    Node.ManualClock late = new Node.ManualClock();
    late.advance(Duration.ofDays(200 * 365));
    try (Node old = Node.withManualTime(new InMemoryStore(late), late)) {
      assertThat(old.system.nextId()).isLessThan(bound).isLessThan(old.system.nextId());
    }
  }

  @Test
  void twoMonitorsOfOneActor_eachGetsItsOwnDown() {
    Object first = node.ask("watcher", "w", "monitor", "t");
    Object second = node.ask("watcher", "w", "monitor", "t");
    assertThat(first).isNotEqualTo(second);
    exit("t", "crash");
    assertThat(
            java.util.List.of(
                ((Map<?, ?>) Node.take(received).payload()).get("monitor_ref"),
                ((Map<?, ?>) Node.take(received).payload()).get("monitor_ref")))
        .containsExactlyInAnyOrder(first, second);
    expectNothingMore();
  }

  @Test
  void monitorOfAnActorThatIsNotAlive_downNoprocAtOnce() {
    exit("brief", "stop");
    Node.eventually(() -> node.state("target", "brief").isEmpty());
    for (String op : new String[] {"monitor", "monitor_unknown_type"}) {
      Object ref = node.ask("watcher", "w", op, "brief");
      assertThat(Node.take(received).payload())
          .isEqualTo(
              Map.of(
                  "monitor_ref",
                  ref,
                  "down_from",
                  op.equals("monitor") ? "target/brief" : "nobody/x",
                  "down_reason",
                  "noproc"));
    }
    expectNothingMore();
  }

  @Test
  void demonitor_twiceAndOfUnknownReference_hasNoEffectAndNoDownComes() {
    Object ref = node.ask("watcher", "w", "monitor", "t");
    node.ask("watcher", "w", "demonitor", ref);
    node.ask("watcher", "w", "demonitor", ref);
    node.ask("watcher", "w", "demonitor", 12345L);
    exit("t", "crash");
    expectNothingMore();
  }

  @Test
  void demonitor_whileTheDownWaitsInTheMailbox_itIsNeverSeen() {
    Object ref = node.ask("watcher", "w", "monitor", "t");
    CompletableFuture<Object> demonitored = node.asking("watcher", "w", "hold_and_demonitor", ref);
    Node.await(held);
    exit("t", "crash");
    node.ask("target", "t", "ping");
    gate.countDown();
    Node.await(demonitored);
    expectNothingMore();
  }

  @Test
  void demonitor_inATurnThatRefuses_isTakenBack() {
    Object ref = node.ask("watcher", "w", "monitor", "t");
    node.askFails("watcher", "w", "demonitor_and_refuse", ref);
    exit("t", "crash");
    assertThat(((Map<?, ?>) Node.take(received).payload()).get("monitor_ref")).isEqualTo(ref);
  }

  @Test
  void monitor_inATurnThatRefuses_neverHappened() {
    node.askFails("watcher", "w", "monitor_and_refuse", "t");
    exit("t", "crash");
    expectNothingMore();
  }

  @Test
  void watcherThatRestarts_getsNoDownOfItsEarlierLife() {
    node.ask("watcher", "w", "monitor", "t");
    node.askFails("watcher", "w", "crash", null);
    node.ask("watcher", "w", "ping");
    exit("t", "crash");
    expectNothingMore();
  }

  @ParameterizedTest
  @CsvSource({"crash, error: IllegalStateException: on purpose", "stop,", "shutdown,"})
  void linkedActor_exits_peerIsToldOnlyWhenAbnormally(String how, String reason) {
    node.ask("watcher", "w", "link", "t");
    exit("t", how);
    if (reason != null) {
      Message exit = Node.take(received);
      assertThat(exit.type()).isEqualTo("__EXIT__");
      assertThat(exit.kind()).isEqualTo(Message.Kind.INFO);
      assertThat(exit.payload()).isEqualTo(Map.of("exit_from", "target/t", "exit_reason", reason));
    }
    exit("t", "crash");
    expectNothingMore();
  }

  @Test
  void link_worksInBothDirections() {
    node.ask("watcher", "w", "link_watcher", "v");
    // The link reaches the other side as a system message before this call does.
    node.ask("watcher", "v", "ping");
    node.askFails("watcher", "w", "crash", null);
    assertThat(Node.take(received).payload())
        .isEqualTo(
            Map.of(
                "exit_from", "watcher/w", "exit_reason", "error: IllegalStateException: watcher"));
    node.askFails("watcher", "v", "crash", null);
    expectNothingMore();
  }

  @Test
  void unlink_eitherSideExits_nobodyIsTold() {
    node.ask("watcher", "w", "link", "t");
    node.ask("watcher", "w", "unlink", "t");
    node.ask("watcher", "w", "unlink", "t");
    exit("t", "crash");
    expectNothingMore();
  }

  @Test
  void unlink_inATurnThatRefuses_isTakenBack() {
    node.ask("watcher", "w", "link", "t");
    node.askFails("watcher", "w", "unlink_and_refuse", "t");
    exit("t", "crash");
    assertThat(Node.take(received).type()).isEqualTo("__EXIT__");
  }

  @Test
  void linkToAnActorThatIsNotAlive_exitNoproc() {
    exit("brief", "stop");
    Node.eventually(() -> node.state("target", "brief").isEmpty());
    node.ask("watcher", "w", "link", "brief");
    assertThat(Node.take(received).payload())
        .isEqualTo(Map.of("exit_from", "target/brief", "exit_reason", "noproc"));
    expectNothingMore();
  }

  @Test
  void linkedTwice_oneExitComes() {
    node.ask("watcher", "w", "link", "t");
    node.ask("watcher", "w", "link", "t");
    exit("t", "crash");
    Node.take(received);
    expectNothingMore();
  }

  @Test
  void monitoredActorWhoseRestartsRunOut_wasWatchedWhileItWaited_downComes() {
    // Entered after the crash and before the end: the exit is still told.
    CountDownLatch starting = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    boolean[] fail = {false};
    TestType fragile =
        TestType.of(
            "fragile",
            () ->
                Script.of(
                        "crash",
                        (c, m) -> {
                          throw new IllegalStateException("on purpose");
                        })
                    .init(
                        c -> {
                          if (fail[0]) {
                            starting.countDown();
                            Node.await(goOn);
                            throw new IllegalStateException("cannot start");
                          }
                        }));
    TestType outsider =
        TestType.of(
            "outsider",
            () ->
                Script.of("monitor", (c, m) -> c.monitor(c.actor("fragile", "f")))
                    .on("__DOWN__", (c, m) -> received.add(m)),
            FacetCatalog.VIRTUAL_ACTOR);
    node.install(
        Node.unit("o", Node.supervisor("o", SupervisionStrategy.ONE_FOR_ONE, 1), outsider));
    node.install(
        Node.unit(
            "f",
            Node.supervisor(
                "f",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(ChildSpec.of("fragile", "f"))),
            fragile));
    fail[0] = true;
    node.askFails("fragile", "f", "crash", null);
    Node.await(starting);
    node.ask("outsider", "o", "monitor");
    goOn.countDown();
    assertThat(((Map<?, ?>) Node.take(received).payload()).get("down_from")).isEqualTo("fragile/f");
  }

  @Test
  void killedActorWhoseThreadNeverComesBack_watchersAreToldAtOnce() {
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch entered = new CountDownLatch(1);
    TestType stuck =
        TestType.of(
            "stuck",
            () ->
                Script.of(
                    "hang",
                    (c, m) -> {
                      entered.countDown();
                      while (never.getCount() > 0) {
                        try {
                          never.await();
                        } catch (InterruptedException ignored) {
                          // On purpose: it does not stop.
                        }
                      }
                      return null;
                    }));
    TestType outsider =
        TestType.of(
            "outsider",
            () ->
                Script.of("monitor", (c, m) -> c.monitor(c.actor("stuck", "s")))
                    .on(
                        "link",
                        (c, m) -> {
                          c.link(c.actor("stuck", "s"));
                          return null;
                        })
                    .on("__EXIT__", (c, m) -> received.add(m))
                    .on("__DOWN__", (c, m) -> received.add(m)),
            FacetCatalog.VIRTUAL_ACTOR);
    node.install(
        Node.unit("o", Node.supervisor("o", SupervisionStrategy.ONE_FOR_ONE, 1), outsider));
    node.install(
        Node.unit(
            "s",
            Node.supervisor(
                "s",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(
                    ChildSpec.of("stuck", "s").shutdownTimeout(Duration.ofSeconds(1)))),
            stuck));
    Object ref = node.ask("outsider", "o", "monitor");
    node.ask("outsider", "p", "link");
    Node.eventually(() -> node.state("stuck", "s").equals("active"));
    node.tell("stuck", "s", "hang", null);
    Node.await(entered);
    CompletableFuture<Void> uninstalling = node.system.uninstall("s");
    Node.eventually(
        () -> {
          node.advance(Duration.ofSeconds(1));
          return uninstalling.isDone();
        });
    assertThat(java.util.List.of(Node.take(received).payload(), Node.take(received).payload()))
        .containsExactlyInAnyOrder(
            Map.of("monitor_ref", ref, "down_from", "stuck/s", "down_reason", "killed"),
            Map.of("exit_from", "stuck/s", "exit_reason", "killed"));
    never.countDown();
  }
}
