package dev.plexspaces.kernel.identity;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// The name of one actor for all time, written `tenant/namespace/type/key`. Source: DESIGN section
/// 3.
///
/// @param scope tenant and namespace
/// @param type actor type, same rules as a tenant
/// @param key 1 to 256 characters, none of them a control or unpaired surrogate
public record ActorId(Scope scope, String type, String key) {

  /// Longest key, characters.
  public static final int KEY_LENGTH_MAX = 256;

  /// @throws PlexException `INVALID_MESSAGE` naming the wrong part
  public ActorId {
    Scope.requireName("type", type);
    requireKey(key);
  }

  /// Reads `tenant/namespace/type/key`; the key may contain further slashes.
  ///
  /// @throws PlexException `INVALID_MESSAGE`
  public static ActorId parse(String text) {
    String[] parts = text.split("/", 4);
    if (parts.length < 4) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "actor id: must be tenant/namespace/type/key");
    }
    return new ActorId(new Scope(parts[0], parts[1]), parts[2], parts[3]);
  }

  private static void requireKey(String key) {
    String problem = null;
    if (key == null || key.isEmpty() || key.length() > KEY_LENGTH_MAX) {
      problem = "must be 1 to " + KEY_LENGTH_MAX + " characters";
    } else {
      for (int i = 0; i < key.length() && problem == null; i++) {
        char c = key.charAt(i);
        if (Character.isISOControl(c) || c == '\uFFFD') {
          problem = "must not contain control characters or bytes that are not UTF-8";
        } else if (Character.isHighSurrogate(c)
            && i + 1 < key.length()
            && Character.isLowSurrogate(key.charAt(i + 1))) {
          i++;
        } else if (Character.isSurrogate(c)) {
          problem = "must not contain unpaired surrogates";
        }
      }
    }
    if (problem != null) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "key: " + problem,
          List.of(new PlexException.FieldViolation("key", problem)),
          null);
    }
  }

  @Override
  public String toString() {
    return scope + "/" + type + "/" + key;
  }
}
