package dev.plexspaces.node.cli;

import dev.plexspaces.node.DataDirectory;
import dev.plexspaces.node.NodeFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/// Which node a command talks to, as whom, and how it answers.
final class Connection {

  /// Where a node is looked for when nothing says otherwise.
  static final String DEFAULT_URL = "http://127.0.0.1:8001";

  @Option(
      names = "--url",
      paramLabel = "URL",
      description =
          "HTTP address of the node (PLEXSPACES_URL; default: that of the node running on --data,"
              + " else "
              + DEFAULT_URL
              + ").")
  private String url;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "Token to call with (PLEXSPACES_TOKEN); see `plexspaces token`.")
  private String token;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Data directory of a local node (PLEXSPACES_DATA; default .plexspaces).")
  private Path data;

  @Option(names = "--json", description = "Answer in JSON, for machines.")
  boolean json;

  Map<String, String> environment = Map.of();

  /// A client for the node.
  Client client() {
    return new Client(uri(), token());
  }

  private URI uri() {
    String text =
        Optional.ofNullable(url)
            .or(() -> variable("PLEXSPACES_URL"))
            .or(this::runningOnData)
            .orElse(DEFAULT_URL);
    try {
      URI uri = URI.create(text.endsWith("/") ? text.substring(0, text.length() - 1) : text);
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new Misuse("--url: \"" + text + "\" is not an http or https URL");
  }

  private Optional<String> runningOnData() {
    Path directory =
        data != null
            ? data
            : variable("PLEXSPACES_DATA").map(Path::of).orElse(DataDirectory.DEFAULT);
    try {
      Optional<NodeFile> node = NodeFile.read(directory);
      if (data != null && node.isEmpty()) {
        throw new Failure(
            "no node runs on " + data + ": start one with `plexspaces start --data " + data + "`");
      }
      return node.map(n -> "http://127.0.0.1:" + n.httpPort());
    } catch (IOException e) {
      throw new Failure("cannot read " + directory.resolve(NodeFile.NAME) + ": " + e.getMessage());
    }
  }

  Optional<String> token() {
    return Optional.ofNullable(token).or(() -> variable("PLEXSPACES_TOKEN"));
  }

  private Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name)).filter(v -> !v.isBlank());
  }
}
