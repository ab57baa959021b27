package dev.plexspaces.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc;
import dev.plexspaces.contracts.actor.v1.AskActorRequest;
import dev.plexspaces.contracts.actor.v1.AskActorResponse;
import dev.plexspaces.contracts.actor.v1.DeleteActorRequest;
import dev.plexspaces.contracts.actor.v1.GetActorRequest;
import dev.plexspaces.contracts.actor.v1.InvokeActorRequest;
import dev.plexspaces.contracts.actor.v1.InvokeActorResponse;
import dev.plexspaces.contracts.actor.v1.ListActorsRequest;
import dev.plexspaces.contracts.actor.v1.QueryValues;
import dev.plexspaces.contracts.actor.v1.TellActorRequest;
import dev.plexspaces.contracts.actor.v1.TellActorResponse;
import dev.plexspaces.contracts.application.v1.Application;
import dev.plexspaces.contracts.application.v1.ApplicationServiceGrpc;
import dev.plexspaces.contracts.application.v1.DeployApplicationRequest;
import dev.plexspaces.contracts.application.v1.GetApplicationStatusRequest;
import dev.plexspaces.contracts.application.v1.ListApplicationsRequest;
import dev.plexspaces.contracts.application.v1.UndeployApplicationRequest;
import dev.plexspaces.contracts.inspection.v1.InspectionServiceGrpc;
import dev.plexspaces.contracts.system.v1.GetHealthRequest;
import dev.plexspaces.contracts.system.v1.GetSystemInfoRequest;
import dev.plexspaces.contracts.system.v1.LivenessProbeRequest;
import dev.plexspaces.contracts.system.v1.ReadinessProbeRequest;
import dev.plexspaces.contracts.system.v1.SystemServiceGrpc;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GrpcTest {

  @TempDir static Path data;
  static TestEdge edge;
  static String token;

  @BeforeAll
  static void start() {
    edge = TestEdge.secure(data);
    token = edge.token("acme", "admin");
  }

  @AfterAll
  static void stop() {
    edge.close();
  }

  static ActorServiceGrpc.ActorServiceBlockingStub actors(String token, String... metadata) {
    return edge.with(ActorServiceGrpc.newBlockingStub(edge.channel()), token, metadata);
  }

  static ApplicationServiceGrpc.ApplicationServiceBlockingStub applications(String token) {
    return edge.with(ApplicationServiceGrpc.newBlockingStub(edge.channel()), token);
  }

  static SystemServiceGrpc.SystemServiceBlockingStub system(String token) {
    return edge.with(SystemServiceGrpc.newBlockingStub(edge.channel()), token);
  }

  static AskActorRequest.Builder ask(String type) {
    return AskActorRequest.newBuilder()
        .setTenant("acme")
        .setNamespace("prod")
        .setActorType(type)
        .setKey("k");
  }

  static InvokeActorRequest.Builder invoke(String type) {
    return InvokeActorRequest.newBuilder()
        .setTenant("acme")
        .setNamespace("prod")
        .setActorType(type)
        .setKey("a/b");
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> object(String json) {
    return (Map<String, Object>) Json.parse(json);
  }

  /// The status of a refused call, with the details every one carries.
  static com.google.rpc.Status refused(Supplier<?> call, Status.Code code, ErrorCode reason) {
    try {
      var _ = call.get();
    } catch (StatusRuntimeException e) {
      assertThat(e.getStatus().getCode()).as(e.toString()).isEqualTo(code);
      ErrorShape.assertClean(String.valueOf(e.getStatus().getDescription()));
      com.google.rpc.Status status = StatusProto.fromThrowable(e);
      assertThat(status).isNotNull();
      ErrorInfo info = detail(status, ErrorInfo.class);
      assertThat(info.getReason()).isEqualTo(reason.name());
      assertThat(info.getDomain()).isEqualTo("plexspaces.dev");
      assertThat(detail(status, RequestInfo.class).getRequestId()).isNotEmpty();
      return status;
    }
    throw new AssertionError("was not refused");
  }

  static <T extends com.google.protobuf.Message> T detail(
      com.google.rpc.Status status, Class<T> type) {
    try {
      for (Any any : status.getDetailsList()) {
        if (any.is(type)) {
          return any.unpack(type);
        }
      }
      return null;
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void ask_repliesWithTheHandlersReply() {
    AskActorResponse response =
        actors(token, "idempotency-key", "once", "plexspaces-request-id", "mine")
            .askActor(
                ask("echo")
                    .setMessageType("deposit")
                    .setPayload("{\"amount\":9007199254740993}")
                    .setTimeoutMs(1)
                    .build());
    assertThat(response.getActorId()).isEqualTo("acme/prod/echo/k");
    assertThat(object(response.getPayload()))
        .containsEntry("operation", "deposit")
        .containsEntry("payload", Map.of("amount", 9007199254740993L))
        .containsEntry("timeout_ms", 1L)
        .containsEntry("idempotency_key", "once")
        .containsEntry("request_id", "mine")
        .containsEntry("textual", false);
    AskActorResponse keyless = actors(token).askActor(ask("echo").clearKey().build());
    assertThat(object(keyless.getPayload()))
        .containsEntry("key", null)
        .containsEntry("payload", Map.of())
        .containsEntry("timeout_ms", 5000L);
  }

  @Test
  void tell_isAccepted() {
    TellActorResponse response =
        actors(token)
            .tellActor(
                TellActorRequest.newBuilder()
                    .setTenant("acme")
                    .setNamespace("prod")
                    .setActorType("durable")
                    .setKey("k")
                    .setMessageType("add")
                    .setPayload("[1]")
                    .build());
    assertThat(response.getDurable()).isTrue();
    assertThat(response.getMessageId()).startsWith("m-");
    assertThat(response.getActorId()).isEqualTo("acme/prod/durable/k");
  }

  @Test
  void invoke_carriesTheEnvelope() {
    InvokeActorResponse get =
        actors(token)
            .invokeActor(
                invoke("echo")
                    .putQueryParams("op", QueryValues.newBuilder().addValues("get").build())
                    .putQueryParams(
                        "t", QueryValues.newBuilder().addValues("1").addValues("2").build())
                    .build());
    assertThat(get.getSuccess()).isTrue();
    assertThat(get.hasError()).isFalse();
    assertThat(get.getActorId()).isEqualTo("acme/prod/echo/a/b");
    assertThat(get.getHeadersMap())
        .containsEntry("PlexSpaces-Actor", "acme/prod/echo/a/b")
        .containsKey("PlexSpaces-Request-Id");
    assertThat(object(get.getPayload()))
        .containsEntry("textual", true)
        .containsEntry("payload", Map.of("op", "get", "t", List.of("1", "2")))
        .containsEntry(
            "headers",
            Map.of("http_method", "GET", "http_path", "/api/v1/actors/acme/prod/echo/a%2Fb"));
    InvokeActorResponse post =
        actors(token).invokeActor(invoke("durable").setHttpMethod("POST").setPayload("{}").build());
    assertThat(post.getSuccess()).isTrue();
    assertThat(object(post.getPayload())).containsEntry("durable", true).containsKey("message_id");
  }

  @Test
  void invoke_carriesTheActorsErrorInTheEnvelope() {
    for (String method : List.of("GET", "POST")) {
      InvokeActorRequest.Builder request = invoke("fails").setHttpMethod(method);
      for (ErrorCode code : List.of(ErrorCode.INVALID_MESSAGE, ErrorCode.RESOURCE_EXHAUSTED)) {
        InvokeActorRequest built =
            method.equals("GET")
                ? request
                    .clone()
                    .putQueryParams("code", QueryValues.newBuilder().addValues(code.name()).build())
                    .build()
                : request.clone().setPayload("{\"code\":\"" + code + "\"}").build();
        InvokeActorResponse response = actors(token).invokeActor(built);
        assertThat(response.getSuccess()).isFalse();
        assertThat(response.getPayload()).isEmpty();
        assertThat(response.getError().getCode()).isEqualTo(code.name());
        assertThat(response.getError().getStatus()).isEqualTo(ErrorTable.entry(code).http());
        assertThat(response.getError().getRequestId())
            .isEqualTo(response.getHeadersOrThrow("PlexSpaces-Request-Id"));
        assertThat(response.getError().hasRetryAfterMs())
            .isEqualTo(code == ErrorCode.RESOURCE_EXHAUSTED);
        assertThat(response.getError().getFieldViolationsCount())
            .isEqualTo(code == ErrorCode.INVALID_MESSAGE ? 1 : 0);
      }
    }
  }

  @Test
  void errors_carryStatusAndDetailsOfTheTable() {
    for (ErrorCode code : ErrorCode.values()) {
      com.google.rpc.Status status =
          refused(
              () ->
                  actors(token)
                      .askActor(ask("fails").setPayload("{\"code\":\"" + code + "\"}").build()),
              ErrorTable.entry(code).grpc(),
              code);
      assertThat(detail(status, RetryInfo.class) != null)
          .isEqualTo(ErrorTable.entry(code).retryAfterMs() > 0);
      if (code == ErrorCode.INVALID_MESSAGE) {
        assertThat(detail(status, BadRequest.class).getFieldViolations(0).getField())
            .isEqualTo("operands[2]");
      } else {
        assertThat(detail(status, BadRequest.class)).isNull();
      }
    }
    for (String type : List.of("broken", "bottomless", "unwritable", "leaky")) {
      com.google.rpc.Status status =
          refused(
              () -> actors(token).askActor(ask(type).build()),
              Status.Code.INTERNAL,
              ErrorCode.INTERNAL);
      assertThat(status.getMessage()).isEqualTo("internal error");
    }
  }

  @Test
  void badRequests_areRefused() {
    Status.Code invalid = Status.Code.INVALID_ARGUMENT;
    ErrorCode code = ErrorCode.INVALID_MESSAGE;
    var stub = actors(token);
    refused(() -> stub.askActor(ask("echo").setPayload("{").build()), invalid, code);
    refused(
        () -> stub.askActor(ask("echo").setPayload("[".repeat(100_000)).build()), invalid, code);
    refused(
        () -> stub.askActor(ask("echo").setPayload("\"" + "x".repeat(1 << 20) + "\"").build()),
        invalid,
        code);
    for (int timeout : new int[] {0, -1, 60_001}) {
      refused(() -> stub.askActor(ask("echo").setTimeoutMs(timeout).build()), invalid, code);
    }
    refused(() -> stub.askActor(ask("a b").build()), invalid, code);
    refused(() -> stub.askActor(ask("echo").setKey("").build()), invalid, code);
    refused(() -> stub.askActor(ask("echo").setKey("\0").build()), invalid, code);
    refused(
        () -> stub.askActor(ask("echo").setMessageType("m".repeat(129)).build()), invalid, code);
    refused(() -> stub.invokeActor(invoke("echo").setHttpMethod("BREW").build()), invalid, code);
    refused(() -> stub.invokeActor(invoke("echo").setPayload("{}").build()), invalid, code);
    refused(
        () ->
            stub.invokeActor(
                invoke("echo")
                    .setHttpMethod("PUT")
                    .putQueryParams("a", QueryValues.getDefaultInstance())
                    .build()),
        invalid,
        code);
    refused(
        () -> actors(token, "idempotency-key", "k".repeat(129)).askActor(ask("echo").build()),
        invalid,
        code);
    refused(
        () ->
            stub.listActors(
                ListActorsRequest.newBuilder()
                    .setTenant("acme")
                    .setNamespace("prod")
                    .setPageSize(0)
                    .build()),
        invalid,
        code);
    refused(
        () -> stub.getActor(GetActorRequest.newBuilder().setActorId("acme/prod").build()),
        invalid,
        code);
    assertThat(stub.askActor(ask("echo").build()).getPayload()).isNotEmpty();
  }

  @Test
  void messageOverTheBound_isRefused() {
    assertThatThrownBy(
            () -> actors(token).askActor(ask("echo").setPayload("x".repeat(6 << 20)).build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
              ErrorShape.assertClean(String.valueOf(e.getStatus().getDescription()));
            });
    assertThat(actors(token).askActor(ask("echo").build()).getPayload()).isNotEmpty();
  }

  @Test
  void bytesThatAreNoMessage_areRefused() {
    MethodDescriptor.Marshaller<byte[]> raw =
        new MethodDescriptor.Marshaller<>() {
          @Override
          public java.io.InputStream stream(byte[] value) {
            return new java.io.ByteArrayInputStream(value);
          }

          @Override
          public byte[] parse(java.io.InputStream stream) {
            return new byte[0];
          }
        };
    MethodDescriptor<byte[], byte[]> method =
        MethodDescriptor.newBuilder(raw, raw)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(ActorServiceGrpc.getAskActorMethod().getFullMethodName())
            .build();
    var channel =
        io.grpc.ClientInterceptors.intercept(
            edge.channel(),
            io.grpc.stub.MetadataUtils.newAttachHeadersInterceptor(authorization(token)));
    for (byte[] message :
        List.of(
            new byte[] {(byte) 0xff, (byte) 0xff, 1},
            new byte[] {10, 100, 1},
            new byte[] {10, 2, (byte) 0xff, (byte) 0xfe})) {
      assertThatThrownBy(
              () -> ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, message))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> {
                assertThat(e.getStatus().getCode())
                    .as(e.toString())
                    .isEqualTo(Status.Code.INVALID_ARGUMENT);
                ErrorShape.assertClean(String.valueOf(e.getStatus().getDescription()));
              });
    }
  }

  private static io.grpc.Metadata authorization(String token) {
    io.grpc.Metadata metadata = new io.grpc.Metadata();
    metadata.put(
        io.grpc.Metadata.Key.of("authorization", io.grpc.Metadata.ASCII_STRING_MARSHALLER),
        "Bearer " + token);
    return metadata;
  }

  @Test
  void withoutAToken_onlyHealthAnswers() {
    for (String bad : new String[] {null, "forged"}) {
      Status.Code code = Status.Code.UNAUTHENTICATED;
      ErrorCode reason = ErrorCode.UNAUTHENTICATED;
      refused(() -> actors(bad).askActor(ask("echo").build()), code, reason);
      refused(() -> actors(bad).tellActor(TellActorRequest.getDefaultInstance()), code, reason);
      refused(() -> actors(bad).invokeActor(invoke("echo").build()), code, reason);
      refused(() -> actors(bad).listActors(ListActorsRequest.getDefaultInstance()), code, reason);
      refused(() -> actors(bad).getActor(GetActorRequest.getDefaultInstance()), code, reason);
      refused(() -> actors(bad).deleteActor(DeleteActorRequest.getDefaultInstance()), code, reason);
      refused(
          () -> applications(bad).listApplications(ListApplicationsRequest.getDefaultInstance()),
          code,
          reason);
      refused(
          () -> applications(bad).deployApplication(DeployApplicationRequest.getDefaultInstance()),
          code,
          reason);
      refused(
          () ->
              applications(bad)
                  .undeployApplication(UndeployApplicationRequest.getDefaultInstance()),
          code,
          reason);
      refused(
          () ->
              applications(bad)
                  .getApplicationStatus(GetApplicationStatusRequest.getDefaultInstance()),
          code,
          reason);
      refused(
          () -> system(bad).getSystemInfo(GetSystemInfoRequest.getDefaultInstance()), code, reason);
      refused(() -> system(bad).getHealth(GetHealthRequest.getDefaultInstance()), code, reason);
      assertThatThrownBy(() -> reflect(bad)).hasMessageContaining("UNAUTHENTICATED");
      assertThat(system(bad).livenessProbe(LivenessProbeRequest.getDefaultInstance()).getAlive())
          .isTrue();
      assertThat(system(bad).readinessProbe(ReadinessProbeRequest.getDefaultInstance()).getReady())
          .isTrue();
      assertThat(health(bad, "")).isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
    }
  }

  private static HealthCheckResponse.ServingStatus health(String token, String service) {
    return edge.with(HealthGrpc.newBlockingStub(edge.channel()), token)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }

  @Test
  void health_followsReadiness() {
    assertThat(health(null, ActorServiceGrpc.SERVICE_NAME))
        .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
    edge.ready = false;
    try {
      assertThat(health(null, "")).isEqualTo(HealthCheckResponse.ServingStatus.NOT_SERVING);
      refused(
          () -> system(null).readinessProbe(ReadinessProbeRequest.getDefaultInstance()),
          Status.Code.UNAVAILABLE,
          ErrorCode.UNAVAILABLE);
    } finally {
      edge.ready = true;
    }
    assertThatThrownBy(() -> health(null, "nope")).hasMessageContaining("NOT_FOUND");
  }

  private static List<String> reflect(String token) {
    CompletableFuture<List<String>> services = new CompletableFuture<>();
    StreamObserver<ServerReflectionRequest> requests =
        edge.with(ServerReflectionGrpc.newStub(edge.channel()), token)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    services.complete(
                        response.getListServicesResponse().getServiceList().stream()
                            .map(service -> service.getName())
                            .toList());
                  }

                  @Override
                  public void onError(Throwable failure) {
                    services.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    try {
      return services.orTimeout(20, TimeUnit.SECONDS).join();
    } finally {
      requests.onCompleted();
    }
  }

  @Test
  void reflection_listsTheServices() {
    assertThat(reflect(token))
        .contains(
            ActorServiceGrpc.SERVICE_NAME,
            ApplicationServiceGrpc.SERVICE_NAME,
            InspectionServiceGrpc.SERVICE_NAME,
            SystemServiceGrpc.SERVICE_NAME,
            HealthGrpc.SERVICE_NAME);
  }

  @Test
  void messageOverTheBound_doesNotInviteToTryAgain() {
    assertThatThrownBy(
            () ->
                actors(token)
                    .askActor(
                        ask("echo").setPayload("x".repeat(Gateway.GRPC_MESSAGE_BYTES_MAX)).build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
              assertThat(StatusProto.fromThrowable(e).getDetailsList())
                  .extracting(detail -> detail.getTypeUrl().replaceAll(".*/", ""))
                  .contains("google.rpc.ErrorInfo")
                  .doesNotContain("google.rpc.RetryInfo");
            });
  }

  @Test
  void anotherTenant_isForbidden() {
    String globex = edge.token("globex", "admin");
    Status.Code code = Status.Code.PERMISSION_DENIED;
    ErrorCode reason = ErrorCode.NOT_PERMITTED;
    refused(() -> actors(globex).askActor(ask("echo").build()), code, reason);
    refused(() -> actors(globex).invokeActor(invoke("ghost").build()), code, reason);
    refused(
        () ->
            actors(globex)
                .listActors(
                    ListActorsRequest.newBuilder().setTenant("acme").setNamespace("x").build()),
        code,
        reason);
    refused(
        () ->
            actors(globex)
                .deleteActor(DeleteActorRequest.newBuilder().setActorId("acme/a/b/c").build()),
        code,
        reason);
  }

  @Test
  void applications_overGrpc() {
    DeployApplicationRequest request =
        DeployApplicationRequest.newBuilder()
            .setApplicationId("bank")
            .setBundle(ByteString.copyFromUtf8("zip"))
            .setConfig("[supervisor]")
            .build();
    Application application = applications(token).deployApplication(request).getApplication();
    assertThat(application.getStatus()).isEqualTo(Application.Status.RUNNING);
    Deployment deployment = edge.applications.deployments.get("bank");
    assertThat(deployment.config()).contains("[supervisor]");
    assertThat(deployment.file()).doesNotExist();
    assertThat(edge.applications.code.get("bank")).isEqualTo("zip".getBytes());
    refused(
        () -> applications(token).deployApplication(request),
        Status.Code.ALREADY_EXISTS,
        ErrorCode.CONFLICT);
    refused(
        () -> applications(token).deployApplication(request.toBuilder().clearArtifact().build()),
        Status.Code.INVALID_ARGUMENT,
        ErrorCode.INVALID_MESSAGE);
    refused(
        () -> applications(edge.token("acme")).deployApplication(request),
        Status.Code.PERMISSION_DENIED,
        ErrorCode.NOT_PERMITTED);
    assertThat(
            applications(token)
                .listApplications(ListApplicationsRequest.getDefaultInstance())
                .getApplicationsList())
        .containsExactly(application);
    assertThat(
            applications(token)
                .getApplicationStatus(
                    GetApplicationStatusRequest.newBuilder().setApplicationId("bank").build()))
        .isEqualTo(application);
    UndeployApplicationRequest undeploy =
        UndeployApplicationRequest.newBuilder().setApplicationId("bank").setPurge(true).build();
    applications(token).undeployApplication(undeploy);
    assertThat(edge.applications.undeployed).containsExactly("bank and purged");
    refused(
        () -> applications(token).undeployApplication(undeploy),
        Status.Code.NOT_FOUND,
        ErrorCode.NOT_FOUND);
  }

  @Test
  void actorsAndNode_overGrpc() {
    edge.invoker.live("acme/prod/counter/a");
    var page =
        actors(token)
            .listActors(
                ListActorsRequest.newBuilder().setTenant("acme").setNamespace("prod").build());
    assertThat(page.getActorsList())
        .extracting("actorId")
        .isEqualTo(List.of("acme/prod/counter/a"));
    assertThat(page.hasNextPageToken()).isFalse();
    assertThat(
            actors(token)
                .getActor(GetActorRequest.newBuilder().setActorId("acme/prod/counter/a").build()))
        .isEqualTo(page.getActors(0));
    actors(token)
        .deleteActor(DeleteActorRequest.newBuilder().setActorId("acme/prod/counter/a").build());
    refused(
        () ->
            actors(token)
                .getActor(GetActorRequest.newBuilder().setActorId("acme/prod/counter/a").build()),
        Status.Code.NOT_FOUND,
        ErrorCode.ACTOR_NOT_FOUND);
    var info = system(token).getSystemInfo(GetSystemInfoRequest.getDefaultInstance());
    assertThat(info.getGrpcPort()).isEqualTo(edge.gateway.grpcPort());
  }

  @Test
  void unknownMethods_areUnimplemented_andOtherProtocolsRefused() throws Exception {
    MethodDescriptor<LivenessProbeRequest, LivenessProbeRequest> unknown =
        MethodDescriptor.<LivenessProbeRequest, LivenessProbeRequest>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("plexspaces.actor.v1.ActorService/Nope")
            .setRequestMarshaller(
                io.grpc.protobuf.ProtoUtils.marshaller(LivenessProbeRequest.getDefaultInstance()))
            .setResponseMarshaller(
                io.grpc.protobuf.ProtoUtils.marshaller(LivenessProbeRequest.getDefaultInstance()))
            .build();
    assertThatThrownBy(
            () ->
                ClientCalls.blockingUnaryCall(
                    edge.channel(),
                    unknown,
                    CallOptions.DEFAULT,
                    LivenessProbeRequest.getDefaultInstance()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e ->
                assertThat(e.getStatus().getCode())
                    .as(e.toString())
                    .isEqualTo(Status.Code.UNIMPLEMENTED));
    TestEdge.Answer http =
        edge.send(
            java.net.http.HttpRequest.newBuilder(
                    java.net.URI.create("http://127.0.0.1:" + edge.gateway.grpcPort() + "/metrics"))
                .build());
    ErrorShape.assertError(http, 415, "INVALID_MESSAGE");
    TestEdge.Answer json =
        edge.send(
            java.net.http.HttpRequest.newBuilder(
                    java.net.URI.create(
                        "http://127.0.0.1:"
                            + edge.gateway.grpcPort()
                            + "/plexspaces.actor.v1.ActorService/AskActor"))
                .header("content-type", "application/json")
                .POST(java.net.http.HttpRequest.BodyPublishers.ofString("{}"))
                .build());
    assertThat(json.status()).isEqualTo(415);
  }
}
