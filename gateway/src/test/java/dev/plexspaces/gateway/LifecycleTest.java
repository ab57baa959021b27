package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc;
import dev.plexspaces.contracts.actor.v1.AskActorRequest;
import dev.plexspaces.contracts.actor.v1.TellActorRequest;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LifecycleTest {

  @TempDir Path data;

  private static GatewayOptions with(
      GatewayOptions options, int httpPort, int inFlightMax, Duration drain) {
    return new GatewayOptions(
        options.host(),
        httpPort,
        0,
        options.dev(),
        options.trusted(),
        options.uploads(),
        options.bodyBytesMax(),
        inFlightMax,
        drain);
  }

  private static CompletableFuture<HttpResponse<String>> silentAsk(TestEdge edge, String token) {
    return edge.client()
        .sendAsync(
            edge.request("GET", "/api/v1/actors/acme/prod/silent/k", token, null).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  private static Invoker.ReplyListener waiting(TestEdge edge) throws InterruptedException {
    Invoker.ReplyListener listener = edge.invoker.silent.poll(20, TimeUnit.SECONDS);
    assertThat(listener).isNotNull();
    return listener;
  }

  @Test
  void reply_maySpeakLaterAndOnlyOnce() throws Exception {
    try (TestEdge edge = TestEdge.secure(data)) {
      var answer = silentAsk(edge, edge.token("acme"));
      Invoker.ReplyListener listener = waiting(edge);
      assertThat(answer).isNotDone();
      listener.replied(ActorId.parse("acme/prod/silent/k"), List.of(1L));
      listener.failed(new PlexException(ErrorCode.TIMEOUT, "too late"));
      assertThat(answer.get(20, TimeUnit.SECONDS).body()).isEqualTo("[1]");
    }
  }

  @Test
  void close_finishesWhatIsInProgressAndAcceptsNothingNew() throws Exception {
    TestEdge edge = TestEdge.secure(data);
    var answer = silentAsk(edge, edge.token("acme"));
    Invoker.ReplyListener listener = waiting(edge);
    CompletableFuture<Void> closed = CompletableFuture.runAsync(edge.gateway::close);
    listener.replied(ActorId.parse("acme/prod/silent/k"), "done");
    assertThat(answer.get(20, TimeUnit.SECONDS).body()).isEqualTo("\"done\"");
    closed.get(20, TimeUnit.SECONDS);
    int port = edge.gateway.httpPort();
    assertThatThrownBy(() -> new Socket("127.0.0.1", port)).isInstanceOf(IOException.class);
    edge.close();
  }

  @Test
  void stopping_refusesCallsOfOpenConnectionsBeforeTheActorHearsOfThem() throws Exception {
    TestEdge edge =
        TestEdge.dev(
            data, options -> with(options, 0, GatewayOptions.IN_FLIGHT_MAX, Duration.ofMinutes(5)));
    // Both connections are there before the stop.
    var inProgress = silentAsk(edge, null);
    Invoker.ReplyListener listener = waiting(edge);
    var stub = ActorServiceGrpc.newBlockingStub(edge.channel());
    TellActorRequest tell =
        TellActorRequest.newBuilder()
            .setTenant("acme")
            .setNamespace("prod")
            .setActorType("echo")
            .setKey("k")
            .build();
    stub.tellActor(tell);
    try (Socket open = new Socket("127.0.0.1", edge.gateway.httpPort())) {
      open.setSoTimeout(20_000);
      assertThat(exchange(open, "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"))
          .startsWith("HTTP/1.1 200");
      CompletableFuture<Void> closed = CompletableFuture.runAsync(edge.gateway::close);
      while (edge.get("/api/v1/actors/acme/prod/echo/k", null).status() == 200) {
        Thread.onSpinWait();
      }
      int told = edge.invoker.told.size();

      String refused =
          exchange(
              open,
              "POST /api/v1/actors/acme/prod/echo/k HTTP/1.1\r\nHost: a\r\n"
                  + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
      assertThat(refused)
          .startsWith("HTTP/1.1 503")
          .containsIgnoringCase("\r\nconnection: close\r\n")
          .containsIgnoringCase("\r\nretry-after: 1\r\n")
          .contains("\"code\":\"UNAVAILABLE\"");
      assertThat(open.getInputStream().read()).as("closed").isEqualTo(-1);
      assertThatThrownBy(() -> stub.tellActor(tell))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE));
      assertThat(edge.invoker.told).hasSize(told);
      assertThat(edge.get("/health/live", null).status()).isEqualTo(200);
      assertThat(inProgress).isNotDone();
      assertThat(closed).isNotDone();

      listener.replied(ActorId.parse("acme/prod/silent/k"), "done");
      assertThat(inProgress.get(20, TimeUnit.SECONDS).body()).isEqualTo("\"done\"");
      // As soon as the last call in progress has its answer, not when the drain is over.
      closed.get(20, TimeUnit.SECONDS);
    }
    edge.close();
  }

  @Test
  void stopping_leavesNoAnswerBehind() throws Exception {
    for (int round = 0; round < 20; round++) {
      TestEdge edge = TestEdge.dev(data.resolve("round" + round));
      List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
      List<Invoker.ReplyListener> listeners = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        answers.add(silentAsk(edge, null));
        listeners.add(waiting(edge));
      }
      // Some answers are on their way when it begins, some come later.
      for (Invoker.ReplyListener listener : listeners.subList(0, 8)) {
        listener.replied(ActorId.parse("acme/prod/silent/k"), "x".repeat(100_000));
      }
      CompletableFuture<Void> closed = CompletableFuture.runAsync(edge.gateway::close);
      for (Invoker.ReplyListener listener : listeners.subList(8, 16)) {
        listener.replied(ActorId.parse("acme/prod/silent/k"), "x".repeat(100_000));
      }
      for (CompletableFuture<HttpResponse<String>> answer : answers) {
        assertThat(answer.get(20, TimeUnit.SECONDS).body()).hasSize(100_002);
      }
      closed.get(20, TimeUnit.SECONDS);
      edge.close();
    }
  }

  @Test
  void whoIsNotAnsweredWithinTheDrain_isToldThatTheOutcomeIsUnknown() throws Exception {
    TestEdge edge =
        TestEdge.dev(
            data,
            options -> with(options, 0, GatewayOptions.IN_FLIGHT_MAX, Duration.ofMillis(200)));
    var http = silentAsk(edge, null);
    Invoker.ReplyListener late = waiting(edge);
    var grpc =
        ActorServiceGrpc.newFutureStub(edge.channel())
            .askActor(
                AskActorRequest.newBuilder()
                    .setTenant("acme")
                    .setNamespace("prod")
                    .setActorType("silent")
                    .setKey("k")
                    .build());
    Invoker.ReplyListener later = waiting(edge);
    CompletableFuture<Void> closed = CompletableFuture.runAsync(edge.gateway::close);

    HttpResponse<String> answer = http.get(20, TimeUnit.SECONDS);
    assertThat(answer.statusCode()).isEqualTo(504);
    assertThat(answer.body()).contains("\"code\":\"TIMEOUT\"").contains("may have taken effect");
    assertThat(answer.headers().firstValue("retry-after")).isEmpty();
    assertThatThrownBy(() -> grpc.get(20, TimeUnit.SECONDS))
        .cause()
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
              assertThat(e.getStatus().getDescription()).contains("may have taken effect");
            });
    closed.get(20, TimeUnit.SECONDS);
    // Nobody listens any more; it must not matter.
    late.replied(ActorId.parse("acme/prod/silent/k"), 1L);
    later.replied(ActorId.parse("acme/prod/silent/k"), 1L);
    edge.close();
  }

  /// Sends bytes on an open connection and reads one answer with its body.
  private static String exchange(Socket connection, String request) throws IOException {
    connection.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    InputStream in = connection.getInputStream();
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      assertThat(next).as("cut after " + head).isNotNegative();
      head.append((char) next);
    }
    String lower = head.toString().toLowerCase(Locale.ROOT);
    int at = lower.indexOf("content-length: ") + "content-length: ".length();
    int length = Integer.parseInt(lower.substring(at, lower.indexOf('\r', at)));
    return head + new String(in.readNBytes(length), StandardCharsets.UTF_8);
  }

  @Test
  void requestsInProgress_areBounded() throws Exception {
    try (TestEdge edge =
        TestEdge.secure(data, options -> with(options, 0, 2, Duration.ofSeconds(5)))) {
      String token = edge.token("acme");
      var first = silentAsk(edge, token);
      var second = silentAsk(edge, token);
      Invoker.ReplyListener one = waiting(edge);
      Invoker.ReplyListener two = waiting(edge);
      TestEdge.Answer third = edge.get("/api/v1/actors/acme/prod/echo/k", token);
      assertError(third, 429, "RESOURCE_EXHAUSTED");
      assertThat(third.header("retry-after")).isEqualTo("1");
      assertThat(edge.get("/health/live", null).status()).isEqualTo(200);
      one.replied(ActorId.parse("acme/prod/silent/k"), 1L);
      two.failed(new PlexException(ErrorCode.TIMEOUT, "no reply in time"));
      assertThat(
              first.get(20, TimeUnit.SECONDS).statusCode()
                  + second.get(20, TimeUnit.SECONDS).statusCode())
          .isEqualTo(200 + 504);
      // Refused and failed requests give their place back too.
      for (int i = 0; i < 5; i++) {
        assertThat(edge.get("/api/v1/actors/acme/prod/echo/k", token).status()).isEqualTo(200);
        assertThat(edge.get("/nope", null).status()).isEqualTo(401);
      }
    }
  }

  @Test
  void callsThatEndByThemselves_giveTheirPlaceBack() throws Exception {
    try (TestEdge edge =
        TestEdge.secure(data, options -> with(options, 0, 2, Duration.ofSeconds(5)))) {
      String token = edge.token("acme");
      var stub = edge.with(ActorServiceGrpc.newBlockingStub(edge.channel()), token);
      AskActorRequest.Builder ask =
          AskActorRequest.newBuilder().setTenant("acme").setNamespace("prod").setKey("k");
      for (int i = 0; i < 5; i++) {
        // Too long: the server library ends the call before any handler.
        assertThatThrownBy(
                () ->
                    stub.askActor(
                        ask.clone()
                            .setActorType("echo")
                            .setPayload("x".repeat(Gateway.GRPC_MESSAGE_BYTES_MAX))
                            .build()))
            .hasMessageContaining("RESOURCE_EXHAUSTED")
            .hasMessageContaining("longer than");
        // The client gives up.
        var given =
            edge.with(ActorServiceGrpc.newFutureStub(edge.channel()), token)
                .askActor(ask.clone().setActorType("silent").build());
        waiting(edge);
        given.cancel(true);
      }
      // The server learns of the last cancellation a moment after the client gave up.
      AskActorRequest echo = ask.setActorType("echo").build();
      boolean free = false;
      for (int i = 0; i < 200 && !free; i++) {
        try {
          free = !stub.askActor(echo).getPayload().isEmpty();
        } catch (StatusRuntimeException e) {
          assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        }
      }
      assertThat(free).isTrue();
      // Both places are free again.
      var kept =
          edge.with(ActorServiceGrpc.newFutureStub(edge.channel()), token)
              .askActor(ask.setActorType("silent").build());
      Invoker.ReplyListener listener = waiting(edge);
      assertThat(stub.askActor(echo).getPayload()).isNotEmpty();
      listener.replied(ActorId.parse("acme/prod/silent/k"), 1L);
      assertThat(kept.get(20, TimeUnit.SECONDS).getPayload()).isEqualTo("1");
    }
  }

  @Test
  void portInUse_isSaid() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      assertThatThrownBy(
              () ->
                  TestEdge.secure(
                      data,
                      options -> with(options, taken.getLocalPort(), 10, Duration.ofSeconds(1))))
          .isInstanceOf(PlexException.class)
          .hasMessageContaining("port " + taken.getLocalPort())
          .hasMessageContaining("in use");
    }
  }

  @Test
  void histograms_haveBoundedLabels() {
    try (TestEdge edge = TestEdge.secure(data)) {
      String token = edge.token("acme");
      for (int i = 0; i < 3; i++) {
        edge.get("/api/v1/actors/acme/prod/echo/key-" + i + "?q=" + i, token);
        edge.get("/nope/" + i, token);
      }
      edge.get("/api/v1/actors/globex/prod/echo/k", token);
      edge.with(
              dev.plexspaces.contracts.system.v1.SystemServiceGrpc.newBlockingStub(edge.channel()),
              token)
          .getSystemInfo(
              dev.plexspaces.contracts.system.v1.GetSystemInfoRequest.getDefaultInstance());
      String route = "/api/v1/actors/{tenant}/{namespace}/{actor_type}/{key}";
      assertThat(
              timer(
                      edge,
                      "plexspaces.http.requests",
                      "route",
                      route,
                      "method",
                      "GET",
                      "status",
                      "200")
                  .count())
          .isEqualTo(3);
      assertThat(
              timer(
                      edge,
                      "plexspaces.http.requests",
                      "route",
                      route,
                      "method",
                      "GET",
                      "status",
                      "403")
                  .count())
          .isEqualTo(1);
      assertThat(
              timer(
                      edge,
                      "plexspaces.http.requests",
                      "route",
                      "unmatched",
                      "method",
                      "GET",
                      "status",
                      "404")
                  .count())
          .isEqualTo(3);
      assertThat(
              timer(
                      edge,
                      "plexspaces.grpc.calls",
                      "service",
                      "plexspaces.system.v1.SystemService",
                      "method",
                      "GetSystemInfo",
                      "status",
                      "OK")
                  .count())
          .isEqualTo(1);
      String labels =
          edge.meters.getMeters().stream()
              .map(meter -> meter.getId().getTags().toString())
              .collect(Collectors.joining());
      assertThat(labels).doesNotContain("key-1").doesNotContain("acme").doesNotContain("nope");
    }
  }

  private static Timer timer(TestEdge edge, String name, String... tags) {
    Timer timer = edge.meters.find(name).tags(tags).timer();
    assertThat(timer).as(name + " " + List.of(tags)).isNotNull();
    return timer;
  }
}
