package dev.plexspaces.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The rules of OpenAPI 3.0.3 the document could break, checked on the document as it is served.
class OpenApiTest {

  private static final Set<String> TYPES =
      Set.of("string", "integer", "number", "boolean", "array", "object");

  @TempDir static Path data;
  static Map<String, Object> document;

  @BeforeAll
  static void read() {
    try (TestEdge edge = TestEdge.secure(data)) {
      TestEdge.Answer answer = edge.get("/openapi.json", null);
      assertThat(answer.header("content-type")).startsWith("application/json");
      document = answer.object();
    }
  }

  @AfterAll
  static void forget() {
    document = null;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> map(Object value) {
    assertThat(value).isInstanceOf(Map.class);
    return (Map<String, Object>) value;
  }

  static List<?> list(Object value) {
    assertThat(value).isInstanceOf(List.class);
    return (List<?>) value;
  }

  record Entry(String method, String path, Map<String, Object> operation) {}

  static List<Entry> entries() {
    List<Entry> entries = new ArrayList<>();
    map(document.get("paths"))
        .forEach(
            (path, methods) ->
                map(methods)
                    .forEach(
                        (method, operation) ->
                            entries.add(new Entry(method, path, map(operation)))));
    return entries;
  }

  @Test
  void head_isThatOfVersion303() {
    assertThat(document)
        .containsOnlyKeys("openapi", "info", "servers", "security", "tags", "paths", "components")
        .containsEntry("openapi", "3.0.3");
    assertThat(map(document.get("info")))
        .containsEntry("title", "PlexSpaces")
        .containsEntry("version", "9.8.7");
  }

  @Test
  void operations_areCompleteAndUnique() {
    Set<String> ids = new HashSet<>();
    for (Entry entry : entries()) {
      String name = entry.method() + " " + entry.path();
      assertThat(entry.method()).isIn("get", "put", "post", "delete", "patch");
      assertThat(ids.add((String) entry.operation().get("operationId"))).as(name).isTrue();
      assertThat((String) entry.operation().get("summary")).as(name).isNotBlank();
      assertThat((String) entry.operation().get("description")).as(name).isNotBlank();
      Map<String, Object> responses = map(entry.operation().get("responses"));
      assertThat(responses).as(name).containsKey("default").hasSizeGreaterThanOrEqualTo(2);
      responses.forEach(
          (status, response) -> {
            assertThat(status).matches("default|[1-5][0-9]{2}");
            assertThat(map(response))
                .containsAnyOf(
                    Map.entry("$ref", "#/components/responses/Error"),
                    Map.entry("description", map(response).getOrDefault("description", "")));
          });
      if (!entry.operation().containsKey("security")) {
        assertThat(responses).as(name).containsKeys("401", "403");
      }
    }
  }

  @Test
  void parameters_matchThePath() {
    for (Entry entry : entries()) {
      String name = entry.method() + " " + entry.path();
      Set<String> inPath = new TreeSet<>();
      Set<String> seen = new HashSet<>();
      if (entry.operation().containsKey("parameters")) {
        for (Object one : list(entry.operation().get("parameters"))) {
          Map<String, Object> parameter = map(one);
          assertThat(parameter).as(name).containsKeys("name", "in", "required", "schema");
          assertThat((String) parameter.get("description")).as(name + one).isNotBlank();
          assertThat(seen.add(parameter.get("in") + ":" + parameter.get("name"))).isTrue();
          if (parameter.get("in").equals("path")) {
            inPath.add((String) parameter.get("name"));
            assertThat(parameter).as(name).containsEntry("required", true);
          }
        }
      }
      assertThat(inPath).as(name).isEqualTo(new TreeSet<>(HttpBinding.variables(entry.path())));
      if (entry.method().equals("get") || entry.method().equals("delete")) {
        assertThat(entry.operation()).as(name).doesNotContainKey("requestBody");
      }
    }
  }

  @Test
  void references_lead_somewhere_andTypesAreKnown() {
    walk(document, "#");
  }

  private void walk(Object node, String at) {
    if (node instanceof Map<?, ?> object) {
      if (object.get("$ref") instanceof String reference) {
        assertThat(object).as(at).hasSize(1);
        Object target = document;
        for (String step : reference.substring(2).split("/")) {
          target = map(target).get(step);
        }
        assertThat(target).as(at + " " + reference).isNotNull();
      }
      if (object.get("type") instanceof String type && !at.endsWith("/properties")) {
        assertThat(TYPES.contains(type) || type.equals("http")).as(at + " " + type).isTrue();
        if (type.equals("array")) {
          assertThat(object.get("items")).as(at).isInstanceOf(Map.class);
        }
      }
      object.forEach((key, value) -> walk(value, at + "/" + key));
    } else if (node instanceof List<?> array) {
      for (int i = 0; i < array.size(); i++) {
        walk(array.get(i), at + "/" + i);
      }
    }
  }

  @Test
  void everyFieldOfEveryMessage_hasAText() {
    map(map(document.get("components")).get("schemas"))
        .forEach(
            (name, schema) -> {
              assertThat((String) map(schema).get("description")).as(name).isNotBlank();
              if (!name.equals("Error")) {
                map(map(schema).get("properties"))
                    .forEach(
                        (field, one) ->
                            assertThat((String) map(one).get("description"))
                                .as(name + "." + field)
                                .isNotBlank());
              }
            });
  }

  @Test
  void partsOfThePage_areOfTheTypesTheyAreServedWith(@TempDir Path data) {
    Map<String, Object> get = map(map(map(document.get("paths")).get("/docs/{asset}")).get("get"));
    Map<String, Object> content = map(map(map(get.get("responses")).get("200")).get("content"));
    List<?> names =
        list(map(map(list(get.get("parameters")).getFirst()).get("schema")).get("enum"));
    Set<String> served = new TreeSet<>();
    try (TestEdge edge = TestEdge.dev(data)) {
      for (Object name : names) {
        TestEdge.Answer asset = edge.get("/docs/" + name, null);
        assertThat(asset.status()).as(name.toString()).isEqualTo(200);
        served.add(asset.header("content-type").replaceAll(";.*", ""));
      }
    }
    assertThat(names).isNotEmpty();
    assertThat(content.keySet()).isEqualTo(served);
  }

  @Test
  void nativeRoutes_areDocumentedAsHttpServesThem() {
    Map<String, Object> paths = map(document.get("paths"));
    Map<String, Object> actor =
        map(paths.get("/api/v1/actors/{tenant}/{namespace}/{actor_type}/{key}"));
    assertThat(actor).containsOnlyKeys("get", "delete", "post", "put");
    assertThat(map(map(actor.get("post")).get("responses"))).containsKey("202");
    assertThat(map(map(actor.get("get")).get("responses"))).containsKey("200");
    Map<String, Object> ask =
        map(paths.get("/api/v1/actors/{tenant}/{namespace}/{actor_type}/{key}/ask"));
    assertThat(ask.get("post").toString())
        .contains("message_type", "timeout_ms", "60000", "Idempotency-Key");
    Map<String, Object> deploy = map(paths.get("/api/v1/applications/deploy"));
    assertThat(map(map(map(deploy.get("post")).get("requestBody")).get("content")))
        .containsOnlyKeys("multipart/form-data");
    Map<String, Object> list = map(paths.get("/api/v1/actors/{tenant}/{namespace}"));
    assertThat(list.get("get").toString()).contains("page_size", "page_token", "1 to 1000");
  }
}
