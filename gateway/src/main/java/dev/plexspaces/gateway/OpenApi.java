package dev.plexspaces.gateway;

import com.google.api.AnnotationsProto;
import com.google.api.FieldBehavior;
import com.google.api.FieldBehaviorProto;
import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.DescriptorProtos.SourceCodeInfo;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.ExtensionRegistry;
import com.google.protobuf.Timestamp;
import dev.plexspaces.sdk.ErrorCode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Generates the OpenAPI 3.0.3 document: rpcs from their descriptors, with the comments of the
/// `.proto` files as texts, and every other route from its [Operation]. What is documented is what
/// is served, because both come from the list of routes. Source: OpenAPI 3.0.3;
/// `google/api/http.proto`; proto3 JSON mapping.
final class OpenApi {

  private static final String DESCRIPTORS = "/dev/plexspaces/contracts/descriptors.binpb";
  private static final String SCHEMAS = "#/components/schemas/";

  private static final int FILE_MESSAGES = FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER;
  private static final int FILE_SERVICES = FileDescriptorProto.SERVICE_FIELD_NUMBER;
  private static final int MESSAGE_FIELDS = DescriptorProto.FIELD_FIELD_NUMBER;
  private static final int MESSAGE_NESTED = DescriptorProto.NESTED_TYPE_FIELD_NUMBER;
  private static final int MESSAGE_ENUMS = DescriptorProto.ENUM_TYPE_FIELD_NUMBER;
  private static final int SECOND_LEVEL = 2;

  /// Comment of each message, field, enum, enum value, service and rpc by full name.
  private final Map<String, String> comments;

  OpenApi() {
    comments = readComments();
  }

  private static Map<String, String> readComments() {
    Map<String, String> comments = new HashMap<>();
    try (InputStream in = OpenApi.class.getResourceAsStream(DESCRIPTORS)) {
      if (in == null) {
        throw new IllegalStateException("the contracts carry no descriptor set");
      }
      ExtensionRegistry extensions = ExtensionRegistry.newInstance();
      AnnotationsProto.registerAllExtensions(extensions);
      for (FileDescriptorProto file : FileDescriptorSet.parseFrom(in, extensions).getFileList()) {
        if (file.getPackage().startsWith("plexspaces.")) {
          readComments(file, comments);
        }
      }
      return comments;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void readComments(FileDescriptorProto file, Map<String, String> comments) {
    for (SourceCodeInfo.Location location : file.getSourceCodeInfo().getLocationList()) {
      if (location.hasLeadingComments()) {
        name(file, location.getPathList())
            .ifPresent(name -> comments.put(name, tidy(location.getLeadingComments())));
      }
    }
  }

  /// The full name of what a path of numbers leads to. Source: `SourceCodeInfo.Location.path`.
  private static Optional<String> name(FileDescriptorProto file, List<Integer> path) {
    if (path.size() < 2) {
      return Optional.empty();
    }
    int index = path.get(1);
    if (path.get(0) == FILE_SERVICES) {
      var service = file.getService(index);
      String name = file.getPackage() + "." + service.getName();
      if (path.size() == 2) {
        return Optional.of(name);
      }
      return path.size() == 4 && path.get(2) == SECOND_LEVEL
          ? Optional.of(name + "." + service.getMethod(path.get(3)).getName())
          : Optional.empty();
    }
    if (path.get(0) != FILE_MESSAGES) {
      return Optional.empty();
    }
    DescriptorProto message = file.getMessageType(index);
    String name = file.getPackage() + "." + message.getName();
    int at = 2;
    while (at + 1 < path.size() && path.get(at) == MESSAGE_NESTED) {
      message = message.getNestedType(path.get(at + 1));
      name += "." + message.getName();
      at += 2;
    }
    if (at == path.size()) {
      return Optional.of(name);
    }
    if (at + 2 == path.size() && path.get(at) == MESSAGE_FIELDS) {
      return Optional.of(name + "." + message.getField(path.get(at + 1)).getName());
    }
    if (path.get(at) == MESSAGE_ENUMS) {
      var type = message.getEnumType(path.get(at + 1));
      if (at + 2 == path.size()) {
        return Optional.of(name + "." + type.getName());
      }
      if (at + 4 == path.size() && path.get(at + 2) == SECOND_LEVEL) {
        return Optional.of(
            name + "." + type.getName() + "." + type.getValue(path.get(at + 3)).getName());
      }
    }
    return Optional.empty();
  }

  /// A comment's lines joined into paragraphs.
  private static String tidy(String comment) {
    StringBuilder text = new StringBuilder();
    for (String line : comment.split("\n")) {
      String words = line.strip();
      if (words.isEmpty()) {
        text.append("\n\n");
      } else {
        if (!text.isEmpty() && text.charAt(text.length() - 1) != '\n') {
          text.append(' ');
        }
        text.append(words);
      }
    }
    return text.toString().strip();
  }

  private String comment(String fullName) {
    return comments.getOrDefault(fullName, "");
  }

  /// The entry of an rpc on one of its bindings.
  Operation operation(MethodDescriptor rpc, HttpBinding binding) {
    List<String> variables = HttpBinding.variables(binding.template());
    List<Operation.Parameter> parameters = new ArrayList<>();
    for (String variable : variables) {
      FieldDescriptor field = rpc.getInputType().findFieldByName(variable);
      parameters.add(
          new Operation.Parameter(
              variable, "path", true, comment(field.getFullName()), schema(field)));
    }
    if (binding.body().isEmpty()) {
      for (FieldDescriptor field : rpc.getInputType().getFields()) {
        if (!variables.contains(field.getName())) {
          parameters.add(
              new Operation.Parameter(
                  field.getName(),
                  "query",
                  required(field),
                  comment(field.getFullName()),
                  schema(field)));
        }
      }
    }
    String id = rpc.getService().getName() + "_" + rpc.getName();
    return new Operation(
        binding.index() == 0 ? id : id + "_" + (binding.index() + 1),
        rpc.getService().getName(),
        comment(rpc.getFullName()),
        List.copyOf(parameters),
        Optional.empty(),
        200,
        new Operation.Body(
            "application/json",
            comment(rpc.getOutputType().getFullName()),
            reference(rpc.getOutputType())));
  }

  private static boolean required(FieldDescriptor field) {
    return field
        .getOptions()
        .getExtension(FieldBehaviorProto.fieldBehavior)
        .contains(FieldBehavior.REQUIRED);
  }

  /// The document.
  ///
  /// @param version of PlexSpaces
  /// @param rpcs whose messages the schemas are
  Map<String, Object> document(String version, List<HttpRoute> routes, List<Rpc<?, ?>> rpcs) {
    Map<String, Object> paths = new TreeMap<>();
    Map<String, String> tags = new TreeMap<>();
    for (HttpRoute route : routes) {
      @SuppressWarnings("unchecked")
      Map<String, Object> path =
          (Map<String, Object>)
              paths.computeIfAbsent(route.template(), template -> new TreeMap<String, Object>());
      path.put(route.method().name().toLowerCase(java.util.Locale.ROOT), entry(route));
      tags.putIfAbsent(route.operation().apply(this).tag(), "");
    }
    for (Rpc<?, ?> rpc : rpcs) {
      var service = rpc.descriptor().getService();
      tags.replace(service.getName(), comment(service.getFullName()));
    }
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("openapi", "3.0.3");
    document.put(
        "info",
        orderedMap(
            "title",
            "PlexSpaces",
            "description",
            "The HTTP interface of a PlexSpaces node. Every error has the one shape `Error`;"
                + " every answer carries `PlexSpaces-Request-Id`.\n\n"
                + "A path names everything it has a place for: one with an empty segment (`//`), or"
                + " with bytes that are not ASCII and not `%XX`, is refused with 400. What is refused"
                + " did not happen. After 504 (`TIMEOUT`) it may have, or may still: repeat it with"
                + " its `Idempotency-Key`. A node that stops refuses with 503 (`UNAVAILABLE`),"
                + " answers what it took before, and tells with 504 whom it could not wait for.",
            "version",
            version));
    document.put("servers", List.of(Map.of("url", "/")));
    document.put("security", List.of(Map.of("bearer", List.of())));
    document.put(
        "tags",
        tags.entrySet().stream()
            .map(tag -> orderedMap("name", tag.getKey(), "description", tag.getValue()))
            .toList());
    document.put("paths", paths);
    document.put(
        "components",
        orderedMap(
            "schemas", schemas(rpcs),
            "responses",
                Map.of(
                    "Error",
                    orderedMap(
                        "description",
                        "The request failed.",
                        "content",
                        Map.of(
                            "application/json",
                            Map.of("schema", Map.of("$ref", SCHEMAS + "Error"))))),
            "securitySchemes",
                Map.of(
                    "bearer",
                    orderedMap(
                        "type", "http",
                        "scheme", "bearer",
                        "bearerFormat", "JWT",
                        "description",
                            "RS256 or ES256. Claims: iss, aud, exp, sub, tenant; optional nbf,"
                                + " namespace, roles."))));
    return document;
  }

  private Map<String, Object> entry(HttpRoute route) {
    Operation operation = route.operation().apply(this);
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("operationId", operation.id());
    entry.put("tags", List.of(operation.tag()));
    entry.put("summary", summary(operation.text()));
    entry.put("description", operation.text());
    if (!operation.parameters().isEmpty()) {
      entry.put(
          "parameters",
          operation.parameters().stream()
              .map(
                  parameter -> {
                    Map<String, Object> one =
                        orderedMap(
                            "name", parameter.name(),
                            "in", parameter.in(),
                            "required", parameter.required(),
                            "description", parameter.text(),
                            "schema", parameter.schema());
                    if (parameter.schema().get("type") == "object") {
                      one.put("style", "form");
                      one.put("explode", true);
                    }
                    return one;
                  })
              .toList());
    }
    operation
        .request()
        .ifPresent(
            body ->
                entry.put(
                    "requestBody",
                    orderedMap(
                        "description", body.text(),
                        "content", content(body))));
    Map<String, Object> responses = new LinkedHashMap<>();
    responses.put(
        Integer.toString(operation.status()),
        orderedMap(
            "description", operation.answer().text(),
            "content", content(operation.answer())));
    Map<String, Object> error = Map.of("$ref", "#/components/responses/Error");
    if (route.access() != HttpRoute.Access.OPEN) {
      responses.put("401", error);
      responses.put("403", error);
    }
    responses.put("default", error);
    entry.put("responses", responses);
    if (route.access() == HttpRoute.Access.OPEN) {
      entry.put("security", List.of());
    }
    return entry;
  }

  private static Map<String, Object> content(Operation.Body body) {
    Map<String, Object> content = new TreeMap<>();
    body.content().forEach((type, schema) -> content.put(type, Map.of("schema", schema)));
    return content;
  }

  /// The first sentence.
  private static String summary(String text) {
    int paragraph = text.indexOf("\n\n");
    String first = paragraph < 0 ? text : text.substring(0, paragraph);
    int sentence = first.indexOf(". ");
    first = sentence < 0 ? first : first.substring(0, sentence);
    return first.endsWith(".") ? first.substring(0, first.length() - 1) : first;
  }

  private Map<String, Object> schemas(List<Rpc<?, ?>> rpcs) {
    Map<String, Object> schemas = new TreeMap<>();
    Deque<Descriptor> waiting = new ArrayDeque<>();
    for (Rpc<?, ?> rpc : rpcs) {
      waiting.add(rpc.descriptor().getInputType());
      waiting.add(rpc.descriptor().getOutputType());
    }
    while (!waiting.isEmpty()) {
      Descriptor message = waiting.remove();
      if (schemas.containsKey(schemaName(message)) || special(message)) {
        continue;
      }
      Map<String, Object> properties = new LinkedHashMap<>();
      List<Object> required = new ArrayList<>();
      for (FieldDescriptor field : message.getFields()) {
        properties.put(field.getName(), described(field));
        if (required(field)) {
          required.add(field.getName());
        }
        FieldDescriptor value =
            field.isMapField() ? field.getMessageType().findFieldByName("value") : field;
        if (value.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
          waiting.add(value.getMessageType());
        }
      }
      Map<String, Object> schema = new LinkedHashMap<>();
      schema.put("type", "object");
      schema.put("description", comment(message.getFullName()));
      schema.put("properties", properties);
      if (!required.isEmpty()) {
        schema.put("required", required);
      }
      schemas.put(schemaName(message), schema);
    }
    schemas.put("Error", errorSchema());
    return schemas;
  }

  private Map<String, Object> described(FieldDescriptor field) {
    Map<String, Object> schema = schema(field);
    String text = comment(field.getFullName());
    if (text.isEmpty()) {
      return schema;
    }
    if (schema.containsKey("$ref")) {
      // A reference ignores what stands beside it, so it is wrapped.
      return orderedMap("description", text, "allOf", List.of(schema));
    }
    Map<String, Object> described = new LinkedHashMap<>(schema);
    described.put("description", text);
    return described;
  }

  private Map<String, Object> schema(FieldDescriptor field) {
    if (field.isMapField()) {
      return orderedMap(
          "type",
          "object",
          "additionalProperties",
          one(field.getMessageType().findFieldByName("value")));
    }
    return field.isRepeated() ? orderedMap("type", "array", "items", one(field)) : one(field);
  }

  private Map<String, Object> one(FieldDescriptor field) {
    return switch (field.getJavaType()) {
      case STRING -> orderedMap("type", "string");
      case INT -> orderedMap("type", "integer", "format", "int32");
      case LONG -> orderedMap("type", "string", "format", "int64");
      case BOOLEAN -> orderedMap("type", "boolean");
      case FLOAT -> orderedMap("type", "number", "format", "float");
      case DOUBLE -> orderedMap("type", "number", "format", "double");
      case BYTE_STRING -> orderedMap("type", "string", "format", "byte");
      case ENUM -> enumeration(field.getEnumType());
      case MESSAGE ->
          special(field.getMessageType())
              ? orderedMap("type", "string", "format", "date-time")
              : reference(field.getMessageType());
    };
  }

  private static Map<String, Object> enumeration(EnumDescriptor type) {
    return orderedMap(
        "type",
        "string",
        "enum",
        type.getValues().stream().map(EnumValueDescriptor::getName).toList());
  }

  private static boolean special(Descriptor message) {
    return message.getFullName().equals(Timestamp.getDescriptor().getFullName());
  }

  private static Map<String, Object> reference(Descriptor message) {
    return orderedMap("$ref", SCHEMAS + schemaName(message));
  }

  /// `plexspaces.system.v1.GetHealthResponse.Component` as `GetHealthResponse.Component`.
  private static String schemaName(Descriptor message) {
    return message.getFullName().substring(message.getFile().getPackage().length() + 1);
  }

  private static Map<String, Object> errorSchema() {
    Map<String, Object> violation =
        orderedMap(
            "type",
            "object",
            "properties",
            orderedMap(
                "field",
                    orderedMap(
                        "type", "string",
                        "description", "Path such as `order.items[2].quantity`."),
                "description", orderedMap("type", "string")));
    Map<String, Object> codes =
        orderedMap(
            "type", "string", "enum", Arrays.stream(ErrorCode.values()).map(Enum::name).toList());
    return orderedMap(
        "type",
        "object",
        "description",
        "Every error, on every route.",
        "required",
        List.of("error"),
        "properties",
        orderedMap(
            "error",
            orderedMap(
                "type", "object",
                "required", List.of("status", "code", "message", "request_id"),
                "properties",
                    orderedMap(
                        "status",
                            orderedMap(
                                "type", "integer",
                                "format", "int32",
                                "description", "HTTP status."),
                        "code", codes,
                        "message", orderedMap("type", "string"),
                        "request_id", orderedMap("type", "string"),
                        "field_violations", orderedMap("type", "array", "items", violation),
                        "retry_after_ms",
                            orderedMap(
                                "type", "integer",
                                "format", "int32",
                                "description", "Milliseconds to wait before trying again.")))));
  }

  /// A map that keeps the order it is written in.
  static Map<String, Object> orderedMap(Object... namesAndValues) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      map.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return map;
  }
}
