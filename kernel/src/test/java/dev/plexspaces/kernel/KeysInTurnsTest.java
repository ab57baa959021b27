package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.KeyValue;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The key-value store in turns: DESIGN section 5, spec/turns rules 10 and 31.
@Timeout(120)
class KeysInTurnsTest {

  private final ManualClock clock = new ManualClock();
  private final List<Node> nodes = new ArrayList<>();
  private final AtomicInteger runs = new AtomicInteger();
  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node = start();

  private static Object answer(String operation, ActorContext c, Object payload) {
    KeyValue kv = c.kv();
    return switch (operation) {
      case "get" -> kv.get(payload + "").orElse("absent");
      case "put_and_get" -> {
        kv.put("k", payload);
        yield kv.get("k").orElse("absent");
      }
      case "put_and_crash" -> {
        kv.put("k", payload);
        throw new IllegalStateException("on purpose");
      }
      case "put_brief" -> {
        kv.put("k", payload, Duration.ofMinutes(1));
        yield null;
      }
      case "delete_and_get" -> {
        kv.delete("k");
        yield kv.get("k").orElse("absent");
      }
      case "get_put" -> {
        long sum = kv.get("sum").map(v -> ((Number) v).longValue()).orElse(0L) + 1;
        kv.put("sum", sum);
        kv.put("sum", sum);
        yield sum;
      }
      case "increment" -> kv.increment("n", ((Number) payload).longValue());
      case "put_then_increment" -> {
        kv.put("n", 100);
        yield kv.increment("n", 1);
      }
      case "error_of_increment" -> error(() -> kv.increment("k", 1));
      case "error_of_get" -> error(() -> kv.get(payload + ""));
      case "error_of_put" -> error(() -> kv.put(payload + "", 1));
      case "error_of_large" -> error(() -> kv.put("k", "x".repeat(KeyValue.VALUE_BYTES_MAX)));
      case "cas" -> kv.compareAndSet("k", Optional.empty(), Optional.of(payload));
      case "cas_delete" -> kv.compareAndSet("k", Optional.of(payload), Optional.empty());
      default -> throw new IllegalArgumentException(operation);
    };
  }

  private static String error(Runnable call) {
    try {
      call.run();
      return "no error";
    } catch (PlexException e) {
      return e.code() + " " + e.getMessage();
    }
  }

  private Node start() {
    TestType durable =
        DurableScript.type(
            "durable",
            () ->
                DurableScript.of("*", (c, m, s) -> answer(m.type(), c, m.payload()))
                    .on(
                        "all_kinds",
                        (c, m, s) -> {
                          runs.incrementAndGet();
                          long before =
                              c.kv().get("n").map(v -> ((Number) v).longValue()).orElse(0L);
                          c.kv().put("seen", before);
                          add(s, "sum", 1);
                          long n = c.kv().increment("n", 5);
                          add(s, "sum", n);
                          boolean first =
                              c.kv().compareAndSet("mine", Optional.empty(), Optional.of("me"));
                          long after = ((Number) c.kv().get("n").orElseThrow()).longValue();
                          add(s, first ? "won" : "lost", after - before);
                          c.kv().put("end", n);
                          return n;
                        })
                    .on("field", (c, m, s) -> number(s, m.payload() + ""))
                    .on(
                        "get_put_after_an_increment",
                        (c, m, s) -> {
                          c.kv().increment("started", 1);
                          add(s, "sum", 1);
                          return answer("get_put", c, null);
                        }));
    TestType passing =
        TestType.of(
            "volatile",
            () ->
                Script.of("*", (c, m) -> answer(m.type(), c, m.payload()))
                    .on(
                        "stop_increment_put",
                        (c, m) -> {
                          c.stop();
                          c.kv().increment("n", 1);
                          store.refuse(ErrorCode.UNAVAILABLE, 1);
                          c.kv().put("k", 1);
                          return null;
                        }),
            FacetCatalog.VIRTUAL_ACTOR);
    Node started = Node.withManualTime(store, clock).offer(durable, passing);
    nodes.add(started);
    return started;
  }

  private void restart() {
    node.abandon();
    store = store.afterCrash();
    node = start();
  }

  @AfterEach
  void close() {
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private String stored(String key) {
    return store
        .kvGet(Node.SCOPE, key)
        .map(KvEntry::value)
        .map(v -> new String(v, StandardCharsets.UTF_8))
        .orElse("absent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"durable", "volatile"})
  void aTurn_seesItsOwnWrites_othersOnlyWhatIsCommitted(String type) {
    assertThat(node.ask(type, "a", "put_and_get", "one")).isEqualTo("one");
    assertThat(node.ask(type, "b", "get", "k")).isEqualTo("one");
    assertThat(node.ask(type, "a", "delete_and_get", null)).isEqualTo("absent");
    assertThat(node.ask(type, "b", "get", "k")).isEqualTo("absent");
    node.ask(type, "a", "put_brief", "brief");
    assertThat(node.ask(type, "b", "get", "k")).isEqualTo("brief");
    clock.advance(Duration.ofSeconds(61));
    assertThat(node.ask(type, "b", "get", "k")).isEqualTo("absent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"durable", "volatile"})
  void failedTurn_wroteNothing(String type) {
    node.askFails(type, "a", "put_and_crash", "one");
    assertThat(stored("k")).isEqualTo("absent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"durable", "volatile"})
  void reply_leavesOnlyAfterItsWritesAreDurable(String type) {
    node.ask(type, "a", "get", "k");
    store.hold();
    CompletableFuture<Object> reply = node.asking(type, "a", "put_and_get", "one");
    Node.eventually(() -> store.held() == 1);
    assertThat(reply).isNotDone();
    assertThat(stored("k")).isEqualTo("absent");
    store.releaseAll();
    assertThat(Node.await(reply)).isEqualTo("one");
  }

  @ParameterizedTest
  @ValueSource(strings = {"durable", "volatile"})
  void conditionalOperations_answerWhatTheyDid(String type) {
    assertThat(node.ask(type, "a", "increment", 5)).isEqualTo(5L);
    assertThat(node.ask(type, "b", "increment", -7)).isEqualTo(-2L);
    assertThat(node.ask(type, "a", "put_then_increment", null)).isEqualTo(101L);
    assertThat(node.ask(type, "a", "cas", "x")).isEqualTo(true);
    assertThat(node.ask(type, "b", "cas", "y")).isEqualTo(false);
    assertThat(node.ask(type, "b", "get", "k")).isEqualTo("x");
    assertThat(node.ask(type, "b", "cas_delete", "y")).isEqualTo(false);
    assertThat(node.ask(type, "b", "cas_delete", "x")).isEqualTo(true);
    assertThat(stored("k")).isEqualTo("absent");
  }

  @ParameterizedTest
  @ValueSource(strings = {"durable", "volatile"})
  void incrementOfWhatIsNoInteger_failsAndChangesNothing(String type) {
    node.ask(type, "a", "put_and_get", "text");
    assertThat(node.ask(type, "a", "error_of_increment", null).toString())
        .startsWith("FAILED_PRECONDITION");
    assertThat(stored("k")).isEqualTo("\"text\"");
  }

  static Stream<Arguments> badKeys() {
    return Stream.of("durable", "volatile")
        .flatMap(
            type ->
                Stream.of(
                    Arguments.of(type, "", "key: must be 1 to 512"),
                    Arguments.of(type, "x".repeat(513), "key: must be 1 to 512"),
                    Arguments.of(type, "a\0b", "key: must not contain the character NUL"),
                    Arguments.of(type, "\uD800", "key: must not contain unpaired surrogates")));
  }

  @ParameterizedTest
  @MethodSource("badKeys")
  void badKey_isRefusedByName(String type, String key, String message) {
    assertThat(node.ask(type, "a", "error_of_get", key).toString())
        .startsWith("INVALID_MESSAGE " + message);
    assertThat(node.ask(type, "a", "error_of_put", key).toString())
        .startsWith("INVALID_MESSAGE " + message);
  }

  @Test
  void valueThatIsTooLarge_isRefused() {
    assertThat(node.ask("durable", "a", "error_of_large", null).toString())
        .startsWith("RESOURCE_EXHAUSTED value:");
  }

  @Test
  void getThenPut_ofManyActorsAtOnce_losesNoUpdate() {
    store.writeLater();
    int actors = 100;
    List<CompletableFuture<Object>> replies = new ArrayList<>();
    for (int i = 0; i < actors; i++) {
      replies.add(node.asking("durable", "a" + i, "get_put", null));
    }
    replies.forEach(Node::await);
    assertThat(stored("sum")).isEqualTo("" + actors);
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  @Test
  void getThenPut_behindACommitPoint_runsOnlyThatPartAgain() {
    store.writeLater();
    int actors = 30;
    List<CompletableFuture<Object>> replies = new ArrayList<>();
    for (int i = 0; i < actors; i++) {
      replies.add(node.asking("durable", "a" + i, "get_put_after_an_increment", null));
    }
    replies.forEach(Node::await);
    assertThat(stored("sum")).isEqualTo("" + actors);
    assertThat(stored("started")).as("the commit point is not run again").isEqualTo("" + actors);
    for (int i = 0; i < actors; i++) {
      assertThat(node.ask("durable", "a" + i, "field", "sum")).isEqualTo(1L);
    }
  }

  @Test
  void getThenPut_ofMessagesWithARow_usesUpNoDelivery() {
    store.writeLater();
    int actors = 50;
    for (int i = 0; i < actors; i++) {
      node.telling("durable", "a" + i, "get_put", null);
    }
    Node.eventually(() -> stored("sum").equals("" + actors));
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).isEmpty();
  }

  @Test
  void stop_ofAVolatileActor_standsFromItsCommitPointOn_evenIfTheRestIsRefused() {
    assertThat(node.askFails("volatile", "a", "stop_increment_put", null).code())
        .isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(stored("n")).isEqualTo("1");
    assertThat(stored("k")).isEqualTo("absent");
    Node.eventually(() -> node.state("volatile", "a").isEmpty());
  }

  @Test
  void getThenPut_ofAVolatileActor_isRefusedWhenSomebodyElseWrote() {
    node.ask("volatile", "a", "get", "k");
    node.ask("volatile", "b", "get", "k");
    store.hold();
    CompletableFuture<Object> one = node.asking("volatile", "a", "get_put", null);
    CompletableFuture<Object> two = node.asking("volatile", "b", "get_put", null);
    Node.eventually(() -> store.held() == 2);
    store.releaseAll();
    List<CompletableFuture<Object>> both = List.of(one, two);
    Node.eventually(() -> both.stream().allMatch(CompletableFuture::isDone));
    assertThat(both.stream().filter(CompletableFuture::isCompletedExceptionally)).hasSize(1);
    CompletableFuture<Object> loser = one.isCompletedExceptionally() ? one : two;
    assertThat(Node.failure(loser).code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(stored("sum")).isEqualTo("1");
  }

  static Stream<Arguments> crashPoints() {
    return IntStream.rangeClosed(1, 6)
        .boxed()
        .flatMap(n -> Stream.of(Arguments.of(n, true), Arguments.of(n, false)));
  }

  @ParameterizedTest(name = "after {0} commits, heard of: {1}")
  @MethodSource("crashPoints")
  void turnWithKeys_crashAtEveryCommit_isResumedOnWhatItRead_andEachOperationHappensOnce(
      int commits, boolean heardOf) {
    store.crashAfter(commits, heardOf);
    CompletableFuture<Boolean> told = node.telling("durable", "a", "all_kinds", null);
    // Init, the message, two conditional operations, the end.
    if (commits <= 5) {
      Node.await(store.crash);
    } else {
      Node.eventually(() -> store.actorsWithWork().isEmpty());
    }
    boolean accepted = told.isDone();
    restart();
    Node.eventually(() -> store.actorsWithWork().isEmpty());
    if (!accepted && stored("n").equals("absent")) {
      return;
    }
    assertThat(stored("n")).isEqualTo("5");
    assertThat(stored("seen")).isEqualTo("0");
    assertThat(stored("mine")).isEqualTo("\"me\"");
    assertThat(stored("end")).isEqualTo("5");
    assertThat(node.ask("durable", "a", "field", "sum")).isEqualTo(6L);
    assertThat(node.ask("durable", "a", "field", "won")).isEqualTo(5L);
    assertThat(node.ask("durable", "a", "field", "lost")).isEqualTo(0L);
  }

  @Test
  void tenants_doNotSeeEachOthersKeys() {
    node.ask("durable", "a", "put_and_get", "mine");
    assertThat(
            store.kvGet(new dev.plexspaces.kernel.identity.Scope("other", "prod"), "k").isPresent())
        .isFalse();
  }
}
