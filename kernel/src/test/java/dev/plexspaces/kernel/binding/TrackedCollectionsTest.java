package dev.plexspaces.kernel.binding;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.State;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.ListIterator;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Tracked collections against plain ones: the same random operations, commits, rollbacks and
/// restarts; after each step both must be equal.
class TrackedCollectionsTest {

  private static final int RUNS = 150;
  private static final int STEPS = 120;

  record Entry(String name, long n) {}

  @GenServer
  static class Holder {
    /// Lets the test work on the collections the way a handler does.
    static final ThreadLocal<Holder> LAST = new ThreadLocal<>();

    @State List<Entry> list = new ArrayList<>();
    @State List<Object> any = new ArrayList<>(List.of("initial"));
    @State Map<String, Entry> map = new HashMap<>();
    @State Map<String, Object> anyMap = new HashMap<>(Map.of("initial", 1L));

    @Handler("expose")
    void expose() {
      LAST.set(this);
    }
  }

  private static Holder inside(Actor actor) throws Exception {
    actor.handle(null, TestMessage.call("expose", null));
    return Holder.LAST.get();
  }

  /// The plain collections that the tracked ones must equal.
  private record Model(
      List<Entry> list, List<Object> any, Map<String, Entry> map, Map<String, Object> anyMap) {
    static Model initial() {
      return new Model(
          new ArrayList<>(),
          new ArrayList<>(List.of("initial")),
          new TreeMap<>(),
          new TreeMap<>(Map.of("initial", 1L)));
    }

    Model copy() {
      return new Model(
          new ArrayList<>(list), new ArrayList<>(any), new TreeMap<>(map), new TreeMap<>(anyMap));
    }

    void requireSame(Holder holder, String when) {
      assertThat(holder.list).as(when).isEqualTo(list);
      assertThat(holder.any).as(when).isEqualTo(any);
      assertThat(holder.map).as(when).isEqualTo(map);
      assertThat(holder.anyMap).as(when).isEqualTo(anyMap);
      if ((Object) holder.map instanceof TrackedMap) { // not a map assigned in this turn
        assertThat(new ArrayList<>(holder.map.keySet()))
            .as(when)
            .isEqualTo(List.copyOf(map.keySet()));
      }
      assertThat(holder.list).as(when).hasSameHashCodeAs(list).hasToString(list.toString());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void randomOperations_commitsRollbacksAndRestarts_equalTheModel(long series) throws Exception {
    ActorType type = AnnotatedActors.bind(Holder.class);
    for (int run = 0; run < RUNS; run++) {
      long seed = series * 1_000_000 + run;
      Random random = new Random(seed);
      Actor actor = type.create();
      DurableState state = (DurableState) actor;
      state.restore(List.of());
      List<StateChange> log = new ArrayList<>();
      Model model = Model.initial();
      Model committed = model.copy();
      for (int step = 0; step < STEPS; step++) {
        String when = "seed " + seed + " step " + step;
        Holder holder = inside(actor);
        switch (random.nextInt(14)) {
          case 0 -> {
            log.addAll(state.drainChanges());
            committed = model.copy();
            assertThat(state.drainChanges()).as(when).isEmpty();
          }
          case 1 -> {
            state.rollback();
            model = committed.copy();
            assertThat(state.drainChanges()).as(when).isEmpty();
          }
          case 2 -> {
            state.restore(log); // a crash: what was not drained is lost
            model = committed.copy();
          }
          case 3 -> {
            state.restore(folded(log));
            model = committed.copy();
          }
          default -> operate(random, holder, model);
        }
        // Not always: a list that nobody reads must stay correct, too.
        if (random.nextInt(3) == 0) {
          model.requireSame(inside(actor), when);
        }
      }
      log.addAll(state.drainChanges());
      model.requireSame(inside(actor), "seed " + seed);
      Actor again = type.create();
      ((DurableState) again).restore(log);
      model.requireSame(inside(again), "seed " + seed + " restored");
    }
  }

  /// What a store may make of a log: the same content in fewer changes, entries in any order.
  private static List<StateChange> folded(List<StateChange> log) {
    Map<String, List<StateChange>> lists = new TreeMap<>();
    Map<String, Map<String, StateChange>> maps = new TreeMap<>();
    for (StateChange change : log) {
      switch (change.op()) {
        case APPEND -> lists.computeIfAbsent(change.field(), f -> new ArrayList<>()).add(change);
        case PUT ->
            maps.computeIfAbsent(change.field(), f -> new HashMap<>()).put(change.chunk(), change);
        case DELETE -> maps.get(change.field()).remove(change.chunk());
        case CLEAR -> {
          lists.computeIfAbsent(change.field(), f -> new ArrayList<>()).clear();
          maps.computeIfAbsent(change.field(), f -> new HashMap<>()).clear();
        }
      }
    }
    List<StateChange> result = new ArrayList<>();
    for (String field : List.of("list", "any")) {
      if (lists.containsKey(field)) {
        result.add(StateChange.clear(field));
        result.addAll(lists.get(field));
      }
    }
    for (String field : List.of("map", "anyMap")) {
      if (maps.containsKey(field)) {
        result.add(StateChange.clear(field));
        List<StateChange> entries = new ArrayList<>(maps.get(field).values());
        Collections.reverse(entries);
        result.addAll(entries);
      }
    }
    return result;
  }

  private static void operate(Random random, Holder holder, Model model) {
    if (random.nextBoolean()) {
      onList(random, holder, model);
    } else {
      onMap(random, holder, model);
    }
  }

  private static void onList(Random random, Holder holder, Model model) {
    Entry entry = new Entry("e" + random.nextInt(8), random.nextInt(100));
    int size = model.list.size();
    int index = size == 0 ? 0 : random.nextInt(size);
    switch (random.nextInt(16)) {
      case 0 -> {
        holder.list.add(index, entry);
        model.list.add(index, entry);
      }
      case 1 -> {
        if (size > 0) {
          assertThat(holder.list.set(index, entry)).isEqualTo(model.list.set(index, entry));
        }
      }
      case 2 -> {
        if (size > 0) {
          assertThat(holder.list.remove(index)).isEqualTo(model.list.remove(index));
        }
      }
      case 3 -> assertThat(holder.list.remove(entry)).isEqualTo(model.list.remove(entry));
      case 4 -> {
        holder.list.sort(Comparator.comparing(Entry::n));
        model.list.sort(Comparator.comparing(Entry::n));
      }
      case 5 ->
          assertThat(holder.list.removeIf(e -> e.n % 5 == 0))
              .isEqualTo(model.list.removeIf(e -> e.n % 5 == 0));
      case 6 -> {
        if (random.nextInt(4) == 0) {
          holder.list.clear();
          model.list.clear();
        }
      }
      case 7 -> {
        int from = size == 0 ? 0 : random.nextInt(size);
        holder.list.subList(from, size).clear();
        model.list.subList(from, size).clear();
      }
      case 8 -> {
        holder.list.replaceAll(e -> new Entry(e.name, e.n + 1));
        model.list.replaceAll(e -> new Entry(e.name, e.n + 1));
      }
      case 9 -> {
        for (List<Entry> list : List.of(holder.list, model.list)) {
          ListIterator<Entry> each = list.listIterator();
          while (each.hasNext()) {
            Entry e = each.next();
            if (e.n % 7 == 0) {
              each.remove();
            } else if (e.n % 7 == 1) {
              each.set(entry);
            }
          }
        }
      }
      case 10 -> {
        List<Entry> more = List.of(entry, new Entry("x", 1));
        holder.list.addAll(index, more);
        model.list.addAll(index, more);
      }
      case 11 -> {
        holder.list = new ArrayList<>(List.of(entry, entry));
        model.list.clear();
        model.list.addAll(List.of(entry, entry));
      }
      case 12 -> {
        holder.any.add(Map.of("n", entry.n, "list", List.of(1L)));
        model.any.add(Map.of("n", entry.n, "list", List.of(1L)));
        holder.any.add(null);
        model.any.add(null);
      }
      default -> {
        holder.list.add(entry);
        model.list.add(entry);
      }
    }
  }

  private static void onMap(Random random, Holder holder, Model model) {
    Entry entry = new Entry("e" + random.nextInt(8), random.nextInt(100));
    String key = "k" + random.nextInt(12);
    switch (random.nextInt(12)) {
      case 0, 1 -> assertThat(holder.map.remove(key)).isEqualTo(model.map.remove(key));
      case 2 -> {
        if (random.nextInt(4) == 0) {
          holder.map.clear();
          model.map.clear();
        }
      }
      case 3 -> {
        holder.map.merge(key, entry, (a, b) -> new Entry(a.name, a.n + b.n));
        model.map.merge(key, entry, (a, b) -> new Entry(a.name, a.n + b.n));
      }
      case 4 -> {
        for (Map<String, Entry> map : List.of(holder.map, model.map)) {
          Iterator<Map.Entry<String, Entry>> each = map.entrySet().iterator();
          while (each.hasNext()) {
            Map.Entry<String, Entry> e = each.next();
            if (e.getValue().n % 3 == 0) {
              each.remove();
            } else {
              e.setValue(new Entry(e.getKey(), e.getValue().n + 1));
            }
          }
        }
      }
      case 5 -> {
        holder.map = new HashMap<>(Map.of(key, entry));
        model.map.clear();
        model.map.put(key, entry);
      }
      case 6 -> {
        holder.map.values().removeIf(e -> e.n > 80);
        model.map.values().removeIf(e -> e.n > 80);
      }
      case 7 -> {
        holder.anyMap.put(key, null);
        model.anyMap.put(key, null);
        assertThat(holder.anyMap.containsKey(key)).isTrue();
      }
      case 8 -> {
        holder.anyMap.put("", List.of(entry.n));
        model.anyMap.put("", List.of(entry.n));
        assertThat(holder.anyMap.remove(key)).isEqualTo(model.anyMap.remove(key));
      }
      default -> assertThat(holder.map.put(key, entry)).isEqualTo(model.map.put(key, entry));
    }
  }
}
