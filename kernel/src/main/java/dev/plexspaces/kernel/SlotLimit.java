package dev.plexspaces.kernel;

import java.util.Arrays;

/// How many slots run actors, found by trial: where short handlers mostly talk to each other,
/// moving their messages between cores costs more than another core brings. Source: hill climbing
/// as in Hellerstein, Morrison and Eilebrecht, "Optimizing Concurrency Levels in the .NET
/// ThreadPool", FeBID 2008.
final class SlotLimit {

  /* Every now and then half as many slots, or twice as many, run for a few ticks. They are kept when
  clearly more messages are handled; else the next trial is the longer away the more were in vain, so
  that trials cost little. Where little is handled, because there is little to do or because handlers
  take long, there is nothing to compare, and every slot may run. */

  /// Ticks of a sample. The best and the worst two do not count: a pause of the garbage collector
  /// is no result.
  static final int SAMPLE = 10;

  private static final int OUTLIERS = 2;

  /// Ticks until what the old limit left behind is worked off: full mailboxes, above all.
  static final int SETTLE = 4;

  /// How much better fewer slots must be than more.
  static final double GAIN = 1.1;

  /// Change of what is handled after which the next trial is soon.
  private static final double CHANGE = 1.5;

  /// Ticks between two trials.
  static final int PAUSE_MIN = 20;

  static final int PAUSE_MAX = 2_000;

  /// Messages per tick below which there is nothing to compare about slots.
  static final long HANDLED_MIN = 100;

  /// Ticks with less than that, more than without, after which every slot may run.
  static final int SLACK_MAX = 16;

  private final int max;
  private final long handledMin;

  /// Slots that may run.
  private int limit;

  /// What the trial is compared with; equal to `limit` while there is none.
  private int kept;

  private double keptRate;
  private final double[] sample = new double[SAMPLE];
  private int sampled;

  /// Ticks after a change that do not count.
  private int settling;

  private int pause = PAUSE_MIN;
  private int untilTrial = PAUSE_MIN;
  private int slack;
  private boolean down = true;

  /// @param max all slots
  SlotLimit(int max) {
    this(max, HANDLED_MIN);
  }

  /// @param handledMin messages per tick below which there is nothing to compare
  SlotLimit(int max, long handledMin) {
    this.max = max;
    this.handledMin = handledMin;
    this.limit = max;
    this.kept = max;
  }

  /// Takes note of one tick.
  ///
  /// @param handled messages within it
  /// @param nanos how long it was
  /// @return how many slots may run
  int tick(long handled, long nanos) {
    if (handled < handledMin) {
      return ++slack < SLACK_MAX ? limit : lift();
    }
    slack = Math.max(0, slack - 1);
    if (settling > 0) {
      settling--;
      return limit;
    }
    sample[sampled++] = (double) handled / nanos;
    if (sampled == SAMPLE) {
      sampled = 0;
      decide(rate());
    }
    return limit;
  }

  private double rate() {
    Arrays.sort(sample);
    double sum = 0;
    for (int i = OUTLIERS; i < SAMPLE - OUTLIERS; i++) {
      sum += sample[i];
    }
    return sum;
  }

  /// True while another limit than the one that is kept is tried, or its traces are worked off.
  boolean onTrial() {
    return limit != kept || settling > 0;
  }

  /// Lets every slot run.
  int lift() {
    if (kept != max) {
      again(PAUSE_MIN);
    }
    limit = max;
    kept = max;
    sampled = 0;
    slack = 0;
    return limit;
  }

  private void decide(double rate) {
    if (limit != kept) {
      // What makes no difference is done by more.
      if (rate > (limit > kept ? keptRate / GAIN : keptRate * GAIN)) {
        kept = limit;
        keptRate = rate;
        again(PAUSE_MIN);
      } else {
        change(kept);
        again(Math.min(PAUSE_MAX, pause * 2));
      }
      return;
    }
    if (rate > keptRate * CHANGE || keptRate > rate * CHANGE) {
      again(PAUSE_MIN);
    }
    keptRate = rate;
    untilTrial -= SAMPLE;
    if (untilTrial <= 0) {
      down = limit == max || limit > 1 && !down;
      change(down ? limit / 2 : Math.min(max, limit * 2));
    }
  }

  private void change(int to) {
    limit = to;
    settling = SETTLE;
  }

  private void again(int ticks) {
    pause = ticks;
    untilTrial = ticks;
  }
}
