package dev.plexspaces.gateway;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One entry of the OpenAPI document.
///
/// @param id unique
/// @param tag group it is shown in
/// @param text what it does; the first paragraph is its summary
/// @param parameters in path and query
/// @param request body, if it takes one
/// @param status of the answer when all is well
/// @param answer body of that answer
record Operation(
    String id,
    String tag,
    String text,
    List<Parameter> parameters,
    Optional<Body> request,
    int status,
    Body answer) {

  /// A parameter.
  ///
  /// @param in `path`, `query` or `header`
  /// @param schema OpenAPI schema
  record Parameter(
      String name, String in, boolean required, String text, Map<String, Object> schema) {}

  /// A body.
  ///
  /// @param content OpenAPI schema by media type
  record Body(String text, Map<String, Map<String, Object>> content) {

    /// A body of one media type.
    Body(String mediaType, String text, Map<String, Object> schema) {
      this(text, Map.of(mediaType, schema));
    }
  }

  Operation withRequest(Body body) {
    return new Operation(id, tag, text, parameters, Optional.of(body), status, answer);
  }

  Operation withAnswer(int status, Body body) {
    return new Operation(id, tag, text, parameters, request, status, body);
  }

  /// Keeps the path's parameters and adds others in place of those of the rpc.
  Operation withParameters(List<Parameter> others) {
    List<Parameter> all = new ArrayList<>();
    for (Parameter parameter : parameters) {
      if (parameter.in().equals("path")) {
        all.add(parameter);
      }
    }
    all.addAll(others);
    return new Operation(id, tag, text, List.copyOf(all), request, status, answer);
  }
}
