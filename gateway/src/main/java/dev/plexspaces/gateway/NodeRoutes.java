package dev.plexspaces.gateway;

import static java.util.stream.Collectors.toMap;

import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import dev.plexspaces.gateway.Authorization.Permission;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/// Routes that no rpc has: metrics, the OpenAPI document and the pages that show it.
final class NodeRoutes {

  private static final String WEBJAR = "/META-INF/resources/webjars/swagger-ui/";
  private static final String WEBJAR_POM = "/META-INF/maven/org.webjars/swagger-ui/pom.properties";
  private static final String TAG = "Node";

  /// What `/docs/{asset}` serves: nothing else can be named.
  private static final Map<String, MediaType> ASSETS =
      Map.of(
          "swagger-ui.css", MediaType.CSS_UTF_8,
          "swagger-ui-bundle.js", MediaType.JAVASCRIPT_UTF_8,
          "favicon-32x32.png", MediaType.PNG,
          "start.js", MediaType.JAVASCRIPT_UTF_8);

  private static final String PAGE =
      """
      <!doctype html>
      <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>PlexSpaces API</title>
        <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
        <link rel="stylesheet" href="/docs/swagger-ui.css">
      </head>
      <body>
        <div id="swagger-ui"></div>
        <script src="/docs/swagger-ui-bundle.js"></script>
        <script src="/docs/start.js"></script>
      </body>
      </html>
      """;

  private static final String START =
      """
      SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
      """;

  /// Nothing but what this server serves; the viewer writes styles into its elements.
  private static final String CONTENT_SECURITY_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
          + " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

  private final NodeView node;
  private final ExecutorService blocking;
  private final ConcurrentHashMap<String, byte[]> assets = new ConcurrentHashMap<>();
  private Supplier<byte[]> generator;
  private CompletableFuture<byte[]> document;

  NodeRoutes(NodeView node, ExecutorService blocking) {
    this.node = node;
    this.blocking = blocking;
  }

  /// Sets what makes the OpenAPI document. It is made from all routes, these included, when first
  /// asked for: a node does not start later for a document nobody may read.
  synchronized void document(Supplier<byte[]> generator) {
    this.generator = generator;
  }

  private synchronized CompletableFuture<byte[]> document() {
    if (document == null) {
      document = CompletableFuture.supplyAsync(generator, blocking);
    }
    return document;
  }

  List<HttpRoute> routes() {
    return List.of(
        route(
            "/metrics",
            HttpRoute.Access.TOKEN,
            "Metrics",
            "Metrics of the node in the Prometheus text format. Needs the role `operator`: they name"
                + " the applications of every tenant.",
            "text/plain",
            this::metrics),
        route(
            "/openapi.json",
            HttpRoute.Access.OPEN,
            "OpenApi",
            "This document. Needs no credentials.",
            "application/json",
            exchange -> exchange.when(document(), json -> exchange.answer(HttpStatus.OK, json))),
        route(
            "/docs",
            HttpRoute.Access.TOKEN_OR_BASIC,
            "Docs",
            "A page that shows this document. A browser may send the token as the password of HTTP"
                + " Basic.",
            "text/html",
            exchange ->
                page(exchange, MediaType.HTML_UTF_8, PAGE.getBytes(StandardCharsets.UTF_8))),
        route(
            "/docs/{asset}",
            HttpRoute.Access.TOKEN_OR_BASIC,
            "DocsAsset",
            "A part of the page at /docs.",
            ASSETS.values().stream()
                .map(type -> type.withoutParameters())
                .distinct()
                .collect(toMap(MediaType::toString, NodeRoutes::schema)),
            this::asset));
  }

  private static HttpRoute route(
      String template,
      HttpRoute.Access access,
      String id,
      String text,
      String mediaType,
      HttpRoute.Handler handler) {
    return route(template, access, id, text, Map.of(mediaType, Map.of("type", "string")), handler);
  }

  private static Map<String, Object> schema(MediaType type) {
    return type.type().equals("image")
        ? Map.of("type", "string", "format", "binary")
        : Map.of("type", "string");
  }

  private static HttpRoute route(
      String template,
      HttpRoute.Access access,
      String id,
      String text,
      Map<String, Map<String, Object>> content,
      HttpRoute.Handler handler) {
    List<Operation.Parameter> parameters =
        HttpBinding.variables(template).stream()
            .map(
                name ->
                    new Operation.Parameter(
                        name,
                        "path",
                        true,
                        "Name of the file.",
                        Map.of(
                            "type", "string", "enum", ASSETS.keySet().stream().sorted().toList())))
            .toList();
    return new HttpRoute(
        HttpMethod.GET,
        template,
        access,
        GatewayOptions.BODY_BYTES_MAX,
        openApi ->
            new Operation(
                id,
                TAG,
                text,
                parameters,
                Optional.empty(),
                200,
                new Operation.Body(text, content)),
        handler);
  }

  private void metrics(Exchange exchange) {
    Authorization.require(exchange.caller().principal(), Permission.VIEW_METRICS);
    exchange.when(
        CompletableFuture.supplyAsync(node::metrics, blocking),
        text ->
            exchange.answer(
                exchange.headers(
                    HttpStatus.OK, MediaType.PLAIN_TEXT_UTF_8.withParameter("version", "0.0.4")),
                text.getBytes(StandardCharsets.UTF_8)));
  }

  private void asset(Exchange exchange) {
    String name = exchange.variable("asset");
    MediaType type = ASSETS.get(name);
    if (type == null) {
      throw new PlexException(ErrorCode.NOT_FOUND, "no such file");
    }
    page(exchange, type, assets.computeIfAbsent(name, NodeRoutes::read));
  }

  private static void page(Exchange exchange, MediaType type, byte[] body) {
    exchange.answer(
        exchange
            .headers(HttpStatus.OK, type)
            .set(HttpHeaderNames.CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
            .set(HttpHeaderNames.X_CONTENT_TYPE_OPTIONS, "nosniff"),
        body);
  }

  private static byte[] read(String name) {
    if (name.equals("start.js")) {
      return START.getBytes(StandardCharsets.UTF_8);
    }
    try (InputStream pom = NodeRoutes.class.getResourceAsStream(WEBJAR_POM)) {
      Properties properties = new Properties();
      properties.load(pom);
      String path = WEBJAR + properties.getProperty("version") + "/" + name;
      try (InputStream in = NodeRoutes.class.getResourceAsStream(path)) {
        return in.readAllBytes();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
