package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks the method that prepares a new actor; see [Actor#init]. Parameters: an [ActorContext]
/// and/or one record, one `Map<String, Object>`, or parameters named like the keys of `args`. A
/// virtual actor is started by a message and gets no `args`, so what it takes needs a
/// [Param#defaultValue] or must be an `Optional`.
///
/// The `args` of a child in `app-config.toml` are checked against these parameters when it is
/// deployed, and where parameters have names an arg of another name is refused, except `role`. A
/// method without such parameters, like an actor without this method, takes and ignores any.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface OnInit {}
