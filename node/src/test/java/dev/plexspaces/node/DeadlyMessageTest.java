package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.cli.CommandLineRun.Result;
import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A handler that ends the process of a real node. Source: spec/turns rule 24.
class DeadlyMessageTest {

  /// `die` notes in a file that it runs, and halts the JVM.
  private static final byte[] JAR =
      TestJar.jar(
          Map.of(
              "app.Ledger",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.nio.file.Files;
              import java.nio.file.Path;
              import java.nio.file.StandardOpenOption;
              @GenServer(value = "ledger", facets = {"virtual_actor", "durability"})
              public class Ledger {
                @State long balance;
                @Handler(value = "deposit", cast = true) void deposit(long amount) {
                  balance += amount;
                }
                @Handler("balance") long balance() { return balance; }
                @Handler(value = "die", cast = true) void die(String file) throws Exception {
                  Files.writeString(Path.of(file), "died\\n",
                      StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                  Runtime.getRuntime().halt(3);
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

  @Test
  void messageThatHaltsTheJvm_isBuriedAfterSixRuns_andTheNodeStaysUp() throws IOException {
    Path data = temp.resolve("data");
    Path deaths = temp.resolve("deaths");
    try (NodeProcess node = NodeProcess.start(data)) {
      Result minted =
          NodeProcess.plexspaces(
              Optional.empty(),
              "token",
              "--tenant",
              "acme",
              "--role",
              "deployer",
              "--data",
              data.toString());
      node.as(minted.out().strip());
      Path psa = TestJar.file(temp, "books.psa", TestJar.psa(CONFIG, JAR));
      Result deployed =
          node.command("deploy", psa.toString(), "--namespace", "prod", "--url", node.url());
      assertThat(deployed.exitCode()).as(deployed.err()).isZero();
      assertThat(tell(node, "deposit", "{\"amount\":50}").exitCode()).isZero();
      assertThat(balance(node)).isEqualTo("50");
      // Whether it dies before or after the answer has left does not matter.
      tell(node, "die", "{\"file\":\"" + deaths + "\"}");
      node.end();

      List<JsonNode> letters = List.of();
      int starts = 1;
      while (letters.isEmpty() && starts++ <= 6) {
        letters = startAndWaitForItsEndOrALetter(node);
      }

      assertThat(starts).isEqualTo(7);
      assertThat(Files.readAllLines(deaths)).isEqualTo(Collections.nCopies(6, "died"));
      assertThat(letters).hasSize(1);
      assertThat(letters.getFirst().path("reason").asString())
          .isEqualTo("the node ended without being stopped each of the 6 times this message ran");
      assertThat(tell(node, "deposit", "{\"amount\":1}").exitCode()).isZero();
      assertThat(balance(node)).isEqualTo("51");
      assertThat(node.alive()).isTrue();
      node.stop();
      node.start();
      assertThat(balance(node)).isEqualTo("51");
      assertThat(Files.readAllLines(deaths)).hasSize(6);
    }
  }

  private static List<JsonNode> startAndWaitForItsEndOrALetter(NodeProcess node) {
    try {
      node.start();
      while (node.alive()) {
        List<JsonNode> letters = node.letters();
        if (!letters.isEmpty()) {
          return letters;
        }
        LockSupport.parkNanos(20_000_000);
      }
    } catch (IllegalStateException | UncheckedIOException died) {
      // Before it was ready, or while it answered.
    }
    node.end();
    return List.of();
  }

  private static String balance(NodeProcess node) {
    return node.ask("ledger/alice", "balance", "{}").body();
  }

  private static Result tell(NodeProcess node, String operation, String payload) {
    return node.command(
        "tell", "ledger/alice", operation, payload, "--namespace", "prod", "--url", node.url());
  }
}
