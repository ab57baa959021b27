package dev.plexspaces.node;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.node.config.ConfigTable;
import dev.plexspaces.node.config.Durations;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// How a node is run. A flag wins over the environment, the environment over the file, the file
/// over the default. Source: spec `reference-plexspaces`, section 13.
///
/// | flag | environment | file key | default |
/// |---|---|---|---|
/// | `--node-id` | `PLEXSPACES_NODE_ID` | `node.id` | `node-1` |
/// | `--data` | `PLEXSPACES_DATA` | `node.data` | `.plexspaces` |
/// | `--host` | `PLEXSPACES_HOST` | `node.host` | `0.0.0.0`, with `--dev` `127.0.0.1` |
/// | `--http-port` | `PLEXSPACES_HTTP_PORT` | `http.port` | 8001 |
/// | `--grpc-port` | `PLEXSPACES_GRPC_PORT` | `grpc.port` | 8000 |
/// | `--log-level` | `PLEXSPACES_LOG_LEVEL` | `log.level` | `info` |
/// | – | `PLEXSPACES_LOG_FILE` | `log.file` | none: only standard error |
/// | – | `PLEXSPACES_DRAIN` | `shutdown.drain` | `10s` |
/// | – | `PLEXSPACES_SAMPLES` | `node.samples` | `true` |
/// | – | – | `history.retention` | `7d` |
/// | – | – | `history.commits` | 1000 |
/// | – | – | `history.payloads` | `true` |
/// | – | – | `idempotency.kept` | `24h` |
/// | – | – | `idempotency.per_tenant` | 1000000 |
/// | `--dev` | – | – | off |
///
/// `--dev` exists as a flag only: a node without authentication should look like one where it is
/// started.
///
/// @param nodeId name of the node, same rules as a tenant
/// @param data data directory
/// @param dev authentication off, loopback only
/// @param host address to bind
/// @param httpPort 0 picks a free one
/// @param grpcPort 0 picks a free one
/// @param logLevel least severe lines that are written
/// @param logFile also write the log there, rotated at 50 MB, 10 old files kept
/// @param samples deploy the sample applications
/// @param drain longest wait for requests in progress when stopping; who is not answered by then is
///   told that the outcome is unknown
/// @param trusted further token issuers, besides the node's own key
/// @param history what people may read of the past of durable actors
/// @param idempotency what is remembered of requests with an idempotency key
public record NodeOptions(
    String nodeId,
    Path data,
    boolean dev,
    String host,
    int httpPort,
    int grpcPort,
    LogLevel logLevel,
    Optional<Path> logFile,
    boolean samples,
    Duration drain,
    List<Issuer> trusted,
    History history,
    Idempotency idempotency) {

  /// Default id of a node.
  public static final String NODE_ID = "node-1";

  /// Default address.
  public static final String HOST = "0.0.0.0";

  /// Address with `--dev`.
  public static final String LOOPBACK = "127.0.0.1";

  /// Default port of HTTP.
  public static final int HTTP_PORT = 8001;

  /// Default port of gRPC.
  public static final int GRPC_PORT = 8000;

  /// Default of `drain`.
  public static final Duration DRAIN = Duration.ofSeconds(10);

  /// Longest `drain`.
  public static final Duration DRAIN_MAX = Duration.ofMinutes(10);

  /// Most further issuers.
  public static final int TRUSTED_MAX = 16;

  private static final String ENVIRONMENT = "PLEXSPACES_";
  private static final int PORT_MAX = 65_535;

  /// Least severe lines that are written.
  public enum LogLevel {
    TRACE,
    DEBUG,
    INFO,
    WARN,
    ERROR
  }

  /// Somebody else whose tokens are accepted.
  ///
  /// @param issuer `iss` of its tokens
  /// @param audience `aud` its tokens must have
  /// @param jwksFile its public keys, a JSON Web Key Set
  public record Issuer(String issuer, String audience, Path jwksFile) {}

  /// What people may read of the past of durable actors; nothing else needs it.
  ///
  /// @param retention older commits are dropped; at most 3650 days
  /// @param commits newest commits of one actor that are kept, 0 to 100,000; 0 keeps none
  /// @param payloads false leaves payloads, replies, results and values out of every answer of the
  ///   edge; the disk has them all the same, because recovery needs them
  public record History(Duration retention, int commits, boolean payloads) {

    /// Longest `retention`.
    public static final Duration RETENTION_MAX = Duration.ofDays(3650);

    /// Most `commits`.
    public static final int COMMITS_MAX = 100_000;

    /// 7 days, 1000 commits, payloads shown.
    public static final History DEFAULT = new History(Duration.ofDays(7), 1_000, true);
  }

  /// What is remembered of requests with an idempotency key: the store keeps a row for each.
  ///
  /// @param kept how long an outcome is remembered; at most 30 days
  /// @param perTenant most outcomes of one tenant that are remembered, 1 to 1,000,000,000; a
  ///   request with a new key beyond them is refused
  public record Idempotency(Duration kept, long perTenant) {

    /// Longest `kept`.
    public static final Duration KEPT_MAX = Duration.ofDays(30);

    /// Most `perTenant`.
    public static final long PER_TENANT_MAX = 1_000_000_000;

    /// 24 hours, 1,000,000 outcomes.
    public static final Idempotency DEFAULT =
        new Idempotency(
            ActorSystem.Options.IDEMPOTENCY_KEPT, ActorSystem.Options.IDEMPOTENCY_PER_TENANT);
  }

  /// What was said on the command line.
  public record Flags(
      boolean dev,
      Optional<String> nodeId,
      Optional<Path> data,
      Optional<String> host,
      Optional<Integer> httpPort,
      Optional<Integer> grpcPort,
      Optional<String> logLevel,
      Optional<Path> config) {

    /// Nothing but `--data` and whether it is `--dev`, on free ports.
    public static Flags on(Path data, boolean dev) {
      return new Flags(
          dev,
          Optional.empty(),
          Optional.of(data),
          Optional.empty(),
          Optional.of(0),
          Optional.of(0),
          Optional.empty(),
          Optional.empty());
    }
  }

  /// Puts flags, environment, file and defaults together.
  ///
  /// @param environment such as `System.getenv()`; `PLEXSPACES_CONFIG` names the file when no flag
  ///   does
  /// @throws PlexException `INVALID_MESSAGE` naming flag, variable or key and what is accepted;
  ///   `NOT_FOUND` when the file is missing
  public static NodeOptions read(Flags flags, Map<String, String> environment) {
    Optional<Path> file = flags.config().or(() -> variable(environment, "CONFIG").map(Path::of));
    ConfigTable root =
        file.map(NodeOptions::load).orElseGet(() -> ConfigTable.parse("", new byte[0]));
    FileKeys keys = FileKeys.of(root);

    String nodeId =
        flags.nodeId().or(() -> variable(environment, "NODE_ID")).or(keys::nodeId).orElse(NODE_ID);
    Scope.requireName("node id", nodeId);
    String host =
        flags
            .host()
            .or(() -> variable(environment, "HOST"))
            .or(keys::host)
            .orElse(flags.dev() ? LOOPBACK : HOST);
    int http =
        port("--http-port", flags.httpPort(), environment, "HTTP_PORT", keys.httpPort(), HTTP_PORT);
    int grpc =
        port("--grpc-port", flags.grpcPort(), environment, "GRPC_PORT", keys.grpcPort(), GRPC_PORT);
    if (http != 0 && http == grpc) {
      throw invalid("HTTP and gRPC cannot share port " + http + "; choose another for one of them");
    }
    return new NodeOptions(
        nodeId,
        flags
            .data()
            .or(() -> variable(environment, "DATA").map(Path::of))
            .or(() -> keys.data().map(Path::of))
            .orElse(DataDirectory.DEFAULT),
        flags.dev(),
        host,
        http,
        grpc,
        flags
            .logLevel()
            .map(text -> level("--log-level", text))
            .or(
                () ->
                    variable(environment, "LOG_LEVEL")
                        .map(t -> level(ENVIRONMENT + "LOG_LEVEL", t)))
            .or(keys::logLevel)
            .orElse(LogLevel.INFO),
        variable(environment, "LOG_FILE").map(Path::of).or(() -> keys.logFile().map(Path::of)),
        variable(environment, "SAMPLES").map(NodeOptions::yesOrNo).or(keys::samples).orElse(true),
        variable(environment, "DRAIN").map(NodeOptions::drain).or(keys::drain).orElse(DRAIN),
        keys.trusted(),
        keys.history(),
        keys.idempotency());
  }

  /// What the file says.
  private record FileKeys(
      Optional<String> nodeId,
      Optional<String> data,
      Optional<String> host,
      Optional<Integer> httpPort,
      Optional<Integer> grpcPort,
      Optional<LogLevel> logLevel,
      Optional<String> logFile,
      Optional<Boolean> samples,
      Optional<Duration> drain,
      List<Issuer> trusted,
      History history,
      Idempotency idempotency) {

    static FileKeys of(ConfigTable root) {
      Optional<ConfigTable> node = root.table("node");
      Optional<ConfigTable> http = root.table("http");
      Optional<ConfigTable> grpc = root.table("grpc");
      Optional<ConfigTable> log = root.table("log");
      Optional<ConfigTable> shutdown = root.table("shutdown");
      Optional<ConfigTable> security = root.table("security");
      Optional<ConfigTable> history = root.table("history");
      Optional<ConfigTable> idempotency = root.table("idempotency");
      FileKeys keys =
          new FileKeys(
              node.flatMap(t -> t.string("id")),
              node.flatMap(t -> t.string("data")),
              node.flatMap(t -> t.string("host")),
              http.flatMap(NodeOptions::filePort),
              grpc.flatMap(NodeOptions::filePort),
              log.flatMap(t -> t.oneOf("level", levels())),
              log.flatMap(t -> t.string("file")),
              node.flatMap(t -> t.bool("samples")),
              shutdown.flatMap(t -> t.duration("drain", DRAIN_MAX)),
              security.map(FileKeys::issuers).orElse(List.of()),
              history.map(FileKeys::history).orElse(History.DEFAULT),
              idempotency.map(FileKeys::idempotency).orElse(Idempotency.DEFAULT));
      for (Optional<ConfigTable> table :
          List.of(node, http, grpc, log, shutdown, security, history, idempotency)) {
        table.ifPresent(ConfigTable::requireNoOtherKeys);
      }
      root.requireNoOtherKeys();
      return keys;
    }

    private static History history(ConfigTable history) {
      return new History(
          history.duration("retention", History.RETENTION_MAX).orElse(History.DEFAULT.retention()),
          history.intNumber("commits", 0, History.COMMITS_MAX).orElse(History.DEFAULT.commits()),
          history.bool("payloads").orElse(History.DEFAULT.payloads()));
    }

    private static Idempotency idempotency(ConfigTable idempotency) {
      return new Idempotency(
          idempotency.duration("kept", Idempotency.KEPT_MAX).orElse(Idempotency.DEFAULT.kept()),
          idempotency
              .integer("per_tenant", 1, Idempotency.PER_TENANT_MAX)
              .orElse(Idempotency.DEFAULT.perTenant()));
    }

    private static List<Issuer> issuers(ConfigTable security) {
      List<Issuer> issuers = new ArrayList<>();
      for (ConfigTable table : security.tables("trusted", TRUSTED_MAX)) {
        issuers.add(
            new Issuer(
                table.requireString("issuer"),
                table.requireString("audience"),
                Path.of(table.requireString("jwks_file"))));
        table.requireNoOtherKeys();
      }
      return List.copyOf(issuers);
    }
  }

  private static ConfigTable load(Path file) {
    String name = String.valueOf(file.getFileName());
    try {
      if (Files.size(file) > ConfigTable.SIZE_MAX_BYTES) {
        throw invalid(file + ": is larger than " + ConfigTable.SIZE_MAX_BYTES + " bytes");
      }
      return ConfigTable.parse(name, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new PlexException(
          ErrorCode.NOT_FOUND, "configuration file " + file + " cannot be read", List.of(), e);
    }
  }

  private static Optional<Integer> filePort(ConfigTable table) {
    var port = table.intNumber("port", 0, PORT_MAX);
    return port.isPresent() ? Optional.of(port.getAsInt()) : Optional.empty();
  }

  private static int port(
      String flagName,
      Optional<Integer> flag,
      Map<String, String> environment,
      String variable,
      Optional<Integer> fromFile,
      int absent) {
    return flag.map(p -> requirePort(flagName, Integer.toString(p)))
        .or(() -> variable(environment, variable).map(t -> requirePort(ENVIRONMENT + variable, t)))
        .or(() -> fromFile)
        .orElse(absent);
  }

  private static int requirePort(String where, String text) {
    try {
      int port = Integer.parseInt(text);
      if (port >= 0 && port <= PORT_MAX) {
        return port;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw invalid(where + ": must be a port, 0 to " + PORT_MAX + "; got \"" + text + "\"");
  }

  private static LogLevel level(String where, String text) {
    LogLevel level = levels().get(text);
    if (level == null) {
      throw invalid(
          where
              + ": must be one of "
              + String.join(", ", levels().keySet())
              + "; got \""
              + text
              + "\"");
    }
    return level;
  }

  private static Map<String, LogLevel> levels() {
    Map<String, LogLevel> words = new LinkedHashMap<>();
    for (LogLevel level : LogLevel.values()) {
      words.put(level.name().toLowerCase(Locale.ROOT), level);
    }
    return words;
  }

  private static boolean yesOrNo(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw invalid(ENVIRONMENT + "SAMPLES: must be true or false; got \"" + text + "\"");
    };
  }

  private static Duration drain(String text) {
    return Durations.parse(text)
        .filter(d -> d.compareTo(DRAIN_MAX) <= 0)
        .orElseThrow(
            () ->
                invalid(
                    ENVIRONMENT
                        + "DRAIN: must be "
                        + Durations.SYNTAX
                        + ", at most "
                        + DRAIN_MAX.toMinutes()
                        + "m; got \""
                        + text
                        + "\""));
  }

  /// An empty variable counts as unset, as shells make it hard to tell the two apart.
  private static Optional<String> variable(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(ENVIRONMENT + name)).filter(v -> !v.isBlank());
  }

  private static PlexException invalid(String message) {
    return new PlexException(ErrorCode.INVALID_MESSAGE, message);
  }
}
