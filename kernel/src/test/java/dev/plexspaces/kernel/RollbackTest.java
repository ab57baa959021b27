package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.GenFsm;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What a turn did to the state of an actor is gone when the turn is, with durability and without.
@Timeout(120)
class RollbackTest {

  private static final Duration HOUR = Duration.ofHours(1);

  record Item(String name, long count) {}

  @GenServer
  @SuppressWarnings("unused")
  static class Keeper {
    @State private long n = 1;
    @State private String text = "one";
    @State private Item item = new Item("one", 1);
    @State private List<Item> list = new ArrayList<>(List.of(new Item("one", 1)));
    @State private Map<String, Long> map = new HashMap<>(Map.of("one", 1L, "gone", 2L));
    @State private List<String> unset;

    @Handler("get")
    Map<String, Object> get() {
      Map<String, Object> all = new HashMap<>();
      all.put("n", n);
      all.put("text", text);
      all.put("item", item);
      all.put("list", list);
      all.put("map", map);
      all.put("unset", unset == null ? List.of() : unset);
      return all;
    }

    @Handler("values")
    void values(boolean refuse) {
      n = 999;
      text = null;
      item = new Item("two", 2);
      end(refuse);
    }

    @Handler("append")
    void append(boolean refuse) {
      list.add(new Item("two", 2));
      map.put("two", 2L);
      end(refuse);
    }

    @Handler("change")
    void change(boolean refuse) {
      list.set(0, new Item("changed", 1));
      list.add(0, new Item("first", 0));
      map.put("one", 11L);
      map.remove("gone");
      end(refuse);
    }

    @Handler("clear")
    void clear(boolean refuse) {
      list.clear();
      map.clear();
      map.put("new", 5L);
      end(refuse);
    }

    @Handler("assign")
    void assign(boolean refuse) {
      list = new ArrayList<>(List.of(new Item("assigned", 3)));
      list.add(new Item("more", 4));
      map = new HashMap<>(Map.of("assigned", 3L));
      unset = new ArrayList<>(List.of("set"));
      end(refuse);
    }

    @Handler("nothing_there")
    void nothingThere() {
      unset = new ArrayList<>(Arrays.asList("x", null));
    }

    /// Commits in between: the first half stands.
    @Handler("halves")
    void halves(ActorContext context) throws Exception {
      n = 2;
      list.add(new Item("first half", 1));
      context.step("between", () -> 0);
      n = 3;
      list.add(new Item("second half", 2));
      map.clear();
      end(true);
    }

    @Handler("asks")
    void asks(ActorContext context) {
      n = 2;
      context.ask(context.actor("keeper", "other"), "get", null, HOUR);
      n = 3;
      end(true);
    }

    @Handler("counts")
    void counts(ActorContext context) {
      n = 2;
      context.kv().increment("k", 1);
      n = 3;
      end(true);
    }

    private static void end(boolean refuse) {
      if (refuse) {
        throw ActorException.invalid("amount", "must be positive");
      }
    }
  }

  @GenFsm(
      states = {"idle", "busy"},
      initial = "idle")
  @SuppressWarnings("unused")
  static class Machine {
    @State("state")
    private String state;

    @Handler("go")
    void go() {
      state = "busy";
      throw new ActorException("not now");
    }

    @Handler("get")
    String get() {
      return state;
    }
  }

  /// Refuses what the handler has done already.
  static final class Late implements Facet {
    @Override
    public String name() {
      return "late";
    }

    @Override
    public int priority() {
      return 100;
    }

    @Override
    public Object around(ActorContext context, Message message, Next next) throws Exception {
      Object reply = next.proceed(message);
      if (message.type().equals("values")) {
        throw new ActorException("too late");
      }
      return reply;
    }
  }

  private final Node node = Node.start();

  @AfterEach
  void close() {
    node.close();
  }

  private void offer(Class<?> actor, boolean durable, String... more) {
    List<FacetSpec> facets = new ArrayList<>(List.of(FacetSpec.of(FacetCatalog.VIRTUAL_ACTOR)));
    if (durable) {
      facets.add(FacetSpec.of(FacetCatalog.DURABILITY));
    }
    Arrays.stream(more).map(FacetSpec::of).forEach(facets::add);
    Map<String, Supplier<Facet>> own = Map.of("late", Late::new);
    node.offer(own, new ApplicationUnit.Offer(AnnotatedActors.bind(actor), facets));
  }

  private Object state() {
    return node.ask("keeper", "x", "get");
  }

  @GenServer
  @SuppressWarnings("unused")
  static class Divider {
    @State private long n = 1;

    record Ratio(String name, double value) {}

    @Handler("get")
    long get() {
      return n;
    }

    @Handler("plain")
    double plain() {
      n = 2;
      return 0.0 / 0;
    }

    @Handler("record")
    Ratio inRecord() {
      n = 2;
      return new Ratio("r", 1.0 / 0);
    }

    @Handler("list")
    List<Object> inList() {
      n = 2;
      return List.of(1, Map.of("x", Float.NaN));
    }

    @Handler("fine")
    Ratio fine() {
      return new Ratio("r", 0.5);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "plain, false",
    "record, false",
    "list, false",
    "plain, true",
    "record, true",
    "list, true"
  })
  void replyThatIsNoJson_crashesTheTurnThatMadeIt(String operation, boolean durable) {
    offer(Divider.class, durable);
    assertThat(node.askFails("divider", "x", operation, null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(node.ask("divider", "x", "get")).isEqualTo(1L);
    assertThat(node.ask("divider", "x", "fine")).isEqualTo(new Divider.Ratio("r", 0.5));
  }

  private void refused(String operation) {
    PlexException error = node.askFails("keeper", "x", operation, Map.of("refuse", true));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
  }

  @ParameterizedTest
  @CsvSource({
    "values, false",
    "append, false",
    "change, false",
    "clear, false",
    "assign, false",
    "values, true",
    "append, true",
    "change, true",
    "clear, true",
    "assign, true"
  })
  void declaredError_undoesTheTurn(String operation, boolean durable) {
    offer(Keeper.class, durable);
    Object initial = state();
    refused(operation);
    assertThat(state()).as("before anything stands").isEqualTo(initial);

    node.ask("keeper", "x", operation, Map.of("refuse", false));
    Object changed = state();
    assertThat(changed).isNotEqualTo(initial);
    for (String other : List.of("values", "append", "change", "clear", "assign")) {
      if (!other.equals("change") || operation.equals("values") || operation.equals("append")) {
        refused(other);
        assertThat(state()).as(other).isEqualTo(changed);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void declaredError_afterACommitPoint_undoesWhatFollowedIt(boolean durable) {
    offer(Keeper.class, durable);
    refused("halves");
    assertThat(state())
        .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.MAP)
        .containsEntry("n", 2L)
        .containsEntry("list", List.of(new Item("one", 1), new Item("first half", 1)))
        .containsEntry("map", Map.of("one", 1L, "gone", 2L));
    refused("append");
    assertThat(((List<?>) ((Map<?, ?>) state()).get("list"))).hasSize(2);
  }

  @ParameterizedTest
  @CsvSource({"asks, false", "counts, false", "asks, true", "counts, true"})
  void everyCommitPoint_isWhereTheStateReturnsTo(String operation, boolean durable) {
    offer(Keeper.class, durable);
    refused(operation);
    assertThat(((Map<?, ?>) state()).get("n")).isEqualTo(2L);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stateOfAMachine_returnsAsWell(boolean durable) {
    offer(Machine.class, durable);
    node.askFails("machine", "x", "go", null);
    assertThat(node.ask("machine", "x", "get")).isEqualTo("idle");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void errorDeclaredByAFacet_undoesWhatTheHandlerDid(boolean durable) {
    offer(Keeper.class, durable, "late");
    Object initial = state();
    assertThat(node.askFails("keeper", "x", "values", Map.of("refuse", false)).code())
        .isEqualTo(ErrorCode.FAILED_PRECONDITION);
    assertThat(state()).isEqualTo(initial);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void collectionOfWhatItsTypeCannotHold_crashesTheTurnThatAssignedIt(boolean durable) {
    offer(Keeper.class, durable);
    Object initial = state();
    assertThat(node.askFails("keeper", "x", "nothing_there", null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(state()).isEqualTo(initial);
  }

  @Test
  void whatStands_isNotUndoneByALaterError() {
    offer(Keeper.class, false);
    for (int i = 0; i < 3; i++) {
      node.ask("keeper", "x", "append", Map.of("refuse", false));
      refused("append");
    }
    assertThat(((List<?>) ((Map<?, ?>) state()).get("list"))).hasSize(4);
  }
}
