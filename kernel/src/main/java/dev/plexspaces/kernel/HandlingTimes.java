package dev.plexspaces.kernel;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/// Handling times by actor type, for the types that have the `metrics` facet.
public final class HandlingTimes {

  /// Upper bounds of the buckets, nanoseconds: powers of four from 1 µs to about 17 s.
  public static final long[] BOUNDS = bounds();

  private final LongSupplier nanoClock;
  private final Map<String, Times> byType = new ConcurrentHashMap<>();

  /// The times of one type.
  public static final class Times {
    final LongSupplier nanoClock;
    private final LongAdder[] buckets = new LongAdder[BOUNDS.length + 1];
    private final LongAdder nanos = new LongAdder();

    private Times(LongSupplier nanoClock) {
      this.nanoClock = nanoClock;
      for (int i = 0; i < buckets.length; i++) {
        buckets[i] = new LongAdder();
      }
    }

    void record(long elapsedNanos) {
      int i = 0;
      while (i < BOUNDS.length && elapsedNanos > BOUNDS[i]) {
        i++;
      }
      buckets[i].increment();
      nanos.add(elapsedNanos);
    }

    /// Messages by bucket; the last one is beyond all bounds.
    public long[] counts() {
      long[] counts = new long[buckets.length];
      for (int i = 0; i < counts.length; i++) {
        counts[i] = buckets[i].sum();
      }
      return counts;
    }

    /// Sum of all times, nanoseconds.
    public long totalNanos() {
      return nanos.sum();
    }
  }

  HandlingTimes(LongSupplier nanoClock) {
    this.nanoClock = nanoClock;
  }

  private static long[] bounds() {
    long[] bounds = new long[13];
    long bound = 1_000;
    for (int i = 0; i < bounds.length; i++, bound *= 4) {
      bounds[i] = bound;
    }
    return bounds;
  }

  Times of(String type) {
    return byType.computeIfAbsent(type, t -> new Times(nanoClock));
  }

  /// All of them.
  public Map<String, Times> byType() {
    return Map.copyOf(byType);
  }
}
