package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a field as part of the actor's state. With the `durability` facet its changes are
/// journalled; with and without it they are undone when the turn that made them ends in an
/// [ActorException], back to the last commit point. A field without this annotation is not, and nor
/// is what hangs on a field declared as `Object` and is changed in place.
///
/// Types: primitives and their boxes, `String`, `BigInteger`, `BigDecimal`, `Instant`, `Duration`,
/// enums, records of these, and `List`, `Map<String, …>` of immutable values. Lists and maps are
/// tracked: an added element is journalled as that element, not as the whole collection. From the
/// end of the turn, or the commit point, that follows its assignment, a collection is one of the
/// platform's, whatever its class was: elements are immutable and never `null` (unless declared as
/// `Object`), and a map iterates in the order of its keys. A durable actor may have no other
/// mutable instance field: deployment refuses it, naming the field.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
public @interface State {
  /// Name in the journal; default the field's name.
  String value() default "";
}
