package dev.plexspaces.gateway;

import java.nio.charset.StandardCharsets;

/// Text made fit for a header: everything but visible ASCII, and `%` itself, is percent-encoded as
/// UTF-8.
final class HeaderText {

  private static final char[] HEX = "0123456789ABCDEF".toCharArray();

  private HeaderText() {}

  static String encode(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (!plain(text.charAt(i))) {
        return encodeAll(text);
      }
    }
    return text;
  }

  private static boolean plain(int c) {
    return c > ' ' && c < 0x7f && c != '%';
  }

  private static String encodeAll(String text) {
    StringBuilder encoded = new StringBuilder(text.length() * 3);
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      if (plain(b)) {
        encoded.append((char) b);
      } else {
        encoded.append('%').append(HEX[(b >> 4) & 0xf]).append(HEX[b & 0xf]);
      }
    }
    return encoded.toString();
  }
}
