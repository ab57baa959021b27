package dev.plexspaces.node;

import static dev.plexspaces.node.GrpcClient.assertRefused;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.plexspaces.contracts.actor.v1.AskActorResponse;
import dev.plexspaces.contracts.actor.v1.TellActorResponse;
import dev.plexspaces.contracts.application.v1.Application;
import dev.plexspaces.contracts.application.v1.DeployApplicationRequest;
import dev.plexspaces.contracts.application.v1.UndeployApplicationRequest;
import dev.plexspaces.node.cli.CommandLineRun.Result;
import dev.plexspaces.node.deploy.TestJar;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The node as its users meet it: a process, its ports, its commands.
class NodeEndToEndTest {

  private static final byte[] LEDGER_JAR =
      TestJar.jar(
          Map.of(
              "app.Ledger",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.util.Map;
              @GenServer(value = "ledger", facets = {"virtual_actor", "durability"})
              public class Ledger {
                @State long balance;
                @Handler("deposit") Map<String, Object> deposit(long amount) {
                  balance += amount;
                  return Map.of("balance", balance);
                }
                @Handler("balance") Map<String, Object> balance() {
                  return Map.of("balance", balance);
                }
              }
              """,
              "app.Tally",
              """
              package app;
              import dev.plexspaces.sdk.*;
              @GenServer(value = "tally", facets = "metrics")
              public class Tally {
                @State long count;
                @Handler("add") long add() { return ++count; }
                @Handler("get") long get() { return count; }
                @Handler("fail") long fail() { throw new IllegalStateException("on purpose"); }
              }
              """,
              "app.Audit",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.util.Map;
              @GenEvent(value = "audit", facets = "virtual_actor")
              public class Audit {
                @State long events;
                @Handler(value = "log_event", cast = true) void logEvent() { events++; }
                @Handler("get_stats") Map<String, Object> stats() {
                  return Map.of("event_count", events);
                }
              }
              """));

  private static final byte[] GAUGE_JAR =
      TestJar.jar(
          Map.of(
              "app.Gauge",
              """
              package app;
              import dev.plexspaces.sdk.*;
              @GenServer(value = "gauge", facets = "virtual_actor")
              public class Gauge {
                private long value;
                @Handler("add") long add(long n) { return value += n; }
                @Handler("get") long get() { return value; }
                @Handler("fail") long fail() { throw new IllegalStateException("on purpose"); }
              }
              """));

  private static final String CONFIG =
      """
      [application]
      id = "books"
      version = "1.0"
      [supervisor]
      strategy = "one_for_one"
      [[supervisor.children]]
      id = "one"
      type = "tally"
      [[supervisor.children]]
      id = "two"
      type = "tally"
      """;

  @TempDir Path temp;

  @Test
  void lifeOfANode_fromStartToStop() throws IOException {
    Path data = temp.resolve("data");
    try (NodeProcess node = NodeProcess.start(data, "--node-id", "n7")) {
      assertThat(node.readyLine())
          .matches("PlexSpaces ready http://127\\.0\\.0\\.1:\\d+ grpc://127\\.0\\.0\\.1:\\d+")
          .contains(":" + node.nodeFile().httpPort())
          .contains(":" + node.nodeFile().grpcPort());
      assertThat(node.nodeFile().nodeId()).isEqualTo("n7");
      assertThat(node.nodeFile().version()).isEqualTo(Version.TEXT);
      assertThat(ProcessHandle.of(node.nodeFile().pid())).isPresent();

      secondNodeIsRefused(data);
      closedWithoutToken(node);
      String deployer = NodeProcess.token(data, "acme", "--role", "deployer");
      node.as(deployer);
      deployedAppAnswers(node, data);
      crashedActorIsRestarted(node);
      commandsAnswer(node, data);
      grpcAnswers(node, deployer);
      assertThat(node.send("GET", "/metrics", null).statusCode()).isEqualTo(403);
      node.as(NodeProcess.token(data, "ops", "--role", "operator"));
      metricsAreReal(node);
      node.as(deployer);

      node.kill();
      node.start();
      assertThat(NodeProcess.json(node.ask("ledger/alice", "balance", "{}")).get("balance").asInt())
          .isEqualTo(50);
      assertThat(node.ask("tally/one", "get", "{}").body()).isEqualTo("0");

      Result undeployed = node.command("undeploy", "books", "--data", data.toString());
      assertThat(undeployed.out()).isEqualTo("undeployed books\n");
      assertThat(node.ask("tally/one", "get", "{}").statusCode()).isEqualTo(404);

      Result stopped = node.command("stop", "--data", data.toString());
      assertThat(stopped).isEqualTo(new Result(0, "stopped node n7\n", ""));
      assertThat(data.resolve("node.json")).doesNotExist();
      assertThat(node.stop()).as("more than the ready line on standard output").isEmpty();
      logIsJsonWithoutSecrets(node, deployer);
    }
  }

  private static void secondNodeIsRefused(Path data) {
    Result second =
        NodeProcess.plexspaces(
            Optional.empty(),
            "start",
            "--data",
            data.toString(),
            "--http-port",
            "0",
            "--grpc-port",
            "0");
    assertThat(second.exitCode()).isEqualTo(1);
    assertThat(second.out()).isEmpty();
    assertThat(second.err())
        .contains("is in use by node n7 (pid ")
        .as("what never served has not stopped")
        .doesNotContain(" stopped");
  }

  private static void closedWithoutToken(NodeProcess node) {
    assertThat(node.send("GET", "/health/live", null).statusCode()).isEqualTo(200);
    assertThat(node.send("GET", "/health/ready", null).statusCode()).isEqualTo(200);
    assertThat(node.send("GET", "/openapi.json", null).statusCode()).isEqualTo(200);
    assertThat(node.send("GET", "/metrics", null).statusCode()).isEqualTo(401);
    assertThat(node.send("GET", "/api/v1/applications", null).statusCode()).isEqualTo(401);
  }

  private void deployedAppAnswers(NodeProcess node, Path data) {
    Path psa = TestJar.file(temp, "books.psa", TestJar.psa(CONFIG, LEDGER_JAR));
    Result deployed =
        node.command("deploy", psa.toString(), "--namespace", "prod", "--data", data.toString());
    assertThat(deployed).isEqualTo(new Result(0, "deployed books version 1.0: running\n", ""));

    Result again = node.command("deploy", psa.toString(), "--data", data.toString());
    assertThat(again.exitCode()).isEqualTo(1);
    assertThat(again.err()).contains("CONFLICT").contains("books");

    Path bad = TestJar.file(temp, "bad.psa", TestJar.psa(CONFIG + "typo = 1\n", LEDGER_JAR));
    Result refused =
        node.command("deploy", bad.toString(), "--app", "other", "--data", data.toString());
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.err())
        .contains("app-config.toml: supervisor.children[1].typo: is not a known key");

    assertThat(node.ask("ledger/alice", "deposit", "{\"amount\":50}").body())
        .isEqualTo("{\"balance\":50}");
    assertThat(node.ask("tally/one", "add", "{}").body()).isEqualTo("1");
    assertThat(node.ask("tally/two", "add", "{}").body()).isEqualTo("1");
    assertThat(
            node.send("POST", "/api/v1/actors/acme/prod/audit/a", "{\"op\":\"log_event\"}")
                .statusCode())
        .isEqualTo(202);
    assertThat(node.ask("audit/a", "log_event", "{}").body()).isEqualTo("null");
    assertThat(node.ask("audit/a", "get_stats", "{}").body()).isEqualTo("{\"event_count\":2}");
  }

  private static void crashedActorIsRestarted(NodeProcess node) {
    JsonNode error = NodeProcess.json(node.ask("tally/one", "fail", "{}")).get("error");
    assertThat(error.get("code").asString()).isEqualTo("ACTOR_CRASHED");

    assertThat(node.ask("tally/one", "get", "{}").body()).isEqualTo("0");
    assertThat(node.ask("tally/two", "get", "{}").body()).isEqualTo("1");
  }

  private static void commandsAnswer(NodeProcess node, Path data) {
    String[] at = {"--data", data.toString()};
    assertThat(node.command("status", at[0], at[1]).out()).contains("n7").contains("healthy");
    assertThat(node.command("apps", at[0], at[1]).out())
        .containsPattern("books +1\\.0 +running +prod +\\d+ +audit, ledger, tally");
    JsonNode app =
        NodeProcess.JSON.readTree(node.command("apps", "books", "--json", at[0], at[1]).out());
    assertThat(app.get("status").asString()).isEqualTo("RUNNING");
    assertThat(node.command("ask", "tally/two", "get", "--namespace", "prod", at[0], at[1]))
        .isEqualTo(new Result(0, "1\n", ""));
    assertThat(node.command("tell", "acme/prod/tally/two", "add", at[0], at[1]).out())
        .startsWith("accepted ");
    assertThat(node.command("ask", "acme/prod/tally/two", "get", at[0], at[1]).out())
        .isEqualTo("2\n");
    Result unknown = node.command("ask", "acme/prod/tally/two", "subtract", at[0], at[1]);
    assertThat(unknown.exitCode()).isEqualTo(1);
    assertThat(unknown.out()).isEmpty();
    assertThat(unknown.err()).contains("UNKNOWN_OPERATION").contains("add").contains("fail");
    assertThat(node.command("actors", "--namespace", "prod", at[0], at[1]).out())
        .containsPattern("acme/prod/tally/two +active +books");
  }

  private static void grpcAnswers(NodeProcess node, String deployer) {
    var add = GrpcClient.ask("gauge", "g", "add", "{\"n\":9007199254740993}");
    try (GrpcClient grpc = new GrpcClient(node, deployer);
        GrpcClient stranger = new GrpcClient(node, null)) {
      assertRefused(() -> grpc.actors().askActor(add), Status.Code.NOT_FOUND, "ACTOR_NOT_FOUND");
      Application deployed =
          grpc.applications()
              .deployApplication(
                  DeployApplicationRequest.newBuilder()
                      .setApplicationId("gauges")
                      .setVersion("2.0")
                      .setNamespace("prod")
                      .setJarFile(ByteString.copyFrom(GAUGE_JAR))
                      .setConfig("[application]\nid = \"gauges\"\nversion = \"2.0\"\n")
                      .build())
              .getApplication();
      assertThat(deployed.getStatus()).isEqualTo(Application.Status.RUNNING);
      assertThat(deployed.getActorTypesList()).containsExactly("gauge");

      AskActorResponse reply = grpc.actors().askActor(add);
      assertThat(reply.getActorId()).isEqualTo("acme/prod/gauge/g");
      assertThat(reply.getPayload()).isEqualTo("9007199254740993");
      TellActorResponse told =
          grpc.actors().tellActor(GrpcClient.tell("gauge", "g", "add", "{\"n\":1}"));
      assertThat(told.getDurable()).isFalse();
      assertThat(told.getMessageId()).isNotEmpty();
      assertThat(grpc.actors().askActor(GrpcClient.ask("gauge", "g", "get", "")).getPayload())
          .as("behind the tell")
          .isEqualTo("9007199254740994");

      assertRefused(
          () -> grpc.actors().askActor(GrpcClient.ask("gauge", "g", "subtract", "{}")),
          Status.Code.NOT_FOUND,
          "UNKNOWN_OPERATION");
      assertRefused(
          () -> grpc.actors().askActor(GrpcClient.ask("gauge", "g", "add", "{\"n\":")),
          Status.Code.INVALID_ARGUMENT,
          "INVALID_MESSAGE");
      assertRefused(
          () -> grpc.actors().askActor(GrpcClient.ask("gauge", "g", "fail", "{}")),
          Status.Code.INTERNAL,
          "ACTOR_CRASHED");
      assertRefused(
          () -> stranger.actors().askActor(add), Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED");
      assertRefused(
          () -> grpc.actors().askActor(add.toBuilder().setTenant("globex").build()),
          Status.Code.PERMISSION_DENIED,
          "NOT_PERMITTED");

      grpc.applications()
          .undeployApplication(
              UndeployApplicationRequest.newBuilder().setApplicationId("gauges").build());
      assertRefused(() -> grpc.actors().askActor(add), Status.Code.NOT_FOUND, "ACTOR_NOT_FOUND");
    }
  }

  private static void metricsAreReal(NodeProcess node) {
    String metrics = node.send("GET", "/metrics", null).body();
    assertThat(metrics)
        .containsPattern("plexspaces_actor_asks_total\\{application=\"books\",type=\"ledger\"} 1")
        .containsPattern(
            "plexspaces_actor_restarts_total\\{application=\"books\",type=\"tally\"} 1")
        .containsPattern("plexspaces_actor_live\\{application=\"books\",type=\"tally\"} 2")
        .containsPattern("plexspaces_actor_mailbox_depth\\{application=\"books\",type=\"tally\"} 0")
        .containsPattern("plexspaces_actor_handling_seconds_count\\{type=\"tally\"} [1-9]")
        .containsPattern("plexspaces_store_commits_total [1-9]")
        .contains("jvm_memory_used_bytes")
        .containsPattern("plexspaces_http_requests_seconds_count\\{.*status=\"200\"} [1-9]")
        .doesNotContain("alice")
        .doesNotContain("acme");
  }

  private static void logIsJsonWithoutSecrets(NodeProcess node, String secret) throws IOException {
    assertThat(Files.readAllLines(node.log(), UTF_8))
        .isNotEmpty()
        .allSatisfy(
            line -> {
              assertThat(NodeProcess.JSON.readTree(line).has("message")).isTrue();
              assertThat(line).doesNotContain(secret);
            });
  }

  /// What the samples' own configurations promise.
  private static void samplesAnswer(NodeProcess node) throws IOException {
    try (Stream<Path> samples =
        Files.list(
            Path.of("").toAbsolutePath().resolveSibling("examples/src/main/resources/apps"))) {
      assertThat(samples.map(s -> s.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(Samples.IDS);
    }
    String actors = "/api/v1/actors/default/default/";
    assertThat(
            node.send("POST", actors + "counter/hits", "{\"action\":\"increment\",\"amount\":5}"))
        .satisfies(
            told -> {
              assertThat(told.statusCode()).isEqualTo(202);
              assertThat(NodeProcess.json(told).get("durable").asBoolean()).isTrue();
            });
    assertThat(node.send("GET", actors + "counter/hits", null).body()).isEqualTo("{\"count\":5}");
    assertThat(
            node.send("GET", actors + "calculator/mine?op=add&operands=1&operands=2", null).body())
        .contains("\"result\":3");
    assertThat(
            node.send("GET", actors + "rate_limiter/api?op=check_rate&client_id=c1", null).body())
        .contains("\"remaining\":99");
    assertThat(node.send("GET", actors + "rate_limiter/api?op=fail", null).statusCode())
        .isEqualTo(500);
    assertThat(node.send("GET", actors + "rate_limiter/api?op=stats", null).statusCode())
        .isEqualTo(200);
    assertThat(node.command("apps", "--url", node.url()).out())
        .contains(
            "bank",
            "calculator",
            "chat",
            "counter",
            "notifier",
            "rate-limiter",
            "transfers",
            "webhook");
  }

  @Test
  void dev_needsNoTokenAndIsLoopbackOnly() throws IOException {
    Path data = temp.resolve("data");
    try (NodeProcess node = NodeProcess.start(data, "--dev")) {
      samplesAnswer(node);
      assertThat(node.send("GET", "/metrics", null).statusCode()).isEqualTo(200);
      assertThat(node.send("GET", "/api/v1/applications", null).statusCode()).isEqualTo(200);
    }
    Result open =
        NodeProcess.plexspaces(
            Optional.empty(), "start", "--dev", "--host", "0.0.0.0", "--data", data.toString());
    assertThat(open.exitCode()).isEqualTo(1);
    assertThat(open.err()).contains("--dev");
  }
}
