package dev.plexspaces.bench;

import com.linecorp.armeria.common.ExchangeType;
import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpRequest;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.RoutingContext;
import com.linecorp.armeria.server.Server;
import com.linecorp.armeria.server.ServerBuilder;
import com.linecorp.armeria.server.ServiceRequestContext;
import io.netty.handler.flush.FlushConsolidationHandler;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executor;

/// The HTTP server that the gateway is built on, with a handler that reads the request and answers
/// a constant: what an invocation could cost at best. A process of its own, like the node.
public final class BareServer {

  /// How it is set up.
  enum Kind {
    /// With the gateway's settings, which write an answer in one piece.
    PLAIN(ExchangeType.REQUEST_STREAMING, Runnable::run),
    /// As the library comes.
    UNTUNED(ExchangeType.BIDI_STREAMING, Runnable::run),
    /// With the gateway's settings, and the handler on a thread that it may block, as an actor may.
    MAY_BLOCK(ExchangeType.REQUEST_STREAMING, task -> Thread.ofVirtual().start(task));

    private final ExchangeType exchange;
    private final Executor handler;

    Kind(ExchangeType exchange, Executor handler) {
      this.exchange = exchange;
      this.handler = handler;
    }
  }

  private BareServer() {}

  private record Constant(byte[] body, Kind kind) implements HttpService {
    @Override
    public HttpResponse serve(ServiceRequestContext context, HttpRequest request) {
      return HttpResponse.of(
          request
              .aggregate()
              .thenApplyAsync(
                  whole ->
                      HttpResponse.of(
                          ResponseHeaders.of(
                              HttpStatus.OK,
                              HttpHeaderNames.CONTENT_TYPE,
                              MediaType.JSON_UTF_8,
                              "plexspaces-actor",
                              context.pathParam("type") + "/" + context.pathParam("key"),
                              "plexspaces-request-id",
                              context.id().text()),
                          HttpData.wrap(body)),
                  kind.handler));
    }

    @Override
    public ExchangeType exchangeType(RoutingContext context) {
      return kind.exchange;
    }
  }

  /// @param args the reply's body, as long as the one it is compared with, and the [Kind]
  public static void main(String[] args) throws Exception {
    Kind kind = Kind.valueOf(args[1]);
    HttpService constant = new Constant(args[0].getBytes(StandardCharsets.UTF_8), kind);
    ServerBuilder builder =
        Server.builder()
            .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .service("/api/v1/actors/{tenant}/{namespace}/{type}/{key}", constant)
            .service("/api/v1/actors/{tenant}/{namespace}/{type}/{key}/ask", constant);
    if (kind != Kind.UNTUNED) {
      builder.childChannelPipelineCustomizer(
          pipeline ->
              pipeline.replace(
                  FlushConsolidationHandler.class,
                  null,
                  new FlushConsolidationHandler(
                      FlushConsolidationHandler.DEFAULT_EXPLICIT_FLUSH_AFTER_FLUSHES, true)));
    }
    Server server = builder.build();
    server.start().join();
    System.out.println("bare ready http://127.0.0.1:" + server.activeLocalPort());
    // Ends with the process that started it.
    while (System.in.read() >= 0) {
      continue;
    }
    server.stop().join();
    System.exit(0);
  }
}
