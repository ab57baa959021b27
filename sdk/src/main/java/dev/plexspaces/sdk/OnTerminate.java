package dev.plexspaces.sdk;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Marks the method run when the actor stops; see [Actor#terminate]. May take an [ActorContext] and
/// an [ExitReason].
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
public @interface OnTerminate {}
