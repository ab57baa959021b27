package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.gateway.TestEdge.Answer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ActorQuestionsTest {

  @TempDir Path data;
  TestEdge edge;
  String token;

  @BeforeEach
  void start() {
    edge = TestEdge.secure(data);
    token = edge.token("acme", "admin");
  }

  @AfterEach
  void stop() {
    edge.close();
  }

  @SuppressWarnings("unchecked")
  private List<Map<String, Object>> actors(Answer answer) {
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    return (List<Map<String, Object>>) answer.object().get("actors");
  }

  @Test
  void pages_coverEveryActorOnceInOrder() {
    for (int i = 0; i < 25; i++) {
      edge.invoker.live("acme/prod/counter/k%02d".formatted(i));
      edge.invoker.live("acme/prod/ledger/a/b?c=%02d é".formatted(i));
      edge.invoker.live("acme/test/counter/k" + i);
      edge.invoker.live("globex/prod/counter/k" + i);
    }
    List<String> seen = new ArrayList<>();
    String pageToken = "";
    int pages = 0;
    do {
      Answer answer =
          edge.get("/api/v1/actors/acme/prod?page_size=10&page_token=" + pageToken, token);
      actors(answer).forEach(actor -> seen.add((String) actor.get("actor_id")));
      pageToken = (String) answer.object().get("next_page_token");
      pages++;
    } while (pageToken != null);
    assertThat(pages).isEqualTo(5);
    assertThat(seen).hasSize(50).doesNotHaveDuplicates().isSorted();
    assertThat(seen).allMatch(id -> id.startsWith("acme/prod/"));

    Answer all = edge.get("/api/v1/actors/acme/prod", token);
    assertThat(actors(all)).hasSize(50);
    assertThat(all.object()).containsOnlyKeys("actors");

    Answer first = edge.get("/api/v1/actors/acme/prod?type=counter&page_size=1", token);
    String next = (String) first.object().get("next_page_token");
    assertThat(
            actors(
                edge.get(
                    "/api/v1/actors/acme/prod?type=counter&page_size=1000&page_token=" + next,
                    token)))
        .hasSize(24);
    // A token belongs to the list and the filter it was made for.
    assertError(
        edge.get("/api/v1/actors/acme/prod?type=ledger&page_token=" + next, token),
        400,
        "INVALID_MESSAGE");
    assertError(
        edge.get("/api/v1/actors/acme/test?type=counter&page_token=" + next, token),
        400,
        "INVALID_MESSAGE");
  }

  @Test
  void oneActor_isDescribedByItsEncodedId() {
    edge.invoker.live("acme/prod/counter/a/b c");
    Answer answer = edge.get("/api/v1/actors/acme%2Fprod%2Fcounter%2Fa%2Fb%20c", token);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.object())
        .isEqualTo(
            Map.ofEntries(
                Map.entry("actor_id", "acme/prod/counter/a/b c"),
                Map.entry("actor_type", "counter"),
                Map.entry("key", "a/b c"),
                Map.entry("state", "active"),
                Map.entry("application_id", "bank"),
                Map.entry("supervisor", "bank/ledger"),
                Map.entry("started_at", "2026-01-02T03:04:05Z"),
                Map.entry("messages", "7"),
                Map.entry("mailbox_depth", 1L),
                Map.entry("restarts", "2"),
                Map.entry("facets", List.of("durability"))));
    assertThat(
            edge.call("DELETE", "/api/v1/actors/acme%2Fprod%2Fcounter%2Fa%2Fb%20c", token, null)
                .text())
        .isEqualTo("{}");
    assertError(
        edge.call("DELETE", "/api/v1/actors/acme%2Fprod%2Fcounter%2Fa%2Fb%20c", token, null),
        404,
        "ACTOR_NOT_FOUND");
  }

  @Test
  void actorThatIsStoredOnly_isInactive_andOneThatIsNeitherIsNotFound() {
    Answer answer = edge.get("/api/v1/actors/acme%2Fprod%2Fstored%2Fa", token);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.object())
        .containsEntry("actor_id", "acme/prod/stored/a")
        .containsEntry("state", "inactive")
        .containsEntry("application_id", "bank")
        .containsEntry("facets", List.of("durability"))
        .doesNotContainKey("started_at");
    assertError(
        edge.get("/api/v1/actors/acme%2Fprod%2Fcounter%2Fnobody", token), 404, "ACTOR_NOT_FOUND");
  }

  @Test
  void node_describesItselfAndItsHealth() {
    assertThat(edge.get("/api/v1/system/info", token).object())
        .containsEntry("node_id", "node-1")
        .containsEntry("version", "9.8.7")
        .containsEntry("started_at", "2026-11-21T11:00:00Z")
        .containsEntry("http_port", (long) edge.gateway.httpPort())
        .containsEntry("grpc_port", (long) edge.gateway.grpcPort());
    assertThat(edge.get("/health/live", null).text()).isEqualTo("{\"alive\":true}");
    assertThat(edge.get("/health/ready", null).text()).isEqualTo("{\"ready\":true}");
    assertThat(edge.get("/api/v1/system/health", token).object())
        .containsEntry("status", "HEALTHY")
        .containsEntry("components", List.of());

    edge.components =
        List.of(
            new NodeView.Component("store", NodeView.Health.DEGRADED, "slow disk"),
            new NodeView.Component("actors", NodeView.Health.HEALTHY, ""));
    assertThat(edge.get("/api/v1/system/health", token).object())
        .containsEntry("status", "DEGRADED")
        .containsEntry(
            "components",
            List.of(
                Map.of("name", "actors", "status", "HEALTHY", "detail", ""),
                Map.of("name", "store", "status", "DEGRADED", "detail", "slow disk")));

    edge.ready = false;
    Answer ready = edge.get("/health/ready", null);
    assertError(ready, 503, "UNAVAILABLE");
    assertThat(ready.header("retry-after")).isEqualTo("1");
    assertThat(edge.get("/health/live", null).status()).isEqualTo(200);
    assertThat(edge.get("/api/v1/system/health", token).object())
        .containsEntry("status", "UNHEALTHY");
  }

  @Test
  void metrics_areTheNodesText() {
    String operator = edge.token("acme", "operator");
    Answer answer = edge.get("/metrics", operator);
    assertThat(answer.text()).isEqualTo("plexspaces_up 1\n");
    assertThat(answer.header("content-type")).contains("text/plain").contains("version=0.0.4");
    edge.metricsFailure = new IllegalStateException("dev.plexspaces.Secret");
    assertError(edge.get("/metrics", operator), 500, "INTERNAL");
  }
}
