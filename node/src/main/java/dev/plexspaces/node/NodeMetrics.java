package dev.plexspaces.node;

import dev.plexspaces.kernel.HandlingTimes;
import dev.plexspaces.kernel.KernelMetrics;
import dev.plexspaces.kernel.KernelMetrics.TypeMetrics;
import dev.plexspaces.node.links.LinkStats;
import dev.plexspaces.store.StoreStats;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;

/// Everything `/metrics` shows: the edge's histograms, the JVM, and one reading of the kernel's and
/// the store's counters per scrape.
///
/// Labels are actor types, application ids, routes and words of ours, so their number is bounded by
/// what is deployed; never a key, a tenant or a raw path.
final class NodeMetrics implements AutoCloseable {

  private static final double NANOS = 1e9;

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics gc = new JvmGcMetrics();

  /// @param kernel read once per scrape
  /// @param store read once per scrape
  /// @param links read once per scrape
  NodeMetrics(
      Supplier<KernelMetrics> kernel, Supplier<StoreStats> store, Supplier<List<LinkStats>> links) {
    gc.bindTo(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ClassLoaderMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    MultiCollector counters = () -> snapshots(kernel.get(), store.get(), links.get());
    registry.getPrometheusRegistry().register(counters);
  }

  /// Where the edge puts its histograms.
  MeterRegistry registry() {
    return registry;
  }

  /// All of it in the Prometheus text format.
  String text() {
    return registry.scrape();
  }

  @Override
  public void close() {
    gc.close();
    registry.close();
  }

  static MetricSnapshots snapshots(KernelMetrics kernel, StoreStats store, List<LinkStats> links) {
    List<MetricSnapshot> all = new ArrayList<>();
    List<TypeMetrics> types = kernel.types();
    all.add(
        counter(
            "plexspaces_actor_messages",
            "Messages processed.",
            byType(types, TypeMetrics::messages)));
    all.add(
        counter(
            "plexspaces_actor_turns",
            "Turns run; a turn processes one message.",
            byType(types, TypeMetrics::messages)));
    all.add(
        counter(
            "plexspaces_actor_asks",
            "Asks received from outside of the node.",
            byType(types, TypeMetrics::asks)));
    all.add(
        counter(
            "plexspaces_actor_commits",
            "Durable commits submitted.",
            byType(types, TypeMetrics::commits)));
    all.add(
        counter(
            "plexspaces_actor_crashes",
            "Crashes of handlers.",
            byType(types, TypeMetrics::crashes)));
    all.add(
        counter(
            "plexspaces_actor_restarts",
            "Restarts after a crash.",
            byType(types, TypeMetrics::restarts)));
    all.add(
        counter(
            "plexspaces_actor_activations",
            "Starts of actors: activations of virtual ones and restarts included.",
            byType(types, TypeMetrics::activations)));
    all.add(gauge("plexspaces_actor_live", "Actors in memory.", byType(types, TypeMetrics::live)));
    all.add(
        gauge(
            "plexspaces_actor_mailbox_depth",
            "Messages waiting, all actors of a type together.",
            byType(types, TypeMetrics::mailboxDepth)));
    all.add(
        counter(
            "plexspaces_supervisor_reports",
            "Exits, failed starts and give-ups that supervisors reported.",
            Map.of(Labels.EMPTY, kernel.supervisorReports())));
    Map<Labels, Long> letters = new TreeMap<>();
    kernel
        .deadLetters()
        .forEach(
            (type, counts) ->
                counts.forEach(
                    (reason, count) ->
                        letters.put(Labels.of("reason", lower(reason), "type", type), count)));
    all.add(counter("plexspaces_dead_letters", "Messages nobody processed.", letters));
    all.add(
        counter(
            "plexspaces_idempotency_refusals",
            "Requests with a new idempotency key beyond their tenant's quota.",
            one(kernel.idempotencyRefusals())));
    all.add(
        counter(
            "plexspaces_actor_killed_running",
            "Actors that were killed and whose handlers ran on.",
            one(kernel.killedAndRunning())));
    if (!kernel.handlingTimes().isEmpty()) {
      all.add(handlingTimes(kernel.handlingTimes()));
    }
    store(store, all);
    links(links, all);
    return new MetricSnapshots(all);
  }

  private static void links(List<LinkStats> links, List<MetricSnapshot> all) {
    Map<Labels, Long> calls = new TreeMap<>();
    Map<Labels, Long> retries = new TreeMap<>();
    Map<Labels, Long> breakers = new TreeMap<>();
    for (LinkStats link : links) {
      Labels labels = Labels.of("application", link.application(), "link", link.link());
      link.calls()
          .forEach((ending, count) -> calls.put(labels.add("outcome", lower(ending)), count));
      retries.put(labels, link.retries());
      for (String state : LinkStats.BREAKER_STATES) {
        breakers.put(labels.add("state", state), state.equals(link.breaker()) ? 1L : 0L);
      }
    }
    all.add(counter("plexspaces_link_calls", "Calls over service links, by outcome.", calls));
    all.add(counter("plexspaces_link_retries", "Attempts of such calls after the first.", retries));
    all.add(
        gauge(
            "plexspaces_link_breaker_state",
            "1 for the state the circuit breaker of a link is in.",
            breakers));
  }

  private static void store(StoreStats store, List<MetricSnapshot> all) {
    all.add(counter("plexspaces_store_commits", "Commits on disk.", one(store.commits())));
    all.add(counter("plexspaces_store_refused", "Commits refused.", one(store.refused())));
    all.add(
        counter(
            "plexspaces_store_batches", "Transactions that commits shared.", one(store.batches())));
    all.add(
        counter(
            "plexspaces_store_written_bytes",
            "Payload handed to the database, bytes.",
            one(store.bytesWritten())));
    all.add(
        counter(
            "plexspaces_store_folds", "Times the log was folded into tables.", one(store.folds())));
    all.add(
        gauge(
            "plexspaces_store_queue_depth",
            "Commits waiting for the writer.",
            one(store.queueDepth())));
    all.add(
        gauge(
            "plexspaces_store_fold_lag_rows",
            "Commits in the log that are not folded yet.",
            one(store.foldLagRows())));
    all.add(
        gauge(
            "plexspaces_store_wal_pages", "Pages in the write-ahead log.", one(store.walPages())));
    all.add(
        gauge(
            "plexspaces_store_requests_remembered",
            "Outcomes of requests with an idempotency key on disk.",
            one(store.requestsRemembered())));
    Map<Labels, Long> states = new TreeMap<>();
    for (StoreStats.State state : StoreStats.State.values()) {
      states.put(Labels.of("state", lower(state)), state == store.state() ? 1L : 0L);
    }
    all.add(gauge("plexspaces_store_state", "1 for the state the store is in.", states));
  }

  private static Map<Labels, Long> byType(
      List<TypeMetrics> types, ToLongFunction<TypeMetrics> value) {
    Map<Labels, Long> points = new TreeMap<>();
    for (TypeMetrics type : types) {
      // A type that is deployed anew while its old actors still stop is listed twice.
      points.merge(
          Labels.of("application", type.application(), "type", type.type()),
          value.applyAsLong(type),
          Long::sum);
    }
    return points;
  }

  private static Map<Labels, Long> one(long value) {
    return Map.of(Labels.EMPTY, value);
  }

  private static CounterSnapshot counter(String name, String help, Map<Labels, Long> points) {
    CounterSnapshot.Builder builder = CounterSnapshot.builder().name(name).help(help);
    points.forEach(
        (labels, value) ->
            builder.dataPoint(
                CounterDataPointSnapshot.builder().labels(labels).value(value).build()));
    return builder.build();
  }

  private static GaugeSnapshot gauge(String name, String help, Map<Labels, Long> points) {
    GaugeSnapshot.Builder builder = GaugeSnapshot.builder().name(name).help(help);
    points.forEach(
        (labels, value) ->
            builder.dataPoint(
                GaugeDataPointSnapshot.builder().labels(labels).value(value).build()));
    return builder.build();
  }

  private static HistogramSnapshot handlingTimes(Map<String, HandlingTimes.Times> byType) {
    HistogramSnapshot.Builder builder =
        HistogramSnapshot.builder()
            .name("plexspaces_actor_handling_seconds")
            .help("Time to process one message, of types with the metrics facet.");
    byType.forEach(
        (type, times) -> {
          ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
          long[] counts = times.counts();
          for (int i = 0; i < counts.length; i++) {
            double bound =
                i < HandlingTimes.BOUNDS.length
                    ? HandlingTimes.BOUNDS[i] / NANOS
                    : Double.POSITIVE_INFINITY;
            buckets.bucket(bound, counts[i]);
          }
          builder.dataPoint(
              HistogramDataPointSnapshot.builder()
                  .labels(Labels.of("type", type))
                  .classicHistogramBuckets(buckets.build())
                  .sum(times.totalNanos() / NANOS)
                  .build());
        });
    return builder.build();
  }

  private static String lower(Enum<?> word) {
    return word.name().toLowerCase(Locale.ROOT);
  }
}
