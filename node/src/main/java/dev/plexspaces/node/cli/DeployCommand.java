package dev.plexspaces.node.cli;

import dev.plexspaces.node.config.ConfigTable;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

@Command(
    name = "deploy",
    description = "Deploys and starts an application: a .psa bundle, or a JAR with its config.",
    mixinStandardHelpOptions = true)
final class DeployCommand implements Callable<Integer> {

  private static final String CONFIG = "app-config.toml";

  /// Uploading and starting may take their time.
  private static final Duration TIMEOUT = Duration.ofMinutes(5);

  @Mixin private Connection connection;
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "FILE", description = "A .psa, .jar or .wasm file.")
  private Path file;

  @Option(
      names = {"--app", "--id"},
      paramLabel = "ID",
      description =
          "Id of the application, for a config without one (else the name of the file is its id)."
              + " A different one than in its config is refused.")
  private String id;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "An app-config.toml to use instead of one in the file.")
  private Path config;

  @Option(names = "--name", paramLabel = "NAME", description = "Name for people.")
  private String name;

  @Option(
      names = "--app-version",
      paramLabel = "VERSION",
      description = "Version for people (default: the one in its config).")
  private String version;

  @Option(
      names = "--namespace",
      paramLabel = "NAMESPACE",
      description =
          "Namespace its supervised actors live in (default: the token's, else \"default\"); its"
              + " types can be called in every namespace of the tenant.")
  private String namespace;

  @Override
  public Integer call() {
    String part = part();
    for (Path needed : config == null ? List.of(file) : List.of(file, config)) {
      if (!Files.isReadable(needed) || Files.isDirectory(needed)) {
        throw new Failure("cannot read " + needed);
      }
    }
    JsonNode answer =
        Client.parse(
            connection
                .client()
                .send(
                    "POST",
                    "/api/v1/applications/deploy",
                    "multipart/form-data; boundary=" + Form.BOUNDARY,
                    form(part),
                    TIMEOUT));
    JsonNode application = answer.path("application");
    if (connection.json) {
      spec.commandLine().getOut().println(application);
    } else {
      spec.commandLine()
          .getOut()
          .println(
              "deployed "
                  + application.path("application_id").asString("")
                  + " version "
                  + application.path("version").asString("")
                  + ": "
                  + application.path("status").asString("").toLowerCase(Locale.ROOT));
    }
    return Main.OK;
  }

  private String part() {
    String fileName = file.getFileName().toString();
    return switch (fileName.substring(fileName.lastIndexOf('.') + 1)) {
      case "psa", "zip" -> "bundle";
      case "jar" -> "jar_file";
      case "wasm" -> "wasm_file";
      default ->
          throw new ParameterException(
              spec.commandLine(), "FILE must end in .psa, .jar or .wasm; got " + fileName);
    };
  }

  private BodyPublisher form(String part) {
    Form form = new Form();
    form.text("application_id", id != null ? id : idFromFile());
    if (name != null) {
      form.text("name", name);
    }
    if (version != null) {
      form.text("version", version);
    }
    if (namespace != null) {
      form.text("namespace", namespace);
    }
    try {
      if (config != null) {
        form.text("config", Files.readString(config));
      }
      form.file(part, file);
    } catch (IOException e) {
      throw new Failure("cannot read " + (config != null ? config : file) + ": " + e.getMessage());
    }
    return form.end();
  }

  /// The node needs the id beside the file. Whatever is wrong with the file is left for it to say.
  private String idFromFile() {
    String fileName = file.getFileName().toString();
    String plain = fileName.substring(0, fileName.lastIndexOf('.'));
    try {
      return configText()
          .flatMap(
              text ->
                  ConfigTable.parse(CONFIG, text)
                      .table("application")
                      .flatMap(table -> table.string("id")))
          .orElse(plain);
    } catch (IOException | PlexException e) {
      return plain;
    }
  }

  private Optional<byte[]> configText() throws IOException {
    if (config != null) {
      return Optional.of(Files.readAllBytes(config));
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry entry = zip.getEntry(CONFIG);
      return entry == null
          ? Optional.empty()
          : Optional.of(zip.getInputStream(entry).readNBytes(ConfigTable.SIZE_MAX_BYTES));
    }
  }

  /// A `multipart/form-data` body that is read from disk while it is sent.
  private static final class Form {

    static final String BOUNDARY = "plexspaces-5f1d8c0e7a9b4c3d";
    private final List<BodyPublisher> parts = new ArrayList<>();

    void text(String name, String value) {
      parts.add(BodyPublishers.ofString(head(name, "") + "\r\n" + value + "\r\n"));
    }

    void file(String name, Path file) throws IOException {
      String quoted = file.getFileName().toString().replaceAll("[\"\\r\\n]", "_");
      parts.add(
          BodyPublishers.ofString(
              head(name, "; filename=\"" + quoted + "\"")
                  + "Content-Type: application/octet-stream\r\n\r\n"));
      parts.add(BodyPublishers.ofFile(file));
      parts.add(BodyPublishers.ofString("\r\n"));
    }

    BodyPublisher end() {
      parts.add(BodyPublishers.ofString("--" + BOUNDARY + "--\r\n"));
      return BodyPublishers.concat(parts.toArray(BodyPublisher[]::new));
    }

    private static String head(String name, String more) {
      return "--"
          + BOUNDARY
          + "\r\nContent-Disposition: form-data; name=\""
          + name
          + "\""
          + more
          + "\r\n";
    }
  }
}
