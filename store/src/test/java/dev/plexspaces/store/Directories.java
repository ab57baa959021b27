package dev.plexspaces.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Copies of a store's directory, as a crash would leave it.
final class Directories {

  static final List<String> SURVIVORS =
      List.of(Database.FILE, Database.FILE + "-wal", Witness.FILE);

  private Directories() {}

  /// Copies what a crash leaves; call on the writer thread or when nothing is written.
  static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    clear(to);
    for (String name : SURVIVORS) {
      if (Files.exists(from.resolve(name))) {
        Files.copy(from.resolve(name), to.resolve(name));
      }
    }
  }

  static void clear(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
  }

  static Path wal(Path directory) {
    return directory.resolve(Database.FILE + "-wal");
  }
}
