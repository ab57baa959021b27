package dev.plexspaces.gateway;

import com.linecorp.armeria.common.grpc.GrpcSerializationFormats;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Route;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.grpc.GrpcService;
import com.linecorp.armeria.server.grpc.GrpcServiceBuilder;
import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc;
import dev.plexspaces.contracts.application.v1.ApplicationServiceGrpc;
import dev.plexspaces.contracts.inspection.v1.InspectionServiceGrpc;
import dev.plexspaces.contracts.system.v1.SystemServiceGrpc;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.flush.FlushConsolidationHandler;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/// The edge of a node: an HTTP server (REST, FaaS, documentation) and a gRPC server over the same
/// calls, the same authentication and the same errors. Running from [#start] until [#close].
public final class Gateway implements AutoCloseable {

  /// Longest time for one call, over the longest ask.
  static final Duration CALL_MAX = Duration.ofSeconds(75);

  /// Longest time for a deployment, upload included.
  static final Duration DEPLOY_MAX = Duration.ofMinutes(10);

  /// Longest gRPC message, bytes: 5 MiB. A longer deployment goes over HTTP.
  static final int GRPC_MESSAGE_BYTES_MAX = 5 << 20;

  /// Longest request line, bytes.
  static final int REQUEST_LINE_BYTES_MAX = 16 << 10;

  /// Longest request headers, bytes.
  static final int HEADERS_BYTES_MAX = 16 << 10;

  /// Most connections on each port.
  static final int CONNECTIONS_MAX = 10_000;

  /// Most concurrent streams of one HTTP/2 connection.
  static final int STREAMS_MAX = 1_000;

  /// Longest wait, when stopping, for answers to leave that clients do not read.
  private static final Duration SENDING_MAX = Duration.ofSeconds(1);

  /// How long open connections are refused on before they are closed: a client that has just got an
  /// answer and calls again hears that nothing was done, instead of finding its connection cut.
  private static final Duration REFUSING = Duration.ofMillis(100);

  /// How often to look whether they have left.
  private static final Duration SENDING_LOOK = Duration.ofMillis(5);

  /// How long the rest of a body is read and dropped after an early answer.
  private static final Duration LATE_BODY = Duration.ofSeconds(1);

  private final Duration drain;
  private final CallsInProgress httpCalls;
  private final CallsInProgress grpcCalls;
  private final Server http;
  private final Server grpc;
  private final List<HttpRoute> routes;
  private volatile int httpPort;
  private volatile int grpcPort;

  private Gateway(GatewayOptions options, GatewayPorts ports) {
    drain = options.drain();
    httpCalls = new CallsInProgress(options.inFlightMax());
    grpcCalls = new CallsInProgress(options.inFlightMax());
    // The library generates code in there for a third of our start; meanwhile we do the rest.
    CompletableFuture<GrpcServiceBuilder> grpcServices =
        CompletableFuture.supplyAsync(GrpcService::builder, ports.blocking());
    Authenticator authenticator =
        options.dev()
            ? Authenticator.DEV
            : new TokenAuthenticator(options.trusted(), ports.clock());
    EdgeMetrics metrics = new EdgeMetrics(ports.meters());

    ActorCalls actorCalls =
        new ActorCalls(ports.invoker(), ports.clock(), ports.blocking(), options.bodyBytesMax());
    ApplicationCalls applicationCalls =
        new ApplicationCalls(ports.applications(), ports.blocking(), options.uploads());
    SystemCalls systemCalls =
        new SystemCalls(ports.node(), ports.blocking(), this::httpPort, this::grpcPort);
    List<Rpc<?, ?>> actors = Rpcs.actors(actorCalls);
    List<Rpc<?, ?>> applications = Rpcs.applications(applicationCalls);
    List<Rpc<?, ?>> inspection =
        Rpcs.inspection(new InspectionCalls(ports.inspection(), ports.blocking()));
    List<Rpc<?, ?>> system = Rpcs.system(systemCalls);
    List<Rpc<?, ?>> rpcs = new ArrayList<>(actors);
    rpcs.addAll(applications);
    rpcs.addAll(inspection);
    rpcs.addAll(system);

    NodeRoutes nodeRoutes = new NodeRoutes(ports.node(), ports.blocking());
    routes =
        new HttpRoutes(
                new InvokeRoutes(actorCalls, options.bodyBytesMax()),
                new DeployRoute(applicationCalls, ports.blocking()),
                options.bodyBytesMax())
            .all(rpcs, nodeRoutes);
    nodeRoutes.document(
        () -> Json.write(new OpenApi().document(ports.node().version(), routes, rpcs)));

    HttpEdge httpEdge = new HttpEdge(authenticator, metrics, ports.ids(), httpCalls);
    http = httpServer(options, httpEdge);

    Set<String> open = new HashSet<>();
    open.add(HealthGrpc.getCheckMethod().getFullMethodName());
    for (Rpc<?, ?> rpc : rpcs) {
      if (rpc.open()) {
        open.add(rpc.method().getFullMethodName());
      }
    }
    GrpcEdge grpcEdge =
        new GrpcEdge(authenticator, metrics, ports.ids(), grpcCalls, Set.copyOf(open));
    GrpcService services =
        grpcServices
            .join()
            .addService(GrpcEdge.define(ActorServiceGrpc.getServiceDescriptor(), actors))
            .addService(
                GrpcEdge.define(ApplicationServiceGrpc.getServiceDescriptor(), applications))
            .addService(GrpcEdge.define(InspectionServiceGrpc.getServiceDescriptor(), inspection))
            .addService(GrpcEdge.define(SystemServiceGrpc.getServiceDescriptor(), system))
            .addService(
                new GrpcHealth(
                    ports.node(),
                    Set.of(
                        ActorServiceGrpc.SERVICE_NAME,
                        ApplicationServiceGrpc.SERVICE_NAME,
                        InspectionServiceGrpc.SERVICE_NAME,
                        SystemServiceGrpc.SERVICE_NAME)))
            .addService(ProtoReflectionServiceV1.newInstance())
            .supportedSerializationFormats(
                GrpcSerializationFormats.PROTO,
                GrpcSerializationFormats.PROTO_WEB,
                GrpcSerializationFormats.PROTO_WEB_TEXT)
            .intercept(grpcEdge)
            .exceptionHandler(grpcEdge::status)
            .maxRequestMessageLength(GRPC_MESSAGE_BYTES_MAX)
            .build();
    grpc =
        server(options, options.grpcPort(), httpEdge)
            .maxRequestLength(2L * GRPC_MESSAGE_BYTES_MAX)
            .service(services)
            .service(Route.ofCatchAll(), grpcEdge::unserved)
            .build();
  }

  private Server httpServer(GatewayOptions options, HttpEdge edge) {
    ServerBuilder builder =
        server(options, options.httpPort(), edge).maxRequestLength(options.bodyBytesMax());
    for (HttpRoute route : routes) {
      HttpService service = edge.service(route);
      builder.withRoute(
          binding -> {
            binding.methods(route.method()).path(route.template());
            if (route.bodyBytesMax() > options.bodyBytesMax()) {
              binding.maxRequestLength(route.bodyBytesMax()).requestTimeout(DEPLOY_MAX);
            }
            binding.build(service);
          });
    }
    return builder.service(Route.ofCatchAll(), edge.fallback(routes)).build();
  }

  private static ServerBuilder server(GatewayOptions options, int port, HttpEdge edge) {
    return Server.builder()
        .http(new InetSocketAddress(options.address(), port))
        .bossGroupFactory(AcceptLoop::of)
        .maxNumConnections(CONNECTIONS_MAX)
        .http2MaxStreamsPerConnection(STREAMS_MAX)
        .http1MaxInitialLineLength(REQUEST_LINE_BYTES_MAX)
        .http1MaxHeaderSize(HEADERS_BYTES_MAX)
        .http2MaxHeaderListSize(HEADERS_BYTES_MAX)
        .requestTimeout(CALL_MAX)
        // A client that is refused early may finish sending, else it sees a reset, not the answer.
        .requestAutoAbortDelay(LATE_BODY)
        .errorHandler(edge.errorHandler())
        .childChannelPipelineCustomizer(Gateway::gatherWrites)
        .verboseResponses(false)
        // The library's own meters go nowhere: ours have bounded labels.
        .meterRegistry(new CompositeMeterRegistry())
        .disableServerHeader();
  }

  /// Answers that are there at the same time leave a connection in one write. The library gathers
  /// only those given while it reads the requests, and ours come later.
  private static void gatherWrites(ChannelPipeline pipeline) {
    pipeline.replace(
        FlushConsolidationHandler.class,
        null,
        new FlushConsolidationHandler(
            FlushConsolidationHandler.DEFAULT_EXPLICIT_FLUSH_AFTER_FLUSHES, true));
  }

  /// Starts both servers.
  ///
  /// @throws PlexException `UNAVAILABLE` when a port cannot be bound
  public static Gateway start(GatewayOptions options, GatewayPorts ports) {
    Gateway gateway = new Gateway(options, ports);
    gateway.httpPort = bind(gateway.http, options.httpPort(), options);
    try {
      gateway.grpcPort = bind(gateway.grpc, options.grpcPort(), options);
    } catch (RuntimeException e) {
      gateway.http.stop().join();
      throw e;
    }
    return gateway;
  }

  private static int bind(Server server, int port, GatewayOptions options) {
    try {
      server.start().join();
      return server.activeLocalPort();
    } catch (CompletionException e) {
      server.stop();
      throw new PlexException(
          ErrorCode.UNAVAILABLE,
          "cannot listen on "
              + options.host()
              + " port "
              + port
              + ": it is in use or not allowed; choose another or 0 for a free one",
          List.of(),
          e);
    }
  }

  /// The bound port of HTTP.
  public int httpPort() {
    return httpPort;
  }

  /// The bound port of gRPC.
  public int grpcPort() {
    return grpcPort;
  }

  /// Every route HTTP serves, as `METHOD /path/{variable}`.
  public List<String> routes() {
    return routes.stream().map(route -> route.method() + " " + route.template()).toList();
  }

  /// Refuses new calls on both ports, finishes those in progress within [GatewayOptions#drain], and
  /// stops. A call that is not finished by then is told that its outcome is unknown.
  @Override
  public void close() {
    // Not the library's own drain: it serves connections that are open, and whom it cuts off in the
    // end it cannot tell what became of a call.
    boolean finished =
        CompletableFuture.allOf(httpCalls.stop(), grpcCalls.stop())
            .thenApply(all -> true)
            .completeOnTimeout(false, drain.toMillis(), TimeUnit.MILLISECONDS)
            .join();
    if (!finished) {
      httpCalls.abandon();
      grpcCalls.abandon();
    }
    CompletableFuture<Void> sent = new CompletableFuture<>();
    sent.completeOnTimeout(null, SENDING_MAX.toMillis(), TimeUnit.MILLISECONDS);
    boolean connected =
        http.config().serverMetrics().activeConnections() > 0
            || grpc.config().serverMetrics().activeConnections() > 0;
    if (connected) {
      CompletableFuture.delayedExecutor(REFUSING.toMillis(), TimeUnit.MILLISECONDS)
          .execute(() -> lookWhetherSent(sent, false));
    } else {
      lookWhetherSent(sent, false);
    }
    sent.join();
    CompletableFuture.allOf(http.stop(), grpc.stop()).join();
  }

  /// Completes once the library has twice in a row nothing to send: it counts what it has, but
  /// while requests come in the count is not exact.
  private void lookWhetherSent(CompletableFuture<Void> sent, boolean onceBefore) {
    boolean now =
        http.config().serverMetrics().activeRequests() == 0
            && grpc.config().serverMetrics().activeRequests() == 0;
    if (now && onceBefore) {
      sent.complete(null);
    } else if (!sent.isDone()) {
      CompletableFuture.delayedExecutor(SENDING_LOOK.toMillis(), TimeUnit.MILLISECONDS)
          .execute(() -> lookWhetherSent(sent, now));
    }
  }
}
