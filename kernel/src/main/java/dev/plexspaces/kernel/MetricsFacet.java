package dev.plexspaces.kernel;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.Message;

/// Facet `metrics`: how long messages take, by actor type.
final class MetricsFacet implements Facet {

  private final HandlingTimes.Times times;

  MetricsFacet(HandlingTimes.Times times) {
    this.times = times;
  }

  @Override
  public String name() {
    return FacetCatalog.METRICS;
  }

  @Override
  public int priority() {
    return 800;
  }

  @Override
  public Object around(ActorContext context, Message message, Next next) throws Exception {
    long start = times.nanoClock.getAsLong();
    try {
      return next.proceed(message);
    } finally {
      times.record(times.nanoClock.getAsLong() - start);
    }
  }
}
