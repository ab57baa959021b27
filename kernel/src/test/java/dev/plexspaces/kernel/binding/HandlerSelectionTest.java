package dev.plexspaces.kernel.binding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.GenEvent;
import dev.plexspaces.sdk.GenFsm;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.OnActivate;
import dev.plexspaces.sdk.OnInit;
import dev.plexspaces.sdk.OnTerminate;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.Reply;
import dev.plexspaces.sdk.State;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HandlerSelectionTest {

  @GenServer
  static class Plain {
    @Handler("get")
    private String get() {
      return "get";
    }

    @Handler({"call", "status"})
    String call() {
      return "call";
    }

    @Handler("cast")
    String cast() {
      return "cast";
    }

    @Handler("__DOWN__")
    String down() {
      return "down";
    }
  }

  @GenServer
  static class Wild {
    @Handler("get")
    String get() {
      return "get";
    }

    @Handler("*")
    Object any(Map<String, Object> all) {
      return all;
    }
  }

  private static Object handle(Class<?> type, Message message) throws Exception {
    return AnnotatedActors.bind(type).create().handle(null, message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      nullValues = "-",
      value = {
        "get|CALL|{}|get",
        "get|CAST|{}|get",
        "get|INFO|{}|get",
        "get|CALL|{\"op\":\"status\"}|get",
        "``|CALL|{\"op\":\"get\"}|get",
        "``|CAST|{\"action\":\"get\"}|get",
        "``|CALL|{\"op\":\"get\",\"action\":\"status\"}|get",
        "get|CALL|{\"op\":5}|get",
        "``|CALL|{\"op\":null}|call",
        "``|CALL|{\"op\":null,\"action\":\"get\"}|get",
        "``|CALL|{}|call",
        "``|CALL|null|call",
        "``|CALL|[\"op\"]|call",
        "``|CALL|\"get\"|call",
        "``|CAST|{}|cast",
        "status|CALL|null|call",
        "__DOWN__|INFO|{\"monitor_ref\":1}|down",
        "__EXIT__|INFO|{}|-",
        "tick|INFO|{\"op\":\"get\"}|-",
        "``|INFO|{\"op\":\"get\"}|get",
        "``|INFO|{}|-",
      })
  void selection_byTypeThenOpThenActionThenKind(
      String type, Message.Kind kind, String payload, String reply) throws Exception {
    assertThat(handle(Plain.class, new TestMessage(type, Json.parse(payload), kind, Map.of())))
        .isEqualTo(reply);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"op\":5,\"action\":\"get\"}|op: must be the name of one operation, got a number",
        "{\"op\":\"\",\"action\":\"get\"}|op: must be the name of one operation, got \"\"",
        "{\"op\":[\"get\",\"status\"]}|op: must be the name of one operation, got a list",
        "{\"op\":{}}|op: must be the name of one operation, got an object",
        "{\"action\":true}|action: must be the name of one operation, got a boolean",
      })
  void selectorThatIsNoName_isADeclaredErrorAndNoHandlerRuns(String payload, String problem) {
    for (Message.Kind kind : Message.Kind.values()) {
      assertThatThrownBy(
              () -> handle(Plain.class, new TestMessage("", Json.parse(payload), kind, Map.of())))
          .isInstanceOfSatisfying(
              ActorException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
                assertThat(e).hasMessage(problem);
                assertThat(e.violations()).hasSize(1);
              });
    }
  }

  @GenServer
  static class Account {
    private static int runs;

    @Handler("deposit")
    long deposit(long amount) {
      runs++;
      return amount;
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      nullValues = "-",
      value = {
        "deposit|{\"amount\":5}|-|-",
        "``|{\"op\":\"deposit\",\"amount\":5}|-|-",
        "nope|{\"amount\":5}|UNKNOWN_OPERATION|no operation 'nope' on account; it has: deposit",
        "``|{\"amount\":5}|UNKNOWN_OPERATION|no operation 'cast' on account; it has: deposit",
        "``|{\"op\":5,\"amount\":5}|INVALID_MESSAGE|op: must be the name of one operation",
        "deposit|{\"amount\":\"x\"}|INVALID_MESSAGE|amount",
        "deposit|{}|INVALID_MESSAGE|amount",
        "deposit|[1]|INVALID_MESSAGE|payload: must be an object",
      })
  void check_refusesWhatTheHandlerWouldRefuse_andRunsNothing(
      String operation, String payload, ErrorCode code, String problem) throws Exception {
    ActorType type = AnnotatedActors.bind(Account.class);
    Account.runs = 0;
    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () -> type.check(Message.Kind.CAST, operation, Json.parse(payload), false));

    assertThat(Account.runs).isZero();
    if (code == null) {
      assertThat(refused).isNull();
    } else {
      assertThat(refused.code()).isEqualTo(code);
      assertThat(refused).hasMessageContaining(problem);
    }
  }

  @Test
  void check_ofATypeThatTakesAnything_refusesNothing() {
    AnnotatedActors.bind(Wild.class).check(Message.Kind.CAST, "nope", Map.of("a", 1), false);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "foo|CALL|{}|foo",
        "foo|CAST|{}|foo",
        "``|CALL|{\"op\":\"foo\"}|foo",
        "``|CAST|{\"action\":\"bar\"}|bar",
        "Get|CALL|{}|Get",
        "*|CALL|{}|*",
      })
  void unknownOperation_isADeclaredErrorListingWhatThereIs(
      String type, Message.Kind kind, String payload, String shown) {
    assertThatThrownBy(
            () -> handle(Plain.class, new TestMessage(type, Json.parse(payload), kind, Map.of())))
        .isInstanceOfSatisfying(
            ActorException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN_OPERATION))
        .hasMessage("no operation '%s' on plain; it has: __DOWN__, call, cast, get, status", shown);
  }

  @Test
  void unknownOperation_longName_isCut() {
    assertThatThrownBy(() -> handle(Plain.class, TestMessage.call("x".repeat(100_000), null)))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300));
  }

  @Test
  void wildcard_takesWhatNoOtherTakes_withTheWholePayload() throws Exception {
    Object payload = Json.parse("{\"action\":\"opened\",\"n\":1}");
    assertThat(handle(Wild.class, TestMessage.cast("", payload))).isEqualTo(payload);
    Object odd = Json.parse("{\"op\":5}");
    assertThat(handle(Wild.class, TestMessage.cast("", odd))).isEqualTo(odd);
    assertThat(handle(Wild.class, TestMessage.call("foo", null))).isEqualTo(Map.of());
    assertThat(handle(Wild.class, TestMessage.info("tick", Map.of("a", 1L))))
        .isEqualTo(Map.of("a", 1L));
    assertThat(handle(Wild.class, TestMessage.call("get", null))).isEqualTo("get");
    assertThatThrownBy(() -> handle(Wild.class, TestMessage.call("foo", List.of(1L))))
        .isInstanceOf(ActorException.class)
        .hasMessage("payload: must be an object with named fields, got a list");
  }

  // Parameters.

  record Transfer(String to, long amount, Optional<String> note) {}

  @GenServer
  @SuppressWarnings("unused")
  static class Parameters {
    @Handler("record")
    private Object record(ActorContext context, Transfer transfer, Message message) {
      return transfer + "/" + message.type();
    }

    @Handler("named")
    Object named(
        long amount,
        Long boxed,
        double rate,
        boolean flag,
        List<Long> operands,
        @Param("client_id") String client,
        @Param(defaultValue = "7") int limit,
        @Param(defaultValue = "\"x\"") String text) {
      return List.of(
          String.valueOf(amount),
          String.valueOf(boxed),
          rate,
          flag,
          String.valueOf(operands),
          String.valueOf(client),
          limit,
          text);
    }

    @Handler("nested")
    Object nested(@Param("transfer") Transfer transfer, @Param Map<String, Object> extra) {
      return transfer + " " + extra;
    }

    @Handler("nothing")
    void nothing() {}

    @Handler("later")
    Object later() {
      return Reply.LATER;
    }

    @Handler("wide")
    long wide(byte a, short b, char c, float d, int e) {
      return a + b + c + (long) d + e;
    }

    @Handler(value = "quiet", cast = true)
    String quiet() {
      return "secret";
    }

    @Handler("mutable")
    Object mutable() {
      return kept;
    }

    @Handler("odd")
    Object odd() {
      return new Thread();
    }

    @Handler("checked")
    Object checked() throws IOException {
      throw new IOException("disk");
    }

    @Handler("error")
    Object error() {
      throw new AssertionError("bug");
    }

    @Handler("declared")
    Object declared() {
      throw new ActorException("no");
    }

    final List<Object> kept = new ArrayList<>(List.of(1));
  }

  private static String outcome(String type, String json, boolean textual) {
    TestMessage message = TestMessage.call(type, Json.parse(json));
    try {
      return String.valueOf(handle(Parameters.class, textual ? message.textual() : message));
    } catch (ActorException e) {
      return e.code() + " " + e.getMessage();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "record|{\"to\":\"bob\",\"amount\":5}|Transfer[to=bob, amount=5, note=Optional.empty]/record",
        "record|{\"to\":\"bob\"}|INVALID_MESSAGE amount: is required",
        "record|null|INVALID_MESSAGE amount: is required",
        "record|[]|INVALID_MESSAGE payload: must be an object with named fields, got a list",
        "record|{\"amount\":\"5\"}|INVALID_MESSAGE amount: must be a number, got a string",
        "record|{\"amount\":5,\"op\":\"other\"}|INVALID_MESSAGE op: unknown field; there are: to, amount, note",
        "record|{\"amount\":5,\"op\":\"record\"}|Transfer[to=null, amount=5, note=Optional.empty]/record",
        "``|{\"op\":\"record\",\"amount\":5}|Transfer[to=null, amount=5, note=Optional.empty]/",
        "``|{\"action\":\"record\",\"amount\":5}|Transfer[to=null, amount=5, note=Optional.empty]/",
        "named|{\"amount\":1,\"rate\":2,\"flag\":true}|[1, null, 2.0, true, null, null, 7, x]",
        "named|{\"amount\":1,\"rate\":2,\"flag\":true,\"boxed\":3,\"operands\":[4],\"client_id\":\"c\",\"limit\":9,\"text\":\"t\",\"other\":1}|[1, 3, 2.0, true, [4], c, 9, t]",
        "named|{\"rate\":2,\"flag\":true}|INVALID_MESSAGE amount: is required",
        "named|{\"amount\":1,\"rate\":2,\"flag\":true,\"operands\":[1,2,\"x\"]}|INVALID_MESSAGE operands[2]: must be a number, got a string",
        "named|{\"amount\":1,\"rate\":2,\"flag\":true,\"limit\":null}|INVALID_MESSAGE limit: must be a number, got null",
        "named|{\"amount\":\"1\",\"flag\":true}|INVALID_MESSAGE amount: must be a number, got a string; rate: is required",
        "nested|{\"transfer\":{\"to\":1},\"extra\":2}|INVALID_MESSAGE transfer.to: must be a string, got a number; transfer.amount: is required; extra: must be an object, got a number",
        "named|5|INVALID_MESSAGE payload: must be an object with named fields, got a number",
        "nested|{\"transfer\":{\"to\":\"b\",\"amount\":1},\"extra\":{\"k\":1}}|Transfer[to=b, amount=1, note=Optional.empty] {k=1}",
        "nested|{\"transfer\":{\"to\":\"b\"}}|INVALID_MESSAGE transfer.amount: is required",
        "nothing|[1]|null",
        "later|null|LATER",
        "wide|{\"a\":1,\"b\":2,\"c\":\"A\",\"d\":3.5,\"e\":4}|75",
        "quiet|null|null",
        "mutable|null|[1]",
      })
  void parameters_areConvertedStrictly(String type, String json, String expected) {
    assertThat(outcome(type, json, false)).isEqualTo(expected);
  }

  @Test
  void parameters_ofATextualPayload_mayBeText() {
    assertThat(
            outcome(
                "named",
                "{\"amount\":\"1\",\"rate\":\"2\",\"flag\":\"true\",\"operands\":\"5\"}",
                true))
        .isEqualTo("[1, null, 2.0, true, [5], null, 7, x]");
    assertThat(outcome("named", "{\"amount\":\"x\"}", true))
        .isEqualTo(
            "INVALID_MESSAGE amount: must be a number, got 'x'; rate: is required; flag: is"
                + " required");
  }

  @Test
  void parameters_fromARecordOfALocalActor() throws Exception {
    record Looks(String to, long amount) {}
    Transfer transfer = new Transfer("bob", 5, Optional.of("n"));
    assertThat(handle(Parameters.class, TestMessage.call("record", transfer)))
        .isEqualTo("Transfer[to=bob, amount=5, note=Optional[n]]/record");
    assertThat(handle(Parameters.class, TestMessage.call("record", new Looks("eve", 6))))
        .isEqualTo("Transfer[to=eve, amount=6, note=Optional.empty]/record");
    record Named(long amount, double rate, boolean flag) {}
    assertThat(handle(Parameters.class, TestMessage.call("named", new Named(1, 2, true))))
        .hasToString("[1, null, 2.0, true, null, null, 7, x]");
  }

  @Test
  void reply_isACopyNobodyCanChange() throws Exception {
    Actor actor = AnnotatedActors.bind(Parameters.class).create();
    Object first = actor.handle(null, TestMessage.call("mutable", null));
    assertThatThrownBy(() -> ((List<?>) first).clear())
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> actor.handle(null, TestMessage.call("odd", null)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("Parameters.odd: the reply contains a value of type Thread");
  }

  @Test
  void handler_exceptions_comeOutAsTheyAre() {
    assertThatThrownBy(() -> handle(Parameters.class, TestMessage.call("checked", null)))
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("disk")
        .hasNoCause();
    assertThatThrownBy(() -> handle(Parameters.class, TestMessage.call("error", null)))
        .isExactlyInstanceOf(AssertionError.class);
    assertThatThrownBy(() -> handle(Parameters.class, TestMessage.call("declared", null)))
        .isExactlyInstanceOf(ActorException.class)
        .hasMessage("no");
  }

  // Behaviours and life cycle.

  @GenEvent("listener")
  static class Listener {
    @State private long events;

    @Handler(value = "log_event", cast = true)
    String logEvent() {
      events++;
      return "not seen";
    }

    @Handler("get_stats")
    Map<String, Object> getStats() {
      return Map.of("status", "ok", "event_count", events);
    }

    @Handler("*")
    void any() {
      events++;
    }
  }

  @GenFsm(
      states = {"locked", "open"},
      initial = "locked")
  static class Door {
    @State("state")
    private String current;

    String before;

    @OnInit
    void init() {
      before = current;
    }

    @Handler("coin")
    String coin() {
      current = "open";
      return before + " " + current;
    }

    @Handler("kick")
    void kick() {
      current = "broken";
    }
  }

  @GenServer
  static class Living {
    private final List<String> log = new ArrayList<>();

    @OnInit
    private void init(ActorContext context, int size, @Param(defaultValue = "60") long window) {
      log.add("init " + size + " " + window);
    }

    @OnActivate
    private void activate() {
      log.add("activate");
    }

    @OnTerminate
    private void end(ExitReason reason, ActorContext context) {
      log.add("end " + reason.text());
    }

    @Handler("log")
    List<String> log() {
      return log;
    }
  }

  @Test
  void genEvent_callIsAnsweredByItsHandler_nullWhenThatIsACastOrReturnsNothing() throws Exception {
    ActorType type = AnnotatedActors.bind(Listener.class);
    assertThat(type.behavior()).isEqualTo(ActorType.Behavior.GEN_EVENT);
    assertThat(type.name()).isEqualTo("listener");
    Actor listener = type.create();
    assertThat(listener.handle(null, TestMessage.call("log_event", null))).isNull();
    assertThat(listener.handle(null, TestMessage.call("anything", null))).isNull();
    assertThat(listener.handle(null, TestMessage.call("get_stats", null)))
        .isEqualTo(Map.of("status", "ok", "event_count", 2L));
  }

  @Test
  void genFsm_startsInItsInitialState_andMayNotLeaveItsStates() throws Exception {
    Actor door = AnnotatedActors.bind(Door.class).create();
    door.init(null, Map.of());
    assertThat(door.handle(null, TestMessage.call("coin", null))).isEqualTo("locked open");
    assertThatThrownBy(() -> door.handle(null, TestMessage.cast("kick", null)))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("door: state 'broken' is none of: locked, open");
  }

  @Test
  void lifeCycle_argsMayBeText() throws Exception {
    Actor actor = AnnotatedActors.bind(Living.class).create();
    actor.init(null, Map.of("size", "5", "window", 10L, "other", true));
    actor.activate(null);
    actor.terminate(null, ExitReason.SHUTDOWN);
    assertThat(actor.handle(null, TestMessage.call("log", null)))
        .isEqualTo(List.of("init 5 10", "activate", "end shutdown"));
    assertThatThrownBy(() -> actor.init(null, Map.of("size", "many")))
        .hasMessage("size: must be a number, got 'many'");
  }

  // Inheritance.

  static class Base {
    @State private long inherited = 1;

    @Handler("base")
    private String base() {
      return "base " + inherited++;
    }

    @Handler("overridden")
    String overridden() {
      return "base";
    }

    @Handler("renamed")
    String renamed() {
      return "base";
    }

    @Handler("generic")
    Object generic() {
      return "base";
    }
  }

  @GenServer
  static class Derived extends Base {
    @State private long own = 10;

    @Override
    String overridden() {
      return "derived";
    }

    @Override
    @Handler("new_name")
    String renamed() {
      return "derived";
    }

    @Override
    @Handler("generic")
    String generic() {
      return "derived " + own++;
    }

    /// Not the private method of the same name in the superclass.
    @Handler("own")
    private String base() {
      return "own " + own;
    }
  }

  @Test
  void inheritance_privateMembersOverridesAndState() throws Exception {
    ActorType type = AnnotatedActors.bind(Derived.class);
    assertThat(type.operations())
        .containsExactly("base", "generic", "new_name", "overridden", "own");
    Actor actor = type.create();
    ((DurableState) actor).restore(List.of());
    assertThat(actor.handle(null, TestMessage.call("base", null))).isEqualTo("base 1");
    assertThat(actor.handle(null, TestMessage.call("own", null))).isEqualTo("own 10");
    assertThat(actor.handle(null, TestMessage.call("overridden", null))).isEqualTo("derived");
    assertThat(actor.handle(null, TestMessage.call("new_name", null))).isEqualTo("derived");
    assertThat(actor.handle(null, TestMessage.call("generic", null))).isEqualTo("derived 10");
    assertThat(((DurableState) actor).drainChanges().stream().map(c -> c.field()).sorted())
        .containsExactly("inherited", "own");
  }
}
