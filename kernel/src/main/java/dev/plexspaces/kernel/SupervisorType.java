package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.FacetSpec;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/// The reserved actor type of supervisors, so that they are scheduled and stopped like any other
/// actor. No address made from outside reaches them.
final class SupervisorType implements ActorType {

  static final String NAME = "supervisor";
  static final ChildSpec SPEC = ChildSpec.of(NAME, NAME);

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Behavior behavior() {
    return Behavior.CUSTOM;
  }

  @Override
  public SortedSet<String> operations() {
    return new TreeSet<>();
  }

  @Override
  public List<FacetSpec> facets() {
    return List.of();
  }

  @Override
  public Actor create() {
    throw new IllegalStateException("a supervisor is made by its owner");
  }

  @Override
  public void requireDurable() {
    throw new IllegalStateException("supervisors keep no durable state");
  }
}
