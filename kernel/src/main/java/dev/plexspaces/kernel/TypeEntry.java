package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/// An actor type as one application offers it: the type, its facets, and its counters.
final class TypeEntry {

  final ActorType type;
  final String application;
  final String version;

  /// Facets declared by class and application, in configuration order.
  final List<FacetSpec> facets;

  /// How user-defined facets of the application are made.
  final FacetCatalog facetCatalog;

  /// What a turn of its volatile actors changed can be taken back.
  final boolean keepsState;

  final boolean virtual;
  final boolean durable;

  /// Idle time after which a virtual actor is passivated.
  final Duration idleTimeout;

  /// The specification of an actor activated on demand.
  final ChildSpec defaults;

  final Quarantine quarantine;

  /// The ways out of its application.
  final ServiceLinks links;

  /// Its application is gone.
  volatile boolean retired;

  /// Why none of its application runs although it is still there: its root supervisor gave up. Null
  /// while that is not so.
  volatile String failure;

  /// A durable actor may monitor one of this type: their exits are worth a look into the store.
  volatile boolean monitored;

  final LongAdder messagesOfExited = new LongAdder();
  final LongAdder asks = new LongAdder();
  final LongAdder restarts = new LongAdder();
  final LongAdder crashes = new LongAdder();
  final LongAdder activations = new LongAdder();
  final LongAdder commits = new LongAdder();

  /* Turns since a handler of the type last blocked. Racy on purpose: losing some counts is harmless. */
  int inlineTrust;

  /// Refuses what can only be done while the application runs.
  ///
  /// @throws PlexException `UNAVAILABLE` naming the application and what became of it
  void requireRunning() {
    String why = failure;
    if (why != null) {
      throw new PlexException(
          ErrorCode.UNAVAILABLE,
          "application '%s' of actor type '%s' has failed: its root supervisor exited (%s); undeploy the application and deploy it again"
              .formatted(application, type.name(), why));
    }
  }

  /// A handler of the type returned without having blocked. Writes only until the trust is won: the
  /// entry is shared by all its actors, and cores that write to one line slow each other down.
  void behaved() {
    if (inlineTrust < ActorCell.INLINE_TRUST) {
      inlineTrust++;
    }
  }

  TypeEntry(
      ActorType type,
      String application,
      String version,
      List<FacetSpec> facets,
      FacetCatalog facetCatalog,
      Quarantine quarantine,
      ServiceLinks links) {
    this.type = type;
    this.application = application;
    this.version = version;
    this.facets = facets;
    this.facetCatalog = facetCatalog;
    this.quarantine = quarantine;
    this.links = links;
    this.keepsState = type.keepsState();
    FacetSpec virtualFacet = FacetCatalog.named(facets, FacetCatalog.VIRTUAL_ACTOR);
    this.virtual = virtualFacet != null;
    this.durable = FacetCatalog.named(facets, FacetCatalog.DURABILITY) != null;
    this.idleTimeout =
        virtualFacet == null
            ? FacetCatalog.IDLE_TIMEOUT
            : FacetCatalog.duration(virtualFacet, "idle_timeout", FacetCatalog.IDLE_TIMEOUT);
    this.defaults = ChildSpec.of(type.name(), "default");
  }
}
