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
/// enums, `Optional` and records of these, and `List`, `Map<String, …>` of immutable values. Lists
/// and maps are tracked: an added element is journalled as that element, not as the whole
/// collection. A collection of the field's initializer is one of the platform's from the start, one
/// that was assigned from the end of the turn, or the commit point, that follows; whatever its
/// class was. It takes a frozen copy of an element at once when it is added: an element is
/// immutable (change a copy and put that in its place) and never `null`, unless declared as
/// `Object`, and a map iterates in the order of its keys. A durable actor may have no other mutable
/// instance field: deployment refuses it, naming the field.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
public @interface State {
  /// Name in the journal; default the field's name.
  String value() default "";
}
