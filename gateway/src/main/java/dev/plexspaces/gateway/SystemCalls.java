package dev.plexspaces.gateway;

import dev.plexspaces.contracts.system.v1.GetHealthRequest;
import dev.plexspaces.contracts.system.v1.GetHealthResponse;
import dev.plexspaces.contracts.system.v1.GetSystemInfoRequest;
import dev.plexspaces.contracts.system.v1.GetSystemInfoResponse;
import dev.plexspaces.contracts.system.v1.LivenessProbeRequest;
import dev.plexspaces.contracts.system.v1.LivenessProbeResponse;
import dev.plexspaces.contracts.system.v1.ReadinessProbeRequest;
import dev.plexspaces.contracts.system.v1.ReadinessProbeResponse;
import dev.plexspaces.gateway.Authorization.Permission;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.Comparator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.function.IntSupplier;

/// Questions about the node, whichever way they came in.
final class SystemCalls {

  private final NodeView node;
  private final ExecutorService blocking;
  private final IntSupplier httpPort;
  private final IntSupplier grpcPort;

  /// @param httpPort known only once bound
  /// @param grpcPort known only once bound
  SystemCalls(NodeView node, ExecutorService blocking, IntSupplier httpPort, IntSupplier grpcPort) {
    this.node = node;
    this.blocking = blocking;
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
  }

  CompletableFuture<GetSystemInfoResponse> getSystemInfo(
      Caller caller, GetSystemInfoRequest request) {
    Authorization.require(caller.principal(), Permission.VIEW_NODE);
    Runtime runtime = Runtime.getRuntime();
    return CompletableFuture.completedFuture(
        GetSystemInfoResponse.newBuilder()
            .setNodeId(node.nodeId())
            .setVersion(node.version())
            .setStartedAt(ActorCalls.timestamp(node.startedAt()))
            .setHttpPort(httpPort.getAsInt())
            .setGrpcPort(grpcPort.getAsInt())
            .setProcessors(runtime.availableProcessors())
            .setHeapUsedBytes(runtime.totalMemory() - runtime.freeMemory())
            .setHeapMaxBytes(runtime.maxMemory())
            .build());
  }

  CompletableFuture<GetHealthResponse> getHealth(Caller caller, GetHealthRequest request) {
    Authorization.require(caller.principal(), Permission.VIEW_NODE);
    return CompletableFuture.supplyAsync(
        () -> {
          NodeView.Health worst =
              node.ready() ? NodeView.Health.HEALTHY : NodeView.Health.UNHEALTHY;
          GetHealthResponse.Builder answer = GetHealthResponse.newBuilder();
          for (NodeView.Component component :
              node.components().stream()
                  .sorted(Comparator.comparing(NodeView.Component::name))
                  .toList()) {
            answer.addComponents(
                GetHealthResponse.Component.newBuilder()
                    .setName(component.name())
                    .setStatus(status(component.health()))
                    .setDetail(component.detail()));
            if (component.health().compareTo(worst) > 0) {
              worst = component.health();
            }
          }
          return answer.setStatus(status(worst)).build();
        },
        blocking);
  }

  private static GetHealthResponse.Status status(NodeView.Health health) {
    return switch (health) {
      case HEALTHY -> GetHealthResponse.Status.HEALTHY;
      case DEGRADED -> GetHealthResponse.Status.DEGRADED;
      case UNHEALTHY -> GetHealthResponse.Status.UNHEALTHY;
    };
  }

  CompletableFuture<LivenessProbeResponse> livenessProbe(
      Caller caller, LivenessProbeRequest request) {
    return CompletableFuture.completedFuture(
        LivenessProbeResponse.newBuilder().setAlive(true).build());
  }

  CompletableFuture<ReadinessProbeResponse> readinessProbe(
      Caller caller, ReadinessProbeRequest request) {
    if (!node.ready()) {
      throw new PlexException(ErrorCode.UNAVAILABLE, "the node is starting or stopping");
    }
    return CompletableFuture.completedFuture(
        ReadinessProbeResponse.newBuilder().setReady(true).build());
  }
}
