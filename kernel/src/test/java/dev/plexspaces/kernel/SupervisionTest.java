package dev.plexspaces.kernel;

import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ALL;
import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ONE;
import static dev.plexspaces.sdk.SupervisionStrategy.REST_FOR_ONE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(120)
class SupervisionTest {

  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final BlockingQueue<Object> processed = new LinkedBlockingQueue<>();
  private final AtomicInteger failingStarts = new AtomicInteger();
  private volatile CountDownLatch gate = new CountDownLatch(1);
  private volatile CountDownLatch held = new CountDownLatch(1);

  private TestType worker() {
    return TestType.of(
        "worker",
        () -> {
          AtomicInteger count = new AtomicInteger();
          return Script.of("increment", (c, m) -> count.incrementAndGet())
              .on("get", (c, m) -> count.get())
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
              .on(
                  "hold",
                  (c, m) -> {
                    held.countDown();
                    Node.await(gate);
                    return null;
                  })
              .on(
                  "hold_and_crash",
                  (c, m) -> {
                    held.countDown();
                    Node.await(gate);
                    throw new IllegalStateException("on purpose");
                  })
              .on(
                  "put",
                  (c, m) -> {
                    processed.add(m.payload() + "@" + count.get());
                    return null;
                  })
              .init(
                  c -> {
                    if (failingStarts.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                      throw new IllegalStateException("cannot start");
                    }
                    events.add("start " + c.self().key());
                  })
              .terminate((c, reason) -> events.add("stop " + c.self().key() + " " + reason.text()));
        });
  }

  private static SupervisorSpec.Worker child(String id) {
    return new SupervisorSpec.Worker(ChildSpec.of("worker", id));
  }

  private static SupervisorSpec.Worker child(String id, RestartType restart) {
    return new SupervisorSpec.Worker(ChildSpec.of("worker", id).restart(restart));
  }

  private void expect(String... expected) {
    for (String event : expected) {
      assertThat(Node.take(events)).isEqualTo(event);
    }
  }

  private void expectNothingMore() {
    assertThat(events).isEmpty();
  }

  // ---- strategy x restart type x exit reason

  enum Exit {
    CRASH("error: IllegalStateException: on purpose"),
    NORMAL("normal"),
    SHUTDOWN("shutdown");

    final String text;

    Exit(String text) {
      this.text = text;
    }
  }

  static Stream<Arguments> matrix() {
    List<Arguments> all = new ArrayList<>();
    for (SupervisionStrategy strategy : List.of(ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE)) {
      for (RestartType restart : RestartType.values()) {
        for (Exit exit : Exit.values()) {
          all.add(Arguments.of(strategy, restart, exit));
        }
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("matrix")
  void exit_ofTheMiddleOne_restartsWhatOtpRestarts(
      SupervisionStrategy strategy, RestartType restart, Exit exit) {
    try (Node node = Node.start()) {
      node.install(
          Node.unit(
              "app",
              Node.supervisor("app", strategy, 3, child("a"), child("b", restart), child("c")),
              worker()));
      expect("start a", "start b", "start c");
      for (String key : List.of("a", "b", "c")) {
        assertThat(node.ask("worker", key, "increment")).isEqualTo(1);
      }

      switch (exit) {
        case CRASH ->
            assertThat(node.askFails("worker", "b", "crash", null).code())
                .isEqualTo(ErrorCode.ACTOR_CRASHED);
        case NORMAL -> node.ask("worker", "b", "stop");
        case SHUTDOWN -> node.system.stop(Node.id("worker", "b"));
      }

      expect("stop b " + exit.text);
      boolean restarted =
          restart == RestartType.PERMANENT
              || (restart == RestartType.TRANSIENT && exit == Exit.CRASH);
      List<String> afresh = List.of();
      if (restarted) {
        switch (strategy) {
          case ONE_FOR_ONE -> {
            expect("start b");
            afresh = List.of("b");
          }
          case ONE_FOR_ALL -> {
            expect("stop c shutdown", "stop a shutdown", "start a", "start b", "start c");
            afresh = List.of("a", "b", "c");
          }
          case REST_FOR_ONE -> {
            expect("stop c shutdown", "start b", "start c");
            afresh = List.of("b", "c");
          }
          case SIMPLE_ONE_FOR_ONE -> throw new AssertionError();
        }
      } else {
        Node.eventually(() -> node.state("worker", "b").isEmpty());
        String left = restart == RestartType.TEMPORARY ? null : "stopped";
        Node.eventually(() -> java.util.Objects.equals(treeState(node, "b"), left));
      }
      for (String key : List.of("a", "b", "c")) {
        if (key.equals("b") && !restarted) {
          assertThat(node.askFails("worker", "b", "get", null).code())
              .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
        } else {
          assertThat(node.ask("worker", key, "get"))
              .as("state of %s", key)
              .isEqualTo(afresh.contains(key) ? 0 : 1);
          assertThat(node.system.actor(Node.id("worker", key)).orElseThrow().supervisor())
              .isEqualTo("app");
        }
      }
      expectNothingMore();
    }
  }

  private static String treeState(Node node, String child) {
    return children(node.system.supervisionTree("app")).stream()
        .filter(c -> c.get("id").equals(child))
        .map(c -> (String) c.get("state"))
        .findFirst()
        .orElse(null);
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> children(Map<String, Object> tree) {
    return (List<Map<String, Object>>) tree.get("children");
  }

  // ---- intensity and escalation

  @Test
  void crashes_moreThanTheIntensity_endTheApplicationInReverseOrder() {
    try (Node node = Node.start()) {
      CompletableFuture<String> exited = new CompletableFuture<>();
      node.system.onApplicationExit((id, reason) -> exited.complete(id + ": " + reason.text()));
      ApplicationUnit unit =
          Node.unit(
              "app",
              Node.supervisor("app", ONE_FOR_ONE, 2, child("a"), child("b"), child("c")),
              worker());
      node.install(unit);
      expect("start a", "start b", "start c");
      for (int i = 0; i < 2; i++) {
        node.askFails("worker", "b", "crash", null);
        expect("stop b " + Exit.CRASH.text, "start b");
      }
      assertThat(exited).isNotDone();
      node.askFails("worker", "b", "crash", null);
      expect("stop b " + Exit.CRASH.text, "stop c shutdown", "stop a shutdown");
      assertThat(Node.await(exited)).isEqualTo("app: error: reached max restart intensity");
      assertThat(node.askFails("worker", "a", "get", null).code()).isEqualTo(ErrorCode.UNAVAILABLE);

      node.uninstall("app");
      node.install(unit);
      expect("start a", "start b", "start c");
      assertThat(node.ask("worker", "b", "get")).isEqualTo(0);
    }
  }

  @Test
  void applicationThatGaveUp_runsNoVirtualActors_untilItIsInstalledAgain() {
    try (Node node = Node.start()) {
      CompletableFuture<String> exited = new CompletableFuture<>();
      node.system.onApplicationExit((id, reason) -> exited.complete(id));
      CompletableFuture<String> ended = new CompletableFuture<>();
      TestType free =
          TestType.of(
              "free",
              () ->
                  Script.of("get", (c, m) -> "alive")
                      .on("tell", (c, m) -> "told")
                      .terminate((c, reason) -> ended.complete(reason.text())),
              FacetCatalog.VIRTUAL_ACTOR);
      TestType kept =
          DurableScript.type(
              "kept", () -> DurableScript.of("add", (c, m, s) -> DurableScript.add(s, "n", 1)));
      ApplicationUnit unit =
          Node.unit(
              "app", Node.supervisor("app", ONE_FOR_ONE, 0, child("a")), worker(), free, kept);
      node.install(unit);
      TestType other =
          TestType.of(
              "other",
              () ->
                  Script.of(
                      "ask_free",
                      (c, m) -> {
                        try {
                          return c.ask(c.actor("free", "y"), "get", null, Node.BOUND);
                        } catch (PlexException e) {
                          return e.code().name();
                        }
                      }),
              FacetCatalog.VIRTUAL_ACTOR);
      node.install(Node.unit("b", Node.supervisor("b", ONE_FOR_ONE, 0), other));
      expect("start a");
      assertThat(node.ask("free", "x", "get")).isEqualTo("alive");
      assertThat(node.ask("kept", "x", "add")).isEqualTo(1L);

      node.askFails("worker", "a", "crash", null);
      expect("stop a " + Exit.CRASH.text);
      assertThat(Node.await(exited)).isEqualTo("app");
      assertThat(Node.await(ended)).isEqualTo("shutdown");
      Node.eventually(() -> node.state("free", "x").isEmpty() && node.state("kept", "x").isEmpty());

      for (String type : List.of("free", "kept", "worker")) {
        PlexException refused = node.askFails(type, "x", "get", null);
        assertThat(refused.code()).as(type).isEqualTo(ErrorCode.UNAVAILABLE);
        assertThat(refused)
            .hasMessageContaining("application 'app'")
            .hasMessageContaining("has failed")
            .hasMessageContaining("reached max restart intensity");
        assertThat(node.tellFails(type, "x", "get", null).code()).isEqualTo(ErrorCode.UNAVAILABLE);
      }
      assertThat(node.ask("other", "o", "ask_free")).isEqualTo("UNAVAILABLE");
      assertThat(node.state("free", "y")).isEmpty();

      node.uninstall("app");
      assertThat(node.askFails("free", "x", "get", null).code())
          .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
      node.install(unit);
      expect("start a");
      assertThat(node.ask("free", "x", "get")).isEqualTo("alive");
      assertThat(node.ask("kept", "x", "add")).isEqualTo(2L);
    }
  }

  @Test
  void crashes_spreadOverTheWindow_areForgotten() {
    try (Node node = Node.withManualTime()) {
      node.install(Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 1, child("a")), worker()));
      expect("start a");
      for (int i = 0; i < 5; i++) {
        node.askFails("worker", "a", "crash", null);
        expect("stop a " + Exit.CRASH.text, "start a");
        node.advance(SupervisorSpec.WINDOW.plusMillis(1));
      }
      assertThat(node.ask("worker", "a", "get")).isEqualTo(0);
    }
  }

  @Test
  void nestedSupervisor_givesUp_parentRestartsItAndSiblingsKeepTheirState() {
    try (Node node = Node.start()) {
      SupervisorSpec inner = Node.supervisor("inner", ONE_FOR_ALL, 0, child("n1"), child("n2"));
      node.install(
          Node.unit(
              "app",
              Node.supervisor(
                  "app", ONE_FOR_ONE, 1_000, child("r"), new SupervisorSpec.Nested(inner)),
              worker()));
      expect("start r", "start n1", "start n2");
      node.ask("worker", "r", "increment");
      // Often, because the new supervisor and its children take the names of those on their way
      // out.
      for (int i = 0; i < 200; i++) {
        node.ask("worker", "n2", "increment");
        node.askFails("worker", "n1", "crash", null);
        expect("stop n1 " + Exit.CRASH.text, "stop n2 shutdown", "start n1", "start n2");
        assertThat(node.ask("worker", "n2", "get")).isEqualTo(0);
      }
      assertThat(node.ask("worker", "r", "get")).isEqualTo(1);
      Invoker.ActorInfo fresh = node.system.actor(Node.id("worker", "n1")).orElseThrow();
      assertThat(fresh.supervisor()).isEqualTo("app/inner");
      assertThat(fresh.restarts()).as("it is another actor of that name").isZero();
      node.uninstall("app");
      expect("stop n2 shutdown", "stop n1 shutdown", "stop r shutdown");
    }
  }

  @Test
  void nestedSupervisors_allGiveUp_escalateToTheApplicationsExit() {
    try (Node node = Node.start()) {
      CompletableFuture<String> exited = new CompletableFuture<>();
      node.system.onApplicationExit((id, reason) -> exited.complete(reason.text()));
      SupervisorSpec innermost = Node.supervisor("x", ONE_FOR_ONE, 0, child("n"));
      SupervisorSpec inner =
          Node.supervisor("y", ONE_FOR_ONE, 0, new SupervisorSpec.Nested(innermost));
      node.install(
          Node.unit(
              "app",
              Node.supervisor("app", ONE_FOR_ONE, 0, child("r"), new SupervisorSpec.Nested(inner)),
              worker()));
      expect("start r", "start n");
      node.askFails("worker", "n", "crash", null);
      expect("stop n " + Exit.CRASH.text, "stop r shutdown");
      assertThat(Node.await(exited)).isEqualTo("error: reached max restart intensity");
    }
  }

  // ---- start

  @Test
  void install_startsInOrder_uninstallStopsInReverseAndCompletes() {
    try (Node node = Node.start()) {
      SupervisorSpec inner = Node.supervisor("inner", ONE_FOR_ONE, 1, child("b"), child("c"));
      ApplicationUnit unit =
          Node.unit(
              "app",
              Node.supervisor(
                  "app", ONE_FOR_ONE, 1, child("a"), new SupervisorSpec.Nested(inner), child("d")),
              worker());
      for (int i = 0; i < 3; i++) {
        node.install(unit);
        expect("start a", "start b", "start c", "start d");
        node.uninstall("app");
        expect("stop d shutdown", "stop c shutdown", "stop b shutdown", "stop a shutdown");
        assertThat(node.system.actors(Node.SCOPE, Optional.empty(), "", 10)).isEmpty();
        assertThat(node.askFails("worker", "a", "get", null).code())
            .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
      }
      expectNothingMore();
    }
  }

  @Test
  void uninstall_ofAnUnknownApplication_isRefused() {
    try (Node node = Node.start()) {
      assertThat(Node.failure(node.system.uninstall("nobody")).code())
          .isEqualTo(ErrorCode.NOT_FOUND);
    }
  }

  @Test
  void childThatDoesNotStart_failsTheInstallAndLeavesNothing() {
    try (Node node = Node.start()) {
      TestType bad =
          TestType.of(
              "bad",
              () ->
                  new Script()
                      .init(
                          c -> {
                            throw new IllegalStateException("no database");
                          }));
      ApplicationUnit broken =
          Node.unit(
              "app",
              Node.supervisor(
                  "app",
                  ONE_FOR_ONE,
                  5,
                  child("a"),
                  child("b"),
                  new SupervisorSpec.Worker(ChildSpec.of("bad", "x")),
                  child("c")),
              worker(),
              bad);
      for (int i = 0; i < 3; i++) {
        PlexException error = Node.failure(node.system.install(broken));
        assertThat(error.code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
        assertThat(error)
            .hasMessageContaining("app")
            .hasMessageContaining("x")
            .hasMessageContaining("no database");
        expect("start a", "start b", "stop b shutdown", "stop a shutdown");
        assertThat(node.system.actors(Node.SCOPE, Optional.empty(), "", 10)).isEmpty();
        assertThat(Node.failure(node.system.uninstall("app")).code())
            .isEqualTo(ErrorCode.NOT_FOUND);
      }
      ApplicationUnit good =
          Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 5, child("a")), worker());
      node.install(good);
      expect("start a");
      node.uninstall("app");
      expect("stop a shutdown");
      node.install(good);
      expect("start a");
    }
  }

  static Stream<Arguments> failedStarts() {
    return Stream.of(
        Arguments.of("no database", "no database"),
        Arguments.of(null, "the node's log says why"),
        Arguments.of("", "the node's log says why"),
        // It looks like a reason of ours and is a text of theirs.
        Arguments.of(
            "Ledger did not start: error: Disk: full", "Ledger did not start: error: Disk: full"));
  }

  @ParameterizedTest
  @MethodSource("failedStarts")
  void childThatDoesNotStart_isExplainedByItsOwnMessageWithoutTheClass(
      String message, String told) {
    try (Node node = Node.start()) {
      TestType bad =
          TestType.of(
              "bad",
              () ->
                  new Script()
                      .init(
                          c -> {
                            throw new IllegalStateException(message);
                          }));
      SupervisorSpec inner =
          Node.supervisor(
              "inner", ONE_FOR_ONE, 5, new SupervisorSpec.Worker(ChildSpec.of("bad", "x")));
      assertThat(
              Node.failure(
                  node.system.install(
                      Node.unit(
                          "app",
                          Node.supervisor("app", ONE_FOR_ONE, 5, new SupervisorSpec.Nested(inner)),
                          bad))))
          .hasMessage(
              "application 'app' did not start: child inner did not start: child x did not start: "
                  + told);
    }
  }

  @Test
  void nestedChildThatDoesNotStart_failsTheInstallAndLeavesNothing() {
    try (Node node = Node.start()) {
      failingStarts.set(0);
      TestType bad =
          TestType.of(
              "bad",
              () ->
                  new Script()
                      .init(
                          c -> {
                            throw new IllegalStateException("no database");
                          }));
      SupervisorSpec inner =
          Node.supervisor(
              "inner",
              ONE_FOR_ONE,
              5,
              child("b"),
              new SupervisorSpec.Worker(ChildSpec.of("bad", "x")));
      ApplicationUnit broken =
          Node.unit(
              "app",
              Node.supervisor("app", ONE_FOR_ONE, 5, child("a"), new SupervisorSpec.Nested(inner)),
              worker(),
              bad);
      assertThat(Node.failure(node.system.install(broken)).code())
          .isEqualTo(ErrorCode.ACTOR_CRASHED);
      expect("start a", "start b", "stop b shutdown", "stop a shutdown");
      assertThat(node.system.actors(Node.SCOPE, Optional.empty(), "", 10)).isEmpty();
    }
  }

  static Stream<Arguments> wrongUnits() {
    TestType t = TestType.of("worker", Script::new);
    SupervisorSpec empty = Node.supervisor("app", ONE_FOR_ONE, 1);
    return Stream.of(
        Arguments.of(
            "unknown child type",
            Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 1, child("a"))),
            "app/a: unknown actor type 'worker'"),
        Arguments.of(
            "unknown facet of a type",
            Node.unit("app", empty, TestType.of("worker", Script::new, "no_such_facet")),
            "unknown facet 'no_such_facet'"),
        Arguments.of(
            "unknown facet of a child",
            Node.unit(
                "app",
                Node.supervisor(
                    "app",
                    ONE_FOR_ONE,
                    1,
                    new SupervisorSpec.Worker(
                        ChildSpec.of("worker", "a").facets(List.of(FacetSpec.of("nope"))))),
                t),
            "child app/a: unknown facet 'nope'"),
        Arguments.of(
            "reserved name",
            Node.unit("app", empty, TestType.of("supervisor", Script::new)),
            "reserved"),
        Arguments.of(
            "bad type name",
            Node.unit("app", empty, TestType.of("a b", Script::new)),
            "actor type"),
        Arguments.of(
            "a type offered twice", Node.unit("app", empty, t, t), "'worker' is offered twice"),
        Arguments.of(
            "a child id used twice",
            Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 1, child("a"), child("a")), t),
            "a"),
        Arguments.of(
            "a bad key",
            Node.unit(
                "app",
                Node.supervisor(
                    "app",
                    ONE_FOR_ONE,
                    1,
                    new SupervisorSpec.Worker(ChildSpec.of("worker", "a\u0000"))),
                t),
            "key"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("wrongUnits")
  void install_ofAWrongUnit_isRefusedAndLeavesNothing(
      String name, ApplicationUnit unit, String text) {
    try (Node node = Node.start()) {
      PlexException error = Node.failure(node.system.install(unit));
      assertThat(error.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
      assertThat(error).hasMessageContaining(text);
      node.install(Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 1, child("a")), worker()));
      expect("start a");
    }
  }

  @Test
  void install_twice_isRefusedAndTheFirstGoesOn() {
    try (Node node = Node.start()) {
      ApplicationUnit unit =
          Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 1, child("a")), worker());
      node.install(unit);
      expect("start a");
      assertThat(Node.failure(node.system.install(unit)).code()).isEqualTo(ErrorCode.CONFLICT);
      assertThat(
              Node.failure(
                      node.system.install(
                          Node.unit(
                              "app",
                              Node.supervisor("app", ONE_FOR_ONE, 1),
                              TestType.of("other", Script::new))))
                  .code())
          .isEqualTo(ErrorCode.CONFLICT);
      assertThat(node.ask("worker", "a", "get")).isEqualTo(0);
      assertThat(node.askFails("other", "x", "get", null).code())
          .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
      expectNothingMore();
    }
  }

  @Test
  void uninstall_whileAChildStarts_bothComplete() {
    CountDownLatch starting = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    TestType slow =
        TestType.of(
            "slow",
            () ->
                new Script()
                    .init(
                        c -> {
                          starting.countDown();
                          Node.await(go);
                        }));
    try (Node node = Node.start()) {
      CompletableFuture<Void> installing =
          node.system.install(
              Node.unit(
                  "app",
                  Node.supervisor(
                      "app", ONE_FOR_ONE, 1, new SupervisorSpec.Worker(ChildSpec.of("slow", "s"))),
                  slow));
      Node.await(starting);
      CompletableFuture<Void> uninstalling = node.system.uninstall("app");
      go.countDown();
      Node.await(uninstalling);
      assertThat(Node.failure(installing).code()).isEqualTo(ErrorCode.UNAVAILABLE);
    }
  }

  // ---- what survives

  @Test
  void crash_messagesThatWait_areProcessedByTheNewInstanceInOrder() {
    try (Node node = Node.start()) {
      node.install(Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 3, child("a")), worker()));
      node.ask("worker", "a", "increment");
      CompletableFuture<Object> crashing = node.asking("worker", "a", "hold_and_crash", null);
      Node.await(held);
      for (int i = 0; i < 5; i++) {
        node.tell("worker", "a", "put", i);
      }
      CompletableFuture<Object> asked = node.asking("worker", "a", "get", null);
      gate.countDown();
      assertThat(Node.failure(crashing).code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
      for (int i = 0; i < 5; i++) {
        assertThat(Node.take(processed)).isEqualTo(i + "@0");
      }
      assertThat(Node.await(asked)).isEqualTo(0);
      Invoker.ActorInfo info = node.system.actor(Node.id("worker", "a")).orElseThrow();
      assertThat(info.restarts()).isEqualTo(1);
      assertThat(info.state()).isEqualTo("active");
    }
  }

  @Test
  void groupRestart_siblingsKeepTheirMailboxes() {
    try (Node node = Node.start()) {
      node.install(
          Node.unit(
              "app", Node.supervisor("app", ONE_FOR_ALL, 3, child("a"), child("b")), worker()));
      node.ask("worker", "a", "increment");
      CompletableFuture<Object> holding = node.asking("worker", "a", "hold", null);
      Node.await(held);
      for (int i = 0; i < 5; i++) {
        node.tell("worker", "a", "put", i);
      }
      CompletableFuture<Object> asked = node.asking("worker", "a", "get", null);
      node.askFails("worker", "b", "crash", null);
      gate.countDown();
      Node.await(holding);
      // Its current message ends; how many of the others come before the restart is open.
      for (int i = 0; i < 5; i++) {
        assertThat(Node.take(processed).toString()).startsWith(i + "@");
      }
      Node.await(asked);
      Node.eventually(() -> node.ask("worker", "a", "get").equals(0));
    }
  }

  @Test
  void restartThatFails_isTriedAgain_andWaitingCallersAreAnswered() {
    try (Node node = Node.start()) {
      node.install(Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 5, child("a")), worker()));
      CompletableFuture<Object> crashing = node.asking("worker", "a", "hold_and_crash", null);
      Node.await(held);
      CompletableFuture<Object> asked = node.asking("worker", "a", "get", null);
      node.tell("worker", "a", "put", 1);
      node.tell("worker", "a", "put", 2);
      failingStarts.set(2);
      gate.countDown();
      Node.failure(crashing);
      assertThat(Node.await(asked)).isEqualTo(0);
      assertThat(Node.take(processed)).isEqualTo("1@0");
      assertThat(Node.take(processed)).isEqualTo("2@0");
    }
  }

  @Test
  void restartThatFailsTooOften_tellsWaitingCallers() {
    try (Node node = Node.start()) {
      CompletableFuture<String> exited = new CompletableFuture<>();
      node.system.onApplicationExit((id, reason) -> exited.complete(reason.text()));
      node.install(Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 3, child("a")), worker()));
      CompletableFuture<Object> crashing = node.asking("worker", "a", "hold_and_crash", null);
      Node.await(held);
      CompletableFuture<Object> asked = node.asking("worker", "a", "get", null);
      failingStarts.set(Integer.MAX_VALUE);
      gate.countDown();
      Node.failure(crashing);
      assertThat(Node.failure(asked).code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
      Node.await(exited);
    }
  }

  // ---- kill

  /// A handler that nothing can interrupt.
  private static final class Stuck {
    final ReentrantLock lock = new ReentrantLock();
    final BlockingQueue<String> entered = new LinkedBlockingQueue<>();

    TestType type() {
      return TestType.of(
          "stuck",
          () ->
              Script.of(
                      "hang",
                      (c, m) -> {
                        entered.add("in");
                        lock.lock();
                        lock.unlock();
                        c.tell(c.actor("worker", "w"), "put", "from the dead");
                        return "too late";
                      })
                  .on("get", (c, m) -> "alive"));
    }
  }

  @Test
  void stuckChild_afterItsShutdownTimeout_isKilledAndItsNameIsFree() {
    Stuck stuck = new Stuck();
    ApplicationUnit unit =
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                ONE_FOR_ONE,
                3,
                child("w"),
                new SupervisorSpec.Worker(
                    ChildSpec.of("stuck", "s").shutdownTimeout(Duration.ofSeconds(2)))),
            worker(),
            stuck.type());
    try (Node node = Node.withManualTime()) {
      stuck.lock.lock();
      node.install(unit);
      CompletableFuture<Object> hanging = node.asking("stuck", "s", "hang", null);
      Node.take(stuck.entered);
      CompletableFuture<Void> uninstalling = node.system.uninstall("app");
      AtomicInteger seconds = new AtomicInteger();
      Node.eventually(
          () -> {
            if (!uninstalling.isDone()) {
              node.advance(Duration.ofSeconds(1));
              seconds.incrementAndGet();
            }
            return uninstalling.isDone();
          });
      Node.await(uninstalling);
      assertThat(seconds.get()).as("not before its time").isGreaterThanOrEqualTo(2);
      assertThat(node.system.metrics().killedAndRunning()).as("it may come back").isZero();
      node.advance(ActorCell.KILL_TAKES_MAX);
      assertThat(node.system.metrics().killedAndRunning()).isEqualTo(1);
      node.advance(Duration.ofMinutes(1));
      assertThat(node.system.metrics().killedAndRunning()).as("said once").isEqualTo(1);

      node.install(unit);
      assertThat(node.ask("stuck", "s", "get")).isEqualTo("alive");
      stuck.lock.unlock();
      assertThat(Node.failure(hanging).code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
      node.ask("worker", "w", "get");
      assertThat(processed).as("effects of the killed one").isEmpty();
      assertThat(node.ask("stuck", "s", "get")).isEqualTo("alive");
    }
  }

  @Test
  void stuckSibling_inAGroupRestart_isKilledAndReplaced_andOldReferencesFindTheNewOne() {
    Stuck stuck = new Stuck();
    TestType asker =
        TestType.of(
            "asker",
            () ->
                Script.of(
                        "tell_stuck",
                        (c, m) -> {
                          c.tell(c.actor("stuck", "s"), "hang", null);
                          return null;
                        })
                    .on(
                        "ask",
                        (c, m) -> c.ask(c.actor("stuck", "s"), "get", null, Duration.ofHours(1))),
            FacetCatalog.VIRTUAL_ACTOR);
    try (Node node = Node.withManualTime()) {
      stuck.lock.lock();
      node.install(
          Node.unit(
              "app",
              Node.supervisor(
                  "app",
                  ONE_FOR_ALL,
                  3,
                  child("w"),
                  new SupervisorSpec.Worker(
                      ChildSpec.of("stuck", "s").shutdownTimeout(Duration.ofSeconds(2)))),
              worker(),
              asker,
              stuck.type()));
      Address kept = new Address(node.system.scope(Node.SCOPE), "stuck", "s");
      assertThat(node.system.live(kept)).isNotNull();
      node.system.info(kept, "get", null);
      node.ask("asker", "a", "tell_stuck");
      Node.take(stuck.entered);
      node.askFails("worker", "w", "crash", null);
      Node.eventually(() -> "stopping".equals(treeState(node, "s")));
      node.advance(Duration.ofSeconds(3));
      Node.eventually(() -> "running".equals(treeState(node, "s")));
      assertThat(node.ask("asker", "a", "ask")).isEqualTo("alive");
      CompletableFuture<Object> reply = new CompletableFuture<>();
      ReplyTo.Outside obligation =
          new ReplyTo.Outside(
              Long.MAX_VALUE,
              new Invoker.ReplyListener() {
                @Override
                public void replied(dev.plexspaces.kernel.identity.ActorId by, Object value) {
                  reply.complete(value);
                }

                @Override
                public void failed(PlexException error) {
                  reply.completeExceptionally(error);
                }
              },
              new Address(null, "stuck", "s"),
              "get");
      node.system.deliver(
          kept,
          new Envelope(
              dev.plexspaces.sdk.Message.Kind.CALL, "get", null, null, Node.context(), obligation),
          null,
          false);
      assertThat(Node.await(reply)).isEqualTo("alive");
      stuck.lock.unlock();
    }
  }

  @Test
  void killedChild_blockedInAnAsk_isFreedAtOnce() {
    CountDownLatch entered = new CountDownLatch(1);
    BlockingQueue<String> outcome = new LinkedBlockingQueue<>();
    TestType asker =
        TestType.of(
            "asker",
            () ->
                Script.of(
                    "ask",
                    (c, m) -> {
                      entered.countDown();
                      try {
                        return c.ask(c.actor("worker", "w"), "hold", null, Duration.ofHours(1));
                      } catch (PlexException e) {
                        outcome.add(e.code().name());
                        throw e;
                      }
                    }));
    try (Node node = Node.withManualTime()) {
      node.install(
          Node.unit(
              "app",
              Node.supervisor(
                  "app",
                  ONE_FOR_ONE,
                  3,
                  child("w"),
                  new SupervisorSpec.Worker(
                      ChildSpec.of("asker", "a").shutdownTimeout(Duration.ZERO))),
              worker(),
              asker));
      node.tell("asker", "a", "ask", null);
      Node.await(entered);
      Node.await(held);
      CompletableFuture<Void> uninstalling = node.system.uninstall("app");
      assertThat(Node.take(outcome)).isEqualTo("UNAVAILABLE");
      gate.countDown();
      Node.await(uninstalling);
    }
  }

  @Test
  void interruptOfAKilledActor_neverHitsTheNextOneOnItsThread() {
    CountDownLatch[] entered = {new CountDownLatch(1)};
    TestType sleeper =
        TestType.of(
            "sleeper",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      entered[0].countDown();
                      // Swallows the interrupt's exception but not the flag of a later one.
                      try {
                        Thread.sleep(Node.BOUND);
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                      return null;
                    }));
    TestType sensitive =
        TestType.of(
            "sensitive",
            () -> Script.of("*", (c, m) -> Thread.currentThread().isInterrupted()),
            FacetCatalog.VIRTUAL_ACTOR);
    try (Node node = Node.withParallelism(1)) {
      node.install(Node.unit("other", Node.supervisor("other", ONE_FOR_ONE, 1), sensitive));
      for (int i = 0; i < 50; i++) {
        entered[0] = new CountDownLatch(1);
        node.install(
            Node.unit(
                "app",
                Node.supervisor(
                    "app",
                    ONE_FOR_ONE,
                    1,
                    new SupervisorSpec.Worker(
                        ChildSpec.of("sleeper", "s").shutdownTimeout(Duration.ZERO))),
                sleeper));
        node.tell("sleeper", "s", "go", null);
        Node.await(entered[0]);
        node.uninstall("app");
        for (int j = 0; j < 10; j++) {
          assertThat(node.ask("sensitive", "s" + j, "go")).isEqualTo(false);
        }
      }
    }
  }

  @Test
  void nestedSupervisor_thatDoesNotStopInTime_isKilledWithAllBelow() {
    Stuck stuck = new Stuck();
    SupervisorSpec inner =
        new SupervisorSpec(
            "inner",
            ONE_FOR_ONE,
            1,
            SupervisorSpec.WINDOW,
            RestartType.PERMANENT,
            Duration.ofSeconds(2),
            List.of(
                new SupervisorSpec.Worker(
                    ChildSpec.of("stuck", "s").shutdownTimeout(SupervisorSpec.UNBOUNDED))));
    try (Node node = Node.withManualTime()) {
      stuck.lock.lock();
      ApplicationUnit unit =
          Node.unit(
              "app",
              Node.supervisor("app", ONE_FOR_ONE, 3, child("w"), new SupervisorSpec.Nested(inner)),
              worker(),
              stuck.type());
      node.install(unit);
      node.tell("stuck", "s", "hang", null);
      Node.take(stuck.entered);
      CompletableFuture<Void> uninstalling = node.system.uninstall("app");
      Node.eventually(
          () -> {
            if (!uninstalling.isDone()) {
              node.advance(Duration.ofSeconds(1));
            }
            return uninstalling.isDone();
          });
      Node.await(uninstalling);
      node.install(unit);
      assertThat(node.ask("stuck", "s", "get")).isEqualTo("alive");
      stuck.lock.unlock();
    }
  }

  @Test
  void onDemandActor_thatDoesNotStop_isKilledWhenItsApplicationGoes() {
    Stuck stuck = new Stuck();
    try (Node node = Node.withManualTime()) {
      stuck.lock.lock();
      TestType type = stuck.type();
      TestType virtual =
          new TestType(
              type.name(), type.actors(), List.of(FacetSpec.of(FacetCatalog.VIRTUAL_ACTOR)));
      ApplicationUnit unit =
          Node.unit("app", Node.supervisor("app", ONE_FOR_ONE, 3, child("w")), worker(), virtual);
      node.install(unit);
      node.tell("stuck", "s", "hang", null);
      Node.take(stuck.entered);
      CompletableFuture<Void> uninstalling = node.system.uninstall("app");
      Node.eventually(
          () -> {
            node.advance(Duration.ofSeconds(1));
            return uninstalling.isDone();
          });
      Node.await(uninstalling);
      node.install(unit);
      assertThat(node.ask("stuck", "s", "get")).isEqualTo("alive");
      stuck.lock.unlock();
    }
  }

  @Test
  void terminate_messagesItSends_areDelivered() {
    TestType farewell =
        TestType.of(
            "farewell",
            () ->
                Script.of(
                        "crash",
                        (c, m) -> {
                          c.tell(c.actor("worker", "w"), "put", "never");
                          throw new IllegalStateException("on purpose");
                        })
                    .terminate(
                        (c, reason) ->
                            c.tell(c.actor("worker", "w"), "put", "bye " + reason.text())));
    try (Node node = Node.start()) {
      node.install(
          Node.unit(
              "app",
              Node.supervisor(
                  "app",
                  ONE_FOR_ONE,
                  3,
                  child("w"),
                  new SupervisorSpec.Worker(ChildSpec.of("farewell", "f"))),
              worker(),
              farewell));
      node.askFails("farewell", "f", "crash", null);
      assertThat(Node.take(processed)).isEqualTo("bye error: IllegalStateException: on purpose@0");
      // An instance that crashed and is not restarted yet has nothing left to say.
      Node.eventually(
          () ->
              node.system
                  .actor(Node.id("farewell", "f"))
                  .filter(f -> f.state().equals("active") && f.restarts() == 1)
                  .isPresent());
      node.system.stop(Node.id("farewell", "f"));
      assertThat(Node.take(processed)).isEqualTo("bye shutdown@0");
    }
  }

  @Test
  void stop_inInit_endsTheActorNormally() {
    TestType brief =
        TestType.of(
            "brief",
            () ->
                new Script()
                    .init(c -> c.stop())
                    .terminate((c, reason) -> events.add("brief " + reason.text())));
    try (Node node = Node.start()) {
      node.install(
          Node.unit(
              "app",
              Node.supervisor(
                  "app",
                  ONE_FOR_ONE,
                  3,
                  new SupervisorSpec.Worker(
                      ChildSpec.of("brief", "b").restart(RestartType.TRANSIENT))),
              brief));
      expect("brief " + ExitReason.NORMAL.text());
      Node.eventually(() -> node.state("brief", "b").isEmpty());
    }
  }
}
