package dev.plexspaces.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/// The threads outside the actor system that keep asks in flight; shared by the JVM contestants, so
/// that they differ in nothing but the ask itself.
///
/// A driver fills its window, sleeps until half of it has been answered and fills it again: waking
/// a thread per reply would be most of what is measured.
final class OutsideAsks {

  /// Sends one ask.
  @FunctionalInterface
  interface Asker {
    /// @param server which of the workload's servers
    /// @param done to be called once with `null` for a reply or with what went wrong
    void ask(int server, Done done);
  }

  /// Called when an ask is over.
  @FunctionalInterface
  interface Done {
    void over(Throwable failure);
  }

  private OutsideAsks() {}

  /// What was done.
  ///
  /// @param nanos from the first ask to the last reply
  record Outcome(long asks, long nanos) {
    double perSecond() {
      return asks * 1e9 / nanos;
    }
  }

  /// Sends `asks` and waits for all replies.
  ///
  /// @return nanoseconds from the first ask to the last reply
  static long drive(Workload.AskFromOutside workload, long asks, Asker asker)
      throws InterruptedException {
    return drive(workload, asks, Long.MAX_VALUE, asker).nanos;
  }

  /// Sends asks for `nanos` and waits for all replies.
  static Outcome driveFor(Workload.AskFromOutside workload, long nanos, Asker asker)
      throws InterruptedException {
    return drive(workload, Long.MAX_VALUE, nanos, asker);
  }

  private static Outcome drive(
      Workload.AskFromOutside workload, long asks, long nanosMax, Asker asker)
      throws InterruptedException {
    int drivers = Workload.AskFromOutside.DRIVERS;
    int window = Math.max(2, workload.outstanding() / drivers);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    List<Driver> running = new ArrayList<>();
    for (int i = 0; i < drivers; i++) {
      Driver driver = new Driver(i, window, asks / drivers, workload.servers(), asker, failure);
      running.add(driver);
      threads.add(
          Thread.ofPlatform()
              .name("driver-" + i)
              .start(
                  () -> {
                    awaitQuietly(start);
                    driver.run(nanosMax);
                  }));
    }
    long began = System.nanoTime();
    start.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    long nanos = System.nanoTime() - began;
    if (failure.get() != null) {
      throw new IllegalStateException("an ask failed", failure.get());
    }
    return new Outcome(running.stream().mapToLong(driver -> driver.sent).sum(), nanos);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class Driver implements Done {
    private final int first;
    private final int window;
    private final long share;
    private final int servers;
    private final Asker asker;
    private final AtomicReference<Throwable> failure;
    private final AtomicInteger inFlight = new AtomicInteger();
    private volatile Thread thread;

    /// Written by the driver's own thread, read after it ended.
    private long sent;

    Driver(
        int first,
        int window,
        long share,
        int servers,
        Asker asker,
        AtomicReference<Throwable> failure) {
      this.first = first;
      this.window = window;
      this.share = share;
      this.servers = servers;
      this.asker = asker;
      this.failure = failure;
    }

    void run(long nanosMax) {
      thread = Thread.currentThread();
      int server = first;
      long began = System.nanoTime();
      while (sent < share && failure.get() == null && System.nanoTime() - began < nanosMax) {
        while (sent < share && inFlight.get() < window) {
          inFlight.incrementAndGet();
          asker.ask(server, this);
          server = (server + 1) % servers;
          sent++;
        }
        awaitAtMost(sent < share ? window / 2 : 0);
      }
      awaitAtMost(0);
    }

    private void awaitAtMost(int low) {
      while (inFlight.get() > low) {
        LockSupport.park(this);
      }
    }

    @Override
    public void over(Throwable problem) {
      if (problem != null) {
        failure.compareAndSet(null, problem);
      }
      int left = inFlight.decrementAndGet();
      if (left == window / 2 || left == 0) {
        LockSupport.unpark(thread);
      }
    }
  }
}
