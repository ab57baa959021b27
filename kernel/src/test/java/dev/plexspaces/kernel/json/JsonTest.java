package dev.plexspaces.kernel.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {

  private static final int ROOM = 16 * 1024 * 1024;

  enum Color {
    RED
  }

  record Point(long x, Optional<String> label, List<Integer> marks) {}

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void parse_everyKindOfValue_givesPlainTypes() {
    Map<?, ?> tree =
        (Map<?, ?>)
            Json.parse(
                """
                {"i": 5, "min": -9223372036854775808, "big": 9223372036854775808, "d": 1.5,
                 "money": 10.50, "precise": 0.1234567890123456789, "s": "ä\\u0041\\n😀",
                 "t": true, "f": false, "n": null, "list": [1, [2], {}], "empty": []}
                """);
    assertThat(tree.get("i")).isEqualTo(5L);
    assertThat(tree.get("min")).isEqualTo(Long.MIN_VALUE);
    assertThat(tree.get("big")).isEqualTo(new BigInteger("9223372036854775808"));
    assertThat(tree.get("d")).isEqualTo(1.5);
    assertThat(tree.get("money")).isEqualTo(new BigDecimal("10.50"));
    assertThat(tree.get("precise")).isEqualTo(new BigDecimal("0.1234567890123456789"));
    assertThat(tree.get("s")).isEqualTo("äA\n😀");
    assertThat(tree.get("t")).isEqualTo(true);
    assertThat(tree.get("f")).isEqualTo(false);
    assertThat(tree.containsKey("n")).isTrue();
    assertThat(tree.get("n")).isNull();
    assertThat(tree.get("list")).isEqualTo(List.of(1L, List.of(2L), Map.of()));
    assertThat(new ArrayList<Object>(tree.keySet()))
        .containsExactly(
            "i", "min", "big", "d", "money", "precise", "s", "t", "f", "n", "list", "empty");
  }

  @Test
  void parse_result_cannotBeChanged() {
    Map<?, ?> map = (Map<?, ?>) Json.parse("{\"a\":[1]}");
    assertThatThrownBy(map::clear).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> map.remove("a")).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> ((List<?>) map.get("a")).removeFirst())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|line 1, column 1: there is no text",
        "`  \n `|line 2, column 2: there is no text",
        "{|line 1, column 2: the text ends too early",
        "[1,|line 1, column 4: the text ends too early",
        "\"abc|line 1, column 5: the text ends too early",
        "tru|line 1, column 1: the text is not JSON here",
        "{} {}|line 1, column 4: more text after the end of the value",
        "1 2|line 1, column 3: more text after the end of the value",
        "{\"a\":1,\"a\":2}|line 1, column 8: member 'a' twice",
        "1e400|line 1, column 1: a number beyond the range of a 64-bit float",
        "`[1,\n 1e999999999]`|line 2, column 2: a number beyond the range of a 64-bit float",
        "-1e400|line 1, column 1: a number beyond the range of a 64-bit float",
        "1e-400|line 1, column 1: a number beyond the range of a 64-bit float",
        "\"\\ud800\"|line 1, column 1: half a surrogate pair",
        "\"\\udc00x\"|line 1, column 1: half a surrogate pair",
      })
  void parse_wrongText_saysWhereAndWhat(String text, String error) {
    assertThatThrownBy(() -> Json.parse(utf8(text), ROOM))
        .isInstanceOfSatisfying(
            PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE))
        .hasMessage("JSON, " + error);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        "1.",
        ".5",
        "0x10",
        "1e",
        "--1",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "'a'",
        "[1 2]",
        "{\"a\" 1}",
        "]",
        "}",
        "[}",
        "nul",
        "\"a\nb\"",
        "\"\\x\"",
        "// c\n1",
        "/* c */1",
        "\u0000",
        "\"\u0001\"",
        "True",
        "\uFEFF{}"
      })
  void parse_notJson_isRefusedInOurWords(String text) {
    assertThatThrownBy(() -> Json.parse(utf8(text), ROOM))
        .isInstanceOf(PlexException.class)
        .hasMessageStartingWith("JSON, line ")
        .message()
        .doesNotContain("jackson", "Jackson", "Parser", "Exception", "Stream", "code ", "token");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "C080",
        "C1BF",
        "E08080",
        "EDA080",
        "EDBFBF",
        "F0808080",
        "F4908080",
        "F5808080",
        "80",
        "BF",
        "C2",
        "E282",
        "F09F98",
        "FF",
        "FE",
        "C241",
        "FEFF00220041"
      })
  void parse_bytesThatAreNotUtf8_areRefused(String hex) {
    byte[] bad = java.util.HexFormat.of().parseHex(hex);
    byte[] text = new byte[bad.length + 12];
    Arrays.fill(text, (byte) 'a');
    text[0] = '"';
    System.arraycopy(bad, 0, text, 10, bad.length);
    text[text.length - 1] = '"';
    assertThatThrownBy(() -> Json.parse(text, ROOM))
        .hasMessage("JSON, line 1, column 11: bytes that are not UTF-8");
  }

  @Test
  void parse_utf16_isRefused() {
    assertThatThrownBy(() -> Json.parse("{\"a\":1}".getBytes(StandardCharsets.UTF_16LE), ROOM))
        .isInstanceOf(PlexException.class);
  }

  @Test
  void parse_depthAtTheBoundAndBeyond() {
    assertThat(Json.parse(utf8("[".repeat(200) + "]".repeat(200)), ROOM)).isInstanceOf(List.class);
    assertThatThrownBy(() -> Json.parse(utf8("[".repeat(201) + "]".repeat(201)), ROOM))
        .hasMessage("JSON, line 1, column 201: nested deeper than 200 levels");
    assertThatThrownBy(() -> Json.parse(utf8("{\"a\":".repeat(100_000)), ROOM))
        .hasMessageContaining("nested deeper than 200 levels");
    assertThatThrownBy(() -> Json.parse(utf8("[".repeat(100_000))))
        .hasMessageContaining("nested deeper than 1000 levels");
  }

  @Test
  void parse_boundsOfSize() {
    assertThatThrownBy(() -> Json.parse(utf8("[1,2,3]"), 6))
        .hasMessage("JSON: 7 bytes; at most 6 are accepted");
    assertThat(Json.parse(utf8("9".repeat(Json.NUMBER_LENGTH_MAX)), ROOM))
        .isInstanceOf(BigInteger.class);
    assertThatThrownBy(() -> Json.parse(utf8("9".repeat(Json.NUMBER_LENGTH_MAX + 1)), ROOM))
        .isInstanceOf(PlexException.class)
        .hasMessageContaining("a number longer than 1000 characters");
    assertThatThrownBy(
            () -> Json.parse(utf8("{\"" + "n".repeat(Json.NAME_LENGTH_MAX + 1) + "\":1}"), ROOM))
        .isInstanceOf(PlexException.class)
        .hasMessageContaining("a name longer than 50000");
  }

  @Test
  void parse_objectsAroundTheScanBound_findEveryMemberAndEveryDuplicate() {
    for (int size = 0; size <= 2 * FrozenMap.SCAN_MAX + 3; size++) {
      Map<String, Object> expected = new LinkedHashMap<>();
      for (int i = 0; i < size; i++) {
        expected.put("k" + i, (long) i);
      }
      String text = Json.text(expected);
      Map<?, ?> parsed = (Map<?, ?>) Json.parse(text);
      assertThat(parsed).isEqualTo(expected).hasSameHashCodeAs(expected);
      expected.forEach((k, v) -> assertThat(parsed.get(k)).isEqualTo(v));
      assertThat(parsed.get("other")).isNull();
      for (int i = 0; i < size; i++) {
        String twice = text.substring(0, text.length() - 1) + ",\"k" + i + "\":0}";
        assertThatThrownBy(() -> Json.parse(twice)).hasMessageContaining("twice");
      }
    }
  }

  @Test
  void parse_stringWithLoneSurrogate_isRefused() {
    assertThatThrownBy(() -> Json.parse("\"x\ud800\""))
        .hasMessage("JSON, line 1, column 3: half a surrogate pair");
  }

  @Test
  void write_everyKindOfValue() {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("s", "a\"\\\n\r\t\b\f\u0001äß€😀/");
    value.put("l", Long.MIN_VALUE);
    value.put("numbers", List.of(0, -1, (short) 2, (byte) 3, 4.5, 1.5f, 10L, 999L, 1000L));
    value.put("big", new BigInteger("123456789012345678901234567890"));
    value.put("dec", new BigDecimal("1.50"));
    value.put("b", true);
    value.put("n", null);
    value.put("e", Color.RED);
    value.put("at", Instant.parse("2026-01-31T12:00:00Z"));
    value.put("for", Duration.ofMillis(1500));
    value.put("some", Optional.of(1));
    value.put("none", Optional.empty());
    value.put("ints", new int[] {1, 2});
    value.put("bytes", new byte[] {1, 2, 3});
    value.put("rec", new Point(1, Optional.of("p"), List.of(7)));
    value.put("map", Map.of(Color.RED, 1));
    assertThat(Json.text(value))
        .isEqualTo(
            "{\"s\":\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001äß€😀/\",\"l\":-9223372036854775808,"
                + "\"numbers\":[0,-1,2,3,4.5,1.5,10,999,1000],"
                + "\"big\":123456789012345678901234567890,\"dec\":1.50,\"b\":true,\"n\":null,"
                + "\"e\":\"RED\",\"at\":\"2026-01-31T12:00:00Z\",\"for\":\"PT1.5S\",\"some\":1,"
                + "\"none\":null,\"ints\":[1,2],\"bytes\":\"AQID\","
                + "\"rec\":{\"x\":1,\"label\":\"p\",\"marks\":[7]},\"map\":{\"RED\":1}}");
  }

  private static final class Somebody implements ActorRef {
    private final String type;
    private final String key;

    Somebody(String type, String key) {
      this.type = type;
      this.key = key;
    }

    @Override
    public String type() {
      return type;
    }

    @Override
    public String key() {
      return key;
    }
  }

  @Test
  void frozen_changedInPlace_saysWhatToDo() {
    List<Object> list = new ArrayList<>(List.of(2L, 1L));
    @SuppressWarnings("unchecked")
    List<Object> frozenList = (List<Object>) Frozen.copy(list);
    for (Consumer<List<Object>> change :
        List.<Consumer<List<Object>>>of(
            l -> l.add(3L),
            l -> l.set(0, 3L),
            l -> l.remove(0),
            l -> l.addAll(List.of(3L)),
            l -> l.sort(null),
            List::clear)) {
      assertThatThrownBy(() -> change.accept(frozenList))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("change a copy");
    }
    @SuppressWarnings("unchecked")
    Map<String, Object> frozenMap = (Map<String, Object>) Frozen.copy(Map.of("a", 1L));
    for (Consumer<Map<String, Object>> change :
        List.<Consumer<Map<String, Object>>>of(
            m -> m.put("b", 1L),
            m -> m.remove("a"),
            m -> m.merge("a", 1L, (x, y) -> y),
            m -> m.putAll(Map.of("b", 1L)),
            Map::clear)) {
      assertThatThrownBy(() -> change.accept(frozenMap))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("change a copy");
    }
    assertThat(frozenList).isEqualTo(list);
    assertThat(frozenMap).isEqualTo(Map.of("a", 1L));
  }

  @Test
  void write_whatJsonCannotCarry_namesThePath() {
    record Deep(List<Map<String, Object>> items) {}
    assertThatThrownBy(() -> Json.write(new Deep(List.of(Map.of("v", Double.NaN)))))
        .isInstanceOf(PlexException.class)
        .hasMessage("JSON: items[0].v: NaN is not a JSON number");
    assertThatThrownBy(() -> Json.write(List.of("a", "\ud800")))
        .hasMessage("JSON: [1]: half a surrogate pair in a string");
    assertThatThrownBy(() -> Json.write(Map.of("o", new Object())))
        .hasMessage("JSON: o: a value of type Object cannot be written as JSON");
    assertThatThrownBy(() -> Json.write(Map.of("o", new Somebody("type", "key"))))
        .hasMessage("JSON: o: an actor reference cannot be written as JSON");
    assertThatThrownBy(() -> Frozen.copy(new Somebody("type", "key")))
        .hasMessageStartingWith("an actor reference; use records, strings,");
    assertThatThrownBy(() -> Json.write(Map.of(1, 2)))
        .hasMessage("JSON: a map key of type Integer; keys must be strings");
    assertThatThrownBy(() -> Json.write(new BigDecimal("1e400")))
        .hasMessage("JSON: a number beyond the range of a 64-bit float");
    List<Object> cycle = new ArrayList<>();
    cycle.add(cycle);
    assertThatThrownBy(() -> Json.write(cycle)).hasMessageContaining("nested deeper than 1000");
  }

  @Test
  void canonical_sortsAtEveryLevel_andHashesAlike() {
    Map<String, Object> a = new LinkedHashMap<>();
    a.put("b", List.of(new TreeMap<>(Map.of("y", 1L, "x", 2L))));
    a.put("a", 1L);
    Map<String, Object> b = new LinkedHashMap<>();
    b.put("a", 1);
    b.put("b", List.of(new LinkedHashMap<>(Map.of("x", 2, "y", 1))));
    assertThat(new String(Json.canonical(a), StandardCharsets.UTF_8))
        .isEqualTo("{\"a\":1,\"b\":[{\"x\":2,\"y\":1}]}")
        .isEqualTo(new String(Json.canonical(b), StandardCharsets.UTF_8));
    assertThat(Json.hash(a)).isEqualTo(Json.hash(b)).isNotEqualTo(Json.hash(Map.of("a", 1)));
    record R(int z, int a) {}
    assertThat(new String(Json.canonical(new R(1, 2)), StandardCharsets.UTF_8))
        .isEqualTo("{\"a\":2,\"z\":1}");
  }

  @Test
  void hash_isFrozen() {
    // Stored in journals: a change here breaks the replay of open turns.
    assertThat(Json.hash(null)).isEqualTo(HASH_OF_NULL);
    assertThat(Json.hash(Map.of("amount", 10, "to", "bob"))).isEqualTo(HASH_OF_TRANSFER);
  }

  private static final long HASH_OF_NULL = 157292475769827908L;
  private static final long HASH_OF_TRANSFER = -153545002133251919L;

  @Test
  void hash_oneChangedByte_changesIt() {
    Random random = new Random(7);
    for (int i = 0; i < 2_000; i++) {
      String text = "x".repeat(random.nextInt(40)) + (char) ('a' + random.nextInt(26));
      String other = text + (char) ('a' + random.nextInt(26));
      assertThat(Json.hash(text)).isNotEqualTo(Json.hash(other));
    }
  }

  @Test
  void randomTrees_writeAndParse_giveTheSame() {
    for (long seed = 0; seed < 3_000; seed++) {
      Random random = new Random(seed);
      Object tree = Frozen.tree(randomTree(random, 0));
      byte[] text = Json.write(tree);
      Object back = Json.parse(text);
      assertThat(back).as("seed %d: %s", seed, Json.text(tree)).isEqualTo(tree);
      assertThat(Json.write(back)).isEqualTo(text);
    }
  }

  @Test
  void randomBytes_neverGiveAnythingButATreeOrOurError() {
    Random random = new Random(11);
    byte[] seedText = utf8("{\"a\":[1,2.5e3,\"x\\u00e4\",null,true],\"b\":{\"c\":-0.0}}");
    for (int i = 0; i < 20_000; i++) {
      byte[] text = seedText.clone();
      for (int n = random.nextInt(4) + 1; n > 0; n--) {
        text[random.nextInt(text.length)] = (byte) random.nextInt(256);
      }
      try {
        Object tree = Json.parse(text, ROOM);
        assertThat(Json.parse(Json.write(tree))).isEqualTo(tree);
      } catch (PlexException e) {
        assertThat(e.getMessage()).startsWith("JSON, line ");
      }
    }
  }

  private static Object randomTree(Random random, int depth) {
    return switch (random.nextInt(depth > 4 ? 8 : 10)) {
      case 0 -> null;
      case 1 -> random.nextBoolean();
      case 2 -> random.nextLong() >> random.nextInt(64);
      case 3 -> new BigInteger(random.nextInt(200), random);
      case 4 -> Double.longBitsToDouble(random.nextLong() & ~(1L << 62)); // finite
      case 5 -> new BigDecimal(new BigInteger(random.nextInt(90), random), random.nextInt(60) - 20);
      case 6 -> (double) random.nextInt(1000) / (1 << random.nextInt(8));
      case 7 -> randomString(random);
      case 8 -> {
        List<Object> list = new ArrayList<>();
        for (int n = random.nextInt(6); n > 0; n--) {
          list.add(randomTree(random, depth + 1));
        }
        yield list;
      }
      default -> {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int n = random.nextInt(14); n > 0; n--) {
          map.put(randomString(random), randomTree(random, depth + 1));
        }
        yield map;
      }
    };
  }

  private static String randomString(Random random) {
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(12); n > 0; n--) {
      int point =
          switch (random.nextInt(4)) {
            case 0 -> random.nextInt(0x80);
            case 1 -> random.nextInt(0x800);
            case 2 -> random.nextInt(0xD800);
            default -> 0x10000 + random.nextInt(0x100000);
          };
      text.appendCodePoint(point);
    }
    return text.toString();
  }
}
