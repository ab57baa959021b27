package dev.plexspaces.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.zip.CRC32C;

/// A small file beside the database that swears up to which commit the database was durable. SQLite
/// opens a log with a flipped bit, or none at all, as an older database without a word; this file
/// is how we notice.
///
/// @param storeId which database it speaks of
/// @param seq a commit that was durable
record Witness(String storeId, long seq) {

  static final String FILE = "plexspaces.witness";

  private static final String TITLE = "plexspaces-witness 1 ";

  /// Reads the file.
  ///
  /// @throws IOException when it is there and cannot be understood
  static Optional<Witness> read(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    String line = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
    String[] parts = line.split(" ");
    if (parts.length != 5
        || !line.startsWith(TITLE)
        || !parts[4].equals(checksum(line.substring(0, line.lastIndexOf(' '))))) {
      throw new IOException(
          "the witness file "
              + FILE
              + " is damaged; check the database against a backup and"
              + " delete the witness to go on");
    }
    return Optional.of(new Witness(parts[2], Long.parseLong(parts[3])));
  }

  /// Replaces the file; it is on disk when this returns.
  void write(Path directory) throws IOException {
    String line = TITLE + storeId + " " + seq;
    Path temporary = directory.resolve(FILE + ".new");
    try (FileChannel channel =
        OwnerOnly.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      byte[] text = (line + " " + checksum(line) + "\n").getBytes(StandardCharsets.UTF_8);
      ByteBuffer bytes = ByteBuffer.wrap(text);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Path file = directory.resolve(FILE);
    try {
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static String checksum(String line) {
    CRC32C crc = new CRC32C();
    crc.update(line.getBytes(StandardCharsets.UTF_8));
    return Long.toHexString(crc.getValue());
  }
}
