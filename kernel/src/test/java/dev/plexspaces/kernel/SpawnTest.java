package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class SpawnTest {

  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final ReentrantLock stuck = new ReentrantLock();
  private final CountDownLatch entered = new CountDownLatch(1);
  private Node node;

  private Script child() {
    AtomicInteger count = new AtomicInteger();
    return Script.of("increment", (c, m) -> count.incrementAndGet())
        .on("get", (c, m) -> count.get())
        .on("parent", (c, m) -> c.parent().map(Object::toString).orElse("none"))
        .on(
            "crash",
            (c, m) -> {
              throw new IllegalStateException("on purpose");
            })
        .on(
            "hang",
            (c, m) -> {
              entered.countDown();
              stuck.lock();
              stuck.unlock();
              return null;
            })
        .on(
            "spawn",
            (c, m) -> {
              c.spawn(ChildSpec.of("child", (String) m.payload()));
              return null;
            })
        .init(c -> events.add("start " + c.self().key()))
        .terminate((c, reason) -> events.add("stop " + c.self().key() + " " + reason.text()));
  }

  private Script parent() {
    return Script.of(
            "spawn", (c, m) -> c.spawn(ChildSpec.of("child", (String) m.payload())).toString())
        .on(
            "spawn_temporary",
            (c, m) ->
                c.spawn(ChildSpec.of("child", (String) m.payload()).restart(RestartType.TEMPORARY))
                    .toString())
        .on(
            "spawn_typed",
            (c, m) ->
                c.spawn(
                        ChildSpec.of("child", "t")
                            .restart(RestartType.valueOf((String) m.payload())))
                    .toString())
        .on(
            "spawn_and_refuse",
            (c, m) -> {
              c.spawn(ChildSpec.of("child", (String) m.payload()));
              throw new ActorException("no");
            })
        .on(
            "spawn_and_wait_and_refuse",
            (c, m) -> {
              c.spawn(ChildSpec.of("child", (String) m.payload()));
              entered.countDown();
              stuck.lock();
              stuck.unlock();
              throw new ActorException("no");
            })
        .on(
            "spawn_stillborn",
            (c, m) -> {
              ActorRef child = c.spawn(ChildSpec.of("stillborn", "s"));
              switch ((String) m.payload()) {
                case "monitor" -> c.monitor(child);
                case "link" -> c.link(child);
                default -> {}
              }
              return null;
            })
        .on(
            "__DOWN__",
            (c, m) -> events.add("down " + ((Map<?, ?>) m.payload()).get("down_reason")))
        .on(
            "__EXIT__",
            (c, m) -> events.add("exit " + ((Map<?, ?>) m.payload()).get("exit_reason")))
        .on("spawn_bad_type", (c, m) -> refusal(() -> c.spawn(ChildSpec.of("nobody", "x"))))
        .on("spawn_bad_key", (c, m) -> refusal(() -> c.spawn(ChildSpec.of("child", "\u0000"))))
        .on(
            "spawn_bad_facet",
            (c, m) ->
                refusal(
                    () ->
                        c.spawn(
                            ChildSpec.of("child", "x").facets(List.of(FacetSpec.of("no_such"))))))
        .on(
            "spawn_and_ask",
            (c, m) ->
                c.ask(
                    c.spawn(ChildSpec.of("child", (String) m.payload())),
                    "get",
                    null,
                    Duration.ofHours(1)))
        .on(
            "spawn_briefly_stoppable",
            (c, m) -> {
              c.spawn(
                  ChildSpec.of("child", (String) m.payload())
                      .shutdownTimeout(Duration.ofSeconds(1)));
              return null;
            })
        .on(
            "stop_child",
            (c, m) -> {
              c.stop(c.actor("child", (String) m.payload()));
              return null;
            })
        .on(
            "stop",
            (c, m) -> {
              c.stop();
              return null;
            })
        .on(
            "crash",
            (c, m) -> {
              throw new IllegalStateException("on purpose");
            })
        .on("ping", (c, m) -> "pong")
        .terminate((c, reason) -> events.add("stop parent " + reason.text()));
  }

  private static String refusal(Runnable attempt) {
    try {
      attempt.run();
      return "spawned";
    } catch (PlexException e) {
      return e.code().name();
    }
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
                new SupervisorSpec.Worker(
                    ChildSpec.of("parent", "p").restart(RestartType.TRANSIENT))),
            TestType.of("parent", this::parent),
            TestType.of("child", this::child),
            TestType.of(
                "stillborn",
                () ->
                    Script.of("get", (c, m) -> null)
                        .init(
                            c -> {
                              events.add("stillborn");
                              throw new IllegalStateException("on purpose");
                            }))));
  }

  @AfterEach
  void close() {
    if (stuck.isHeldByCurrentThread()) {
      stuck.unlock();
    }
    node.close();
  }

  private void expect(String... expected) {
    for (String event : expected) {
      assertThat(Node.take(events)).isEqualTo(event);
    }
  }

  @Test
  void spawnedActor_startsWhenTheTurnEnds_andKnowsItsParent() {
    assertThat(node.ask("parent", "p", "spawn", "c")).isEqualTo("child/c");
    assertThat(node.ask("child", "c", "parent")).isEqualTo("parent/p");
    assertThat(node.ask("parent", "p", "spawn_and_ask", "d")).isEqualTo(0);
    expect("start c", "start d");
  }

  @ParameterizedTest
  @CsvSource({"nothing,", "monitor,down noproc", "link,exit noproc"})
  void childWhoseStartFails_isGone_andItsParentIsToldOnlyIfItWatches(String how, String told) {
    node.ask("parent", "p", "spawn_stillborn", how);
    expect("stillborn");
    if (told != null) {
      expect(told);
    }
    assertThat(node.ask("parent", "p", "ping")).isEqualTo("pong");
    // Its init may not have thrown yet, on another thread.
    Node.eventually(() -> node.state("stillborn", "s").isEmpty());
    assertThat(events).isEmpty();
  }

  @Test
  void spawn_ofANameInUse_isRefusedAndTheFirstGoesOn() {
    node.ask("parent", "p", "spawn", "c");
    node.ask("child", "c", "increment");
    assertThat(node.askFails("parent", "p", "spawn", "c").code())
        .as("not caught, so a crash")
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
  }

  @Test
  void spawn_ofABadTypeKeyOrFacet_isRefusedAtTheCall() {
    assertThat(node.ask("parent", "p", "spawn_bad_type")).isEqualTo("ACTOR_NOT_FOUND");
    assertThat(node.ask("parent", "p", "spawn_bad_key")).isEqualTo("INVALID_MESSAGE");
    assertThat(node.ask("parent", "p", "spawn_bad_facet")).isEqualTo("INVALID_MESSAGE");
    assertThat(events).isEmpty();
  }

  @Test
  void spawn_inATurnThatRefuses_neverHappened_andTheNameIsFree() {
    node.askFails("parent", "p", "spawn_and_refuse", "c");
    Node.eventually(() -> node.state("child", "c").isEmpty());
    assertThat(node.askFails("child", "c", "get", null).code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    node.ask("parent", "p", "spawn", "c");
    assertThat(node.ask("child", "c", "get")).isEqualTo(0);
    expect("start c");
  }

  @Test
  void callToAnActorWhoseSpawnIsTakenBack_isToldSo() {
    stuck.lock();
    CompletableFuture<Object> spawning =
        node.asking("parent", "p", "spawn_and_wait_and_refuse", "c");
    Node.await(entered);
    CompletableFuture<Object> asked = node.asking("child", "c", "get", null);
    stuck.unlock();
    Node.failure(spawning);
    assertThat(Node.failure(asked).code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    assertThat(events).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"stop", "crash", "shutdown", "uninstall"})
  void children_stopWithTheirParent_grandchildrenToo(String how) {
    node.ask("parent", "p", "spawn", "c");
    node.ask("child", "c", "spawn", "g");
    node.ask("child", "g", "get");
    expect("start c", "start g");
    switch (how) {
      case "stop" -> node.ask("parent", "p", "stop");
      case "crash" -> node.askFails("parent", "p", "crash", null);
      case "shutdown" -> node.system.stop(Node.id("parent", "p"));
      case "uninstall" -> node.uninstall("app");
      default -> throw new AssertionError(how);
    }
    String reason =
        switch (how) {
          case "stop" -> "normal";
          case "crash" -> "error: IllegalStateException: on purpose";
          default -> "shutdown";
        };
    expect("stop parent " + reason, "stop c shutdown", "stop g shutdown");
    Node.eventually(() -> node.state("child", "c").isEmpty());
    Node.eventually(() -> node.state("child", "g").isEmpty());
    if (how.equals("crash")) {
      // Restarted only after they were gone, so it can take their names again.
      for (int i = 0; i < 50; i++) {
        node.ask("parent", "p", "spawn", "c");
        node.askFails("parent", "p", "crash", null);
      }
      node.ask("parent", "p", "spawn", "c");
      assertThat(node.ask("child", "c", "get")).isEqualTo(0);
    }
  }

  @Test
  void childSpawnedInInit_isReplacedWhenItsParentRestarts() {
    TestType family =
        TestType.of(
            "family",
            () ->
                Script.of(
                        "crash",
                        (c, m) -> {
                          throw new IllegalStateException("on purpose");
                        })
                    .on("ping", (c, m) -> "pong")
                    .init(c -> c.spawn(ChildSpec.of("child", "kid"))),
            FacetCatalog.VIRTUAL_ACTOR);
    node.install(Node.unit("f", Node.supervisor("f", SupervisionStrategy.ONE_FOR_ONE, 1), family));
    node.ask("family", "f", "ping");
    for (int i = 0; i < 8; i++) {
      node.ask("child", "kid", "increment");
      node.askFails("family", "f", "crash", null);
      assertThat(node.ask("family", "f", "ping")).isEqualTo("pong");
      assertThat(node.ask("child", "kid", "get")).isEqualTo(0);
    }
  }

  @ParameterizedTest
  @EnumSource
  void childThatCrashes_isRestartedUnlessTemporary(RestartType restart) {
    node.ask("parent", "p", "spawn_typed", restart.name());
    node.ask("child", "t", "increment");
    node.askFails("child", "t", "crash", null);
    if (restart == RestartType.TEMPORARY) {
      Node.eventually(() -> node.state("child", "t").isEmpty());
      node.ask("parent", "p", "spawn", "t");
    }
    assertThat(node.ask("child", "t", "get")).isEqualTo(0);
    assertThat(node.ask("child", "t", "parent")).isEqualTo("parent/p");
    assertThat(node.ask("parent", "p", "ping")).isEqualTo("pong");
  }

  @Test
  void childThatCrashesTooOften_isGone_andItsParentIsUntouched() {
    node.ask("parent", "p", "spawn", "c");
    for (int i = 0; i <= SupervisorSpec.MAX_RESTARTS; i++) {
      node.askFails("child", "c", "crash", null);
    }
    Node.eventually(() -> node.state("child", "c").isEmpty());
    assertThat(node.ask("parent", "p", "ping")).isEqualTo("pong");
    node.ask("parent", "p", "spawn", "c");
    assertThat(node.ask("child", "c", "get")).isEqualTo(0);
  }

  @Test
  void stopOfAnotherActor_takesPlaceAfterItsCurrentMessage() {
    node.ask("parent", "p", "spawn", "c");
    node.ask("child", "c", "get");
    node.ask("parent", "p", "stop_child", "c");
    expect("start c", "stop c shutdown");
    Node.eventually(() -> node.state("child", "c").isEmpty());
  }

  @Test
  void stuckChild_isKilledSoThatItsParentCanEnd() {
    node.ask("parent", "p", "spawn_briefly_stoppable", "c");
    stuck.lock();
    node.tell("child", "c", "hang", null);
    Node.await(entered);
    CompletableFuture<Void> uninstalling = node.system.uninstall("app");
    Node.eventually(
        () -> {
          if (!uninstalling.isDone()) {
            node.advance(Duration.ofMillis(500));
          }
          return uninstalling.isDone();
        });
    Node.await(uninstalling);
    assertThat(node.system.actors(Node.SCOPE, java.util.Optional.empty(), "", 10)).isEmpty();
  }

  @Test
  void args_reachTheChild() {
    TestType greeter =
        new TestType(
            "greeter",
            () ->
                new dev.plexspaces.sdk.Actor() {
                  private Object name;

                  @Override
                  public void init(
                      dev.plexspaces.sdk.ActorContext context, Map<String, Object> args) {
                    name = args.get("name");
                  }

                  @Override
                  public Object handle(
                      dev.plexspaces.sdk.ActorContext context, dev.plexspaces.sdk.Message message) {
                    return name;
                  }
                },
            List.of());
    node.install(
        Node.unit(
            "g",
            Node.supervisor(
                "g",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(
                    ChildSpec.of("greeter", "g").args(Map.of("name", "Ada")))),
            greeter));
    assertThat(node.ask("greeter", "g", "go")).isEqualTo("Ada");
  }
}
