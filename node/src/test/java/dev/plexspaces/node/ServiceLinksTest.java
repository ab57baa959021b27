package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.StubService.Received;
import dev.plexspaces.node.cli.CommandLineRun.Result;
import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real node, killed and restarted, that calls a service outside of it: which calls the service
/// sees, and with which keys.
class ServiceLinksTest {

  private static final byte[] JAR =
      TestJar.jar(
          Map.of(
              "app.Caller",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.util.Map;
              @GenServer(facets = {"virtual_actor", "durability"})
              public class Caller {
                @State private long sum;
                @State private String failure = "";
                @Handler("two")
                long two(ActorContext context) {
                  sum += 1;
                  sum += number(context.fetch(LinkRequest.get("once", "/first")));
                  sum += 10;
                  sum += number(context.fetch(LinkRequest.post("once", "/second", Map.of("sum", sum))));
                  return sum;
                }
                @Handler("one")
                long one(ActorContext context, String link, String path) {
                  return sum += number(context.fetch(LinkRequest.get(link, path)));
                }
                @Handler("caught")
                long caught(ActorContext context) {
                  try {
                    context.fetch(LinkRequest.get("once", "/down"));
                  } catch (PlexException e) {
                    failure = e.code().name();
                  }
                  return sum += number(context.fetch(LinkRequest.get("once", "/other")));
                }
                @Handler("sum")
                Map<String, Object> sum() {
                  return Map.of("sum", sum, "failure", failure);
                }
                private static long number(LinkResponse response) {
                  return ((Number) ((Map<?, ?>) response.body()).get("n")).longValue();
                }
              }
              """));

  private static final String SECRET = "s3cret-token-value";

  /// How long the breaker of link `fragile` stays open, milliseconds.
  private static final int OPEN_MILLIS = 700;

  @TempDir Path temp;
  private final StubService service = new StubService();
  private NodeProcess node;
  private Path data;

  @BeforeEach
  void start() throws IOException {
    data = temp.resolve("data");
    node = NodeProcess.start(data);
    node.as(NodeProcess.token(data, "acme", "--role", "deployer", "--role", "operator"));
    Result refused = deploy();
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.err())
        .contains(
            "app-config.toml: service_links[0].headers.Authorization: secrets/acme/token in the"
                + " node's data directory is missing");
    Path secret = data.resolve("secrets/acme/token");
    Files.createDirectories(secret.getParent());
    Files.writeString(secret, SECRET + "\n");
    assertThat(deploy()).isEqualTo(new Result(0, "deployed calls version 1.0: running\n", ""));
  }

  private Result deploy() {
    String config =
        """
        [application]
        id = "calls"
        version = "1.0"
        [[actors]]
        class = "app.Caller"
        """
            + link("once", "retry_policy = { max_attempts = 1 }")
            + link("stubborn", "retry_policy = { max_attempts = 3, initial_backoff_ms = 1 }")
            + link(
                "fragile",
                "retry_policy = { max_attempts = 1 }\n"
                    + "circuit_breaker = { window = 2, failure_threshold = 2, open_ms = "
                    + OPEN_MILLIS
                    + " }");
    Path psa = TestJar.file(temp, "calls.psa", TestJar.psa(config, JAR));
    return node.command("deploy", psa.toString(), "--namespace", "prod", "--data", data.toString());
  }

  private String link(String name, String more) {
    return """
        [[service_links]]
        name = "%s"
        base_url = "%s"
        timeout_secs = 60
        headers = { Authorization = "Bearer ${file:token}" }
        %s
        """
        .formatted(name, service.url(), more);
  }

  @AfterEach
  void close() {
    node.close();
    service.close();
  }

  private void tell(String key, String operation) {
    assertThat(
            node.send(
                    "POST",
                    "/api/v1/actors/acme/prod/caller/" + key,
                    "{\"op\":\"" + operation + "\"}")
                .statusCode())
        .isEqualTo(202);
  }

  private String sum(String key) {
    return NodeProcess.json(node.ask("caller/" + key, "sum", "{}")).get("sum").asString();
  }

  private String metric(String name) {
    String line =
        node.send("GET", "/metrics", null)
            .body()
            .lines()
            .filter(l -> l.startsWith(name))
            .findFirst()
            .orElse("");
    return line.isEmpty() ? "none" : line.substring(line.lastIndexOf(' ') + 1);
  }

  @Test
  void killedBetweenCallAndEndOfTurn_onlyTheUnfinishedStepIsCalledAgain_withTheSameKey()
      throws Exception {
    service.answers("/v1/first", 200);
    tell("a", "two");
    Received second = service.next();
    assertThat(second.path).isEqualTo("/v1/second");
    assertThat(second.body).isEqualTo("{\"sum\":18}");
    assertThat(second.authorization).isEqualTo("Bearer " + SECRET);
    String key = second.key;
    assertThat(key).matches("acme/prod/caller/a/\\d+\\.\\d+/1/2");

    for (int i = 0; i < 2; i++) {
      node.kill();
      node.start();
      second = service.next();
      assertThat(second.path).isEqualTo("/v1/second");
      assertThat(second.key).isEqualTo(key);
      assertThat(second.body).as("it replayed what it had").isEqualTo("{\"sum\":18}");
    }
    second.answer(200);
    assertThat(sum("a")).isEqualTo("25");

    node.kill();
    node.start();
    assertThat(sum("a")).isEqualTo("25");
    assertThat(service.keys.get("/v1/first")).as("finished, never called again").hasSize(1);
    assertThat(service.keys.get("/v1/second")).hasSize(3).containsOnly(key);
  }

  @Test
  void failureThatEscapes_isCalledAgainByTheNextDelivery_andOneThatIsCaughtNever()
      throws Exception {
    service.answers("/v1/first", 503, 200).answers("/v1/second", 200).answers("/v1/down", 503);
    tell("b", "two");
    tell("c", "caught");
    Received other = service.next();
    assertThat(sum("b")).isEqualTo("25");
    List<String> keys = service.keys.get("/v1/first");
    assertThat(keys).hasSize(2);
    assertThat(Set.copyOf(keys)).as("one key for both deliveries").hasSize(1);

    // It caught the failure and waits in its second call: the replay must take the same path, even
    // though the service is well again.
    service.answers("/v1/down", 200);
    node.kill();
    node.start();
    other = service.next();
    other.answer(200);
    assertThat(NodeProcess.json(node.ask("caller/c", "sum", "{}")).get("failure").asString())
        .isEqualTo("UNAVAILABLE");
    assertThat(service.keys.get("/v1/down")).hasSize(1);
    assertThat(Set.copyOf(service.keys.get("/v1/other"))).hasSize(1);
  }

  @Test
  void linkTriesAgainByItself_withOneKey_andCountsIt() {
    service.answers("/v1/x", 503, 429, 200);
    assertThat(node.ask("caller/d", "one", "{\"link\":\"stubborn\",\"path\":\"/x\"}").body())
        .isEqualTo("7");
    assertThat(service.keys.get("/v1/x")).hasSize(3);
    assertThat(Set.copyOf(service.keys.get("/v1/x"))).hasSize(1);
    assertThat(metric("plexspaces_link_retries_total{application=\"calls\",link=\"stubborn\"}"))
        .isEqualTo("2.0");
    assertThat(
            metric(
                "plexspaces_link_calls_total{application=\"calls\",link=\"stubborn\",outcome=\"ok\"}"))
        .isEqualTo("1.0");
  }

  @Test
  void breaker_opensRefusesAndClosesAgain_andNoSecretIsShown() throws IOException {
    service.answers("/v1/y", 503);
    String ask = "{\"link\":\"fragile\",\"path\":\"/y\"}";
    String state = "plexspaces_link_breaker_state{application=\"calls\",link=\"fragile\",state=";
    assertThat(metric(state + "\"closed\"}")).isEqualTo("1.0");
    assertThat(node.ask("caller/e1", "one", ask).statusCode()).isEqualTo(503);
    assertThat(node.ask("caller/e2", "one", ask).statusCode()).isEqualTo(503);
    assertThat(service.keys.get("/v1/y")).hasSize(2);

    service.answers("/v1/y", 200);
    // Refused for as long as it is open; then one call is let through and closes it.
    int refused = 0;
    while (true) {
      assertThat(refused).as("it closes in the end").isLessThan(OPEN_MILLIS);
      var answer = node.ask("caller/f" + refused, "one", ask);
      if (answer.statusCode() == 200) {
        break;
      }
      refused++;
      assertThat(service.keys.get("/v1/y")).as("not called while open").hasSize(2);
      LockSupport.parkNanos(OPEN_MILLIS * 100_000L);
    }
    assertThat(metric(state + "\"closed\"}")).isEqualTo("1.0");
    assertThat(
            metric(
                "plexspaces_link_calls_total{application=\"calls\",link=\"fragile\",outcome=\"breaker_open\"}"))
        .isEqualTo(refused + ".0");
    assertThat(refused).isPositive();

    assertThat(node.send("GET", "/metrics", null).body()).doesNotContain(SECRET);
    assertThat(node.send("GET", "/api/v1/applications", null).body()).doesNotContain(SECRET);
    assertThat(Files.readString(node.log())).contains("circuit breaker").doesNotContain(SECRET);
    node.kill();
    assertThat(filesWith(data.resolve("store"))).as("of the store").isEmpty();
    assertThat(filesWith(data.resolve("apps"))).as("of deployments").isEmpty();
  }

  private static List<Path> filesWith(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      return files
          .filter(Files::isRegularFile)
          .filter(
              file -> {
                try {
                  return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
                      .contains(SECRET);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              })
          .toList();
    }
  }
}
