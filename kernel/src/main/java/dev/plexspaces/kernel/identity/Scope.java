package dev.plexspaces.kernel.identity;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// A tenant's namespace: the wall that no name crosses. Source: DESIGN section 3.
///
/// @param tenant letters, digits, `_`, `-` and `.`, at most 128
/// @param namespace likewise
public record Scope(String tenant, String namespace) {

  /// Longest name, characters.
  public static final int NAME_LENGTH_MAX = 128;

  /// @throws PlexException `INVALID_MESSAGE` naming the wrong part
  public Scope {
    requireName("tenant", tenant);
    requireName("namespace", namespace);
  }

  /// Checks a tenant, namespace or actor type.
  ///
  /// @param what the field to name in the error
  /// @throws PlexException `INVALID_MESSAGE`
  public static void requireName(String what, String name) {
    if (!wellFormed(name)) {
      String problem =
          "must be 1 to 128 letters, digits, '_', '-' or '.', not starting with '.' or '-'";
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          what + ": " + problem,
          List.of(new PlexException.FieldViolation(what, problem)),
          null);
    }
  }

  // Runs for every request, hence not a regular expression.
  private static boolean wellFormed(String name) {
    if (name == null || name.isEmpty() || name.length() > NAME_LENGTH_MAX) {
      return false;
    }
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean fine =
          c >= 'a' && c <= 'z'
              || c >= 'A' && c <= 'Z'
              || c >= '0' && c <= '9'
              || c == '_'
              || i > 0 && (c == '-' || c == '.');
      if (!fine) {
        return false;
      }
    }
    return true;
  }

  @Override
  public String toString() {
    return tenant + "/" + namespace;
  }
}
