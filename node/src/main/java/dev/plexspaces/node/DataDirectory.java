package dev.plexspaces.node;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/// The directory in which a node keeps everything, held by one node at a time.
///
/// The hold is an operating system lock on `node.lock`: it ends with the process, however that
/// dies. The file has something in it from the start of a node until it has stopped in order.
public final class DataDirectory implements AutoCloseable {

  /// Where a node keeps its data unless told otherwise, relative to the working directory.
  public static final Path DEFAULT = Path.of(".plexspaces");

  private static final String LOCK = "node.lock";

  private static final byte[] RUNNING = "running\n".getBytes(StandardCharsets.US_ASCII);

  private final Path path;
  private final FileChannel channel;
  private final boolean afterUncleanStop;

  private DataDirectory(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.afterUncleanStop = channel.size() > 0;
    channel.write(ByteBuffer.wrap(RUNNING), 0);
    channel.force(true);
  }

  /// Takes hold of a directory; makes it, readable by its owner only, when it is missing.
  ///
  /// @throws PlexException `CONFLICT` when a node runs on it; `UNAVAILABLE` when it cannot be made
  ///   or written
  public static DataDirectory open(Path path) {
    create(path);
    try {
      FileChannel channel =
          FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!locked(channel)) {
        channel.close();
        throw inUseBy(path);
      }
      return new DataDirectory(path, channel);
    } catch (IOException e) {
      throw unusable(path, e);
    }
  }

  /// True while a node runs on the directory.
  ///
  /// @throws IOException when its lock cannot be looked at
  public static boolean inUse(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path.resolve(LOCK), StandardOpenOption.WRITE)) {
      return !locked(channel);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /// Refuses a directory on which no node was ever started.
  ///
  /// @throws PlexException `NOT_FOUND`
  public static void requireUsed(Path path) {
    if (!Files.exists(path.resolve(LOCK))) {
      throw new PlexException(
          ErrorCode.NOT_FOUND,
          "no node was started on "
              + path
              + " yet: name the data directory of one with --data, or start one with `plexspaces"
              + " start --data "
              + path
              + "`");
    }
  }

  /// The directory.
  public Path path() {
    return path;
  }

  /// True when the last node on it ended without stopping in order.
  public boolean afterUncleanStop() {
    return afterUncleanStop;
  }

  /// Notes that the node has stopped in order.
  ///
  /// @throws IOException when that cannot be written: the stop will count as an unclean one
  public void stoppedInOrder() throws IOException {
    channel.truncate(0);
    channel.force(true);
  }

  /// Lets go.
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // The lock ends with the process at the latest.
      System.getLogger(DataDirectory.class.getName())
          .log(System.Logger.Level.WARNING, "closing the lock", e);
    }
  }

  /// Takes the lock, which closing the channel gives back.
  private static boolean locked(FileChannel channel) throws IOException {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  /// Makes a directory, readable by its owner only, unless it is there. Takes no hold of it.
  ///
  /// @throws PlexException `UNAVAILABLE` when it cannot be made
  private static void create(Path path) {
    if (Files.isDirectory(path)) {
      return;
    }
    Path absolute = path.toAbsolutePath();
    try {
      Files.createDirectories(absolute.getParent());
      if (absolute.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.createDirectory(
            absolute,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } else {
        Files.createDirectory(absolute);
      }
    } catch (IOException e) {
      throw unusable(path, e);
    }
  }

  private static PlexException unusable(Path path, IOException cause) {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "data directory " + path + " cannot be made or written: " + cause.getMessage(),
        List.of(),
        cause);
  }

  private static PlexException inUseBy(Path path) throws IOException {
    String who =
        NodeFile.read(path)
            .map(n -> "node " + n.nodeId() + " (pid " + n.pid() + ", port " + n.httpPort() + ")")
            .orElse("another node");
    return new PlexException(
        ErrorCode.CONFLICT,
        "data directory "
            + path
            + " is in use by "
            + who
            + ": stop it with `plexspaces stop --data "
            + path
            + "`, or start with another --data");
  }
}
