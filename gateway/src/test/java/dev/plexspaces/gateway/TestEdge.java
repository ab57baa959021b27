package dev.plexspaces.gateway;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.Inspection;
import dev.plexspaces.kernel.json.Json;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/// A real gateway on free ports over fakes, and clients for it.
final class TestEdge implements AutoCloseable {

  final FakeInvoker invoker = new FakeInvoker();

  /// Real actors, for what looks behind the invoker.
  final ActorSystem actors = ActorSystem.inMemory();

  final FakeApplications applications = new FakeApplications();
  final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  final NodeKey key;
  final Gateway gateway;
  final Path uploads;
  volatile Instant now = Instant.parse("2026-11-21T12:00:00Z");
  volatile boolean ready = true;
  volatile List<NodeView.Component> components = List.of();
  volatile RuntimeException metricsFailure;
  private final ExecutorService blocking = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final AtomicLong ids = new AtomicLong();
  private ManagedChannel channel;

  private TestEdge(Path data, boolean dev, UnaryOperator<GatewayOptions> change) {
    key = NodeKey.open(data, () -> now);
    uploads = data.resolve("uploads");
    NodeView node =
        new NodeView() {
          @Override
          public String nodeId() {
            return "node-1";
          }

          @Override
          public String version() {
            return "9.8.7";
          }

          @Override
          public Instant startedAt() {
            return Instant.parse("2026-11-21T11:00:00Z");
          }

          @Override
          public boolean ready() {
            return ready;
          }

          @Override
          public List<Component> components() {
            return components;
          }

          @Override
          public String metrics() {
            if (metricsFailure != null) {
              throw metricsFailure;
            }
            return "plexspaces_up 1\n";
          }
        };
    GatewayOptions options =
        dev
            ? GatewayOptions.dev(0, 0, uploads)
            : GatewayOptions.secure("127.0.0.1", 0, 0, List.of(key.issuer()), uploads);
    gateway =
        Gateway.start(
            change.apply(options),
            new GatewayPorts(
                invoker,
                new Inspection(actors, true),
                applications,
                node,
                meters,
                () -> now,
                () -> "req-" + ids.incrementAndGet(),
                blocking));
  }

  static TestEdge secure(Path data) {
    return new TestEdge(data, false, options -> options);
  }

  static TestEdge secure(Path data, UnaryOperator<GatewayOptions> change) {
    return new TestEdge(data, false, change);
  }

  static TestEdge dev(Path data) {
    return dev(data, options -> options);
  }

  static TestEdge dev(Path data, UnaryOperator<GatewayOptions> change) {
    return new TestEdge(data, true, change);
  }

  String token(String tenant, String... roles) {
    return key.mint(tenant, Optional.empty(), "alice", Set.of(roles), Duration.ofHours(1));
  }

  /// What came back over HTTP.
  record Answer(int status, Map<String, List<String>> headers, byte[] bytes) {
    String text() {
      return new String(bytes, StandardCharsets.UTF_8);
    }

    String header(String name) {
      for (Map.Entry<String, List<String>> header : headers.entrySet()) {
        if (header.getKey().equalsIgnoreCase(name)) {
          return header.getValue().getFirst();
        }
      }
      return null;
    }

    Object json() {
      return Json.parse(bytes);
    }

    @SuppressWarnings("unchecked")
    Map<String, Object> object() {
      return (Map<String, Object>) json();
    }

    @SuppressWarnings("unchecked")
    Map<String, Object> error() {
      return (Map<String, Object>) object().get("error");
    }
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + gateway.httpPort() + path);
  }

  Answer send(HttpRequest request) {
    return send(client, request);
  }

  static Answer send(HttpClient client, HttpRequest request) {
    try {
      HttpResponse<byte[]> response = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
      return new Answer(response.statusCode(), response.headers().map(), response.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  HttpClient client() {
    return client;
  }

  /// @param token null for none
  HttpRequest.Builder request(String method, String path, String token, String body) {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(uri(path))
            .timeout(Duration.ofSeconds(30))
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (body != null) {
      builder.header("content-type", "application/json");
    }
    if (token != null) {
      builder.header("authorization", "Bearer " + token);
    }
    return builder;
  }

  Answer call(String method, String path, String token, String body) {
    return send(request(method, path, token, body).build());
  }

  Answer get(String path, String token) {
    return call("GET", path, token, null);
  }

  /// Sends bytes as they are and reads until the server closes.
  String raw(byte[] bytes) {
    try (Socket socket = new Socket("127.0.0.1", gateway.httpPort())) {
      socket.setSoTimeout(20_000);
      OutputStream out = socket.getOutputStream();
      out.write(bytes);
      out.flush();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  synchronized ManagedChannel channel() {
    if (channel == null) {
      channel =
          NettyChannelBuilder.forAddress("127.0.0.1", gateway.grpcPort()).usePlaintext().build();
    }
    return channel;
  }

  <T extends AbstractStub<T>> T with(T stub, String token, String... metadata) {
    Metadata headers = new Metadata();
    if (token != null) {
      headers.put(
          Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    }
    for (int i = 0; i < metadata.length; i += 2) {
      headers.put(Metadata.Key.of(metadata[i], Metadata.ASCII_STRING_MARSHALLER), metadata[i + 1]);
    }
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  @Override
  public void close() {
    if (channel != null) {
      channel.shutdownNow();
    }
    gateway.close();
    actors.close();
    client.close();
    blocking.close();
  }
}
