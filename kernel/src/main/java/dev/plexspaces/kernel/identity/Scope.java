package dev.plexspaces.kernel.identity;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.regex.Pattern;

/// A tenant's namespace: the wall that no name crosses. Source: DESIGN section 3.
///
/// @param tenant letters, digits, `_`, `-` and `.`, at most 128
/// @param namespace likewise
public record Scope(String tenant, String namespace) {

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

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
    if (name == null || !NAME.matcher(name).matches()) {
      String problem =
          "must be 1 to 128 letters, digits, '_', '-' or '.', not starting with '.' or '-'";
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          what + ": " + problem,
          List.of(new PlexException.FieldViolation(what, problem)),
          null);
    }
  }

  @Override
  public String toString() {
    return tenant + "/" + namespace;
  }
}
