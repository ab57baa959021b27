package dev.plexspaces.kernel.json;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import tools.jackson.core.JacksonException;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;

/// JSON text to plain trees and back.
///
/// A tree is `null`, a `Boolean`, a `Long` (`BigInteger` when it does not fit), a `Double`
/// (`BigDecimal` when a double would lose digits), a `String`, a [FrozenList] or a [FrozenMap] with
/// the members in the order of the text. Whatever [#write] accepts, [#parse(byte[])] reads back.
/// All methods may be called by any thread. Source: RFC 8259, read strictly.
public final class Json {

  /// Deepest nesting of lists and objects in text from outside.
  public static final int NESTING_MAX = 200;

  /// Deepest nesting in text of our own making, which wraps what came from outside.
  public static final int NESTING_MAX_STORED = 1_000;

  /// Longest number, characters of text.
  public static final int NUMBER_LENGTH_MAX = 1_000;

  /// Longest string, UTF-16 units.
  public static final int STRING_LENGTH_MAX = 16 * 1024 * 1024;

  /// Longest member name, UTF-16 units.
  public static final int NAME_LENGTH_MAX = 50_000;

  /// Parse buffers kept for the next document.
  private static final int BUFFERS_MAX = 64;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .recyclerPool(JsonRecyclerPools.newBoundedPool(BUFFERS_MAX))
          .disable(TokenStreamFactory.Feature.CHARSET_DETECTION)
          .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(NESTING_MAX_STORED + 1) // JsonReader counts; this never fires
                  .maxNumberLength(NUMBER_LENGTH_MAX)
                  .maxStringLength(STRING_LENGTH_MAX)
                  .maxNameLength(NAME_LENGTH_MAX)
                  .build())
          .build();

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long NON_ASCII = 0x8080808080808080L;

  private Json() {}

  /// Reads text from outside.
  ///
  /// @param bytesMax longest text, bytes
  /// @throws PlexException `INVALID_MESSAGE` with line and column when it is not well-formed JSON
  ///   in UTF-8, has a member twice, a number that does not fit, or exceeds a bound of this class
  public static Object parse(byte[] json, int bytesMax) {
    if (json.length > bytesMax) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "JSON: " + json.length + " bytes; at most " + bytesMax + " are accepted");
    }
    return parse(json, NESTING_MAX, true);
  }

  /// Reads text of our own making, such as stored state.
  ///
  /// @throws PlexException `INVALID_MESSAGE`, as [#parse(byte[], int)]
  public static Object parse(byte[] json) {
    return parse(json, NESTING_MAX_STORED, true);
  }

  /// Reads text given as a string.
  ///
  /// @throws PlexException `INVALID_MESSAGE`, as [#parse(byte[], int)]
  public static Object parse(String json) {
    int lone = JsonWriter.unpairedSurrogate(json);
    if (lone >= 0) {
      byte[] before = json.substring(0, lone).getBytes(StandardCharsets.UTF_8);
      throw invalid(before, before.length, "half a surrogate pair");
    }
    return parse(json.getBytes(StandardCharsets.UTF_8), NESTING_MAX, false);
  }

  /// Writes a tree, or any mix of maps with string or enum keys, iterables, arrays, strings,
  /// numbers, booleans, enums (their names), `Instant`, `Duration` (ISO text), `Optional` (its
  /// value or `null`), `byte[]` (base64) and records (an object of their components).
  ///
  /// @return text in UTF-8 without white space
  /// @throws PlexException `INVALID_MESSAGE` naming the path of a value that JSON cannot carry:
  ///   NaN, an infinity, half a surrogate pair, nesting beyond [#NESTING_MAX_STORED], another type
  public static byte[] write(Object value) {
    return JsonWriter.write(value, false);
  }

  /// [#write] as a string.
  public static String text(Object value) {
    return new String(write(value), StandardCharsets.UTF_8);
  }

  /// Like [#write] with the members of every object sorted by name (as UTF-16), so that equal
  /// values have equal text.
  public static byte[] canonical(Object value) {
    return JsonWriter.write(value, true);
  }

  /// A hash of the [#canonical] text; the same in every JVM and release. Not for secrets.
  public static long hash(Object value) {
    byte[] text = canonical(value);
    // Multiply and rotate over little-endian words, then mix: our own arrangement, frozen by a
    // test.
    long hash = 0x9E3779B97F4A7C15L ^ text.length;
    int at = 0;
    for (; at + Long.BYTES <= text.length; at += Long.BYTES) {
      hash = step(hash, (long) LONGS.get(text, at));
    }
    long tail = 0;
    for (int shift = 0; at < text.length; at++, shift += Byte.SIZE) {
      tail |= (text[at] & 0xFFL) << shift;
    }
    hash = step(hash, tail);
    hash = (hash ^ (hash >>> 29)) * 0xBF58476D1CE4E5B9L;
    return hash ^ (hash >>> 32);
  }

  private static long step(long hash, long word) {
    return Long.rotateLeft((hash ^ word) * 0xD6E8FEB86659FD93L, 27);
  }

  /// Reads one JSON number such as `5` or `-1.5e3`.
  ///
  /// @return null when the text is anything else
  static Number number(String text) {
    if (text.isEmpty() || text.length() > NUMBER_LENGTH_MAX) {
      return null;
    }
    char first = text.charAt(0);
    char last = text.charAt(text.length() - 1);
    if ((first != '-' && !isDigit(first)) || !isDigit(last)) {
      return null;
    }
    try {
      return parse(text) instanceof Number number ? number : null;
    } catch (PlexException notANumber) {
      return null;
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static Object parse(byte[] json, int nestingMax, boolean checkUtf8) {
    if (checkUtf8) {
      int bad = invalidUtf8(json);
      if (bad >= 0) {
        throw invalid(json, bad, "bytes that are not UTF-8");
      }
    }
    try (var parser = FACTORY.createParser(ObjectReadContext.empty(), json, 0, json.length)) {
      return new JsonReader(parser, json, nestingMax).document();
    } catch (UnexpectedEndOfInputException e) {
      throw invalid(json, json.length, "the text ends too early");
    } catch (StreamConstraintsException e) {
      throw invalid(
          json,
          offset(e, json),
          "a number longer than %d characters, a string longer than %d or a name longer than %d"
              .formatted(NUMBER_LENGTH_MAX, STRING_LENGTH_MAX, NAME_LENGTH_MAX));
    } catch (JacksonException e) {
      int at = offset(e, json);
      throw invalid(
          json, at, at >= json.length ? "the text ends too early" : "the text is not JSON here");
    }
  }

  private static int offset(JacksonException e, byte[] json) {
    long at = e.getLocation() == null ? 0 : e.getLocation().getByteOffset();
    return Math.clamp(at, 0, json.length);
  }

  /// An error at a byte of a text, as line and column (characters), both from 1.
  static PlexException invalid(byte[] json, int offset, String problem) {
    int line = 1;
    int column = 1;
    for (int i = 0; i < offset; i++) {
      if (json[i] == '\n') {
        line++;
        column = 1;
      } else if ((json[i] & 0xC0) != 0x80) {
        column++;
      }
    }
    return new PlexException(
        ErrorCode.INVALID_MESSAGE, "JSON, line " + line + ", column " + column + ": " + problem);
  }

  /// The first byte that is not part of well-formed UTF-8, or -1. The parser underneath lets
  /// over-long forms and encoded surrogates pass.
  private static int invalidUtf8(byte[] b) {
    int i = 0;
    while (i < b.length) {
      while (i + Long.BYTES <= b.length && ((long) LONGS.get(b, i) & NON_ASCII) == 0) {
        i += Long.BYTES;
      }
      if (i >= b.length) {
        break;
      }
      int first = b[i];
      if (first >= 0) {
        i++;
        continue;
      }
      int length = sequenceLength(b, i, first & 0xFF);
      if (length == 0) {
        return i;
      }
      i += length;
    }
    return -1;
  }

  /// Source: Unicode 16, table 3-7.
  private static int sequenceLength(byte[] b, int at, int first) {
    int length = first >= 0xC2 && first <= 0xDF ? 2 : first >= 0xE0 && first <= 0xEF ? 3 : 4;
    if (first < 0xC2 || first > 0xF4 || at + length > b.length) {
      return 0;
    }
    int second = b[at + 1] & 0xFF;
    int low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    int high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (second < low || second > high) {
      return 0;
    }
    for (int i = at + 2; i < at + length; i++) {
      if ((b[i] & 0xC0) != 0x80) {
        return 0;
      }
    }
    return length;
  }
}
