package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a field as part of the actor's state. With the `durability` facet its changes are
/// journalled.
///
/// Types: primitives and their boxes, `String`, `BigInteger`, `BigDecimal`, `Instant`, `Duration`,
/// enums, records of these, and `List`, `Map<String, …>` of immutable values. Lists and maps are
/// tracked: an added element is journalled as that element, not as the whole collection. A durable
/// actor may have no other mutable instance field: deployment refuses it, naming the field.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
public @interface State {
  /// Name in the journal; default the field's name.
  String value() default "";
}
