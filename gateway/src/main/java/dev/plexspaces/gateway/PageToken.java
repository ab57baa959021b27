package dev.plexspaces.gateway;

import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.zip.CRC32C;

/// Where a list continues, bound to the filter it was made for.
///
/// It holds a name the caller was just shown, and permission is checked on every page, so there is
/// nothing in it to hide or to forge: the checksum finds accidents, not attacks.
final class PageToken {

  private static final int LENGTH_MAX = 2048;
  private static final char VERSION = '1';

  private PageToken() {}

  /// @param cursor the last name on the page
  /// @param filter what the list was filtered by
  static String write(String cursor, String filter) {
    String text = VERSION + checksum(cursor, filter) + cursor;
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  /// The cursor of a token.
  ///
  /// @throws PlexException `INVALID_MESSAGE` for a token of another list or none at all
  static String read(String token, String filter) {
    if (token.length() <= LENGTH_MAX) {
      try {
        String text = new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8);
        if (text.length() > 9 && text.charAt(0) == VERSION) {
          String cursor = text.substring(9);
          if (text.substring(1, 9).equals(checksum(cursor, filter))) {
            return cursor;
          }
        }
      } catch (IllegalArgumentException e) {
        // Not base64: the same answer as any other token that is not ours.
      }
    }
    throw Caller.invalid(
        "page_token", "is not a next_page_token of this list with the same filter");
  }

  private static String checksum(String cursor, String filter) {
    CRC32C crc = new CRC32C();
    crc.update((filter + '\n' + cursor).getBytes(StandardCharsets.UTF_8));
    String hex = Long.toHexString(crc.getValue());
    return "0".repeat(8 - hex.length()) + hex;
  }
}
