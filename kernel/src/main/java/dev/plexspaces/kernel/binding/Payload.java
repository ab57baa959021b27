package dev.plexspaces.kernel.binding;

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

  private static boolean names(Object value) {
    return value instanceof String name && !name.isEmpty();
  }

  static PlexException notAnObject(Object payload) {
    String problem =
        NOT_AN_OBJECT
            + switch (payload) {
              case String s -> "a string";
              case Number n -> "a number";
              case Boolean b -> "a boolean";
              default -> "a list";
            };
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        "payload: " + problem,
        List.of(new PlexException.FieldViolation("payload", problem)),
        null);
  }
}
