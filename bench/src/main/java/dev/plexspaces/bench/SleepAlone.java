package dev.plexspaces.bench;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;

/// What is left of a workload that blocks when nothing but the sleeping is done: no actors, no
/// messages, all sleepers at once. On virtual threads nobody gets more done whose handlers sleep on
/// such; on platform threads only where they are few, because starting them counts.
final class SleepAlone implements Contestant {

  /// On platform threads, which their own timers wake, or on virtual ones, which are woken by a
  /// thread that was.
  record Sleep(boolean virtual) implements Family {
    @Override
    public String name() {
      return virtual ? "sleep-alone-virtual" : "sleep-alone-platform";
    }

    @Override
    public List<String> settings(Workload workload) {
      return List.of("");
    }

    @Override
    public Contestant open(String setting) {
      return new SleepAlone(virtual ? Thread.ofVirtual() : Thread.ofPlatform());
    }
  }

  private final Thread.Builder threads;

  private SleepAlone(Thread.Builder threads) {
    this.threads = threads;
  }

  @Override
  public long run(Workload workload, long operations) throws Exception {
    return switch (workload) {
      case Workload.PingPong w when w.blocks() -> pingPong(w, operations);
      case Workload.AskFromOutside w when w.blocks() -> askFromOutside(w, operations);
      default -> throw new IllegalArgumentException(workload.name() + " does not sleep");
    };
  }

  /// The two of a pair never sleep at the same time.
  private long pingPong(Workload.PingPong w, long operations) throws InterruptedException {
    long sleeps = 2 * (w.catches(operations) / w.blockEvery());
    List<Thread> pairs = new ArrayList<>();
    long began = System.nanoTime();
    for (int i = 0; i < w.pairs(); i++) {
      pairs.add(threads.start(() -> sleep(sleeps)));
    }
    for (Thread pair : pairs) {
      pair.join();
    }
    return System.nanoTime() - began;
  }

  private long askFromOutside(Workload.AskFromOutside w, long operations)
      throws InterruptedException {
    Server[] servers = new Server[w.servers()];
    for (int i = 0; i < servers.length; i++) {
      servers[i] = new Server(w.blockEvery());
    }
    return OutsideAsks.drive(w, operations, (server, done) -> servers[server].ask(done));
  }

  /// Answers in the order of the asks, on the caller's thread unless it sleeps.
  private final class Server {
    private final int blockEvery;
    private final Queue<OutsideAsks.Done> waiting = new ArrayDeque<>();
    private long count;
    private boolean asleep;

    Server(int blockEvery) {
      this.blockEvery = blockEvery;
    }

    void ask(OutsideAsks.Done done) {
      synchronized (this) {
        if (asleep) {
          waiting.add(done);
          return;
        }
        asleep = ++count % blockEvery == 0;
        if (asleep) {
          threads.start(() -> sleepFor(done));
          return;
        }
      }
      done.over(null);
    }

    private void sleepFor(OutsideAsks.Done first) {
      OutsideAsks.Done done = first;
      boolean sleeps = true;
      while (done != null) {
        if (sleeps) {
          sleep(1);
        }
        done.over(null);
        synchronized (this) {
          done = waiting.poll();
          sleeps = done != null && ++count % blockEvery == 0;
          asleep = done != null;
        }
      }
    }
  }

  private static void sleep(long times) {
    try {
      for (long i = 0; i < times; i++) {
        Thread.sleep(Workload.BLOCK_MS);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public IdleCost idle(int actors) {
    throw new UnsupportedOperationException("it has no actors");
  }

  @Override
  public void close() {}
}
