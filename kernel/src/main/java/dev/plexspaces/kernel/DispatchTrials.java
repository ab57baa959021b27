package dev.plexspaces.kernel;

/// What the dispatcher finds out by trial: how many slots run actors, and whether workers that ran
/// out of work linger (see [LingerBudget]). One at a time, so that each trial is compared with what
/// differs in nothing else.
///
/// Belongs to the monitor's thread.
final class DispatchTrials {

  /* Lingering makes a worker answer each call at once. Callers that send many before they wait gain
  by it. A server's event loop loses: it is woken for each answer instead of for several. Nothing but
  a trial tells the two apart. */

  /// Messages per tick below which nobody lingers: what a message costs besides the kernel is so
  /// much more then that there is little to win.
  static final long LINGER_HANDLED_MIN = 1_000;

  /* As limits of who parks at once: the lower one must be clearly better to be kept. */
  private static final int PARK = 2;
  private static final int LINGER = 1;

  /// Null where there is one slot.
  private final SlotLimit slots;

  private final SlotLimit parking = new SlotLimit(PARK, LINGER_HANDLED_MIN);
  private int allowed;
  private boolean lingers;

  /// @param slots all there are
  DispatchTrials(int slots) {
    this.slots = slots == 1 ? null : new SlotLimit(slots);
    this.allowed = slots;
  }

  /// Slots that may run.
  int slots() {
    return allowed;
  }

  /// True while workers are to linger.
  boolean lingers() {
    return lingers;
  }

  /// Takes note of one tick.
  ///
  /// @param handled messages within it
  /// @param nanos how long it was
  /// @param mayLinger false where workers cannot
  void tick(long handled, long nanos, boolean mayLinger) {
    if (slots != null && !parking.onTrial()) {
      allowed = slots.tick(handled, nanos);
    }
    if (mayLinger && (slots == null || !slots.onTrial())) {
      lingers = parking.tick(handled, nanos) == LINGER;
    }
  }

  /// Lets every slot run: something computes for long.
  void liftSlots() {
    if (slots != null) {
      allowed = slots.lift();
    }
  }

  /// Lets every slot run and nobody linger: handlers block.
  void lift() {
    liftSlots();
    lingers = parking.lift() == LINGER;
  }
}
