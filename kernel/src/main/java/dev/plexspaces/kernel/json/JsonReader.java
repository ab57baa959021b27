package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.PlexException;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HashMap;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// Builds the tree of one document.
///
/// Children are pushed on one growing stack and cut off as exactly sized arrays when their list or
/// object ends, so that nothing but the tree itself is allocated.
final class JsonReader {

  /// Any decimal of so many characters survives as a double.
  private static final int DOUBLE_SAFE_LENGTH = 16;

  /// Within these bounds a double prints without exponent.
  private static final double PLAIN_MIN = 1e-3;

  private static final double PLAIN_MAX = 1e7;

  private final JsonParser parser;
  private final byte[] text;
  private final int nestingMax;
  private Object[] stack = new Object[32];
  private int top;

  JsonReader(JsonParser parser, byte[] text, int nestingMax) {
    this.parser = parser;
    this.text = text;
    this.nestingMax = nestingMax;
  }

  Object document() {
    JsonToken first = parser.nextToken();
    if (first == null) {
      throw Json.invalid(text, text.length, "there is no text");
    }
    Object tree = value(first, 0);
    if (parser.nextToken() != null) {
      throw Json.invalid(text, tokenStart(), "more text after the end of the value");
    }
    return tree;
  }

  private Object value(JsonToken token, int depth) {
    return switch (token) {
      case START_OBJECT -> object(depth + 1);
      case START_ARRAY -> list(depth + 1);
      case VALUE_STRING -> wellFormed(parser.getString());
      case VALUE_NUMBER_INT ->
          parser.getNumberValue() instanceof Integer small
              ? (Object) (long) small
              : parser.getNumberValue();
      case VALUE_NUMBER_FLOAT -> decimal();
      case VALUE_TRUE -> Boolean.TRUE;
      case VALUE_FALSE -> Boolean.FALSE;
      case VALUE_NULL -> null;
      default -> throw Json.invalid(text, tokenStart(), "the text is not JSON here");
    };
  }

  private Object list(int depth) {
    requireDepth(depth);
    int base = top;
    JsonToken token;
    while ((token = parser.nextToken()) != JsonToken.END_ARRAY) {
      push(value(token, depth));
    }
    Object[] elements = cut(base);
    return elements.length == 0 ? FrozenList.EMPTY : new FrozenList(elements);
  }

  private Object object(int depth) {
    requireDepth(depth);
    int base = top;
    HashMap<String, Object> index = null;
    String name;
    while ((name = parser.nextName()) != null) {
      requireNew(name, base, index);
      int nameAt = top;
      push(wellFormed(name));
      Object value = value(parser.nextToken(), depth);
      push(value);
      if (index != null) {
        index.put(name, value);
      } else if ((nameAt - base) / 2 >= FrozenMap.SCAN_MAX) {
        index = FrozenMap.index(stack, base, top);
      }
    }
    Object[] pairs = cut(base);
    return pairs.length == 0 ? FrozenMap.EMPTY : new FrozenMap(pairs, index);
  }

  private void requireNew(String name, int base, HashMap<String, Object> index) {
    boolean known = false;
    if (index != null) {
      known = index.containsKey(name);
    } else {
      for (int i = base; i < top && !known; i += 2) {
        known = name.equals(stack[i]);
      }
    }
    if (known) {
      throw Json.invalid(text, tokenStart(), "member '" + Conversion.excerpt(name) + "' twice");
    }
  }

  private void requireDepth(int depth) {
    if (depth > nestingMax) {
      throw Json.invalid(text, tokenStart(), "nested deeper than " + nestingMax + " levels");
    }
  }

  /// A double where it says exactly what the text says, trailing zeros included: `10.50` stays a
  /// `BigDecimal` so that an amount of money survives being stored as it was.
  private Object decimal() {
    double value = parser.getDoubleValue();
    if (Double.isInfinite(value)) {
      throw beyondRange();
    }
    int length = parser.getStringLength();
    double size = Math.abs(value);
    if (length <= DOUBLE_SAFE_LENGTH && size >= PLAIN_MIN && size < PLAIN_MAX) {
      char[] chars = parser.getStringCharacters();
      int end = parser.getStringOffset() + length - 1;
      if (isPlain(chars, parser.getStringOffset(), end)) {
        return value;
      }
    }
    BigDecimal exact = new BigDecimal(parser.getString());
    if (value == 0 && exact.signum() != 0) {
      throw beyondRange();
    }
    if (exact.scale() == 0) {
      // Such as 2.5e1, which would be written as an integer.
      return exact.compareTo(BigDecimal.valueOf(value)) == 0 ? (Object) value : exact.setScale(1);
    }
    return exact.equals(BigDecimal.valueOf(value)) ? (Object) value : exact;
  }

  /// True when the text has no exponent and no trailing zero besides that of `.0`.
  private static boolean isPlain(char[] chars, int from, int last) {
    for (int i = from; i <= last; i++) {
      if ((chars[i] | 0x20) == 'e') {
        return false;
      }
    }
    return chars[last] != '0' || chars[last - 1] == '.';
  }

  private PlexException beyondRange() {
    return Json.invalid(text, tokenStart(), "a number beyond the range of a 64-bit float");
  }

  /// An escape such as `\ud800` alone names no character and could not be written again.
  private String wellFormed(String string) {
    if (JsonWriter.unpairedSurrogate(string) >= 0) {
      throw Json.invalid(text, tokenStart(), "half a surrogate pair");
    }
    return string;
  }

  private int tokenStart() {
    return Math.clamp(parser.currentTokenLocation().getByteOffset(), 0, text.length);
  }

  private void push(Object value) {
    if (top == stack.length) {
      stack = Arrays.copyOf(stack, top * 2);
    }
    stack[top++] = value;
  }

  private Object[] cut(int base) {
    Object[] part = Arrays.copyOfRange(stack, base, top);
    Arrays.fill(stack, base, top, null);
    top = base;
    return part;
  }
}
