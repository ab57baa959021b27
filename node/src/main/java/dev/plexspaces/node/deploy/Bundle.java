package dev.plexspaces.node.deploy;

import dev.plexspaces.node.config.ConfigTable;
import dev.plexspaces.sdk.PlexException;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/// An application's files, checked and laid out in a directory: `app-config.toml` and `lib/*.jar`.
///
/// A `.psa` bundle is a zip with `app-config.toml` at its root and its code in `lib/*.jar` or
/// `*.jar` at the root; other entries (a readme, sources) are left out. A loose JAR comes with its
/// configuration beside it or inside it. Source: spec `plexspaces-and-miniclaw`, S1.7.
///
/// @param directory where the files are
/// @param config the parsed `app-config.toml`
/// @param jars the code, ordered by name
public record Bundle(Path directory, AppConfig config, List<Path> jars) {

  /// Largest upload, bytes.
  public static final long SIZE_MAX_BYTES = 100L * 1024 * 1024;

  /// Largest number of JARs in a bundle.
  public static final int JARS_MAX = 500;

  private static final String LIB = "lib";
  private static final Pattern JAR_NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}\\.jar");

  /// What was uploaded.
  public enum Kind {
    /// A `.psa` bundle.
    PSA,
    /// A JAR.
    JAR
  }

  /// Checks an upload and lays it out in an empty directory. Nothing outside of it is touched, and
  /// on an error its content is for the caller to remove.
  ///
  /// @param name the upload's name, for errors
  /// @param file the upload itself
  /// @param config text of an `app-config.toml` that is used instead of one in the upload
  /// @throws PlexException `INVALID_MESSAGE` naming file, entry or key, and the reason
  /// @throws IOException when the directory cannot be written
  static Bundle stage(Path directory, Kind kind, String name, Path file, Optional<byte[]> config)
      throws IOException {
    return stage(directory, kind, name, file, config, new ArchiveBudget());
  }

  static Bundle stage(
      Path directory,
      Kind kind,
      String name,
      Path file,
      Optional<byte[]> config,
      ArchiveBudget budget)
      throws IOException {
    if (Files.size(file) > SIZE_MAX_BYTES) {
      throw Refused.upload(name, "is larger than " + SIZE_MAX_BYTES / (1024 * 1024) + " MiB");
    }
    Path lib = Files.createDirectories(directory.resolve(LIB));
    byte[] inside =
        switch (kind) {
          case PSA -> unpack(lib, name, file, budget);
          case JAR -> {
            Files.copy(file, lib.resolve("application.jar"));
            yield checkJar(name, file, budget);
          }
        };
    byte[] toml =
        config
            .or(() -> Optional.ofNullable(inside))
            .orElseThrow(
                () ->
                    Refused.upload(
                        name,
                        "has no " + AppConfig.FILE + " and none was sent beside it in `config`"));
    // Parsed before it is written: what is on disk was good once.
    AppConfig parsed = AppConfig.parse(AppConfig.FILE, toml);
    Files.write(directory.resolve(AppConfig.FILE), toml);
    return new Bundle(directory, parsed, jars(lib));
  }

  /// Opens the files of an earlier [#stage].
  ///
  /// @throws PlexException `INVALID_MESSAGE` when the configuration is not valid (any more)
  /// @throws IOException when files are missing
  static Bundle open(Path directory) throws IOException {
    AppConfig config =
        AppConfig.parse(AppConfig.FILE, Files.readAllBytes(directory.resolve(AppConfig.FILE)));
    return new Bundle(directory, config, jars(directory.resolve(LIB)));
  }

  private static byte[] unpack(Path lib, String name, Path file, ArchiveBudget budget)
      throws IOException {
    byte[] config = null;
    int jars = 0;
    try (ZipFile zip = openZip(name, file)) {
      budget.checkNames(name, zip);
      for (var entries = zip.entries(); entries.hasMoreElements(); ) {
        ZipEntry entry = entries.nextElement();
        if (entry.isDirectory()) {
          continue;
        }
        if (entry.getName().equals(AppConfig.FILE)) {
          config = bytes(name, zip, entry, budget);
        } else if (jarName(entry.getName()) instanceof String jar) {
          if (++jars > JARS_MAX) {
            throw Refused.upload(name, "holds more than " + JARS_MAX + " JARs");
          }
          extract(lib, name, zip, entry, jar, budget);
        } else {
          read(name, zip, entry, OutputStream.nullOutputStream(), budget);
        }
      }
    }
    if (jars == 0) {
      throw Refused.upload(name, "holds no code: put JARs into lib/ or at the root");
    }
    return config;
  }

  private static void extract(
      Path lib, String name, ZipFile zip, ZipEntry entry, String jar, ArchiveBudget budget)
      throws IOException {
    if (!JAR_NAME.matcher(jar).matches()) {
      throw Refused.upload(
          name,
          "the JAR name \""
              + ArchiveBudget.printable(jar)
              + "\" must be letters, digits, '.', '_', '+' or '-'");
    }
    Path target = lib.resolve(jar);
    if (Files.exists(target)) {
      throw Refused.upload(name, "holds two JARs named \"" + jar + "\"");
    }
    try (OutputStream out = Files.newOutputStream(target)) {
      read(name, zip, entry, out, budget);
    }
    checkJar(jar, target, budget);
  }

  /// Reads every entry of a JAR, so that a damaged one is refused now and not when a class of it is
  /// needed; returns its `app-config.toml`, or null.
  private static byte[] checkJar(String name, Path jar, ArchiveBudget budget) throws IOException {
    byte[] config = null;
    try (ZipFile zip = openZip(name, jar)) {
      budget.checkNames(name, zip);
      for (var entries = zip.entries(); entries.hasMoreElements(); ) {
        ZipEntry entry = entries.nextElement();
        if (entry.getName().equals(AppConfig.FILE)) {
          config = bytes(name, zip, entry, budget);
        } else {
          read(name, zip, entry, OutputStream.nullOutputStream(), budget);
        }
      }
    }
    return config;
  }

  private static String jarName(String entry) {
    String file = entry.startsWith(LIB + "/") ? entry.substring(LIB.length() + 1) : entry;
    return file.endsWith(".jar") && file.indexOf('/') < 0 ? file : null;
  }

  private static ZipFile openZip(String name, Path file) throws IOException {
    try {
      return new ZipFile(file.toFile());
    } catch (ZipException | IllegalArgumentException e) {
      throw Refused.upload(name, "is not a zip archive or is damaged");
    }
  }

  private static byte[] bytes(String name, ZipFile zip, ZipEntry entry, ArchiveBudget budget)
      throws IOException {
    if (entry.getSize() > ConfigTable.SIZE_MAX_BYTES) {
      throw Refused.upload(
          entry.getName(), "is larger than " + ConfigTable.SIZE_MAX_BYTES + " bytes");
    }
    // The declared size may lie; the budget of the whole upload is the bound that holds.
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    read(name, zip, entry, out, budget);
    return out.toByteArray();
  }

  private static void read(
      String name, ZipFile zip, ZipEntry entry, OutputStream out, ArchiveBudget budget)
      throws IOException {
    try {
      budget.copy(name, zip, entry, out);
    } catch (ZipException | EOFException e) {
      throw Refused.upload(
          name, "is damaged at entry \"" + ArchiveBudget.printable(entry.getName()) + "\"");
    }
  }

  private static List<Path> jars(Path lib) throws IOException {
    try (Stream<Path> files = Files.list(lib)) {
      List<Path> jars = new ArrayList<>(files.filter(f -> f.toString().endsWith(".jar")).toList());
      jars.sort(null);
      return List.copyOf(jars);
    }
  }
}
