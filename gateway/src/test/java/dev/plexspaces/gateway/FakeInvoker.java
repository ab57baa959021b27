package dev.plexspaces.gateway;

import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;

/// Actors in memory, by type: `echo` replies with all it was sent; `literal` with its payload;
/// `fails` with the error code its payload names; `ghost` is not there; `silent` replies when the
/// test says so; `broken` throws something unexpected; `unwritable` replies with what JSON cannot
/// carry. A tell with a key is refused on a thread that must not block.
final class FakeInvoker implements Invoker {

  /// A tell that was accepted.
  record Told(RequestContext context, Target target, Request request) {}

  final ConcurrentLinkedQueue<Told> told = new ConcurrentLinkedQueue<>();
  final LinkedBlockingQueue<ReplyListener> silent = new LinkedBlockingQueue<>();
  final TreeMap<String, ActorInfo> live = new TreeMap<>();

  void live(String id) {
    ActorId actor = ActorId.parse(id);
    live.put(
        id,
        new ActorInfo(
            actor,
            "active",
            "bank",
            "bank/ledger",
            Instant.parse("2026-01-02T03:04:05Z"),
            7,
            1,
            2,
            List.of("durability")));
  }

  @Override
  public void ask(RequestContext context, Target target, Request request, ReplyListener listener) {
    ActorId id = id(context, target);
    switch (target.type()) {
      case "echo" -> listener.replied(id, echo(context, target, request));
      case "literal" -> listener.replied(id, request.payload());
      case "fails" -> listener.failed(failure(request));
      case "silent" -> silent.add(listener);
      case "broken" -> throw new IllegalStateException("java.lang.Secret at /home/node/secret.db");
      case "bottomless" -> throw new StackOverflowError("dev.plexspaces.Secret");
      case "unwritable" -> listener.replied(id, Double.NaN);
      case "leaky" ->
          listener.failed(
              new PlexException(ErrorCode.INTERNAL, "dev.plexspaces.Secret at line 12"));
      default ->
          listener.failed(
              new PlexException(
                  ErrorCode.ACTOR_NOT_FOUND, "actor type " + target.type() + ": not found"));
    }
  }

  @Override
  public void tell(RequestContext context, Target target, Request request, TellListener listener) {
    if (request.idempotencyKey().isPresent() && !Thread.currentThread().isVirtual()) {
      throw new IllegalStateException("would block " + Thread.currentThread());
    }
    if (target.type().equals("broken")) {
      throw new IllegalStateException("java.lang.Secret at /home/node/secret.db");
    }
    if (target.type().equals("ghost")) {
      listener.failed(new PlexException(ErrorCode.ACTOR_NOT_FOUND, "actor type ghost: not found"));
    } else if (target.type().equals("fails")) {
      listener.failed(failure(request));
    } else {
      told.add(new Told(context, target, request));
      listener.accepted(id(context, target), "m-" + told.size(), target.type().equals("durable"));
    }
  }

  private static ActorId id(RequestContext context, Target target) {
    return new ActorId(
        new Scope(context.tenant(), context.namespace()),
        target.type(),
        target.key().orElse("default"));
  }

  private static Map<String, Object> echo(RequestContext context, Target target, Request request) {
    Map<String, Object> echo = new LinkedHashMap<>();
    echo.put("operation", request.operation());
    echo.put("payload", request.payload());
    echo.put("textual", request.textual());
    echo.put("headers", request.headers());
    echo.put("timeout_ms", request.timeout().toMillis());
    echo.put("idempotency_key", request.idempotencyKey());
    echo.put("key", target.key());
    echo.put("tenant", context.tenant());
    echo.put("namespace", context.namespace());
    echo.put("user", context.user());
    echo.put("roles", context.roles().stream().sorted().toList());
    echo.put("request_id", context.requestId());
    echo.put("trace_parent", context.traceParent());
    echo.put("deadline", context.deadline());
    return echo;
  }

  private static PlexException failure(Request request) {
    Object code = request.payload() instanceof Map<?, ?> map ? map.get("code") : null;
    return new PlexException(
        ErrorCode.valueOf(String.valueOf(code)),
        "it failed as asked",
        "INVALID_MESSAGE".equals(code)
            ? List.of(new PlexException.FieldViolation("operands[2]", "must be a number"))
            : List.of(),
        null);
  }

  @Override
  public List<ActorInfo> actors(Scope scope, Optional<String> type, String afterKey, int limit) {
    List<ActorInfo> found = new ArrayList<>();
    for (ActorInfo info : live.values()) {
      String name = info.id().type() + "/" + info.id().key();
      if (info.id().scope().equals(scope)
          && type.map(info.id().type()::equals).orElse(true)
          && name.compareTo(afterKey) > 0
          && found.size() < limit) {
        found.add(info);
      }
    }
    return found;
  }

  /// A durable actor of the type `stored` is there, on a thread that may block.
  @Override
  public Optional<StoredActor> stored(ActorId id) {
    if (!Thread.currentThread().isVirtual()) {
      throw new IllegalStateException("would block " + Thread.currentThread());
    }
    return id.type().equals("stored")
        ? Optional.of(new StoredActor(id, "bank", List.of("durability")))
        : Optional.empty();
  }

  @Override
  public Optional<ActorInfo> actor(ActorId id) {
    return Optional.ofNullable(live.get(id.toString()));
  }

  @Override
  public void stop(ActorId id) {
    if (live.remove(id.toString()) == null) {
      throw new PlexException(ErrorCode.ACTOR_NOT_FOUND, "actor " + id + ": is not live");
    }
  }
}
