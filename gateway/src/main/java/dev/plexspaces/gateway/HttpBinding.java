package dev.plexspaces.gateway;

import com.google.api.AnnotationsProto;
import com.google.api.HttpRule;
import com.google.protobuf.Descriptors;
import com.linecorp.armeria.common.HttpMethod;
import java.util.ArrayList;
import java.util.List;

/// One HTTP method and path a `google.api.http` annotation gives an rpc.
///
/// @param body `*`, the name of a field, or "" when the request has no body
/// @param index 0 for the annotation itself, then its additional bindings
record HttpBinding(HttpMethod method, String template, String body, int index) {

  /// The bindings of an rpc; none when it is served over gRPC only.
  static List<HttpBinding> of(Descriptors.MethodDescriptor rpc) {
    List<HttpBinding> bindings = new ArrayList<>();
    if (rpc.getOptions().hasExtension(AnnotationsProto.http)) {
      HttpRule rule = rpc.getOptions().getExtension(AnnotationsProto.http);
      bindings.add(of(rule, 0));
      for (HttpRule additional : rule.getAdditionalBindingsList()) {
        bindings.add(of(additional, bindings.size()));
      }
    }
    return bindings;
  }

  private static HttpBinding of(HttpRule rule, int index) {
    return switch (rule.getPatternCase()) {
      case GET -> new HttpBinding(HttpMethod.GET, rule.getGet(), rule.getBody(), index);
      case PUT -> new HttpBinding(HttpMethod.PUT, rule.getPut(), rule.getBody(), index);
      case POST -> new HttpBinding(HttpMethod.POST, rule.getPost(), rule.getBody(), index);
      case DELETE -> new HttpBinding(HttpMethod.DELETE, rule.getDelete(), rule.getBody(), index);
      case PATCH -> new HttpBinding(HttpMethod.PATCH, rule.getPatch(), rule.getBody(), index);
      case CUSTOM, PATTERN_NOT_SET ->
          throw new IllegalStateException("google.api.http: no method that can be served");
    };
  }

  /// The names in braces, in order.
  static List<String> variables(String template) {
    List<String> names = new ArrayList<>();
    for (String segment : template.split("/")) {
      if (segment.startsWith("{") && segment.endsWith("}")) {
        names.add(segment.substring(1, segment.length() - 1));
      }
    }
    return names;
  }

  /// Method and path, unique among all routes.
  String name() {
    return method + " " + template;
  }
}
