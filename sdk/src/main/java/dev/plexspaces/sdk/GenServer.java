package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a class as a server: calls and casts select a handler by operation. Source: OTP
/// `gen_server`.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface GenServer {
  /// The actor type; default the class name in snake case (`BankAccount` is `bank_account`).
  String value() default "";

  /// Facets every actor of the class has, such as `durability`; configuration may add more.
  String[] facets() default {};
}
