package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks a method as the handler of one or more operations.
///
/// Parameters, in any order: at most one [ActorContext], at most one [Message], and then either one
/// record, one `Map<String, Object>`, or parameters named like the payload's fields (compile with
/// `-parameters` or use [Param]). A record or such a map takes the whole payload, unless [Param]
/// makes it one field of it. Missing primitive fields and unknown fields of a record are refused
/// with `INVALID_MESSAGE` naming them; fields that no parameter is named like are ignored.
///
/// The returned value is the reply: `null`, a boolean, finite number, character, string, enum,
/// `Instant`, `Duration` or `byte[]` (base64), and records, `Optional`, arrays, lists and other
/// iterables of these, and maps of these with keys that are strings or enums. Anything else, such
/// as `UUID`, `LocalDate` or [ActorRef], crashes the turn: return its text, and of a reference its
/// type and key. [Reply#LATER] is no reply.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface Handler {
  /// The operations; `*` takes what no other handler takes. Also valid: `call` and `cast`, for
  /// calls and casts that name no operation.
  String[] value();

  /// True when nobody waits for the result: a call is answered with `null` at once after the turn.
  boolean cast() default false;
}
