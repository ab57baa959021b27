package dev.plexspaces.store;

import dev.plexspaces.kernel.journal.BinaryReader;
import dev.plexspaces.kernel.journal.BinaryWriter;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.TurnRecordCodec;
import dev.plexspaces.store.KnownActor.TailRow;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.zip.CRC32C;

/// The bytes of one log row: the commits of one transaction, one frame after another. Not
/// thread-safe.
final class LogFrames {

  /*
   * One row for a transaction and not one for a commit: the cost of a row in SQLite is larger than
   * that of the bytes in it, and nothing ever looks for a single commit in the log.
   *
   * Version 1: version byte, then frames of: sequence minus the previous frame's (the first frame:
   * the sequence itself), actor number, flags (1 record, 2 row results, 4 requests), and what the
   * flags announce. A request: key hash, body hash, a byte (1: with reply), reply, expiry.
   */

  private static final int VERSION = 1;
  private static final int RECORD = 1;
  private static final int RESULTS = 2;
  private static final int REQUESTS = 4;

  private final BinaryWriter out = new BinaryWriter(1 << 16);
  private long lastSeq;
  private int count;

  LogFrames() {
    reset();
  }

  void reset() {
    out.reset();
    out.oneByte(VERSION);
    lastSeq = 0;
    count = 0;
  }

  boolean isEmpty() {
    return count == 0;
  }

  int count() {
    return count;
  }

  /// Sequence of the last frame.
  long lastSeq() {
    return lastSeq;
  }

  void add(long actorNo, TailRow row) {
    out.unsigned(row.seq() - lastSeq).unsigned(actorNo);
    out.oneByte(
        (row.encoded() == null ? 0 : RECORD)
            | (row.results() == null ? 0 : RESULTS)
            | (row.requests().isEmpty() ? 0 : REQUESTS));
    if (row.encoded() != null) {
      out.bytes(row.encoded());
    }
    if (row.results() != null) {
      out.bytes(row.results());
    }
    if (!row.requests().isEmpty()) {
      out.unsigned(row.requests().size());
      for (Row.Idempotency request : row.requests()) {
        out.bytes(request.keyHash()).bytes(request.bodyHash());
        out.oneByte(request.reply().isPresent() ? 1 : 0);
        request.reply().ifPresent(out::bytes);
        out.signed(request.expiresAtMillis());
      }
    }
    lastSeq = row.seq();
    count++;
  }

  byte[] toBytes() {
    return out.toBytes();
  }

  /// Reads the frames of one log row. A request is returned without its actor, whose id is not in
  /// the frame.
  ///
  /// @param sink takes the actor's number and the row
  /// @throws IllegalArgumentException for bytes that make no sense
  static void read(byte[] frames, BiConsumer<Long, TailRow> sink) {
    BinaryReader in = new BinaryReader(frames);
    int version = in.oneByte();
    if (version != VERSION) {
      throw in.broken("log format " + version + ", this build reads " + VERSION);
    }
    long seq = 0;
    while (!in.atEnd()) {
      seq += in.unsigned();
      long actorNo = in.unsigned();
      int flags = in.oneByte();
      byte[] encoded = (flags & RECORD) == 0 ? null : in.bytes();
      byte[] results = (flags & RESULTS) == 0 ? null : in.bytes();
      List<Row.Idempotency> requests = new ArrayList<>();
      if ((flags & REQUESTS) != 0) {
        for (int i = in.count(); i > 0; i--) {
          byte[] keyHash = in.bytes();
          byte[] bodyHash = in.bytes();
          Optional<byte[]> reply = in.oneByte() == 0 ? Optional.empty() : Optional.of(in.bytes());
          requests.add(new Row.Idempotency(null, keyHash, bodyHash, reply, in.signed()));
        }
      }
      sink.accept(
          actorNo,
          new TailRow(
              seq,
              encoded == null ? null : TurnRecordCodec.decode(encoded),
              encoded,
              results,
              List.copyOf(requests)));
    }
  }

  /// The checksum of a log row, which covers the one before it.
  static long chain(long previous, long seq, byte[] frames) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(16).putLong(previous).putLong(seq).flip());
    crc.update(frames, 0, frames.length);
    return crc.getValue();
  }
}
