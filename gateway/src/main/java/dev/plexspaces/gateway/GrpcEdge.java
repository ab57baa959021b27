package dev.plexspaces.gateway;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpHeaders;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.RequestContext;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.ServiceRequestContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall;
import io.grpc.ForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/// What every gRPC call passes: the same bound, request id, authentication, error model and
/// histogram as [HttpEdge].
final class GrpcEdge implements ServerInterceptor {

  /// Who calls, for the handler.
  private static final Context.Key<Caller> CALLER = Context.key("plexspaces-caller");

  private static final Metadata.Key<String> AUTHORIZATION = key("authorization");
  private static final Metadata.Key<String> REQUEST_ID = key(Caller.REQUEST_ID);
  private static final Metadata.Key<String> IDEMPOTENCY_KEY = key(Caller.IDEMPOTENCY_KEY);
  private static final Metadata.Key<String> TRACE_PARENT = key(Caller.TRACE_PARENT);

  /// Every status of ours carries details.
  private static final Metadata.Key<com.google.rpc.Status> DETAILS =
      ProtoUtils.keyForProto(com.google.rpc.Status.getDefaultInstance());

  private final Authenticator authenticator;
  private final EdgeMetrics metrics;
  private final Supplier<String> ids;
  private final Set<String> open;
  private final CallsInProgress calls;

  /// @param open full names of the rpcs that need no credentials
  GrpcEdge(
      Authenticator authenticator,
      EdgeMetrics metrics,
      Supplier<String> ids,
      CallsInProgress calls,
      Set<String> open) {
    this.authenticator = authenticator;
    this.metrics = metrics;
    this.ids = ids;
    this.calls = calls;
    this.open = open;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String requestId = Caller.requestId(headers.get(REQUEST_ID), ids);
    Observed<Q, A> observed = new Observed<>(call, requestId, metrics.now());
    boolean probe = open.contains(call.getMethodDescriptor().getFullMethodName());
    try {
      observed.enter(probe);
      Principal principal =
          probe ? Principal.ANONYMOUS : authenticator.authenticate(headers.get(AUTHORIZATION));
      Caller caller =
          new Caller(
              principal,
              requestId,
              Caller.traceParent(headers.get(TRACE_PARENT)),
              Caller.idempotencyKey(headers.get(IDEMPOTENCY_KEY)));
      return observed.observe(
          Contexts.interceptCall(
              Context.current().withValue(CALLER, caller), observed, headers, next));
    } catch (RuntimeException e) {
      observed.abandon(ErrorTable.toAnswer(e, requestId));
      if (calls.stopping()) {
        ServiceRequestContext.current().initiateConnectionShutdown();
      }
      return new ServerCall.Listener<>() {};
    }
  }

  /// A call whose end is counted once and whose answer carries the request id.
  private final class Observed<Q, A> extends ForwardingServerCall.SimpleForwardingServerCall<Q, A>
      implements CallsInProgress.Call {
    private final String requestId;
    private final long started;
    private CallsInProgress.Place place;
    private boolean headersSent;
    private boolean ended;

    Observed(ServerCall<Q, A> call, String requestId, long started) {
      super(call);
      this.requestId = requestId;
      this.started = started;
    }

    /// Takes its place among the calls in progress.
    ///
    /// @throws PlexException `RESOURCE_EXHAUSTED`, `UNAVAILABLE`
    void enter(boolean probe) {
      place = calls.enter(this, probe);
    }

    @Override
    public void abandon(PlexException why) {
      StatusRuntimeException status = ErrorTable.toGrpc(why, requestId);
      close(status.getStatus(), status.getTrailers());
    }

    // What comes after the end has nobody left to hear it: the answer of a call that was abandoned.

    @Override
    public synchronized void sendHeaders(Metadata headers) {
      if (!ended) {
        headersSent = true;
        headers.put(REQUEST_ID, requestId);
        super.sendHeaders(headers);
      }
    }

    @Override
    public synchronized void sendMessage(A message) {
      if (!ended) {
        super.sendMessage(message);
      }
    }

    @Override
    public synchronized void close(Status status, Metadata trailers) {
      if (ended) {
        return;
      }
      if (!headersSent) {
        trailers.put(REQUEST_ID, requestId);
      }
      end(status.getCode());
      super.close(status, trailers);
    }

    /// A call may also end without our closing it: the client is gone, or what it sent was no
    /// message.
    ServerCall.Listener<Q> observe(ServerCall.Listener<Q> listener) {
      return new ForwardingServerCallListener.SimpleForwardingServerCallListener<>(listener) {
        @Override
        public void onCancel() {
          end(Status.Code.CANCELLED);
          super.onCancel();
        }

        @Override
        public void onComplete() {
          end(Status.Code.UNKNOWN);
          super.onComplete();
        }
      };
    }

    private synchronized void end(Status.Code code) {
      if (!ended) {
        ended = true;
        if (place != null) {
          place.leave();
        }
        metrics.grpc(
            getMethodDescriptor().getServiceName(),
            getMethodDescriptor().getBareMethodName(),
            code.name(),
            started);
      }
    }
  }

  /// A service whose methods are the given rpcs.
  static ServerServiceDefinition define(ServiceDescriptor service, List<Rpc<?, ?>> rpcs) {
    ServerServiceDefinition.Builder definition = ServerServiceDefinition.builder(service);
    for (Rpc<?, ?> rpc : rpcs) {
      add(definition, rpc);
    }
    return definition.build();
  }

  private static <Q extends Message, A extends Message> void add(
      ServerServiceDefinition.Builder definition, Rpc<Q, A> rpc) {
    definition.addMethod(
        rpc.method(),
        ServerCalls.asyncUnaryCall((request, answers) -> call(rpc, request, answers)));
  }

  private static <Q extends Message, A extends Message> void call(
      Rpc<Q, A> rpc, Q request, StreamObserver<A> answers) {
    Caller caller = CALLER.get();
    try {
      rpc.handler()
          .handle(caller, request)
          .whenComplete(
              (answer, failure) -> {
                if (failure != null) {
                  fail(caller, failure, answers);
                } else {
                  answers.onNext(answer);
                  answers.onCompleted();
                }
              });
    } catch (Throwable t) {
      fail(caller, t, answers);
    }
  }

  private static void fail(Caller caller, Throwable failure, StreamObserver<?> answers) {
    answers.onError(ErrorTable.toGrpc(ErrorTable.toAnswer(failure, caller), caller.requestId()));
  }

  /// The status of what the server library found wrong by itself, without its words: they name
  /// classes. Ours pass as they are.
  Status status(RequestContext context, Status status, Throwable cause, Metadata trailers) {
    if (cause instanceof StatusRuntimeException known
        && known.getTrailers() != null
        && known.getTrailers().containsKey(DETAILS)) {
      return status;
    }
    String requestId =
        context instanceof ServiceRequestContext service
            ? Caller.requestId(service.request().headers().get(Exchange.REQUEST_ID), ids)
            : ids.get();
    PlexException error =
        switch (status.getCode()) {
          case RESOURCE_EXHAUSTED -> HttpError.tooLarge(Gateway.GRPC_MESSAGE_BYTES_MAX);
          case CANCELLED, DEADLINE_EXCEEDED ->
              new PlexException(ErrorCode.TIMEOUT, "the call was cancelled or took too long");
          case UNIMPLEMENTED -> new PlexException(ErrorCode.NOT_IMPLEMENTED, "this is not served");
          default ->
              unreadable(cause)
                  ? new PlexException(
                      ErrorCode.INVALID_MESSAGE, "the bytes sent are not the message of this rpc")
                  : ErrorTable.toAnswer(HttpEdge.known(cause), requestId);
        };
    StatusRuntimeException ours = ErrorTable.toGrpc(error, requestId);
    trailers.merge(ours.getTrailers());
    return ours.getStatus();
  }

  private static boolean unreadable(Throwable thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof InvalidProtocolBufferException) {
        return true;
      }
    }
    return false;
  }

  /// What no service serves: `UNIMPLEMENTED` for a gRPC client, 415 for anybody else.
  HttpResponse unserved(ServiceRequestContext context, HttpRequest request) {
    String requestId = Caller.requestId(request.headers().get(Exchange.REQUEST_ID), ids);
    String type = request.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
    if (type.startsWith("application/grpc")) {
      return HttpResponse.of(
          ResponseHeaders.builder(HttpStatus.OK)
              .set(HttpHeaderNames.CONTENT_TYPE, type)
              .set(Exchange.REQUEST_ID, requestId)
              .build(),
          HttpData.empty(),
          HttpHeaders.of(
              "grpc-status",
              Status.Code.UNIMPLEMENTED.value(),
              "grpc-message",
              "no such service or method"));
    }
    ErrorBody body =
        ErrorBody.of(
            HttpError.unsupportedMediaType(
                "application/grpc on this port", "send HTTP and JSON to the HTTP port"),
            requestId);
    return HttpResponse.of(
        HttpEdge.errorHeaders(body, HttpRoute.Access.TOKEN).build(), HttpData.wrap(body.json()));
  }
}
