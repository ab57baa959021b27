package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertClean;
import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;

import com.linecorp.armeria.common.Flags;
import dev.plexspaces.gateway.TestEdge.Answer;
import dev.plexspaces.kernel.json.Json;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whatever comes in, the answer is a clear 4xx in the one shape, and the node is well after.
class BadInputTest {

  static final String ACTOR = "/api/v1/actors/acme/prod/echo";

  @TempDir static Path data;
  static TestEdge edge;
  static String token;

  @BeforeAll
  static void start() {
    edge = TestEdge.secure(data);
    token = edge.token("acme");
  }

  @AfterAll
  static void stop() {
    edge.close();
  }

  @AfterEach
  void nodeIsWell() {
    assertThat(edge.get(ACTOR + "/well?a=1", token).status()).isEqualTo(200);
  }

  record Case(
      String name, String method, String path, String body, int status, String code, String says) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);
    String deepObject = "{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000);
    List<Case> cases = new ArrayList<>();
    for (String body :
        List.of(
            "{",
            "{\"a\":}",
            "nope",
            "{\"a\":1}}",
            "{\"a\":1,}",
            "\"\u0001\"",
            "01",
            "[1 2]",
            " ")) {
      cases.add(
          new Case(
              "malformed " + body, "POST", ACTOR + "/k", body, 400, "INVALID_MESSAGE", "JSON"));
      cases.add(
          new Case(
              "malformed ask " + body,
              "POST",
              ACTOR + "/k/ask",
              body,
              400,
              "INVALID_MESSAGE",
              "JSON"));
    }
    cases.add(new Case("deep array", "POST", ACTOR + "/k", deep, 400, "INVALID_MESSAGE", "JSON"));
    cases.add(
        new Case("deep object", "PUT", ACTOR + "/k", deepObject, 400, "INVALID_MESSAGE", "JSON"));
    cases.add(
        new Case(
            "deep ask",
            "POST",
            ACTOR + "/k/ask",
            "{\"payload\":" + deep + "}",
            400,
            "INVALID_MESSAGE",
            "JSON"));
    cases.add(
        new Case(
            "number that does not fit",
            "POST",
            ACTOR + "/k",
            "1" + "0".repeat(2000),
            400,
            "INVALID_MESSAGE",
            "JSON"));
    cases.add(
        new Case(
            "envelope is a list", "POST", ACTOR + "/k/ask", "[]", 400, "INVALID_MESSAGE", "body"));
    cases.add(
        new Case(
            "unknown envelope field",
            "POST",
            ACTOR + "/k/ask",
            "{\"playload\":1}",
            400,
            "INVALID_MESSAGE",
            "playload"));
    cases.add(
        new Case(
            "message_type is a number",
            "POST",
            ACTOR + "/k/ask",
            "{\"message_type\":1}",
            400,
            "INVALID_MESSAGE",
            "message_type"));
    cases.add(
        new Case(
            "message_type is null",
            "POST",
            ACTOR + "/k/ask",
            "{\"message_type\":null}",
            400,
            "INVALID_MESSAGE",
            "message_type"));
    cases.add(
        new Case(
            "message_type too long",
            "POST",
            ACTOR + "/k/ask",
            "{\"message_type\":\"" + "x".repeat(129) + "\"}",
            400,
            "INVALID_MESSAGE",
            "message_type"));
    for (String timeout :
        List.of("0", "-1", "60001", "1.5", "\"5\"", "null", "99999999999999999999", "true")) {
      cases.add(
          new Case(
              "timeout_ms " + timeout,
              "POST",
              ACTOR + "/ask",
              "{\"timeout_ms\":" + timeout + "}",
              400,
              "INVALID_MESSAGE",
              "timeout_ms"));
    }
    for (String key :
        List.of("%00", "%FF", "a%00b", "%C3%28", "%ED%A0%80", "%0a", "%7F", "a%FFb")) {
      cases.add(new Case("key " + key, "GET", ACTOR + "/" + key, null, 400, "INVALID_MESSAGE", ""));
      cases.add(
          new Case("tell key " + key, "POST", ACTOR + "/" + key, "{}", 400, "INVALID_MESSAGE", ""));
    }
    cases.add(
        new Case(
            "key too long",
            "GET",
            ACTOR + "/" + "k".repeat(257),
            null,
            400,
            "INVALID_MESSAGE",
            "256"));
    cases.add(
        new Case(
            "type with a space",
            "GET",
            "/api/v1/actors/acme/prod/a%20b/k",
            null,
            400,
            "INVALID_MESSAGE",
            "actor_type"));
    cases.add(
        new Case(
            "type too long",
            "GET",
            "/api/v1/actors/acme/prod/" + "t".repeat(129),
            null,
            400,
            "INVALID_MESSAGE",
            "actor_type"));
    cases.add(
        new Case(
            "type with a slash",
            "GET",
            "/api/v1/actors/acme/prod/a%2Fb/k",
            null,
            400,
            "INVALID_MESSAGE",
            "actor_type"));
    cases.add(
        new Case(
            "namespace with a star",
            "GET",
            "/api/v1/actors/acme/p*/echo/k",
            null,
            400,
            "INVALID_MESSAGE",
            "namespace"));
    cases.add(
        new Case(
            "query that is not UTF-8",
            "GET",
            ACTOR + "/k?a=%FF",
            null,
            400,
            "INVALID_MESSAGE",
            "UTF-8"));
    cases.add(
        new Case(
            "query name that is not UTF-8",
            "GET",
            ACTOR + "/k?%FF=1",
            null,
            400,
            "INVALID_MESSAGE",
            "UTF-8"));
    cases.add(
        new Case(
            "query on a tell", "POST", ACTOR + "/k?a=1", "{}", 400, "INVALID_MESSAGE", "body"));
    cases.add(
        new Case(
            "query on an ask",
            "POST",
            ACTOR + "/k/ask?timeout_ms=1",
            "{}",
            400,
            "INVALID_MESSAGE",
            "timeout_ms"));
    cases.add(
        new Case(
            "unknown actor type",
            "GET",
            "/api/v1/actors/acme/prod/ghost/k",
            null,
            404,
            "ACTOR_NOT_FOUND",
            "ghost"));
    cases.add(
        new Case(
            "unknown actor type, tell",
            "POST",
            "/api/v1/actors/acme/prod/ghost/k",
            "{}",
            404,
            "ACTOR_NOT_FOUND",
            "ghost"));
    for (String path :
        List.of(
            "/",
            "/nope",
            "/api/v1",
            "/api/v2/actors/acme/prod/echo",
            ACTOR + "/k/ask/more",
            ACTOR + "/k/more",
            ACTOR + "/",
            "/openapi.json/",
            "/favicon.ico")) {
      cases.add(new Case("unknown route " + path, "GET", path, null, 404, "NOT_FOUND", ""));
    }
    cases.add(new Case("POST to nowhere", "POST", "/nope", "{}", 404, "NOT_FOUND", ""));
    cases.add(
        new Case(
            "list: unknown parameter",
            "GET",
            "/api/v1/actors/acme/prod?limit=1",
            null,
            400,
            "INVALID_MESSAGE",
            "limit"));
    cases.add(
        new Case(
            "list: parameter twice",
            "GET",
            "/api/v1/actors/acme/prod?type=a&type=b",
            null,
            400,
            "INVALID_MESSAGE",
            "type"));
    for (String size : List.of("0", "-1", "1001", "x", "99999999999", "")) {
      cases.add(
          new Case(
              "list: page_size " + size,
              "GET",
              "/api/v1/actors/acme/prod?page_size=" + size,
              null,
              400,
              "INVALID_MESSAGE",
              "page_size"));
    }
    for (String page : List.of("x", "%FF", "AAAA", "MTIzNDU2Nzg5YWJjZGVm")) {
      cases.add(
          new Case(
              "list: page_token " + page,
              "GET",
              "/api/v1/actors/acme/prod?page_token=" + page,
              null,
              400,
              "INVALID_MESSAGE",
              "page_token"));
    }
    cases.add(
        new Case(
            "list: bad type",
            "GET",
            "/api/v1/actors/acme/prod?type=a%2Fb",
            null,
            400,
            "INVALID_MESSAGE",
            "type"));
    cases.add(
        new Case(
            "actor id without key",
            "GET",
            "/api/v1/actors/acme%2Fprod%2Fecho",
            null,
            400,
            "INVALID_MESSAGE",
            "actor id"));
    cases.add(
        new Case(
            "actor id of one word",
            "GET",
            "/api/v1/actors/acme",
            null,
            400,
            "INVALID_MESSAGE",
            "actor_id"));
    cases.add(
        new Case(
            "actor not live",
            "GET",
            "/api/v1/actors/acme%2Fprod%2Fecho%2Fk",
            null,
            404,
            "ACTOR_NOT_FOUND",
            "neither live nor stored"));
    cases.add(
        new Case(
            "application not there",
            "GET",
            "/api/v1/applications/nope/status",
            null,
            404,
            "NOT_FOUND",
            "nope"));
    cases.add(
        new Case(
            "application id is odd",
            "GET",
            "/api/v1/applications/a%00b/status",
            null,
            400,
            "INVALID_MESSAGE",
            ""));
    cases.add(new Case("docs asset not there", "GET", "/docs/pom.xml", null, 404, "NOT_FOUND", ""));
    return cases.stream();
  }

  /// As they are sent: a client library might tidy them up. Each is answered without a look at who
  /// is asked: the server library reads the first as a tell to `ask` or to any actor of the type.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST /api/v1/actors/acme/prod/echo//ask",
        "POST /api/v1/actors/acme/prod/echo//",
        "POST /api/v1/actors/acme/prod//echo",
        "GET /api/v1/actors//acme/echo/k",
        "GET //api/v1/actors/acme/prod/echo/k",
        "GET /api/v1/actors/acme///prod/echo/k?a=1",
        "DELETE /api/v1/actors/acme/prod/echo//k",
        "DELETE /api/v1/applications//bank",
        "GET /health//live",
        "GET /api/v1/actors/acme/prod/echo/x\u00ff\u00fe",
        "GET /api/v1/actors/acme/prod/echo/x\u00c3\u00a9",
        "GET /api/v1/actors/acme/prod/ech\u00f6/x",
        "GET /api/v1/actors/acme/prod/echo/x?a=\u00ff"
      })
  void emptySegmentOrBytesThatAreNotAscii_areRefusedBeforeRouting(String line) {
    int told = edge.invoker.told.size();
    String answer =
        edge.raw(
            (line
                    + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                    + token
                    + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                    + "Connection: close\r\n\r\n{}")
                .getBytes(StandardCharsets.ISO_8859_1));
    assertThat(answer).startsWith("HTTP/1.1 400").contains("\"code\":\"INVALID_MESSAGE\"");
    assertThat(answer)
        .contains(line.contains("//") ? "has an empty segment" : "has bytes that are not ASCII");
    assertThat(edge.invoker.told).hasSize(told);
  }

  @Test
  void emptySegmentOverHttp2_isRefusedToo() {
    try (HttpClient http2 = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build()) {
      // The first request upgrades the connection.
      assertThat(
              TestEdge.send(http2, edge.request("GET", ACTOR + "/k", token, null).build()).status())
          .isEqualTo(200);
      Answer answer = TestEdge.send(http2, edge.request("GET", ACTOR + "//k", token, null).build());
      assertError(answer, 400, "INVALID_MESSAGE");
      assertThat(answer.text()).contains("has an empty segment");
    }
  }

  @Test
  void slashesAndUtf8OfAKey_arriveWhenTheyAreEncoded() {
    assertThat(edge.get(ACTOR + "/a%2F%2Fb%C3%A9?x=//%C3%BF", token).object())
        .containsEntry("key", "a//b\u00e9")
        .containsEntry("payload", Map.of("x", "//\u00ff"));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void badInput_isAClear4xx(Case one) {
    Answer answer = edge.call(one.method(), one.path(), token, one.body());
    assertError(answer, one.status(), one.code());
    assertThat(answer.text()).contains(one.says());
  }

  @Test
  void unknownField_isNamedAsAViolation() {
    Answer answer = edge.call("POST", ACTOR + "/k/ask", token, "{\"timeout\":1}");
    assertError(answer, 400, "INVALID_MESSAGE");
    assertThat(answer.error().get("field_violations"))
        .isEqualTo(
            List.of(
                Map.of(
                    "field",
                    "timeout",
                    "description",
                    "no such field; known: message_type, payload, timeout_ms")));
  }

  @Test
  void wrongMethod_is405WithAllow() {
    record Wrong(String method, String path, String allow) {}
    for (Wrong wrong :
        List.of(
            new Wrong("PATCH", ACTOR + "/k", "DELETE, GET, POST, PUT"),
            new Wrong("OPTIONS", ACTOR + "/k", "DELETE, GET, POST, PUT"),
            new Wrong("TRACE", ACTOR + "/k", "DELETE, GET, POST, PUT"),
            new Wrong("PUT", ACTOR + "/k/ask", "POST"),
            new Wrong("GET", ACTOR + "/k/ask", "POST"),
            new Wrong("POST", "/api/v1/applications", "GET"),
            new Wrong("GET", "/api/v1/applications/deploy", "DELETE, POST"),
            new Wrong("POST", "/health/live", "GET"),
            new Wrong("DELETE", "/openapi.json", "GET"))) {
      Answer answer = edge.call(wrong.method(), wrong.path(), token, null);
      assertError(answer, 405, "UNKNOWN_OPERATION");
      assertThat(answer.header("allow")).as(wrong.toString()).isEqualTo(wrong.allow());
    }
    assertThat(edge.call("HEAD", "/metrics", token, null).status()).isEqualTo(405);
  }

  /// See docs/deliberate.md; a library that lets it come to our routes would fail here.
  @Test
  void optionsOfTheServerAsAWhole_isAnsweredByTheLibraryAndNamesNothing() {
    String answer =
        edge.raw(
            "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                .getBytes(StandardCharsets.ISO_8859_1));
    assertThat(answer).startsWith("HTTP/1.1 200 ").endsWith("\r\n\r\n");
    assertThat(answer.toLowerCase(Locale.ROOT)).doesNotContain("server:");
    assertClean(answer);
    assertThat(
            edge.raw(
                ("OPTIONS " + ACTOR + "/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    .getBytes(StandardCharsets.ISO_8859_1)))
        .as("what has a path is not answered without a token")
        .startsWith("HTTP/1.1 401 ");
  }

  @Test
  void methodNobodyKnows_isRefusedInTheOneShape() {
    Answer answer = edge.call("BREW", ACTOR + "/k", token, null);
    assertThat(answer.status()).isIn(400, 405, 501);
    assertThat(answer.error()).containsKeys("status", "code", "message", "request_id");
    assertClean(answer.text());
  }

  @Test
  void contentTypeThatIsNotJson_is415() {
    for (String type :
        List.of(
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "rubbish",
            "text/json2")) {
      for (String path : List.of(ACTOR + "/k", ACTOR + "/k/ask")) {
        Answer answer =
            edge.send(
                HttpRequest.newBuilder(edge.uri(path))
                    .header("authorization", "Bearer " + token)
                    .header("content-type", type)
                    .POST(HttpRequest.BodyPublishers.ofString("{}"))
                    .build());
        assertError(answer, 415, "INVALID_MESSAGE");
        assertThat((String) answer.error().get("message"))
            .isEqualTo(
                "the request's content-type must be application/json; add the header"
                    + " 'Content-Type: application/json' (with curl: --json in place of -d)");
        assertThat(answer.text()).contains("application/json");
      }
    }
    for (String type :
        List.of("application/json", "application/json; charset=utf-8", "application/vnd.x+json")) {
      Answer answer =
          edge.send(
              HttpRequest.newBuilder(edge.uri(ACTOR + "/k"))
                  .header("authorization", "Bearer " + token)
                  .header("content-type", type)
                  .POST(HttpRequest.BodyPublishers.ofString("{}"))
                  .build());
      assertThat(answer.status()).as(type).isEqualTo(202);
    }
  }

  @Test
  void missingContentType_isTakenAsJson() {
    Answer answer =
        edge.send(
            HttpRequest.newBuilder(edge.uri(ACTOR + "/k"))
                .header("authorization", "Bearer " + token)
                .POST(HttpRequest.BodyPublishers.ofString("{\"a\":1}"))
                .build());
    assertThat(answer.status()).isEqualTo(202);
  }

  @Test
  void bodyOverTheBound_is413() {
    String large = "\"" + "x".repeat(GatewayOptions.BODY_BYTES_MAX) + "\"";
    for (String path : List.of(ACTOR + "/k", ACTOR + "/k/ask")) {
      Answer answer = edge.call("POST", path, token, large);
      assertError(answer, 413, "RESOURCE_EXHAUSTED");
      assertThat(answer.header("retry-after")).isNull();
      assertThat(answer.text()).containsPattern("body is (too long|longer than 1048576 bytes)");
    }
    String fits = "\"" + "x".repeat(GatewayOptions.BODY_BYTES_MAX - 2) + "\"";
    assertThat(edge.call("POST", ACTOR + "/k", token, fits).status()).isEqualTo(202);
  }

  /// The library would report them up to ten seconds later, which is too long to wait for here.
  @Test
  void errorsOfClients_areNotReportedAsOurs() {
    assertThat(Flags.defaultUnloggedExceptionsReportIntervalMillis()).isZero();
  }

  @Test
  void bodyOverTheBoundInChunks_is413() {
    byte[] large =
        ("\"" + "x".repeat(2 * GatewayOptions.BODY_BYTES_MAX) + "\"")
            .getBytes(StandardCharsets.UTF_8);
    Answer answer =
        edge.send(
            HttpRequest.newBuilder(edge.uri(ACTOR + "/k"))
                .header("authorization", "Bearer " + token)
                .header("content-type", "application/json")
                .POST(
                    HttpRequest.BodyPublishers.fromPublisher(
                        HttpRequest.BodyPublishers.ofByteArray(large)))
                .build());
    assertError(answer, 413, "RESOURCE_EXHAUSTED");
  }

  @Test
  void overHttp2_theSameHolds() {
    try (HttpClient http2 = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build()) {
      String large = "x".repeat(3 * GatewayOptions.BODY_BYTES_MAX);
      Answer tooLarge =
          TestEdge.send(http2, edge.request("POST", ACTOR + "/k", token, large).build());
      assertError(tooLarge, 413, "RESOURCE_EXHAUSTED");
      Answer nowhere = TestEdge.send(http2, edge.request("POST", "/nope", token, "{}").build());
      assertError(nowhere, 404, "NOT_FOUND");
      Answer fine =
          TestEdge.send(http2, edge.request("POST", ACTOR + "/k/ask", token, "{}").build());
      assertThat(fine.status()).isEqualTo(200);
    }
  }

  @Test
  void bodyThatIsNotUtf8_isRefused() {
    Answer answer =
        edge.send(
            HttpRequest.newBuilder(edge.uri(ACTOR + "/k"))
                .header("authorization", "Bearer " + token)
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[] {'"', (byte) 0xff, '"'}))
                .build());
    assertError(answer, 400, "INVALID_MESSAGE");
  }

  @Test
  void idempotencyKey_isBounded() {
    for (String key : List.of("", "a b", "k".repeat(129))) {
      Answer answer =
          edge.send(
              edge.request("POST", ACTOR + "/k", token, "{}")
                  .header("Idempotency-Key", key)
                  .build());
      assertError(answer, 400, "INVALID_MESSAGE");
      assertThat(answer.text()).contains("Idempotency-Key");
    }
  }

  @Test
  void whatIsNotHttp_isAnsweredInTheOneShapeOrNotAtAll() {
    for (String request :
        List.of(
            "GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET "
                + ACTOR
                + "/../../../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET " + ACTOR + "/%2e%2e/%2e%2e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET " + ACTOR + "/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET " + ACTOR + "/% HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "GET /" + "x".repeat(40_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + "x".repeat(40_000) + "\r\n\r\n",
            "POST " + ACTOR + "/k HTTP/1.1\r\nHost: x\r\nContent-Length: nope\r\n\r\n{}",
            "POST " + ACTOR + "/k HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
            "POST "
                + ACTOR
                + "/k HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                + token
                + "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
            "GET \u0000 HTTP/1.1\r\nHost: x\r\n\r\n",
            "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            "\r\n\r\n\u0016\u0003\u0001 rubbish\r\n\r\n")) {
      String answer = edge.raw(request.getBytes(StandardCharsets.ISO_8859_1));
      String name = request.substring(0, Math.min(60, request.length()));
      if (!answer.isEmpty()) {
        assertThat(answer).as(name).startsWith("HTTP/1.1 4");
        int body = answer.indexOf("\r\n\r\n");
        Object json = Json.parse(answer.substring(body + 4));
        assertThat(json.toString()).as(name).contains("request_id");
      }
      assertClean(answer);
    }
  }

  @Test
  void actorErrors_haveTheStatusOfTheTable() {
    for (dev.plexspaces.sdk.ErrorCode code : dev.plexspaces.sdk.ErrorCode.values()) {
      Answer asked = edge.get("/api/v1/actors/acme/prod/fails/k?code=" + code, token);
      Answer told =
          edge.call(
              "POST", "/api/v1/actors/acme/prod/fails/k", token, "{\"code\":\"" + code + "\"}");
      for (Answer answer : List.of(asked, told)) {
        assertError(answer, ErrorTable.entry(code).http(), code.name());
        boolean retry = List.of(429, 503).contains(answer.status());
        assertThat(answer.header("retry-after")).isEqualTo(retry ? "1" : null);
        assertThat(answer.error().get("retry_after_ms")).isEqualTo(retry ? 1000L : null);
        assertThat(answer.header("www-authenticate") != null).isEqualTo(answer.status() == 401);
        assertThat(answer.error().get("field_violations"))
            .isEqualTo(
                code.name().equals("INVALID_MESSAGE")
                    ? List.of(Map.of("field", "operands[2]", "description", "must be a number"))
                    : null);
      }
    }
  }

  @Test
  void unexpectedFailures_sayNothingOfTheInside() {
    for (String type : List.of("broken", "bottomless", "unwritable", "leaky")) {
      Answer answer = edge.get("/api/v1/actors/acme/prod/" + type + "/k", token);
      assertThat(answer.status()).as(type).isEqualTo(500);
      assertThat(answer.error()).containsEntry("message", "internal error");
      assertClean(answer.text());
      assertThat(answer.text()).doesNotContain("Secret");
      assertThat(
              edge.call("POST", "/api/v1/actors/acme/prod/" + type + "/k/ask", token, "{}")
                  .status())
          .as(type)
          .isEqualTo(500);
    }
  }
}
