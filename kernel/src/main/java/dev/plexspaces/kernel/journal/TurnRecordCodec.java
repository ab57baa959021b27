package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.journal.StateChange.Op;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.journal.TurnRecord.StepResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The bytes of a [TurnRecord] on disk. The first byte is the format's version; a released version
/// decodes forever (golden files in the tests). Stateless.
///
/// Both encoders throw `IllegalArgumentException` for text with an unpaired surrogate; both
/// decoders throw it for an unknown version and for damaged bytes, naming the place.
public final class TurnRecordCodec {

  /*
   * Version 1: kind, turn, step, time, application version, flags (1 input, 2 reply, 4 failure, 8
   * effects), then input, results, changes, reply, failure, effects. Numbers are variable-length; enums are written
   * as their ordinal, so the order of their constants is part of the format.
   */

  /// The version that [#encode] writes.
  public static final int VERSION = 1;

  private static final int HAS_INPUT = 1;
  private static final int HAS_REPLY = 2;
  private static final int HAS_FAILURE = 4;
  private static final int HAS_EFFECTS = 8;

  private static final int STEP_RESULT = 1;
  private static final int STEP_ERROR = 2;
  private static final int STEP_PENDING = 4;

  private static final Kind[] KINDS = Kind.values();
  private static final Op[] OPS = Op.values();

  private TurnRecordCodec() {}

  public static byte[] encode(TurnRecord record) {
    BinaryWriter out = new BinaryWriter(sizeHint(record));
    out.oneByte(VERSION).oneByte(record.kind().ordinal());
    out.unsigned(record.turn()).unsigned(record.step()).signed(record.atMillis());
    out.text(record.appVersion());
    out.oneByte(
        (record.input().isPresent() ? HAS_INPUT : 0)
            | (record.reply().isPresent() ? HAS_REPLY : 0)
            | (record.failure().isPresent() ? HAS_FAILURE : 0)
            | (record.effects().isEmpty() ? 0 : HAS_EFFECTS));
    record.input().ifPresent(out::bytes);
    out.unsigned(record.results().size());
    for (StepResult result : record.results()) {
      out.unsigned(result.step()).text(result.call()).fixed64(result.callHash());
      out.oneByte(
          (result.result().isPresent() ? STEP_RESULT : 0)
              | (result.error().isPresent() ? STEP_ERROR : 0)
              | (result.pending() ? STEP_PENDING : 0));
      result.result().ifPresent(out::bytes);
      result.error().ifPresent(out::text);
    }
    out.unsigned(record.changes().size());
    for (StateChange change : record.changes()) {
      out.oneByte(change.op().ordinal()).text(change.field()).text(change.chunk());
      out.bytes(change.data());
    }
    record.reply().ifPresent(out::bytes);
    record.failure().ifPresent(out::text);
    if (!record.effects().isEmpty()) {
      out.unsigned(record.effects().size());
      record.effects().forEach(out::text);
    }
    return out.toBytes();
  }

  public static TurnRecord decode(byte[] bytes) {
    BinaryReader in = new BinaryReader(bytes);
    int version = in.oneByte();
    if (version != VERSION) {
      throw in.broken("format version " + version + ", this build reads " + VERSION);
    }
    Kind kind = pick(KINDS, in, "kind");
    long turn = in.unsigned();
    int step = in.count();
    long at = in.signed();
    String appVersion = in.text();
    int flags = in.oneByte();
    Optional<byte[]> input = (flags & HAS_INPUT) == 0 ? Optional.empty() : Optional.of(in.bytes());
    int resultCount = in.count();
    List<StepResult> results = new ArrayList<>(Math.min(resultCount, 64));
    for (int i = 0; i < resultCount; i++) {
      results.add(stepResult(in));
    }
    int changeCount = in.count();
    List<StateChange> changes = new ArrayList<>(Math.min(changeCount, 64));
    for (int i = 0; i < changeCount; i++) {
      changes.add(change(in));
    }
    Optional<byte[]> reply = (flags & HAS_REPLY) == 0 ? Optional.empty() : Optional.of(in.bytes());
    Optional<String> failure =
        (flags & HAS_FAILURE) == 0 ? Optional.empty() : Optional.of(in.text());
    int effectCount = (flags & HAS_EFFECTS) == 0 ? 0 : in.count();
    List<String> effects = new ArrayList<>(Math.min(effectCount, 64));
    for (int i = 0; i < effectCount; i++) {
      effects.add(in.text());
    }
    if (!in.atEnd()) {
      throw in.broken("bytes after the end of the record");
    }
    return new TurnRecord(
        kind, turn, step, at, appVersion, input, results, changes, reply, failure, effects);
  }

  private static StateChange change(BinaryReader in) {
    Op op = pick(OPS, in, "change");
    String field = in.text();
    String chunk = in.text();
    byte[] data = in.bytes();
    try {
      return new StateChange(op, field, chunk, data);
    } catch (IllegalArgumentException e) {
      throw in.broken(e.getMessage());
    }
  }

  private static StepResult stepResult(BinaryReader in) {
    int step = in.count();
    String call = in.text();
    long hash = in.fixed64();
    int flags = in.oneByte();
    Optional<byte[]> result =
        (flags & STEP_RESULT) == 0 ? Optional.empty() : Optional.of(in.bytes());
    Optional<String> error = (flags & STEP_ERROR) == 0 ? Optional.empty() : Optional.of(in.text());
    return new StepResult(step, call, hash, result, error, (flags & STEP_PENDING) != 0);
  }

  /// The bytes of what a commit's rows answered; kept for the commits of an open turn.
  public static byte[] encodeResults(List<RowResult> results) {
    BinaryWriter out = new BinaryWriter(2 + results.size() * 4);
    out.oneByte(VERSION).unsigned(results.size());
    for (RowResult result : results) {
      switch (result) {
        case RowResult.Done() -> out.oneByte(0);
        case RowResult.Inserted(long seq) -> out.oneByte(1).unsigned(seq);
        case RowResult.Value(byte[] json) -> out.oneByte(2).bytes(json);
        case RowResult.Failed(String message) -> out.oneByte(3).text(message);
      }
    }
    return out.toBytes();
  }

  /// Reads what [#encodeResults] wrote.
  public static List<RowResult> decodeResults(byte[] bytes) {
    BinaryReader in = new BinaryReader(bytes);
    int version = in.oneByte();
    if (version != VERSION) {
      throw in.broken("format version " + version + ", this build reads " + VERSION);
    }
    int count = in.count();
    List<RowResult> results = new ArrayList<>(Math.min(count, 64));
    for (int i = 0; i < count; i++) {
      int tag = in.oneByte();
      results.add(
          switch (tag) {
            case 0 -> new RowResult.Done();
            case 1 -> new RowResult.Inserted(in.unsigned());
            case 2 -> new RowResult.Value(in.bytes());
            case 3 -> new RowResult.Failed(in.text());
            default -> throw in.broken("row result " + tag);
          });
    }
    if (!in.atEnd()) {
      throw in.broken("bytes after the end of the results");
    }
    return results;
  }

  private static <T> T pick(T[] values, BinaryReader in, String what) {
    int ordinal = in.oneByte();
    if (ordinal >= values.length) {
      throw in.broken(what + " " + ordinal);
    }
    return values[ordinal];
  }

  private static int sizeHint(TurnRecord record) {
    int size = 64 + record.appVersion().length();
    size += record.input().map(b -> b.length).orElse(0);
    size += record.reply().map(b -> b.length).orElse(0);
    size += record.results().size() * 48;
    size += record.effects().size() * 40;
    for (StateChange change : record.changes()) {
      size += change.data().length + change.field().length() + change.chunk().length() + 8;
    }
    return size;
  }
}
