package dev.plexspaces.sdk;

import dev.plexspaces.sdk.PlexException.FieldViolation;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// One call of an outside HTTP service, for [ActorContext#fetch]. It names a service link of the
/// application's configuration and a path below that link's address, so code holds neither address
/// nor credentials. Source: host function `http_fetch(link, method, path, body)`.
///
/// @param link name of a `[[service_links]]` entry
/// @param method one of [#METHODS]
/// @param path "" for the link's address itself, or `/` and what follows below it, with an optional
///   query; at most [#PATH_LENGTH_MAX] characters, anything but URL characters percent-encoded
/// @param headers at most [#HEADERS_MAX], together at most [#HEADERS_LENGTH_MAX] characters; not
///   one of [#RESERVED_HEADERS] nor one the link's configuration sets
/// @param body `null` for none; `byte[]` as it is; `String` as UTF-8 text; anything else (map,
///   list, record, number) as JSON. `Content-Type` says so unless the headers do. At most
///   [#BODY_BYTES_MAX] bytes, and none for `GET` and `HEAD`
public record LinkRequest(
    String link, String method, String path, Map<String, String> headers, Object body) {

  /// Longest path with its query, characters.
  public static final int PATH_LENGTH_MAX = 4_096;

  /// Most headers of a request.
  public static final int HEADERS_MAX = 32;

  /// Longest headers of a request, names and values together, characters.
  public static final int HEADERS_LENGTH_MAX = 16_384;

  /// Largest body of a request, bytes.
  public static final int BODY_BYTES_MAX = 1 << 20;

  /// What may be called.
  public static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

  /// Headers the platform sets, or that would change how the message is framed; lower case.
  public static final Set<String> RESERVED_HEADERS =
      Set.of(
          "connection",
          "content-length",
          "expect",
          "host",
          "http2-settings",
          "idempotency-key",
          "keep-alive",
          "proxy-authorization",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  private static final String TOKEN_SYMBOLS = "!#$%&'*+-.^_`|~";
  private static final String URL_SYMBOLS = "-._~!$&'()*+,;=:@/?%";
  private static final int HEX = 16;

  /// @throws PlexException `INVALID_MESSAGE` naming the field and what is wrong with it
  public LinkRequest {
    if (link == null || link.isBlank()) {
      throw invalid("link", "must name a service link");
    }
    if (method == null || !METHODS.contains(method)) {
      throw invalid(
          "method", "must be one of " + String.join(", ", METHODS.stream().sorted().toList()));
    }
    requirePath(path);
    headers = checked(headers);
    if (body != null && (method.equals("GET") || method.equals("HEAD"))) {
      throw invalid("body", "must be null for " + method);
    }
  }

  /// A `GET`.
  ///
  /// @throws PlexException `INVALID_MESSAGE`
  public static LinkRequest get(String link, String path) {
    return new LinkRequest(link, "GET", path, Map.of(), null);
  }

  /// A `POST`.
  ///
  /// @throws PlexException `INVALID_MESSAGE`
  public static LinkRequest post(String link, String path, Object body) {
    return new LinkRequest(link, "POST", path, Map.of(), body);
  }

  /// This request with one more header, or another value of it.
  ///
  /// @throws PlexException `INVALID_MESSAGE`
  public LinkRequest header(String name, String value) {
    Map<String, String> more = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    more.putAll(headers);
    more.put(name, value);
    return new LinkRequest(link, method, path, more, body);
  }

  /* What is refused is whatever could leave the link's address: another host (a scheme, `//`), a climb
  (`..`, also encoded, also encoded twice, as some servers decode twice), or another message (CR, LF). */
  private static void requirePath(String path) {
    if (path == null || path.length() > PATH_LENGTH_MAX) {
      throw invalid("path", "must be given and have at most " + PATH_LENGTH_MAX + " characters");
    }
    if (path.isEmpty()) {
      return;
    }
    if (path.charAt(0) != '/' || path.startsWith("//")) {
      throw invalid("path", "must be empty or begin with one '/'; the link has scheme and host");
    }
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (!letterOrDigit(c) && URL_SYMBOLS.indexOf(c) < 0) {
        throw invalid(
            "path",
            "character " + (i + 1) + " is not allowed in a URL; percent-encode it as UTF-8");
      }
      if (c == '%' && !(hex(path, i + 1) && hex(path, i + 2))) {
        throw invalid(
            "path", "'%' at character " + (i + 1) + " must be followed by two hex digits");
      }
    }
    int query = path.indexOf('?');
    String decoded = (query < 0 ? path : path.substring(0, query)).toLowerCase(Locale.ROOT);
    for (String before = ""; !before.equals(decoded); ) {
      before = decoded;
      decoded = decoded.replace("%25", "%");
    }
    decoded = decoded.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    for (String segment : decoded.split("/")) {
      // A parameter does not hide it: some servers drop what follows the ';'.
      String name = segment.split(";", 2)[0];
      if (name.equals("..") || name.equals(".")) {
        throw invalid("path", "must not contain '.' or '..' as a segment");
      }
    }
  }

  private static Map<String, String> checked(Map<String, String> headers) {
    if (headers == null || headers.size() > HEADERS_MAX) {
      throw invalid("headers", "must be given and be at most " + HEADERS_MAX);
    }
    Set<String> names = new HashSet<>();
    int length = 0;
    for (Map.Entry<String, String> header : headers.entrySet()) {
      String name = header.getKey();
      String value = header.getValue();
      if (!validHeader(name, value)) {
        throw invalid(
            "headers",
            "a name must be an HTTP token and a value visible ASCII and spaces; wrong: "
                + (validHeader(name, "") ? "the value of " + name : "a name"));
      }
      String lower = name.toLowerCase(Locale.ROOT);
      if (RESERVED_HEADERS.contains(lower)) {
        throw invalid("headers", name + " is set by the platform");
      }
      if (!names.add(lower)) {
        throw invalid("headers", name + " is given twice");
      }
      length += name.length() + value.length();
    }
    if (length > HEADERS_LENGTH_MAX) {
      throw invalid("headers", "must have at most " + HEADERS_LENGTH_MAX + " characters together");
    }
    return Map.copyOf(headers);
  }

  /// True for a header that cannot change the message it is part of.
  ///
  /// @return false for `null`, a name that is no HTTP token, or a value with anything but visible
  ///   ASCII, spaces and tabs. Source: RFC 9110, section 5
  public static boolean validHeader(String name, String value) {
    if (name == null || name.isEmpty() || value == null) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (!letterOrDigit(c) && TOKEN_SYMBOLS.indexOf(c) < 0) {
        return false;
      }
    }
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c != '\t' && (c < ' ' || c > '~')) {
        return false;
      }
    }
    return true;
  }

  private static boolean letterOrDigit(char c) {
    return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
  }

  private static boolean hex(String text, int at) {
    return at < text.length() && Character.digit(text.charAt(at), HEX) >= 0;
  }

  private static PlexException invalid(String field, String problem) {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        field + ": " + problem,
        List.of(new FieldViolation(field, problem)),
        null);
  }
}
