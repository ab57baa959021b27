package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.PlexException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What an actor cannot ask of a service link. In this module because `sdk` has no test libraries.
class LinkRequestTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "/a",
        "/a/b.c/..d/d../...",
        "/a?x=1&y=..",
        "/a%20b/%C3%BC",
        "/a?next=http://x/../y",
        "/v1.0/~u/(x)/a;p=1,2/@me:z"
      })
  void path_belowTheLink_isAccepted(String path) {
    assertThat(LinkRequest.get("out", path).path()).isEqualTo(path);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a", "http://evil.com/", "//evil.com/x", "/\\evil.com", "/a b", "/a\r\nX: y", "/a\n", "/ü",
        "/a#f", "/a%2", "/a%zz", "?x=1", "@evil.com/", ":80/", "/a[0]", "/a\u0000"
      })
  void path_thatCouldLeadElsewhere_isRefused(String path) {
    assertInvalid("path", () -> LinkRequest.get("out", path));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/..",
        "/../x",
        "/a/../b",
        "/a/..",
        "/./a",
        "/%2e%2e/x",
        "/%2E./x",
        "/a/.%2e?x",
        "/%252e%252e/x",
        "/%25252e%25252e/x",
        "/a%2f..%2fb",
        "/a%5c..%5cb",
        "/..;x=1/y",
        "/a/..%3f/../b"
      })
  void path_thatClimbs_isRefused(String path) {
    assertInvalid("path", () -> LinkRequest.get("out", path));
  }

  @Test
  void bounds_areKept() {
    String longest = "/" + "a".repeat(LinkRequest.PATH_LENGTH_MAX - 1);
    assertThat(LinkRequest.get("out", longest).path()).hasSize(LinkRequest.PATH_LENGTH_MAX);
    assertInvalid("path", () -> LinkRequest.get("out", longest + "a"));
    Map<String, String> headers = new TreeMap<>();
    for (int i = 0; i < LinkRequest.HEADERS_MAX; i++) {
      headers.put("h" + i, "v");
    }
    LinkRequest most = new LinkRequest("out", "GET", "", headers, null);
    assertInvalid("headers", () -> most.header("more", "v"));
    assertInvalid(
        "headers",
        () -> LinkRequest.get("o", "").header("h", "v".repeat(LinkRequest.HEADERS_LENGTH_MAX)));
  }

  @ParameterizedTest
  @CsvSource(
      value = {"a b|c", "a:|c", "''|c", "a|ü", "Host|x", "idempotency-KEY|x", "content-length|1"},
      delimiter = '|')
  void header_thatIsNoneOrReserved_isRefused(String name, String value) {
    assertInvalid("headers", () -> LinkRequest.get("out", "").header(name, value));
  }

  @Test
  void header_withALineBreak_isRefused_andItsValueIsNotRepeated() {
    PlexException e =
        assertInvalid(
            "headers", () -> LinkRequest.get("out", "").header("token", "s3cret\r\nX: y"));
    assertThat(e.getMessage()).contains("token").doesNotContain("s3cret");
  }

  @Test
  void header_givenAgain_isReplaced_twiceInOneMapIsRefused() {
    assertThat(LinkRequest.get("out", "").header("A", "1").header("a", "2").headers())
        .containsValue("2")
        .hasSize(1);
    assertInvalid(
        "headers", () -> new LinkRequest("out", "GET", "", Map.of("a", "1", "A", "2"), null));
  }

  @Test
  void methodAndBody_areChecked() {
    assertInvalid("method", () -> new LinkRequest("out", "get", "", Map.of(), null));
    assertInvalid("method", () -> new LinkRequest("out", "CONNECT", "", Map.of(), null));
    assertInvalid("body", () -> new LinkRequest("out", "GET", "", Map.of(), "x"));
    assertInvalid("link", () -> LinkRequest.get(" ", ""));
  }

  private static PlexException assertInvalid(String field, Runnable making) {
    PlexException e = catchThrowableOfType(PlexException.class, making::run);
    assertThat(e).as("refused").isNotNull();
    assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(e.violations().getFirst().field()).isEqualTo(field);
    return e;
  }
}
