package dev.plexspaces.testkit.contract;

import static dev.plexspaces.testkit.contract.Commits.bytes;
import static dev.plexspaces.testkit.contract.Commits.text;

import dev.plexspaces.kernel.journal.StateChange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/// An actor's state as plain maps and lists: the oracle for folding. Elements of lists are whatever
/// stands between the commas, so tests use elements without commas.
public final class StateModel {

  private final Map<String, Map<String, String>> entries = new TreeMap<>();
  private final Map<String, List<String>> lists = new TreeMap<>();

  public void apply(StateChange change) {
    String field = change.field();
    switch (change.op()) {
      case PUT ->
          entries
              .computeIfAbsent(field, f -> new TreeMap<>())
              .put(change.chunk(), text(change.data()));
      case DELETE -> entries.computeIfAbsent(field, f -> new TreeMap<>()).remove(change.chunk());
      case APPEND -> {
        String array = text(change.data()).strip();
        String inside = array.substring(1, array.length() - 1);
        lists
            .computeIfAbsent(field, f -> new ArrayList<>())
            .addAll(Arrays.stream(inside.split(",")).map(String::strip).toList());
      }
      case CLEAR -> {
        entries.computeIfAbsent(field, f -> new TreeMap<>()).clear();
        lists.computeIfAbsent(field, f -> new ArrayList<>()).clear();
      }
    }
  }

  /// One to four changes: a value `v`, maps `m0` and `m1`, lists `l0` and `l1`.
  static StateChange[] randomChanges(Random random) {
    StateChange[] changes = new StateChange[1 + random.nextInt(4)];
    for (int i = 0; i < changes.length; i++) {
      String map = "m" + random.nextInt(2);
      String list = "l" + random.nextInt(2);
      String key = random.nextInt(8) == 0 ? "" : "k\u00e9" + random.nextInt(6);
      changes[i] =
          switch (random.nextInt(12)) {
            case 0, 1 -> StateChange.put("v", "", bytes("" + random.nextInt(100)));
            case 2, 3, 4 -> StateChange.put(map, key, bytes("\"" + random.nextInt(100) + "\""));
            case 5, 6 -> StateChange.delete(map, key);
            case 7 -> StateChange.clear(random.nextBoolean() ? map : list);
            case 8 -> StateChange.append(list, bytes(" [ " + random.nextInt(100) + " ,7 ] "));
            default -> StateChange.append(list, bytes("[" + random.nextInt(100) + "]"));
          };
    }
    return changes;
  }

  /// `{field={key=json}, list=[json, json]}`, names in order; a field without content is left out.
  @Override
  public String toString() {
    Map<String, Object> all = new TreeMap<>();
    entries.forEach(
        (field, map) -> {
          if (!map.isEmpty()) {
            all.put(field, map);
          }
        });
    lists.forEach(
        (field, list) -> {
          if (!list.isEmpty()) {
            all.put(field, list);
          }
        });
    return all.toString();
  }
}
