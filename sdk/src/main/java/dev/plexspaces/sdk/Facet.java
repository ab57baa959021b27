package dev.plexspaces.sdk;

import java.util.Map;

/// Wraps an actor's message handling: sees each message before and each reply after it, and may
/// replace or refuse either. One instance per actor, used by one thread at a time.
///
/// Facets run from the highest priority (outermost) to the lowest. User-defined facets come from
/// the application bundle: a public class with a public no-argument constructor, named in
/// `META-INF/services/dev.plexspaces.sdk.Facet`. Source: spec `reference-plexspaces`, section 5.
public interface Facet {

  /// The name used in configuration.
  String name();

  /// Default priority: 1000 and above security, 900s logging, 800s metrics, 100–500 domain, below
  /// 100 persistence.
  int priority();

  /// Called once before the first message.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming a wrong or unknown key; the deployment is
  ///   refused
  default void attach(Map<String, Object> config) {}

  /// Handles one message, normally by calling [Next#proceed]; the returned value is the reply.
  default Object around(ActorContext context, Message message, Next next) throws Exception {
    return next.proceed(message);
  }

  /// Called once when the actor stops.
  default void detach() {}

  /// The rest of the chain, ending in the actor.
  interface Next {
    Object proceed(Message message) throws Exception;
  }
}
