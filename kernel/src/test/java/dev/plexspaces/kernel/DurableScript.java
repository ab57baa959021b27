package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/// A durable actor put together from lambdas. Its state is a map of values by field name.
final class DurableScript implements Actor, DurableState {

  interface Step {
    Object run(ActorContext context, Message message, Map<String, Object> state) throws Exception;
  }

  interface Life {
    void run(ActorContext context, Map<String, Object> state) throws Exception;
  }

  private final Map<String, Step> steps = new HashMap<>();
  private Life init = (context, state) -> {};
  private Life activate = (context, state) -> {};
  private Life terminate = (context, state) -> {};
  private final Map<String, Object> state = new HashMap<>();
  private Map<String, Object> baseline = Map.of();

  static DurableScript of(String operation, Step step) {
    return new DurableScript().on(operation, step);
  }

  /// A durable type whose actors are activated on demand.
  static TestType type(String name, Supplier<Actor> actors) {
    return new TestType(
        name,
        actors,
        List.of(FacetSpec.of(FacetCatalog.VIRTUAL_ACTOR), FacetSpec.of(FacetCatalog.DURABILITY)));
  }

  /// A durable type whose actors are supervised.
  static TestType supervisedType(String name, Supplier<Actor> actors) {
    return new TestType(name, actors, List.of(FacetSpec.of(FacetCatalog.DURABILITY)));
  }

  static long number(Map<String, Object> state, String field) {
    return ((Number) state.getOrDefault(field, 0L)).longValue();
  }

  static long add(Map<String, Object> state, String field, long amount) {
    long sum = number(state, field) + amount;
    state.put(field, sum);
    return sum;
  }

  DurableScript on(String operation, Step step) {
    steps.put(operation, step);
    return this;
  }

  DurableScript init(Life init) {
    this.init = init;
    return this;
  }

  DurableScript activate(Life activate) {
    this.activate = activate;
    return this;
  }

  DurableScript terminate(Life terminate) {
    this.terminate = terminate;
    return this;
  }

  @Override
  public void init(ActorContext context, Map<String, Object> args) throws Exception {
    init.run(context, state);
  }

  @Override
  public void activate(ActorContext context) throws Exception {
    activate.run(context, state);
  }

  @Override
  public Object handle(ActorContext context, Message message) throws Exception {
    Step step = steps.getOrDefault(message.type(), steps.get("*"));
    if (step == null) {
      throw new IllegalStateException("no step for " + message.type());
    }
    return step.run(context, message, state);
  }

  @Override
  public void terminate(ActorContext context, ExitReason reason) throws Exception {
    terminate.run(context, state);
  }

  @Override
  public List<StateChange> drainChanges() {
    List<StateChange> changes = new ArrayList<>();
    state.forEach(
        (field, value) -> {
          if (!Objects.equals(baseline.get(field), value)) {
            changes.add(StateChange.put(field, "", Json.write(value)));
          }
        });
    baseline = Map.copyOf(state);
    return changes;
  }

  @Override
  public void rollback() {
    state.clear();
    state.putAll(baseline);
  }

  @Override
  public void restore(List<StateChange> changes) {
    state.clear();
    for (StateChange change : changes) {
      state.put(change.field(), Json.parse(change.data()));
    }
    baseline = Map.copyOf(state);
  }
}
