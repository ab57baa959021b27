package dev.plexspaces.kernel.journal;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Reads what [BinaryWriter] wrote. Every method throws `IllegalArgumentException` naming the byte
/// when the bytes end early or make no sense; a length is checked before anything is allocated. Not
/// thread-safe.
public final class BinaryReader {

  private final byte[] bytes;
  private int position;

  public BinaryReader(byte[] bytes) {
    this.bytes = bytes;
  }

  /// True when all bytes were read.
  public boolean atEnd() {
    return position == bytes.length;
  }

  /// Bytes read so far.
  public int position() {
    return position;
  }

  public int oneByte() {
    need(1);
    return bytes[position++] & 0xFF;
  }

  public long unsigned() {
    long value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      int next = oneByte();
      value |= (long) (next & 0x7F) << shift;
      if ((next & 0x80) == 0) {
        return value;
      }
    }
    throw broken("a number of more than 10 bytes");
  }

  /// An unsigned number that fits an int.
  public int count() {
    long value = unsigned();
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw broken("a count of " + Long.toUnsignedString(value));
    }
    return (int) value;
  }

  public long signed() {
    long value = unsigned();
    return (value >>> 1) ^ -(value & 1);
  }

  public long fixed64() {
    need(8);
    long value = 0;
    for (int i = 0; i < 8; i++) {
      value = value << 8 | (bytes[position++] & 0xFF);
    }
    return value;
  }

  public byte[] bytes() {
    int length = count();
    need(length);
    byte[] value = Arrays.copyOfRange(bytes, position, position + length);
    position += length;
    return value;
  }

  public String text() {
    int length = count();
    need(length);
    String value = new String(bytes, position, length, StandardCharsets.UTF_8);
    position += length;
    return value;
  }

  /// The error for bytes that make no sense at this place.
  public IllegalArgumentException broken(String what) {
    return new IllegalArgumentException(
        "byte " + position + " of " + bytes.length + ": " + what + "; the data is damaged");
  }

  private void need(int more) {
    if (more > bytes.length - position) {
      throw broken("needs " + more + " more bytes, " + (bytes.length - position) + " are left");
    }
  }
}
