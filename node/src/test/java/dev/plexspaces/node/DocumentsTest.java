package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Runs documents: each block marked `<!-- run -->` is typed into a shell and must print what it
/// shows, where `...` stands for anything.
class DocumentsTest {

  private static final Pattern BLOCK =
      Pattern.compile("<!-- ([^>]+) -->\\n```\\w+\\n(.*?)```", Pattern.DOTALL);

  /// What a document calls the node's port.
  private static final String PORT = "localhost:8001";

  @TempDir private Path home;

  private NodeProcess node;

  /// Shell variables the document has set so far.
  private final StringBuilder variables = new StringBuilder();

  private int commands;

  /// @param atLeast commands it has, so that a change of its marks cannot leave them out
  @ParameterizedTest
  @CsvSource({"README.md,13", "docs/GUARANTEES.md,42"})
  void everyMarkedBlock_doesWhatItShows(String document, int atLeast) throws Exception {
    Path root = Path.of("").toAbsolutePath().getParent();
    Files.createSymbolicLink(home.resolve("sdk"), root.resolve("sdk"));
    launcher();
    Path data = home.resolve(".plexspaces");
    node = NodeProcess.start(data, "--dev");
    try {
      Matcher blocks = BLOCK.matcher(Files.readString(root.resolve(document)));
      while (blocks.find()) {
        String what = blocks.group(1).trim();
        String text = blocks.group(2);
        switch (what) {
          case "run" -> run(text);
          case "restart" -> {
            node.close();
            node.start();
          }
          case "restart secure" -> {
            node.stop();
            node = NodeProcess.start(data);
          }
          default -> {
            assertThat(what).startsWith("file ");
            Files.writeString(home.resolve(what.substring("file ".length())), real(text));
          }
        }
      }
    } finally {
      node.close();
    }
    assertThat(commands).as("commands run").isGreaterThanOrEqualTo(atLeast);
  }

  private String real(String text) {
    return text.replace(PORT, "127.0.0.1:" + node.nodeFile().httpPort());
  }

  /// `./plexspaces` of the document, on what this build compiled instead of on a build of its own.
  private void launcher() throws IOException {
    Path script = home.resolve("plexspaces");
    Files.writeString(
        script,
        "#!/bin/sh\nexec "
            + NodeProcess.java().stream().map(w -> "'" + w + "'").collect(Collectors.joining(" "))
            + " \"$@\"\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
  }

  private void run(String block) throws Exception {
    String command = null;
    List<String> expected = new ArrayList<>();
    for (String line : (block + "$ ").split("\\n")) {
      if (line.startsWith("$ ")) {
        if (command != null) {
          check(command, expected);
        }
        command = line.substring(2);
        expected.clear();
      } else {
        expected.add(line);
      }
    }
  }

  private void check(String command, List<String> expected) throws Exception {
    commands++;
    String real = real(command);
    if (command.matches("[A-Z]+=.*")) {
      variables.append(real).append('\n');
    }
    Path output = home.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder("bash", "-c", variables + real)
            .directory(home.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    builder
        .environment()
        .merge(
            "PATH",
            Path.of(System.getProperty("java.home"), "bin").toString(),
            (path, jdk) -> jdk + File.pathSeparator + path);
    Process process = builder.start();
    boolean ended = process.waitFor(NodeProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    if (!ended) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    String printed = Files.readString(output).stripTrailing();
    assertThat(ended).as("`%s` ends; it printed: %s", command, printed).isTrue();
    String pattern =
        expected.stream()
            .map(line -> Pattern.quote(line).replace("...", "\\E.*\\Q"))
            .collect(Collectors.joining("\\n"));
    assertThat(printed)
        .as("what `%s` prints; the node's log: %s", command, Files.readString(node.log()))
        .matches(Pattern.compile(pattern, Pattern.DOTALL));
  }
}
