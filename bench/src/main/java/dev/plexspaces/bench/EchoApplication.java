package dev.plexspaces.bench;

import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// A deployable application with one volatile actor type whose handler does next to nothing, so
/// that calling it over HTTP measures the call.
final class EchoApplication {

  /// Answers what it is given.
  @GenServer(value = "bench_echo", facets = "virtual_actor")
  public static class Echo {
    /// What an echo answers.
    public record Said(String status, long number) {}

    @Handler({"echo", "call"})
    public Said echo(long number) {
      return new Said("ok", number);
    }
  }

  private static final String CONFIG =
      """
      [application]
      id = "bench-echo"
      name = "bench_echo"
      version = "1.0.0"

      [[actors]]
      class = "%s"
      """
          .formatted(Echo.class.getName());

  private EchoApplication() {}

  /// Writes the application's JAR.
  static Path jar(Path folder) throws IOException {
    Files.createDirectories(folder);
    Path jar = folder.resolve("bench-echo.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      add(zip, "app-config.toml", CONFIG.getBytes(StandardCharsets.UTF_8));
      for (Class<?> part : List.of(EchoApplication.class, Echo.class, Echo.Said.class)) {
        String entry = part.getName().replace('.', '/') + ".class";
        try (InputStream in = part.getClassLoader().getResourceAsStream(entry)) {
          add(zip, entry, in.readAllBytes());
        }
      }
    }
    return jar;
  }

  private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(content);
    zip.closeEntry();
  }
}
