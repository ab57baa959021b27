package dev.plexspaces.kernel;

/// How many rescuers may run in vain in a tick of the monitor: each costs a switch of threads, and
/// one that is missing keeps ready actors waiting for a tick.
///
/// Grows fast when one was missed and shrinks slowly otherwise, so that what blocks often pays for
/// what it needs and the rest pays next to nothing. Counts are racy on purpose: they are hints.
final class RescueBudget {

  /// The least that are allowed in a tick, besides as many as were of use.
  static final int MIN = 16;

  /// The most.
  static final int MAX = 1_024;

  /// A tick in which none was missed takes one of so many away, and one more.
  private static final int DECAY = 128;

  private int useful;
  private int vain;
  private int allowed = MIN;

  /// One found a blocked owner.
  void useful() {
    useful++;
  }

  /// One found none.
  ///
  /// @return false when no other is wanted before the next tick
  boolean inVain() {
    return ++vain <= allowed + useful;
  }

  /// Begins a tick.
  ///
  /// @param missed none was wanted any more, an owner is blocked and actors wait
  void tick(boolean missed) {
    allowed = missed ? Math.min(MAX, allowed * 2) : Math.max(MIN, allowed - allowed / DECAY - 1);
    useful = 0;
    vain = 0;
  }
}
