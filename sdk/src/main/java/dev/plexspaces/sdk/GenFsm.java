package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a class as a state machine whose current state is a string field annotated
/// `@State("state")`; the platform sets it to [#initial] before `@OnInit` and refuses, as a crash,
/// a handler that leaves it outside [#states]. Source: OTP `gen_statem`.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface GenFsm {
  /// The actor type; default the class name in snake case.
  String value() default "";

  /// All states.
  String[] states();

  /// The state a new actor starts in; one of [#states].
  String initial();

  /// Facets every actor of the class has.
  String[] facets() default {};
}
