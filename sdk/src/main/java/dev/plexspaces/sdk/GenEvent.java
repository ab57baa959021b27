package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a class as an event handler: others tell it what happened and go on.
///
/// An event is a message that is told, whatever its handler returns (OTP's `notify`). A message
/// that is asked is answered after its handler has run: with what the handler returns (`call`),
/// with `null` by one that returns nothing or is marked `cast = true` (`sync_notify`). So a
/// question such as `get_stats` is a handler that returns its answer. Source: OTP `gen_event`.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface GenEvent {
  /// The actor type; default the class name in snake case (`BankAccount` is `bank_account`).
  String value() default "";

  /// Facets every actor of the class has, such as `durability`; configuration may add more.
  String[] facets() default {};
}
