package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.StreamObserver;
import java.util.Set;

/// The standard gRPC health service over the node's readiness. `Watch` is not served: it is there
/// for servers that know when they change, and the protocol lets a client fall back to `Check`.
final class GrpcHealth extends HealthGrpc.HealthImplBase {

  private final NodeView node;
  private final Set<String> services;

  /// @param services full names of the services asked about; "" is the node as a whole
  GrpcHealth(NodeView node, Set<String> services) {
    this.node = node;
    this.services = services;
  }

  @Override
  public void check(HealthCheckRequest request, StreamObserver<HealthCheckResponse> answers) {
    String service = request.getService();
    if (!service.isEmpty() && !services.contains(service)) {
      answers.onError(
          ErrorTable.toGrpc(new PlexException(ErrorCode.NOT_FOUND, "no such service"), "health"));
      return;
    }
    answers.onNext(
        HealthCheckResponse.newBuilder()
            .setStatus(
                node.ready()
                    ? HealthCheckResponse.ServingStatus.SERVING
                    : HealthCheckResponse.ServingStatus.NOT_SERVING)
            .build());
    answers.onCompleted();
  }
}
