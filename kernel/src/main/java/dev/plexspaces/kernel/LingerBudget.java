package dev.plexspaces.kernel;

/// How many workers that ran out of work may wait in vain for some before they park: one that comes
/// at once is found by them for far less than waking a thread costs, but an idle processor must not
/// be kept busy.
///
/// A tick of the monitor brings one, so what is waited in vain is at most [#LINGER_NANOS] a tick,
/// however the work comes. Counts are racy on purpose: they are hints.
final class LingerBudget {

  /// Longest a worker waits, nanoseconds: no longer than it takes to wake one.
  static final long LINGER_NANOS = 20_000;

  /// The most that are saved up.
  static final int MAX = 16;

  private int left = MAX;
  private long found;

  /// True while a worker may wait.
  boolean allows() {
    return left > 0;
  }

  /// One waited and something came.
  void found() {
    found++;
  }

  /// How often something came. A snapshot, for tests.
  long foundSoFar() {
    return found;
  }

  /// One waited and nothing came.
  void inVain() {
    left--;
  }

  /// Begins a tick.
  void tick() {
    left = Math.min(MAX, Math.max(0, left) + 1);
  }
}
