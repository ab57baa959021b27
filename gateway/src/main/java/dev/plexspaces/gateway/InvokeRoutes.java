package dev.plexspaces.gateway;

import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.QueryParams;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The hot path: actors called over HTTP. Nothing here blocks or waits; the reply's thread writes
/// the answer.
final class InvokeRoutes {

  /// Fields of the body of `…/ask`.
  private static final List<String> ENVELOPE = List.of("message_type", "payload", "timeout_ms");

  private final ActorCalls calls;
  private final int bodyBytesMax;

  InvokeRoutes(ActorCalls calls, int bodyBytesMax) {
    this.calls = calls;
    this.bodyBytesMax = bodyBytesMax;
  }

  /// GET and DELETE: an ask whose payload is the query.
  void askByQuery(Exchange exchange) {
    ask(
        exchange,
        new ActorCalls.Content("", query(exchange), true, headers(exchange)),
        ActorCalls.ASK_TIMEOUT);
  }

  /// POST and PUT: a tell whose payload is the body.
  void tell(Exchange exchange) {
    exchange.requireNoQuery("send the payload as the body");
    exchange.withJsonBody(
        body ->
            calls.tell(
                exchange.caller(),
                address(exchange),
                new ActorCalls.Content("", payload(body), false, headers(exchange)),
                new Invoker.TellListener() {
                  @Override
                  public void accepted(ActorId target, String messageId, boolean durable) {
                    exchange.answer(
                        HttpStatus.ACCEPTED,
                        target.toString(),
                        Json.write(ActorCalls.acceptance(messageId, durable)));
                  }

                  @Override
                  public void failed(PlexException error) {
                    exchange.fail(error);
                  }
                }));
  }

  /// POST `…/ask`: an ask that names its operation.
  void askByEnvelope(Exchange exchange) {
    exchange.requireNoQuery("send message_type, payload and timeout_ms as the body");
    exchange.withJsonBody(
        body -> {
          if (!(payload(body) instanceof Map<?, ?> envelope)) {
            throw Caller.invalid("body", "must be an object with " + String.join(", ", ENVELOPE));
          }
          for (Object name : envelope.keySet()) {
            if (!ENVELOPE.contains(name)) {
              throw Caller.invalid(
                  String.valueOf(name), "no such field; known: " + String.join(", ", ENVELOPE));
            }
          }
          Duration timeout = ActorCalls.ASK_TIMEOUT;
          if (envelope.containsKey("timeout_ms")) {
            if (!(envelope.get("timeout_ms") instanceof Long milliseconds)) {
              throw Caller.invalid(
                  "timeout_ms", "must be a whole number, 1 to " + ActorCalls.ASK_TIMEOUT_MS_MAX);
            }
            timeout = ActorCalls.timeout(milliseconds);
          }
          String operation = "";
          if (envelope.containsKey("message_type")) {
            if (!(envelope.get("message_type") instanceof String text)) {
              throw Caller.invalid("message_type", "must be text");
            }
            operation = text;
          }
          Object payload = envelope.containsKey("payload") ? envelope.get("payload") : Map.of();
          ask(
              exchange,
              new ActorCalls.Content(operation, payload, false, headers(exchange)),
              timeout);
        });
  }

  private void ask(Exchange exchange, ActorCalls.Content content, Duration timeout) {
    exchange.afterReading(
        () ->
            calls.ask(
                exchange.caller(),
                address(exchange),
                content,
                timeout,
                new Invoker.ReplyListener() {
                  @Override
                  public void replied(ActorId by, Object value) {
                    try {
                      exchange.answer(HttpStatus.OK, by.toString(), ActorCalls.json(by, value));
                    } catch (RuntimeException e) {
                      exchange.fail(e);
                    }
                  }

                  @Override
                  public void failed(PlexException error) {
                    exchange.fail(error);
                  }
                }));
  }

  private static ActorCalls.Address address(Exchange exchange) {
    return new ActorCalls.Address(
        exchange.variable("tenant"),
        exchange.variable("namespace"),
        exchange.variable("actor_type"),
        Optional.ofNullable(exchange.variable("key")));
  }

  private static Map<String, String> headers(Exchange exchange) {
    return Map.of(
        "http_method", exchange.context.method().name(), "http_path", exchange.context.path());
  }

  private static Map<String, Object> query(Exchange exchange) {
    QueryParams params = exchange.context.queryParams();
    Map<String, Object> query = LinkedHashMap.newLinkedHashMap(params.size());
    for (String name : params.names()) {
      Transcoder.requireText("query", name);
      List<String> values = params.getAll(name);
      for (String value : values) {
        Transcoder.requireText(name, value);
      }
      query.put(name, ActorCalls.queryValue(values));
    }
    return query;
  }

  private Object payload(byte[] body) {
    return body.length == 0 ? Map.of() : Json.parse(body, bodyBytesMax);
  }
}
