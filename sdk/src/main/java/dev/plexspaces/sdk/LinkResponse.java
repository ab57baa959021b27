package dev.plexspaces.sdk;

import java.util.Map;

/// What an outside HTTP service answered to [ActorContext#fetch].
///
/// @param status HTTP status, 200 to 499 except 408 and 429: what is worth another attempt comes as
///   an error. Redirects are not followed, so a 3xx is an answer like any other
/// @param headers names in lower case; repeated ones joined by `, `. At most [#HEADERS_MAX], the
///   others are left out
/// @param body a value read from JSON (map, list, string, number, boolean, null) when the content
///   type says JSON and it is; a `String` for other text; `byte[]` for the rest; `null` when empty
public record LinkResponse(int status, Map<String, String> headers, Object body) {

  /// Most headers of a response.
  public static final int HEADERS_MAX = 64;

  /// True for a status of 200 to 299.
  public boolean ok() {
    return status >= 200 && status < 300;
  }
}
