package dev.plexspaces.node.cli;

import dev.plexspaces.node.Node;
import dev.plexspaces.node.NodeOptions;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "start",
    description = "Runs a node in the foreground until it is told to stop.",
    footer = "Prints one line when it serves: PlexSpaces ready, then its HTTP and gRPC addresses.",
    mixinStandardHelpOptions = true)
final class StartCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--dev",
      description = "Without authentication, reachable from this machine only.")
  private boolean dev;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Data directory (PLEXSPACES_DATA; default .plexspaces).")
  private Path data;

  @Option(
      names = "--http-port",
      paramLabel = "PORT",
      description = "Port of HTTP, 0 for a free one (PLEXSPACES_HTTP_PORT; default 8001).")
  private Integer httpPort;

  @Option(
      names = "--grpc-port",
      paramLabel = "PORT",
      description = "Port of gRPC, 0 for a free one (PLEXSPACES_GRPC_PORT; default 8000).")
  private Integer grpcPort;

  @Option(
      names = "--node-id",
      paramLabel = "ID",
      description = "Name of the node (PLEXSPACES_NODE_ID; default node-1).")
  private String nodeId;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "Address to bind (PLEXSPACES_HOST; default 0.0.0.0, with --dev 127.0.0.1).")
  private String host;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "trace, debug, info, warn or error (PLEXSPACES_LOG_LEVEL; default info).")
  private String logLevel;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "A TOML file with these and further options (PLEXSPACES_CONFIG).")
  private Path config;

  Map<String, String> environment = Map.of();

  @Override
  public Integer call() throws InterruptedException {
    NodeOptions options =
        Misuse.checked(
            () ->
                NodeOptions.read(
                    new NodeOptions.Flags(
                        dev,
                        Optional.ofNullable(nodeId),
                        Optional.ofNullable(data),
                        Optional.ofNullable(host),
                        Optional.ofNullable(httpPort),
                        Optional.ofNullable(grpcPort),
                        Optional.ofNullable(logLevel),
                        Optional.ofNullable(config)),
                    environment));
    Node.run(options, spec.commandLine().getOut());
    return Main.OK;
  }
}
