package dev.plexspaces.kernel.time;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.function.LongSupplier;

/// One-shot timers that can be cancelled, on the thread of a [DeadlineWheel]: for messages sent
/// later and for idle actors. Any thread may use it.
public final class Timers {

  /// Longest delay.
  public static final Duration DELAY_MAX = Duration.ofDays(36_500);

  private final DeadlineWheel wheel;
  private final LongSupplier nanoClock;

  /// @param nanoClock [Clock#nanoTime], the same the wheel goes by
  public Timers(DeadlineWheel wheel, LongSupplier nanoClock) {
    this.wheel = wheel;
    this.nanoClock = nanoClock;
  }

  /// Runs `action` once, after `delay`, on the wheel's thread.
  ///
  /// @param delay 0 or longer, at most [#DELAY_MAX]
  /// @param action must not block; what it throws is logged
  /// @throws IllegalArgumentException for other delays
  public Timer after(Duration delay, Runnable action) {
    Timer timer = prepare(delay, action);
    timer.start();
    return timer;
  }

  /// Like [#after], but the timer runs only once it is started; its time counts from now.
  public Timer prepare(Duration delay, Runnable action) {
    if (delay.isNegative() || delay.compareTo(DELAY_MAX) > 0) {
      throw new IllegalArgumentException(
          "delay: must be 0 to " + DELAY_MAX.toDays() + " days, not " + delay);
    }
    return new Timer(wheel, nanoClock.getAsLong() + delay.toNanos(), action);
  }

  /// A timer that was set; it fires or is cancelled, never both.
  public static final class Timer extends Deadline {

    private static final VarHandle ACTION;

    static {
      try {
        ACTION = MethodHandles.lookup().findVarHandle(Timer.class, "action", Runnable.class);
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }

    /// Whoever takes it decides: the wheel runs it, a cancellation drops it with all it refers to.
    private volatile Runnable action;

    private final DeadlineWheel wheel;

    private Timer(DeadlineWheel wheel, long dueNanos, Runnable action) {
      super(dueNanos);
      this.wheel = wheel;
      this.action = action;
    }

    /// Lets a prepared timer run; call once.
    public void start() {
      wheel.add(this);
    }

    /// Keeps the timer from firing.
    ///
    /// @return true when it had neither fired nor been cancelled
    public boolean cancel() {
      return take() != null;
    }

    @Override
    protected boolean done() {
      return action == null;
    }

    @Override
    protected void expired() {
      Runnable taken = take();
      if (taken != null) {
        taken.run();
      }
    }

    private Runnable take() {
      return (Runnable) ACTION.getAndSet(this, (Runnable) null);
    }
  }
}
