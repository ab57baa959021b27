package dev.plexspaces.kernel.journal;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A growing byte array for the journal's own formats: variable-length numbers, lengths before
/// bytes. Not thread-safe.
public final class BinaryWriter {

  private byte[] bytes;
  private int size;

  /// @param capacity bytes to start with; grows as needed
  public BinaryWriter(int capacity) {
    bytes = new byte[Math.max(16, capacity)];
  }

  /// Bytes written so far.
  public int size() {
    return size;
  }

  /// Forgets what was written and keeps the room.
  public void reset() {
    size = 0;
  }

  public BinaryWriter oneByte(int value) {
    room(1);
    bytes[size++] = (byte) value;
    return this;
  }

  /// An unsigned number, seven bits a byte, low ones first: 1 to 10 bytes. Negative numbers take
  /// 10.
  public BinaryWriter unsigned(long value) {
    room(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      bytes[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[size++] = (byte) rest;
    return this;
  }

  /// A number that may be negative; small absolute values are short.
  public BinaryWriter signed(long value) {
    return unsigned((value << 1) ^ (value >> 63));
  }

  /// Eight bytes, high ones first.
  public BinaryWriter fixed64(long value) {
    room(8);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes[size++] = (byte) (value >>> shift);
    }
    return this;
  }

  /// Length, then the bytes.
  public BinaryWriter bytes(byte[] value) {
    unsigned(value.length);
    return raw(value);
  }

  /// The bytes alone.
  public BinaryWriter raw(byte[] value) {
    return raw(value, 0, value.length);
  }

  /// Part of the bytes alone.
  public BinaryWriter raw(byte[] value, int from, int length) {
    room(length);
    System.arraycopy(value, from, bytes, size, length);
    size += length;
    return this;
  }

  /// Length in bytes, then UTF-8.
  ///
  /// @throws IllegalArgumentException on an unpaired surrogate, which UTF-8 cannot carry
  public BinaryWriter text(String value) {
    int length = value.length();
    for (int i = 0; i < length; i++) {
      char c = value.charAt(i);
      if (c >= 0x80) {
        return textBeyondAscii(value, i);
      }
    }
    unsigned(length);
    room(length);
    for (int i = 0; i < length; i++) {
      bytes[size++] = (byte) value.charAt(i);
    }
    return this;
  }

  private BinaryWriter textBeyondAscii(String value, int from) {
    for (int i = from; i < value.length(); i++) {
      char c = value.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < value.length()
          && Character.isLowSurrogate(value.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw new IllegalArgumentException("text has an unpaired surrogate at character " + i);
      }
    }
    return bytes(value.getBytes(StandardCharsets.UTF_8));
  }

  /// A copy of what was written.
  public byte[] toBytes() {
    return Arrays.copyOf(bytes, size);
  }

  private void room(int more) {
    if (bytes.length - size < more) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
    }
  }
}
