package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Turns plain trees into values of one Java type, for good: all rules are here.
///
/// All that is wrong with the fields of an object is said at once; of a list, the first element.
///
/// Nothing is coerced. Numbers must be numbers, an integer must be written as one and fit; `long`s
/// are taken for `double` and `BigDecimal`; unknown fields of a record are refused by name, absent
/// primitives too, absent objects are `null`. Only in *textual* trees, which come from query
/// strings and configuration, may numbers and booleans be given as text, and one value for a list
/// of one.
///
/// Types: primitives and their boxes, `BigInteger`, `BigDecimal`, `Number`, `String`, enums (by
/// name or its lower case), `Instant`, `Duration` (ISO text), `byte[]` (base64), `Optional`,
/// `List`, `Map<String, …>`, records, and `Object` for any tree. Made once, used by any thread.
public abstract sealed class Conversion {

  /// Places that are named in one error: a client gets to see what to mend next, not a book.
  static final int PLACES_MAX = 20;

  /// Longest piece of a client's text repeated in an error, characters.
  private static final int EXCERPT_MAX = 40;

  private static final Set<Class<?>> SCALARS =
      Set.of(
          boolean.class,
          Boolean.class,
          byte.class,
          Byte.class,
          short.class,
          Short.class,
          int.class,
          Integer.class,
          long.class,
          Long.class,
          float.class,
          Float.class,
          double.class,
          Double.class,
          char.class,
          Character.class,
          BigInteger.class,
          BigDecimal.class,
          String.class,
          Instant.class,
          Duration.class);

  private static final ClassValue<Conversion> OF_CLASS =
      new ClassValue<>() {
        @Override
        protected Conversion computeValue(Class<?> type) {
          return make(type, Map.of(), new HashMap<>());
        }
      };

  /// Where a tree comes from, which decides what may be forgiven.
  enum Mode {
    /// A message.
    STRICT,
    /// A query string or configuration: all is text.
    TEXTUAL,
    /// Our own disk.
    STORED
  }

  final Class<?> raw;
  private final boolean primitive;

  private Conversion(Class<?> type) {
    this.raw = MethodType.methodType(type).wrap().returnType();
    this.primitive = type.isPrimitive();
  }

  /// The conversion to `type`.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when the type, or one inside it, is not supported
  public static Conversion of(Type type) {
    return type instanceof Class<?> c ? OF_CLASS.get(c) : make(type, Map.of(), new HashMap<>());
  }

  /// Converts a tree, strictly.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming the path and what is wrong there
  public static <T> T to(Class<T> type, Object tree) {
    @SuppressWarnings("unchecked")
    T value = (T) of(type).convert(tree, false);
    return value;
  }

  /// The error of a tree that does not fit.
  ///
  /// @param wrong what is wrong where, the first [#PLACES_MAX] of which are named; a field of "" is
  ///   the whole
  public static PlexException invalid(List<FieldViolation> wrong) {
    List<FieldViolation> named = wrong.stream().limit(PLACES_MAX).toList();
    String text =
        named.stream()
            .map(v -> v.field().isEmpty() ? v.description() : v.field() + ": " + v.description())
            .collect(Collectors.joining("; "));
    return new PlexException(ErrorCode.INVALID_MESSAGE, text, named, null);
  }

  /// True for a type whose values are immutable and hold nothing else.
  static boolean isScalar(Class<?> type) {
    return SCALARS.contains(type) || type.isEnum();
  }

  /// True when an absent value is refused.
  public final boolean required() {
    return primitive;
  }

  /// The class of the values, boxed.
  public final Class<?> raw() {
    return raw;
  }

  /// True when values can hold nothing mutable and nothing nested.
  public final boolean scalar() {
    return isScalar(raw);
  }

  /// Converts a tree.
  ///
  /// @param textual numbers and booleans may be text, and one value may stand for a list
  /// @throws PlexException `INVALID_MESSAGE` naming the path and what is wrong there
  public final Object convert(Object tree, boolean textual) {
    try {
      return apply(tree, textual ? Mode.TEXTUAL : Mode.STRICT);
    } catch (Mismatch e) {
      throw e.error();
    }
  }

  /// Converts the value of a named field; the error's path begins with the name.
  ///
  /// @throws PlexException as [#convert]
  public final Object convertField(String name, Object tree, boolean textual) {
    try {
      return apply(tree, textual ? Mode.TEXTUAL : Mode.STRICT);
    } catch (Mismatch e) {
      throw e.inField(name).error();
    }
  }

  /// The value for an absent field.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when there is none
  public final Object absentField(String name) {
    try {
      return absent();
    } catch (Mismatch e) {
      throw e.inField(name).error();
    }
  }

  /// Returns an equal value of this type that nobody can change, as it would be after it was stored
  /// and loaded.
  ///
  /// @throws IllegalArgumentException when the value, or one inside it, is not of its declared type
  public final Object freeze(Object value) {
    try {
      return frozen(value);
    } catch (Mismatch e) {
      throw new IllegalArgumentException(e.text());
    }
  }

  /// Converts a stored tree, which may have been written by another version of the class: fields a
  /// record no longer has are ignored, and a primitive it did not have is zero or false.
  ///
  /// @throws PlexException as [#convert]
  public final Object load(Object tree) {
    try {
      return apply(tree, Mode.STORED);
    } catch (Mismatch e) {
      throw e.error();
    }
  }

  /// The conversion of the elements of a list or the values of a map; empty for other types.
  public final Optional<Conversion> element() {
    return Optional.ofNullable(inside());
  }

  /// Freezes an element of a list or map; unlike a field it must not be `null`, unless it is an
  /// `Object`.
  ///
  /// @throws IllegalArgumentException as [#freeze]
  public final Object freezeElement(Object value) {
    if (value == null && !allowsNull()) {
      throw new IllegalArgumentException("must not be null");
    }
    return freeze(value);
  }

  Conversion inside() {
    return null;
  }

  abstract Object apply(Object tree, Mode mode);

  Object frozen(Object value) {
    if (value == null) {
      return absent();
    }
    if (!raw.isInstance(value)) {
      throw new Mismatch(
          "must be of type " + raw.getSimpleName() + ", is " + value.getClass().getSimpleName());
    }
    return value;
  }

  Object absent() {
    if (primitive) {
      throw new Mismatch("is required");
    }
    return null;
  }

  /// The value of a component that was added after the record was stored.
  Object zero() {
    return primitive ? Array.get(Array.newInstance(unboxed(), 1), 0) : absent();
  }

  private Class<?> unboxed() {
    return MethodType.methodType(raw).unwrap().returnType();
  }

  /// True when `null` is a value like any other, also inside lists and maps.
  boolean allowsNull() {
    return false;
  }

  /// True when values are plain trees.
  boolean tree() {
    return raw == Long.class
        || raw == String.class
        || raw == Boolean.class
        || raw == Double.class
        || raw == Object.class;
  }

  /// A client's text, short enough for an error.
  static String excerpt(String text) {
    return text.length() <= EXCERPT_MAX ? text : text.substring(0, EXCERPT_MAX) + "…";
  }

  private static String kind(Object tree) {
    return switch (tree) {
      case null -> "null";
      case String s -> "a string";
      case Number n -> "a number";
      case Boolean b -> "a boolean";
      case Iterable<?> i -> "a list";
      case Map<?, ?> m -> "an object";
      case Record r -> "an object";
      default -> "another kind of value";
    };
  }

  private static Mismatch mustBe(String expected, Object actual) {
    return new Mismatch("must be " + expected + ", got " + kind(actual));
  }

  private static Mismatch mustBeLike(String expected, String actual) {
    return new Mismatch("must be " + expected + ", got '" + excerpt(actual) + "'");
  }

  // Construction.

  private static Conversion make(
      Type type, Map<TypeVariable<?>, Type> bound, Map<Class<?>, RecordOf> open) {
    return switch (type) {
      case Class<?> c -> ofClass(c, bound, open);
      case ParameterizedType p -> ofGeneric(p, bound, open);
      case WildcardType w -> make(w.getUpperBounds()[0], bound, open);
      case TypeVariable<?> v ->
          make(bound.containsKey(v) ? bound.get(v) : v.getBounds()[0], Map.of(), open);
      default -> throw unsupported(type);
    };
  }

  private static Conversion ofClass(
      Class<?> c, Map<TypeVariable<?>, Type> bound, Map<Class<?>, RecordOf> open) {
    Class<?> boxed = MethodType.methodType(c).wrap().returnType();
    if (boxed == Boolean.class) {
      return new BooleanOf(c);
    }
    if (boxed == Character.class
        || c == String.class
        || c == Instant.class
        || c == Duration.class
        || c == byte[].class) {
      return new TextOf(c);
    }
    if (Number.class.isAssignableFrom(boxed) && (SCALARS.contains(c) || c == Number.class)) {
      return new NumberOf(c);
    }
    if (c.isEnum()) {
      return new EnumOf(c);
    }
    if (c.isRecord()) {
      return record(c, bound, open);
    }
    if (c == Object.class) {
      return new Any();
    }
    if (c == Optional.class) {
      return new OptionalOf(new Any());
    }
    if (c.isInterface() && c.isAssignableFrom(List.class)) {
      return new ListOf(c, new Any());
    }
    if (c == Map.class) {
      return new MapOf(new Any());
    }
    throw unsupported(c);
  }

  private static Conversion ofGeneric(
      ParameterizedType p, Map<TypeVariable<?>, Type> bound, Map<Class<?>, RecordOf> open) {
    Class<?> c = (Class<?>) p.getRawType();
    Type[] arguments = p.getActualTypeArguments();
    if (c == Optional.class) {
      return new OptionalOf(make(arguments[0], bound, open));
    }
    if (c.isInterface() && c.isAssignableFrom(List.class)) {
      return new ListOf(c, make(arguments[0], bound, open));
    }
    if (c == Map.class && arguments[0] == String.class) {
      return new MapOf(make(arguments[1], bound, open));
    }
    if (c.isRecord()) {
      Map<TypeVariable<?>, Type> inner = new HashMap<>();
      for (int i = 0; i < arguments.length; i++) {
        Type argument = arguments[i];
        inner.put(
            c.getTypeParameters()[i],
            argument instanceof TypeVariable<?> v && bound.containsKey(v)
                ? bound.get(v)
                : argument);
      }
      // Different arguments make different conversions, so a generic record is not shared.
      return record(c, inner, new HashMap<>(open));
    }
    throw unsupported(p);
  }

  private static Conversion record(
      Class<?> c, Map<TypeVariable<?>, Type> bound, Map<Class<?>, RecordOf> open) {
    RecordOf known = open.get(c);
    if (known != null) {
      return known; // a record that contains itself
    }
    RecordOf made = new RecordOf(c);
    open.put(c, made);
    for (int i = 0; i < made.components.length; i++) {
      made.components[i] = make(made.shape.type(i), bound, open);
    }
    return made;
  }

  private static PlexException unsupported(Type type) {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        "type "
            + type.getTypeName()
            + " is not supported; use primitives, String, BigInteger, BigDecimal, enums, Instant,"
            + " Duration, Optional, List, Map<String, …>, records of these or, but for a @State"
            + " field, byte[]");
  }

  // The kinds.

  private static final class BooleanOf extends Conversion {
    BooleanOf(Class<?> type) {
      super(type);
    }

    @Override
    Object apply(Object tree, Mode mode) {
      if (tree instanceof Boolean b) {
        return b;
      }
      if (mode == Mode.TEXTUAL && tree instanceof String s) {
        return switch (s) {
          case "true" -> true;
          case "false" -> false;
          default -> throw mustBeLike("true or false", s);
        };
      }
      if (tree == null && !required()) {
        return null;
      }
      throw mustBe("true or false", tree);
    }
  }

  private static final class NumberOf extends Conversion {
    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

    NumberOf(Class<?> type) {
      super(type);
    }

    @Override
    Object apply(Object tree, Mode mode) {
      if (tree instanceof Long n && raw == Long.class) {
        return n;
      }
      if (tree == null && !required()) {
        return null;
      }
      if (mode == Mode.TEXTUAL && tree instanceof String s) {
        Number number = Json.number(s);
        if (number == null) {
          throw mustBeLike("a number", s);
        }
        return number(number);
      }
      if (tree instanceof Number n) {
        return number(n);
      }
      throw mustBe("a number", tree);
    }

    @Override
    Object frozen(Object value) {
      return raw == Number.class ? Frozen.tree(super.frozen(value)) : super.frozen(value);
    }

    private Object number(Number n) {
      return switch (raw.getSimpleName()) {
        case "Long" -> integer(n, 64);
        case "Integer" -> (int) integer(n, 32);
        case "Short" -> (short) integer(n, 16);
        case "Byte" -> (byte) integer(n, 8);
        case "Double" -> inRange(n.doubleValue(), n, 64);
        case "Float" -> (float) inRange(n.floatValue(), n, 32);
        case "BigInteger" -> bigInteger(n);
        case "BigDecimal" -> bigDecimal(n);
        default -> n;
      };
    }

    private static long integer(Number n, int bits) {
      long value;
      if (n instanceof Long || n instanceof Integer || n instanceof Short || n instanceof Byte) {
        value = n.longValue();
      } else {
        BigInteger big = bigInteger(n);
        if (big.compareTo(LONG_MIN) < 0 || big.compareTo(LONG_MAX) > 0) {
          throw new Mismatch("does not fit in a " + bits + "-bit integer");
        }
        value = big.longValue();
      }
      int unused = Long.SIZE - bits;
      if (value << unused >> unused != value) {
        throw new Mismatch("does not fit in a " + bits + "-bit integer");
      }
      return value;
    }

    private static double inRange(double value, Number source, int bits) {
      boolean infinite = source instanceof Double d && d.isInfinite();
      if (Double.isInfinite(value) && !infinite) {
        throw new Mismatch("does not fit in a " + bits + "-bit float");
      }
      return value;
    }

    private static BigInteger bigInteger(Number n) {
      return switch (n) {
        case BigInteger b -> b;
        case Double d -> throw mustBeLike("an integer", d.toString());
        case Float f -> throw mustBeLike("an integer", f.toString());
        case BigDecimal d -> throw mustBeLike("an integer", d.toString());
        default -> BigInteger.valueOf(n.longValue());
      };
    }

    private static BigDecimal bigDecimal(Number n) {
      return switch (n) {
        case BigDecimal d -> d;
        case BigInteger b -> new BigDecimal(b);
        case Double d when Double.isFinite(d) -> BigDecimal.valueOf(d);
        case Double d -> throw mustBeLike("a finite number", d.toString());
        case Float f -> new BigDecimal(f.toString());
        default -> BigDecimal.valueOf(n.longValue());
      };
    }
  }

  /// Everything that is a string in JSON but an enum.
  private static final class TextOf extends Conversion {
    TextOf(Class<?> type) {
      super(type);
    }

    @Override
    Object apply(Object tree, Mode mode) {
      if (tree instanceof String s) {
        return raw == String.class ? s : read(s);
      }
      if (tree instanceof byte[] bytes && raw == byte[].class) {
        return bytes.clone();
      }
      if (raw.isInstance(tree)) {
        return tree;
      }
      if (tree == null && !required()) {
        return null;
      }
      throw mustBe("a string", tree);
    }

    private Object read(String s) {
      try {
        if (raw == Instant.class) {
          return Instant.parse(s);
        }
        if (raw == Duration.class) {
          return Duration.parse(s);
        }
        if (raw == byte[].class) {
          return Base64.getDecoder().decode(s);
        }
        if (s.length() == 1) {
          return s.charAt(0);
        }
        throw mustBeLike("one character", s);
      } catch (DateTimeException e) {
        String expected =
            raw == Instant.class
                ? "a time such as 2026-01-31T12:00:00Z"
                : "a duration such as PT5S";
        throw mustBeLike(expected, s);
      } catch (IllegalArgumentException e) {
        throw mustBeLike("base64", s);
      }
    }

    @Override
    Object frozen(Object value) {
      return super.frozen(value) instanceof byte[] bytes ? bytes.clone() : value;
    }
  }

  private static final class EnumOf extends Conversion {
    private final Map<String, Object> constants = new HashMap<>();
    private final String names;

    EnumOf(Class<?> type) {
      super(type);
      StringBuilder list = new StringBuilder();
      for (Object constant : type.getEnumConstants()) {
        String name = ((Enum<?>) constant).name();
        String lower = name.toLowerCase(Locale.ROOT);
        constants.putIfAbsent(lower, constant);
        list.append(list.isEmpty() ? "" : ", ").append(lower);
      }
      for (Object constant : type.getEnumConstants()) {
        constants.put(((Enum<?>) constant).name(), constant);
      }
      names = list.toString();
    }

    @Override
    Object apply(Object tree, Mode mode) {
      if (tree == null || raw.isInstance(tree)) {
        return tree;
      }
      if (!(tree instanceof String s)) {
        throw mustBe("a string", tree);
      }
      Object constant = constants.get(s);
      if (constant == null) {
        throw mustBeLike("one of " + names, s);
      }
      return constant;
    }
  }

  private static final class Any extends Conversion {
    Any() {
      super(Object.class);
    }

    @Override
    Object apply(Object tree, Mode mode) {
      try {
        return Frozen.copy(tree);
      } catch (IllegalArgumentException e) {
        throw new Mismatch(e.getMessage());
      }
    }

    @Override
    Object frozen(Object value) {
      try {
        return Frozen.tree(value);
      } catch (IllegalArgumentException e) {
        throw new Mismatch(e.getMessage());
      }
    }

    @Override
    boolean allowsNull() {
      return true;
    }
  }

  private static final class OptionalOf extends Conversion {
    private final Conversion inner;

    OptionalOf(Conversion inner) {
      super(Optional.class);
      this.inner = inner;
    }

    @Override
    Object apply(Object tree, Mode mode) {
      Object value = tree instanceof Optional<?> o ? o.orElse(null) : tree;
      return value == null ? Optional.empty() : Optional.of(inner.apply(value, mode));
    }

    @Override
    Object frozen(Object value) {
      return value instanceof Optional<?> o && o.isPresent()
          ? Optional.of(inner.frozen(o.get()))
          : Optional.empty();
    }

    @Override
    Object absent() {
      return Optional.empty();
    }

    @Override
    boolean allowsNull() {
      return true;
    }
  }

  private static final class ListOf extends Conversion {
    private final Conversion element;

    ListOf(Class<?> type, Conversion element) {
      super(type);
      this.element = element;
    }

    @Override
    Object apply(Object tree, Mode mode) {
      if (tree == null) {
        return null;
      }
      if (tree instanceof FrozenList list && element instanceof Any) {
        return list;
      }
      Iterable<?> source;
      if (tree instanceof Iterable<?> list) {
        source = list;
      } else if (tree.getClass().isArray()) {
        source = JsonWriter.elements(tree);
      } else if (mode == Mode.TEXTUAL) {
        source = List.of(tree);
      } else {
        throw mustBe("a list", tree);
      }
      return each(source, mode);
    }

    @Override
    Conversion inside() {
      return element;
    }

    @Override
    Object frozen(Object value) {
      return switch (value) {
        case null -> null;
        case FrozenList list when list.tree && element instanceof Any -> list;
        case Iterable<?> list -> each(list, null);
        default -> super.frozen(value);
      };
    }

    /// @param mode null to freeze values instead of converting trees
    private Object each(Iterable<?> source, Mode mode) {
      int[] index = {0};
      return FrozenList.copyOf(
          source,
          e -> {
            int at = index[0]++;
            try {
              if (e == null && !element.allowsNull()) {
                throw new Mismatch("must not be null");
              }
              return mode == null ? element.frozen(e) : element.apply(e, mode);
            } catch (Mismatch m) {
              throw m.inElement(at);
            }
          },
          element.tree() && (mode == null || !(element instanceof Any)));
    }
  }

  private static final class MapOf extends Conversion {
    private final Conversion element;

    MapOf(Conversion element) {
      super(Map.class);
      this.element = element;
    }

    @Override
    Object apply(Object tree, Mode mode) {
      return switch (tree) {
        case null -> null;
        case FrozenMap map when element instanceof Any -> map;
        case Map<?, ?> map -> each(map, mode);
        case Record r -> apply(Frozen.tree(r), mode);
        default -> throw mustBe("an object", tree);
      };
    }

    @Override
    Object frozen(Object value) {
      return switch (value) {
        case null -> null;
        case FrozenMap map when map.tree && element instanceof Any -> map;
        case Map<?, ?> map -> each(map, null);
        default -> super.frozen(value);
      };
    }

    /// @param mode null to freeze values instead of converting trees
    private Object each(Map<?, ?> source, Mode mode) {
      try {
        return FrozenMap.copyOf(
            source,
            (name, value) -> {
              try {
                if (value == null && !element.allowsNull()) {
                  throw new Mismatch("must not be null");
                }
                return mode == null ? element.frozen(value) : element.apply(value, mode);
              } catch (Mismatch m) {
                throw m.inField(name);
              }
            },
            element.tree() && (mode == null || !(element instanceof Any)));
      } catch (IllegalArgumentException e) {
        throw new Mismatch(e.getMessage()); // a key that is not a string
      }
    }

    @Override
    Conversion inside() {
      return element;
    }
  }

  private static final class RecordOf extends Conversion {
    final RecordShape shape;
    final Conversion[] components;

    RecordOf(Class<?> type) {
      super(type);
      shape = RecordShape.of(type);
      components = new Conversion[shape.size()];
    }

    @Override
    Object apply(Object tree, Mode mode) {
      if (tree == null || raw.isInstance(tree)) {
        return tree;
      }
      Object source = tree instanceof Record other ? Frozen.tree(other) : tree;
      if (!(source instanceof Map<?, ?> map)) {
        throw mustBe("an object", tree);
      }
      Object[] values = new Object[components.length];
      int found = 0;
      Mismatch wrong = null;
      for (int i = 0; i < values.length; i++) {
        String name = shape.name(i);
        Object value = map.get(name);
        try {
          if (value != null || map.containsKey(name)) {
            found++;
            values[i] = components[i].apply(value, mode);
          } else {
            values[i] = mode == Mode.STORED ? components[i].zero() : components[i].absent();
          }
        } catch (Mismatch e) {
          wrong = Mismatch.both(wrong, e.inField(name));
        }
      }
      if (found < map.size() && mode != Mode.STORED) {
        wrong = Mismatch.both(wrong, unknownField(map));
      }
      if (wrong != null) {
        throw wrong;
      }
      return construct(values);
    }

    private Object construct(Object[] values) {
      try {
        return shape.construct(values);
      } catch (PlexException e) {
        if (e.violations().size() == 1) {
          FieldViolation violation = e.violations().getFirst();
          throw new Mismatch(violation.description()).inField(violation.field());
        }
        throw new Mismatch(e.getMessage());
      } catch (IllegalArgumentException e) {
        throw new Mismatch(e.getMessage() == null ? "is not acceptable" : e.getMessage());
      } catch (RuntimeException e) {
        throw new Mismatch("is incomplete or not acceptable");
      }
    }

    private Mismatch unknownField(Map<?, ?> map) {
      Set<String> known = Set.copyOf(names());
      for (Object name : map.keySet()) {
        if (!known.contains(name)) {
          return new Mismatch(
                  known.isEmpty()
                      ? "unknown field; there are none"
                      : "unknown field; there are: " + String.join(", ", names()))
              .inField(String.valueOf(name));
        }
      }
      throw new IllegalStateException("a map with more entries than keys");
    }

    private List<String> names() {
      String[] names = new String[shape.size()];
      for (int i = 0; i < names.length; i++) {
        names[i] = shape.name(i);
      }
      return List.of(names);
    }

    @Override
    Object frozen(Object value) {
      Object record = super.frozen(value);
      if (record == null || shape.flat()) {
        return record;
      }
      Object[] values = shape.values(record);
      boolean changed = false;
      for (int i = 0; i < values.length; i++) {
        try {
          Object frozen = components[i].frozen(values[i]);
          changed |= frozen != values[i];
          values[i] = frozen;
        } catch (Mismatch e) {
          throw e.inField(shape.name(i));
        }
      }
      return changed ? shape.construct(values) : record;
    }
  }
}
