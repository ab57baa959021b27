package dev.plexspaces.kernel.json;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/// A list or map that never changes, all the way down: it may be handed to another actor or kept as
/// state without a copy.
public sealed interface Frozen permits FrozenList, FrozenMap {

  /// Deepest nesting [#copy] follows before it takes the value for a cycle.
  int NESTING_MAX = Json.NESTING_MAX_STORED;

  /// Returns a value equal to `value` that nobody can change: scalars, enums and records of such as
  /// they are, maps, iterables and arrays copied unless they are frozen already.
  ///
  /// @throws IllegalArgumentException for a type that is none of these, naming it, and for NaN and
  ///   infinities, which JSON cannot carry
  static Object copy(Object value) {
    return copy(value, false, 0);
  }

  /// Like [#copy], in the form it has after it was written to JSON and read back: integers as
  /// `Long`, `Float` as `Double`, records and maps as maps, enums and times as text.
  ///
  /// @throws IllegalArgumentException as [#copy]
  static Object tree(Object value) {
    return copy(value, true, 0);
  }

  /// Somebody tries to change one.
  static UnsupportedOperationException unchangeable(String what, String copy) {
    return new UnsupportedOperationException(
        ("a %s that was sent, received or put into @State never changes; change a copy (new %s) and"
                + " put that in its place")
            .formatted(what, copy));
  }

  private static Object copy(Object value, boolean tree, int depth) {
    if (depth > NESTING_MAX) {
      throw new IllegalArgumentException("a value nested deeper than " + NESTING_MAX + " levels");
    }
    return switch (value) {
      case null -> null;
      case String s -> s;
      case Long n -> n;
      case Boolean b -> b;
      case Double d -> finite(d, d);
      case Frozen f when !tree || isTree(f) -> f;
      case Integer n -> tree ? (Object) (long) n : n;
      case Short n -> tree ? (Object) (long) n : n;
      case Byte n -> tree ? (Object) (long) n : n;
      case Float n -> finite(tree ? (Object) Double.valueOf(n.toString()) : n, n);
      case BigInteger n -> tree && n.bitLength() < Long.SIZE ? (Object) n.longValue() : n;
      case BigDecimal n -> tree ? decimal(n) : n;
      case Character c -> tree ? c.toString() : c;
      case Enum<?> e -> tree ? e.name() : e;
      case Instant i -> tree ? i.toString() : i;
      case Duration d -> tree ? d.toString() : d;
      case Optional<?> o ->
          tree ? copy(o.orElse(null), true, depth) : o.map(v -> copy(v, false, depth + 1));
      case Record r -> record(r, tree, depth);
      case Map<?, ?> m -> map(m, tree, depth);
      case Iterable<?> i -> FrozenList.copyOf(i, e -> copy(e, tree, depth + 1), tree);
      case byte[] b -> tree ? JsonWriter.base64(b) : b.clone();
      default -> {
        if (value.getClass().isArray()) {
          yield FrozenList.copyOf(JsonWriter.elements(value), e -> copy(e, tree, depth + 1), tree);
        }
        throw new IllegalArgumentException(
            JsonWriter.kind(value)
                + "; use records, strings, numbers, booleans, enums, Instant, Duration, lists or"
                + " maps");
      }
    };
  }

  private static Object finite(Object value, double number) {
    if (!Double.isFinite(number)) {
      throw new IllegalArgumentException(number + ", which is not a JSON number");
    }
    return value;
  }

  private static boolean isTree(Frozen frozen) {
    return switch (frozen) {
      case FrozenList list -> list.tree;
      case FrozenMap map -> map.tree;
    };
  }

  /// What is read back for `value`: an integer, a double, or itself when that would change it.
  private static Object decimal(BigDecimal value) {
    if (value.scale() == 0) {
      return copy(value.toBigIntegerExact(), true, 0);
    }
    double near = value.doubleValue();
    return !Double.isInfinite(near) && BigDecimal.valueOf(near).equals(value)
        ? (Object) near
        : value;
  }

  private static Object map(Map<?, ?> map, boolean tree, int depth) {
    return FrozenMap.copyOf(map, (name, value) -> copy(value, tree, depth + 1), tree);
  }

  private static Object record(Record record, boolean tree, int depth) {
    RecordShape shape = RecordShape.of(record.getClass());
    if (!tree && shape.flat() && !shape.floating()) {
      return record;
    }
    Object[] values = shape.values(record);
    boolean changed = false;
    for (int i = 0; i < values.length; i++) {
      Object copy = copy(values[i], tree, depth + 1);
      changed |= copy != values[i];
      values[i] = copy;
    }
    if (tree) {
      return shape.map(values, true);
    }
    return changed ? shape.construct(values) : record;
  }
}
