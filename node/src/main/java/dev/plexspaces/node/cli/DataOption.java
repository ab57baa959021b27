package dev.plexspaces.node.cli;

import dev.plexspaces.node.DataDirectory;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Option;

/// `--data`, for commands that look at a node's directory.
final class DataOption {

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Data directory of the node (PLEXSPACES_DATA; default .plexspaces).")
  private Path data;

  Map<String, String> environment = Map.of();

  /// The directory to look at.
  Path path() {
    if (data != null) {
      return data;
    }
    String variable = environment.getOrDefault("PLEXSPACES_DATA", "");
    return variable.isBlank() ? DataDirectory.DEFAULT : Path.of(variable);
  }
}
