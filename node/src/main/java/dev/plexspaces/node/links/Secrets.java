package dev.plexspaces.node.links;

import dev.plexspaces.sdk.LinkRequest;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Fills placeholders of configured values when an application is deployed or comes back.
///
/// `${env:NAME}` is an environment variable of the node; only names that begin with [#ENV_PREFIX],
/// which every application of the node may use. `${file:path}` is a file below
/// `DATA/secrets/TENANT/`, so that no application reads another tenant's secrets or any other file
/// of the machine; a line break at its end is dropped. Values appear in no log and no error.
public final class Secrets {

  /// How the environment variables begin that applications may name.
  public static final String ENV_PREFIX = "PLEXSPACES_SECRET_";

  /// Largest secret file, bytes.
  public static final int FILE_BYTES_MAX = 16_384;

  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([^}]*)}");
  private static final Pattern FILE_NAME =
      Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*");

  private final UnaryOperator<String> environment;
  private final Path directory;

  /// A configured value that cannot be filled in.
  public static final class Unresolved extends Exception {
    private static final long serialVersionUID = 1;

    /// @param problem what is wrong and what to do; never a value
    Unresolved(String problem) {
      super(problem);
    }
  }

  /// @param environment value of a variable, null for none
  /// @param directory has one directory for each tenant; need not exist
  public Secrets(UnaryOperator<String> environment, Path directory) {
    this.environment = environment;
    this.directory = directory;
  }

  /// True when `text` has a placeholder.
  public static boolean isPlaceholder(String text) {
    return PLACEHOLDER.matcher(text).find();
  }

  /// Fills in all placeholders of the value of a header.
  ///
  /// @param tenant whose files may be read
  String resolve(String tenant, String text) throws Unresolved {
    Matcher matcher = PLACEHOLDER.matcher(text);
    StringBuilder filled = new StringBuilder();
    while (matcher.find()) {
      String name = matcher.group(1);
      String value = value(tenant, name);
      if (!LinkRequest.validHeader("x", value)) {
        throw new Unresolved(
            "what ${" + name + "} stands for cannot be sent: only visible ASCII and spaces can");
      }
      matcher.appendReplacement(filled, Matcher.quoteReplacement(value));
    }
    return matcher.appendTail(filled).toString();
  }

  private String value(String tenant, String placeholder) throws Unresolved {
    int colon = placeholder.indexOf(':');
    String kind = colon < 0 ? "" : placeholder.substring(0, colon);
    String name = placeholder.substring(colon + 1);
    return switch (kind) {
      case "env" -> variable(name);
      case "file" -> file(tenant, name);
      default ->
          throw new Unresolved(
              "${" + placeholder + "} must be ${env:" + ENV_PREFIX + "NAME} or ${file:name}");
    };
  }

  private String variable(String name) throws Unresolved {
    if (!name.startsWith(ENV_PREFIX)) {
      throw new Unresolved(
          "${env:" + name + "}: only environment variables " + ENV_PREFIX + "... may be used");
    }
    String value = environment.apply(name);
    if (value == null || value.isEmpty()) {
      throw new Unresolved("the node has no environment variable " + name);
    }
    return value;
  }

  private String file(String tenant, String name) throws Unresolved {
    if (!FILE_NAME.matcher(name).matches()) {
      throw new Unresolved(
          "${file:" + name + "} must be a relative path of names without leading dots");
    }
    String where = "secrets/" + tenant + "/" + name + " in the node's data directory";
    try {
      Path home = directory.resolve(tenant);
      Path file = home.resolve(name).toRealPath();
      if (!file.startsWith(home.toRealPath())) {
        throw new Unresolved(where + " leads out of the directory of its tenant");
      }
      if (Files.size(file) > FILE_BYTES_MAX) {
        throw new Unresolved(where + " has more than " + FILE_BYTES_MAX + " bytes");
      }
      String value = Files.readString(file).stripTrailing();
      if (value.isEmpty()) {
        throw new Unresolved(where + " is empty");
      }
      return value;
    } catch (CharacterCodingException e) {
      throw new Unresolved(where + " is not UTF-8 text");
    } catch (IOException e) {
      throw new Unresolved(where + " is missing or cannot be read");
    }
  }
}
