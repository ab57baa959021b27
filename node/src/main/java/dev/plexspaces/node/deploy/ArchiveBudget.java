package dev.plexspaces.node.deploy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/// What one upload may cost in entries and expanded bytes, its JARs included, and the one way its
/// archives are read.
///
/// Sizes are counted while reading: what an archive says about itself is not believed. Not thread
/// safe.
final class ArchiveBudget {

  /// Most entries of all archives of an upload.
  static final int ENTRIES_MAX = 10_000;

  /// Most bytes of all archives of an upload after expansion.
  static final long EXPANDED_MAX_BYTES = 500L * 1024 * 1024;

  private static final int BUFFER_BYTES = 64 * 1024;
  private static final int NAME_LENGTH_MAX = 1_024;

  private final byte[] buffer = new byte[BUFFER_BYTES];
  private long entriesLeft;
  private long bytesLeft;

  ArchiveBudget() {
    this(ENTRIES_MAX, EXPANDED_MAX_BYTES);
  }

  /// With other limits.
  ArchiveBudget(long entries, long bytes) {
    this.entriesLeft = entries;
    this.bytesLeft = bytes;
  }

  /// Counts and checks the names of all entries.
  ///
  /// @param archive name for errors
  /// @throws dev.plexspaces.sdk.PlexException `INVALID_MESSAGE` naming archive, entry and reason
  void checkNames(String archive, ZipFile zip) {
    Set<String> names = new HashSet<>();
    for (var entries = zip.entries(); entries.hasMoreElements(); ) {
      String name = entries.nextElement().getName();
      if (--entriesLeft < 0) {
        throw Refused.upload(archive, "holds more than " + ENTRIES_MAX + " entries");
      }
      if (!safe(name)) {
        throw Refused.upload(
            archive, "the entry \"" + printable(name) + "\" points outside of the bundle");
      }
      if (!names.add(name)) {
        throw Refused.upload(archive, "holds the entry \"" + printable(name) + "\" twice");
      }
    }
  }

  /// Reads one entry to its end, checks its checksum and hands the bytes on.
  ///
  /// @param archive name for errors
  /// @throws IOException when the archive is damaged or `out` fails
  void copy(String archive, ZipFile zip, ZipEntry entry, OutputStream out) throws IOException {
    CRC32 checksum = new CRC32();
    try (InputStream in = zip.getInputStream(entry)) {
      if (in == null) {
        throw new ZipException("no such entry");
      }
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        bytesLeft -= n;
        if (bytesLeft < 0) {
          throw Refused.upload(
              archive, "expands to more than " + EXPANDED_MAX_BYTES / (1024 * 1024) + " MiB");
        }
        checksum.update(buffer, 0, n);
        out.write(buffer, 0, n);
      }
    }
    if (entry.getCrc() != -1 && entry.getCrc() != checksum.getValue()) {
      throw new ZipException("checksum of entry \"" + printable(entry.getName()) + "\" is wrong");
    }
  }

  private static boolean safe(String name) {
    if (name.isEmpty()
        || name.length() > NAME_LENGTH_MAX
        || name.startsWith("/")
        || name.indexOf('\\') >= 0
        || name.indexOf(':') >= 0
        || name.chars().anyMatch(Character::isISOControl)) {
      return false;
    }
    for (String part : name.split("/")) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        return false;
      }
    }
    return true;
  }

  static String printable(String name) {
    String text = name.length() > 200 ? name.substring(0, 200) + "…" : name;
    return text.codePoints()
        .map(c -> Character.isISOControl(c) ? '?' : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
