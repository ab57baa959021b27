package dev.plexspaces.gateway;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Applications in memory that keep the bytes they were deployed with.
final class FakeApplications implements Applications {

  final Map<String, ApplicationInfo> deployed = new TreeMap<>();
  final Map<String, Deployment> deployments = new TreeMap<>();
  final Map<String, byte[]> code = new TreeMap<>();
  final List<String> undeployed = new ArrayList<>();

  void deployed(String id, String tenant, String namespace) {
    deployed.put(
        id,
        new ApplicationInfo(
            id,
            id,
            "1",
            tenant,
            namespace,
            Status.RUNNING,
            "",
            Instant.EPOCH,
            List.of("counter"),
            1));
  }

  @Override
  public synchronized ApplicationInfo deploy(Deployment deployment) {
    String id = deployment.applicationId();
    if (deployed.containsKey(id)) {
      throw new PlexException(ErrorCode.CONFLICT, "application " + id + ": is deployed already");
    }
    if (Thread.currentThread().getName().contains("eventloop")) {
      throw new IllegalStateException("may block, so not on an event loop");
    }
    Path file = deployment.file();
    try {
      code.put(id, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    deployments.put(id, deployment);
    deployed(id, deployment.tenant(), deployment.namespace());
    return deployed.get(id);
  }

  @Override
  public synchronized void undeploy(String applicationId, boolean purge) {
    deployed.remove(applicationId);
    undeployed.add(applicationId + (purge ? " and purged" : ""));
  }

  @Override
  public synchronized List<ApplicationInfo> list() {
    return List.copyOf(deployed.values());
  }

  @Override
  public synchronized Optional<ApplicationInfo> status(String applicationId) {
    return Optional.ofNullable(deployed.get(applicationId));
  }
}
