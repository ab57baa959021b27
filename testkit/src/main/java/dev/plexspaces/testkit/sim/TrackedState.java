package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/// The state of a simulated actor: values, maps of values and lists of texts, and what changed in
/// them. The smallest honest [DurableState].
final class TrackedState implements DurableState {

  private final TreeMap<String, TreeMap<String, Object>> fields = new TreeMap<>();
  private final TreeMap<String, List<Object>> lists = new TreeMap<>();
  private final List<StateChange> changes = new ArrayList<>();
  private final List<Runnable> undo = new ArrayList<>();

  long number(String field, String chunk) {
    TreeMap<String, Object> map = fields.get(field);
    return map != null && map.get(chunk) instanceof Number n ? n.longValue() : 0;
  }

  boolean has(String field, String chunk) {
    TreeMap<String, Object> map = fields.get(field);
    return map != null && map.containsKey(chunk);
  }

  TreeMap<String, Object> map(String field) {
    return fields.getOrDefault(field, new TreeMap<>());
  }

  List<Object> list(String field) {
    return lists.getOrDefault(field, List.of());
  }

  void put(String field, String chunk, Object value) {
    TreeMap<String, Object> map = fields.computeIfAbsent(field, f -> new TreeMap<>());
    Object before = map.put(chunk, value);
    undo.add(before == null ? () -> map.remove(chunk) : () -> map.put(chunk, before));
    changes.add(StateChange.put(field, chunk, Json.write(value)));
  }

  void remove(String field, String chunk) {
    TreeMap<String, Object> map = fields.computeIfAbsent(field, f -> new TreeMap<>());
    Object before = map.remove(chunk);
    if (before != null) {
      undo.add(() -> map.put(chunk, before));
      changes.add(StateChange.delete(field, chunk));
    }
  }

  void append(String field, String element) {
    List<Object> list = lists.computeIfAbsent(field, f -> new ArrayList<>());
    list.add(element);
    undo.add(list::removeLast);
    changes.add(StateChange.append(field, Json.write(List.of(element))));
  }

  @Override
  public List<StateChange> drainChanges() {
    List<StateChange> drained = List.copyOf(changes);
    changes.clear();
    undo.clear();
    return drained;
  }

  @Override
  public void rollback() {
    for (int i = undo.size() - 1; i >= 0; i--) {
      undo.get(i).run();
    }
    changes.clear();
    undo.clear();
  }

  @Override
  public void restore(List<StateChange> from) {
    fields.clear();
    lists.clear();
    changes.clear();
    undo.clear();
    for (StateChange change : from) {
      switch (change.op()) {
        case PUT ->
            fields
                .computeIfAbsent(change.field(), f -> new TreeMap<>())
                .put(change.chunk(), Json.parse(change.data()));
        case DELETE ->
            fields.computeIfAbsent(change.field(), f -> new TreeMap<>()).remove(change.chunk());
        case APPEND ->
            lists
                .computeIfAbsent(change.field(), f -> new ArrayList<>())
                .addAll((List<?>) Json.parse(change.data()));
        case CLEAR -> {
          fields.remove(change.field());
          lists.remove(change.field());
        }
      }
    }
  }

  /// Everything, as one text that is equal for equal states.
  @Override
  public String toString() {
    // A field that was rolled back to nothing is as good as one that never was.
    fields.values().removeIf(TreeMap::isEmpty);
    lists.values().removeIf(List::isEmpty);
    return new String(Json.canonical(List.of(fields, lists)), StandardCharsets.UTF_8);
  }
}
