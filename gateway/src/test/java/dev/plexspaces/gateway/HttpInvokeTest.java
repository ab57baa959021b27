package dev.plexspaces.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.gateway.TestEdge.Answer;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HttpInvokeTest {

  @TempDir static Path data;
  static TestEdge edge;
  static String token;

  @BeforeAll
  static void start() {
    edge = TestEdge.secure(data);
    token = edge.token("acme", "clerk");
  }

  @AfterAll
  static void stop() {
    edge.close();
  }

  @Test
  void get_asksWithTheQueryAsTextualPayload() {
    Answer answer =
        edge.get("/api/v1/actors/acme/prod/echo/alice?op=add&n=1&tag=a&tag=b&empty=", token);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("content-type")).startsWith("application/json");
    assertThat(answer.header("PlexSpaces-Actor")).isEqualTo("acme/prod/echo/alice");
    assertThat(answer.header("PlexSpaces-Request-Id")).startsWith("req-");
    Map<String, Object> echo = answer.object();
    assertThat(echo)
        .containsEntry("operation", "")
        .containsEntry("textual", true)
        .containsEntry("key", "alice")
        .containsEntry("timeout_ms", 5000L)
        .containsEntry("tenant", "acme")
        .containsEntry("namespace", "prod")
        .containsEntry("user", "alice")
        .containsEntry("roles", List.of("clerk"))
        .containsEntry("deadline", "2026-11-21T12:00:05Z")
        .containsEntry(
            "payload", Map.of("op", "add", "n", "1", "tag", List.of("a", "b"), "empty", ""))
        .containsEntry(
            "headers",
            Map.of("http_method", "GET", "http_path", "/api/v1/actors/acme/prod/echo/alice"));
  }

  /// In two writes the client would be woken twice, for headers and for the body.
  @Test
  void answer_headersAndBody_comeInOnePiece() throws IOException {
    byte[] request =
        ("GET /api/v1/actors/acme/prod/echo/alice HTTP/1.1\r\nhost: here\r\nauthorization: Bearer "
                + token
                + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII);
    byte[] buffer = new byte[16 << 10];
    try (Socket socket = new Socket("127.0.0.1", edge.gateway.httpPort())) {
      socket.setSoTimeout(20_000);
      for (int i = 0; i < 100; i++) {
        socket.getOutputStream().write(request);
        int length = socket.getInputStream().read(buffer);
        assertThat(new String(buffer, 0, length, StandardCharsets.UTF_8))
            .as("answer %s", i)
            .startsWith("HTTP/1.1 200 OK")
            .endsWith("}");
      }
    }
  }

  @Test
  void getWithoutKey_goesToOneActorOfTheType() {
    Answer answer = edge.get("/api/v1/actors/acme/prod/echo", token);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.object()).containsEntry("key", null).containsEntry("payload", Map.of());
    assertThat(answer.header("PlexSpaces-Actor")).isEqualTo("acme/prod/echo/default");
  }

  @Test
  void delete_asksLikeGet() {
    Answer answer = edge.call("DELETE", "/api/v1/actors/acme/prod/echo/a?why=x", token, null);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.object()).containsEntry("payload", Map.of("why", "x"));
    assertThat(answer.object().get("headers").toString()).contains("DELETE");
  }

  @Test
  void postAndPut_tellWithTheBody() {
    for (String method : List.of("POST", "PUT")) {
      for (String path :
          List.of("/api/v1/actors/acme/prod/durable/k", "/api/v1/actors/acme/prod/durable")) {
        edge.invoker.told.clear();
        Answer answer =
            edge.call(method, path, token, "{\"op\":\"deposit\",\"amount\":9007199254740993}");
        assertThat(answer.status()).isEqualTo(202);
        assertThat(answer.object())
            .containsEntry("message_id", "m-1")
            .containsEntry("durable", true);
        FakeInvoker.Told told = edge.invoker.told.remove();
        assertThat(told.request().payload())
            .isEqualTo(Map.of("op", "deposit", "amount", 9007199254740993L));
        assertThat(told.request().textual()).isFalse();
        assertThat(told.request().operation()).isEmpty();
        assertThat(told.request().headers())
            .containsEntry("http_method", method)
            .containsEntry("http_path", path);
        assertThat(told.context().deadline()).isEmpty();
      }
    }
  }

  @Test
  void tell_notDurable_saysSo() {
    Answer answer = edge.call("POST", "/api/v1/actors/acme/prod/echo/k", token, "[1]");
    assertThat(answer.object()).containsEntry("durable", false);
  }

  /// The kernel may have to look the key up on disk.
  @Test
  void tellWithAKey_isHandedOverWhereBlockingIsAllowed_andSaysWhatFailed() {
    edge.invoker.told.clear();
    assertThat(tellWithKey("durable").status()).isEqualTo(202);
    assertThat(edge.invoker.told.remove().request().idempotencyKey()).contains("once");
    assertThat(tellWithKey("ghost").status()).isEqualTo(404);
    Answer broken = tellWithKey("broken");
    assertThat(broken.status()).isEqualTo(500);
    assertThat(broken.text()).contains("internal error").doesNotContain("Secret");
  }

  private Answer tellWithKey(String type) {
    return edge.send(
        edge.request("POST", "/api/v1/actors/acme/prod/" + type + "/k", token, "{}")
            .header("Idempotency-Key", "once")
            .build());
  }

  @Test
  void postAsk_asksWithTheEnvelope() {
    Answer answer =
        edge.call(
            "POST",
            "/api/v1/actors/acme/prod/echo/alice/ask",
            token,
            "{\"message_type\":\"deposit\",\"payload\":{\"amount\":10},\"timeout_ms\":60000}");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.object())
        .containsEntry("operation", "deposit")
        .containsEntry("payload", Map.of("amount", 10L))
        .containsEntry("textual", false)
        .containsEntry("timeout_ms", 60000L)
        .containsEntry("key", "alice");
  }

  @Test
  void postAskWithoutKey_isAnAskWhoseLastSegmentIsNotAKey() {
    Answer answer = edge.call("POST", "/api/v1/actors/acme/prod/echo/ask", token, "{}");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.object())
        .containsEntry("key", null)
        .containsEntry("operation", "")
        .containsEntry("payload", Map.of())
        .containsEntry("timeout_ms", 5000L);
    // A key that is the word `ask` is asked with the long path, and told with PUT.
    Answer keyed = edge.call("POST", "/api/v1/actors/acme/prod/echo/ask/ask", token, "{}");
    assertThat(keyed.object()).containsEntry("key", "ask");
    Answer told = edge.call("PUT", "/api/v1/actors/acme/prod/echo/ask", token, "{}");
    assertThat(told.status()).isEqualTo(202);
  }

  @Test
  void reply_isTheBodyWhateverItIs() {
    for (String json :
        List.of("null", "true", "9223372036854775807", "\"text\"", "[1,{\"a\":null}]", "1.5")) {
      Answer answer =
          edge.call(
              "POST",
              "/api/v1/actors/acme/prod/literal/k/ask",
              token,
              "{\"payload\":" + json + "}");
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.text()).isEqualTo(json);
    }
  }

  @Test
  void keys_arePercentDecodedOnceAndEncodedInTheHeader() {
    record Case(String path, String key, String header) {}
    for (Case one :
        List.of(
            new Case("a%2Fb", "a/b", "a/b"),
            new Case("a%20b", "a b", "a%20b"),
            new Case("a+b", "a+b", "a+b"),
            new Case("%25", "%", "%25"),
            new Case("%C3%A9", "é", "%C3%A9"),
            new Case("%F0%9F%98%80", "😀", "%F0%9F%98%80"),
            new Case("a:b@c;d=e,f", "a:b@c;d=e,f", "a:b@c;d=e,f"),
            new Case("..a", "..a", "..a"))) {
      Answer answer = edge.get("/api/v1/actors/acme/prod/echo/" + one.path(), token);
      assertThat(answer.status()).as(one.path()).isEqualTo(200);
      assertThat(answer.object()).as(one.path()).containsEntry("key", one.key());
      assertThat(answer.header("PlexSpaces-Actor")).isEqualTo("acme/prod/echo/" + one.header());
    }
  }

  @Test
  void marksOfTheRequest_travelWithTheMessage() {
    String trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    Answer answer =
        edge.send(
            edge.request("GET", "/api/v1/actors/acme/prod/echo/a", token, null)
                .header("PlexSpaces-Request-Id", "my-id.7")
                .header("Idempotency-Key", "k".repeat(128))
                .header("traceparent", trace)
                .build());
    assertThat(answer.header("PlexSpaces-Request-Id")).isEqualTo("my-id.7");
    assertThat(answer.object())
        .containsEntry("request_id", "my-id.7")
        .containsEntry("idempotency_key", "k".repeat(128))
        .containsEntry("trace_parent", trace);
  }

  @Test
  void marksThatAreNotSane_areReplacedOrIgnored() {
    Answer answer =
        edge.send(
            edge.request("GET", "/api/v1/actors/acme/prod/echo/a", token, null)
                .header("PlexSpaces-Request-Id", "<script>")
                .header("traceparent", "00-XYZ")
                .build());
    assertThat(answer.header("PlexSpaces-Request-Id")).startsWith("req-");
    assertThat(answer.object()).containsEntry("trace_parent", null);
    assertThat(Optional.ofNullable(answer.object().get("idempotency_key"))).isEmpty();
  }
}
