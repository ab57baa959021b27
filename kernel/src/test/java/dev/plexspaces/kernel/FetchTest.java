package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.Node.ManualClock;
import dev.plexspaces.kernel.ServiceLinks.Answer;
import dev.plexspaces.kernel.ServiceLinks.Call;
import dev.plexspaces.kernel.ServiceLinks.Listener;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Calls to the outside as commit points.
@Timeout(180)
class FetchTest {

  /// A call that left a node, to be answered by the test.
  private record Made(Call call, Listener listener) {
    String path() {
      return call.request().path();
    }

    void answer(int status, String type, String body) {
      listener.answered(
          new Answer(status, Map.of("content-type", type), body.getBytes(StandardCharsets.UTF_8)));
    }

    void answer(String json) {
      answer(200, "application/json", json);
    }

    void fail(ErrorCode code) {
      listener.failed(new PlexException(code, "service link 'out': on purpose"));
    }
  }

  private static final String KEY_OF_FIRST_TURN = "acme/test/caller/a/1.1/1/";

  private final ManualClock clock = new ManualClock();
  private final BlockingQueue<Made> made = new LinkedBlockingQueue<>();
  private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private final List<Node> nodes = new ArrayList<>();
  private FaultyStore store = new FaultyStore(new InMemoryStore(clock));
  private Node node;

  private void start(TestType... types) {
    node = Node.withManualTime(store, clock);
    nodes.add(node);
    ApplicationUnit unit =
        Node.unit("app", Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 3), types);
    node.install(
        new ApplicationUnit(
            unit.id(),
            unit.version(),
            unit.visibleTo(),
            unit.home(),
            unit.types(),
            unit.facets(),
            unit.supervisor(),
            (call, listener) -> made.add(new Made(call, listener))));
  }

  /// The process dies and is started again; `types` may be newer code.
  private void restart(TestType... types) {
    node.abandon();
    store = store.afterCrash();
    start(types);
  }

  @AfterEach
  void close() {
    store.releaseAll();
    nodes.forEach(Node::abandon);
  }

  private void quiet() {
    Node.eventually(() -> store.actorsWithWork().isEmpty());
  }

  private static TestType caller(DurableScript.Step go) {
    return DurableScript.type(
        "caller",
        () -> DurableScript.of("go", go).on("get", (c, m, s) -> new java.util.TreeMap<>(s)));
  }

  private static TestType volatileCaller(Script.Step go) {
    return TestType.of("caller", () -> Script.of("go", go), FacetCatalog.VIRTUAL_ACTOR);
  }

  private static LinkResponse get(ActorContext c, String path) {
    return c.fetch(LinkRequest.get("out", path));
  }

  private Object state() {
    return node.ask("caller", "a", "get");
  }

  // ---- volatile actors

  @Test
  void volatileActor_sendsWhatItBuffered_thenCalls_andGetsTheAnswer() {
    start(
        volatileCaller(
            (c, m) -> {
              c.tell(c.actor("other", "x"), "note", 1);
              return get(c, "/a");
            }),
        TestType.of(
            "other",
            () -> Script.of("note", (c, m) -> seen.add(m.payload())),
            FacetCatalog.VIRTUAL_ACTOR));
    CompletableFuture<Object> reply = node.asking("caller", "a", "go", null);
    Made call = Node.take(made);
    assertThat(Node.take(seen)).as("left before the answer came").isEqualTo(1);
    assertThat(call.call().idempotencyKey()).matches("acme/test/caller/a/[0-9a-f]+");
    assertThat(call.call().traceParent()).isEqualTo("00-trace-span-01");
    call.answer(404, "text/plain", "nobody");
    assertThat(Node.await(reply))
        .isEqualTo(new LinkResponse(404, Map.of("content-type", "text/plain"), "nobody"));
  }

  @Test
  void otherActors_runWhileOneWaits() {
    node = Node.withParallelism(1);
    nodes.add(node);
    ApplicationUnit unit =
        Node.unit(
            "app",
            Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 3),
            TestType.of(
                "caller",
                () -> Script.of("go", (c, m) -> get(c, "/a").body()).on("hi", (c, m) -> "hi"),
                FacetCatalog.VIRTUAL_ACTOR));
    node.install(
        new ApplicationUnit(
            "app",
            "1",
            Optional.empty(),
            Node.SCOPE,
            unit.types(),
            Map.of(),
            unit.supervisor(),
            (call, listener) -> made.add(new Made(call, listener))));
    CompletableFuture<Object> waiting = node.asking("caller", "a", "go", null);
    Made call = Node.take(made);
    assertThat(node.ask("caller", "b", "hi")).isEqualTo("hi");
    call.answer("7");
    assertThat(Node.await(waiting)).isEqualTo(7L);
  }

  @Test
  void applicationWithoutLinks_isToldSo() {
    node = Node.start();
    nodes.add(node);
    node.offer(volatileCaller((c, m) -> failure(() -> get(c, "/a"))));
    assertThat(node.ask("caller", "a", "go"))
        .isEqualTo(
            "NOT_FOUND service link 'out' is not declared by this application; it declares none");
  }

  private static String failure(Supplier<?> call) {
    try {
      return "no failure but " + call.get();
    } catch (PlexException e) {
      return e.code() + " " + e.getMessage();
    }
  }

  @Test
  void deadlineOfTheRequest_boundsTheCall_andOnePastIsNotMade() {
    start(volatileCaller((c, m) -> failure(() -> get(c, "/a"))));
    CompletableFuture<Object> reply =
        node.asking(
            Node.context("u", "r", Optional.of(clock.instant().plusSeconds(3))),
            "caller",
            "a",
            Node.request("go", null, CellContext.ASK_MAX));
    assertThat(Node.take(made).call().timeout()).isEqualTo(Duration.ofSeconds(3));
    // The link never says anything; the kernel's own limit comes a moment later.
    // Again and again, since the wait may begin after the test saw the call.
    Node.eventually(
        () -> {
          node.advance(Duration.ofSeconds(5));
          return reply.isDone();
        });
    assertThat(Node.await(reply)).isEqualTo("TIMEOUT service link 'out': no answer in time");

    assertThat(
            Node.await(
                node.asking(
                    Node.context("u", "r", Optional.of(clock.instant().minusSeconds(3))),
                    "caller",
                    "a",
                    Node.request("go", null, CellContext.ASK_MAX))))
        .isEqualTo("TIMEOUT service link 'out': no answer in time");
    assertThat(made).isEmpty();
  }

  @Test
  void actorThatIsKilled_waitsNoLonger() {
    start(volatileCaller((c, m) -> seen.add(failure(() -> get(c, "/a")))));
    CompletableFuture<Object> reply = node.asking("caller", "a", "go", null);
    Node.take(made);
    CompletableFuture<Void> gone = node.system.uninstall("app");
    assertThat(seen).isEmpty();
    // Its time to stop in order is over; the call's own is not.
    Node.eventually(
        () -> {
          node.advance(ChildSpec.SHUTDOWN_TIMEOUT.plusSeconds(1));
          return gone.isDone();
        });
    assertThat((String) Node.take(seen)).startsWith("UNAVAILABLE caller/a was killed");
    assertThat(Node.failure(reply).code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
  }

  @Test
  void bodies_travelAsWhatTheyAre() {
    start(
        volatileCaller(
            (c, m) -> {
              Object body =
                  switch ((String) m.payload()) {
                    case "json" -> Map.of("a", List.of(1, 2));
                    case "text" -> "grüezi";
                    case "bytes" -> new byte[] {0, -1};
                    default -> new byte[LinkRequest.BODY_BYTES_MAX + 1];
                  };
              return failure(() -> c.fetch(LinkRequest.post("out", "/p", body)).body());
            }));
    List<String> types =
        List.of("application/json", "text/plain; charset=utf-8", "application/octet-stream");
    List<byte[]> sent = new ArrayList<>();
    for (String kind : List.of("json", "text", "bytes")) {
      CompletableFuture<Object> reply = node.asking("caller", "a", "go", kind);
      Made call = Node.take(made);
      sent.add((byte[]) call.call().request().body());
      assertThat(call.call().request().headers())
          .isEqualTo(Map.of("content-type", types.get(sent.size() - 1)));
      call.answer("{\"ok\":true}");
      assertThat(Node.await(reply)).isEqualTo("no failure but {ok=true}");
    }
    assertThat(new String(sent.get(0), StandardCharsets.UTF_8)).isEqualTo("{\"a\":[1,2]}");
    assertThat(new String(sent.get(1), StandardCharsets.UTF_8)).isEqualTo("grüezi");
    assertThat(sent.get(2)).containsExactly(0, -1);
    assertThat((String) node.ask("caller", "a", "go", "large"))
        .startsWith("INVALID_MESSAGE body: must be at most 1048576 bytes; it has 1048577");
    assertThat(made).isEmpty();
  }

  @Test
  void keyOfAnActor_withAnyCharacters_isVisibleAscii() {
    assertThat(LinkCall.key(Node.id("caller", "a b/ü%\u00a0"), 1, 2, 3, 4))
        .isEqualTo("acme/test/caller/a%20b/%C3%BC%25%C2%A0/1.2/3/4");
  }

  // ---- durable actors

  /// Two calls with a change of state before, between and after.
  private TestType twoCalls() {
    return caller(
        (c, m, s) -> {
          add(s, "sum", 1);
          add(s, "sum", ((Number) get(c, "/first").body()).longValue());
          add(s, "sum", ((Number) get(c, "/second").body()).longValue());
          return number(s, "sum");
        });
  }

  @Test
  void call_leavesOnlyAfterItsIntentIsOnDisk() {
    start(twoCalls());
    state();
    store.hold();
    CompletableFuture<Object> reply = node.asking("caller", "a", "go", null);
    Node.eventually(() -> store.held() == 1);
    assertThat(made).isEmpty();
    store.releaseAll();
    Made first = Node.take(made);
    assertThat(first.call().idempotencyKey()).isEqualTo(KEY_OF_FIRST_TURN + "1");
    first.answer("10");
    Made second = Node.take(made);
    assertThat(second.call().idempotencyKey()).isEqualTo(KEY_OF_FIRST_TURN + "2");
    second.answer("100");
    assertThat(Node.await(reply)).isEqualTo(111L);
    node.asking("caller", "a", "go", null);
    assertThat(Node.take(made).call().idempotencyKey())
        .as("another turn, another key")
        .isEqualTo("acme/test/caller/a/1.1/2/1");
  }

  @Test
  void crashWhileACallIsUnderWay_callsAgainWithTheSameKey_andNothingElse() {
    start(twoCalls());
    state();
    node.tell("caller", "a", "go", null);
    Node.take(made).answer("10");
    String key = Node.take(made).call().idempotencyKey();
    assertThat(key).isEqualTo(KEY_OF_FIRST_TURN + "2");

    for (int crash = 0; crash < 3; crash++) {
      restart(twoCalls());
      Made again = Node.take(made);
      assertThat(again.path()).as("the finished step is replayed").isEqualTo("/second");
      assertThat(again.call().idempotencyKey()).isEqualTo(key);
      if (crash == 2) {
        again.answer("100");
      }
    }
    quiet();
    assertThat(state()).isEqualTo(Map.of("sum", 111L));
    restart(twoCalls());
    assertThat(state()).isEqualTo(Map.of("sum", 111L));
    assertThat(made).as("a finished turn is never run again").isEmpty();
  }

  @Test
  void replayedAnswer_isTheOneThatWasGiven_whateverItsBody() {
    List<Object> bodies = java.util.Collections.synchronizedList(new ArrayList<>());
    TestType type =
        caller(
            (c, m, s) -> {
              for (String path : List.of("/json", "/text", "/bytes", "/none", "/notjson")) {
                LinkResponse r = get(c, path);
                Object body = r.body() instanceof byte[] b ? Arrays.toString(b) : r.body();
                bodies.add(path + " " + r.status() + " " + r.headers() + " " + body);
              }
              get(c, "/last");
              return null;
            });
    start(type);
    state();
    node.tell("caller", "a", "go", null);
    Node.take(made).answer(201, "application/vnd.x+json", "{\"n\":1.50,\"l\":[null]}");
    Node.take(made).answer(200, "text/html; charset=utf-8", "<p>ü");
    Node.take(made).answer(200, "image/png", "png");
    Node.take(made).answer(204, "text/plain", "");
    Node.take(made).answer(200, "application/json", "{oops");
    Node.take(made);
    assertThat(bodies)
        .containsExactly(
            "/json 201 {content-type=application/vnd.x+json} {n=1.50, l=[null]}",
            "/text 200 {content-type=text/html; charset=utf-8} <p>ü",
            "/bytes 200 {content-type=image/png} [112, 110, 103]",
            "/none 204 {content-type=text/plain} null",
            "/notjson 200 {content-type=application/json} {oops");
    List<Object> before = List.copyOf(bodies);
    bodies.clear();
    restart(type);
    assertThat(Node.take(made).path()).isEqualTo("/last");
    assertThat(bodies).isEqualTo(before);
  }

  @Test
  void failureThatEscapes_isNotRecorded_theNextDeliveryCallsAgainWithTheSameKey() {
    start(twoCalls());
    state();
    node.tell("caller", "a", "go", null);
    Node.take(made).fail(ErrorCode.UNAVAILABLE);
    Made again = takeLater();
    assertThat(again.path()).isEqualTo("/first");
    assertThat(again.call().idempotencyKey()).isEqualTo(KEY_OF_FIRST_TURN + "1");
    again.answer("10");
    Node.take(made).answer("100");
    quiet();
    assertThat(state()).isEqualTo(Map.of("sum", 111L));
    assertThat(made).isEmpty();
  }

  @Test
  void failureThatEscapesEachTime_endsInTheDeadLetters() {
    start(twoCalls());
    state();
    node.tell("caller", "a", "go", null);
    for (int i = 0; i < Deliveries.EXCUSED_MAX; i++) {
      takeLater().fail(ErrorCode.TIMEOUT);
    }
    quiet();
    assertThat(made).isEmpty();
    assertThat(state()).as("the committed segment stands").isEqualTo(Map.of("sum", 1L));
    assertThat(store.deadLetters(Node.SCOPE, 0, 10))
        .singleElement()
        .satisfies(
            row ->
                assertThat(row.reason())
                    .startsWith("delivered 120 times (120 of them met a timeout or an outage), "));
    assertThat(node.system.metrics().types()).allMatch(type -> type.crashes() == 0);
    assertThat(node.system.quarantine().list()).isEmpty();
  }

  /// The next call, made after a pause.
  private Made takeLater() {
    node.eventually(Duration.ofSeconds(10), () -> !made.isEmpty());
    return Node.take(made);
  }

  @Test
  void failureThatTheHandlerCatches_isRecorded_andAReplayTakesTheSamePath() {
    TestType type =
        caller(
            (c, m, s) -> {
              s.put("first", failure(() -> get(c, "/first")));
              return get(c, "/fallback").body();
            });
    start(type);
    state();
    CompletableFuture<Boolean> told = node.telling("caller", "a", "go", null);
    Node.take(made).fail(ErrorCode.UNAVAILABLE);
    assertThat(Node.take(made).path()).isEqualTo("/fallback");
    assertThat(told).isCompleted();
    restart(type);
    Made again = Node.take(made);
    assertThat(again.path()).as("the refused one is not called again").isEqualTo("/fallback");
    again.answer("1");
    quiet();
    assertThat(state()).isEqualTo(Map.of("first", "UNAVAILABLE service link 'out': on purpose"));
  }

  @Test
  void replayThatCallsSomethingElse_isAJournalMismatch() {
    start(caller((c, m, s) -> get(c, "/first").body()));
    state();
    node.tell("caller", "a", "go", null);
    Node.take(made);
    restart(caller((c, m, s) -> get(c, "/other").body()));
    PlexException mismatch = node.askFails("caller", "a", "get", null);
    assertThat(mismatch.code()).isEqualTo(ErrorCode.JOURNAL_MISMATCH);
    assertThat(mismatch)
        .hasMessageContaining(
            "expected 'http_fetch out GET /first', got 'http_fetch out GET /other'");
    assertThat(made).isEmpty();
  }

  @Test
  void replayWithAnotherBody_isAJournalMismatch_theOrderOfFieldsIsNoDifference() {
    start(caller((c, m, s) -> post(c, "{\"a\":1,\"b\":2}")));
    state();
    node.tell("caller", "a", "go", null);
    Node.take(made);
    restart(caller((c, m, s) -> post(c, "{\"b\":2,\"a\":1}")));
    Node.take(made);
    restart(caller((c, m, s) -> post(c, "{\"b\":2,\"a\":3}")));
    assertThat(node.askFails("caller", "a", "get", null))
        .hasMessageContaining("the payload differs");
    assertThat(made).isEmpty();
  }

  private static Object post(ActorContext c, String json) {
    return c.fetch(LinkRequest.post("out", "/p", dev.plexspaces.kernel.json.Json.parse(json)))
        .body();
  }

  @Test
  void call_whileActivated_isRefused() {
    ConcurrentLinkedQueue<String> told = new ConcurrentLinkedQueue<>();
    start(
        DurableScript.type(
            "caller",
            () ->
                DurableScript.of("get", (c, m, s) -> 1)
                    .activate((c, s) -> told.add(failure(() -> get(c, "/a"))))));
    node.ask("caller", "a", "get");
    assertThat(told).singleElement().asString().startsWith("FAILED_PRECONDITION");
    assertThat(made).isEmpty();
  }
}
