package dev.plexspaces.gateway;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import dev.plexspaces.contracts.actor.v1.Actor;
import dev.plexspaces.contracts.actor.v1.AskActorRequest;
import dev.plexspaces.contracts.actor.v1.AskActorResponse;
import dev.plexspaces.contracts.actor.v1.DeleteActorRequest;
import dev.plexspaces.contracts.actor.v1.DeleteActorResponse;
import dev.plexspaces.contracts.actor.v1.FieldViolation;
import dev.plexspaces.contracts.actor.v1.GetActorRequest;
import dev.plexspaces.contracts.actor.v1.InvokeActorRequest;
import dev.plexspaces.contracts.actor.v1.InvokeActorResponse;
import dev.plexspaces.contracts.actor.v1.InvokeError;
import dev.plexspaces.contracts.actor.v1.ListActorsRequest;
import dev.plexspaces.contracts.actor.v1.ListActorsResponse;
import dev.plexspaces.contracts.actor.v1.QueryValues;
import dev.plexspaces.contracts.actor.v1.TellActorRequest;
import dev.plexspaces.contracts.actor.v1.TellActorResponse;
import dev.plexspaces.gateway.Authorization.Permission;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/// Calls to actors and questions about them, whichever way they came in. No method blocks.
final class ActorCalls {

  /// Wait for a reply when the caller names none.
  static final Duration ASK_TIMEOUT = Duration.ofSeconds(5);

  /// Longest wait for a reply, milliseconds.
  static final int ASK_TIMEOUT_MS_MAX = 60_000;

  /// Longest operation name, characters.
  static final int MESSAGE_TYPE_LENGTH_MAX = 128;

  /// Actors on one page when the caller names no number.
  static final int PAGE_SIZE = 100;

  /// Most actors on one page.
  static final int PAGE_SIZE_MAX = 1000;

  /// Whom a call is for, as the client wrote it: nothing is checked yet.
  record Address(String tenant, String namespace, String type, Optional<String> key) {}

  /// What is sent.
  ///
  /// @param operation "" when the payload names it
  /// @param textual true when the payload came from a query string
  /// @param headers transport headers the actor may read
  record Content(String operation, Object payload, boolean textual, Map<String, String> headers) {}

  private final Invoker invoker;
  private final InstantSource clock;
  private final Executor blocking;
  private final int payloadBytesMax;

  /// @param blocking where the invoker may read the store
  /// @param payloadBytesMax longest payload, bytes of JSON
  ActorCalls(Invoker invoker, InstantSource clock, Executor blocking, int payloadBytesMax) {
    this.invoker = invoker;
    this.clock = clock;
    this.blocking = blocking;
    this.payloadBytesMax = payloadBytesMax;
  }

  /// Asks an actor.
  ///
  /// @throws PlexException `NOT_PERMITTED`, `INVALID_MESSAGE`; everything else goes to the listener
  void ask(
      Caller caller,
      Address address,
      Content content,
      Duration timeout,
      Invoker.ReplyListener listener) {
    requireAllowed(caller, address, content);
    invoker.ask(
        caller.context(
            address.tenant(), address.namespace(), Optional.of(clock.instant().plus(timeout))),
        new Invoker.Target(address.type(), address.key()),
        request(caller, content, timeout),
        listener);
  }

  /// Tells an actor.
  ///
  /// @throws PlexException `NOT_PERMITTED`, `INVALID_MESSAGE`; everything else goes to the listener
  void tell(Caller caller, Address address, Content content, Invoker.TellListener listener) {
    requireAllowed(caller, address, content);
    if (caller.idempotencyKey().isEmpty()) {
      handOver(caller, address, content, listener);
    } else {
      blocking.execute(
          () -> {
            try {
              handOver(caller, address, content, listener);
            } catch (RuntimeException | StackOverflowError failure) {
              listener.failed(ErrorTable.toAnswer(failure, caller));
            }
          });
    }
  }

  private void handOver(
      Caller caller, Address address, Content content, Invoker.TellListener listener) {
    invoker.tell(
        caller.context(address.tenant(), address.namespace(), Optional.empty()),
        new Invoker.Target(address.type(), address.key()),
        request(caller, content, ASK_TIMEOUT),
        listener);
  }

  private static Invoker.Request request(Caller caller, Content content, Duration timeout) {
    return new Invoker.Request(
        content.operation(),
        content.payload(),
        content.textual(),
        content.headers(),
        timeout,
        caller.idempotencyKey());
  }

  /// Permission comes first: to a stranger a wrong name and a foreign one look the same.
  private static void requireAllowed(Caller caller, Address address, Content content) {
    Authorization.require(
        caller.principal(), Permission.INVOKE, address.tenant(), address.namespace());
    Scope scope = new Scope(address.tenant(), address.namespace());
    if (address.key().isPresent()) {
      requireId(scope, address.type(), address.key().get());
    } else {
      Scope.requireName("actor_type", address.type());
    }
    if (content.operation().length() > MESSAGE_TYPE_LENGTH_MAX) {
      throw Caller.invalid(
          "message_type", "must be at most " + MESSAGE_TYPE_LENGTH_MAX + " characters");
    }
  }

  private static void requireId(Scope scope, String type, String key) {
    Scope.requireName("actor_type", type);
    new ActorId(scope, type, key);
  }

  /// Checks a wait named by a client.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming `timeout_ms`
  static Duration timeout(long milliseconds) {
    if (milliseconds < 1 || milliseconds > ASK_TIMEOUT_MS_MAX) {
      throw Caller.invalid("timeout_ms", "must be 1 to " + ASK_TIMEOUT_MS_MAX);
    }
    return Duration.ofMillis(milliseconds);
  }

  /// The value of a list of query values: text, or a list of texts.
  static Object queryValue(List<String> values) {
    return values.size() == 1 ? values.getFirst() : List.copyOf(values);
  }

  // The rpcs.

  CompletableFuture<AskActorResponse> askActor(Caller caller, AskActorRequest request) {
    var answer = new CompletableFuture<AskActorResponse>();
    ask(
        caller,
        new Address(
            request.getTenant(),
            request.getNamespace(),
            request.getActorType(),
            request.hasKey() ? Optional.of(request.getKey()) : Optional.empty()),
        new Content(request.getMessageType(), payload(request.getPayloadBytes()), false, Map.of()),
        request.hasTimeoutMs() ? timeout(request.getTimeoutMs()) : ASK_TIMEOUT,
        new Invoker.ReplyListener() {
          @Override
          public void replied(ActorId by, Object value) {
            answer.completeAsync(
                () ->
                    AskActorResponse.newBuilder()
                        .setPayloadBytes(ByteString.copyFrom(json(by, value)))
                        .setActorId(by.toString())
                        .build(),
                Runnable::run);
          }

          @Override
          public void failed(PlexException error) {
            answer.completeExceptionally(error);
          }
        });
    return answer;
  }

  CompletableFuture<TellActorResponse> tellActor(Caller caller, TellActorRequest request) {
    var answer = new CompletableFuture<TellActorResponse>();
    tell(
        caller,
        new Address(
            request.getTenant(),
            request.getNamespace(),
            request.getActorType(),
            request.hasKey() ? Optional.of(request.getKey()) : Optional.empty()),
        new Content(request.getMessageType(), payload(request.getPayloadBytes()), false, Map.of()),
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {
            answer.complete(
                TellActorResponse.newBuilder()
                    .setMessageId(messageId)
                    .setDurable(durable)
                    .setActorId(target.toString())
                    .build());
          }

          @Override
          public void failed(PlexException error) {
            answer.completeExceptionally(error);
          }
        });
    return answer;
  }

  CompletableFuture<InvokeActorResponse> invokeActor(Caller caller, InvokeActorRequest request) {
    var answer = new CompletableFuture<InvokeActorResponse>();
    var address =
        new Address(
            request.getTenant(),
            request.getNamespace(),
            request.getActorType(),
            request.hasKey() ? Optional.of(request.getKey()) : Optional.empty());
    String method = request.getHttpMethod().isEmpty() ? "GET" : request.getHttpMethod();
    var headers = Map.of("http_method", method, "http_path", path(address));
    switch (method) {
      case "GET", "DELETE" -> {
        if (!request.getPayload().isEmpty()) {
          throw Caller.invalid("payload", "is for POST and PUT; use query_params");
        }
        Map<String, Object> query = new LinkedHashMap<>();
        for (Map.Entry<String, QueryValues> entry : request.getQueryParamsMap().entrySet()) {
          query.put(entry.getKey(), queryValue(entry.getValue().getValuesList()));
        }
        ask(
            caller,
            address,
            new Content("", query, true, headers),
            ASK_TIMEOUT,
            new Invoker.ReplyListener() {
              @Override
              public void replied(ActorId by, Object value) {
                answer.completeAsync(() -> envelope(caller, by, value), Runnable::run);
              }

              @Override
              public void failed(PlexException error) {
                answer.complete(envelope(caller, error));
              }
            });
      }
      case "POST", "PUT" -> {
        if (request.getQueryParamsCount() > 0) {
          throw Caller.invalid("query_params", "is for GET and DELETE; use payload");
        }
        tell(
            caller,
            address,
            new Content("", payload(request.getPayloadBytes()), false, headers),
            new Invoker.TellListener() {
              @Override
              public void accepted(ActorId target, String messageId, boolean durable) {
                answer.completeAsync(
                    () -> envelope(caller, target, acceptance(messageId, durable)), Runnable::run);
              }

              @Override
              public void failed(PlexException error) {
                answer.complete(envelope(caller, error));
              }
            });
      }
      default -> throw Caller.invalid("http_method", "must be GET, DELETE, POST or PUT");
    }
    return answer;
  }

  /// A reply as JSON text. That a value cannot be written is the actor's bug, not the caller's.
  static byte[] json(ActorId by, Object value) {
    try {
      return Json.write(value);
    } catch (PlexException e) {
      throw new IllegalStateException("the reply of " + by + " cannot be written as JSON", e);
    }
  }

  /// The path an HTTP client would have used.
  private static String path(Address address) {
    String path =
        "/api/v1/actors/" + address.tenant() + "/" + address.namespace() + "/" + address.type();
    return address
        .key()
        .map(key -> path + "/" + HeaderText.encode(key).replace("/", "%2F"))
        .orElse(path);
  }

  /// The answer to a tell.
  static Map<String, Object> acceptance(String messageId, boolean durable) {
    Map<String, Object> answer = LinkedHashMap.newLinkedHashMap(2);
    answer.put("message_id", messageId);
    answer.put("durable", durable);
    return answer;
  }

  private static InvokeActorResponse envelope(Caller caller, ActorId by, Object value) {
    return InvokeActorResponse.newBuilder()
        .setSuccess(true)
        .setPayloadBytes(ByteString.copyFrom(json(by, value)))
        .putHeaders("PlexSpaces-Actor", by.toString())
        .putHeaders("PlexSpaces-Request-Id", caller.requestId())
        .setActorId(by.toString())
        .build();
  }

  private static InvokeActorResponse envelope(Caller caller, PlexException thrown) {
    PlexException error = ErrorTable.toAnswer(thrown, caller);
    ErrorTable.Entry entry = ErrorTable.entry(error.code());
    InvokeError.Builder body =
        InvokeError.newBuilder()
            .setCode(error.code().name())
            .setMessage(String.valueOf(error.getMessage()))
            .setStatus(entry.http())
            .setRequestId(caller.requestId());
    for (PlexException.FieldViolation violation : error.violations()) {
      body.addFieldViolations(
          FieldViolation.newBuilder()
              .setField(violation.field())
              .setDescription(violation.description()));
    }
    if (entry.retryAfterMs() > 0) {
      body.setRetryAfterMs(entry.retryAfterMs());
    }
    return InvokeActorResponse.newBuilder()
        .putHeaders("PlexSpaces-Request-Id", caller.requestId())
        .setError(body)
        .build();
  }

  CompletableFuture<ListActorsResponse> listActors(Caller caller, ListActorsRequest request) {
    Authorization.require(
        caller.principal(), Permission.VIEW_ACTORS, request.getTenant(), request.getNamespace());
    Scope scope = new Scope(request.getTenant(), request.getNamespace());
    Optional<String> type = Optional.empty();
    if (!request.getType().isEmpty()) {
      Scope.requireName("type", request.getType());
      type = Optional.of(request.getType());
    }
    int size = request.hasPageSize() ? request.getPageSize() : PAGE_SIZE;
    if (size < 1 || size > PAGE_SIZE_MAX) {
      throw Caller.invalid("page_size", "must be 1 to " + PAGE_SIZE_MAX);
    }
    String filter = scope + "?" + request.getType();
    String after =
        request.getPageToken().isEmpty() ? "" : PageToken.read(request.getPageToken(), filter);
    // One more than asked for tells whether there is a next page.
    List<Invoker.ActorInfo> found = invoker.actors(scope, type, after, size + 1);
    ListActorsResponse.Builder page = ListActorsResponse.newBuilder();
    for (Invoker.ActorInfo info : found.subList(0, Math.min(size, found.size()))) {
      page.addActors(describe(info));
    }
    if (found.size() > size) {
      ActorId last = found.get(size - 1).id();
      page.setNextPageToken(PageToken.write(last.type() + "/" + last.key(), filter));
    }
    return CompletableFuture.completedFuture(page.build());
  }

  CompletableFuture<Actor> getActor(Caller caller, GetActorRequest request) {
    ActorId id = allowedId(caller, Permission.VIEW_ACTORS, request.getActorId());
    Optional<Invoker.ActorInfo> live = invoker.actor(id);
    if (live.isPresent()) {
      return CompletableFuture.completedFuture(describe(live.get()));
    }
    return CompletableFuture.supplyAsync(
        () ->
            invoker
                .stored(id)
                .map(ActorCalls::describe)
                .orElseThrow(
                    () ->
                        new PlexException(
                            ErrorCode.ACTOR_NOT_FOUND,
                            "actor " + id + ": is neither live nor stored")),
        blocking);
  }

  CompletableFuture<DeleteActorResponse> deleteActor(Caller caller, DeleteActorRequest request) {
    invoker.stop(allowedId(caller, Permission.STOP_ACTOR, request.getActorId()));
    return CompletableFuture.completedFuture(DeleteActorResponse.getDefaultInstance());
  }

  /// Permission comes first here too, judged on the parts as they were written.
  private static ActorId allowedId(Caller caller, Permission permission, String text) {
    String[] parts = text.split("/", 3);
    if (parts.length < 3) {
      throw Caller.invalid("actor_id", "must be tenant/namespace/type/key");
    }
    Authorization.require(caller.principal(), permission, parts[0], parts[1]);
    return ActorId.parse(text);
  }

  private static Actor describe(Invoker.ActorInfo info) {
    return Actor.newBuilder()
        .setActorId(info.id().toString())
        .setActorType(info.id().type())
        .setKey(info.id().key())
        .setState(info.state())
        .setApplicationId(info.application())
        .setSupervisor(info.supervisor())
        .setStartedAt(timestamp(info.startedAt()))
        .setMessages(info.messages())
        .setMailboxDepth(info.mailboxDepth())
        .setRestarts(info.restarts())
        .addAllFacets(info.facets())
        .build();
  }

  /// What is in no memory has neither begun nor counted anything.
  private static Actor describe(Invoker.StoredActor stored) {
    return Actor.newBuilder()
        .setActorId(stored.id().toString())
        .setActorType(stored.id().type())
        .setKey(stored.id().key())
        .setState("inactive")
        .setApplicationId(stored.application())
        .addAllFacets(stored.facets())
        .build();
  }

  static Timestamp timestamp(Instant instant) {
    return Timestamp.newBuilder()
        .setSeconds(instant.getEpochSecond())
        .setNanos(instant.getNano())
        .build();
  }

  /// The tree of a payload sent as JSON text; an empty text is `{}`.
  Object payload(ByteString json) {
    return json.isEmpty() ? Map.of() : Json.parse(json.toByteArray(), payloadBytesMax);
  }
}
