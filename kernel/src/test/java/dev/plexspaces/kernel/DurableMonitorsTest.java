package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.MonitorRow;
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
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Rule 26 of spec/turns: monitors of durable actors are durable: DOWN on crash or stop, not on
/// passivation or node recovery.
@Timeout(120)
class DurableMonitorsTest {

  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final Duration STEP = Duration.ofMillis(500);
  private static final String CRASHED = "error: IllegalStateException: on purpose";

  private final ManualClock clock = new ManualClock();
  private final List<Node> nodes = new ArrayList<>();
  private final CountDownLatch gate = new CountDownLatch(1);
  private final CountDownLatch held = new CountDownLatch(1);
  private final AtomicBoolean waits = new AtomicBoolean(true);

  /// What handlers of `__DOWN__` saw, committed or not.
  private final List<Object> seen = new CopyOnWriteArrayList<>();

  /// What replayed handlers got from `monitor`.
  private final List<Long> references = new CopyOnWriteArrayList<>();

  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node;

  private void start() {
    node = Node.withManualTime(store, clock);
    nodes.add(node);
    install();
  }

  private void install() {
    node.install(
        Node.unit(
            "app",
            Node.supervisor(
                "app", SupervisionStrategy.ONE_FOR_ONE, 1_000, child("steady"), child("plain")),
            watcher(),
            new TestType("target", this::durable, List.of(idle(), durability())),
            new TestType("steady", this::durable, List.of(durability())),
            TestType.of("plain", this::simple),
            TestType.of("summoned", this::simple, FacetCatalog.VIRTUAL_ACTOR),
            TestType.of("brief", this::simple),
            new TestType("spawned", this::durable, List.of(durability())),
            TestType.of("owner", this::owner, FacetCatalog.VIRTUAL_ACTOR)));
  }

  private static SupervisorSpec.Worker child(String type) {
    ChildSpec c = ChildSpec.of(type, "x");
    return new SupervisorSpec.Worker(
        new ChildSpec(
            type,
            type,
            "x",
            c.args(),
            c.restart(),
            c.shutdownTimeout(),
            c.mailboxCapacity(),
            c.overflow(),
            c.facets()));
  }

  private static FacetSpec idle() {
    return new FacetSpec(
        FacetCatalog.VIRTUAL_ACTOR,
        FacetSpec.DEFAULT_PRIORITY,
        Map.of("idle_timeout", IDLE.toSeconds() + "s"));
  }

  private static FacetSpec durability() {
    return FacetSpec.of(FacetCatalog.DURABILITY);
  }

  private void kill() {
    node.abandon();
    store = store.afterCrash();
    start();
  }

  private void stopAndStart() {
    node.close();
    store = store.afterCrash();
    start();
  }

  @AfterEach
  void close() {
    gate.countDown();
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private static ActorRef ref(dev.plexspaces.sdk.ActorContext c, Object name) {
    String[] parts = name.toString().split("/");
    return c.actor(parts[0], parts[1]);
  }

  private TestType watcher() {
    return new TestType(
        "watcher",
        () ->
            DurableScript.of("watch", (c, m, s) -> c.monitor(ref(c, m.payload())))
                .on(
                    "watch_many",
                    (c, m, s) -> {
                      for (long i = 0; i < ((Number) m.payload()).longValue(); i++) {
                        c.monitor(c.actor("target", "x"));
                      }
                      return null;
                    })
                .on(
                    "watch_and_refuse",
                    (c, m, s) -> {
                      c.monitor(ref(c, m.payload()));
                      throw new ActorException("no");
                    })
                .on(
                    "watch_and_unwatch",
                    (c, m, s) -> {
                      c.demonitor(c.monitor(ref(c, m.payload())));
                      return null;
                    })
                .on(
                    "watch_in_steps",
                    (c, m, s) -> {
                      long first = c.monitor(ref(c, m.payload()));
                      references.add(first);
                      c.step("one", () -> 1);
                      long second = c.monitor(ref(c, m.payload()));
                      references.add(second);
                      c.step("two", () -> 2);
                      if (waits.get()) {
                        held.countDown();
                        Node.await(gate);
                      }
                      s.put("first", first);
                      s.put("second", second);
                      return null;
                    })
                .on(
                    "unwatch",
                    (c, m, s) -> {
                      c.demonitor((Long) m.payload());
                      return add(s, "unwatched", 1);
                    })
                .on(
                    "unwatch_and_refuse",
                    (c, m, s) -> {
                      c.demonitor((Long) m.payload());
                      throw new ActorException("no");
                    })
                .on(
                    "hold_and_unwatch",
                    (c, m, s) -> {
                      held.countDown();
                      Node.await(gate);
                      c.demonitor((Long) m.payload());
                      return add(s, "unwatched", 1);
                    })
                .on(
                    "crash",
                    (c, m, s) -> {
                      throw new IllegalStateException("watcher");
                    })
                .on(
                    Relations.DOWN,
                    (c, m, s) -> {
                      Map<?, ?> down = (Map<?, ?>) m.payload();
                      seen.add(down);
                      c.demonitor((Long) down.get("monitor_ref"));
                      add(s, "downs", 1);
                      s.put(
                          "down " + down.get("monitor_ref"),
                          down.get("down_from") + " " + down.get("down_reason"));
                      return null;
                    })
                .on("told", (c, m, s) -> s.getOrDefault("down " + m.payload(), ""))
                .on("downs", (c, m, s) -> number(s, "downs"))
                .on("field", (c, m, s) -> number(s, m.payload() + "")),
        List.of(idle(), durability()));
  }

  private DurableScript durable() {
    return DurableScript.of("ping", (c, m, s) -> add(s, "pings", 1))
        .on(
            "crash",
            (c, m, s) -> {
              throw new IllegalStateException("on purpose");
            })
        .on(
            "crash_badly",
            (c, m, s) -> {
              throw new IllegalStateException("\ud800" + "x".repeat(5_000));
            })
        .on(
            "stop",
            (c, m, s) -> {
              c.stop();
              return add(s, "stops", 1);
            })
        .on(
            "fail_outside",
            (c, m, s) -> {
              throw new PlexException(ErrorCode.UNAVAILABLE, "the service is away");
            });
  }

  private Script simple() {
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
            });
  }

  private Script owner() {
    return Script.of(
        "spawn",
        (c, m) -> {
          ActorRef child = ref(c, m.payload());
          c.spawn(ChildSpec.of(child.type(), child.key()).restart(RestartType.TEMPORARY));
          return null;
        });
  }

  private Object watch(String target) {
    return node.ask("watcher", "w", "watch", target);
  }

  private void exit(String type, String how) {
    switch (how) {
      case "crash" -> node.askFails(type, "x", "crash", null);
      case "stop" -> node.ask(type, "x", "stop");
      case "shutdown" -> node.system.stop(Node.id(type, "x"));
      default -> throw new AssertionError(how);
    }
  }

  /// True once it is there, perhaps again.
  private boolean answers(String type) {
    try {
      node.ask(type, "x", "ping");
      return true;
    } catch (PlexException notThere) {
      return false;
    }
  }

  private boolean quiet() {
    return store.actorsWithWork().isEmpty();
  }

  private List<MonitorRow> monitors(String type) {
    return store.monitors(Node.id(type, "x"), 0, 1_000);
  }

  /// Returns once the watcher handled that many.
  private void downs(long expected) {
    Node.eventually(() -> ((Long) node.ask("watcher", "w", "downs")) >= expected);
    assertThat(node.ask("watcher", "w", "downs")).isEqualTo(expected);
    assertThat(store.inbox(Node.id("watcher", "w"), 0, 10)).isEmpty();
  }

  private String told(Object reference) {
    return (String) node.ask("watcher", "w", "told", reference);
  }

  // ---- what is told

  @ParameterizedTest
  @CsvSource({
    "target, crash, error: IllegalStateException: on purpose",
    "target, stop, normal",
    "target, shutdown, shutdown",
    "steady, crash, error: IllegalStateException: on purpose",
    "steady, stop, normal",
    "steady, shutdown, shutdown",
    "plain, crash, error: IllegalStateException: on purpose",
    "plain, stop, normal",
    "plain, shutdown, shutdown",
    "summoned, crash, error: IllegalStateException: on purpose",
    "summoned, stop, normal"
  })
  void monitoredActor_exits_oneDown(String type, String how, String reason) {
    start();
    node.ask(type, "x", "ping");
    Object reference = watch(type + "/x");
    assertThat(monitors(type)).hasSize(1);
    exit(type, how);
    Node.eventually(() -> monitors(type).isEmpty());
    downs(1);
    assertThat(seen)
        .containsExactly(
            Map.of("monitor_ref", reference, "down_from", type + "/x", "down_reason", reason));
    // Its next exit is another life's.
    Node.eventually(() -> answers(type));
    node.askFails(type, "x", "crash", null);
    downs(1);
  }

  @Test
  void twoMonitorsOfOneActor_eachGetsItsOwnDown() {
    start();
    Object first = watch("target/x");
    Object second = watch("target/x");
    assertThat(first).isNotEqualTo(second);
    exit("target", "crash");
    downs(2);
    assertThat(told(first)).isEqualTo("target/x " + CRASHED);
    assertThat(told(second)).isEqualTo("target/x " + CRASHED);
  }

  @Test
  void moreMonitorsThanOneCommitTakes_allAreTold() {
    start();
    int count = 2 * DurableDowns.PAGE + 1;
    node.ask("watcher", "w", "watch_many", count);
    exit("target", "crash");
    downs(count);
    node.ask("watcher", "w", "watch_many", count);
    exit("target", "stop");
    downs(2 * count);
  }

  @ParameterizedTest
  @ValueSource(strings = {"brief/x", "nobody/x"})
  void monitorOfWhatIsNotThere_downNoproc(String target) {
    start();
    Object reference = watch(target);
    downs(1);
    assertThat(told(reference)).isEqualTo(target + " noproc");
  }

  @Test
  void reasonThatCannotBeWritten_isCutAndTold() {
    start();
    Object reference = watch("target/x");
    node.askFails("target", "x", "crash_badly", null);
    downs(1);
    assertThat(told(reference))
        .startsWith("target/x error: IllegalStateException: ?xxx")
        .hasSize("target/x ".length() + DurableDowns.REASON_MAX);
  }

  @Test
  void actorThatMonitorsItself_neverHearsOfItsOwnEnd() {
    start();
    node.ask("watcher", "w", "watch", "watcher/w");
    node.askFails("watcher", "w", "crash", null);
    downs(0);
  }

  @Test
  void watcherThatCrashes_keepsItsMonitors() {
    start();
    Object reference = watch("target/x");
    node.askFails("watcher", "w", "crash", null);
    exit("target", "crash");
    downs(1);
    assertThat(told(reference)).isEqualTo("target/x " + CRASHED);
  }

  // ---- what is not told

  @Test
  void monitoredActorThatIsPassivated_noDown_andTheMonitorStays() {
    start();
    node.ask("target", "x", "ping");
    watch("target/x");
    node.eventually(IDLE, () -> node.state("target", "x").isEmpty());
    downs(0);
    assertThat(monitors("target")).hasSize(1);
    exit("target", "crash");
    downs(1);
  }

  @Test
  void watcherThatIsPassivated_isWokenByTheDown() {
    start();
    watch("target/x");
    node.eventually(IDLE, () -> node.state("watcher", "w").isEmpty());
    exit("target", "crash");
    Node.eventually(() -> seen.size() == 1);
    downs(1);
  }

  @Test
  void outageThatAHandlerLetsEscape_isNoCrash() {
    start();
    watch("target/x");
    node.askFails("target", "x", "fail_outside", null);
    node.ask("target", "x", "ping");
    downs(0);
    assertThat(monitors("target")).hasSize(1);
  }

  @Test
  void actorThatCannotBeLoaded_noDown() {
    start();
    watch("target/x");
    store.failReads(ErrorCode.UNAVAILABLE);
    node.askFails("target", "x", "ping", null);
    store.failReads(null);
    node.ask("target", "x", "ping");
    // Nor later.
    node.advance(DurableDowns.AGAIN_AFTER);
    downs(0);
    assertThat(monitors("target")).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nodeRestarts_noDownOfWhatComesBack_andMonitorsStay(boolean inOrder) {
    start();
    for (String type : List.of("target", "steady", "plain", "summoned")) {
      node.ask(type, "x", "ping");
      watch(type + "/x");
    }
    if (inOrder) {
      stopAndStart();
    } else {
      kill();
    }
    downs(0);
    long expected = 0;
    for (String type : List.of("target", "steady", "plain", "summoned")) {
      assertThat(monitors(type)).as(type).hasSize(1);
      node.askFails(type, "x", "crash", null);
      downs(++expected);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nodeRestarts_volatileActorThatNobodyStartsAgain_downNoconnection(boolean inOrder) {
    start();
    node.ask("owner", "o", "spawn", "brief/x");
    Object reference = watch("brief/x");
    downs(0);
    if (inOrder) {
      stopAndStart();
    } else {
      kill();
    }
    downs(1);
    assertThat(told(reference)).isEqualTo("brief/x noconnection");
    kill();
    downs(1);
  }

  @Test
  void nodeRestarts_durableActorThatIsNotSpawnedYet_noDown() {
    start();
    node.ask("owner", "o", "spawn", "spawned/x");
    node.ask("spawned", "x", "ping");
    Object reference = watch("spawned/x");
    kill();
    downs(0);
    node.ask("owner", "o", "spawn", "spawned/x");
    node.askFails("spawned", "x", "crash", null);
    downs(1);
    assertThat(told(reference)).isEqualTo("spawned/x " + CRASHED);
  }

  @Test
  void applicationIsUninstalled_virtualActorsAreAway_supervisedOnesHaveStopped() {
    start();
    node.ask("target", "x", "ping");
    watch("target/x");
    Object reference = watch("steady/x");
    node.uninstall("app");
    install();
    downs(1);
    assertThat(told(reference)).isEqualTo("steady/x shutdown");
    assertThat(monitors("target")).hasSize(1);
    exit("target", "crash");
    downs(2);
  }

  /// @param between runs when the application is gone and its actors are not forgotten yet
  private void purge(String application, String type, Runnable between) {
    Purge purge = new Purge(node.system);
    Purge.Order order = new Purge.Order(application, Node.SCOPE.tenant(), List.of(type));
    purge.reserve(order);
    node.uninstall(application);
    between.run();
    purge.run(order);
  }

  @Test
  void monitoredActorThatIsPurged_downNoproc() {
    start();
    node.install(
        Node.unit(
            "other",
            Node.supervisor("other", SupervisionStrategy.ONE_FOR_ONE, 1),
            new TestType("prey", this::durable, List.of(idle(), durability()))));
    node.ask("prey", "x", "ping");
    Object reference = watch("prey/x");
    purge("other", "prey", () -> {});
    downs(1);
    assertThat(told(reference)).isEqualTo("prey/x noproc");
  }

  @Test
  void watcherThatIsPurged_itsMonitorsAndWhatTheyToldAreGone() {
    start();
    node.install(
        Node.unit(
            "other",
            Node.supervisor("other", SupervisionStrategy.ONE_FOR_ONE, 1),
            DurableScript.type(
                "keeper",
                () -> DurableScript.of("watch", (c, m, s) -> c.monitor(ref(c, m.payload()))))));
    node.ask("keeper", "k", "watch", "target/x");
    node.ask("keeper", "k", "watch", "steady/x");
    purge(
        "other",
        "keeper",
        () -> {
          exit("steady", "crash");
          assertThat(store.inbox(Node.id("keeper", "k"), 0, 10)).hasSize(1);
        });
    assertThat(monitors("target")).isEmpty();
    assertThat(monitors("steady")).isEmpty();
    assertThat(store.inbox(Node.id("keeper", "k"), 0, 10)).isEmpty();
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).isEmpty();
  }

  // ---- part of the turn

  @Test
  void monitor_inATurnThatRefuses_neverHappened() {
    start();
    node.askFails("watcher", "w", "watch_and_refuse", "target/x");
    assertThat(monitors("target")).isEmpty();
    exit("target", "crash");
    downs(0);
  }

  @Test
  void demonitor_twiceAndOfUnknownReference_noDownComes() {
    start();
    Object reference = watch("target/x");
    node.ask("watcher", "w", "unwatch", reference);
    node.ask("watcher", "w", "unwatch", reference);
    node.ask("watcher", "w", "unwatch", 12345L);
    node.ask("watcher", "w", "watch_and_unwatch", "target/x");
    assertThat(
            store.history(Node.id("watcher", "w"), Long.MAX_VALUE, 1).getFirst().record().effects())
        .containsExactly("monitor target/x", "demonitor");
    assertThat(monitors("target")).isEmpty();
    exit("target", "crash");
    downs(0);
  }

  @Test
  void demonitor_inATurnThatRefuses_isTakenBack() {
    start();
    Object reference = watch("target/x");
    node.askFails("watcher", "w", "unwatch_and_refuse", reference);
    exit("target", "crash");
    downs(1);
  }

  @Test
  void demonitor_inATurnThatRefusesWhileTheDownWaits_theDownIsSeen() {
    start();
    Object reference = watch("target/x");
    CompletableFuture<Object> holding = node.asking("watcher", "w", "hold_and_unwatch", 77L);
    Node.await(held);
    CompletableFuture<Object> refusing =
        node.asking("watcher", "w", "unwatch_and_refuse", reference);
    exit("target", "crash");
    gate.countDown();
    Node.await(holding);
    Node.failure(refusing);
    downs(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void demonitor_whileTheDownWaitsInTheInbox_itIsNeverSeen(boolean killed) {
    start();
    Object reference = watch("target/x");
    CompletableFuture<Object> unwatched =
        node.asking("watcher", "w", "hold_and_unwatch", reference);
    Node.await(held);
    exit("target", "crash");
    assertThat(store.inbox(Node.id("watcher", "w"), 0, 10)).hasSize(1);
    gate.countDown();
    Node.await(unwatched);
    if (killed) {
      kill();
    }
    downs(0);
    assertThat(seen).isEmpty();
  }

  @Test
  void openTurnIsReplayed_monitorsAndReferencesAreTheSame() {
    start();
    node.tell("watcher", "w", "watch_in_steps", "target/x");
    Node.await(held);
    assertThat(monitors("target")).hasSize(2);
    waits.set(false);
    kill();
    Node.eventually(() -> (Long) node.ask("watcher", "w", "field", "second") > 0);
    assertThat(new HashSet<>(references)).hasSize(2);
    assertThat(references).hasSize(4);
    assertThat(monitors("target")).hasSize(2);
    exit("target", "crash");
    downs(2);
    assertThat(told(node.ask("watcher", "w", "field", "first"))).isNotEmpty();
    assertThat(told(node.ask("watcher", "w", "field", "second"))).isNotEmpty();
  }

  @Test
  void openTurnIsReplayedAfterTheExit_theDownComesOnce() {
    start();
    node.tell("watcher", "w", "watch_in_steps", "target/x");
    Node.await(held);
    exit("target", "crash");
    waits.set(false);
    kill();
    downs(2);
  }

  // ---- when the process dies

  static Stream<Arguments> crashPoints() {
    return IntStream.rangeClosed(1, 10)
        .boxed()
        .flatMap(n -> Stream.of(Arguments.of(n, true), Arguments.of(n, false)));
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("crashPoints")
  void messageThatCrashesTheMonitoredActor_processDiesAtEachCommit_oneDown(
      int commits, boolean heardOf) {
    start();
    Object reference = watch("target/x");
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("target", "x", "crash", null);
    node.eventually(STEP, () -> store.crash.getCount() == 0 || (told.isDone() && quiet()));
    boolean accepted = told.isDone() || !seen.isEmpty();
    kill();
    node.eventually(STEP, this::quiet);
    if (!accepted && store.deadLetters(Node.SCOPE, 0, 10).isEmpty()) {
      // The message was never there.
      assertThat(monitors("target")).hasSize(1);
      exit("target", "crash");
    }
    downs(1);
    assertThat(monitors("target")).isEmpty();
    assertThat(told(reference)).isEqualTo("target/x " + CRASHED);
  }

  @ParameterizedTest
  @CsvSource({"target, crash", "target, stop", "spawned, crash", "spawned, stop"})
  void exitThatACallerHeardOf_processDiesAtOnce_oneDown(String type, String how) {
    for (int commits = 1; commits <= 4; commits++) {
      start();
      String key = "x";
      if (type.equals("spawned")) {
        node.ask("owner", "o", "spawn", type + "/" + key);
      }
      node.ask(type, key, "ping");
      long before = (Long) node.ask("watcher", "w", "downs");
      watch(type + "/" + key);
      store.crashAfter(commits, true);
      CompletableFuture<Object> answer = node.asking(type, key, how, null);
      Node.eventually(() -> answer.isDone() || store.crash.getCount() == 0);
      node.abandon();
      boolean heard = answer.isDone();
      store = store.afterCrash();
      start();
      if (heard) {
        downs(before + 1);
      } else {
        Node.eventually(this::quiet);
        long now = (Long) node.ask("watcher", "w", "downs");
        assertThat(now + monitors(type).size()).as("told or still there").isEqualTo(before + 1);
        monitors(type).forEach(m -> unwatch(m));
      }
      node.abandon();
      store = store.afterCrash();
    }
    start();
  }

  @Test
  void crash_isAnsweredOnceTheDownIsOnDisk() {
    start();
    node.ask("target", "x", "ping");
    watch("target/x");
    store.hold();
    CompletableFuture<Object> answer = node.asking("target", "x", "crash", null);
    Node.eventually(() -> store.held() > 0);
    assertThat(monitors("target")).hasSize(1);
    assertThat(answer).isNotDone();
    store.releaseAll();
    assertThat(Node.failure(answer).code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
    downs(1);
  }

  private void unwatch(MonitorRow monitor) {
    node.ask("watcher", "w", "unwatch", DurableMonitors.number(monitor.monitorId()));
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("crashPoints")
  void monitorIsSetAndItsTargetIsNotThere_processDiesAtEachCommit_oneDown(
      int commits, boolean heardOf) {
    start();
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("watcher", "w", "watch", "brief/x");
    Node.eventually(() -> store.crash.getCount() == 0 || (seen.size() == 1 && quiet()));
    boolean accepted = told.isDone();
    kill();
    Node.eventually(() -> quiet() && monitors("brief").isEmpty());
    long downs = (Long) node.ask("watcher", "w", "downs");
    assertThat(downs).isBetween(accepted ? 1L : 0L, 1L);
  }

  @ParameterizedTest
  @ValueSource(strings = {"target", "plain"})
  void storeThatRefusesTheDown_itIsWrittenLater(String type) {
    start();
    node.ask(type, "x", "ping");
    Object reference = watch(type + "/x");
    store.refuse(ErrorCode.UNAVAILABLE, 3);
    node.askFails(type, "x", "crash", null);
    node.eventually(DurableDowns.AGAIN_AFTER, () -> monitors(type).isEmpty());
    downs(1);
    assertThat(told(reference)).isEqualTo(type + "/x " + CRASHED);
  }

  @Test
  void storeThatCannotBeReadAtTheExit_itIsToldLater() {
    start();
    node.ask("plain", "x", "ping");
    Object reference = watch("plain/x");
    store.failReads(ErrorCode.UNAVAILABLE);
    node.askFails("plain", "x", "crash", null);
    store.failReads(null);
    node.eventually(DurableDowns.AGAIN_AFTER, () -> monitors("plain").isEmpty());
    downs(1);
    assertThat(told(reference)).isEqualTo("plain/x " + CRASHED);
  }

  @Test
  void killedActorWhoseThreadNeverComesBack_isToldAtOnce() {
    start();
    ActorId id = Node.id("plain", "x");
    Object reference = watch("plain/x");
    node.system.live(new Address(node.system.scope(Node.SCOPE), id.type(), id.key())).kill();
    downs(1);
    assertThat(told(reference)).isEqualTo("plain/x killed");
  }

  @Test
  void monitorOutsideOfATurn_isRefused() {
    start();
    List<ErrorCode> codes = new CopyOnWriteArrayList<>();
    node.install(
        Node.unit(
            "other",
            Node.supervisor("other", SupervisionStrategy.ONE_FOR_ONE, 1),
            DurableScript.type(
                "eager",
                () ->
                    DurableScript.of("ping", (c, m, s) -> "pong")
                        .activate(
                            (c, s) -> {
                              try {
                                c.monitor(c.actor("target", "x"));
                              } catch (PlexException refused) {
                                codes.add(refused.code());
                              }
                            }))));
    node.ask("eager", "e", "ping");
    assertThat(codes).containsExactly(ErrorCode.FAILED_PRECONDITION);
  }
}
