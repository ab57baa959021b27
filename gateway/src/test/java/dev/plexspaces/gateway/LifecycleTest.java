package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc;
import dev.plexspaces.contracts.actor.v1.AskActorRequest;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
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
  void close_doesNotWaitLongerThanTheDrain() throws Exception {
    TestEdge edge =
        TestEdge.secure(
            data,
            options -> with(options, 0, GatewayOptions.IN_FLIGHT_MAX, Duration.ofMillis(200)));
    var answer = silentAsk(edge, edge.token("acme"));
    waiting(edge);
    CompletableFuture.runAsync(edge.gateway::close).get(20, TimeUnit.SECONDS);
    // Whatever the client sees, it is not left waiting.
    assertThat(answer.handle((response, failure) -> true).get(20, TimeUnit.SECONDS)).isTrue();
    edge.close();
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
