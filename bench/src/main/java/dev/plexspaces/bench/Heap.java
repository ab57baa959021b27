package dev.plexspaces.bench;

import java.lang.management.ManagementFactory;

/// Bytes alive on the heap.
final class Heap {

  /// Looks at most; what was stopped before may still be letting go of its memory.
  private static final int LOOKS_MAX = 30;

  /// Bytes by which two looks in a row may differ for the heap to count as settled.
  private static final long SETTLED_BYTES = 1 << 20;

  private Heap() {}

  /// Bytes in use right after full collections, once they no longer free anything.
  static long used() {
    long before = collected();
    for (int look = 1; look < LOOKS_MAX; look++) {
      long now = collected();
      if (Math.abs(before - now) < SETTLED_BYTES) {
        return now;
      }
      before = now;
    }
    return before;
  }

  private static long collected() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
