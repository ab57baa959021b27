package dev.plexspaces.bench;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.HttpResponse;
import com.linecorp.armeria.common.HttpStatus;
import com.linecorp.armeria.common.MediaType;
import com.linecorp.armeria.common.ResponseHeaders;
import com.linecorp.armeria.server.HttpService;
import com.linecorp.armeria.server.Server;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/// The HTTP server that the gateway is built on, with a handler that reads the request and answers
/// a constant: what an invocation could cost at best. A process of its own, like the node.
public final class BareServer {

  private BareServer() {}

  /// @param args the reply's body, as long as the one it is compared with
  public static void main(String[] args) throws Exception {
    byte[] body = args[0].getBytes(StandardCharsets.UTF_8);
    HttpService constant =
        (context, request) ->
            HttpResponse.of(
                request
                    .aggregate()
                    .thenApply(
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
                                HttpData.wrap(body))));
    Server server =
        Server.builder()
            .http(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .service("/api/v1/actors/{tenant}/{namespace}/{type}/{key}", constant)
            .service("/api/v1/actors/{tenant}/{namespace}/{type}/{key}/ask", constant)
            .build();
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
