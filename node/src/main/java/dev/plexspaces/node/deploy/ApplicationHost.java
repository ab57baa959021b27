package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Purge;
import dev.plexspaces.sdk.PlexException;
import java.util.function.Consumer;

/// Runs applications: the actor system as deployment sees it.
public interface ApplicationHost {

  /// Registers the types and starts the supervision tree; returns when all of it has started.
  ///
  /// @param gaveUp told why, once, when the root supervisor gives up later
  /// @throws PlexException when anything of it cannot start; then nothing of it is left
  void install(ApplicationUnit unit, Consumer<String> gaveUp);

  /// Stops the tree and every other actor of the application in order, and forgets its types. No
  /// effect for an unknown id.
  void uninstall(String id);

  /// Keeps others from offering these actor types until [#purge] has succeeded, or [#free].
  ///
  /// @throws PlexException `CONFLICT` naming a type that is another application's
  void reserve(Purge.Order order);

  /// Gives up what [#reserve] began.
  void free(Purge.Order order);

  /// Forgets the durable actors of an application that was uninstalled. Can be done again when it
  /// failed half-way.
  ///
  /// @throws PlexException `UNAVAILABLE` when the store refuses or the node stops; `CONFLICT` when
  ///   messages to them keep coming
  void purge(Purge.Order order);

  /// Live actors of an application; 0 for an unknown id.
  int actorCount(String id);
}
