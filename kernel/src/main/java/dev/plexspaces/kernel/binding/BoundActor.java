package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.json.Frozen;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// One actor of an annotated class.
///
/// Implementation notes. An idle actor is this object, the author's object and, if it is durable,
/// an array of the state as last committed. The state of a volatile one is read into an array
/// before each message and left to whoever runs the turn. Only lists and maps are more than that:
/// tracked ones stand in for those of the class, in both kinds of actor, so that what a turn did to
/// them can be undone without a copy.
final class BoundActor implements Actor, DurableState, VolatileState {

  /// Header that says that the payload came from a query string.
  private static final String TEXTUAL = "plexspaces-textual";

  private final BoundType type;
  private Object instance;

  /// The committed value of every state field, a tracked collection standing for itself; null for a
  /// volatile actor.
  private Object[] baseline;

  BoundActor(BoundType type, Object instance) {
    this.type = type;
    this.instance = instance;
  }

  @Override
  public void init(ActorContext context, Map<String, Object> args) {
    if (type.init.isPresent()) {
      // Configuration often writes numbers as text.
      type.init.get().call(instance, context, null, args, null, true);
      requireKnownState();
    }
  }

  @Override
  public void activate(ActorContext context) {
    if (type.activate.isPresent()) {
      type.activate.get().callWith(instance, context);
      requireKnownState();
    }
  }

  @Override
  public void terminate(ActorContext context, ExitReason reason) {
    if (type.terminate.isPresent()) {
      type.terminate.get().callWith(instance, context, reason);
    }
  }

  @Override
  public Object handle(ActorContext context, Message message) {
    Object payload = message.payload();
    String named = message.type();
    String selector = type.selector(named, payload);
    String operation = BoundType.operation(message.kind(), named, payload, selector);
    BoundMethod handler = type.handlers.getOrDefault(operation, type.any);
    if (handler == null) {
      if (message.kind() == Message.Kind.INFO) {
        return null;
      }
      throw type.unknown(operation);
    }
    boolean textual = "true".equals(message.headers().get(TEXTUAL));
    Object[] values;
    try {
      values = handler.convert(payload, selector, textual);
    } catch (PlexException e) {
      // The sender's mistake, not this actor's: it must not crash.
      throw new ActorException(e.code(), e.getMessage(), e.violations());
    }
    Object result = handler.code().invoke(instance, handler.index(), context, message, values);
    requireKnownState();
    return handler.cast() ? null : reply(handler, result);
  }

  /// A reply is read by others while this actor goes on, so it must not be a view of the state.
  private static Object reply(BoundMethod handler, Object result) {
    try {
      return Frozen.copy(result);
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(
          handler.label() + ": the reply contains " + e.getMessage(), e);
    }
  }

  private void requireKnownState() {
    if (type.machine.isPresent()) {
      BoundType.Machine machine = type.machine.get();
      Object state = type.read(instance, machine.slot());
      if (state == null || !machine.states().contains(state)) {
        throw new IllegalStateException(
            "%s: state '%s' is none of: %s"
                .formatted(type.name(), state, String.join(", ", machine.states())));
      }
    }
  }

  @Override
  public List<StateChange> drainChanges() {
    if (baseline == null) {
      return List.of();
    }
    Object[] now = type.read(instance);
    List<StateChange> changes = new ArrayList<>(2);
    // First find out everything, which may fail, and only then move the baseline.
    for (int i = 0; i < now.length; i++) {
      StateField field = type.fields[i];
      if (field.kind() == StateField.Kind.VALUE) {
        if (!same(now[i], baseline[i])) {
          now[i] = field.freeze(now[i]);
          changes.add(StateChange.put(field.name(), "", field.encode(now[i])));
        } else {
          now[i] = baseline[i];
        }
      } else {
        if (now[i] != baseline[i]) {
          now[i] = field.assigned(now[i]);
        }
        changesOf(now[i], changes);
      }
    }
    if (changes.isEmpty()) {
      return List.of();
    }
    for (int i = 0; i < now.length; i++) {
      settle(i, now[i]);
    }
    baseline = now;
    return changes;
  }

  @Override
  public void settle(Object[] saved) {
    for (int slot : type.collections) {
      Object value = type.read(instance, slot);
      if (saved == null || value != saved[slot]) {
        value = type.fields[slot].initial(value);
        type.write(instance, slot, value);
      }
      commit(value);
    }
  }

  @Override
  public Object[] save() {
    return type.read(instance);
  }

  @Override
  public void takeBack(Object[] saved) {
    for (int slot = 0; slot < saved.length; slot++) {
      rollback(slot, saved[slot]);
    }
  }

  private void settle(int slot, Object value) {
    if (type.fields[slot].kind() == StateField.Kind.VALUE) {
      if (value != baseline[slot]) {
        type.write(instance, slot, value);
      }
    } else {
      type.write(instance, slot, value);
      commit(value);
    }
  }

  private static boolean same(Object a, Object b) {
    return a == b || Objects.equals(a, b);
  }

  private static void changesOf(Object tracked, List<StateChange> into) {
    if (tracked instanceof TrackedList list) {
      list.changes(into);
    } else {
      ((TrackedMap) tracked).changes(into);
    }
  }

  private static void commit(Object tracked) {
    if (tracked instanceof TrackedList list) {
      list.commit();
    } else {
      ((TrackedMap) tracked).commit();
    }
  }

  @Override
  public void rollback() {
    if (baseline == null) {
      return;
    }
    for (int i = 0; i < baseline.length; i++) {
      rollback(i, baseline[i]);
    }
  }

  private void rollback(int slot, Object before) {
    switch (before) {
      case TrackedList list -> list.rollback();
      case TrackedMap map -> map.rollback();
      case null, default -> {}
    }
    type.write(instance, slot, before);
  }

  @Override
  public void restore(List<StateChange> changes) {
    Map<String, List<StateChange>> byField = new HashMap<>();
    String previous = null;
    List<StateChange> run = null;
    for (StateChange change : changes) {
      // Nearly always thousands of the same field in a row.
      if (!change.field().equals(previous)) {
        previous = change.field();
        run = byField.computeIfAbsent(previous, name -> new ArrayList<>());
      }
      run.add(change);
    }
    Object fresh = type.instance();
    Object[] state = type.read(fresh);
    for (int i = 0; i < state.length; i++) {
      StateField field = type.fields[i];
      List<StateChange> stored = byField.get(field.name());
      state[i] = stored == null ? field.initial(state[i]) : field.restore(stored);
      type.write(fresh, i, state[i]);
    }
    requireStoredState(state);
    instance = fresh;
    baseline = state;
  }

  private void requireStoredState(Object[] state) {
    if (type.machine.isPresent()) {
      BoundType.Machine machine = type.machine.get();
      Object stored = state[machine.slot()];
      if (stored == null || !machine.states().contains(stored)) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE,
            "state field '%s': the stored '%s' is none of: %s"
                .formatted(
                    type.fields[machine.slot()].name(),
                    stored,
                    String.join(", ", machine.states())));
      }
    }
  }
}
