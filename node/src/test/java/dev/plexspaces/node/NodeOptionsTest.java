package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.node.NodeOptions.Flags;
import dev.plexspaces.node.NodeOptions.LogLevel;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NodeOptionsTest {

  @TempDir Path temp;

  @Test
  void nothingSaid_givesTheDefaults() {
    assertThat(NodeOptions.read(flags(false), Map.of()))
        .isEqualTo(
            new NodeOptions(
                "node-1",
                Path.of(".plexspaces"),
                false,
                "0.0.0.0",
                8001,
                8000,
                LogLevel.INFO,
                Optional.empty(),
                true,
                Duration.ofSeconds(10),
                List.of(),
                new NodeOptions.History(Duration.ofDays(7), 1_000, true),
                new NodeOptions.Idempotency(Duration.ofHours(24), 1_000_000)));
  }

  @Test
  void dev_bindsToLoopback() {
    assertThat(NodeOptions.read(flags(true), Map.of()).host()).isEqualTo("127.0.0.1");
  }

  @Test
  void file_winsOverDefaults() throws IOException {
    Path file =
        file(
            """
            [node]
            id = "from-file"
            data = "/srv/plex"
            host = "10.0.0.1"
            samples = false
            [http]
            port = 1
            [grpc]
            port = 2
            [log]
            level = "debug"
            file = "/var/log/plex.log"
            [shutdown]
            drain = "30s"
            [history]
            retention = "2d"
            commits = 50
            payloads = false
            [idempotency]
            kept = "3h"
            per_tenant = 7
            [[security.trusted]]
            issuer = "https://idp"
            audience = "plex"
            jwks_file = "/etc/idp.json"
            """);

    assertThat(NodeOptions.read(flags(file), Map.of()))
        .isEqualTo(
            new NodeOptions(
                "from-file",
                Path.of("/srv/plex"),
                false,
                "10.0.0.1",
                1,
                2,
                LogLevel.DEBUG,
                Optional.of(Path.of("/var/log/plex.log")),
                false,
                Duration.ofSeconds(30),
                List.of(new NodeOptions.Issuer("https://idp", "plex", Path.of("/etc/idp.json"))),
                new NodeOptions.History(Duration.ofDays(2), 50, false),
                new NodeOptions.Idempotency(Duration.ofHours(3), 7)));
  }

  @Test
  void environment_winsOverTheFile_andNamesIt() throws IOException {
    Path file = file("[node]\nid = \"from-file\"\ndata = \"/file\"\n[http]\nport = 1");

    NodeOptions options =
        NodeOptions.read(
            flags(false),
            Map.of(
                "PLEXSPACES_CONFIG", file.toString(),
                "PLEXSPACES_NODE_ID", "from-env",
                "PLEXSPACES_HTTP_PORT", "3",
                "PLEXSPACES_GRPC_PORT", "",
                "PLEXSPACES_LOG_LEVEL", "error",
                "PLEXSPACES_DRAIN", "1m"));

    assertThat(options.nodeId()).isEqualTo("from-env");
    assertThat(options.data()).isEqualTo(Path.of("/file"));
    assertThat(options.httpPort()).isEqualTo(3);
    assertThat(options.grpcPort()).isEqualTo(8000);
    assertThat(options.logLevel()).isEqualTo(LogLevel.ERROR);
    assertThat(options.drain()).isEqualTo(Duration.ofMinutes(1));
  }

  @Test
  void flags_winOverAll() throws IOException {
    Path file = file("[node]\nid = \"from-file\"\n[http]\nport = 1");
    Flags flags =
        new Flags(
            true,
            Optional.of("from-flag"),
            Optional.of(Path.of("/flag")),
            Optional.of("::1"),
            Optional.of(0),
            Optional.of(0),
            Optional.of("warn"),
            Optional.of(file));

    NodeOptions options =
        NodeOptions.read(
            flags,
            Map.of(
                "PLEXSPACES_NODE_ID", "from-env",
                "PLEXSPACES_DATA", "/env",
                "PLEXSPACES_HOST", "1.1.1.1",
                "PLEXSPACES_HTTP_PORT", "3",
                "PLEXSPACES_LOG_LEVEL", "error"));

    assertThat(options.nodeId()).isEqualTo("from-flag");
    assertThat(options.data()).isEqualTo(Path.of("/flag"));
    assertThat(options.host()).isEqualTo("::1");
    assertThat(options.httpPort()).isZero();
    assertThat(options.grpcPort()).isZero();
    assertThat(options.logLevel()).isEqualTo(LogLevel.WARN);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "PLEXSPACES_HTTP_PORT | 70000 | PLEXSPACES_HTTP_PORT: must be a port, 0 to 65535; got \"70000\"",
        "PLEXSPACES_GRPC_PORT | x | PLEXSPACES_GRPC_PORT: must be a port, 0 to 65535; got \"x\"",
        "PLEXSPACES_GRPC_PORT | 8001 | HTTP and gRPC cannot share port 8001",
        "PLEXSPACES_LOG_LEVEL | loud | PLEXSPACES_LOG_LEVEL: must be one of trace, debug",
        "PLEXSPACES_SAMPLES | maybe | PLEXSPACES_SAMPLES: must be true or false; got \"maybe\"",
        "PLEXSPACES_DRAIN | 1 | PLEXSPACES_DRAIN: must be a whole number followed by ms",
        "PLEXSPACES_DRAIN | 11m | at most 10m",
        "PLEXSPACES_NODE_ID | a/b | node id: must be 1 to 128 letters",
        "PLEXSPACES_CONFIG | /no/such/file.toml | configuration file /no/such/file.toml cannot be read"
      })
  void badEnvironment_isRefusedByName(String variable, String value, String problem) {
    assertThat(
            catchThrowableOfType(
                PlexException.class, () -> NodeOptions.read(flags(false), Map.of(variable, value))))
        .hasMessageContaining(problem);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[node]#name = 'x' | node.toml: node.name: is not a known key; accepted here: id, data, host",
        "[http]#port = 70000 | node.toml: http.port: must be 0 to 65535",
        "[idempotency]#per_tenant = 0 | node.toml: idempotency.per_tenant: must be 1 to 1000000000; got 0",
        "[idempotency]#per_tenant = '9' | node.toml: idempotency.per_tenant: must be a whole number",
        "[idempotency]#kept = '31d' | node.toml: idempotency.kept: must be at most",
        "[log]#level = 'loud' | node.toml: log.level: must be one of trace",
        "dev = true | node.toml: dev: is not a known key; accepted here: node, http, grpc, log",
        "[[security.trusted]]#issuer = 'x' | node.toml: security.trusted[0].audience: is missing"
      })
  void badFile_isRefusedWithFileAndKey(String toml, String problem) throws IOException {
    Path file = file(toml.replace('#', '\n').replace('\'', '"'));

    assertThat(
            catchThrowableOfType(
                PlexException.class, () -> NodeOptions.read(flags(file), Map.of())))
        .hasMessageContaining(problem);
  }

  private Path file(String toml) throws IOException {
    return Files.writeString(temp.resolve("node.toml"), toml);
  }

  private static Flags flags(boolean dev) {
    return new Flags(
        dev,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static Flags flags(Path config) {
    return new Flags(
        false,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(config));
  }
}
