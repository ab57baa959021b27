package dev.plexspaces.gateway;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.QueryParams;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Serves an rpc without a request body over HTTP: path and query become the request, the response
/// becomes JSON with the field names of the `.proto` and defaults written out.
///
/// Our own rather than the server library's: that one ignores unknown query parameters and answers
/// some errors in plain text. Bodies arrive at native routes only, which keep their JSON untouched.
/// Source: `google/api/http.proto`.
final class Transcoder {

  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer()
          .preservingProtoFieldNames()
          .alwaysPrintFieldsWithNoPresence()
          .omittingInsignificantWhitespace();

  private Transcoder() {}

  static <Q extends Message, A extends Message> HttpRoute.Handler handler(
      Rpc<Q, A> rpc, HttpBinding binding) {
    if (!binding.body().isEmpty()) {
      throw new IllegalStateException(binding.name() + ": has a body, which needs a native route");
    }
    Q empty = rpc.emptyRequest();
    List<String> variables = HttpBinding.variables(binding.template());
    Map<String, FieldDescriptor> query = new HashMap<>();
    for (FieldDescriptor field : empty.getDescriptorForType().getFields()) {
      requireScalar(field);
      if (!variables.contains(field.getName())) {
        query.put(field.getName(), field);
      }
    }
    return exchange -> {
      Message.Builder request = empty.newBuilderForType();
      for (String name : variables) {
        FieldDescriptor field = empty.getDescriptorForType().findFieldByName(name);
        request.setField(field, value(field, exchange.variable(name)));
      }
      QueryParams params = exchange.context.queryParams();
      for (String name : params.names()) {
        FieldDescriptor field = query.get(name);
        if (field == null) {
          throw Caller.invalid(
              name,
              query.isEmpty()
                  ? "no query parameters are understood here"
                  : "no such query parameter; known: "
                      + String.join(", ", query.keySet().stream().sorted().toList()));
        }
        List<String> values = params.getAll(name);
        if (values.size() > 1) {
          throw Caller.invalid(name, "must be given once");
        }
        request.setField(field, value(field, values.getFirst()));
      }
      @SuppressWarnings("unchecked")
      Q built = (Q) request.build();
      exchange.when(
          rpc.handler().handle(exchange.caller(), built),
          answer -> exchange.answer(HttpStatus.OK, json(answer)));
    };
  }

  private static void requireScalar(FieldDescriptor field) {
    boolean scalar =
        !field.isRepeated()
            && switch (field.getJavaType()) {
              case STRING, INT, LONG, BOOLEAN -> true;
              case FLOAT, DOUBLE, BYTE_STRING, ENUM, MESSAGE -> false;
            };
    if (!scalar) {
      throw new IllegalStateException(field.getFullName() + ": cannot be a query parameter");
    }
  }

  private static Object value(FieldDescriptor field, String text) {
    try {
      return switch (field.getJavaType()) {
        case INT -> Integer.valueOf(text);
        case LONG -> Long.valueOf(text);
        case BOOLEAN ->
            switch (text) {
              case "true" -> true;
              case "false" -> false;
              default -> throw Caller.invalid(field.getName(), "must be true or false");
            };
        default -> requireText(field.getName(), text);
      };
    } catch (NumberFormatException e) {
      throw Caller.invalid(
          field.getName(),
          "must be a whole number of "
              + (field.getJavaType() == FieldDescriptor.JavaType.INT ? 32 : 64)
              + " bits");
    }
  }

  /// Text that was decoded without loss.
  ///
  /// @throws PlexException `INVALID_MESSAGE`
  static String requireText(String field, String text) {
    if (text.indexOf('\uFFFD') >= 0) {
      throw Caller.invalid(field, "has bytes that are not UTF-8");
    }
    return text;
  }

  static byte[] json(Message message) {
    try {
      return PRINTER.print(message).getBytes(StandardCharsets.UTF_8);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a message of ours has no unknown Any", e);
    }
  }
}
