package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// An application of a real node is purged, by command: what waited for its actors, what is left of
/// them, and what of others; and once more after a `kill -9`.
class PurgeEndToEndTest {

  /// `halfway` waits behind a commit point until the file it names is there.
  private static final byte[] LEDGER_JAR =
      TestJar.jar(
          Map.of(
              "app.Ledger",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.nio.file.Files;
              import java.nio.file.Path;
              @GenServer(value = "ledger", facets = {"virtual_actor", "durability"})
              public class Ledger {
                @State long balance;
                @State long inits;
                @OnInit void init() { inits++; }
                @Handler("deposit") long deposit(long amount) { return balance += amount; }
                @Handler(value = "note", cast = true) void note(long amount) { balance += amount; }
                @Handler("balance") long balance() { return balance; }
                @Handler("inits") long inits() { return inits; }
                @Handler("halfway") long halfway(String file, ActorContext context)
                    throws Exception {
                  balance += 1_000;
                  context.kv().increment("halfway", 1);
                  while (!Files.exists(Path.of(file))) {
                    Thread.sleep(10);
                  }
                  return balance;
                }
              }
              """));

  private static final byte[] SHOP_JAR =
      TestJar.jar(
          Map.of(
              "app.Shop",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.time.Duration;
              import java.util.Map;
              @GenServer(value = "shop", facets = {"virtual_actor", "durability"})
              public class Shop {
                @State long sold;
                @State String outcome = "";
                @Handler("sell") String sell(String file, ActorContext context) {
                  sold++;
                  try {
                    context.ask(
                        context.actor("ledger", "alice"),
                        "halfway",
                        Map.of("file", file),
                        Duration.ofMinutes(10));
                    outcome = "paid";
                  } catch (PlexException e) {
                    outcome = e.code() + " " + e.getMessage();
                  }
                  return outcome;
                }
                @Handler("sold") long sold() { return sold; }
                @Handler("outcome") String outcome() { return outcome; }
                @Handler("halfway") long halfway(ActorContext context) {
                  return ((Number) context.kv().get("halfway").orElse(0)).longValue();
                }
              }
              """));

  @TempDir Path temp;
  private NodeProcess node;

  @Test
  void undeployWithPurge_failsAsks_keepsTellsAsDeadLetters_andLeavesNothingElse()
      throws IOException {
    Path data = temp.resolve("data");
    Path open = temp.resolve("open");
    try (NodeProcess started = NodeProcess.start(data)) {
      node = started;
      String theirs = NodeProcess.token(data, "globex", "--role", "deployer");
      String ours = NodeProcess.token(data, "acme", "--role", "deployer");
      Path ledger = psa("books", LEDGER_JAR);
      node.as(theirs);
      node.succeeds("deploy", psa("theirs", LEDGER_JAR).toString(), "--namespace", "prod");
      node.succeeds("ask", "ledger/alice", "deposit", "{\"amount\":5}", "--namespace", "prod");
      node.as(ours);
      node.succeeds("deploy", ledger.toString(), "--namespace", "prod");
      node.succeeds("deploy", psa("store", SHOP_JAR).toString(), "--namespace", "prod");
      assertThat(node.ask("ledger/alice", "deposit", "{\"amount\":50}").body()).isEqualTo("50");
      assertThat(node.ask("ledger/idle", "deposit", "{\"amount\":1}").body()).isEqualTo("1");

      // An ask whose turn is open, and a tell behind it.
      sell(open);
      NodeProcess.eventually(() -> node.ask("shop/other", "halfway", "{}").body().equals("1"));
      node.succeeds("tell", "ledger/alice", "note", "{\"amount\":7}", "--namespace", "prod");
      assertThat(node.succeeds("undeploy", "books", "--purge"))
          .isEqualTo("undeployed books and purged its actors\n");

      NodeProcess.eventually(() -> !node.ask("shop/s", "outcome", "{}").body().equals("\"\""));
      assertThat(node.ask("shop/s", "outcome", "{}").body())
          .isEqualTo("\"ACTOR_NOT_FOUND ledger/alice: application \\\"books\\\" was purged\"");
      JsonNode letter = node.letters().getFirst();
      assertThat(node.letters()).hasSize(1);
      assertThat(letter.path("actor_id").asString()).isEqualTo("acme/prod/ledger/alice");
      assertThat(letter.path("reason").asString()).isEqualTo("application \"books\" was purged");
      assertThat(letter.path("message").path("operation").asString()).isEqualTo("note");
      assertThat(node.ask("ledger/alice", "balance", "{}").statusCode()).isEqualTo(404);
      assertThat(entries("ledger/alice")).isZero();
      assertThat(node.ask("shop/s", "sold", "{}").body()).isEqualTo("1");

      // The disk says the same.
      node.kill();
      node.start();
      node.succeeds("deploy", ledger.toString(), "--namespace", "prod");
      for (String actor : List.of("ledger/alice", "ledger/idle")) {
        assertThat(node.ask(actor, "balance", "{}").body()).isEqualTo("0");
        assertThat(node.ask(actor, "inits", "{}").body()).isEqualTo("1");
      }
      assertThat(node.letters()).containsExactly(letter);
      node.succeeds(
          "dead-letters",
          "redrive",
          letter.path("dead_letter_id").asString(),
          "--namespace",
          "prod");
      NodeProcess.eventually(() -> node.ask("ledger/alice", "balance", "{}").body().equals("7"));
      assertThat(node.letters()).isEmpty();

      // Without the option all of it waits.
      assertThat(node.succeeds("undeploy", "books")).isEqualTo("undeployed books\n");
      node.succeeds("deploy", ledger.toString(), "--namespace", "prod");
      assertThat(node.ask("ledger/alice", "balance", "{}").body()).isEqualTo("7");

      node.as(theirs);
      assertThat(node.succeeds("ask", "ledger/alice", "balance", "{}", "--namespace", "prod"))
          .isEqualTo("5\n");
    }
  }

  /// The node dies when the purge has begun, on disk, and nothing else of it has happened: the
  /// latest point for a state that still looks whole.
  @Test
  void nodeThatDiesInAPurge_goesOnWithItAtItsNextStart() throws IOException {
    Path data = temp.resolve("data");
    Path open = temp.resolve("open");
    try (NodeProcess started = NodeProcess.start(data)) {
      node = started;
      node.as(NodeProcess.token(data, "acme", "--role", "deployer"));
      Path ledger = psa("books", LEDGER_JAR);
      node.succeeds("deploy", ledger.toString(), "--namespace", "prod");
      node.succeeds("deploy", psa("store", SHOP_JAR).toString(), "--namespace", "prod");
      node.ask("ledger/alice", "deposit", "{\"amount\":50}");
      sell(open);
      NodeProcess.eventually(() -> node.ask("shop/other", "halfway", "{}").body().equals("1"));
      node.succeeds("tell", "ledger/alice", "note", "{\"amount\":7}", "--namespace", "prod");
      node.kill();
      Path marker = data.resolve("apps/books/deployment.json");
      String begun = Files.readString(marker).replace("\"purging\":false", "\"purging\":true");
      assertThat(begun).contains("\"purging\":true");
      Files.writeString(marker, begun);
      // It would be gone through with, were it run.
      Files.writeString(open, "");

      node.start();

      assertThat(node.succeeds("apps")).contains("store").doesNotContain("books");
      assertThat(marker.getParent()).doesNotExist();
      assertThat(node.letters()).hasSize(1);
      NodeProcess.eventually(
          () -> node.ask("shop/s", "outcome", "{}").body().contains("was purged"));
      assertThat(node.ask("shop/s", "sold", "{}").body()).isEqualTo("1");
      node.succeeds("deploy", ledger.toString(), "--namespace", "prod");
      assertThat(node.ask("ledger/alice", "balance", "{}").body()).isEqualTo("0");
      assertThat(node.ask("ledger/alice", "inits", "{}").body()).isEqualTo("1");
    }
  }

  private void sell(Path file) {
    node.succeeds("tell", "shop/s", "sell", "{\"file\":\"" + file + "\"}", "--namespace", "prod");
  }

  private Path psa(String id, byte[] jar) {
    String config = "[application]\nid = \"" + id + "\"\nversion = \"1.0\"\n";
    return TestJar.file(temp, id + ".psa", TestJar.psa(config, jar));
  }

  private int entries(String actor) {
    return NodeProcess.json(
            node.send("GET", "/api/v1/actors/acme/prod/" + actor + "/history", null))
        .path("entries")
        .size();
  }
}
