package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a class as an event handler: every message is a cast, nobody waits. Source: OTP
/// `gen_event`.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface GenEvent {
  /// The actor type; default the class name in snake case (`BankAccount` is `bank_account`).
  String value() default "";

  /// Facets every actor of the class has, such as `durability`; configuration may add more.
  String[] facets() default {};
}
