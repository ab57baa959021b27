package dev.plexspaces.kernel.binding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
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
import dev.plexspaces.sdk.State;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@SuppressWarnings("unused")
class DeploymentErrorsTest {

  record A(long a) {}

  record B(long b) {}

  static class NotAnnotated {
    @Handler("x")
    void x() {}
  }

  @GenServer
  @GenEvent
  static class Twice {
    @Handler("x")
    void x() {}
  }

  @GenServer
  interface Interface {}

  @GenServer
  abstract static class Abstract {
    @Handler("x")
    void x() {}
  }

  @GenServer
  private static class Private {
    @Handler("x")
    void x() {}
  }

  @GenServer
  class Inner {
    @Handler("x")
    void x() {}
  }

  @GenServer
  static class NeedsArguments {
    NeedsArguments(int size) {}

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class NoHandlers {
    @OnInit
    void init() {}
  }

  @GenServer("bad name")
  static class BadName {
    @Handler("x")
    void x() {}
  }

  @GenServer(facets = {"durability", "durability"})
  static class SameFacet {
    @Handler("x")
    void x() {}
  }

  @GenServer
  static class SameOperation {
    @Handler("get")
    void a() {}

    @Handler({"put", "get"})
    void b() {}
  }

  @GenServer
  static class NoOperation {
    @Handler({})
    void x() {}
  }

  @GenServer
  static class BlankOperation {
    @Handler(" ")
    void x() {}
  }

  @GenServer
  static class StaticHandler {
    @Handler("x")
    static void x() {}
  }

  @GenServer
  static class TwoRecords {
    @Handler("x")
    void x(A a, B b) {}
  }

  @GenServer
  static class RecordAndName {
    @Handler("x")
    void x(A a, long amount) {}
  }

  @GenServer
  static class MapAndRecord {
    @Handler("x")
    void x(Map<String, Object> all, A a) {}
  }

  @GenServer
  static class TwoContexts {
    @Handler("x")
    void x(ActorContext a, ActorContext b) {}
  }

  @GenServer
  static class SameField {
    @Handler("x")
    void x(@Param("n") long a, @Param("n") long b) {}
  }

  @GenServer
  static class BadParameter {
    @Handler("x")
    void x(Thread thread) {}
  }

  @GenServer
  static class BadDefault {
    @Handler("x")
    void x(@Param(defaultValue = "\"five\"") long n) {}
  }

  @GenServer
  static class DefaultNotJson {
    @Handler("x")
    void x(@Param(defaultValue = "hello") String n) {}
  }

  @GenServer
  static class TwoInits {
    @OnInit
    void a() {}

    @OnInit
    void b() {}

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class InitAndHandler {
    @OnInit
    @Handler("x")
    void x() {}
  }

  @GenServer
  static class InitWithMessage {
    @OnInit
    void init(Message message) {}

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class ActivateWithPayload {
    @OnActivate
    void activate(long n) {}

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class TerminateWithPayload {
    @OnTerminate
    void end(long n) {}

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class StateOfThread {
    @State Thread worker;

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class StateOfArrayList {
    @State ArrayList<String> items = new ArrayList<>();

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class StateOfCollection {
    @State Collection<String> items = new ArrayList<>();

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class StateOfBytes {
    @State byte[] data;

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class StateWithNumberKeys {
    @State Map<Long, String> byNumber;

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class FinalState {
    @State final List<String> items = new ArrayList<>();

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class StaticState {
    @State static long n;

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class SameState {
    @State long n;

    @State("n")
    long other;

    @Handler("x")
    void x() {}
  }

  @GenFsm(
      states = {"a", "b"},
      initial = "c")
  static class FsmInitial {
    @State("state")
    String state;

    @Handler("x")
    void x() {}
  }

  @GenFsm(
      states = {"a", "a"},
      initial = "a")
  static class FsmStates {
    @State("state")
    String state;

    @Handler("x")
    void x() {}
  }

  @GenFsm(
      states = {"a"},
      initial = "a")
  static class FsmWithoutField {
    @State String other;

    @Handler("x")
    void x() {}
  }

  @GenFsm(
      states = {"a"},
      initial = "a")
  static class FsmWithWrongField {
    @State long state;

    @Handler("x")
    void x() {}
  }

  static Stream<Arguments> wrong() {
    return Stream.of(
        Arguments.of(
            NotAnnotated.class, "NotAnnotated needs one of @GenServer, @GenEvent, @GenFsm"),
        Arguments.of(Twice.class, "Twice must have only one of"),
        Arguments.of(Interface.class, "Interface must be a class"),
        Arguments.of(A.class, "A must be a class"),
        Arguments.of(Abstract.class, "Abstract must not be abstract"),
        Arguments.of(Private.class, "Private must not be private"),
        Arguments.of(Inner.class, "Inner must be a top-level or static class"),
        Arguments.of(NeedsArguments.class, "NeedsArguments needs a constructor without parameters"),
        Arguments.of(NoHandlers.class, "NoHandlers has no method annotated with @Handler"),
        Arguments.of(BadName.class, "BadName type name: must be 1 to 128 letters"),
        Arguments.of(SameFacet.class, "SameFacet facet 'durability' is empty or given twice"),
        Arguments.of(
            SameOperation.class,
            "SameOperation.b: operation 'get' is also handled by SameOperation.a"),
        Arguments.of(NoOperation.class, "NoOperation.x: @Handler names no operation"),
        Arguments.of(BlankOperation.class, "BlankOperation.x: @Handler names an empty operation"),
        Arguments.of(StaticHandler.class, "StaticHandler.x: must not be static"),
        Arguments.of(TwoRecords.class, "TwoRecords.x: 'a' and 'b' both take the whole payload"),
        Arguments.of(
            RecordAndName.class,
            "RecordAndName.x: 'a' takes the whole payload, so there can be no further payload"
                + " parameters (amount); with @Param(\"a\") it is one field of it"),
        Arguments.of(MapAndRecord.class, "MapAndRecord.x: 'all' and 'a' both take the whole"),
        Arguments.of(TwoContexts.class, "TwoContexts.x: must not have two ActorContext parameters"),
        Arguments.of(SameField.class, "SameField.x: two parameters are called 'n'"),
        Arguments.of(BadParameter.class, "BadParameter.x: type java.lang.Thread is not supported"),
        Arguments.of(
            BadDefault.class,
            "BadDefault.x: default of parameter 'n' (JSON text): must be a number, got a string"),
        Arguments.of(
            DefaultNotJson.class, "DefaultNotJson.x: default of parameter 'n' (JSON text): JSON"),
        Arguments.of(TwoInits.class, "TwoInits.b: there is a second @OnInit: TwoInits.a"),
        Arguments.of(
            InitAndHandler.class, "InitAndHandler.x: must not be both @Handler and @OnInit"),
        Arguments.of(
            InitWithMessage.class, "InitWithMessage.init: a method with @OnInit takes no Message"),
        Arguments.of(
            ActivateWithPayload.class,
            "ActivateWithPayload.activate: parameter 'n': a method with @OnActivate takes only an"
                + " ActorContext"),
        Arguments.of(
            TerminateWithPayload.class,
            "TerminateWithPayload.end: parameter 'n': a method with @OnTerminate takes only an"
                + " ActorContext and an ExitReason"),
        Arguments.of(
            StateOfThread.class,
            "StateOfThread.worker: type java.lang.Thread is not supported; use primitives, String,"
                + " BigInteger, BigDecimal, enums, Instant, Duration, Optional, List, Map<String, …>,"
                + " records of these or, but for a @State field, byte[]"),
        Arguments.of(
            StateOfArrayList.class,
            "StateOfArrayList.items: type java.util.ArrayList<java.lang.String> is not supported"),
        Arguments.of(
            StateOfCollection.class,
            "StateOfCollection.items: type java.util.Collection<java.lang.String> is not supported"
                + " for @State; declare a List"),
        Arguments.of(
            StateOfBytes.class, "StateOfBytes.data: type byte[] is not supported for @State"),
        Arguments.of(
            StateWithNumberKeys.class,
            "StateWithNumberKeys.byNumber: type java.util.Map<java.lang.Long, java.lang.String> is"
                + " not supported"),
        Arguments.of(FinalState.class, "FinalState.items: a @State field must not be final"),
        Arguments.of(StaticState.class, "StaticState.n: a @State field must not be static"),
        Arguments.of(SameState.class, "SameState.other: another @State field is called 'n'"),
        Arguments.of(
            PlainAndServer.class,
            "PlainAndServer has @GenServer in a class that implements Actor itself, where it does"
                + " nothing; remove one of the two"),
        Arguments.of(
            PlainWithState.class, "PlainWithState.n: has @State in a class that implements Actor"),
        Arguments.of(
            PlainWithHandler.class,
            "PlainWithHandler.x: has @Handler in a class that implements Actor"),
        Arguments.of(
            PlainWithArguments.class, "PlainWithArguments needs a constructor without parameters"),
        Arguments.of(
            FsmInitial.class, "FsmInitial @GenFsm initial 'c' is none of the states: a, b"),
        Arguments.of(
            FsmStates.class, "FsmStates @GenFsm states must be at least one, each given once"),
        Arguments.of(FsmWithoutField.class, "FsmWithoutField a @GenFsm needs a String field"),
        Arguments.of(
            FsmWithWrongField.class,
            "FsmWithWrongField the field annotated @State(\"state\") must be a String"));
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void bind_wrongClass_saysWhatIsWrongWhere(Class<?> actor, String error) {
    assertThatThrownBy(() -> AnnotatedActors.bind(actor))
        .isInstanceOfSatisfying(
            PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE))
        .hasMessageStartingWith(error);
  }

  static class Plain implements Actor {
    int count;

    @Override
    public Object handle(ActorContext context, Message message) {
      return ++count;
    }
  }

  @GenServer
  static class PlainAndServer extends Plain {}

  static class PlainWithState extends Plain {
    @State int n;
  }

  static class PlainWithHandler extends Plain {
    @Handler("x")
    void x() {}
  }

  static class PlainWithArguments extends Plain {
    PlainWithArguments(int n) {}
  }

  @Test
  void bind_classThatImplementsActor_isCustom() throws Exception {
    ActorType type = AnnotatedActors.bind(Plain.class);
    assertThat(type.name()).isEqualTo("plain");
    assertThat(type.behavior()).isEqualTo(ActorType.Behavior.CUSTOM);
    assertThat(type.facets()).isEmpty();
    assertThat(type.operations()).containsExactly("*");
    Actor one = type.create();
    assertThat(one.handle(null, null)).isEqualTo(1);
    assertThat(one.handle(null, null)).isEqualTo(2);
    assertThat(type.create().handle(null, null)).isEqualTo(1);
    assertThatThrownBy(type::requireDurable)
        .isInstanceOf(PlexException.class)
        .hasMessageStartingWith(
            "actor type 'plain' implements Actor itself, so its state is not known and cannot be"
                + " durable; remove the durability facet");
  }

  @GenServer(facets = {"virtual_actor", "durability"})
  static class BankAccount {
    @Handler({"get", "*"})
    void x() {}
  }

  @Test
  void bind_typeSaysWhatItIs() {
    ActorType type = AnnotatedActors.bind(BankAccount.class);
    assertThat(type.name()).isEqualTo("bank_account");
    assertThat(type.behavior()).isEqualTo(ActorType.Behavior.GEN_SERVER);
    assertThat(type.operations()).containsExactly("*", "get");
    assertThat(type.facets())
        .containsExactly(FacetSpec.of("virtual_actor"), FacetSpec.of("durability"));
    assertThatCode(type::requireDurable).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({
    "BankAccount,bank_account",
    "HTTPServer2,http_server2",
    "A,a",
    "MyABTest,my_ab_test",
    "already_snake,already_snake"
  })
  void snakeCase_ofClassNames(String name, String expected) {
    assertThat(AnnotatedActors.snakeCase(name)).isEqualTo(expected);
  }

  // Durability.

  static class WithCache {
    private long cached;
  }

  @GenServer
  static class InheritsField extends WithCache {
    @Handler("x")
    void x() {}
  }

  @GenServer
  static class MutableField {
    String last;

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class FinalList {
    final List<String> items = new ArrayList<>();

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class FinalArray {
    final long[] items = {1};

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class FinalAtomic {
    final AtomicLong n = new AtomicLong();

    @Handler("x")
    void x() {}
  }

  @GenServer
  static class Clean {
    static long shared;
    static final List<String> NAMES = List.of();
    final String constant = "c";
    @State private long n;
    @State List<String> items = new ArrayList<>();

    @Handler("x")
    void x() {}
  }

  @ParameterizedTest
  @MethodSource("notDurable")
  void requireDurable_mutableFieldWithoutState_isNamed(Class<?> actor, String field) {
    ActorType type = AnnotatedActors.bind(actor);
    assertThatThrownBy(type::requireDurable)
        .isInstanceOf(PlexException.class)
        .hasMessageStartingWith(field + ": ")
        .hasMessageContaining("@State");
  }

  static Stream<Arguments> notDurable() {
    return Stream.of(
        Arguments.of(InheritsField.class, "WithCache.cached"),
        Arguments.of(MutableField.class, "MutableField.last"),
        Arguments.of(FinalList.class, "FinalList.items"),
        Arguments.of(FinalArray.class, "FinalArray.items"),
        Arguments.of(FinalAtomic.class, "FinalAtomic.n"));
  }

  @Test
  void requireDurable_onlyStateConstantsAndStatics_isFine() {
    assertThatCode(AnnotatedActors.bind(Clean.class)::requireDurable).doesNotThrowAnyException();
  }
}
