package dev.plexspaces.node;

import dev.plexspaces.node.deploy.AppConfig;
import dev.plexspaces.node.deploy.Deployments;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

/// The sample applications of module `examples`, which every node runs unless told otherwise, so
/// that a newcomer has something to call.
final class Samples {

  /// Their ids, in the order they start.
  static final List<String> IDS =
      List.of(
          "bank",
          "calculator",
          "chat",
          "counter",
          "notifier",
          "rate-limiter",
          "transfers",
          "webhook");

  private Samples() {}

  /// Deploys all of them for every tenant.
  ///
  /// @throws IOException when one is missing from this build
  static void deploy(Deployments deployments) throws IOException {
    ClassLoader loader = Samples.class.getClassLoader();
    for (String id : IDS) {
      String resource = "apps/" + id + "/" + AppConfig.FILE;
      try (InputStream in = loader.getResourceAsStream(resource)) {
        if (in == null) {
          throw new FileNotFoundException(resource);
        }
        deployments.deployShared(id, AppConfig.parse(AppConfig.FILE, in.readAllBytes()), loader);
      }
    }
  }
}
