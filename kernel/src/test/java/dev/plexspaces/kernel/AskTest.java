package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.GenEvent;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import dev.plexspaces.sdk.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class AskTest {

  private static final String VIRTUAL = FacetCatalog.VIRTUAL_ACTOR;
  private static final Duration HOUR = Duration.ofHours(1);

  private final CountDownLatch gate = new CountDownLatch(1);
  private final BlockingQueue<String> entered = new LinkedBlockingQueue<>();
  private Node node;

  @AfterEach
  void close() {
    gate.countDown();
    if (node != null) {
      node.close();
    }
  }

  private TestType callee() {
    return TestType.of(
        "callee",
        () ->
            Script.of("echo", (c, m) -> m.payload())
                .on(
                    "hold",
                    (c, m) -> {
                      entered.add("hold");
                      Node.await(gate);
                      return "late";
                    })
                .on(
                    "crash",
                    (c, m) -> {
                      throw new IllegalStateException("on purpose");
                    })
                .on(
                    "refuse",
                    (c, m) -> {
                      throw ActorException.invalid("amount", "must be positive");
                    })
                .on("sender", (c, m) -> c.sender().map(Object::toString).orElse("nobody")),
        VIRTUAL);
  }

  /// Asks the callee for what the payload says and returns the code of the error it meets.
  private static TestType caller() {
    return TestType.of(
        "caller",
        () ->
            Script.of(
                    "ask",
                    (c, m) -> {
                      try {
                        return c.ask(c.actor("callee", "x"), (String) m.payload(), 5, HOUR);
                      } catch (PlexException e) {
                        return e.code() + ": " + e.getMessage();
                      }
                    })
                .on(
                    "ask_briefly",
                    (c, m) -> {
                      try {
                        return c.ask(
                            c.actor("callee", "x"), (String) m.payload(), 5, Duration.ofSeconds(1));
                      } catch (PlexException e) {
                        return e.code() + ": " + e.getMessage();
                      }
                    })
                .on("ask_through", (c, m) -> c.ask(c.actor("callee", "x"), "refuse", 5, HOUR))
                .on(
                    "ask_unknown",
                    (c, m) -> {
                      try {
                        return c.ask(c.actor("nobody", "x"), "echo", 5, HOUR);
                      } catch (PlexException e) {
                        return e.code().name();
                      }
                    })
                .on(
                    "ask_zero",
                    (c, m) -> {
                      try {
                        return c.ask(c.actor("callee", "x"), "echo", 5, Duration.ZERO);
                      } catch (PlexException e) {
                        return e.code().name();
                      }
                    })
                .on(
                    "ask_typed",
                    (c, m) ->
                        c.ask(c.actor("callee", "x"), "echo", Map.of("n", 3L), HOUR, Pair.class))
                .on("ping", (c, m) -> "pong"),
        VIRTUAL);
  }

  record Pair(long n) {}

  @Test
  void ask_isAnsweredByTheCallee() {
    node = Node.start().offer(callee(), caller());
    assertThat(node.ask("caller", "c", "ask", "echo")).isEqualTo(5);
    assertThat(node.ask("caller", "c", "ask", "sender")).isEqualTo("caller/c");
    assertThat(node.ask("callee", "x", "sender")).isEqualTo("nobody");
    assertThat(node.ask("caller", "c", "ask_typed")).isEqualTo(new Pair(3));
  }

  @Test
  void ask_ofAnActorThatCrashes_isToldSoAndGoesOn() {
    node = Node.start().offer(callee(), caller());
    assertThat(node.ask("caller", "c", "ask", "crash").toString())
        .isEqualTo("ACTOR_CRASHED: callee/x crashed while processing 'crash'");
    assertThat(node.ask("caller", "c", "ask", "echo")).isEqualTo(5);
  }

  @Test
  void ask_ofAnActorThatRefuses_getsItsCode_andPassesItOnWhenNotCaught() {
    node = Node.start().offer(callee(), caller());
    assertThat(node.ask("caller", "c", "ask", "refuse").toString())
        .isEqualTo("INVALID_MESSAGE: amount: must be positive");
    PlexException passed = node.askFails("caller", "c", "ask_through", null);
    assertThat(passed.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(passed.violations())
        .containsExactly(new PlexException.FieldViolation("amount", "must be positive"));
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  @Test
  void ask_ofAnUnknownType_orWithABadTimeout_isRefusedAtTheCall() {
    node = Node.start().offer(callee(), caller());
    assertThat(node.ask("caller", "c", "ask_unknown")).isEqualTo("ACTOR_NOT_FOUND");
    assertThat(node.ask("caller", "c", "ask_zero")).isEqualTo("INVALID_MESSAGE");
  }

  @Test
  void ask_withoutAReplyInTime_timesOut_andTheLateReplyIsDropped() {
    node = Node.withManualTime().offer(callee(), caller());
    CompletableFuture<Object> asking = node.asking("caller", "c", "ask_briefly", "hold");
    Node.take(entered);
    // The deadline is handed to the wheel when the caller blocks.
    Node.eventually(
        () -> {
          node.advance(Duration.ofMillis(600));
          return asking.isDone();
        });
    assertThat(Node.await(asking).toString())
        .isEqualTo("TIMEOUT: no reply from callee/x to 'hold' in time");
    gate.countDown();
    assertThat(node.ask("caller", "c", "ask", "echo"))
        .as("the next reply, not the late one")
        .isEqualTo(5);
  }

  @Test
  void outsideAsk_withoutAReplyInTime_timesOutOnce() {
    node = Node.withManualTime().offer(callee());
    CompletableFuture<Object> asking =
        node.asking(
            Node.context(), "callee", "x", Node.request("hold", null, Duration.ofSeconds(1)));
    Node.take(entered);
    node.advance(Duration.ofSeconds(1));
    assertThat(Node.failure(asking).code()).isEqualTo(ErrorCode.TIMEOUT);
    gate.countDown();
    assertThat(node.ask("callee", "x", "echo", 1)).isEqualTo(1);
  }

  @Test
  void outsideAsk_withABadTimeout_isRefused() {
    node = Node.start().offer(callee());
    assertThat(
            Node.failure(
                    node.asking(
                        Node.context(), "callee", "x", Node.request("echo", null, Duration.ZERO)))
                .code())
        .isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(
            Node.await(
                node.asking(
                    Node.context(),
                    "callee",
                    "x",
                    Node.request("echo", 1, Duration.ofSeconds(Long.MAX_VALUE)))))
        .isEqualTo(1);
  }

  @Test
  void ask_afterTheRequestsDeadline_timesOutAtOnce() {
    node = Node.withManualTime().offer(callee(), caller());
    assertThat(
            Node.await(
                    node.asking(
                        Node.context(
                            "bob", "r", Optional.of(node.system.clock().instant().minusMillis(1))),
                        "caller",
                        "c",
                        Node.request("ask", "hold", Node.BOUND)))
                .toString())
        .startsWith("TIMEOUT");
    assertThat(entered).isEmpty();
  }

  @Test
  void listenerThatThrows_isNoCrashOfTheActor() {
    node = Node.start().offer(callee());
    node.system.ask(
        Node.context(),
        Node.to("callee", "x"),
        Node.request("echo", 1, Node.BOUND),
        new Invoker.ReplyListener() {
          @Override
          public void replied(dev.plexspaces.kernel.identity.ActorId by, Object value) {
            throw new IllegalStateException("a bad listener");
          }

          @Override
          public void failed(PlexException error) {
            throw new IllegalStateException("a bad listener");
          }
        });
    assertThat(node.ask("callee", "x", "echo", 2)).isEqualTo(2);
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  // ---- cycles

  /// Asks the next in the payload's list, which asks the one after it, and so on.
  private static TestType chain() {
    return TestType.of(
        "chain",
        () ->
            Script.of(
                    "go",
                    (c, m) -> {
                      List<?> way = (List<?>) m.payload();
                      if (way.isEmpty()) {
                        return "end";
                      }
                      try {
                        return c.self().key()
                            + ">"
                            + c.ask(
                                c.actor("chain", (String) way.getFirst()),
                                "go",
                                way.subList(1, way.size()),
                                HOUR);
                      } catch (PlexException e) {
                        return c.self().key() + ">" + e.code();
                      }
                    })
                .on("ping", (c, m) -> "pong"),
        VIRTUAL);
  }

  @Test
  void askThatClosesACycle_isRefusedAtOnce() {
    node = Node.withManualTime().offer(chain());
    assertThat(node.ask("chain", "a", "go", List.of("a"))).isEqualTo("a>DEADLOCK");
    assertThat(node.ask("chain", "a", "go", List.of("b", "a"))).isEqualTo("a>b>DEADLOCK");
    assertThat(node.ask("chain", "a", "go", List.of("b", "c", "a"))).isEqualTo("a>b>c>DEADLOCK");
    assertThat(node.ask("chain", "a", "go", List.of("b", "c", "b"))).isEqualTo("a>b>c>DEADLOCK");
    assertThat(node.ask("chain", "a", "go", List.of("b", "c", "d"))).isEqualTo("a>b>c>end");
  }

  /// Each asks the next one at the same moment: one and only one is refused, and the others are
  /// answered.
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5})
  void crossingAsks_exactlyOneIsRefused(int count) {
    CyclicBarrier[] barrier = {new CyclicBarrier(count)};
    TestType type =
        TestType.of(
            "ring",
            () ->
                Script.of(
                        "go",
                        (c, m) -> {
                          int me = Integer.parseInt(c.self().key());
                          barrier[0].await(30, TimeUnit.SECONDS);
                          try {
                            return c.ask(
                                c.actor("ring", "" + (me + 1) % count), "answer", null, HOUR);
                          } catch (PlexException e) {
                            return e.code().name();
                          }
                        })
                    .on("answer", (c, m) -> "answer"),
            VIRTUAL);
    node = Node.withManualTime().offer(type);
    for (int round = 0; round < 200; round++) {
      List<CompletableFuture<Object>> asking = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        asking.add(node.asking("ring", "" + i, "go", null));
      }
      List<Object> outcomes = asking.stream().map(Node::await).toList();
      assertThat(outcomes).filteredOn("DEADLOCK"::equals).hasSize(1);
      assertThat(outcomes).filteredOn("answer"::equals).hasSize(count - 1);
    }
  }

  private ReplyTo.Blocking wait(ActorCell caller, ActorCell holder) {
    ReplyTo.Blocking wait =
        new ReplyTo.Blocking(Long.MAX_VALUE, caller, holder, holder.context().address(), "go");
    caller.waitingFor = wait;
    return wait;
  }

  /// What a crossing looks like when all have entered their wait before the first one checks.
  @Test
  void crossingAsks_thatAllSeeTheCycle_onlyTheFirstGivesWay() {
    node = Node.withManualTime().offer(callee());
    for (String key : List.of("a", "b", "c", "d")) {
      node.ask("callee", key, "echo");
    }
    List<ActorCell> cells =
        List.of("a", "b", "c", "d").stream()
            .map(k -> node.system.live(new Address(node.system.scope(Node.SCOPE), "callee", k)))
            .toList();
    ReplyTo.Blocking first = wait(cells.get(0), cells.get(1));
    ReplyTo.Blocking second = wait(cells.get(1), cells.get(2));
    ReplyTo.Blocking third = wait(cells.get(2), cells.get(0));
    // Leads into the cycle without being part of it: checked without end if nobody saw that.
    ReplyTo.Blocking outsider = wait(cells.get(3), cells.get(0));
    assertThat(node.system.asks().refusedAsCycle(outsider)).isFalse();
    assertThat(node.system.asks().refusedAsCycle(second)).isTrue();
    assertThat(node.system.asks().refusedAsCycle(first)).isFalse();
    assertThat(node.system.asks().refusedAsCycle(third)).isFalse();
    cells.forEach(cell -> cell.waitingFor = null);
  }

  /// The reply is there but its receiver has not woken up yet: that is no wait any more.
  @Test
  void calleeThatAnswered_andThenAsksItsCaller_isNotRefused() {
    TestType type =
        TestType.of(
            "pair",
            () ->
                Script.of("start", (c, m) -> c.ask(c.actor("pair", "b"), "answer", null, HOUR))
                    .on(
                        "answer",
                        (c, m) -> {
                          c.tell(c.self(), "ask_back", null);
                          return "answered";
                        })
                    .on(
                        "ask_back",
                        (c, m) -> {
                          try {
                            entered.add((String) c.ask(c.actor("pair", "a"), "ping", null, HOUR));
                          } catch (PlexException e) {
                            entered.add(e.code().name());
                          }
                          return null;
                        })
                    .on("ping", (c, m) -> "pong"),
            VIRTUAL);
    node = Node.withManualTime().offer(type);
    for (int i = 0; i < 2_000; i++) {
      assertThat(node.ask("pair", "a", "start")).isEqualTo("answered");
      assertThat(Node.take(entered)).isEqualTo("pong");
    }
  }

  @Test
  void forwardedCall_thatWouldCloseACycle_isRefusedAtOnce() {
    TestType self =
        TestType.of(
            "loop",
            () ->
                Script.of(
                        "start",
                        (c, m) -> {
                          try {
                            return c.ask(c.actor("loop", "b"), "pass", null, HOUR);
                          } catch (PlexException e) {
                            return e.code().name();
                          }
                        })
                    .on(
                        "pass",
                        (c, m) -> {
                          // Straight back to the one who waits.
                          c.forward(c.actor("loop", "a"));
                          return Reply.LATER;
                        }),
            VIRTUAL);
    TestType third =
        TestType.of(
            "third",
            () ->
                Script.of(
                        "start",
                        (c, m) -> {
                          try {
                            return c.ask(c.actor("third", "b"), "pass", null, HOUR);
                          } catch (PlexException e) {
                            return e.code().name();
                          }
                        })
                    .on(
                        "pass",
                        (c, m) -> {
                          if (c.self().key().equals("b")) {
                            c.forward(c.actor("third", "c"));
                            return Reply.LATER;
                          }
                          try {
                            return "c:" + c.ask(c.actor("third", "a"), "ping", null, HOUR);
                          } catch (PlexException e) {
                            return "c:" + e.code();
                          }
                        }),
            VIRTUAL);
    node = Node.withManualTime().offer(self, third);
    assertThat(node.ask("loop", "a", "start")).isEqualTo("DEADLOCK");
    assertThat(node.ask("third", "a", "start")).isEqualTo("c:DEADLOCK");
  }

  // ---- other ways

  @Test
  void nestedAsks_eachIsAnswered() {
    TestType type =
        TestType.of(
            "sum",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      int n = (Integer) m.payload();
                      return n == 0
                          ? 0
                          : n + (Integer) c.ask(c.actor("sum", "" + (n - 1)), "go", n - 1, HOUR);
                    }),
            VIRTUAL);
    node = Node.start().offer(type);
    assertThat(node.ask("sum", "100", "go", 100)).isEqualTo(5_050);
    // Once more after the types are trusted to run on their caller's thread.
    for (int i = 0; i < 30; i++) {
      assertThat(node.ask("sum", "60", "go", 60)).isEqualTo(1_830);
    }
  }

  @Test
  void askFromInit_works_andTheActorStartsAfterIt() {
    TestType type =
        TestType.of(
            "needy",
            () -> {
              Object[] got = new Object[1];
              return Script.of("get", (c, m) -> got[0])
                  .init(c -> got[0] = c.ask(c.actor("callee", "x"), "echo", "hello", HOUR));
            },
            VIRTUAL);
    node = Node.start().offer(callee(), type);
    assertThat(node.ask("needy", "n", "get")).isEqualTo("hello");
  }

  @Test
  void forward_theOtherRepliesInItsPlace_andSeesTheOriginalSender() {
    TestType relay =
        TestType.of(
            "relay",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      c.forward(c.actor("callee", "x"));
                      return Reply.LATER;
                    }),
            VIRTUAL);
    TestType asker =
        TestType.of(
            "asker",
            () -> Script.of("*", (c, m) -> c.ask(c.actor("relay", "r"), "sender", null, HOUR)),
            VIRTUAL);
    node = Node.start().offer(callee(), relay, asker);
    assertThat(node.ask("asker", "a", "go")).isEqualTo("asker/a");
    assertThat(node.ask("relay", "r", "echo", 9)).isEqualTo(9);
    assertThat(node.askFails("relay", "r", "crash", null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
  }

  @GenEvent(facets = "virtual_actor")
  @SuppressWarnings("unused")
  static class Audit {
    @State private long events;

    @Handler(value = "log_event", cast = true)
    void logEvent() {
      events++;
    }

    @Handler("get_stats")
    Map<String, Object> getStats() {
      return Map.of("status", "ok", "event_count", events);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void genEvent_takesEventsAndAnswersQuestions(boolean durable) {
    TestType auditor =
        TestType.of(
            "auditor",
            () ->
                Script.of(
                    "go",
                    (c, m) -> {
                      c.tell(c.actor("audit", "a"), "log_event", null);
                      return c.ask(c.actor("audit", "a"), "get_stats", null, HOUR);
                    }),
            VIRTUAL);
    ApplicationUnit.Offer audit =
        new ApplicationUnit.Offer(
            AnnotatedActors.bind(Audit.class),
            durable ? List.of(FacetSpec.of(FacetCatalog.DURABILITY)) : List.of());
    node = Node.start().offer(Map.of(), audit, new ApplicationUnit.Offer(auditor, List.of()));
    assertThat(node.tell("audit", "a", "log_event", null)).isEqualTo(durable);
    assertThat(node.ask("audit", "a", "log_event")).as("a cast").isNull();
    assertThat(node.ask("auditor", "x", "go")).isEqualTo(Map.of("status", "ok", "event_count", 3L));
    assertThat(node.ask("audit", "a", "get_stats"))
        .isEqualTo(Map.of("status", "ok", "event_count", 3L));
  }

  record Amount(long amount) {}

  @GenServer(facets = FacetCatalog.VIRTUAL_ACTOR)
  static class Telling {
    @Handler({"in", "out"})
    String move(Amount amount, Message message) {
      return message.type() + " " + amount.amount();
    }

    @Handler("crash")
    void crash() {
      throw new IllegalStateException("on purpose");
    }

    @Handler("*")
    String other(Message message) {
      return "other " + message.type();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "in  |                               | amount=1 | in 1",
        "''  | op=out                        | amount=1 | out 1",
        "''  | action=out                    | amount=1 | out 1",
        "out | op=out                        | amount=1 | out 1",
        "''  | op=zork                       |          | other zork",
        "''  |                               |          | other ''",
      })
  void operation_thatThePayloadNames_isThatOfTheMessage(
      String type, String named, String amount, String reply) {
    node = offering(Telling.class);
    Map<String, Object> payload = new HashMap<>();
    if (named != null) {
      payload.put(named.split("=")[0], named.split("=")[1]);
    }
    if (amount != null) {
      payload.put("amount", 1L);
    }
    assertThat(node.ask("telling", "x", type, payload)).isEqualTo(reply.replace("''", ""));
  }

  @Test
  void operation_besideAnOpThatIsNoName_isInTheMessageWhatSelectsTheHandler() {
    node = offering(Telling.class);
    for (Object op : List.of(5L, "")) {
      assertThat(node.ask("telling", "x", "", Map.of("op", op, "action", "zork")))
          .isEqualTo("other zork");
    }
  }

  @Test
  void operation_thatThePayloadNames_isInTheErrorAndInTheDeadLetter() {
    node = offering(Telling.class);
    assertThat(node.askFails("telling", "x", "", Map.of("op", "crash")))
        .hasMessageContaining("crashed while processing 'crash'");
    Envelope lost =
        new Envelope(Message.Kind.CAST, "", Map.of("action", "gone"), null, Node.context(), null);
    node.system
        .deadLetters()
        .add(
            lost,
            new Address(node.system.scope(Node.SCOPE), "telling", "y"),
            DeadLetters.Reason.NO_ACTOR);
    assertThat(node.system.deadLetters().latest())
        .extracting(DeadLetters.DeadLetter::operation)
        .containsExactly("gone");
  }

  private static Node offering(Class<?> actor) {
    return Node.start()
        .offer(Map.of(), new ApplicationUnit.Offer(AnnotatedActors.bind(actor), List.of()));
  }

  @Test
  void context_usedOutsideOfItsTurn_isRefused() {
    java.util.concurrent.atomic.AtomicReference<dev.plexspaces.sdk.ActorContext> leaked =
        new java.util.concurrent.atomic.AtomicReference<>();
    TestType type =
        TestType.of(
            "leak",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      leaked.set(c);
                      return null;
                    }),
            VIRTUAL);
    node = Node.start().offer(type);
    node.ask("leak", "l", "go");
    org.assertj.core.api.Assertions.assertThatThrownBy(() -> leaked.get().now())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("leak/l");
  }
}
