package dev.plexspaces.kernel.time;

/// Something that must happen by a point in time unless it is done before, such as the answer to an
/// ask. Extend it, so that waiting costs no second object, and hand it to one [DeadlineWheel#add],
/// once.
public abstract class Deadline {

  /// When it is due, on the scale of [Clock#nanoTime]; or how long after it was added.
  final long nanos;

  /// True when `nanos` counts from when it was added.
  final boolean relative;

  /// Below this one in the stripe it was pushed on; the wheel's.
  Deadline next;

  /// Arrival, to fire equal ones in order; the wheel's.
  long order;

  /// Where it is counted when it is done; null for most.
  PatientDeadlines.Done doneCount;

  /// @param dueNanos when it is due, on the scale of [Clock#nanoTime]; at most 146 years ahead
  protected Deadline(long dueNanos) {
    this(dueNanos, false);
  }

  /// @param nanos when it is due, or how long after it is added: whoever adds many then need not
  ///   look at the clock for each
  /// @param relative which of the two
  protected Deadline(long nanos, boolean relative) {
    this.nanos = nanos;
    this.relative = relative;
  }

  /// How long it is until it is due, nanoseconds; where that counts from when it was added, all of
  /// it.
  public final long leftNanos(long nowNanos) {
    return relative ? nanos : nanos - nowNanos;
  }

  /// One whose time counts from now on.
  final Deadline from(long nowNanos) {
    return relative ? new Fixed(nowNanos + nanos, this) : this;
  }

  private static final class Fixed extends Deadline {
    private final Deadline what;

    Fixed(long dueNanos, Deadline what) {
      super(dueNanos);
      this.what = what;
    }

    @Override
    protected boolean done() {
      return what.done();
    }

    @Override
    protected void expired() {
      what.expired();
    }
  }

  /// True once nothing needs to happen any more; must then stay true. Called by the wheel's thread,
  /// any number of times: cheap, never blocking, reading a volatile at most.
  protected abstract boolean done();

  /// It is due and was not done a moment ago. Called once, by the wheel's thread: must not block.
  /// May race with what makes it done, so the two need one atomic winner. What it throws is logged.
  protected abstract void expired();

  /// It was done before it was due. Called at most once, by whoever made it done; needed after
  /// [DeadlineWheel#addPatient] only.
  protected final void countDone() {
    PatientDeadlines.Done d = doneCount;
    if (d != null) {
      d.count();
    }
  }
}
