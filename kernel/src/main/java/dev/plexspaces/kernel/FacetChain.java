package dev.plexspaces.kernel;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.Message;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// The facets around one actor, outermost first.
final class FacetChain {

  private static final Logger LOG = LoggerFactory.getLogger(FacetChain.class);

  private final List<Facet> facets;
  private Facet.Next first;

  FacetChain(List<Facet> facets) {
    this.facets = facets;
  }

  void bind(ActorContext context, Actor actor) {
    Facet.Next next = message -> actor.handle(context, message);
    for (Facet facet : facets.reversed()) {
      Facet.Next inner = next;
      next = message -> facet.around(context, message, inner);
    }
    first = next;
  }

  Object handle(Message message) throws Exception {
    return first.proceed(message);
  }

  /// @param owner to name in the log
  void detach(ActorCell owner) {
    for (Facet facet : facets.reversed()) {
      try {
        facet.detach();
      } catch (Throwable thrown) {
        TurnLog.at(LOG, Level.WARN, owner, null)
            .setCause(thrown)
            .log("{}: facet '{}' failed to detach", owner, facet.name());
      }
    }
  }
}
