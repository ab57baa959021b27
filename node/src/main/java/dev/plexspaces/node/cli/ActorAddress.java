package dev.plexspaces.node.cli;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Where actors are: `--tenant` and `--namespace`, else those of the token, else `default`.
final class ActorAddress {

  private static final String DEFAULT = "default";

  @Option(
      names = "--tenant",
      paramLabel = "TENANT",
      description = "Tenant (default: the token's, else \"default\").")
  private String tenant;

  @Option(
      names = "--namespace",
      paramLabel = "NAMESPACE",
      description = "Namespace (default: the token's, else \"default\").")
  private String namespace;

  private static final String ACTORS = "/api/v1/actors";

  /// The path of a namespace's actors.
  String path(Connection connection) {
    return scoped(ACTORS, connection);
  }

  /// The path of what a namespace has under `root`, such as `/api/v1/dead-letters`.
  String scoped(String root, Connection connection) {
    JsonNode claims = claims(connection.token());
    return root
        + "/"
        + option("--tenant", tenant, claims.path("tenant"))
        + "/"
        + option("--namespace", namespace, claims.path("namespace"));
  }

  /// The path of `type`, `type/key` or `tenant/namespace/type/key`.
  String path(Connection connection, String actor) {
    return scoped(ACTORS, connection, actor);
  }

  /// The path of one actor of which only the key makes a difference: `type/key` or
  /// `tenant/namespace/type/key`.
  ///
  /// @throws Misuse when the key is missing
  String keyed(String root, Connection connection, String actor) {
    if (actor.indexOf('/') < 0) {
      throw new Misuse(actor + ": name the actor with its key, as " + actor + "/KEY");
    }
    return scoped(root, connection, actor);
  }

  /// As [#keyed] under the root of all actors.
  String keyed(Connection connection, String actor) {
    return keyed(ACTORS, connection, actor);
  }

  private String scoped(String root, Connection connection, String actor) {
    String[] parts = actor.split("/", 4);
    if (parts.length == 4 && tenant == null && namespace == null) {
      return root
          + "/"
          + segment("tenant", parts[0], actor)
          + "/"
          + segment("namespace", parts[1], actor)
          + "/"
          + segment("type", parts[2], actor)
          + "/"
          + segment("key", parts[3], actor);
    }
    int slash = actor.indexOf('/');
    return slash < 0
        ? scoped(root, connection) + "/" + segment("type", actor, actor)
        : scoped(root, connection)
            + "/"
            + segment("type", actor.substring(0, slash), actor)
            + "/"
            + segment("key", actor.substring(slash + 1), actor);
  }

  /// One segment of a path. An empty one would not name nothing, but shift what comes after it.
  ///
  /// @throws Misuse when it is empty
  private static String segment(String name, String text, String given) {
    if (text.isEmpty()) {
      throw new Misuse(
          "actor \""
              + given
              + "\": its "
              + name
              + " is empty; write type, type/key or tenant/namespace/type/key");
    }
    return Client.segment(text);
  }

  /// The value of an option or its default.
  ///
  /// @throws Misuse when it is empty
  private static String option(String name, String given, JsonNode claim) {
    if (given != null && given.isEmpty()) {
      throw new Misuse(name + " is empty; leave it out or name one");
    }
    return Client.segment(or(given, claim));
  }

  private static String or(String given, JsonNode claim) {
    return given != null ? given : claim.asString(DEFAULT);
  }

  /// What the token says of itself. The node checks it; here it only saves typing.
  private static JsonNode claims(Optional<String> token) {
    try {
      String[] parts = token.orElse("").split("\\.");
      if (parts.length == 3) {
        return Client.JSON.readTree(
            new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8));
      }
    } catch (IllegalArgumentException | JacksonException e) {
      // Not a token; the node will say so.
    }
    return Client.JSON.createObjectNode();
  }
}
