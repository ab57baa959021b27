package dev.plexspaces.node;

import dev.plexspaces.gateway.Applications;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.node.deploy.Bundle;
import dev.plexspaces.node.deploy.Deployment;
import dev.plexspaces.node.deploy.Deployments;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/// The node's applications as the gateway sees them.
final class GatewayApplications implements Applications {

  private final Deployments deployments;

  GatewayApplications(Deployments deployments) {
    this.deployments = deployments;
  }

  @Override
  public ApplicationInfo deploy(dev.plexspaces.gateway.Deployment deployment) {
    Bundle.Kind kind =
        switch (deployment.kind()) {
          case BUNDLE -> Bundle.Kind.PSA;
          case JAR -> Bundle.Kind.JAR;
          case WASM ->
              throw new PlexException(
                  ErrorCode.NOT_IMPLEMENTED,
                  "wasm_file: this build runs JARs and .psa bundles of JARs only");
        };
    String id = deployment.applicationId();
    return info(
        deployments.deploy(
            new Deployments.Request(
                Optional.of(id),
                // The gateway fills in these two when the client says nothing; then the
                // application's own configuration knows better.
                Optional.of(deployment.name()).filter(name -> !name.equals(id)),
                Optional.of(deployment.version())
                    .filter(version -> !version.equals(Deployment.DEFAULT_VERSION)),
                new Scope(deployment.tenant(), deployment.namespace()),
                kind,
                deployment.kind().part(),
                deployment.file(),
                deployment.config().map(text -> text.getBytes(StandardCharsets.UTF_8)))));
  }

  @Override
  public void undeploy(String applicationId, boolean purge) {
    deployments.undeploy(applicationId, purge);
  }

  @Override
  public List<ApplicationInfo> list() {
    return deployments.list().stream().map(GatewayApplications::info).toList();
  }

  @Override
  public Optional<ApplicationInfo> status(String applicationId) {
    return deployments.find(applicationId).map(GatewayApplications::info);
  }

  private static ApplicationInfo info(Deployment deployment) {
    return new ApplicationInfo(
        deployment.id(),
        deployment.name(),
        deployment.version(),
        deployment.tenant().orElse(Deployments.SHARED_TENANT),
        deployment.namespace(),
        Status.valueOf(deployment.status().name()),
        deployment.detail(),
        deployment.deployedAt(),
        deployment.actorTypes(),
        deployment.actorCount());
  }
}
