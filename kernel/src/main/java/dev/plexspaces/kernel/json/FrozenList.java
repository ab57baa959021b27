package dev.plexspaces.kernel.json;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.Collection;
import java.util.RandomAccess;
import java.util.function.UnaryOperator;

/// A list of frozen elements, `null` among them.
public final class FrozenList extends AbstractList<Object> implements Frozen, RandomAccess {

  static final FrozenList EMPTY = new FrozenList(new Object[0]);

  private final Object[] elements;

  /// True when everything inside is a plain tree, as made by [Json#parse].
  final boolean tree;

  /// @param elements plain trees; handed over
  FrozenList(Object[] elements) {
    this(elements, true);
  }

  FrozenList(Object[] elements, boolean tree) {
    this.elements = elements;
    this.tree = tree;
  }

  static FrozenList copyOf(Iterable<?> source, UnaryOperator<Object> freeze, boolean tree) {
    Object[] copy = new Object[source instanceof Collection<?> sized ? sized.size() : 8];
    int size = 0;
    for (Object element : source) {
      if (size == copy.length) {
        copy = Arrays.copyOf(copy, size * 2 + 1);
      }
      copy[size++] = freeze.apply(element);
    }
    return new FrozenList(size == copy.length ? copy : Arrays.copyOf(copy, size), tree);
  }

  @Override
  public Object get(int index) {
    return elements[index];
  }

  @Override
  public int size() {
    return elements.length;
  }

  @Override
  public Object set(int index, Object element) {
    throw unchangeable();
  }

  @Override
  public void add(int index, Object element) {
    throw unchangeable();
  }

  @Override
  public Object remove(int index) {
    throw unchangeable();
  }

  private static UnsupportedOperationException unchangeable() {
    return Frozen.unchangeable("list", "ArrayList<>(list)");
  }

  @Override
  public Object[] toArray() {
    return Arrays.copyOf(elements, elements.length, Object[].class);
  }
}
