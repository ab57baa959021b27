package dev.plexspaces.kernel.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConversionTest {

  enum Mode {
    READ_ONLY,
    WRITE
  }

  record Inner(String name, int count) {}

  record Sums(List<Long> operands) {}

  record Pair<A, B>(A left, B right) {}

  record Node(long value, List<Node> children) {}

  private record Hidden(long secret) {}

  record Positive(long amount) {
    Positive {
      if (amount <= 0) {
        throw ActorException.invalid("amount", "must be positive");
      }
    }
  }

  record Strict(String name) {
    Strict {
      if (name.isEmpty()) {
        throw new IllegalArgumentException("name must not be empty");
      }
    }
  }

  /// One field per target type of the tables below.
  @SuppressWarnings("unused")
  static class Targets {
    boolean bool;
    Boolean boxedBool;
    byte int8;
    short int16;
    int int32;
    long int64;
    Integer boxedInt;
    Long boxedLong;
    float float32;
    double float64;
    Double boxedDouble;
    BigInteger bigInteger;
    BigDecimal bigDecimal;
    Number number;
    char character;
    String string;
    Mode mode;
    Instant instant;
    Duration duration;
    byte[] bytes;
    Object any;
    Optional<Long> optional;
    List<Long> longs;
    Collection<String> strings;
    List<? extends Number> wild;
    Map<String, Inner> inners;
    Map<String, Object> map;
    Sums sums;
    Inner inner;
    Pair<String, List<Integer>> pair;
    Node node;
    Positive positive;
    Strict strict;
    Hidden hidden;
    Set<String> set;
    ArrayList<String> arrayList;
    Map<Long, String> badKeys;
    List<Thread> threads;
    long[] array;
  }

  private static Conversion to(String field) {
    try {
      return Conversion.of(Targets.class.getDeclaredField(field).getGenericType());
    } catch (NoSuchFieldException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "bool|true|true",
        "boxedBool|null|null",
        "int8|-128|-128",
        "int16|32767|32767",
        "int32|-2147483648|-2147483648",
        "int64|9223372036854775807|9223372036854775807",
        "boxedInt|5|5",
        "boxedInt|null|null",
        "float32|1.5|1.5",
        "float64|1.5|1.5",
        "float64|5|5.0",
        "boxedDouble|null|null",
        "bigInteger|5|5",
        "bigInteger|123456789012345678901234567890|123456789012345678901234567890",
        "bigDecimal|10.50|10.50",
        "bigDecimal|5|5",
        "number|5|5",
        "number|1.5|1.5",
        "character|\"x\"|x",
        "string|\"x\"|x",
        "string|null|null",
        "mode|\"READ_ONLY\"|READ_ONLY",
        "mode|\"read_only\"|READ_ONLY",
        "instant|\"2026-01-31T12:00:00Z\"|2026-01-31T12:00:00Z",
        "duration|\"PT5S\"|PT5S",
        "any|[1,{\"a\":null}]|[1, {a=null}]",
        "optional|5|Optional[5]",
        "optional|null|Optional.empty",
        "longs|[1,2]|[1, 2]",
        "longs|null|null",
        "strings|[\"a\"]|[a]",
        "wild|[1,2.5]|[1, 2.5]",
        "inners|{\"k\":{\"name\":\"n\",\"count\":1}}|{k=Inner[name=n, count=1]}",
        "map|{\"a\":[1]}|{a=[1]}",
        "sums|{}|Sums[operands=null]",
        "inner|{\"count\":2}|Inner[name=null, count=2]",
        "pair|{\"left\":\"l\",\"right\":[1]}|Pair[left=l, right=[1]]",
        "node|{\"value\":1,\"children\":[{\"value\":2}]}|Node[value=1, children=[Node[value=2,"
            + " children=null]]]",
        "positive|{\"amount\":1}|Positive[amount=1]",
        "hidden|{\"secret\":1}|Hidden[secret=1]",
      })
  void strict_whatFits_isTaken(String field, String json, String expected) {
    assertThat(String.valueOf(to(field).convert(Json.parse(json), false))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "bool|\"true\"|must be true or false, got a string",
        "bool|1|must be true or false, got a number",
        "bool|null|must be true or false, got null",
        "int8|128|does not fit in a 8-bit integer",
        "int16|-32769|does not fit in a 16-bit integer",
        "int32|2147483648|does not fit in a 32-bit integer",
        "int64|9223372036854775808|does not fit in a 64-bit integer",
        "int64|\"5\"|must be a number, got a string",
        "int64|1.5|must be an integer, got '1.5'",
        "int64|1.50|must be an integer, got '1.50'",
        "int64|5.0|must be an integer, got '5.0'",
        "int64|true|must be a number, got a boolean",
        "int64|null|must be a number, got null",
        "int64|[]|must be a number, got a list",
        "int64|{}|must be a number, got an object",
        "boxedLong|\"5\"|must be a number, got a string",
        "float32|1e39|does not fit in a 32-bit float",
        "float64|\"1\"|must be a number, got a string",
        "bigInteger|1.5|must be an integer, got '1.5'",
        "bigDecimal|\"1\"|must be a number, got a string",
        "character|\"xy\"|must be one character, got 'xy'",
        "string|5|must be a string, got a number",
        "string|[\"a\"]|must be a string, got a list",
        "mode|\"Read_Only\"|must be one of read_only, write, got 'Read_Only'",
        "mode|1|must be a string, got a number",
        "instant|\"yesterday\"|must be a time such as 2026-01-31T12:00:00Z, got 'yesterday'",
        "duration|\"5 s\"|must be a duration such as PT5S, got '5 s'",
        "bytes|\"*\"|must be base64, got '*'",
        "longs|5|must be a list, got a number",
        "longs|[1,\"x\"]|[1]: must be a number, got a string",
        "longs|[1,null]|[1]: must not be null",
        "sums|{\"operands\":[1,2,\"x\"]}|operands[2]: must be a number, got a string",
        "sums|{\"operand\":[1]}|operand: unknown field; there are: operands",
        "inner|{\"name\":\"n\"}|count: is required",
        "inner|[]|must be an object, got a list",
        "inners|{\"k\":{\"count\":\"1\"}}|k.count: must be a number, got a string",
        "inners|{\"k\":null}|k: must not be null",
        "pair|{\"right\":[1,true]}|right[1]: must be a number, got a boolean",
        "node|{\"value\":1,\"children\":[{\"value\":2,\"children\":[{}]}]}|children[0].children[0].value:"
            + " is required",
        "positive|{\"amount\":0}|amount: must be positive",
        "strict|{\"name\":\"\"}|name must not be empty",
        "strict|{}|is incomplete or not acceptable",
      })
  void strict_whatDoesNotFit_isRefusedWithItsPath(String field, String json, String error) {
    assertThatThrownBy(() -> to(field).convert(Json.parse(json), false))
        .isInstanceOfSatisfying(
            PlexException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
              assertThat(e.violations()).hasSize(1);
            })
        .hasMessage(error);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "inner|{\"name\":5}|name: must be a string, got a number; count: is required",
        "inner|{\"count\":\"x\",\"other\":1}|count: must be a number, got a string; other: unknown"
            + " field; there are: name, count",
        "inners|{\"k\":{\"name\":5,\"count\":\"1\"}}|k.name: must be a string, got a number; k.count:"
            + " must be a number, got a string",
        "node|{\"children\":[{\"children\":5}]}|value: is required; children[0].value: is required;"
            + " children[0].children: must be a list, got a number",
      })
  void strict_severalThatDoNotFit_areRefusedAtOnce(String field, String json, String error) {
    assertThatThrownBy(() -> to(field).convert(Json.parse(json), false))
        .isInstanceOfSatisfying(
            PlexException.class,
            e ->
                assertThat(
                        e.violations().stream()
                            .map(v -> v.field() + ": " + v.description())
                            .collect(Collectors.joining("; ")))
                    .isEqualTo(error))
        .hasMessage(error);
  }

  private record Wide(
      int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l) {}

  private record Wider(Wide first, Wide second) {}

  @Test
  void strict_moreThatDoNotFitThanAnybodyReads_areCutShort() {
    assertThatThrownBy(
            () -> Conversion.to(Wider.class, Map.of("first", Map.of(), "second", Map.of())))
        .isInstanceOfSatisfying(PlexException.class, e -> assertThat(e.violations()).hasSize(20))
        .hasMessageEndingWith("second.h: is required");
  }

  private record Comb(int value, Comb left, Comb right) {}

  @Test
  void strict_wrongInsideOfWrong_hasEachNameOnceInItsPath_andIsCutShortAtEachLevel() {
    Map<String, Object> shallow = Map.of("left", Map.of(), "right", Map.of());
    assertThatThrownBy(() -> Conversion.to(Comb.class, Map.of("left", shallow)))
        .hasMessage(
            "value: is required; left.value: is required; left.left.value: is required;"
                + " left.right.value: is required");
    Map<String, Object> comb = shallow;
    for (int depth = 0; depth < 100; depth++) {
      comb = Map.of("left", comb, "right", Map.of());
    }
    Map<String, Object> deep = comb;
    assertThatThrownBy(() -> Conversion.to(Comb.class, deep))
        .isInstanceOfSatisfying(
            PlexException.class,
            e ->
                assertThat(e.violations())
                    .hasSize(20)
                    .last()
                    .returns("left.".repeat(19) + "value", PlexException.FieldViolation::field));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "int64|\"5\"|5",
        "int64|\"-5\"|-5",
        "float64|\"2.5\"|2.5",
        "bool|\"true\"|true",
        "longs|\"5\"|[5]",
        "longs|[\"5\",\"6\"]|[5, 6]",
        "sums|{\"operands\":\"7\"}|Sums[operands=[7]]",
        "optional|\"5\"|Optional[5]",
        "string|\"5\"|5",
        "any|\"5\"|5",
      })
  void textual_numbersAndBooleansMayBeText(String field, String json, String expected) {
    assertThat(String.valueOf(to(field).convert(Json.parse(json), true))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "int64|\"five\"|must be a number, got 'five'",
        "int64|\"\"|must be a number, got ''",
        "int64|\" 5\"|must be a number, got ' 5'",
        "int64|\"0x5\"|must be a number, got '0x5'",
        "int64|\"+5\"|must be a number, got '+5'",
        "int64|\"1.5\"|must be an integer, got '1.5'",
        "int64|\"99999999999999999999\"|does not fit in a 64-bit integer",
        "float64|\"NaN\"|must be a number, got 'NaN'",
        "float64|\"1e400\"|must be a number, got '1e400'",
        "bool|\"yes\"|must be true or false, got 'yes'",
        "longs|\"x\"|[0]: must be a number, got 'x'",
      })
  void textual_otherText_isRefused(String field, String json, String error) {
    assertThatThrownBy(() -> to(field).convert(Json.parse(json), true)).hasMessage(error);
  }

  @ParameterizedTest
  @CsvSource({"set", "arrayList", "badKeys", "threads", "array"})
  void of_unsupportedType_isRefused(String field) {
    assertThatThrownBy(() -> to(field))
        .isInstanceOf(PlexException.class)
        .hasMessageContaining("is not supported; use primitives");
  }

  @Test
  void bytes_areDecodedAndNeverShared() {
    byte[] bytes = (byte[]) to("bytes").convert("AQID", false);
    assertThat(bytes).containsExactly(1, 2, 3);
    assertThat((byte[]) to("bytes").convert(bytes, false))
        .containsExactly(1, 2, 3)
        .isNotSameAs(bytes);
  }

  @Test
  void convertField_beginsThePathWithTheName() {
    assertThatThrownBy(() -> to("longs").convertField("operands", List.of(1L, "x"), false))
        .hasMessage("operands[1]: must be a number, got a string");
    assertThatThrownBy(() -> to("int64").absentField("amount")).hasMessage("amount: is required");
    assertThat(to("string").absentField("note")).isNull();
    assertThat(to("optional").absentField("note")).isEqualTo(Optional.empty());
  }

  @Test
  void to_recordsAndOtherRecords() {
    record Other(long count, String name) {}
    Inner inner = new Inner("n", 3);
    assertThat(Conversion.to(Inner.class, inner)).isSameAs(inner);
    assertThat(Conversion.to(Inner.class, new Other(4, "o"))).isEqualTo(new Inner("o", 4));
    assertThat(Conversion.to(Long.class, 5)).isEqualTo(5L);
    assertThat((Object) Conversion.to(Map.class, new Inner("n", 3)))
        .isEqualTo(Map.of("name", "n", "count", 3L));
  }

  @Test
  void load_forgivesWhatAnotherVersionOfARecordStored() {
    assertThat(to("inner").load(Map.of("gone", 1L, "name", "n"))).isEqualTo(new Inner("n", 0));
    assertThatThrownBy(() -> to("inner").load(Map.of("count", "1")))
        .hasMessage("count: must be a number, got a string");
  }

  @Test
  void longClientText_isCutInErrors() {
    String message =
        org.junit.jupiter.api.Assertions.assertThrows(
                PlexException.class, () -> to("mode").convert("x".repeat(100_000), false))
            .getMessage();
    assertThat(message).hasSizeLessThan(200);
    Object unknown = Json.parse("{\"" + "n".repeat(40_000) + "\":1}");
    assertThatThrownBy(() -> to("inner").convert(unknown, false))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(200));
  }

  @Test
  void freeze_givesWhatWouldBeReadBack() {
    Type type = Map.class;
    assertThat(Conversion.of(type).freeze(Map.of("a", 1, "b", List.of(1.5f), "c", Mode.WRITE)))
        .isEqualTo(Map.of("a", 1L, "b", List.of(1.5), "c", "WRITE"));
    List<Long> source = new ArrayList<>(List.of(1L));
    Object frozen = to("longs").freeze(source);
    source.add(2L);
    assertThat(frozen).isEqualTo(List.of(1L));
    assertThat(to("longs").freeze(frozen)).isEqualTo(frozen);
    assertThatThrownBy(() -> to("longs").freeze(List.of(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("[0]: must be of type Long, is Integer");
    assertThatThrownBy(() -> to("any").freeze(new StringBuilder()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("StringBuilder");
    assertThatThrownBy(() -> to("number").freeze(new java.util.concurrent.atomic.AtomicLong()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void freeze_recordHoldingAMutableList_isRebuilt() {
    List<Long> mutable = new ArrayList<>(List.of(1L));
    Sums frozen = (Sums) to("sums").freeze(new Sums(mutable));
    mutable.add(2L);
    assertThat(frozen.operands()).containsExactly(1L);
    Inner flat = new Inner("n", 1);
    assertThat(to("inner").freeze(flat)).isSameAs(flat);
    Sums copied = (Sums) Frozen.copy(new Sums(mutable));
    mutable.clear();
    assertThat(copied.operands()).containsExactly(1L, 2L);
  }

  @Test
  void frozenCopy_ofAMapWithoutOrder_isSortedByKey() {
    Map<String, Object> unordered = Map.of("delta", 4, "alpha", 1, "charlie", 3, "bravo", 2);
    assertThat(Json.text(Frozen.copy(unordered)))
        .isEqualTo("{\"alpha\":1,\"bravo\":2,\"charlie\":3,\"delta\":4}");
    Object parsed = Json.parse("{\"b\":[1],\"a\":2}");
    assertThat(Frozen.copy(parsed)).isSameAs(parsed);
    assertThat(Frozen.tree(parsed)).isSameAs(parsed);
  }

  @Test
  void recordShape_takesApartAndMakes_allPrimitives() {
    record All(boolean a, byte b, short c, char d, int e, long f, float g, double h, String i) {}
    All all = new All(true, (byte) 1, (short) 2, 'c', 3, 4L, 5f, 6d, "s");
    RecordShape shape = RecordShape.of(All.class);
    assertThat(shape.values(all))
        .containsExactly(true, (byte) 1, (short) 2, 'c', 3, 4L, 5f, 6d, "s");
    assertThat(shape.construct(shape.values(all))).isEqualTo(all);
    assertThat(shape.flat()).isTrue();
    assertThat(RecordShape.of(Sums.class).flat()).isFalse();
    assertThat(RecordShape.of(All.class)).isSameAs(shape);
    record Empty() {}
    assertThat(RecordShape.of(Empty.class).construct(new Object[0])).isEqualTo(new Empty());
    assertThatThrownBy(() -> RecordShape.of(String.class))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
