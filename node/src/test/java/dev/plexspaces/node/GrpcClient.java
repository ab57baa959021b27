package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc;
import dev.plexspaces.contracts.actor.v1.ActorServiceGrpc.ActorServiceBlockingStub;
import dev.plexspaces.contracts.actor.v1.AskActorRequest;
import dev.plexspaces.contracts.actor.v1.TellActorRequest;
import dev.plexspaces.contracts.application.v1.ApplicationServiceGrpc;
import dev.plexspaces.contracts.application.v1.ApplicationServiceGrpc.ApplicationServiceBlockingStub;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// A gRPC client of a node process, at the port its `node.json` names.
final class GrpcClient implements AutoCloseable {

  private final ManagedChannel channel;
  private final String token;

  /// @param token null for none
  GrpcClient(NodeProcess node, String token) {
    this.channel =
        NettyChannelBuilder.forAddress("127.0.0.1", node.nodeFile().grpcPort())
            .usePlaintext()
            .build();
    this.token = token;
  }

  /// @param metadata names and values in turn
  ActorServiceBlockingStub actors(String... metadata) {
    return with(ActorServiceGrpc.newBlockingStub(channel), metadata);
  }

  ApplicationServiceBlockingStub applications() {
    return with(ApplicationServiceGrpc.newBlockingStub(channel));
  }

  private <T extends AbstractStub<T>> T with(T stub, String... metadata) {
    Metadata headers = new Metadata();
    if (token != null) {
      headers.put(name("authorization"), "Bearer " + token);
    }
    for (int i = 0; i < metadata.length; i += 2) {
      headers.put(name(metadata[i]), metadata[i + 1]);
    }
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
        .withDeadlineAfter(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  private static Metadata.Key<String> name(String text) {
    return Metadata.Key.of(text, Metadata.ASCII_STRING_MARSHALLER);
  }

  /// An ask of an actor of acme/prod.
  static AskActorRequest ask(String type, String key, String operation, String payload) {
    return AskActorRequest.newBuilder()
        .setTenant("acme")
        .setNamespace("prod")
        .setActorType(type)
        .setKey(key)
        .setMessageType(operation)
        .setPayload(payload)
        .build();
  }

  /// A tell to an actor of acme/prod.
  static TellActorRequest tell(String type, String key, String operation, String payload) {
    return TellActorRequest.newBuilder()
        .setTenant("acme")
        .setNamespace("prod")
        .setActorType(type)
        .setKey(key)
        .setMessageType(operation)
        .setPayload(payload)
        .build();
  }

  /// Checks that a call ends in a status, with the platform's code as its reason.
  static void assertRefused(Supplier<?> call, Status.Code status, String reason) {
    try {
      Object answer = call.get();
      throw new AssertionError("expected " + status + ", got " + answer);
    } catch (StatusRuntimeException e) {
      assertThat(e.getStatus().getCode()).as(e.toString()).isEqualTo(status);
      com.google.rpc.Status details = StatusProto.fromThrowable(e);
      assertThat(details).as("details of %s", e).isNotNull();
      assertThat(details.getDetailsList())
          .filteredOn(detail -> detail.is(ErrorInfo.class))
          .singleElement()
          .satisfies(detail -> assertThat(info(detail).getReason()).isEqualTo(reason));
    }
  }

  private static ErrorInfo info(Any detail) {
    try {
      return detail.unpack(ErrorInfo.class);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
