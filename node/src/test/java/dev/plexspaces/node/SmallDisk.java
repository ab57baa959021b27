package dev.plexspaces.node;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A file system of a few megabytes, in memory, for root and for ordinary users alike: mounted in a
/// mount namespace of its own, which a process holds open and which ends with it.
final class SmallDisk implements AutoCloseable {

  private static final int CHUNK_BYTES = 1 << 12;

  private final Path mount;
  private final Path seen;
  private final Process holder;
  private final boolean root;

  private SmallDisk(Path mount, Path seen, Process holder, boolean root) {
    this.mount = mount;
    this.seen = seen;
    this.holder = holder;
    this.root = root;
  }

  /// Makes one below a directory of the test.
  ///
  /// @throws IllegalStateException when this machine lets us mount nothing
  static SmallDisk make(Path parent, int megabytes) throws IOException {
    boolean root = isRoot();
    Path mount = Files.createDirectory(parent.resolve("disk"));
    List<String> command = new ArrayList<>(List.of("unshare", "--mount"));
    if (!root) {
      command.addAll(List.of("--user", "--map-root-user"));
    }
    command.addAll(
        List.of(
            "sh",
            "-c",
            "mount -t tmpfs -o size=\"$1m\" tmpfs \"$2\" && echo mounted && exec cat",
            "sh",
            Integer.toString(megabytes),
            mount.toString()));
    Process holder = new ProcessBuilder(command).redirectErrorStream(true).start();
    BufferedReader out = holder.inputReader();
    String said = out.readLine();
    if (!"mounted".equals(said)) {
      holder.destroyForcibly();
      throw new IllegalStateException(
          "cannot mount a small disk, which this test needs (as root: CAP_SYS_ADMIN; otherwise:"
              + " unprivileged user namespaces): "
              + said);
    }
    Path seen = parent.resolve("seen");
    Files.createSymbolicLink(seen, Path.of("/proc/" + holder.pid() + "/root" + mount));
    return new SmallDisk(mount, seen, holder, root);
  }

  private static boolean isRoot() throws IOException {
    return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0;
  }

  /// Where it is for processes that [#entering] starts.
  Path mount() {
    return mount;
  }

  /// Where it is for this process; only to read and write files by name.
  Path seen() {
    return seen;
  }

  /// What to put before a command so that it sees the disk.
  List<String> entering() {
    List<String> command =
        new ArrayList<>(List.of("nsenter", "--target", Long.toString(holder.pid()), "--mount"));
    if (!root) {
      command.addAll(List.of("--user", "--preserve-credentials"));
    }
    return command;
  }

  /// Takes all room there is.
  void fill() throws IOException {
    try (OutputStream hog = Files.newOutputStream(hog())) {
      byte[] chunk = new byte[CHUNK_BYTES];
      while (true) {
        hog.write(chunk);
      }
    } catch (IOException e) {
      if (!String.valueOf(e.getMessage()).contains("No space left")) {
        throw e;
      }
    }
  }

  /// Gives it back.
  void free() throws IOException {
    Files.delete(hog());
  }

  private Path hog() {
    return seen.resolve("hog");
  }

  /// Makes the disk refuse all writes, or take them again. Nobody may have a file open for writing.
  void readOnly(boolean on) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(entering());
    command.addAll(List.of("mount", "-o", "remount,bind," + (on ? "ro" : "rw"), mount.toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("cannot remount: " + said);
    }
  }

  @Override
  public void close() {
    holder.destroyForcibly();
  }
}
