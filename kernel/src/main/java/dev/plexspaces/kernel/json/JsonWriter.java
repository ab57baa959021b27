package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Writes one value as UTF-8 text into a growing buffer.
///
/// Written by hand because a reply of a hundred bytes costs less here than setting up a generator.
final class JsonWriter {

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] NULL = "null".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] TRUE = "true".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] FALSE = "false".getBytes(StandardCharsets.US_ASCII);

  private final boolean sorted;
  private byte[] buffer = new byte[128];
  private int size;

  private JsonWriter(boolean sorted) {
    this.sorted = sorted;
  }

  static byte[] write(Object value, boolean sorted) {
    if (value instanceof Long n) {
      return n.toString().getBytes(StandardCharsets.ISO_8859_1); // most state fields are numbers
    }
    JsonWriter writer = new JsonWriter(sorted);
    try {
      writer.value(value, 0);
    } catch (Mismatch e) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, "JSON: " + e.text());
    }
    return Arrays.copyOf(writer.buffer, writer.size);
  }

  private void value(Object value, int depth) {
    switch (value) {
      case null -> raw(NULL);
      case String s -> string(s);
      case Long n -> number(n);
      case Integer n -> number(n);
      case Boolean b -> raw(b ? TRUE : FALSE);
      case Double d -> finite(d, d.toString());
      case FrozenMap m when !sorted -> pairs(m.pairs, depth + 1);
      case Map<?, ?> m -> map(m, depth + 1);
      case Iterable<?> i -> list(i, depth + 1);
      case Record r -> record(r, depth + 1);
      case Float f -> finite(f, f.toString());
      case Short n -> number(n);
      case Byte n -> number(n);
      case BigInteger n -> ascii(bounded(n.toString()));
      case BigDecimal n -> decimal(n);
      case Enum<?> e -> string(e.name());
      case Instant i -> string(i.toString());
      case Duration d -> string(d.toString());
      case Optional<?> o -> value(o.orElse(null), depth + 1);
      case CharSequence s -> string(s.toString());
      case Character c -> string(c.toString());
      case byte[] b -> string(base64(b));
      default -> {
        if (!value.getClass().isArray()) {
          throw new Mismatch(kind(value) + " cannot be written as JSON");
        }
        list(elements(value), depth + 1);
      }
    }
  }

  /// What JSON cannot carry, in the words of those who wrote it.
  static String kind(Object value) {
    return value instanceof ActorRef
        ? "an actor reference"
        : "a value of type " + value.getClass().getSimpleName();
  }

  static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  static List<Object> elements(Object array) {
    return new AbstractList<>() {
      @Override
      public Object get(int index) {
        return Array.get(array, index);
      }

      @Override
      public int size() {
        return Array.getLength(array);
      }
    };
  }

  /// The text of a map key.
  static String key(Object key) {
    return switch (key) {
      case String s -> s;
      case Enum<?> e -> e.name();
      case null -> throw new IllegalArgumentException("a map key that is null");
      default ->
          throw new IllegalArgumentException(
              "a map key of type " + key.getClass().getSimpleName() + "; keys must be strings");
    };
  }

  private void map(Map<?, ?> map, int depth) {
    requireDepth(depth);
    Map<?, ?> source = map;
    if (sorted) {
      TreeMap<String, Object> ordered = new TreeMap<>();
      map.forEach((name, value) -> ordered.put(keyOf(name), value));
      source = ordered;
    }
    put('{');
    boolean first = true;
    for (Map.Entry<?, ?> entry : source.entrySet()) {
      if (!first) {
        put(',');
      }
      first = false;
      member(keyOf(entry.getKey()), entry.getValue(), depth);
    }
    put('}');
  }

  private static String keyOf(Object key) {
    try {
      return key(key);
    } catch (IllegalArgumentException e) {
      throw new Mismatch(e.getMessage());
    }
  }

  private void pairs(Object[] pairs, int depth) {
    requireDepth(depth);
    put('{');
    for (int i = 0; i < pairs.length; i += 2) {
      if (i > 0) {
        put(',');
      }
      member((String) pairs[i], pairs[i + 1], depth);
    }
    put('}');
  }

  private void member(String name, Object value, int depth) {
    if (name.length() > Json.NAME_LENGTH_MAX) {
      throw new Mismatch("a name longer than " + Json.NAME_LENGTH_MAX + " characters");
    }
    try {
      string(name);
      put(':');
      value(value, depth);
    } catch (Mismatch e) {
      throw e.inField(name);
    }
  }

  private void record(Record record, int depth) {
    RecordShape shape = RecordShape.of(record.getClass());
    Object[] values = shape.values(record);
    if (sorted) {
      map(shape.map(values, false), depth);
      return;
    }
    requireDepth(depth);
    put('{');
    for (int i = 0; i < values.length; i++) {
      if (i > 0) {
        put(',');
      }
      raw(shape.quotedName(i));
      put(':');
      try {
        value(values[i], depth);
      } catch (Mismatch e) {
        throw e.inField(shape.name(i));
      }
    }
    put('}');
  }

  private void list(Iterable<?> list, int depth) {
    requireDepth(depth);
    put('[');
    int index = 0;
    for (Object element : list) {
      if (index > 0) {
        put(',');
      }
      try {
        value(element, depth);
      } catch (Mismatch e) {
        throw e.inElement(index);
      }
      index++;
    }
    put(']');
  }

  private static void requireDepth(int depth) {
    if (depth > Json.NESTING_MAX_STORED) {
      throw new Mismatch("nested deeper than " + Json.NESTING_MAX_STORED + " levels");
    }
  }

  private void finite(double value, String text) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      throw new Mismatch(text + " is not a JSON number");
    }
    ascii(text);
  }

  private void decimal(BigDecimal value) {
    double near = value.doubleValue();
    if (Double.isInfinite(near) || (near == 0 && value.signum() != 0)) {
      throw new Mismatch("a number beyond the range of a 64-bit float");
    }
    ascii(bounded(value.toString()));
  }

  private static String bounded(String number) {
    if (number.length() > Json.NUMBER_LENGTH_MAX) {
      throw new Mismatch("a number longer than " + Json.NUMBER_LENGTH_MAX + " characters");
    }
    return number;
  }

  private void number(long value) {
    if (value == Long.MIN_VALUE) {
      ascii("-9223372036854775808");
      return;
    }
    ensure(20);
    long rest = Math.abs(value);
    if (value < 0) {
      buffer[size++] = '-';
    }
    int digits = 1;
    for (long power = 10; digits < 19 && rest >= power; power *= 10) {
      digits++;
    }
    int at = size + digits;
    size = at;
    do {
      buffer[--at] = (byte) ('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
  }

  private void string(String s) {
    if (s.length() > Json.STRING_LENGTH_MAX) {
      throw new Mismatch("a string longer than " + Json.STRING_LENGTH_MAX + " characters");
    }
    int length = s.length();
    ensure(length + 2);
    buffer[size++] = '"';
    int i = 0;
    for (; i < length; i++) {
      char c = s.charAt(i);
      if (c < ' ' || c > '~' || c == '"' || c == '\\') {
        break;
      }
      buffer[size++] = (byte) c;
    }
    if (i < length) {
      rest(s, i);
    }
    put('"');
  }

  private void rest(String s, int from) {
    int length = s.length();
    for (int i = from; i < length; i++) {
      ensure(6);
      char c = s.charAt(i);
      if (c < 0x80) {
        character(c);
      } else if (c < 0x800) {
        buffer[size++] = (byte) (0xC0 | c >> 6);
        buffer[size++] = (byte) (0x80 | c & 0x3F);
      } else if (!Character.isSurrogate(c)) {
        buffer[size++] = (byte) (0xE0 | c >> 12);
        buffer[size++] = (byte) (0x80 | c >> 6 & 0x3F);
        buffer[size++] = (byte) (0x80 | c & 0x3F);
      } else {
        if (Character.isLowSurrogate(c)
            || i + 1 == length
            || !Character.isLowSurrogate(s.charAt(i + 1))) {
          throw new Mismatch("half a surrogate pair in a string");
        }
        int point = Character.toCodePoint(c, s.charAt(++i));
        buffer[size++] = (byte) (0xF0 | point >> 18);
        buffer[size++] = (byte) (0x80 | point >> 12 & 0x3F);
        buffer[size++] = (byte) (0x80 | point >> 6 & 0x3F);
        buffer[size++] = (byte) (0x80 | point & 0x3F);
      }
    }
  }

  private void character(char c) {
    char escape =
        switch (c) {
          case '"', '\\' -> c;
          case '\n' -> 'n';
          case '\r' -> 'r';
          case '\t' -> 't';
          case '\b' -> 'b';
          case '\f' -> 'f';
          default -> 0;
        };
    if (escape != 0) {
      buffer[size++] = '\\';
      buffer[size++] = (byte) escape;
    } else if (c >= ' ') {
      buffer[size++] = (byte) c;
    } else {
      buffer[size++] = '\\';
      buffer[size++] = 'u';
      buffer[size++] = '0';
      buffer[size++] = '0';
      buffer[size++] = HEX[c >> 4];
      buffer[size++] = HEX[c & 15];
    }
  }

  private void ascii(String text) {
    int length = text.length();
    ensure(length);
    for (int i = 0; i < length; i++) {
      buffer[size++] = (byte) text.charAt(i);
    }
  }

  private void raw(byte[] text) {
    ensure(text.length);
    System.arraycopy(text, 0, buffer, size, text.length);
    size += text.length;
  }

  private void put(char c) {
    ensure(1);
    buffer[size++] = (byte) c;
  }

  private void ensure(int room) {
    if (room > buffer.length - size) {
      buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, size + room));
    }
  }

  /// Index of the first surrogate without its other half, or -1.
  static int unpairedSurrogate(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == s.length()
            || !Character.isLowSurrogate(s.charAt(i + 1))) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }
}
