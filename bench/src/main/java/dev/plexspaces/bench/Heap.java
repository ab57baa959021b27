package dev.plexspaces.bench;

import java.lang.management.ManagementFactory;

/// Bytes alive on the heap.
final class Heap {

  /// Collections before reading: one may leave what became garbage while it ran.
  private static final int COLLECTIONS = 3;

  private Heap() {}

  /// Bytes in use right after a full collection.
  static long used() {
    for (int i = 0; i < COLLECTIONS; i++) {
      System.gc();
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
