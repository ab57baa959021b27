package dev.plexspaces.kernel;

import dev.plexspaces.kernel.json.Json;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/// What makes two requests to one actor the same: the caller's key, and what it asked for. Source:
/// spec/turns rule 28.
///
/// @param key SHA-256 of principal and key
/// @param body SHA-256 of operation and canonical payload
record IdempotencyKey(byte[] key, byte[] body) {

  static IdempotencyKey of(String principal, String key, String operation, Object payload) {
    return new IdempotencyKey(
        sha256(principal.getBytes(StandardCharsets.UTF_8), key.getBytes(StandardCharsets.UTF_8)),
        sha256(operation.getBytes(StandardCharsets.UTF_8), Json.canonical(payload)));
  }

  /// The key as text.
  String text() {
    return HexFormat.of().formatHex(key);
  }

  boolean sameBody(byte[] other) {
    return Arrays.equals(body, other);
  }

  private static byte[] sha256(byte[] first, byte[] second) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
    digest.update(first);
    // No text contains it, so that two pairs never run together.
    digest.update((byte) 0xFF);
    return digest.digest(second);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IdempotencyKey k
        && Arrays.equals(key, k.key)
        && Arrays.equals(body, k.body);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(key);
  }

  @Override
  public String toString() {
    return text();
  }
}
