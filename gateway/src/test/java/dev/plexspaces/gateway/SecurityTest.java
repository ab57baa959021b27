package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertClean;
import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.gateway.TestEdge.Answer;
import dev.plexspaces.sdk.PlexException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SecurityTest {

  @TempDir Path data;

  /// The routes of the document, as `METHOD /path`.
  @SuppressWarnings("unchecked")
  static List<String> documented(TestEdge edge) {
    Map<String, Object> paths =
        (Map<String, Object>) edge.get("/openapi.json", null).object().get("paths");
    return paths.entrySet().stream()
        .flatMap(
            path ->
                ((Map<String, Object>) path.getValue())
                    .keySet().stream().map(method -> method.toUpperCase() + " " + path.getKey()))
        .toList();
  }

  static String filled(String template) {
    return template
        .replace("{tenant}", "acme")
        .replace("{namespace}", "prod")
        .replace("{actor_type}", "echo")
        .replace("{key}", "k")
        .replace("{actor_id}", "acme%2Fprod%2Fecho%2Fk")
        .replace("{dead_letter_id}", "1")
        .replace("{application_id}", "bank")
        .replace("{asset}", "swagger-ui.css");
  }

  @Test
  void everyDocumentedRoute_needsAToken_butHealthAndTheDocument() {
    try (TestEdge edge = TestEdge.secure(data)) {
      List<String> open = List.of("GET /openapi.json", "GET /health/live", "GET /health/ready");
      List<String> documented = documented(edge);
      assertThat(documented).containsAll(open).hasSizeGreaterThan(20);
      String expired =
          edge.key.mint("acme", Optional.empty(), "a", Set.of("admin"), Duration.ofSeconds(1));
      edge.now = edge.now.plusSeconds(40);
      for (String route : documented) {
        String method = route.substring(0, route.indexOf(' '));
        String path = filled(route.substring(route.indexOf(' ') + 1));
        assertThat(path).doesNotContain("{");
        for (String token : new String[] {null, "forged.token.here", expired}) {
          Answer answer = edge.call(method, path, token, null);
          if (open.contains(route)) {
            assertThat(answer.status()).as(route).isEqualTo(200);
          } else {
            assertError(answer, 401, "UNAUTHENTICATED");
            assertThat(answer.header("www-authenticate")).startsWith("Bearer");
          }
        }
      }
    }
  }

  @Test
  void everyServedRoute_isDocumented_andNothingElse() {
    try (TestEdge edge = TestEdge.secure(data)) {
      assertThat(documented(edge)).containsExactlyInAnyOrderElementsOf(edge.gateway.routes());
    }
  }

  @Test
  void unknownRoutes_tellStrangersNothing() {
    try (TestEdge edge = TestEdge.secure(data)) {
      assertError(edge.get("/nope", null), 401, "UNAUTHENTICATED");
      assertError(edge.call("PATCH", "/api/v1/applications", null, null), 401, "UNAUTHENTICATED");
    }
  }

  @Test
  void anotherTenantOrNamespace_isForbiddenWhetherItExistsOrNot() {
    try (TestEdge edge = TestEdge.secure(data)) {
      edge.invoker.live("globex/prod/echo/k");
      edge.applications.deployed("theirs", "globex", "prod");
      String acme = edge.token("acme", "admin");
      String bodies = null;
      for (String type : List.of("echo", "ghost", "broken", "bad%20name")) {
        for (String tenant : List.of("globex", "nobody", "bad%20name", "ACME")) {
          String path = "/api/v1/actors/" + tenant + "/prod/" + type;
          for (Answer answer :
              List.of(
                  edge.get(path, acme),
                  edge.get(path + "/k", acme),
                  edge.call("DELETE", path + "/k", acme, null),
                  edge.call("POST", path + "/k", acme, "{}"),
                  edge.call("PUT", path, acme, "{}"),
                  edge.call("POST", path + "/ask", acme, "{}"),
                  edge.call("POST", path + "/k/ask", acme, "{}"),
                  edge.get("/api/v1/actors/" + tenant + "/prod?type=" + type, acme),
                  edge.get("/api/v1/actors/" + tenant + "%2Fprod%2F" + type + "%2Fk", acme),
                  edge.call(
                      "DELETE",
                      "/api/v1/actors/" + tenant + "%2Fprod%2F" + type + "%2Fk",
                      acme,
                      null))) {
            assertError(answer, 403, "NOT_PERMITTED");
            String body = answer.text().replaceAll("req-\\d+", "req");
            assertThat(bodies == null ? body : bodies).isEqualTo(body);
            bodies = body;
          }
        }
      }
      assertThat(edge.invoker.live).containsKey("globex/prod/echo/k");
      assertThat(edge.invoker.told).isEmpty();
      // Another tenant's application is as absent as one that does not exist.
      Answer theirs = edge.get("/api/v1/applications/theirs/status", acme);
      Answer absent = edge.get("/api/v1/applications/absent/status", acme);
      assertError(theirs, 404, "NOT_FOUND");
      assertThat(theirs.text().replace("theirs", "absent").replaceAll("req-\\d+", "req"))
          .isEqualTo(absent.text().replaceAll("req-\\d+", "req"));
      assertError(edge.call("DELETE", "/api/v1/applications/theirs", acme, null), 404, "NOT_FOUND");
      assertThat(edge.applications.deployed).containsKey("theirs");
      assertThat(edge.get("/api/v1/applications", acme).text()).isEqualTo("{\"applications\":[]}");

      String prodOnly =
          edge.key.mint("acme", Optional.of("prod"), "a", Set.of("admin"), Duration.ofHours(1));
      assertThat(edge.get("/api/v1/actors/acme/prod/echo/k", prodOnly).status()).isEqualTo(200);
      assertError(edge.get("/api/v1/actors/acme/test/echo/k", prodOnly), 403, "NOT_PERMITTED");
      edge.applications.deployed("test-app", "acme", "test");
      edge.applications.deployed("prod-app", "acme", "prod");
      assertThat(edge.get("/api/v1/applications", prodOnly).text())
          .contains("prod-app")
          .doesNotContain("test-app");
      assertError(edge.get("/api/v1/applications/test-app/status", prodOnly), 404, "NOT_FOUND");
    }
  }

  @Test
  void operations_needARole() {
    try (TestEdge edge = TestEdge.secure(data)) {
      edge.applications.deployed("bank", "acme", "prod");
      edge.invoker.live("acme/prod/echo/k");
      String plain = edge.token("acme", "clerk", "administrator");
      assertError(
          edge.call("DELETE", "/api/v1/applications/bank", plain, null), 403, "NOT_PERMITTED");
      assertError(
          edge.call("DELETE", "/api/v1/applications/absent", plain, null), 403, "NOT_PERMITTED");
      assertError(
          edge.call("POST", "/api/v1/applications/deploy", plain, "{}"), 403, "NOT_PERMITTED");
      assertThat(edge.call("POST", "/api/v1/applications/deploy", plain, "{}").text())
          .contains("needs the role admin or deployer")
          .doesNotContain("tenant");
      // Metrics name every tenant's applications: not for the users of one, not even its admins.
      for (String token : List.of(plain, edge.token("acme", "admin", "deployer"))) {
        TestEdge.Answer metrics = edge.get("/metrics", token);
        assertError(metrics, 403, "NOT_PERMITTED");
        assertThat(metrics.text()).contains("needs the role operator");
      }
      assertThat(edge.get("/metrics", edge.token("acme", "operator")).status()).isEqualTo(200);
      assertError(
          edge.call("DELETE", "/api/v1/actors/acme%2Fprod%2Fecho%2Fk", plain, null),
          403,
          "NOT_PERMITTED");
      assertThat(edge.applications.deployed).containsKey("bank");
      assertThat(edge.invoker.live).hasSize(1);
      String deployer = edge.token("acme", "deployer");
      assertThat(
              edge.call("DELETE", "/api/v1/actors/acme%2Fprod%2Fecho%2Fk", deployer, null).status())
          .isEqualTo(200);
      assertThat(edge.call("DELETE", "/api/v1/applications/bank", deployer, null).status())
          .isEqualTo(200);
      assertThat(edge.applications.deployed).isEmpty();
      assertThat(edge.invoker.live).isEmpty();
    }
  }

  @Test
  void docs_openForABrowserThatSendsTheTokenAsPassword() {
    try (TestEdge edge = TestEdge.secure(data)) {
      Answer challenge = edge.get("/docs", null);
      assertThat(challenge.status()).isEqualTo(401);
      assertThat(challenge.headers().get("www-authenticate"))
          .anyMatch(value -> value.startsWith("Basic "));
      for (String path : List.of("/docs", "/docs/swagger-ui.css", "/docs/start.js")) {
        String basic =
            Base64.getEncoder()
                .encodeToString(("any:" + edge.token("acme")).getBytes(StandardCharsets.UTF_8));
        Answer answer =
            edge.send(
                HttpRequest.newBuilder(edge.uri(path))
                    .header("authorization", "Basic " + basic)
                    .build());
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.header("content-security-policy")).contains("default-src 'none'");
        assertThat(answer.bytes()).isNotEmpty();
      }
      // Only there: a page must not be able to make a browser call an actor.
      String basic =
          Base64.getEncoder()
              .encodeToString(("any:" + edge.token("acme")).getBytes(StandardCharsets.UTF_8));
      Answer actor =
          edge.send(
              HttpRequest.newBuilder(edge.uri("/api/v1/actors/acme/prod/echo/k"))
                  .header("authorization", "Basic " + basic)
                  .build());
      assertError(actor, 401, "UNAUTHENTICATED");
      Answer rubbish =
          edge.send(
              HttpRequest.newBuilder(edge.uri("/docs"))
                  .header("authorization", "Basic !!!")
                  .build());
      assertThat(rubbish.status()).isEqualTo(401);
    }
  }

  @Test
  void devMode_needsNoTokenAndSpeaksForThePathsTenant() {
    try (TestEdge edge = TestEdge.dev(data)) {
      Answer answer = edge.get("/api/v1/actors/any/where/echo/k", null);
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.object())
          .containsEntry("tenant", "any")
          .containsEntry("namespace", "where")
          .containsEntry("user", "dev")
          .containsEntry("roles", List.of("admin", "operator"));
      assertThat(edge.get("/docs", null).text()).contains("swagger-ui-bundle.js");
      assertThat(edge.get("/docs/swagger-ui-bundle.js", null).bytes()).hasSizeGreaterThan(1 << 20);
      assertThat(edge.get("/docs/favicon-32x32.png", null).header("content-type"))
          .isEqualTo("image/png");
      assertThat(edge.get("/metrics", null).text()).isEqualTo("plexspaces_up 1\n");
      assertClean(edge.get("/nope", null).text());
      assertThat(edge.get("/nope", null).status()).isEqualTo(404);
    }
  }

  @Test
  void devMode_bindsLoopbackOnly() {
    for (String host : List.of("0.0.0.0", "::", "192.0.2.1", "")) {
      GatewayOptions dev = GatewayOptions.dev(0, 0, data);
      if (host.isEmpty()) {
        assertThat(dev.address().isLoopbackAddress()).isTrue();
        continue;
      }
      assertThatThrownBy(
              () ->
                  new GatewayOptions(
                      host, 0, 0, true, List.of(), data, 1024, 10, Duration.ofSeconds(1)))
          .isInstanceOf(PlexException.class)
          .hasMessageContaining("loopback");
    }
  }

  @Test
  void secureModeWithoutAnIssuer_isRefused() {
    assertThatThrownBy(() -> GatewayOptions.secure("127.0.0.1", 0, 0, List.of(), data))
        .isInstanceOf(PlexException.class)
        .hasMessageContaining("issuer");
  }
}
