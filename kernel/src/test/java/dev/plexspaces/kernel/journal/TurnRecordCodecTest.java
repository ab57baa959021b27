package dev.plexspaces.kernel.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.journal.TurnRecord.StepResult;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TurnRecordCodecTest {

  @Test
  void decode_whatEncodeWrote_isTheSameRecord() {
    for (int seed = 0; seed < 2_000; seed++) {
      TurnRecord record = randomRecord(new Random(seed));
      TurnRecord back = TurnRecordCodec.decode(TurnRecordCodec.encode(record));
      assertThat(describe(back)).as("seed %d", seed).isEqualTo(describe(record));
    }
  }

  @Test
  void decode_damagedBytes_isRefusedOrDiffersButNeverRunsAway() {
    Random random = new Random(7);
    byte[] whole = TurnRecordCodec.encode(golden());
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> TurnRecordCodec.decode(cut))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("byte ");
    }
    for (int i = 0; i < 20_000; i++) {
      byte[] flipped = whole.clone();
      flipped[random.nextInt(flipped.length)] ^= (byte) (1 << random.nextInt(8));
      try {
        TurnRecordCodec.decode(flipped);
      } catch (IllegalArgumentException expected) {
        assertThat(expected).hasMessageContaining("byte ");
      }
    }
    byte[] longer = Arrays.copyOf(whole, whole.length + 1);
    assertThatThrownBy(() -> TurnRecordCodec.decode(longer))
        .hasMessageContaining("after the end of the record");
  }

  @Test
  void decode_unknownVersion_saysWhichIsRead() {
    assertThatThrownBy(() -> TurnRecordCodec.decode(new byte[] {9, 0}))
        .hasMessageContaining("format version 9, this build reads 1");
  }

  @Test
  void encode_unpairedSurrogate_isRefused() {
    TurnRecord record =
        new TurnRecord(
            Kind.WHOLE,
            0,
            0,
            0,
            "1",
            Optional.empty(),
            List.of(),
            List.of(StateChange.put("m", "k\udc00", new byte[0])),
            Optional.empty(),
            Optional.empty());
    assertThatThrownBy(() -> TurnRecordCodec.encode(record))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("unpaired surrogate at character 1");
  }

  /// The file was written by the first release of format 1. Never change it; add one per format.
  @Test
  void decode_goldenBytesOfFormat1_isTheGoldenRecord() throws IOException {
    byte[] bytes = resource("/golden/turn-record-v1.hex");
    assertThat(describe(TurnRecordCodec.decode(bytes))).isEqualTo(describe(golden()));
    assertThat(TurnRecordCodec.encode(golden())).isEqualTo(bytes);
    byte[] results = resource("/golden/row-results-v1.hex");
    assertThat(describe(TurnRecordCodec.decodeResults(results))).isEqualTo(describe(answers()));
    assertThat(TurnRecordCodec.encodeResults(answers())).isEqualTo(results);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = TurnRecordCodecTest.class.getResourceAsStream(name)) {
      String hex = new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", "");
      return HexFormat.of().parseHex(hex);
    }
  }

  static List<RowResult> answers() {
    return List.of(
        new RowResult.Done(),
        new RowResult.Inserted(300),
        new RowResult.Value(bytes("42")),
        new RowResult.Failed("key n: the value is not an integer"));
  }

  static TurnRecord golden() {
    return new TurnRecord(
        Kind.FAILED,
        4_294_967_296L,
        9_999,
        1_767_225_600_123L,
        "2.1.0-r\u00e9gion",
        Optional.of(bytes("{\"op\":\"deposit\",\"amount\":5}")),
        List.of(
            new StepResult(
                1,
                "ask bank_account/bob deposit",
                -2L,
                Optional.of(bytes("{\"ok\":true}")),
                Optional.empty(),
                false),
            new StepResult(
                2,
                "http_fetch",
                Long.MAX_VALUE,
                Optional.empty(),
                Optional.of("TIMEOUT: 5 s"),
                false),
            new StepResult(3, "sleep", 0, Optional.empty(), Optional.empty(), true)),
        List.of(
            StateChange.put("balance", "", bytes("5")),
            StateChange.put("limits", "z\u00fcrich \ud83d\ude00", bytes("{\"max\":1e3}")),
            StateChange.delete("limits", "bern"),
            StateChange.append("transactions", bytes("[{\"id\":1},{\"id\":2}]")),
            StateChange.clear("notes")),
        Optional.of(bytes("null")),
        Optional.of("gave up after 3 deliveries"));
  }

  private static TurnRecord randomRecord(Random random) {
    List<StepResult> results = new ArrayList<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      results.add(
          new StepResult(
              random.nextInt(20_000),
              randomText(random),
              random.nextLong(),
              maybe(random).map(x -> randomBytes(random)),
              maybe(random).map(x -> randomText(random)),
              random.nextBoolean()));
    }
    List<StateChange> changes = new ArrayList<>();
    StateChange.Op[] ops = StateChange.Op.values();
    for (int i = random.nextInt(6); i > 0; i--) {
      StateChange.Op op = ops[random.nextInt(ops.length)];
      byte[] data = op == StateChange.Op.APPEND ? bytes(" [1, 2] ") : randomBytes(random);
      changes.add(new StateChange(op, randomText(random), randomText(random), data));
    }
    return new TurnRecord(
        Kind.values()[random.nextInt(Kind.values().length)],
        random.nextLong() >>> random.nextInt(64),
        random.nextInt() >>> 1 + random.nextInt(30),
        random.nextLong() >> random.nextInt(64),
        randomText(random),
        maybe(random).map(x -> randomBytes(random)),
        results,
        changes,
        maybe(random).map(x -> randomBytes(random)),
        maybe(random).map(x -> randomText(random)),
        maybe(random).stream().map(x -> randomText(random)).toList());
  }

  private static Optional<Boolean> maybe(Random random) {
    return random.nextBoolean() ? Optional.of(true) : Optional.empty();
  }

  private static String randomText(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(12); i > 0; i--) {
      int codePoint =
          switch (random.nextInt(4)) {
            case 0 -> 0x1F600 + random.nextInt(60);
            case 1 -> random.nextInt(0xD800);
            default -> 'a' + random.nextInt(26);
          };
      text.appendCodePoint(codePoint);
    }
    return text.toString();
  }

  private static byte[] randomBytes(Random random) {
    byte[] bytes = new byte[random.nextInt(8) == 0 ? 20_000 : random.nextInt(200)];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String describe(List<RowResult> results) {
    StringBuilder text = new StringBuilder();
    for (RowResult result : results) {
      text.append(result instanceof RowResult.Value(byte[] json) ? hex(json) : result.toString());
      text.append('\n');
    }
    return text.toString();
  }

  private static String describe(TurnRecord record) {
    StringBuilder text = new StringBuilder();
    text.append(record.kind()).append(' ').append(record.turn()).append(' ').append(record.step());
    text.append(' ').append(record.atMillis()).append(' ').append(record.appVersion());
    text.append(' ').append(record.input().map(TurnRecordCodecTest::hex));
    for (StepResult r : record.results()) {
      text.append("\n step ").append(r.step()).append(' ').append(r.call()).append(' ');
      text.append(r.callHash()).append(' ').append(r.result().map(TurnRecordCodecTest::hex));
      text.append(' ').append(r.error()).append(' ').append(r.pending());
    }
    for (StateChange c : record.changes()) {
      text.append("\n change ").append(c.op()).append(' ').append(c.field()).append(' ');
      text.append(c.chunk()).append(' ').append(hex(c.data()));
    }
    text.append('\n').append(record.reply().map(TurnRecordCodecTest::hex));
    return text.append(' ').append(record.failure()).toString();
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
