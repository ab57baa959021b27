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
        + Client.segment(or(tenant, claims.path("tenant")))
        + "/"
        + Client.segment(or(namespace, claims.path("namespace")));
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
          + Client.segment(parts[0])
          + "/"
          + Client.segment(parts[1])
          + "/"
          + Client.segment(parts[2])
          + "/"
          + Client.segment(parts[3]);
    }
    int slash = actor.indexOf('/');
    return slash < 0
        ? scoped(root, connection) + "/" + Client.segment(actor)
        : scoped(root, connection)
            + "/"
            + Client.segment(actor.substring(0, slash))
            + "/"
            + Client.segment(actor.substring(slash + 1));
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
