package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.cli.CommandLineRun.Result;
import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real node that gets SIGTERM while clients with open connections call it: what it refused did
/// not happen, what it acknowledged did, and it waits for what is in progress. The drain is longer
/// than any test waits, so a stop that takes the whole of it fails. Source: spec
/// `reference-plexspaces`, section 6, shutdown phases.
class OrderlyStopTest {

  private static final int CLIENTS = 8;
  private static final int ROUNDS = 3;

  /// Deposits of each client before the stop: its connection is open and the code is warm.
  private static final int DEPOSITS_FIRST = 20;

  @TempDir Path temp;

  private Path config;

  @BeforeEach
  void writeConfig() throws IOException {
    config =
        Files.writeString(
            temp.resolve("node.toml"),
            """
            [shutdown]
            drain = "10m"
            """);
  }

  private NodeProcess node() {
    return NodeProcess.start(temp.resolve("data"), "--dev", "--config", config.toString());
  }

  /// What a client saw.
  ///
  /// @param unknown 1 if it was told so of its last deposit
  /// @param end the last answer, or what cut the connection
  private record Seen(long acknowledged, long unknown, String end) {}

  private static Seen depositUntilRefused(NodeProcess node, String account, CountDownLatch first) {
    long acknowledged = 0;
    while (true) {
      HttpResponse<String> answer;
      try {
        answer = node.ask(account, "deposit", "{\"amount\":1}");
      } catch (UncheckedIOException cut) {
        // Without an answer and without an effect: the connection was closed before it was read.
        return new Seen(acknowledged, 0, cut.getMessage());
      }
      switch (answer.statusCode()) {
        case 200 -> {
          acknowledged++;
          if (acknowledged == DEPOSITS_FIRST) {
            first.countDown();
          }
        }
        case 504 -> {
          return new Seen(acknowledged, 1, answer.body());
        }
        default -> {
          assertThat(answer.statusCode()).as(answer.body()).isEqualTo(503);
          assertThat(answer.headers().firstValue("connection")).contains("close");
          return new Seen(acknowledged, 0, answer.body());
        }
      }
    }
  }

  private static long balance(NodeProcess node, String account) {
    return NodeProcess.json(node.ask(account, "get_balance", "{}")).path("balance").asLong();
  }

  @Test
  void depositsOfOpenConnections_areAcknowledgedOrDidNotHappen() throws Exception {
    try (NodeProcess node = node();
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      long[] before = new long[CLIENTS];
      for (int round = 0; round < ROUNDS; round++) {
        CountDownLatch first = new CountDownLatch(CLIENTS);
        List<Future<Seen>> seen = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
          String account = "bank_account/client" + i;
          seen.add(clients.submit(() -> depositUntilRefused(node, account, first)));
        }
        assertThat(first.await(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        node.stop();
        node.start();
        for (int i = 0; i < CLIENTS; i++) {
          Seen client = seen.get(i).get(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
          long balance = balance(node, "bank_account/client" + i);
          assertThat(balance - before[i])
              .as("round " + round + ", client " + i + ", " + client)
              .isBetween(client.acknowledged(), client.acknowledged() + client.unknown());
          before[i] = balance;
        }
      }
    }
  }

  @Test
  void slowAskInProgress_getsItsAnswer_andTheNodeEndsWithIt() throws Exception {
    Path running = temp.resolve("running");
    Path go = temp.resolve("go");
    byte[] jar =
        TestJar.jar(
            Map.of(
                "app.Slow",
                """
                package app;
                import dev.plexspaces.sdk.*;
                import java.nio.file.Files;
                import java.nio.file.Path;
                @GenServer(value = "slow", facets = "virtual_actor")
                public class Slow {
                  @Handler("work") String work(String running, String go) throws Exception {
                    Files.createFile(Path.of(running));
                    while (!Files.exists(Path.of(go))) {
                      Thread.sleep(10);
                    }
                    return "worked";
                  }
                }
                """));
    try (NodeProcess node = node();
        ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      Path psa =
          TestJar.file(
              temp,
              "slow.psa",
              TestJar.psa("[application]\nid = \"slow\"\nversion = \"1\"\n", jar));
      Result deployed = node.command("deploy", psa.toString(), "--url", node.url());
      assertThat(deployed.exitCode()).as(deployed.err()).isZero();
      Future<HttpResponse<String>> answer =
          clients.submit(
              () ->
                  node.send(
                      "POST",
                      "/api/v1/actors/default/default/slow/one/ask",
                      "{\"message_type\":\"work\",\"timeout_ms\":60000,\"payload\":{\"running\":\""
                          + running
                          + "\",\"go\":\""
                          + go
                          + "\"}}"));
      NodeProcess.eventually(() -> Files.exists(running) || answer.isDone());
      assertThat(answer.isDone()).isFalse();
      Future<String> stopped = clients.submit(node::stop);
      NodeProcess.eventually(() -> node.send("GET", "/health/ready", null).statusCode() == 503);
      HttpResponse<String> refused = node.ask("bank_account/ann", "get_balance", "{}");
      assertThat(refused.statusCode()).as(refused.body()).isEqualTo(503);
      assertThat(answer.isDone()).isFalse();

      Files.createFile(go);

      HttpResponse<String> answered =
          answer.get(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertThat(answered.statusCode()).as(answered.body()).isEqualTo(200);
      assertThat(answered.body()).isEqualTo("\"worked\"");
      stopped.get(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }
  }
}
