package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// An annotated class as an actor type: everything its instances share.
final class BoundType implements ActorType {

  /// Longest operation name repeated in an error, characters.
  private static final int NAME_SHOWN_MAX = 100;

  /// The operation that takes what no other handler takes.
  static final String ANY = "*";

  /// The state machine part of a type.
  ///
  /// @param slot of the field that holds the current state
  record Machine(int slot, List<String> states, String initial) {}

  /// The state fields that one class of the hierarchy declares.
  record Level(Dispatch code, int firstSlot, int endSlot) {}

  private final String name;
  private final Behavior behavior;
  private final List<FacetSpec> facets;
  private final SortedSet<String> operations;
  private final DurabilityCheck durability;
  private final Dispatch own;

  /// An array, because it is walked for each message to an actor that has state.
  private final Level[] levels;

  final StateField[] fields;

  /// Slots of the fields that are lists or maps.
  final int[] collections;

  final Map<String, BoundMethod> handlers;
  final BoundMethod any;
  final Optional<BoundMethod> init;
  final Optional<BoundMethod> activate;
  final Optional<BoundMethod> terminate;
  final Optional<Machine> machine;

  /// The life-cycle methods of a class, each empty when it has none.
  record LifeCycle(
      Optional<BoundMethod> init,
      Optional<BoundMethod> activate,
      Optional<BoundMethod> terminate) {}

  /// How a class is seen from outside.
  record Face(String name, Behavior behavior, List<FacetSpec> facets) {}

  /// The state of a class.
  record Memory(
      Dispatch own,
      List<Level> levels,
      List<StateField> fields,
      Optional<Machine> machine,
      DurabilityCheck durability) {}

  BoundType(Face face, Map<String, BoundMethod> handlers, LifeCycle life, Memory memory) {
    this.name = face.name;
    this.behavior = face.behavior;
    this.facets = face.facets;
    this.handlers = Map.copyOf(handlers);
    this.any = handlers.get(ANY);
    this.operations = Collections.unmodifiableSortedSet(new TreeSet<>(handlers.keySet()));
    this.init = life.init;
    this.activate = life.activate;
    this.terminate = life.terminate;
    this.own = memory.own;
    this.levels = memory.levels.toArray(Level[]::new);
    this.fields = memory.fields.toArray(StateField[]::new);
    this.collections =
        IntStream.range(0, fields.length)
            .filter(slot -> fields[slot].kind() != StateField.Kind.VALUE)
            .toArray();
    this.machine = memory.machine;
    this.durability = memory.durability;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Behavior behavior() {
    return behavior;
  }

  @Override
  public SortedSet<String> operations() {
    return operations;
  }

  @Override
  public List<FacetSpec> facets() {
    return facets;
  }

  @Override
  public Actor create() {
    return new BoundActor(this, instance());
  }

  @Override
  public void check(Message.Kind kind, String operation, Object payload, boolean textual) {
    String selector = selector(operation, payload);
    String selected = operation(kind, operation, payload, selector);
    BoundMethod handler = handlers.getOrDefault(selected, any);
    if (handler == null) {
      throw unknown(selected);
    }
    handler.convert(payload, selector, textual);
  }

  @Override
  public void checkArgs(Map<String, Object> args) {
    if (init.isPresent()) {
      init.get().check(args);
    }
  }

  /// The field of the payload that selects the handler, or null. What takes anything also takes an
  /// odd name.
  ///
  /// @param type of the message, which selects unless it only says what the payload says; "" for
  ///   none
  /// @throws PlexException as [Payload#requireSelector]
  String selector(String type, Object payload) {
    if (!type.isEmpty() && !type.equals(Payload.operation(payload))) {
      return null;
    }
    return any == null ? Payload.requireSelector(payload) : Payload.selector(payload);
  }

  /// The name of the handler that a message is for.
  ///
  /// @param type of the message; "" for none
  /// @param selector the field of the payload that names it, or null
  static String operation(Message.Kind kind, String type, Object payload, String selector) {
    if (selector != null) {
      return (String) ((Map<?, ?>) payload).get(selector);
    }
    if (!type.isEmpty()) {
      return type;
    }
    return switch (kind) {
      case CALL -> "call";
      case CAST -> "cast";
      case INFO -> "";
    };
  }

  ActorException unknown(String operation) {
    String shown =
        operation.length() <= NAME_SHOWN_MAX
            ? operation
            : operation.substring(0, NAME_SHOWN_MAX) + "…";
    return new ActorException(
        ErrorCode.UNKNOWN_OPERATION,
        "no operation '%s' on %s; it has: %s"
            .formatted(shown, name, String.join(", ", operations)));
  }

  @Override
  public boolean keepsState() {
    return fields.length > 0;
  }

  @Override
  public void requireDurable() {
    durability.require();
  }

  /// A fresh object of the class, in the initial state if it is a state machine.
  Object instance() {
    Object instance = own.create();
    machine.ifPresent(m -> write(instance, m.slot, m.initial));
    return instance;
  }

  /// The values of all state fields.
  Object[] read(Object instance) {
    Object[] values = new Object[fields.length];
    for (Level level : levels) {
      level.code.read(instance, values);
    }
    return values;
  }

  /// The value of one state field.
  Object read(Object instance, int slot) {
    return level(slot).code.read(instance, slot);
  }

  void write(Object instance, int slot, Object value) {
    level(slot).code.write(instance, slot, value);
  }

  private Level level(int slot) {
    for (Level level : levels) {
      if (slot >= level.firstSlot && slot < level.endSlot) {
        return level;
      }
    }
    throw new IllegalArgumentException("no state field " + slot);
  }
}
