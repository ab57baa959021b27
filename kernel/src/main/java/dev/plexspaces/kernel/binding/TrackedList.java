package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.journal.StateChange;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.RandomAccess;
import java.util.function.Predicate;

/// The list behind a `@State` field of type `List`: knows what changed since its baseline.
///
/// Appending is journalled as the appended elements alone, whatever the size. Any other change is
/// allowed and journals the whole list once per commit, so a list that is trimmed should be trimmed
/// rarely and by much. Elements are frozen on the way in and never `null`, unless the field is a
/// list of `Object`.
///
/// A restored list stays text until it is first read; appending does not read it.
final class TrackedList extends AbstractList<Object> implements RandomAccess {

  /// Elements written as one chunk.
  private static final int CHUNK_ELEMENTS_MAX = 1_000;

  // Invariant: the baseline is `before` if set, else everything in `stored` followed by the first
  // `saved` of `items`; `before` is set by the first change that is not an append behind `saved`.
  private final StateField field;
  private List<byte[]> stored;
  private ArrayList<Object> items;
  private int saved;
  private Object[] before;

  /// The baseline is known from the class's own initializer and not from the journal.
  private boolean unstored;

  private TrackedList(StateField field, ArrayList<Object> items) {
    this.field = field;
    this.items = items;
  }

  /// A list whose baseline is `initial`, not journalled so far.
  static TrackedList initial(StateField field, Iterable<?> initial) {
    TrackedList list = new TrackedList(field, field.freezeAll(initial));
    list.saved = list.items.size();
    list.unstored = list.saved > 0;
    return list;
  }

  /// A list that was assigned to the field: all of it is new.
  static TrackedList assigned(StateField field, Iterable<?> values) {
    TrackedList list = new TrackedList(field, field.freezeAll(values));
    list.before = new Object[0];
    return list;
  }

  /// A list as it was journalled: JSON arrays in order.
  static TrackedList restored(StateField field, List<byte[]> chunks) {
    TrackedList list = new TrackedList(field, new ArrayList<>(0));
    list.stored = chunks.isEmpty() ? null : chunks;
    return list;
  }

  /// Adds what changed since the baseline, and leaves the baseline as it is.
  void changes(List<StateChange> into) {
    if (before == null && items.size() == saved) {
      return;
    }
    int from = saved;
    if (before != null || unstored) {
      into.add(StateChange.clear(field.name()));
      from = 0;
    }
    for (; from < items.size(); from += CHUNK_ELEMENTS_MAX) {
      int to = Math.min(items.size(), from + CHUNK_ELEMENTS_MAX);
      into.add(StateChange.append(field.name(), field.encode(items.subList(from, to))));
    }
  }

  /// Makes the present content the baseline.
  void commit() {
    if (before != null || items.size() > saved) {
      unstored = false;
    }
    before = null;
    saved = items.size();
  }

  /// Returns to the baseline.
  void rollback() {
    modCount++;
    if (before != null) {
      items = new ArrayList<>(Arrays.asList(before));
      before = null;
    } else {
      items.subList(saved, items.size()).clear();
    }
  }

  private ArrayList<Object> items() {
    if (stored != null) {
      ArrayList<Object> all = field.decodeAll(stored);
      saved += all.size();
      all.addAll(items);
      items = all;
      stored = null;
    }
    return items;
  }

  /// Prepares a change of elements from `index` on.
  private ArrayList<Object> touch(int index) {
    ArrayList<Object> all = items();
    if (before == null && index < saved) {
      before = all.subList(0, saved).toArray();
    }
    return all;
  }

  @Override
  public Object get(int index) {
    return items().get(index);
  }

  @Override
  public int size() {
    return items().size();
  }

  @Override
  public boolean isEmpty() {
    return stored == null && items.isEmpty();
  }

  @Override
  public boolean add(Object element) {
    items.add(field.freezeElement(element));
    modCount++;
    return true;
  }

  @Override
  public void add(int index, Object element) {
    Object frozen = field.freezeElement(element);
    if (index == items().size()) {
      items.add(frozen);
    } else {
      items.get(index); // out of bounds before anything is touched
      touch(index).add(index, frozen);
    }
    modCount++;
  }

  @Override
  public Object set(int index, Object element) {
    Object frozen = field.freezeElement(element);
    Object old = items().get(index);
    if (old != frozen) {
      touch(index).set(index, frozen);
    }
    return old;
  }

  @Override
  public Object remove(int index) {
    items().get(index);
    modCount++;
    return touch(index).remove(index);
  }

  @Override
  protected void removeRange(int from, int to) {
    if (from < to) {
      touch(from).subList(from, to).clear();
      modCount++;
    }
  }

  @Override
  public boolean removeIf(Predicate<? super Object> filter) {
    ArrayList<Object> kept = new ArrayList<>(items().size());
    for (Object element : items) {
      if (!filter.test(element)) {
        kept.add(element);
      }
    }
    if (kept.size() == items.size()) {
      return false;
    }
    touch(0);
    items = kept;
    modCount++;
    return true;
  }

  @Override
  public void sort(Comparator<? super Object> order) {
    touch(0).sort(order);
    modCount++;
  }

  @Override
  public Object[] toArray() {
    return items().toArray();
  }
}
