package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// `kill -9` in the middle of a stream of deposits, again and again: every acknowledged deposit is
/// there exactly once, and no deposit is there that was never sent.
class CrashTest {

  private static final int ROUNDS = 20;
  private static final int CLIENTS = 4;

  /// Acknowledgements of a round before the node is killed.
  private static final int ACKNOWLEDGED_MIN = 100;

  private static final String DEPOSIT = "/api/v1/actors/default/default/bank_account/";

  @TempDir Path temp;

  /// A client with an account of its own. It waits for each answer before it sends the next
  /// deposit, so at most one deposit of a round is unanswered; no two deposits have the same
  /// amount.
  private static final class Client {
    final String account;

    /// What the account must hold, deposits and their sum, as far as answers told.
    int deposits;

    long balance;

    /// The deposit that was sent when the node was killed; may or may not have happened; 0 for
    /// none.
    int unanswered;

    /// The first answer that did not fit.
    String wrong;

    int next = 1;

    Client(int number) {
      account = "client-" + number;
    }
  }

  @Test
  void killedNode_keepsEveryAcknowledgedDepositExactlyOnce() throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(new Client(i));
    }
    try (NodeProcess node = NodeProcess.start(temp.resolve("data"), "--dev")) {
      for (int round = 0; round < ROUNDS; round++) {
        depositUntilKilled(node, clients);
        node.start();
        for (Client client : clients) {
          check(node, client, round);
        }
      }
    }
  }

  private static void depositUntilKilled(NodeProcess node, List<Client> clients)
      throws InterruptedException {
    AtomicInteger acknowledged = new AtomicInteger();
    CountDownLatch enough = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (Client client : clients) {
      String url = node.url() + DEPOSIT + client.account + "/ask";
      threads.add(
          Thread.startVirtualThread(
              () -> {
                try (HttpClient http = HttpClient.newHttpClient()) {
                  while (deposit(http, url, client)) {
                    if (acknowledged.incrementAndGet() == ACKNOWLEDGED_MIN) {
                      enough.countDown();
                    }
                  }
                }
              }));
    }
    assertThat(enough.await(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    node.kill();
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /// Every deposit of a client has an amount of its own, so that each can be found again.
  private static boolean deposit(HttpClient http, String url, Client client) {
    int amount = client.next++;
    client.unanswered = amount;
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "application/json")
            .POST(
                BodyPublishers.ofString(
                    "{\"message_type\":\"deposit\",\"payload\":{\"amount\":" + amount + "}}"))
            .build();
    try {
      HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
      client.unanswered = 0;
      client.deposits++;
      client.balance += amount;
      String expected = "{\"status\":\"ok\",\"balance\":" + client.balance + "}";
      if (response.statusCode() != 200 || !response.body().equals(expected)) {
        client.wrong = response.statusCode() + " " + response.body() + " in place of " + expected;
        return false;
      }
      return true;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      throw new UncheckedIOException(new IOException(e));
    }
  }

  private static void check(NodeProcess node, Client client, int round) {
    String where = client.account + " after round " + round;
    assertThat(client.wrong).as(where).isNull();
    JsonNode replay =
        NodeProcess.json(
            node.send(
                "POST",
                DEPOSIT + client.account + "/ask",
                "{\"message_type\":\"replay\",\"payload\":{}}"));
    int deposits = replay.get("replayed").asInt();
    if (client.unanswered != 0 && deposits == client.deposits + 1) {
      // It happened before the end; from here on it counts.
      client.deposits++;
      client.balance += client.unanswered;
    }
    assertThat(deposits).as("deposits of " + where).isEqualTo(client.deposits);
    assertThat(replay.get("current_balance").asLong()).as(where).isEqualTo(client.balance);
    assertThat(replay.get("consistent").asBoolean()).as(where).isTrue();
  }
}
