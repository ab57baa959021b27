package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Map;

/// What a payload says besides its fields: which operation it names.
public final class Payload {

  private static final String NOT_AN_OBJECT = "must be an object with named fields, got ";

  private Payload() {}

  /// The field that names the operation: `op`, else `action`; null without one.
  public static String selector(Object payload) {
    if (payload instanceof Map<?, ?> map) {
      if (names(map.get("op"))) {
        return "op";
      }
      if (names(map.get("action"))) {
        return "action";
      }
    }
    return null;
  }

  /// The operation it names; "" when it names none.
  public static String operation(Object payload) {
    String selector = selector(payload);
    return selector == null ? "" : (String) ((Map<?, ?>) payload).get(selector);
  }

  /// Like [#selector], for those who would run another operation than the one that was meant.
  ///
  /// @throws ActorException `INVALID_MESSAGE` when the field is there and is no name
  static String requireSelector(Object payload) {
    if (payload instanceof Map<?, ?> map) {
      Object op = map.get("op");
      if (op != null) {
        return requireName("op", op);
      }
      Object action = map.get("action");
      if (action != null) {
        return requireName("action", action);
      }
    }
    return null;
  }

  private static boolean names(Object value) {
    return value instanceof String name && !name.isEmpty();
  }

  private static String requireName(String field, Object value) {
    if (names(value)) {
      return field;
    }
    String problem = "must be the name of one operation, got " + kind(value);
    throw new ActorException(
        ErrorCode.INVALID_MESSAGE,
        field + ": " + problem,
        List.of(new PlexException.FieldViolation(field, problem)));
  }

  private static String kind(Object value) {
    return switch (value) {
      case String s -> s.isEmpty() ? "\"\"" : "a string";
      case Number n -> "a number";
      case Boolean b -> "a boolean";
      case Map<?, ?> map -> "an object";
      default -> "a list";
    };
  }

  static PlexException notAnObject(Object payload) {
    String problem = NOT_AN_OBJECT + kind(payload);
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        "payload: " + problem,
        List.of(new PlexException.FieldViolation("payload", problem)),
        null);
  }
}
