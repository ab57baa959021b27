package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;

/// A bound class under the name the configuration gives it.
record DeployedType(ActorType bound, String name) implements ActorType {

  @Override
  public Behavior behavior() {
    return bound.behavior();
  }

  @Override
  public SortedSet<String> operations() {
    return bound.operations();
  }

  @Override
  public List<FacetSpec> facets() {
    return bound.facets();
  }

  @Override
  public Actor create() {
    return bound.create();
  }

  @Override
  public void check(Message.Kind kind, String operation, Object payload, boolean textual) {
    bound.check(kind, operation, payload, textual);
  }

  @Override
  public void checkArgs(Map<String, Object> args) {
    bound.checkArgs(args);
  }

  @Override
  public boolean keepsState() {
    return bound.keepsState();
  }

  @Override
  public void requireDurable() {
    bound.requireDurable();
  }
}
