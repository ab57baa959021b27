package dev.plexspaces.gateway;

import com.google.protobuf.Descriptors;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.util.concurrent.CompletableFuture;

/// One rpc of the contract and what serves it, whether it comes over gRPC or HTTP.
///
/// @param open true when it needs no credentials
record Rpc<Q extends Message, A extends Message>(
    MethodDescriptor<Q, A> method, boolean open, Handler<Q, A> handler) {

  /// Serves a call: throws, or completes now or later.
  @FunctionalInterface
  interface Handler<Q, A> {
    CompletableFuture<A> handle(Caller caller, Q request);
  }

  /// The rpc in its `.proto` file.
  Descriptors.MethodDescriptor descriptor() {
    return ((ProtoMethodDescriptorSupplier) method.getSchemaDescriptor()).getMethodDescriptor();
  }

  /// An empty request.
  Q emptyRequest() {
    return ((MethodDescriptor.PrototypeMarshaller<Q>) method.getRequestMarshaller())
        .getMessagePrototype();
  }
}
