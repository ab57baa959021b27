package dev.plexspaces.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Files that nobody but their owner may read, where the file system can say so.
final class OwnerOnly {

  private static final String FILE = "rw-------";
  private static final String DIRECTORY = "rwx------";

  private static final Logger LOG = LoggerFactory.getLogger(OwnerOnly.class);

  private OwnerOnly() {}

  /// Makes a directory, or closes one that is there, with the files in it, to others.
  static void directory(Path path) throws IOException {
    Files.createDirectories(path.toAbsolutePath().getParent());
    if (!Files.isDirectory(path)) {
      Files.createDirectory(path, attributes(path, DIRECTORY));
      return;
    }
    restrict(path, DIRECTORY);
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : files.toList()) {
        if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
          restrict(file, FILE);
        }
      }
    }
  }

  /// Opens a file, made for its owner only when it is missing.
  static FileChannel open(Path path, OpenOption... options) throws IOException {
    return FileChannel.open(path, Set.of(options), attributes(path, FILE));
  }

  /// Makes an empty file unless it is there: SQLite gives its log the permissions of its database.
  static void create(Path path) throws IOException {
    open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE).close();
  }

  private static void restrict(Path path, String permissions) {
    if (!isPosix(path)) {
      return;
    }
    try {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
    } catch (IOException e) {
      // Somebody else's, or a file system that cannot: the node need not stand still for it.
      LOG.warn("others may be able to read {}: {}", path.getFileName(), e.getMessage());
    }
  }

  private static FileAttribute<?>[] attributes(Path path, String permissions) {
    return isPosix(path)
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        }
        : new FileAttribute<?>[0];
  }

  private static boolean isPosix(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix");
  }
}
