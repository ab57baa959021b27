package dev.plexspaces.kernel;

import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import dev.plexspaces.sdk.RequestContext;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A message as JSON, the form it has in the durable inbox and in a turn's record. Fields that are
/// absent take their default, so that later versions may add some.
final class MessageCodec {

  private static final HexFormat HEX = HexFormat.of();

  private MessageCodec() {}

  static byte[] encode(Envelope e) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("kind", e.kind.name());
    fields.put("op", e.type);
    fields.put("payload", e.payload);
    if (!e.id().isEmpty()) {
      fields.put("id", e.id());
    }
    if (e.sender != null) {
      fields.put("from", List.of(e.sender.type, e.sender.key));
    }
    if (!e.headers().isEmpty()) {
      fields.put("headers", e.headers());
    }
    if (e.extras != null) {
      encodeExtras(e.extras, fields);
    }
    RequestContext context = e.context;
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("user", context.user());
    if (!context.roles().isEmpty()) {
      request.put("roles", List.copyOf(context.roles()));
    }
    request.put("id", context.requestId());
    context.traceParent().ifPresent(t -> request.put("trace", t));
    fields.put("request", request);
    return Json.write(fields);
  }

  private static void encodeExtras(Envelope.Extras extras, Map<String, Object> fields) {
    if (extras.asker != null) {
      DurableAsks.Asker asker = extras.asker;
      Address to = asker.address();
      fields.put("asker", List.of(to.type, to.key, asker.requestId(), asker.deadlineMillis()));
    }
    if (extras.replyTo != null) {
      fields.put("reply_to", extras.replyTo);
      if (extras.error != null) {
        fields.put("error", error(extras.error));
      }
    }
    if (extras.forwards > 0) {
      fields.put("forwards", extras.forwards);
    }
    if (extras.idempotency != null) {
      IdempotencyKey key = extras.idempotency;
      fields.put("idempotency", List.of(HEX.formatHex(key.key()), HEX.formatHex(key.body())));
    }
  }

  private static void decodeExtras(Map<?, ?> fields, Envelope e, ScopeTypes scope) {
    if (fields.get("asker") instanceof List<?> asker) {
      e.extras().asker =
          new DurableAsks.Asker(
              new Address(scope, (String) asker.get(0), (String) asker.get(1)),
              (String) asker.get(2),
              ((Number) asker.get(3)).longValue());
    }
    if (fields.get("reply_to") instanceof String request) {
      e.extras().replyTo = request;
      if (fields.get("error") instanceof Map<?, ?> error) {
        e.extras.error = error(error);
      }
    }
    if (fields.get("forwards") instanceof Number forwards) {
      e.extras().forwards = forwards.intValue();
    }
    if (fields.get("idempotency") instanceof List<?> key) {
      e.extras().idempotency =
          new IdempotencyKey(HEX.parseHex((String) key.get(0)), HEX.parseHex((String) key.get(1)));
    }
  }

  /// An error as a JSON object.
  static Map<String, Object> error(PlexException error) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("code", error.code().name());
    fields.put("message", String.valueOf(error.getMessage()));
    fields.put("declared", error instanceof ActorException);
    if (!error.violations().isEmpty()) {
      fields.put(
          "violations",
          error.violations().stream().map(v -> List.of(v.field(), v.description())).toList());
    }
    return fields;
  }

  static PlexException error(Map<?, ?> fields) {
    ErrorCode code = ErrorCode.valueOf((String) fields.get("code"));
    String message = (String) fields.get("message");
    List<FieldViolation> violations = new ArrayList<>();
    if (fields.get("violations") instanceof List<?> list) {
      for (Object each : list) {
        List<?> pair = (List<?>) each;
        violations.add(new FieldViolation((String) pair.get(0), (String) pair.get(1)));
      }
    }
    return Boolean.TRUE.equals(fields.get("declared"))
        ? new ActorException(code, message, violations)
        : new PlexException(code, message, violations, null);
  }

  /// @param scope the receiver's, hence the sender's
  static Envelope decode(byte[] body, ScopeTypes scope, ReplyTo replyTo) {
    Map<?, ?> fields = (Map<?, ?>) Json.parse(body);
    Address sender =
        fields.get("from") instanceof List<?> from
            ? new Address(scope, (String) from.get(0), (String) from.get(1))
            : null;
    Map<?, ?> request = (Map<?, ?>) fields.get("request");
    Object roles = request.get("roles");
    RequestContext context =
        new RequestContext(
            scope.scope.tenant(),
            scope.scope.namespace(),
            (String) request.get("user"),
            roles instanceof List<?> list ? Set.copyOf(strings(list)) : Set.of(),
            (String) request.get("id"),
            Optional.ofNullable((String) request.get("trace")),
            Optional.<Instant>empty());
    Envelope e =
        new Envelope(
            Message.Kind.valueOf((String) fields.get("kind")),
            (String) fields.get("op"),
            fields.get("payload"),
            sender,
            context,
            replyTo);
    if (fields.get("id") instanceof String id) {
      e.extras().id = id;
    }
    if (fields.get("headers") instanceof Map<?, ?> headers) {
      Map<String, String> copy = new LinkedHashMap<>();
      headers.forEach((k, v) -> copy.put((String) k, (String) v));
      e.extras().headers = copy;
    }
    decodeExtras(fields, e, scope);
    return e;
  }

  private static List<String> strings(List<?> list) {
    return list.stream().map(String.class::cast).toList();
  }
}
