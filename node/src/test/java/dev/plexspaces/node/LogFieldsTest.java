package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What happened to a request can be found in the log by its ids, and so can what an actor did.
class LogFieldsTest {

  private static final byte[] TALKER_JAR =
      TestJar.jar(
          Map.of(
              "app.Talker",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.time.Duration;
              @GenServer(value = "talker", facets = "virtual_actor")
              public class Talker {
                @Handler("say") void say(ActorContext context) {
                  context.log(System.Logger.Level.INFO, "said");
                }
                @Handler("pass_on") void passOn(ActorContext context) {
                  context.ask(
                      context.actor("talker", "other"), "say", null, Duration.ofSeconds(10));
                }
                @Handler("own") void own() {
                  System.getLogger("mine").log(System.Logger.Level.INFO, "by the platform");
                  java.util.logging.Logger.getLogger("mine").warning("by java.util.logging");
                  java.util.logging.Logger.getLogger("mine").fine("nobody asked for it");
                }
                @Handler("fail") void fail() { throw new IllegalStateException("on purpose"); }
                @Handler("end") void end(ActorContext context) { context.stop(); }
                @OnTerminate void terminate(ActorContext context) {
                  context.log(System.Logger.Level.INFO, "good-bye");
                }
              }
              """));

  private static final String CONFIG =
      """
      [application]
      id = "talk"
      version = "1"
      [[actors]]
      class = "app.Talker"
      facets = ["virtual_actor", { name = "logging", level = "info" }]
      """;

  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";

  @TempDir Path temp;

  @Test
  void linesAboutATurn_carryTheIdsOfItsRequest() throws IOException {
    Path data = temp.resolve("data");
    try (NodeProcess node = NodeProcess.start(data)) {
      node.as(NodeProcess.token(data, "acme", "--role", "deployer"));
      Path psa = TestJar.file(temp, "talk.psa", TestJar.psa(CONFIG, TALKER_JAR));
      node.succeeds("deploy", psa.toString(), "--namespace", "prod");

      assertThat(ask(node, "say", "r-say").statusCode()).isEqualTo(200);
      assertThat(ask(node, "pass_on", "r-pass").statusCode()).isEqualTo(200);
      assertThat(ask(node, "fail", "r-fail").statusCode()).isEqualTo(500);
      node.ask("talker/a", "end", "{}", "PlexSpaces-Request-Id", "r-end");
      node.stop();

      isAbout("a", "r-say", TRACE, line(node, l -> said(l) && of(l, "r-say")));
      isAbout("other", "r-pass", TRACE, line(node, l -> said(l) && of(l, "r-pass")));
      JsonNode crash = line(node, l -> l.path("message").asString().contains("crashed in 'fail'"));
      isAbout("a", "r-fail", TRACE, crash);
      assertThat(crash.path("error").asString()).contains("on purpose");
      isAbout(
          "a", "r-fail", TRACE, line(node, l -> l.path("operation").asString("").equals("fail")));
      JsonNode end = line(node, l -> l.path("operation").asString("").equals("end"));
      assertThat(end.path("request_id").asString()).isEqualTo("r-end");
      assertThat(end.has("trace_id")).as("of a request without a trace").isFalse();
      JsonNode goodBye = line(node, l -> l.path("message").asString().equals("good-bye"));
      assertThat(goodBye.path("tenant").asString()).isEqualTo("acme");
      assertThat(goodBye.has("request_id")).as("of no request").isFalse();
    }
  }

  @Test
  void linesAnApplicationLogsItself_areOfTheSameForm() throws IOException {
    Path data = temp.resolve("data");
    try (NodeProcess node = NodeProcess.start(data)) {
      node.as(NodeProcess.token(data, "acme", "--role", "deployer"));
      Path psa = TestJar.file(temp, "talk.psa", TestJar.psa(CONFIG, TALKER_JAR));
      node.succeeds("deploy", psa.toString(), "--namespace", "prod");

      assertThat(ask(node, "own", "r-own").statusCode()).isEqualTo(200);
      node.stop();

      JsonNode platform = line(node, l -> l.path("message").asString().equals("by the platform"));
      assertThat(platform.path("logger").asString()).isEqualTo("mine");
      assertThat(platform.path("level").asString()).isEqualTo("INFO");
      JsonNode jul = line(node, l -> l.path("message").asString().equals("by java.util.logging"));
      assertThat(jul.path("logger").asString()).isEqualTo("mine");
      assertThat(jul.path("level").asString()).isEqualTo("WARN");
      assertThat(Files.readString(node.log())).doesNotContain("nobody asked for it");
      assertThat(Files.readAllLines(node.log()))
          .filteredOn(l -> l.contains("by the platform") || l.contains("by java.util.logging"))
          .as("written once each")
          .hasSize(2);
    }
  }

  private static java.net.http.HttpResponse<String> ask(
      NodeProcess node, String operation, String requestId) {
    return node.ask(
        "talker/a",
        operation,
        "{}",
        "PlexSpaces-Request-Id",
        requestId,
        "traceparent",
        "00-" + TRACE + "-b7ad6b7169203331-01");
  }

  private static boolean said(JsonNode line) {
    return line.path("message").asString().equals("said");
  }

  private static boolean of(JsonNode line, String requestId) {
    return line.path("request_id").asString("").equals(requestId);
  }

  private static void isAbout(String key, String requestId, String trace, JsonNode line) {
    assertThat(line.path("actor").asString()).isEqualTo("talker/" + key);
    assertThat(line.path("tenant").asString()).isEqualTo("acme");
    assertThat(line.path("namespace").asString()).isEqualTo("prod");
    assertThat(line.path("request_id").asString()).isEqualTo(requestId);
    assertThat(line.path("trace_id").asString("")).isEqualTo(trace);
  }

  /// The first line of the log like that.
  private static JsonNode line(NodeProcess node, Predicate<JsonNode> wanted) {
    try {
      List<JsonNode> lines =
          Files.readAllLines(node.log()).stream()
              .filter(l -> l.startsWith("{"))
              .map(l -> NodeProcess.JSON.readTree(l))
              .toList();
      return lines.stream()
          .filter(wanted)
          .findFirst()
          .orElseThrow(() -> new AssertionError("no such line in " + lines));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
