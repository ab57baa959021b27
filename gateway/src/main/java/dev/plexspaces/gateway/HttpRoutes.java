package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.OpenApi.orderedMap;

import com.linecorp.armeria.common.HttpMethod;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Everything HTTP serves: one route for each `google.api.http` binding of each rpc, and those that
/// no rpc has.
///
/// A binding without a request body is transcoded. One that carries an actor's JSON or an upload
/// has a native handler here, which must match a binding: a path is written in one place, the
/// `.proto`.
final class HttpRoutes {

  private static final String ACTOR = "/api/v1/actors/{tenant}/{namespace}/{actor_type}";
  private static final String KEYED = ACTOR + "/{key}";

  private static final Map<String, Object> ANY_JSON = orderedMap("description", "Any JSON.");

  /// @param documented changes the entry generated for the rpc into what HTTP does
  private record Native(
      HttpRoute.Handler handler, long bodyBytesMax, UnaryOperator<Operation> documented) {}

  private final Map<String, Native> natives = new HashMap<>();
  private final int bodyBytesMax;

  HttpRoutes(InvokeRoutes invoke, DeployRoute deploy, int bodyBytesMax) {
    this.bodyBytesMax = bodyBytesMax;
    for (String path : List.of(ACTOR, KEYED)) {
      for (HttpMethod method : List.of(HttpMethod.GET, HttpMethod.DELETE)) {
        natives.put(
            method + " " + path,
            new Native(invoke::askByQuery, bodyBytesMax, HttpRoutes::documentQueryAsk));
      }
      for (HttpMethod method : List.of(HttpMethod.POST, HttpMethod.PUT)) {
        natives.put(
            method + " " + path, new Native(invoke::tell, bodyBytesMax, HttpRoutes::documentTell));
      }
      natives.put(
          HttpMethod.POST + " " + path + "/ask",
          new Native(invoke::askByEnvelope, bodyBytesMax, HttpRoutes::documentEnvelopeAsk));
    }
    natives.put(
        HttpMethod.POST + " /api/v1/applications/deploy",
        new Native(deploy::deploy, ApplicationCalls.UPLOAD_BYTES_MAX, HttpRoutes::documentDeploy));
  }

  /// All routes.
  List<HttpRoute> all(List<Rpc<?, ?>> rpcs, NodeRoutes node) {
    List<HttpRoute> routes = new ArrayList<>();
    Map<String, Native> unused = new HashMap<>(natives);
    for (Rpc<?, ?> rpc : rpcs) {
      for (HttpBinding binding : HttpBinding.of(rpc.descriptor())) {
        HttpRoute.Access access = rpc.open() ? HttpRoute.Access.OPEN : HttpRoute.Access.TOKEN;
        Native own = unused.remove(binding.name());
        routes.add(
            own == null
                ? new HttpRoute(
                    binding.method(),
                    binding.template(),
                    access,
                    bodyBytesMax,
                    openApi -> openApi.operation(rpc.descriptor(), binding),
                    Transcoder.handler(rpc, binding))
                : new HttpRoute(
                    binding.method(),
                    binding.template(),
                    access,
                    own.bodyBytesMax(),
                    openApi -> own.documented().apply(openApi.operation(rpc.descriptor(), binding)),
                    own.handler()));
      }
    }
    if (!unused.isEmpty()) {
      throw new IllegalStateException("native routes without a binding: " + unused.keySet());
    }
    routes.addAll(node.routes());
    return List.copyOf(routes);
  }

  private static Operation.Parameter idempotencyKey() {
    return new Operation.Parameter(
        "Idempotency-Key",
        "header",
        false,
        "At most 128 printable ASCII characters. The stored answer of the same key and content is"
            + " returned for 24 hours; the same key with other content is a CONFLICT.",
        orderedMap("type", "string", "maxLength", Caller.IDEMPOTENCY_KEY_LENGTH_MAX));
  }

  private static Operation documentQueryAsk(Operation operation) {
    return operation
        .withParameters(
            List.of(
                new Operation.Parameter(
                    "query",
                    "query",
                    false,
                    "The payload: each query parameter is a member, a repeated one a list.",
                    orderedMap(
                        "type", "object", "additionalProperties", orderedMap("type", "string"))),
                idempotencyKey()))
        .withAnswer(200, reply());
  }

  private static Operation documentTell(Operation operation) {
    return operation
        .withParameters(List.of(idempotencyKey()))
        .withRequest(new Operation.Body("application/json", "The payload.", ANY_JSON))
        .withAnswer(
            202,
            new Operation.Body(
                "application/json",
                "The message was accepted.",
                orderedMap(
                    "type",
                    "object",
                    "properties",
                    orderedMap(
                        "message_id", orderedMap("type", "string"),
                        "durable",
                            orderedMap(
                                "type", "boolean",
                                "description", "True only when the message is on disk.")))));
  }

  private static Operation documentEnvelopeAsk(Operation operation) {
    return operation
        .withParameters(List.of(idempotencyKey()))
        .withRequest(
            new Operation.Body(
                "application/json",
                "What is asked.",
                orderedMap(
                    "type",
                    "object",
                    "additionalProperties",
                    false,
                    "properties",
                    orderedMap(
                        "message_type",
                            orderedMap(
                                "type",
                                "string",
                                "maxLength",
                                ActorCalls.MESSAGE_TYPE_LENGTH_MAX,
                                "description",
                                "Operation; absent when the payload's `op` or `action`"
                                    + " names it."),
                        "payload", ANY_JSON,
                        "timeout_ms",
                            orderedMap(
                                "type",
                                "integer",
                                "minimum",
                                1,
                                "maximum",
                                ActorCalls.ASK_TIMEOUT_MS_MAX,
                                "default",
                                ActorCalls.ASK_TIMEOUT.toMillis(),
                                "description",
                                "Longest wait for the reply, milliseconds.")))))
        .withAnswer(200, reply());
  }

  private static Operation.Body reply() {
    return new Operation.Body(
        "application/json",
        "The handler's reply itself. The header PlexSpaces-Actor tells who replied.",
        ANY_JSON);
  }

  private static Operation documentDeploy(Operation operation) {
    Map<String, Object> text = orderedMap("type", "string");
    Map<String, Object> file = orderedMap("type", "string", "format", "binary");
    return operation.withRequest(
        new Operation.Body(
            "multipart/form-data",
            "The application: exactly one of bundle, jar_file and wasm_file.",
            orderedMap(
                "type", "object",
                "required", List.of("application_id"),
                "properties",
                    orderedMap(
                        "application_id", text,
                        "name", text,
                        "version", text,
                        "tenant", text,
                        "namespace", text,
                        "bundle", file,
                        "jar_file", file,
                        "wasm_file", file,
                        "config", text))));
  }
}
