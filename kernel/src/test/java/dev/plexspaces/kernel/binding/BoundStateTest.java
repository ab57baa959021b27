package dev.plexspaces.kernel.binding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenFsm;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BoundStateTest {

  enum Level {
    LOW,
    HIGH
  }

  record Item(String name, long count) {}

  record Box(List<Item> items, Optional<String> note) {}

  /// One operation per kind of change.
  @GenServer
  @SuppressWarnings("unused")
  static class Keeper {
    @State private long balance = 5;
    @State private boolean flag;
    @State private int small;
    @State private double rate;
    @State private char letter = 'a';
    @State private Long boxed;
    @State private String text = "initial";
    @State private BigInteger big = BigInteger.ONE;
    @State private BigDecimal money = new BigDecimal("0.00");
    @State private Instant at = Instant.EPOCH;
    @State private Duration span = Duration.ZERO;
    @State private Level level = Level.LOW;
    @State private Item item = new Item("i", 1);
    @State private Box box;
    @State private Number number = 0;
    @State private Object any;
    @State private Optional<Item> maybe = Optional.empty();

    @State("tx")
    private List<Map<String, Object>> transactions = new ArrayList<>();

    @State private List<Item> items = new ArrayList<>(List.of(new Item("first", 1)));
    @State private Map<String, Item> byName = new HashMap<>();
    @State private Map<String, Long> preset = new HashMap<>(Map.of("x", 1L));
    @State private List<String> unset;

    @Handler("all")
    void all() {
      balance = -7;
      flag = true;
      small = 3;
      rate = 5.0;
      letter = 'b';
      boxed = 9L;
      text = "ä\n";
      big = new BigInteger("123456789012345678901234567890");
      money = new BigDecimal("10.50");
      at = Instant.parse("2026-01-31T12:00:00.5Z");
      span = Duration.ofMillis(1500);
      level = Level.HIGH;
      item = new Item("j", 2);
      box = new Box(new ArrayList<>(List.of(item)), Optional.of("n"));
      number = 2.5;
      any = Map.of("k", List.of(1, "two"));
      maybe = Optional.of(item);
      transactions.add(Map.of("type", "deposit", "amount", 5));
      items.add(item);
      byName.put("j", item);
      preset.put("y", 2L);
      unset.add("u");
    }

    @Handler("deposit")
    void deposit(long amount) {
      balance += amount;
      transactions.add(Map.of("type", "deposit", "amount", amount));
    }

    @Handler("fail")
    void fail(long amount) {
      deposit(amount);
      items.clear();
      byName.put("z", item);
      preset = new HashMap<>();
      text = "failed";
      throw new ActorException("no");
    }

    @Handler("nan")
    void nan() {
      balance++;
      items.add(item);
      rate = Double.NaN;
    }

    @Handler("nulls")
    void nulls() {
      boxed = null;
      text = null;
      item = null;
      unset = null;
      byName = null;
    }

    @Handler("reassign")
    void reassign() {
      items = new ArrayList<>(List.of(new Item("new", 1)));
      preset = new HashMap<>(Map.of("new", 3L));
    }

    @Handler("append")
    void append() {
      items.add(new Item("more", 1));
      preset.put("more", 4L);
    }

    @Handler("same")
    void same() {
      item = new Item(item.name(), item.count());
      money = new BigDecimal(money.toString());
    }

    @Handler("null_element")
    void nullElement() {
      items.add(null);
    }

    @Handler("mutate_inside")
    void mutateInside() {
      box.items().add(item);
    }

    @Handler("size")
    int size() {
      return transactions.size();
    }

    @Handler("dump")
    Object dump() {
      List<Object> all = new ArrayList<>();
      all.addAll(List.of(balance, flag, small, rate, letter, String.valueOf(boxed)));
      all.addAll(List.of(String.valueOf(text), big, money, at, span, level, String.valueOf(item)));
      all.addAll(List.of(String.valueOf(box), number, String.valueOf(any), maybe, transactions));
      all.addAll(List.of(items, byName, preset, String.valueOf(unset)));
      return all;
    }
  }

  private static Actor fresh(List<StateChange> changes) {
    return fresh(Keeper.class, changes);
  }

  private static Actor fresh(Class<?> type, List<StateChange> changes) {
    Actor actor = AnnotatedActors.bind(type).create();
    ((DurableState) actor).restore(changes);
    return actor;
  }

  private static Object call(Actor actor, String operation, Object payload) {
    try {
      return actor.handle(null, TestMessage.call(operation, payload));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static List<StateChange> drain(Actor actor) {
    return ((DurableState) actor).drainChanges();
  }

  private static String show(StateChange c) {
    return c.op()
        + " "
        + c.field()
        + " '"
        + c.chunk()
        + "' "
        + new String(c.data(), StandardCharsets.UTF_8);
  }

  private static List<String> shown(List<StateChange> changes) {
    return changes.stream().map(BoundStateTest::show).sorted().toList();
  }

  private static StateChange put(String field, String json) {
    return StateChange.put(field, "", json.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void drain_onlyWhatChanged_inTheDocumentedForm() {
    Actor actor = fresh(List.of());
    assertThat(drain(actor)).isEmpty();
    call(actor, "deposit", Map.of("amount", 10L));
    assertThat(shown(drain(actor)))
        .containsExactly(
            "APPEND tx '' [{\"amount\":10,\"type\":\"deposit\"}]", "PUT balance '' 15");
    assertThat(drain(actor)).isEmpty();
    call(actor, "deposit", Map.of("amount", 1L));
    call(actor, "deposit", Map.of("amount", 2L));
    assertThat(shown(drain(actor)))
        .containsExactly(
            "APPEND tx '' [{\"amount\":1,\"type\":\"deposit\"},{\"amount\":2,\"type\":\"deposit\"}]",
            "PUT balance '' 18");
  }

  @Test
  void drain_collectionWithInitialContent_isWrittenWholeOnce() {
    Actor actor = fresh(List.of());
    call(actor, "append", null);
    assertThat(shown(drain(actor)))
        .containsExactly(
            "APPEND items '' [{\"name\":\"first\",\"count\":1},{\"name\":\"more\",\"count\":1}]",
            "CLEAR items '' ",
            "CLEAR preset '' ",
            "PUT preset 'more' 4",
            "PUT preset 'x' 1");
    call(actor, "append", null);
    assertThat(shown(drain(actor)))
        .containsExactly("APPEND items '' [{\"name\":\"more\",\"count\":1}]");
  }

  @Test
  void restore_ofEveryType_givesTheSameState() {
    Actor actor = fresh(List.of());
    List<StateChange> log = new ArrayList<>();
    call(actor, "all", null);
    log.addAll(drain(actor));
    Object dump = call(actor, "dump", null);
    assertThat(call(fresh(log), "dump", null)).isEqualTo(dump);
    call(actor, "all", null);
    call(actor, "reassign", null);
    log.addAll(drain(actor));
    call(actor, "append", null);
    log.addAll(drain(actor));
    Object later = call(actor, "dump", null);
    assertThat(later).isNotEqualTo(dump);
    assertThat(call(fresh(log), "dump", null)).isEqualTo(later);
    call(actor, "nulls", null);
    log.addAll(drain(actor));
    assertThat(call(fresh(log), "dump", null)).isEqualTo(call(actor, "dump", null));
  }

  @Test
  void rollback_undoesEverythingSinceTheLastDrain() {
    Actor actor = fresh(List.of());
    call(actor, "deposit", Map.of("amount", 10L));
    drain(actor);
    Object before = call(actor, "dump", null);
    assertThatThrownBy(() -> call(actor, "fail", Map.of("amount", 3L)))
        .isExactlyInstanceOf(ActorException.class);
    ((DurableState) actor).rollback();
    assertThat(call(actor, "dump", null)).isEqualTo(before);
    assertThat(drain(actor)).isEmpty();
    // And the collections still work.
    call(actor, "append", null);
    assertThat(drain(actor)).isNotEmpty();
    assertThat(call(actor, "size", null)).isEqualTo(1);
  }

  @Test
  void reassign_isDetected_andRollbackBringsTheOldCollectionBack() {
    Actor actor = fresh(List.of());
    Object before = call(actor, "dump", null);
    call(actor, "reassign", null);
    ((DurableState) actor).rollback();
    assertThat(call(actor, "dump", null)).isEqualTo(before);
    call(actor, "reassign", null);
    assertThat(shown(drain(actor)))
        .containsExactly(
            "APPEND items '' [{\"name\":\"new\",\"count\":1}]",
            "CLEAR items '' ",
            "CLEAR preset '' ",
            "PUT preset 'new' 3");
    call(actor, "append", null);
    assertThat(shown(drain(actor)))
        .containsExactly(
            "APPEND items '' [{\"name\":\"more\",\"count\":1}]", "PUT preset 'more' 4");
  }

  @Test
  void nullCollections_areEmptyOnes() {
    Actor actor = fresh(List.of());
    call(actor, "nulls", null);
    List<StateChange> changes = drain(actor);
    assertThat(shown(changes))
        .containsExactly(
            "CLEAR byName '' ", "CLEAR unset '' ", "PUT item '' null", "PUT text '' null");
    assertThat(call(actor, "dump", null)).isEqualTo(call(fresh(changes), "dump", null));
  }

  @Test
  void valueThatIsEqual_isNoChange() {
    Actor actor = fresh(List.of());
    call(actor, "same", null);
    assertThat(drain(actor)).isEmpty();
  }

  @Test
  void valueJsonCannotCarry_failsTheDrain_andRollbackStillWorks() {
    Actor actor = fresh(List.of());
    Object before = call(actor, "dump", null);
    call(actor, "nan", null);
    assertThatThrownBy(() -> drain(actor))
        .isInstanceOf(PlexException.class)
        .hasMessage("state field 'rate': JSON: NaN is not a JSON number");
    ((DurableState) actor).rollback();
    assertThat(call(actor, "dump", null)).isEqualTo(before);
    assertThat(drain(actor)).isEmpty();
  }

  @Test
  void elements_areFrozenAndChecked() {
    Actor actor = fresh(List.of());
    assertThatThrownBy(() -> call(actor, "null_element", null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("state field 'items': must not be null");
    call(actor, "all", null);
    drain(actor);
    assertThatThrownBy(() -> call(actor, "mutate_inside", null))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void untracked_nothingIsRecorded_andPlainCollectionsStay() {
    Actor actor = AnnotatedActors.bind(Keeper.class).create();
    call(actor, "deposit", Map.of("amount", 10L));
    assertThat(drain(actor)).isEmpty();
    ((DurableState) actor).rollback();
    assertThat(call(actor, "size", null)).isEqualTo(1);
    call(actor, "append", null);
    assertThat(drain(actor)).isEmpty();
  }

  @Test
  void restore_replacesWhateverThereWas() {
    Actor actor = fresh(List.of());
    call(actor, "all", null);
    ((DurableState) actor).restore(List.of());
    assertThat(call(actor, "dump", null)).isEqualTo(call(fresh(List.of()), "dump", null));
    assertThat(drain(actor)).isEmpty();
  }

  @Test
  void restore_thirtyThousandTransactions_appendsWithoutReadingThem() {
    List<StateChange> log = new ArrayList<>();
    for (int i = 0; i < 30_000; i++) {
      byte[] element =
          i == 15_000
              ? "[oops]".getBytes(StandardCharsets.UTF_8) // would fail if it were read
              : Json.write(List.of(Map.of("amount", i)));
      log.add(StateChange.append("tx", element));
    }
    Actor actor = fresh(log);
    call(actor, "deposit", Map.of("amount", 1L));
    assertThat(shown(drain(actor)))
        .containsExactly("APPEND tx '' [{\"amount\":1,\"type\":\"deposit\"}]", "PUT balance '' 6");
    assertThatThrownBy(() -> call(actor, "size", null))
        .isInstanceOf(PlexException.class)
        .hasMessageStartingWith("state field 'tx': what was stored does not fit");
    log.set(15_000, StateChange.append("tx", Json.write(List.of(Map.of("amount", 0)))));
    assertThat(call(fresh(log), "size", null)).isEqualTo(30_000);
  }

  // Changed classes.

  @Test
  void restore_fieldsThatAreGone_areIgnored_andNewOnesKeepTheirInitialValue() {
    Actor actor = fresh(List.of(put("gone", "[1]"), put("balance", "77")));
    List<?> dump = (List<?>) call(actor, "dump", null);
    assertThat(dump.getFirst()).isEqualTo(77L);
    assertThat(dump.get(6)).isEqualTo("initial");
    assertThat(drain(actor)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "PUT|balance||\"x\"|state field 'balance': what was stored does not fit its type: must be a number, got a string",
        "PUT|balance||null|state field 'balance': what was stored does not fit its type: must be a number, got null",
        "PUT|small||3000000000|state field 'small': what was stored does not fit its type: does not fit in a 32-bit integer",
        "PUT|level||\"MEDIUM\"|state field 'level': what was stored does not fit its type: must be one of low, high, got 'MEDIUM'",
        "APPEND|balance||[1]|state field 'balance': what was stored does not fit its type: was stored as a list",
        "PUT|balance|k|1|state field 'balance': what was stored does not fit its type: was stored as a map",
        "PUT|items||1|state field 'items': what was stored does not fit its type: was stored as a value or map",
        "APPEND|items||[1]|state field 'items': what was stored does not fit its type: [0]: must be an object, got a number",
        "APPEND|byName||[1]|state field 'byName': what was stored does not fit its type: was stored as a list",
        "PUT|preset|k|\"x\"|state field 'preset': what was stored does not fit its type: must be a number, got a string",
        "PUT|text||oops|state field 'text': what was stored does not fit its type: JSON, line 1, column 1: the text is not JSON here",
      })
  void restore_whatDoesNotFit_isRefusedNamingTheField_andLeavesTheStateAlone(
      StateChange.Op op, String field, String chunk, String json, String error) {
    Actor actor = fresh(List.of(put("balance", "77")));
    StateChange change =
        new StateChange(
            op, field, chunk == null ? "" : chunk, json.getBytes(StandardCharsets.UTF_8));
    assertThatThrownBy(() -> ((DurableState) actor).restore(List.of(change)))
        .isInstanceOfSatisfying(
            PlexException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
              assertThat(e.violations().getFirst().field()).isEqualTo(field);
            })
        .hasMessage(error);
    assertThat(((List<?>) call(actor, "dump", null)).getFirst()).isEqualTo(77L);
  }

  @Test
  void restore_recordThatLostAndGainedComponents_isRead() {
    Actor actor = fresh(List.of(put("item", "{\"name\":\"old\",\"colour\":\"red\"}")));
    assertThat(((List<?>) call(actor, "dump", null)).get(12)).isEqualTo("Item[name=old, count=0]");
  }

  @GenFsm(
      states = {"a", "b"},
      initial = "a")
  static class Machine {
    @State("state")
    private String current;

    @Handler("go")
    void go() {
      current = "b";
    }

    @Handler("get")
    String get() {
      return current;
    }
  }

  @Test
  void genFsm_stateIsJournalled_andAnUnknownStoredOneIsRefused() {
    Actor actor = fresh(Machine.class, List.of());
    call(actor, "go", null);
    List<StateChange> changes = drain(actor);
    assertThat(shown(changes)).containsExactly("PUT state '' \"b\"");
    assertThat(call(fresh(Machine.class, changes), "get", null)).isEqualTo("b");
    assertThatThrownBy(() -> fresh(Machine.class, List.of(put("state", "\"gone\""))))
        .isInstanceOf(PlexException.class)
        .hasMessage("state field 'state': the stored 'gone' is none of: a, b");
  }

  @SuppressWarnings("unused")
  static class Shelf {
    @State private long amount = 1;
    @State private List<String> titles = new ArrayList<>(List.of("one"));

    @State("state")
    private String current;

    @Handler("dump")
    List<Object> dump() {
      return List.of(amount, titles, current);
    }
  }

  /// Has values and collections in front of and behind those it inherits.
  @GenFsm(
      states = {"a", "b"},
      initial = "a")
  @SuppressWarnings("unused")
  static class Library extends Shelf {
    @State private Map<String, Long> loans = new HashMap<>(Map.of("x", 1L));
    @State private long zone = 7;

    @Handler("loans")
    Map<String, Long> loans() {
      return loans;
    }
  }

  @Test
  void settle_tracksTheCollectionsOfEachClass_andTakeBackUndoesAllFields() throws Exception {
    Library library = new Library();
    Actor actor = new BoundActor((BoundType) AnnotatedActors.bind(Library.class), library);
    ((Shelf) library).current = "a";
    VolatileState state = (VolatileState) actor;
    state.settle(null);
    assertThat(((Shelf) library).titles).isInstanceOf(TrackedList.class);
    assertThat(library.loans).isInstanceOf(TrackedMap.class);

    Object[] saved = state.save();
    ((Shelf) library).titles.add("two");
    library.loans = new HashMap<>(Map.of("assigned", 2L));
    library.zone = 8;
    state.settle(saved);
    assertThat(library.loans).as("assigned, and stands").isInstanceOf(TrackedMap.class);

    saved = state.save();
    ((Shelf) library).amount = 2;
    ((Shelf) library).titles.clear();
    ((Shelf) library).current = "b";
    library.loans.clear();
    library.zone = 9;
    state.takeBack(saved);
    assertThat(call(actor, "dump", null)).isEqualTo(List.of(1L, List.of("one", "two"), "a"));
    assertThat(call(actor, "loans", null)).isEqualTo(Map.of("assigned", 2L));
    assertThat(library.zone).isEqualTo(8);

    ((Shelf) library).current = "c";
    assertThatThrownBy(() -> call(actor, "dump", null))
        .isExactlyInstanceOf(IllegalStateException.class)
        .hasMessage("library: state 'c' is none of: a, b");
  }
}
