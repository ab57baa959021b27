package dev.plexspaces.gateway;

import com.linecorp.armeria.common.HttpMethod;
import java.util.function.Function;

/// One method on one path of the HTTP edge.
///
/// @param template path such as `/api/v1/actors/{actor_id}`; also the label of its metrics
/// @param access who gets in
/// @param bodyBytesMax longest request body
/// @param operation its entry in the OpenAPI document; asked when that is made
record HttpRoute(
    HttpMethod method,
    String template,
    Access access,
    long bodyBytesMax,
    Function<OpenApi, Operation> operation,
    Handler handler) {

  /// Who gets in.
  enum Access {
    /// Everybody.
    OPEN,
    /// The bearer of a token.
    TOKEN,
    /// The bearer of a token, or a browser that sends one as the password of HTTP Basic: pages are
    /// opened by people, and an address bar sends no bearer token.
    TOKEN_OR_BASIC
  }

  /// Answers a request through its [Exchange], now or later. What it throws becomes the answer.
  @FunctionalInterface
  interface Handler {
    void handle(Exchange exchange) throws Exception;
  }

  /// True when a path has this template's shape. Only asked on the way to an error.
  boolean fits(String path) {
    String[] wanted = template.split("/", -1);
    String[] found = path.split("/", -1);
    if (wanted.length != found.length) {
      return false;
    }
    for (int i = 0; i < wanted.length; i++) {
      boolean variable = wanted[i].startsWith("{");
      if (variable ? found[i].isEmpty() : !wanted[i].equals(found[i])) {
        return false;
      }
    }
    return true;
  }
}
