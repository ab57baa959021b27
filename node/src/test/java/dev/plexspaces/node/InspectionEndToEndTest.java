package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.cli.CommandLineRun.Result;
import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Poisonous messages of a real node, from the first failure to the repair, by commands and over
/// HTTP, across a `kill -9`.
class InspectionEndToEndTest {

  /// `poison` fails until the file it names is there; `halfway` likewise, behind a commit point.
  private static final byte[] LEDGER_JAR =
      TestJar.jar(
          Map.of(
              "app.Ledger",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.nio.file.Files;
              import java.nio.file.Path;
              import java.time.Duration;
              import java.util.Map;
              @GenServer(value = "ledger", facets = {"virtual_actor", "durability"})
              public class Ledger {
                @State long balance;
                @Handler("deposit") Map<String, Object> deposit(long amount) {
                  balance += amount;
                  return Map.of("balance", balance);
                }
                @Handler("balance") long balance() { return balance; }
                @Handler(value = "poison", cast = true) void poison(String file, long amount) {
                  if (!Files.exists(Path.of(file))) {
                    throw new IllegalStateException("no " + Path.of(file).getFileName());
                  }
                  balance += amount;
                }
                @Handler(value = "halfway", cast = true)
                void halfway(String file, long amount, ActorContext context) {
                  balance += amount;
                  context.ask(
                      context.actor("ledger", "other"), "balance", null, Duration.ofSeconds(10));
                  poison(file, 0);
                }
              }
              """));

  private static final String CONFIG =
      """
      [application]
      id = "books"
      version = "1.0"
      """;

  @TempDir Path temp;
  private NodeProcess node;

  @Test
  void poison_becomesADeadLetter_andIsDiscardedOrRedriven_acrossACrash() throws IOException {
    Path data = temp.resolve("data");
    Path cure = temp.resolve("cure");
    try (NodeProcess started = NodeProcess.start(data)) {
      node = started;
      node.as(token(data, "acme"));
      Path psa = TestJar.file(temp, "books.psa", TestJar.psa(CONFIG, LEDGER_JAR));
      node.succeeds("deploy", psa.toString(), "--namespace", "prod");
      node.ask("ledger/alice", "deposit", "{\"amount\":50}");
      node.ask("ledger/alice", "deposit", "{\"amount\":7}");

      tell("ledger/alice", "poison", cure, 1_000);
      tell("ledger/alice", "poison", cure, 100);
      tell("ledger/alice", "halfway", cure, 1);
      NodeProcess.eventually(() -> node.letters().size() == 3);
      assertThat(balance("ledger/alice")).isEqualTo(58);
      List<JsonNode> letters = node.letters();
      JsonNode first = letters.getFirst();
      assertThat(first.path("actor_id").asString()).isEqualTo("acme/prod/ledger/alice");
      assertThat(first.path("durable").asBoolean()).isTrue();
      assertThat(first.path("reason").asString()).contains("no cure");
      assertThat(first.path("attempts").asInt()).isEqualTo(2);
      assertThat(first.path("message").path("payload").asString()).contains("1000");
      assertThat(letters)
          .extracting(letter -> letter.path("committed_effects").asBoolean())
          .containsExactly(false, false, true);
      assertThat(node.succeeds("dead-letters"))
          .as("without a command and in the default namespace")
          .isEqualTo("ID  ACTOR  OPERATION  DURABLE  COMMITTED  ATTEMPTS  AT  REASON\n");
      assertThat(node.succeeds("dead-letters", "list", "--namespace", "prod").lines())
          .hasSize(4)
          .anyMatch(l -> l.matches("\\d+ +acme/prod/ledger/alice +halfway +yes +yes +2 .*no cure"));
      assertThat(node.succeeds("dead-letters", "show", id(first), "--namespace", "prod"))
          .contains("acme/prod/ledger/alice", "CAST poison", "1000", "no cure");

      assertThat(node.succeeds("dead-letters", "discard", id(first), "--namespace", "prod"))
          .isEqualTo("discarded dead letter " + id(first) + " of acme/prod/ledger/alice\n");
      fails("NOT_FOUND", "dead-letters", "discard", id(first), "--namespace", "prod");

      node.kill();
      node.start();

      assertThat(node.letters()).isEqualTo(letters.subList(1, 3));
      Files.writeString(cure, "");
      assertThat(
              node.succeeds("dead-letters", "redrive", id(letters.get(1)), "--namespace", "prod"))
          .isEqualTo("re-drove dead letter " + id(letters.get(1)) + " of acme/prod/ledger/alice\n");
      NodeProcess.eventually(() -> balance("ledger/alice") == 158);
      fails("--rerun", "dead-letters", "redrive", id(letters.get(2)), "--namespace", "prod");
      assertThat(balance("ledger/alice")).isEqualTo(158);
      node.succeeds(
          "dead-letters", "redrive", id(letters.get(2)), "--rerun", "--namespace", "prod");
      NodeProcess.eventually(() -> balance("ledger/alice") == 159);
      assertThat(node.letters()).isEmpty();

      historyTellsItAll();
      quarantinedKeyIsReleased(temp.resolve("second cure"));
      otherTenantsSeeNothing(token(data, "globex"));
    }
  }

  @Test
  void history_keepsAndShowsWhatTheConfigurationSays() throws IOException {
    Path config =
        Files.writeString(temp.resolve("node.toml"), "[history]\ncommits = 2\npayloads = false\n");
    try (NodeProcess started =
        NodeProcess.start(temp.resolve("data"), "--dev", "--config", config.toString())) {
      node = started;
      for (int amount = 1; amount < 4; amount++) {
        node.ask("bank_account/alice", "deposit", "{\"amount\":" + amount + "}");
      }
      String history =
          node.send("GET", "/api/v1/actors/acme/prod/bank_account/alice/history", null).body();
      JsonNode entries = NodeProcess.JSON.readTree(history).path("entries");
      assertThat(entries.size()).isEqualTo(2);
      assertThat(entries.path(0).path("input").path("operation").asString()).isEqualTo("deposit");
      assertThat(history)
          .contains("\"operation\":\"deposit\"", "\"operation\":\"PUT\"")
          .doesNotContain("\"payload\"", "\"reply\"", "\"value\"");
    }
  }

  private void historyTellsItAll() {
    String path = "/api/v1/actors/acme/prod/ledger/alice/history";
    JsonNode page = NodeProcess.json(node.send("GET", path + "?limit=1000", null));
    List<String> seen = new ArrayList<>();
    for (JsonNode entry : page.path("entries").values()) {
      String failure = entry.path("failure").asString("");
      seen.add(
          entry.path("kind").asString()
              + " "
              + entry.path("input").path("operation").asString("")
              + (failure.isEmpty() ? "" : failure.substring(failure.lastIndexOf(':'))));
    }
    assertThat(seen)
        .containsExactly(
            "END ",
            "OPEN halfway",
            "WHOLE poison",
            "FAILED : no cure",
            "OPEN halfway",
            "WHOLE deposit",
            "WHOLE deposit",
            "WHOLE ");
    JsonNode deposit = page.path("entries").path(6);
    assertThat(deposit.path("input").path("payload").asString()).isEqualTo("{\"amount\":50}");
    assertThat(deposit.path("reply").asString()).isEqualTo("{\"balance\":50}");
    assertThat(deposit.path("changes").path(0).path("value").asString()).isEqualTo("50");

    assertThat(
            node.succeeds("history", "ledger/alice", "--namespace", "prod", "--limit", "8").lines())
        .hasSize(9)
        .anyMatch(
            l ->
                l.matches(
                    "\\d+ +1 +0 +whole +\\S+ +deposit +\\{\"amount\":50} +put balance=50"
                        + " +\\{\"balance\":50}"));
    JsonNode json =
        NodeProcess.JSON.readTree(
            node.succeeds(
                "history",
                "acme/prod/ledger/alice",
                "--json",
                "--no-payloads",
                "--limit",
                "1",
                "--before",
                page.path("entries").path(5).path("seq").asString()));
    assertThat(json.path("more").asBoolean()).isTrue();
    assertThat(json.path("entries").path(0).path("seq")).isEqualTo(deposit.path("seq"));
    assertThat(json.toString()).contains("deposit").doesNotContain("50}");
  }

  private void quarantinedKeyIsReleased(Path cure) throws IOException {
    // Three crashes each, eleven are too many: the fourth waits in quarantine.
    for (int i = 0; i < 4; i++) {
      tell("ledger/bob", "poison", cure, 1);
    }
    NodeProcess.eventually(
        () ->
            node.succeeds("quarantine", "list", "--namespace", "prod")
                .contains("acme/prod/ledger/bob"));
    assertThat(node.succeeds("quarantine", "list", "--namespace", "prod"))
        .contains("no second cure");
    Files.writeString(cure, "");
    NodeProcess.eventually(
        () ->
            NodeProcess.json(node.send("GET", "/api/v1/actors/acme%2Fprod%2Fledger%2Fbob", null))
                .path("state")
                .asString("")
                .equals("inactive"));
    assertThat(node.succeeds("quarantine", "release", "ledger/bob", "--namespace", "prod"))
        .isEqualTo("released ledger/bob; it takes the messages that waited\n");
    NodeProcess.eventually(() -> balance("ledger/bob") == 1);
    assertThat(node.letters()).hasSize(3);
    fails("not in quarantine", "quarantine", "release", "ledger/bob", "--namespace", "prod");
  }

  private void otherTenantsSeeNothing(String stranger) {
    node.as(stranger);
    assertThat(node.send("GET", NodeProcess.LETTERS, null).statusCode()).isEqualTo(403);
    fails("NOT_PERMITTED", "history", "acme/prod/ledger/alice");
    fails("NOT_PERMITTED", "dead-letters", "list", "--tenant", "acme", "--namespace", "prod");
    assertThat(node.succeeds("dead-letters", "list", "--namespace", "prod").lines()).hasSize(1);
  }

  private static String token(Path data, String tenant) {
    return NodeProcess.token(data, tenant, "--role", "deployer");
  }

  private void fails(String why, String... arguments) {
    Result result = node.commandHere(arguments);
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.out()).isEmpty();
    assertThat(result.err()).contains(why);
  }

  private void tell(String actor, String operation, Path file, int amount) {
    assertThat(
            node.succeeds(
                "tell",
                actor,
                operation,
                "{\"file\":\"" + file + "\",\"amount\":" + amount + "}",
                "--namespace",
                "prod"))
        .endsWith(", on disk\n");
  }

  private static String id(JsonNode letter) {
    return letter.path("dead_letter_id").asString();
  }

  private long balance(String actor) {
    String body = node.ask(actor, "balance", "{}").body();
    return body.matches("\\d+") ? Long.parseLong(body) : -1;
  }
}
