package dev.plexspaces.node;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.List;

/// The number that seeds the randomness of durable turns. It lives with the data, since a replayed
/// turn must draw the same numbers.
final class TurnSecret {

  private static final String FILE = "turn-secret";

  private TurnSecret() {}

  /// Reads the secret of a data directory; makes one when there is none.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when the file is damaged, `UNAVAILABLE` when it cannot
  ///   be read or written
  static long of(Path data) {
    Path file = data.resolve(FILE);
    try {
      return Long.parseUnsignedLong(Files.readString(file).strip(), 16);
    } catch (NoSuchFileException e) {
      return create(file);
    } catch (NumberFormatException e) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          FILE + " in the data directory is damaged: restore it from a backup",
          List.of(),
          e);
    } catch (IOException e) {
      throw unavailable(e);
    }
  }

  private static long create(Path file) {
    long secret = new SecureRandom().nextLong();
    Path fresh = file.resolveSibling(FILE + ".new");
    try {
      Files.deleteIfExists(fresh);
      if (fresh.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.createFile(
            fresh,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      }
      Files.writeString(fresh, Long.toHexString(secret) + "\n");
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      return secret;
    } catch (IOException e) {
      throw unavailable(e);
    }
  }

  private static PlexException unavailable(IOException cause) {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        FILE + " in the data directory cannot be read or written",
        List.of(),
        cause);
  }
}
