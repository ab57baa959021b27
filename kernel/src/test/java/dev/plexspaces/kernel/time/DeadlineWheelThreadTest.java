package dev.plexspaces.kernel.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// With the sweeper's thread and the real clock. Nothing here depends on how long things take; the
/// latches give up after a while only so that a lost wake-up fails instead of hanging.
class DeadlineWheelThreadTest {

  private static final long GIVE_UP_SECONDS = 60;

  private static final ThreadFactory DAEMON =
      Thread.ofPlatform().daemon().name("deadline-sweeper").factory();

  private static final class Ask extends Deadline {
    private static final int OPEN = 0;
    private static final int ANSWERED = 1;
    private static final int EXPIRED = 2;

    final AtomicInteger state = new AtomicInteger(OPEN);
    final AtomicInteger expirations = new AtomicInteger();
    private final CountDownLatch settled;

    private final long earliest;

    Ask(long dueNanos, CountDownLatch settled) {
      super(dueNanos);
      this.settled = settled;
      this.earliest = dueNanos;
    }

    /// Due as long after it is added as another one is from now on.
    static Ask relative(long dueNanos, CountDownLatch settled) {
      return new Ask(dueNanos - System.nanoTime(), dueNanos, settled);
    }

    private Ask(long nanos, long earliest, CountDownLatch settled) {
      super(nanos, true);
      this.settled = settled;
      this.earliest = earliest;
    }

    boolean answer() {
      boolean won = state.compareAndSet(OPEN, ANSWERED);
      if (won) {
        countDone();
        settled.countDown();
      }
      return won;
    }

    @Override
    protected boolean done() {
      return state.get() != OPEN;
    }

    @Override
    protected void expired() {
      expirations.incrementAndGet();
      assertThat(System.nanoTime() - earliest).as("not early").isNotNegative();
      if (state.compareAndSet(OPEN, EXPIRED)) {
        settled.countDown();
      }
    }
  }

  private static void add(DeadlineWheel wheel, Ask ask, boolean patient) {
    if (patient) {
      wheel.addPatient(ask);
    } else {
      wheel.add(ask);
    }
  }

  /// When it is due: at once, or as soon as it may be patient.
  private static long due(boolean patient) {
    return System.nanoTime() + (patient ? DeadlineWheel.PATIENT_NANOS : 0);
  }

  /// Half of them are answered, by their own thread or by another one and perhaps too late.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void deadlines_ofManyThreads_eachSettleExactlyOnce(boolean patient) throws InterruptedException {
    int threads = 4;
    int perThread = 20_000;
    CountDownLatch settled = new CountDownLatch(threads * perThread);
    List<List<Ask>> asks = new ArrayList<>();
    try (DeadlineWheel wheel = new DeadlineWheel(System::nanoTime)) {
      wheel.start(DAEMON);
      List<Thread> adders = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        List<Ask> own = new ArrayList<>(perThread);
        asks.add(own);
        adders.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < perThread; i++) {
                        long due = due(patient) + (i % 50) * 1_000_000L;
                        Ask ask = i % 3 == 0 ? Ask.relative(due, settled) : new Ask(due, settled);
                        own.add(ask);
                        add(wheel, ask, patient);
                        if (i % 4 == 0) {
                          ask.answer();
                        } else if (i % 4 == 1 && i > 1_000) {
                          own.get(i - 1_000).answer();
                        }
                      }
                    }));
      }
      for (Thread adder : adders) {
        adder.join();
      }
      assertThat(settled.await(GIVE_UP_SECONDS, TimeUnit.SECONDS)).isTrue();
    }
    for (List<Ask> own : asks) {
      assertThat(own).hasSize(perThread);
      for (Ask ask : own) {
        int expected = ask.state.get() == Ask.EXPIRED ? 1 : 0;
        assertThat(ask.expirations.get()).isBetween(expected, 1);
        assertThat(ask.done()).isTrue();
      }
      assertThat(own).anyMatch(ask -> ask.state.get() == Ask.EXPIRED);
    }
  }

  /// The push comes at every point where the sweeper could miss it, made by its own thread so that
  /// nothing else can come between.
  @ParameterizedTest
  @CsvSource({"1,false", "2,false", "3,false", "1,true", "2,true", "3,true"})
  void push_whileTheSweeperFallsAsleep_isNotMissed(int point, boolean patient)
      throws InterruptedException {
    CountDownLatch settled = new CountDownLatch(1);
    AtomicInteger points = new AtomicInteger();
    AtomicReference<DeadlineWheel> self = new AtomicReference<>();
    Runnable hook =
        () -> {
          if (points.incrementAndGet() == point) {
            add(self.get(), new Ask(due(patient), settled), patient);
          }
        };
    try (DeadlineWheel wheel = new DeadlineWheel(System::nanoTime, 1, hook)) {
      self.set(wheel);
      wheel.start(DAEMON);
      assertThat(settled.await(GIVE_UP_SECONDS, TimeUnit.SECONDS)).isTrue();
    }
  }

  /// Whether it sleeps for good, because nothing is pending, or until a far deadline.
  @ParameterizedTest
  @CsvSource({"false,false", "true,false", "false,true", "true,true"})
  void push_whileTheSweeperSleeps_wakesIt(boolean farDeadline, boolean patient)
      throws InterruptedException {
    Semaphore sleeping = new Semaphore(0);
    CountDownLatch never = new CountDownLatch(1);
    try (DeadlineWheel wheel = new DeadlineWheel(System::nanoTime, 1, sleeping::release)) {
      wheel.start(DAEMON);
      for (int round = 0; round < 3; round++) {
        assertThat(sleeping.tryAcquire(3, GIVE_UP_SECONDS, TimeUnit.SECONDS)).isTrue();
        if (farDeadline && round == 0) {
          add(wheel, new Ask(System.nanoTime() + TimeUnit.HOURS.toNanos(1), never), patient);
          continue;
        }
        CountDownLatch settled = new CountDownLatch(1);
        add(wheel, new Ask(due(patient), settled), patient);
        assertThat(settled.await(GIVE_UP_SECONDS, TimeUnit.SECONDS)).as("round %d", round).isTrue();
      }
    }
    assertThat(never.getCount()).isEqualTo(1);
  }

  @Test
  void close_endsTheSweeper() throws InterruptedException {
    AtomicReference<Thread> sweeper = new AtomicReference<>();
    Semaphore sleeping = new Semaphore(0);
    DeadlineWheel wheel = new DeadlineWheel(System::nanoTime, 1, sleeping::release);
    wheel.start(
        task -> {
          sweeper.set(DAEMON.newThread(task));
          return sweeper.get();
        });
    assertThat(sleeping.tryAcquire(3, GIVE_UP_SECONDS, TimeUnit.SECONDS)).isTrue();
    wheel.close();
    sweeper.get().join(TimeUnit.SECONDS.toMillis(GIVE_UP_SECONDS));
    assertThat(sweeper.get().isAlive()).isFalse();
    assertThatThrownBy(() -> wheel.start(DAEMON)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void advance_byAnotherThread_isABug() {
    try (DeadlineWheel wheel = new DeadlineWheel(System::nanoTime)) {
      wheel.start(DAEMON);
      assertThatThrownBy(() -> wheel.advance(0)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> wheel.start(DAEMON)).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void systemClock_doesNotGoBack() {
    SystemClock clock = SystemClock.INSTANCE;
    long before = clock.nanoTime();
    assertThat(clock.nanoTime() - before).isNotNegative();
    assertThat(clock.instant()).isNotNull();
  }
}
