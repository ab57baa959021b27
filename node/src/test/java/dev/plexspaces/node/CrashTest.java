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
/// there exactly once, and no deposit is there that was never sent. Clients that give each deposit
/// an idempotency key send it again until it is answered, and then know that it happened once.
class CrashTest {

  private static final int ROUNDS = 20;
  private static final int CLIENTS = 4;

  /// Clients with keys, all of the same account.
  private static final int KEYED_CLIENTS = 3;

  /// Every so many deposits a client with keys sends the last one again, though it was answered.
  private static final int AGAIN_EVERY = 5;

  private static final String SHARED_ACCOUNT = "shared";

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

  /// A client that deposits 1 at a time, each time under a new key, and tries a key until it is
  /// answered.
  private static final class KeyedClient {
    final String name;

    /// Replies to its deposits so far, in order; the next one's key is their number.
    final List<String> replies = new ArrayList<>();

    /// Attempts at a key that had no answer.
    int retries;

    /// The first answer that did not fit.
    String wrong;

    KeyedClient(int number) {
      name = "keyed-" + number;
    }

    /// Sends deposits until the node does not answer.
    void deposit(HttpClient http, String url) {
      while (wrong == null && attempt(http, url, replies.size())) {
        boolean again = replies.size() % AGAIN_EVERY == 0;
        if (again && !attempt(http, url, replies.size() - 1)) {
          return;
        }
      }
    }

    private boolean attempt(HttpClient http, String url, int number) {
      HttpRequest request = post(url, 1).header("Idempotency-Key", name + "-" + number).build();
      try {
        HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
        boolean first = number == replies.size();
        if (response.statusCode() != 200
            || !first && !response.body().equals(replies.get(number))) {
          wrong = "key " + number + ": " + response + " " + response.body() + " after " + replies;
          return false;
        }
        if (first) {
          replies.add(response.body());
        }
        return true;
      } catch (IOException e) {
        retries++;
        return false;
      } catch (InterruptedException e) {
        throw new UncheckedIOException(new IOException(e));
      }
    }
  }

  @Test
  void killedNode_keepsEveryAcknowledgedDepositExactlyOnce() throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(new Client(i));
    }
    List<KeyedClient> keyed = new ArrayList<>();
    for (int i = 0; i < KEYED_CLIENTS; i++) {
      keyed.add(new KeyedClient(i));
    }
    try (NodeProcess node = NodeProcess.start(temp.resolve("data"), "--dev")) {
      for (int round = 0; round < ROUNDS; round++) {
        depositUntilKilled(node, clients, keyed);
        node.start();
        for (Client client : clients) {
          check(node, client, round);
        }
        check(node, keyed, round);
      }
    }
    assertThat(keyed.stream().mapToInt(client -> client.retries).sum())
        .as("deposits whose answer was lost")
        .isPositive();
  }

  private static void depositUntilKilled(
      NodeProcess node, List<Client> clients, List<KeyedClient> keyed) throws InterruptedException {
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
    String shared = node.url() + DEPOSIT + SHARED_ACCOUNT + "/ask";
    for (KeyedClient client : keyed) {
      threads.add(
          Thread.startVirtualThread(
              () -> {
                try (HttpClient http = HttpClient.newHttpClient()) {
                  client.deposit(http, shared);
                }
              }));
    }
    assertThat(enough.await(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    node.kill();
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private static HttpRequest.Builder post(String url, int amount) {
    return HttpRequest.newBuilder(URI.create(url))
        .header("Content-Type", "application/json")
        .POST(
            BodyPublishers.ofString(
                "{\"message_type\":\"deposit\",\"payload\":{\"amount\":" + amount + "}}"));
  }

  /// Every deposit of a client has an amount of its own, so that each can be found again.
  private static boolean deposit(HttpClient http, String url, Client client) {
    int amount = client.next++;
    client.unanswered = amount;
    HttpRequest request = post(url, amount).build();
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

  /// What was sent and not answered is sent once more; then the account holds as much as there are
  /// keys, and no two of them have the same reply.
  private static void check(NodeProcess node, List<KeyedClient> keyed, int round) {
    List<String> replies = new ArrayList<>();
    try (HttpClient http = HttpClient.newHttpClient()) {
      String url = node.url() + DEPOSIT + SHARED_ACCOUNT + "/ask";
      for (KeyedClient client : keyed) {
        String where = client.name + " after round " + round;
        boolean answered = client.wrong == null && client.attempt(http, url, client.replies.size());
        assertThat(client.wrong).as(where).isNull();
        assertThat(answered).as(where).isTrue();
        replies.addAll(client.replies);
      }
    }
    assertThat(replies).doesNotHaveDuplicates();
    JsonNode replay = replay(node, SHARED_ACCOUNT);
    assertThat(replay.get("current_balance").asInt())
        .as("balance after round %d, number of keys", round)
        .isEqualTo(replies.size());
    assertThat(replay.get("replayed").asInt()).isEqualTo(replies.size());
  }

  private static JsonNode replay(NodeProcess node, String account) {
    return NodeProcess.json(
        node.send(
            "POST", DEPOSIT + account + "/ask", "{\"message_type\":\"replay\",\"payload\":{}}"));
  }

  private static void check(NodeProcess node, Client client, int round) {
    String where = client.account + " after round " + round;
    assertThat(client.wrong).as(where).isNull();
    JsonNode replay = replay(node, client.account);
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
