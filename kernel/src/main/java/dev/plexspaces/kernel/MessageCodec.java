package dev.plexspaces.kernel;

import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.RequestContext;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A message as JSON, the form it has in the durable inbox and in a turn's record. Fields that are
/// absent take their default, so that later versions may add some.
final class MessageCodec {

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
    return e;
  }

  private static List<String> strings(List<?> list) {
    return list.stream().map(String.class::cast).toList();
  }
}
