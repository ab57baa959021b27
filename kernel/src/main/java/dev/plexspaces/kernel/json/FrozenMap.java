package dev.plexspaces.kernel.json;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;

/// A map with string keys and frozen values in a fixed order.
///
/// Names and values alternate in one array; above [#SCAN_MAX] members a hash index is kept as well.
public final class FrozenMap extends AbstractMap<String, Object> implements Frozen {

  /// Up to so many members a scan beats an index, and is what nearly every message has.
  static final int SCAN_MAX = 8;

  static final FrozenMap EMPTY = new FrozenMap(new Object[0], null);

  final Object[] pairs;
  private final HashMap<String, Object> index;

  /// True when everything inside is a plain tree, as made by [Json#parse].
  final boolean tree;

  /// @param pairs names and plain trees; handed over
  /// @param index name to value, null up to [#SCAN_MAX] members
  FrozenMap(Object[] pairs, HashMap<String, Object> index) {
    this(pairs, index, true);
  }

  private FrozenMap(Object[] pairs, HashMap<String, Object> index, boolean tree) {
    this.pairs = pairs;
    this.index = index;
    this.tree = tree;
  }

  static FrozenMap of(Object[] pairs, boolean tree) {
    return new FrozenMap(
        pairs, pairs.length / 2 > SCAN_MAX ? index(pairs, 0, pairs.length) : null, tree);
  }

  /// Copies a map. One without an order of its own is put in the order of its keys: the order of
  /// `Map.of` differs from JVM to JVM, and replies and journals must not.
  ///
  /// @throws IllegalArgumentException for a key that is neither string nor enum
  static FrozenMap copyOf(
      Map<?, ?> source, BiFunction<String, Object, Object> freeze, boolean tree) {
    Object[] names = source.keySet().toArray();
    boolean sort = !(source instanceof SequencedMap<?, ?> || source instanceof FrozenMap);
    Object[] pairs = new Object[names.length * 2];
    if (sort && names.length > 1) {
      TreeMap<String, Object> sorted = new TreeMap<>();
      for (Object name : names) {
        sorted.put(JsonWriter.key(name), name);
      }
      names = sorted.values().toArray();
    }
    int at = 0;
    for (Object key : names) {
      String name = JsonWriter.key(key);
      pairs[at++] = name;
      pairs[at++] = freeze.apply(name, source.get(key));
    }
    return of(at == pairs.length ? pairs : Arrays.copyOf(pairs, at), tree);
  }

  static HashMap<String, Object> index(Object[] pairs, int from, int to) {
    HashMap<String, Object> index = new HashMap<>(to - from);
    for (int i = from; i < to; i += 2) {
      index.put((String) pairs[i], pairs[i + 1]);
    }
    return index;
  }

  @Override
  public int size() {
    return pairs.length / 2;
  }

  @Override
  public Object get(Object name) {
    if (index != null) {
      return index.get(name);
    }
    int at = scan(name);
    return at < 0 ? null : pairs[at + 1];
  }

  @Override
  public boolean containsKey(Object name) {
    return index != null ? index.containsKey(name) : scan(name) >= 0;
  }

  private int scan(Object name) {
    for (int i = 0; i < pairs.length; i += 2) {
      if (pairs[i].equals(name)) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public Object put(String name, Object value) {
    throw unchangeable();
  }

  private static UnsupportedOperationException unchangeable() {
    return Frozen.unchangeable("map", "HashMap<>(map)");
  }

  @Override
  public void forEach(BiConsumer<? super String, ? super Object> action) {
    for (int i = 0; i < pairs.length; i += 2) {
      action.accept((String) pairs[i], pairs[i + 1]);
    }
  }

  @Override
  public Set<Map.Entry<String, Object>> entrySet() {
    return new AbstractSet<>() {
      @Override
      public int size() {
        return pairs.length / 2;
      }

      @Override
      public Iterator<Map.Entry<String, Object>> iterator() {
        return new Iterator<>() {
          private int at;

          @Override
          public boolean hasNext() {
            return at < pairs.length;
          }

          @Override
          public Map.Entry<String, Object> next() {
            if (at >= pairs.length) {
              throw new NoSuchElementException();
            }
            at += 2;
            return new SimpleImmutableEntry<>((String) pairs[at - 2], pairs[at - 1]);
          }

          @Override
          public void remove() {
            throw unchangeable();
          }
        };
      }
    };
  }
}
