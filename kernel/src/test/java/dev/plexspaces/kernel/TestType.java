package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.FacetSpec;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;

/// An actor type made of a lambda.
record TestType(String name, Supplier<Actor> actors, List<FacetSpec> facets) implements ActorType {

  static TestType of(String name, Supplier<Actor> actors, String... facets) {
    return new TestType(name, actors, List.of(facets).stream().map(FacetSpec::of).toList());
  }

  @Override
  public Behavior behavior() {
    return Behavior.CUSTOM;
  }

  @Override
  public SortedSet<String> operations() {
    return new TreeSet<>(List.of("*"));
  }

  @Override
  public Actor create() {
    return actors.get();
  }

  @Override
  public void requireDurable() {}
}
