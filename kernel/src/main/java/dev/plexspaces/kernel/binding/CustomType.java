package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import java.util.Collections;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/// A class that implements [Actor] itself as an actor type. The platform knows nothing of its
/// operations, arguments and state: messages are not checked before they are sent, and it cannot be
/// durable.
///
/// @param code makes its objects
record CustomType(String name, Dispatch code) implements ActorType {

  private static final SortedSet<String> ANY =
      Collections.unmodifiableSortedSet(new TreeSet<>(List.of(BoundType.ANY)));

  @Override
  public Behavior behavior() {
    return Behavior.CUSTOM;
  }

  @Override
  public SortedSet<String> operations() {
    return ANY;
  }

  @Override
  public List<FacetSpec> facets() {
    return List.of();
  }

  @Override
  public Actor create() {
    return (Actor) code.create();
  }

  @Override
  public void requireDurable() {
    throw new PlexException(
        ErrorCode.INVALID_MESSAGE,
        "actor type '"
            + name
            + "' implements Actor itself, so its state is not known and cannot be durable; remove"
            + " the durability facet, or make it a class with @GenServer and @State fields");
  }
}
