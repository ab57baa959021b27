package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Map;
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

  /// Checks, before it is sent, that an actor of the type would take a message; runs no handler.
  /// Without effect for a type that cannot tell.
  ///
  /// @param operation message type; "" when the payload selects the handler
  /// @param textual whether numbers in the payload may be text
  /// @throws PlexException `UNKNOWN_OPERATION` listing what there is, or `INVALID_MESSAGE` naming
  ///   what does not fit
  default void check(Message.Kind kind, String operation, Object payload, boolean textual) {}

  /// Checks, before one is started, that an actor of the type would take these `args`; runs no
  /// method of it. Without effect for a type that cannot tell.
  ///
  /// @param args of a child specification
  /// @throws PlexException `INVALID_MESSAGE` with a violation for each of them that does not fit
  default void checkArgs(Map<String, Object> args) {}

  /// True when its actors implement [VolatileState] and have state to take back.
  default boolean keepsState() {
    return false;
  }

  /// Checks that actors of the type may be durable.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming the field that would not survive a crash
  void requireDurable();
}
