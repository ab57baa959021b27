package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds the field of a class that would survive a turn and not a crash. Source: spec/turns rule 5.
///
/// Looked for once, when the class is bound, so that the class need not be kept.
final class DurabilityCheck {

  private static final List<Class<?>> MUTABLE =
      List.of(Collection.class, Map.class, StringBuilder.class, StringBuffer.class, BitSet.class);

  private final Optional<String> problem;

  DurabilityCheck(Class<?> actor) {
    this.problem = find(actor);
  }

  /// @throws PlexException `INVALID_MESSAGE` naming the first such field
  void require() {
    if (problem.isPresent()) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, problem.get());
    }
  }

  private static Optional<String> find(Class<?> actor) {
    for (Class<?> c = actor; c != null && c != Object.class; c = c.getSuperclass()) {
      for (Field field : c.getDeclaredFields()) {
        if (Modifier.isStatic(field.getModifiers()) || field.isAnnotationPresent(State.class)) {
          continue;
        }
        String label = c.getSimpleName() + "." + field.getName();
        if (!Modifier.isFinal(field.getModifiers())) {
          return Optional.of(
              label
                  + ": would survive a turn but not a crash; annotate it with @State or make it"
                  + " final");
        }
        if (isMutable(field.getType())) {
          return Optional.of(
              label
                  + ": its content would survive a turn but not a crash; annotate it with @State"
                  + " (and drop final), or make it static if it is a constant");
        }
      }
    }
    return Optional.empty();
  }

  private static boolean isMutable(Class<?> type) {
    return type.isArray()
        || type.getPackageName().equals("java.util.concurrent.atomic")
        || MUTABLE.stream().anyMatch(m -> m.isAssignableFrom(type));
  }
}
