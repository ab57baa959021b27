package dev.plexspaces.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/// `DIR/node.json`: where the node that runs on a data directory can be reached.
///
/// Written when the node is ready, removed when it stops in order; after a crash it is left behind
/// and means nothing ([DataDirectory#inUse] tells).
///
/// @param pid process id
/// @param nodeId id of the node
/// @param httpPort the port it really listens on
/// @param grpcPort the port it really listens on
/// @param version of PlexSpaces
public record NodeFile(long pid, String nodeId, int httpPort, int grpcPort, String version) {

  /// Name of the file in the data directory.
  public static final String NAME = "node.json";

  private static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  /// Reads the file of a data directory; empty when there is none or it cannot be understood.
  ///
  /// @throws IOException when it is there and cannot be read
  public static Optional<NodeFile> read(Path data) throws IOException {
    try {
      return Optional.of(JSON.readValue(Files.readAllBytes(data.resolve(NAME)), NodeFile.class));
    } catch (NoSuchFileException | JacksonException e) {
      return Optional.empty();
    }
  }

  /// Puts the file in place in one step: a reader sees all of it or the one before.
  void write(Path data) throws IOException {
    Path fresh = data.resolve(NAME + ".new");
    Files.writeString(fresh, JSON.writeValueAsString(this) + "\n");
    Files.move(fresh, data.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
  }

  static void remove(Path data) throws IOException {
    Files.deleteIfExists(data.resolve(NAME));
  }
}
