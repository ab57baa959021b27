package dev.plexspaces.kernel;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.Message;
import java.util.List;

/// The facets around one actor, outermost first.
final class FacetChain {

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

  void detach() {
    facets.reversed().forEach(Facet::detach);
  }
}
