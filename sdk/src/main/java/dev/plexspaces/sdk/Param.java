package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Names the payload field of a handler's parameter where the compiled name is not kept or differs,
/// and gives its default. On a record or `Map<String, Object>` it says that the parameter is one
/// field of the payload and not the whole of it.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.PARAMETER)
public @interface Param {
  /// The payload field; default the parameter's own name.
  String value() default "";

  /// JSON text used when the field is absent; without it an absent primitive is refused and an
  /// absent object is `null`.
  String defaultValue() default "";
}
