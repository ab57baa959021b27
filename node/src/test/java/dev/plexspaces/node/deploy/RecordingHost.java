package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Purge;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;

/// A host that keeps what it was given and starts nothing, and a binder for plain [Actor]s.
final class RecordingHost implements ApplicationHost {

  final Map<String, ApplicationUnit> running = new LinkedHashMap<>();
  final Map<String, Consumer<String>> gaveUp = new LinkedHashMap<>();
  final List<String> log = new ArrayList<>();
  RuntimeException refuse;
  RuntimeException refusePurge;
  RuntimeException refuseStop;

  @Override
  public synchronized void install(ApplicationUnit unit, Consumer<String> gaveUp) {
    if (refuse != null) {
      throw refuse;
    }
    log.add("install " + unit.id());
    running.put(unit.id(), unit);
    this.gaveUp.put(unit.id(), gaveUp);
  }

  @Override
  public synchronized void uninstall(String id) {
    if (refuseStop != null) {
      throw refuseStop;
    }
    log.add("uninstall " + id);
    running.remove(id);
    gaveUp.remove(id);
  }

  @Override
  public synchronized void reserve(Purge.Order order) {
    log.add("reserve " + order.application() + " " + order.types());
  }

  @Override
  public synchronized void free(Purge.Order order) {
    log.add("free " + order.application());
  }

  @Override
  public synchronized void purge(Purge.Order order) {
    log.add("purge " + order.tenant() + " " + order.application() + " " + order.types());
    if (refusePurge != null) {
      throw refusePurge;
    }
  }

  @Override
  public synchronized int actorCount(String id) {
    return running.containsKey(id) ? 1 : 0;
  }

  static ActorType bind(Class<?> type) {
    GenServer annotation = type.getAnnotation(GenServer.class);
    if (annotation == null) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "class \"" + type.getName() + "\" is not annotated");
    }
    return new Plain(annotation.value(), type);
  }

  private record Plain(String name, Class<?> type) implements ActorType {
    @Override
    public Behavior behavior() {
      return Behavior.GEN_SERVER;
    }

    @Override
    public SortedSet<String> operations() {
      return new TreeSet<>();
    }

    @Override
    public List<FacetSpec> facets() {
      return List.of(FacetSpec.of("metrics"));
    }

    @Override
    public Actor create() {
      try {
        return (Actor) type.getConstructor().newInstance();
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void requireDurable() {}
  }
}
