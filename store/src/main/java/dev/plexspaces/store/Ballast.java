package dev.plexspaces.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A file that only takes room, given up when the disk is full so that there is some to recover
/// with, and taken back when the disk has room again. Not thread-safe.
final class Ballast {

  private static final String FILE = "plexspaces.ballast";

  private static final Logger LOG = LoggerFactory.getLogger(Ballast.class);

  private final Path file;
  private final int bytes;

  /// @param bytes its size; 0 for none
  Ballast(Path directory, int bytes) {
    this.file = directory.resolve(FILE);
    this.bytes = bytes;
  }

  /// Takes the room.
  ///
  /// @return false when the disk has less than twice as much
  boolean restore() {
    if (bytes == 0) {
      return true;
    }
    try {
      if (Files.exists(file) && Files.size(file) == bytes) {
        return true;
      }
      if (Files.getFileStore(file.getParent()).getUsableSpace() < 2L * bytes) {
        return false;
      }
      try (FileChannel channel =
          OwnerOnly.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        ByteBuffer zeros = ByteBuffer.allocate(1 << 16);
        for (int left = bytes; left > 0; left -= zeros.limit()) {
          zeros.clear().limit(Math.min(left, zeros.capacity()));
          while (zeros.hasRemaining()) {
            channel.write(zeros);
          }
        }
        channel.force(true);
      }
      return true;
    } catch (IOException e) {
      release();
      return false;
    }
  }

  /// Gives the room up.
  void release() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("cannot delete the ballast: {}", e.getMessage());
    }
  }
}
