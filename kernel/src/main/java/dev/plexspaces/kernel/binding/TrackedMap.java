package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.journal.StateChange;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/// The map behind a `@State` field of type `Map<String, …>`: each entry is journalled on its own.
///
/// Iterates in the order of its keys, because an actor that was loaded from disk must see the order
/// it saw before. Values are frozen on the way in and never `null`, unless the field is a map of
/// `Object`. A restored value stays text until it is read.
final class TrackedMap extends AbstractMap<String, Object> {

  /// Stands in `undo` for a key that was not there.
  private static final Object ABSENT = new Object();

  // Invariant: the baseline is `before` if set, else `values` with `undo` applied. A value that is
  // a
  // byte[] is text as it was stored; no decoded value is a byte[].
  private final StateField field;
  private TreeMap<String, Object> values;
  private TreeMap<String, Object> undo;
  private TreeMap<String, Object> before;
  private boolean unstored;

  private TrackedMap(StateField field, TreeMap<String, Object> values) {
    this.field = field;
    this.values = values;
  }

  /// A map whose baseline is `initial`, not journalled so far.
  static TrackedMap initial(StateField field, Map<?, ?> initial) {
    TrackedMap map = new TrackedMap(field, freezeAll(field, initial));
    map.unstored = !initial.isEmpty();
    return map;
  }

  /// A map that was assigned to the field: all of it is new.
  static TrackedMap assigned(StateField field, Map<?, ?> entries) {
    TrackedMap map = new TrackedMap(field, freezeAll(field, entries));
    map.before = new TreeMap<>();
    return map;
  }

  private static TreeMap<String, Object> freezeAll(StateField field, Map<?, ?> entries) {
    TreeMap<String, Object> values = new TreeMap<>();
    entries.forEach((key, value) -> values.put((String) key, field.freezeElement(value)));
    return values;
  }

  /// A map as it was journalled: key to JSON text, handed over.
  static TrackedMap restored(StateField field, TreeMap<String, Object> chunks) {
    return new TrackedMap(field, chunks);
  }

  /// Adds what changed since the baseline, and leaves the baseline as it is.
  void changes(List<StateChange> into) {
    if (before != null || (unstored && undo != null)) {
      into.add(StateChange.clear(field.name()));
      values.forEach((key, value) -> put(key, value, into));
    } else if (undo != null) {
      undo.forEach(
          (key, old) -> {
            if (values.containsKey(key)) {
              Object now = values.get(key);
              if (now != old) {
                put(key, now, into);
              }
            } else if (old != ABSENT) {
              into.add(StateChange.delete(field.name(), key));
            }
          });
    }
  }

  private void put(String key, Object value, List<StateChange> into) {
    into.add(
        StateChange.put(
            field.name(), key, value instanceof byte[] text ? text : field.encode(value)));
  }

  /// Makes the present content the baseline.
  void commit() {
    if (before != null || undo != null) {
      unstored = false;
    }
    before = null;
    undo = null;
  }

  /// Returns to the baseline.
  void rollback() {
    if (before != null) {
      values = before;
      before = null;
    }
    unwind();
  }

  private void unwind() {
    if (undo != null) {
      undo.forEach(
          (key, old) -> {
            if (old == ABSENT) {
              values.remove(key);
            } else {
              values.put(key, old);
            }
          });
      undo = null;
    }
  }

  /// Call before the entry changes.
  private void remember(String key) {
    if (before == null) {
      if (undo == null) {
        undo = new TreeMap<>();
      }
      if (!undo.containsKey(key)) {
        undo.put(key, values.containsKey(key) ? values.get(key) : ABSENT);
      }
    }
  }

  @Override
  public int size() {
    return values.size();
  }

  @Override
  public boolean containsKey(Object key) {
    return key instanceof String && values.containsKey(key);
  }

  @Override
  public Object get(Object key) {
    return key instanceof String name ? decoded(name, values.get(name)) : null;
  }

  private Object decoded(String key, Object value) {
    if (value instanceof byte[] text) {
      Object made = field.decodeElement(key, text);
      values.put(key, made);
      if (undo != null) {
        undo.replace(key, text, made);
      }
      return made;
    }
    return value;
  }

  @Override
  public Object put(String key, Object value) {
    if (key == null) {
      throw new IllegalArgumentException("state field '" + field.name() + "': a key is null");
    }
    Object frozen = field.freezeElement(value);
    Object old = get(key);
    if (old != frozen || !values.containsKey(key)) {
      remember(key);
      values.put(key, frozen);
    }
    return old;
  }

  @Override
  public Object remove(Object key) {
    if (!containsKey(key)) {
      return null;
    }
    Object old = get(key);
    remember((String) key);
    values.remove(key);
    return old;
  }

  @Override
  public void clear() {
    if (values.isEmpty()) {
      return;
    }
    if (before == null) {
      // Everything up to now is undone on the map that becomes the baseline.
      TreeMap<String, Object> baseline = values;
      unwind();
      before = baseline;
    }
    values = new TreeMap<>();
  }

  @Override
  public Set<Map.Entry<String, Object>> entrySet() {
    return new AbstractSet<>() {
      @Override
      public int size() {
        return values.size();
      }

      @Override
      public void clear() {
        TrackedMap.this.clear();
      }

      @Override
      public Iterator<Map.Entry<String, Object>> iterator() {
        return new Entries();
      }
    };
  }

  private final class Entries implements Iterator<Map.Entry<String, Object>> {
    private final Iterator<Map.Entry<String, Object>> inner = values.entrySet().iterator();
    private Map.Entry<String, Object> last;

    @Override
    public boolean hasNext() {
      return inner.hasNext();
    }

    @Override
    public Map.Entry<String, Object> next() {
      last = inner.next();
      return new Slot(last.getKey());
    }

    @Override
    public void remove() {
      if (last != null) {
        remember(last.getKey());
      }
      inner.remove();
    }
  }

  /// A view of one entry.
  private final class Slot implements Map.Entry<String, Object> {
    private final String key;

    Slot(String key) {
      this.key = key;
    }

    @Override
    public String getKey() {
      return key;
    }

    @Override
    public Object getValue() {
      return TrackedMap.this.get(key);
    }

    @Override
    public Object setValue(Object value) {
      return TrackedMap.this.put(key, value);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Map.Entry<?, ?> entry
          && key.equals(entry.getKey())
          && Objects.equals(getValue(), entry.getValue());
    }

    @Override
    public int hashCode() {
      return key.hashCode() ^ Objects.hashCode(getValue());
    }

    @Override
    public String toString() {
      return key + "=" + getValue();
    }
  }
}
