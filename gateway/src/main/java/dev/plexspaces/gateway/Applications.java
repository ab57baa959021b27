package dev.plexspaces.gateway;

import dev.plexspaces.sdk.PlexException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// Port: the applications of the node. The gateway has authorized the caller before it calls, and
/// calls on threads that may block.
public interface Applications {

  /// Where an application is in its life; the names are those of the contract.
  enum Status {
    LOADING,
    STARTING,
    RUNNING,
    STOPPING,
    STOPPED,
    FAILED
  }

  /// An application and how it is.
  ///
  /// @param detail why it is in that status; "" when all is well
  /// @param actorTypes it provides
  /// @param actorCount live actors of it
  record ApplicationInfo(
      String applicationId,
      String name,
      String version,
      String tenant,
      String namespace,
      Status status,
      String detail,
      Instant deployedAt,
      List<String> actorTypes,
      int actorCount) {}

  /// Deploys and starts an application, all of it or nothing.
  ///
  /// @param deployment its file is removed when this returns: keep a copy
  /// @throws PlexException `INVALID_MESSAGE` with file, key and reason; `CONFLICT` for an id in use
  ApplicationInfo deploy(Deployment deployment);

  /// Stops an application in order and forgets it.
  ///
  /// @param purge true forgets its durable actors as well
  /// @throws PlexException `NOT_FOUND`; `CONFLICT` while it is being deployed or undeployed
  void undeploy(String applicationId, boolean purge);

  /// All applications of the node, of every tenant, in any order.
  List<ApplicationInfo> list();

  /// How one application is.
  Optional<ApplicationInfo> status(String applicationId);
}
