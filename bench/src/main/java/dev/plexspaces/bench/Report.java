package dev.plexspaces.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// One result file: what goes to the screen, headed by the machine it ran on.
final class Report implements AutoCloseable {

  private final PrintWriter file;

  /// @param path replaced when it exists
  Report(Path path, String title) throws IOException {
    Files.createDirectories(path.toAbsolutePath().getParent());
    file = new PrintWriter(Files.newBufferedWriter(path, StandardCharsets.UTF_8));
    header(title);
  }

  /// Writes one line to the file and to standard output.
  void line(String text) {
    System.out.println(text);
    file.println(text);
    file.flush();
  }

  void line(String format, Object... args) {
    line(String.format(Locale.ROOT, format, args));
  }

  private void header(String title) throws IOException {
    var jvm = ManagementFactory.getRuntimeMXBean();
    line(title);
    // The launch script passes the date: this process reads no clock but the monotonic one.
    line("date     %s, commit %s", property("bench.date"), property("bench.commit"));
    line(
        "machine  %s, %d cores, %d MiB memory",
        first("/proc/cpuinfo", "model name"),
        Runtime.getRuntime().availableProcessors(),
        kib(first("/proc/meminfo", "MemTotal")) / 1024);
    line("kernel   %s %s", System.getProperty("os.name"), System.getProperty("os.version"));
    line("jdk      %s %s", jvm.getVmName(), Runtime.version());
    line("flags    %s", String.join(" ", shown(jvm.getInputArguments())));
    line(
        "load     %s at the start (1, 5, 15 min; above 0.5 somebody else used the machine and"
            + " absolute numbers are low)",
        load());
  }

  private static List<String> shown(List<String> arguments) {
    return arguments.stream().filter(a -> !a.startsWith("-Dbench.")).toList();
  }

  private static String property(String name) {
    return System.getProperty(name, "unknown");
  }

  static String load() throws IOException {
    String[] words = Files.readString(Path.of("/proc/loadavg")).split(" ");
    return words[0] + " " + words[1] + " " + words[2];
  }

  private static String first(String file, String key) throws IOException {
    for (String line : Files.readAllLines(Path.of(file))) {
      if (line.startsWith(key)) {
        return line.substring(line.indexOf(':') + 1).strip();
      }
    }
    return "unknown";
  }

  private static long kib(String text) {
    return Long.parseLong(text.split(" ")[0]);
  }

  @Override
  public void close() throws IOException {
    line("");
    line("load     %s at the end", load());
    file.close();
  }
}
