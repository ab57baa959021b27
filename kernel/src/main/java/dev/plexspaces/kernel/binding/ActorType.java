package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.SortedSet;

/// A kind of actor that can be started by name.
public interface ActorType {

  /// What an actor of the type is.
  enum Behavior {
    GEN_SERVER,
    GEN_EVENT,
    GEN_FSM,
    CUSTOM
  }

  /// The name in actor ids and configuration.
  String name();

  Behavior behavior();

  /// The operations it handles, for error texts and documentation; contains `*` if it takes any.
  SortedSet<String> operations();

  /// Facets every actor of the type has.
  List<FacetSpec> facets();

  /// A fresh instance in its initial state. One that also implements [DurableState] can be durable.
  Actor create();

  /// True when its actors implement [VolatileState] and have state to take back.
  default boolean keepsState() {
    return false;
  }

  /// Checks that actors of the type may be durable.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming the field that would not survive a crash
  void requireDurable();
}
