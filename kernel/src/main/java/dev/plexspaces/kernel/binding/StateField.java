package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.json.Conversion;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/// One `@State` field: its name in the journal, its kind, and how its values are written and read.
final class StateField {

  /// How the field is journalled; see [StateChange].
  enum Kind {
    VALUE,
    LIST,
    MAP
  }

  private final String name;
  private final Kind kind;
  private final Conversion whole;
  private final Conversion element;

  StateField(String name, Kind kind, Conversion whole) {
    this.name = name;
    this.kind = kind;
    this.whole = whole;
    this.element = whole.element().orElse(null);
  }

  String name() {
    return name;
  }

  Kind kind() {
    return kind;
  }

  /// True when the values are of exactly this class.
  boolean holds(Class<?> type) {
    return kind == Kind.VALUE && whole.raw() == type;
  }

  /// A value nobody can change, as it would be after a restart.
  Object freeze(Object value) {
    return named(() -> whole.freeze(value));
  }

  Object freezeElement(Object value) {
    return named(() -> element.freezeElement(value));
  }

  ArrayList<Object> freezeAll(Iterable<?> values) {
    ArrayList<Object> frozen = new ArrayList<>();
    for (Object value : values) {
      frozen.add(freezeElement(value));
    }
    return frozen;
  }

  private Object named(Supplier<Object> freezing) {
    try {
      return freezing.get();
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("state field '" + name + "': " + e.getMessage());
    }
  }

  /// JSON text of a value or an element.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming the field, when it holds NaN or an infinity
  byte[] encode(Object value) {
    try {
      return Json.write(value);
    } catch (PlexException e) {
      throw new PlexException(e.code(), "state field '" + name + "': " + e.getMessage());
    }
  }

  /// The tracked collection, or the frozen value, that stands for an initial one.
  Object initial(Object value) {
    return switch (kind) {
      case VALUE -> freeze(value);
      case LIST -> TrackedList.initial(this, value == null ? List.of() : (Iterable<?>) value);
      case MAP -> TrackedMap.initial(this, value == null ? Map.of() : (Map<?, ?>) value);
    };
  }

  /// The tracked collection for one that was assigned; nothing becomes an empty one, as it would be
  /// after a restart.
  Object assigned(Object value) {
    return kind == Kind.LIST
        ? TrackedList.assigned(this, value == null ? List.of() : (Iterable<?>) value)
        : TrackedMap.assigned(this, value == null ? Map.of() : (Map<?, ?>) value);
  }

  /// The value that `changes`, all of this field and at least one, lead to.
  ///
  /// A collection is checked at its first and last chunk; the others are read when they are needed.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming the field, when they do not fit its type
  Object restore(List<StateChange> changes) {
    return switch (kind) {
      case VALUE -> restoreValue(changes);
      case LIST -> restoreList(changes);
      case MAP -> restoreMap(changes);
    };
  }

  private Object restoreValue(List<StateChange> changes) {
    StateChange last = changes.getLast();
    for (StateChange change : changes) {
      if (change.op() == StateChange.Op.APPEND || !change.chunk().isEmpty()) {
        throw misfit("was stored as a " + (change.op() == StateChange.Op.APPEND ? "list" : "map"));
      }
    }
    if (last.op() != StateChange.Op.PUT) {
      throw misfit("was stored as an empty collection");
    }
    Object value = load(whole, last.data());
    if (value == null && whole.required()) {
      throw misfit("must not be null");
    }
    return value;
  }

  private Object restoreList(List<StateChange> changes) {
    ArrayList<byte[]> chunks = new ArrayList<>();
    for (StateChange change : changes) {
      switch (change.op()) {
        case APPEND -> chunks.add(change.data());
        case CLEAR -> chunks.clear();
        case PUT, DELETE -> throw misfit("was stored as a value or map");
      }
    }
    if (!chunks.isEmpty()) {
      load(whole, chunks.getFirst());
      load(whole, chunks.getLast());
    }
    return TrackedList.restored(this, chunks);
  }

  private Object restoreMap(List<StateChange> changes) {
    TreeMap<String, Object> chunks = new TreeMap<>();
    for (StateChange change : changes) {
      switch (change.op()) {
        case PUT -> chunks.put(change.chunk(), change.data());
        case DELETE -> chunks.remove(change.chunk());
        case CLEAR -> chunks.clear();
        case APPEND -> throw misfit("was stored as a list");
      }
    }
    if (!chunks.isEmpty()) {
      load(element, (byte[]) chunks.firstEntry().getValue());
      load(element, (byte[]) chunks.lastEntry().getValue());
    }
    return TrackedMap.restored(this, chunks);
  }

  /// The elements of stored chunks, in order.
  ArrayList<Object> decodeAll(List<byte[]> chunks) {
    ArrayList<Object> all = new ArrayList<>(chunks.size() + 8);
    for (byte[] chunk : chunks) {
      all.addAll((List<?>) load(whole, chunk));
    }
    return all;
  }

  Object decodeElement(String key, byte[] text) {
    return load(element, text);
  }

  private Object load(Conversion type, byte[] text) {
    try {
      return type.load(Json.parse(text));
    } catch (PlexException e) {
      throw misfit(e.getMessage());
    }
  }

  private PlexException misfit(String problem) {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        "state field '" + name + "': what was stored does not fit its type: " + problem,
        List.of(new PlexException.FieldViolation(name, problem)),
        null);
  }
}
