package dev.plexspaces.node;

import static dev.plexspaces.node.GrpcClient.ask;
import static dev.plexspaces.node.GrpcClient.assertRefused;
import static dev.plexspaces.node.GrpcClient.tell;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.contracts.actor.v1.TellActorResponse;
import io.grpc.Status;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Idempotency keys of clients, over both doors of a real node. Each test has an actor of its own.
class IdempotencyEndToEndTest {

  private static final String KEY = "Idempotency-Key";
  private static final String ACTORS = "/api/v1/actors/acme/prod/";
  private static final String TEN = "{\"amount\":10}";
  private static final String DEPOSIT_TEN = "{\"op\":\"deposit\",\"amount\":10}";
  private static final int DUPLICATES = 20;

  /// Between two looks whether something has expired.
  private static final long LOOK_MILLIS = 200;

  @TempDir static Path temp;
  private static NodeProcess node;
  private static String alice;
  private static GrpcClient grpc;

  @BeforeAll
  static void start() {
    Path data = temp.resolve("data");
    node = NodeProcess.start(data);
    alice = NodeProcess.token(data, "acme", "--user", "alice");
    node.as(alice);
    grpc = new GrpcClient(node, alice);
  }

  @AfterAll
  static void stop() {
    grpc.close();
    node.close();
  }

  private static long balance(String account) {
    return NodeProcess.json(node.ask("bank_account/" + account, "get_balance", "{}"))
        .get("balance")
        .asLong();
  }

  private static void assertConflict(HttpResponse<String> answer) {
    assertThat(error(answer, 409, "CONFLICT").propertyNames())
        .containsExactlyInAnyOrder("status", "code", "message", "request_id");
  }

  private static void assertQuotaReached(HttpResponse<String> answer, String tenant) {
    JsonNode error = error(answer, 429, "RESOURCE_EXHAUSTED");
    assertThat(error.propertyNames())
        .containsExactlyInAnyOrder("status", "code", "message", "request_id", "retry_after_ms");
    assertThat(error.get("message").asString())
        .startsWith("tenant " + tenant + " has 2 outcomes")
        .contains("per_tenant");
    assertThat(answer.headers().firstValue("Retry-After")).isPresent();
  }

  /// The one shape of an error, about an idempotency key.
  private static JsonNode error(HttpResponse<String> answer, int status, String code) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    JsonNode error = NodeProcess.json(answer).get("error");
    assertThat(error.get("status").asInt()).isEqualTo(status);
    assertThat(error.get("code").asString()).isEqualTo(code);
    assertThat(error.get("message").asString()).contains("idempotency key");
    assertThat(answer.headers().firstValue("PlexSpaces-Request-Id"))
        .contains(error.get("request_id").asString());
    return error;
  }

  @Test
  void ask_overHttp_runsOnce_andAnotherBodyIsAConflict() {
    HttpResponse<String> first = node.ask("bank_account/http", "deposit", TEN, KEY, "k1");
    assertThat(first.body()).isEqualTo("{\"status\":\"ok\",\"balance\":10}");
    assertThat(node.ask("bank_account/http", "deposit", TEN).body())
        .as("without a key")
        .isEqualTo("{\"status\":\"ok\",\"balance\":20}");
    HttpResponse<String> again =
        node.ask("bank_account/http", "deposit", "{ \"amount\" : 10 }", KEY, "k1");
    assertThat(again.statusCode()).isEqualTo(200);
    assertThat(again.body()).isEqualTo(first.body());
    assertConflict(node.ask("bank_account/http", "deposit", "{\"amount\":11}", KEY, "k1"));
    assertConflict(node.ask("bank_account/http", "withdraw", TEN, KEY, "k1"));
    assertThat(balance("http")).isEqualTo(20);
  }

  @Test
  void ask_overGrpc_runsOnce_andAnotherBodyIsAConflict() {
    var deposit = ask("bank_account", "grpc", "deposit", TEN);
    String first = grpc.actors("idempotency-key", "k1").askActor(deposit).getPayload();
    assertThat(first).isEqualTo("{\"status\":\"ok\",\"balance\":10}");
    assertThat(grpc.actors("idempotency-key", "k1").askActor(deposit).getPayload())
        .isEqualTo(first);
    assertRefused(
        () ->
            grpc.actors("idempotency-key", "k1")
                .askActor(ask("bank_account", "grpc", "deposit", "{\"amount\":11}")),
        Status.Code.ALREADY_EXISTS,
        "CONFLICT");
    assertThat(node.ask("bank_account/grpc", "deposit", TEN, KEY, "k1").body())
        .as("through the other door")
        .isEqualTo(first);
    assertThat(balance("grpc")).isEqualTo(10);
  }

  @Test
  void keyOfAnotherUser_isAnotherRequest() {
    node.ask("bank_account/users", "deposit", TEN, KEY, "k1");
    try (GrpcClient bob =
        new GrpcClient(node, NodeProcess.token(temp.resolve("data"), "acme", "--user", "bob"))) {
      var deposit = ask("bank_account", "users", "deposit", "{\"amount\":5}");
      assertThat(bob.actors("idempotency-key", "k1").askActor(deposit).getPayload())
          .isEqualTo("{\"status\":\"ok\",\"balance\":15}");
    }
  }

  @Test
  void tell_overHttp_isAcceptedOnce_underOneMessageId() {
    HttpResponse<String> first =
        node.send("POST", ACTORS + "bank_account/told", DEPOSIT_TEN, KEY, "k1");
    assertThat(first.statusCode()).isEqualTo(202);
    assertThat(NodeProcess.json(first).get("durable").asBoolean()).isTrue();
    assertThat(NodeProcess.json(first).get("message_id").asString()).isNotEmpty();
    HttpResponse<String> again =
        node.send("POST", ACTORS + "bank_account/told", DEPOSIT_TEN, KEY, "k1");
    assertThat(again.statusCode()).isEqualTo(202);
    assertThat(again.body()).isEqualTo(first.body());
    assertConflict(
        node.send(
            "POST", ACTORS + "bank_account/told", "{\"op\":\"deposit\",\"amount\":11}", KEY, "k1"));
    // The ask is behind the tells.
    assertThat(balance("told")).isEqualTo(10);
  }

  @Test
  void tell_overGrpc_isAcceptedOnce_underOneMessageId() {
    var deposit = tell("bank_account", "told-by-grpc", "deposit", TEN);
    TellActorResponse first = grpc.actors("idempotency-key", "k1").tellActor(deposit);
    assertThat(first.getDurable()).isTrue();
    assertThat(first.getMessageId()).isNotEmpty();
    assertThat(grpc.actors("idempotency-key", "k1").tellActor(deposit)).isEqualTo(first);
    assertRefused(
        () ->
            grpc.actors("idempotency-key", "k1")
                .tellActor(tell("bank_account", "told-by-grpc", "deposit", "{\"amount\":11}")),
        Status.Code.ALREADY_EXISTS,
        "CONFLICT");
    assertThat(balance("told-by-grpc")).isEqualTo(10);
  }

  @Test
  void tell_toAVolatileActor_saysSo_andIsSentOnce() {
    // The sample without the durability facet; supervised, so only in its home.
    String limiter = "/api/v1/actors/default/default/rate_limiter/api";
    String check = "{\"op\":\"check_rate\",\"client_id\":\"told\"}";
    node.as(NodeProcess.token(temp.resolve("data"), "default"));
    try {
      HttpResponse<String> first = node.send("POST", limiter, check, KEY, "k1");
      assertThat(first.statusCode()).as(first.body()).isEqualTo(202);
      assertThat(NodeProcess.json(first).get("durable").asBoolean()).isFalse();
      assertThat(node.send("POST", limiter, check, KEY, "k1").body()).isEqualTo(first.body());
      assertThat(
              NodeProcess.json(node.send("GET", limiter + "?op=check_rate&client_id=told", null))
                  .get("remaining")
                  .asInt())
          .as("one told, one asked, of 100")
          .isEqualTo(98);
    } finally {
      node.as(alice);
    }
  }

  @Test
  void outcomes_surviveKill9() {
    String asked = node.ask("bank_account/killed", "deposit", TEN, KEY, "asked").body();
    String told =
        node.send("POST", ACTORS + "bank_account/killed", DEPOSIT_TEN, KEY, "told").body();
    node.kill();
    node.start();
    grpc.close();
    grpc = new GrpcClient(node, alice);

    assertThat(node.ask("bank_account/killed", "deposit", TEN, KEY, "asked").body())
        .isEqualTo(asked)
        .isEqualTo("{\"status\":\"ok\",\"balance\":10}");
    assertThat(node.send("POST", ACTORS + "bank_account/killed", DEPOSIT_TEN, KEY, "told").body())
        .isEqualTo(told);
    assertConflict(node.ask("bank_account/killed", "deposit", "{\"amount\":11}", KEY, "asked"));
    assertThat(balance("killed")).isEqualTo(20);
  }

  private static NodeProcess startWith(String name, String idempotency) throws IOException {
    Path config = Files.writeString(temp.resolve(name + ".toml"), "[idempotency]\n" + idempotency);
    return NodeProcess.start(temp.resolve(name), "--config", config.toString());
  }

  @Test
  void newKeyBeyondTheQuotaOfTheTenant_is429OverBothDoors_alsoAfterKill9() throws IOException {
    try (NodeProcess small = startWith("quota", "per_tenant = 2")) {
      Path data = temp.resolve("quota");
      String ofAlice = NodeProcess.token(data, "acme", "--user", "alice", "--role", "operator");
      String ofGlobex = NodeProcess.token(data, "globex", "--user", "alice");
      small.as(ofAlice);
      String asked = small.ask("bank_account/a", "deposit", TEN, KEY, "k1").body();
      String told = small.send("POST", ACTORS + "bank_account/a", DEPOSIT_TEN, KEY, "k2").body();
      for (int round = 0; round < 2; round++) {
        assertQuotaReached(small.ask("bank_account/a", "deposit", TEN, KEY, "k3"), "acme");
        assertQuotaReached(small.ask("bank_account/other", "deposit", TEN, KEY, "k1"), "acme");
        assertQuotaReached(
            small.send("POST", ACTORS + "bank_account/a", DEPOSIT_TEN, KEY, "k4"), "acme");
        try (GrpcClient client = new GrpcClient(small, ofAlice)) {
          assertRefused(
              () ->
                  client
                      .actors("idempotency-key", "k3")
                      .askActor(ask("bank_account", "a", "deposit", TEN)),
              Status.Code.RESOURCE_EXHAUSTED,
              "RESOURCE_EXHAUSTED");
        }
        assertThat(small.ask("bank_account/a", "deposit", TEN, KEY, "k1").body()).isEqualTo(asked);
        assertThat(small.send("POST", ACTORS + "bank_account/a", DEPOSIT_TEN, KEY, "k2").body())
            .isEqualTo(told);
        assertConflict(small.ask("bank_account/a", "deposit", "{\"amount\":11}", KEY, "k1"));
        assertThat(small.ask("bank_account/a", "get_balance", "{}").body())
            .as("without a key")
            .contains("\"balance\":20");
        HttpResponse<String> ofAnother =
            small
                .as(ofGlobex)
                .send(
                    "POST",
                    "/api/v1/actors/globex/prod/bank_account/a/ask",
                    "{\"message_type\":\"deposit\",\"payload\":" + TEN + "}",
                    KEY,
                    "k" + round);
        assertThat(ofAnother.statusCode()).as(ofAnother.body()).isEqualTo(200);
        small.as(ofAlice);
        assertThat(small.send("GET", "/metrics", null).body())
            .contains("plexspaces_idempotency_refusals_total 4.0")
            .contains("plexspaces_store_requests_remembered " + (3 + round) + ".0");
        small.kill();
        small.start();
      }
    }
  }

  @Test
  void quota_isFreedWhenOutcomesExpire_thoughEveryRequestIsRefusedMeanwhile() throws Exception {
    try (NodeProcess small = startWith("expiry", "per_tenant = 1\nkept = \"1s\"")) {
      small.as(NodeProcess.token(temp.resolve("expiry"), "acme"));
      assertThat(small.ask("bank_account/a", "deposit", TEN, KEY, "k1").statusCode())
          .isEqualTo(200);
      long end = System.nanoTime() + NodeProcess.PATIENCE.toNanos();
      HttpResponse<String> second = small.ask("bank_account/a", "deposit", TEN, KEY, "k2");
      while (second.statusCode() == 429 && System.nanoTime() < end) {
        Thread.sleep(LOOK_MILLIS);
        second = small.ask("bank_account/a", "deposit", TEN, KEY, "k2");
      }
      assertThat(second.body()).isEqualTo("{\"status\":\"ok\",\"balance\":20}");
    }
  }

  @Test
  void duplicatesAtTheSameTime_overBothDoors_haveOneEffectAndEqualReplies() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    List<Future<String>> replies = new ArrayList<>();
    try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < DUPLICATES; i++) {
        Callable<String> request =
            i % 2 == 0
                ? () -> node.ask("bank_account/crowd", "deposit", TEN, KEY, "k1").body()
                : () ->
                    grpc.actors("idempotency-key", "k1")
                        .askActor(ask("bank_account", "crowd", "deposit", TEN))
                        .getPayload();
        replies.add(
            clients.submit(
                () -> {
                  go.await();
                  return request.call();
                }));
      }
      go.countDown();
      for (Future<String> reply : replies) {
        assertThat(reply.get(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS))
            .isEqualTo("{\"status\":\"ok\",\"balance\":10}");
      }
    }
    assertThat(NodeProcess.json(node.ask("bank_account/crowd", "replay", "{}")).get("replayed"))
        .as("deposits")
        .hasToString("1");
  }
}
