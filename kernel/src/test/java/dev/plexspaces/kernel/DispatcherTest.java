package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.Reply;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(180)
class DispatcherTest {

  private static final String VIRTUAL = FacetCatalog.VIRTUAL_ACTOR;

  private static TestType echo() {
    return TestType.of("echo", () -> Script.of("*", (c, m) -> m.payload()), VIRTUAL);
  }

  /// Blocks outside of our operations until `gate` opens.
  private static TestType blocked(CountDownLatch entered, CountDownLatch gate) {
    return TestType.of(
        "blocked",
        () ->
            Script.of(
                "*",
                (c, m) -> {
                  entered.countDown();
                  Node.await(gate);
                  return "done";
                }),
        VIRTUAL);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void foreignBlocking_moreHandlersThanProcessors_othersGoOn(int parallelism) {
    int count = 10;
    CountDownLatch entered = new CountDownLatch(count);
    CountDownLatch gate = new CountDownLatch(1);
    try (Node node = Node.withParallelism(parallelism).offer(echo(), blocked(entered, gate))) {
      List<CompletableFuture<Object>> waiting = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        waiting.add(node.asking("blocked", "b" + i, "go", null));
      }
      Node.await(entered);
      for (int i = 0; i < 100; i++) {
        assertThat(node.ask("echo", "e" + i, "go", i)).isEqualTo(i);
      }
      assertThat(waiting).noneMatch(CompletableFuture::isDone);
      gate.countDown();
      waiting.forEach(w -> assertThat(Node.await(w)).isEqualTo("done"));
    }
  }

  @Test
  void foreignBlocking_inSleepLockMonitorAndSocket_othersGoOn() throws Exception {
    ReentrantLock lock = new ReentrantLock();
    Object monitor = new Object();
    CountDownLatch entered = new CountDownLatch(4);
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      TestType type =
          TestType.of(
              "foreign",
              () ->
                  Script.of(
                          "sleep",
                          (c, m) -> {
                            entered.countDown();
                            try {
                              Thread.sleep(Node.BOUND);
                            } catch (InterruptedException killed) {
                              return "interrupted";
                            }
                            return null;
                          })
                      .on(
                          "lock",
                          (c, m) -> {
                            entered.countDown();
                            lock.lock();
                            lock.unlock();
                            return "locked";
                          })
                      .on(
                          "monitor",
                          (c, m) -> {
                            entered.countDown();
                            synchronized (monitor) {
                              return "entered";
                            }
                          })
                      .on(
                          "socket",
                          (c, m) -> {
                            try (Socket socket =
                                new Socket(server.getInetAddress(), server.getLocalPort())) {
                              InputStream in = socket.getInputStream();
                              entered.countDown();
                              return in.read();
                            }
                          }),
              VIRTUAL);
      Node node = Node.withParallelism(1).offer(echo(), type);
      CompletableFuture<Object> locked;
      CompletableFuture<Object> synchronizedOn;
      CompletableFuture<Object> read;
      lock.lock();
      try (Socket peer = acceptLater(server, node, "socket")) {
        synchronized (monitor) {
          read = asked;
          locked = node.asking("foreign", "l", "lock", null);
          synchronizedOn = node.asking("foreign", "m", "monitor", null);
          node.tell("foreign", "s", "sleep", null);
          Node.await(entered);
          for (int i = 0; i < 50; i++) {
            assertThat(node.ask("echo", "e", "go", i)).isEqualTo(i);
          }
          assertThat(List.of(locked, synchronizedOn, read)).noneMatch(CompletableFuture::isDone);
        }
        OutputStream out = peer.getOutputStream();
        out.write(42);
        out.flush();
      } finally {
        lock.unlock();
      }
      assertThat(Node.await(locked)).isEqualTo("locked");
      assertThat(Node.await(synchronizedOn)).isEqualTo("entered");
      assertThat(Node.await(read)).isEqualTo(42);
      node.system.actor(Node.id("foreign", "s"));
      node.system.live(new Address(node.system.scope(Node.SCOPE), "foreign", "s")).kill();
      node.close();
    }
  }

  private CompletableFuture<Object> asked;

  private Socket acceptLater(ServerSocket server, Node node, String operation) throws Exception {
    asked = node.asking("foreign", "r", operation, null);
    return server.accept();
  }

  @Test
  void conversationOfSlowHandlers_letsOthersHaveTheirTurn() {
    AtomicInteger turns = new AtomicInteger();
    AtomicBoolean over = new AtomicBoolean();
    CountDownLatch going = new CountDownLatch(10);
    TestType player =
        TestType.of(
            "player",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      long until = System.nanoTime() + 2 * WorkerDispatcher.TICK_NANOS;
                      while (System.nanoTime() - until < 0) {
                        Thread.onSpinWait();
                      }
                      turns.incrementAndGet();
                      going.countDown();
                      if (!over.get()) {
                        c.tell(c.actor("player", c.self().key().equals("a") ? "b" : "a"), "", null);
                      }
                      return null;
                    }),
            VIRTUAL);
    TestType other = TestType.of("other", () -> Script.of("*", (c, m) -> turns.get()), VIRTUAL);
    try (Node node = Node.withParallelism(1).offer(player, other)) {
      node.tell("player", "a", "serve", null);
      Node.await(going);
      int before = turns.get();
      int then = (Integer) node.ask("other", "one", "go", null);
      over.set(true);
      // A tick of the monitor is shorter than a turn, so far fewer would do.
      assertThat(then - before).isLessThan(WorkerDispatcher.NEXT_MAX / 2);
    }
  }

  @Test
  void senderToOneWhoIsBehind_makesWay() {
    int chunk = 100;
    int chunks = 1_000;
    AtomicInteger sent = new AtomicInteger();
    AtomicInteger deepest = new AtomicInteger();
    CountDownLatch all = new CountDownLatch(chunk * chunks);
    TestType producer =
        TestType.of(
            "producer",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      for (int i = 0; i < chunk; i++) {
                        c.tell(c.actor("consumer", "one"), "item", null);
                      }
                      if (sent.addAndGet(chunk) < chunk * chunks) {
                        c.tell(c.self(), "go", null);
                      }
                      return null;
                    }),
            VIRTUAL);
    TestType consumer =
        TestType.of(
            "consumer",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      all.countDown();
                      int handled = chunk * chunks - (int) all.getCount();
                      deepest.accumulateAndGet(sent.get() - handled, Math::max);
                      return null;
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(1).offer(producer, consumer)) {
      node.tell("producer", "one", "go", null);
      Node.await(all);
    }
    // The consumer is run after each turn of the producer, not after a run of many.
    assertThat(deepest.get()).isLessThan(10 * chunk);
  }

  @Test
  void slotsThatComeAndGo_loseNoWork() {
    int slots = 4;
    try (Node node = Node.withParallelism(slots).offer(echo())) {
      WorkerDispatcher dispatcher = (WorkerDispatcher) node.system.dispatcher();
      for (int i = 0; i < 300; i++) {
        List<CompletableFuture<Object>> waiting = new ArrayList<>();
        for (int n = 0; n < 50; n++) {
          dispatcher.allow(1 + (i * 7 + n * 3) % slots);
          waiting.add(node.asking("echo", "e" + n, "go", n));
        }
        waiting.forEach(Node::await);
      }
    }
  }

  @Test
  void blockedHandlers_thousandsInAsk_allWaitAndAllAreAnswered() {
    int count = 5_000;
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch gate = new CountDownLatch(1);
    AtomicInteger started = new AtomicInteger();
    TestType asker =
        TestType.of(
            "asker",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      started.incrementAndGet();
                      return c.ask(c.actor("blocked", "one"), "go", null, Node.BOUND);
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(2).offer(echo(), blocked(entered, gate), asker)) {
      List<CompletableFuture<Object>> waiting = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        waiting.add(node.asking("asker", "a" + i, "go", null));
      }
      Node.await(entered);
      Node.eventually(() -> started.get() == count);
      assertThat(node.ask("echo", "e", "go", 1)).isEqualTo(1);
      gate.countDown();
      for (CompletableFuture<Object> each : waiting) {
        assertThat(Node.await(each)).isEqualTo("done");
      }
    }
  }

  @Test
  void blockedHandlers_thousandsForeign_othersGoOn() {
    int count = 2_000;
    CountDownLatch entered = new CountDownLatch(count);
    CountDownLatch gate = new CountDownLatch(1);
    try (Node node = Node.withParallelism(1).offer(echo(), blocked(entered, gate))) {
      List<CompletableFuture<Object>> waiting = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        waiting.add(node.asking("blocked", "b" + i, "go", null));
      }
      Node.await(entered);
      assertThat(node.ask("echo", "e", "go", 1)).isEqualTo(1);
      gate.countDown();
      for (CompletableFuture<Object> each : waiting) {
        assertThat(Node.await(each)).isEqualTo("done");
      }
    }
  }

  @Test
  void cpuBoundHandler_withTwoProcessors_othersGoOn() {
    AtomicBoolean stop = new AtomicBoolean();
    CountDownLatch entered = new CountDownLatch(1);
    TestType spinner =
        TestType.of(
            "spinner",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      entered.countDown();
                      while (!stop.get()) {
                        Thread.onSpinWait();
                      }
                      return "done";
                    }),
            VIRTUAL);
    // The scheduler of virtual threads has as many carriers as the machine has processors.
    assertThat(Runtime.getRuntime().availableProcessors()).isGreaterThan(1);
    try (Node node = Node.withParallelism(2).offer(echo(), spinner)) {
      CompletableFuture<Object> spinning = node.asking("spinner", "s", "go", null);
      Node.await(entered);
      for (int i = 0; i < 100; i++) {
        assertThat(node.ask("echo", "e" + i, "go", i)).isEqualTo(i);
      }
      assertThat(spinning).isNotDone();
      stop.set(true);
      assertThat(Node.await(spinning)).isEqualTo("done");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void busyActors_thatKeepEachProcessorSupplied_doNotStarveMessagesFromOutside(int busy) {
    AtomicBoolean stop = new AtomicBoolean();
    TestType selfTeller =
        TestType.of(
            "self_teller",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      if (!stop.get()) {
                        c.tell(c.self(), "again", null);
                      }
                      return null;
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(1).offer(echo(), selfTeller)) {
      for (int i = 0; i < busy; i++) {
        node.tell("self_teller", "s" + i, "go", null);
      }
      for (int i = 0; i < 20; i++) {
        assertThat(node.ask("echo", "e" + i, "go", i)).isEqualTo(i);
      }
      stop.set(true);
    }
  }

  /// How a handler blocks where the dispatcher cannot see it.
  enum Foreign {
    SLEEP,
    SEMAPHORE;

    void block(Semaphore gate) throws InterruptedException {
      switch (this) {
        case SLEEP -> {
          while (!gate.tryAcquire()) {
            Thread.sleep(1);
          }
        }
        case SEMAPHORE -> gate.acquire();
      }
    }
  }

  private static TestType sleeper(Foreign foreign, CountDownLatch entered, Semaphore gate) {
    return TestType.of(
        "sleeper",
        () ->
            Script.of(
                "*",
                (c, m) -> {
                  entered.countDown();
                  foreign.block(gate);
                  return "slept";
                }),
        VIRTUAL);
  }

  /// Only the end of the chain wakes the sleepers, which the chain itself sent to sleep: one it is
  /// on the same processor with, one or more it left behind.
  @ParameterizedTest
  @CsvSource({"1,SLEEP", "2,SLEEP", "1,SEMAPHORE", "2,SEMAPHORE"})
  void chainOfMessages_goesOnWhileAllOwnersOfProcessorsSleep(int parallelism, Foreign foreign) {
    int length = 2_000;
    int sleepers = 4;
    CountDownLatch entered = new CountDownLatch(sleepers);
    CountDownLatch ended = new CountDownLatch(1);
    Semaphore gate = new Semaphore(0);
    TestType link =
        TestType.of(
            "link",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      int number = (Integer) m.payload();
                      if (number == length) {
                        // Not before all of them sleep.
                        Node.await(entered);
                        gate.release(sleepers);
                        ended.countDown();
                        return null;
                      }
                      if (number % (length / sleepers) == 0) {
                        c.tell(c.actor("sleeper", "s" + number), "go", null);
                      }
                      c.tell(c.actor("link", "" + (number + 1) % 10), "go", number + 1);
                      return null;
                    }),
            VIRTUAL);
    try (Node node =
        Node.withParallelism(parallelism).offer(link, sleeper(foreign, entered, gate))) {
      node.tell("link", "0", "go", 0);
      Node.await(ended);
      becomesIdle(node);
    }
  }

  /// One turn makes them all ready, the responsive one last; only that one ends the blocking.
  @ParameterizedTest
  @CsvSource({"1,SLEEP", "2,SLEEP", "1,SEMAPHORE", "2,SEMAPHORE"})
  void burstOfBlockingActors_doesNotStarveTheOneBehindThem(int parallelism, Foreign foreign) {
    int count = 64;
    CountDownLatch entered = new CountDownLatch(count);
    Semaphore gate = new Semaphore(0);
    TestType opener =
        TestType.of(
            "opener",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      gate.release(count);
                      return "opened";
                    }),
            VIRTUAL);
    TestType burst =
        TestType.of(
            "burst",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      for (int i = 0; i < count; i++) {
                        c.tell(c.actor("sleeper", "s" + i), "go", null);
                      }
                      c.tell(c.actor("opener", "o"), "go", null);
                      return null;
                    }),
            VIRTUAL);
    try (Node node =
        Node.withParallelism(parallelism).offer(opener, burst, sleeper(foreign, entered, gate))) {
      node.ask("burst", "b", "go");
      Node.await(entered);
      for (int i = 0; i < count; i++) {
        gate.release();
        assertThat(node.ask("sleeper", "s" + i, "again")).isEqualTo("slept");
      }
      becomesIdle(node);
    }
  }

  /// A message from outside waits at the slot that is at work, and no other slot is woken for it
  /// while that one is known to be quick. Here it is not: its handler waits for that very message.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void messageFromOutside_behindAHandlerThatTakesLong_isRunElsewhere(boolean blocks) {
    assertThat(Runtime.getRuntime().availableProcessors()).isGreaterThan(1);
    AtomicBoolean ran = new AtomicBoolean();
    Semaphore gate = new Semaphore(0);
    CountDownLatch entered = new CountDownLatch(1);
    TestType slow =
        TestType.of(
            "slow",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      entered.countDown();
                      if (blocks) {
                        gate.acquire();
                      }
                      while (!ran.get()) {
                        Thread.onSpinWait();
                      }
                      return "done";
                    }),
            VIRTUAL);
    TestType opener =
        TestType.of(
            "opener",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      ran.set(true);
                      gate.release();
                      return null;
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(2).offer(slow, opener)) {
      // A slot that was never measured is taken for quick.
      CompletableFuture<Object> waiting = node.asking("slow", "s", "go", null);
      Node.await(entered);
      node.tell("opener", "o", "go", null);
      try {
        assertThat(Node.await(waiting)).isEqualTo("done");
      } finally {
        // So that a failure ends.
        ran.set(true);
      }
      becomesIdle(node);
    }
  }

  /// No worker runs, none waits to, and nobody wakes up to look.
  private static void becomesIdle(Node node) {
    WorkerDispatcher dispatcher = (WorkerDispatcher) node.system.dispatcher();
    Node.eventually(() -> dispatcher.idle() && monitorIsParkedForGood());
  }

  /// A worker that lost its processor while it was blocked must not keep what it makes ready.
  @Test
  void foreignBlocking_thenAsk_calleeRuns() {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch gate = new CountDownLatch(1);
    TestType type =
        TestType.of(
            "late",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      entered.countDown();
                      Node.await(gate);
                      return c.ask(c.actor("echo", "e"), "go", 5, Node.BOUND);
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(1).offer(echo(), type)) {
      CompletableFuture<Object> late = node.asking("late", "l", "go", null);
      Node.await(entered);
      // Answered by somebody else: the processor was taken away by now.
      assertThat(node.ask("echo", "other", "go", 1)).isEqualTo(1);
      gate.countDown();
      assertThat(Node.await(late)).isEqualTo(5);
    }
  }

  /// The monitor sleeps while all processors are free; a turn that takes one on its way back from
  /// an ask must wake it, because the turn may block next.
  @Test
  void foreignBlocking_afterAnAskEndedOnAnIdleNode_othersGoOn() {
    CountDownLatch calleeEntered = new CountDownLatch(1);
    CountDownLatch calleeGate = new CountDownLatch(1);
    CountDownLatch askerEntered = new CountDownLatch(1);
    CountDownLatch askerGate = new CountDownLatch(1);
    TestType asker =
        TestType.of(
            "asker",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      c.ask(c.actor("blocked", "b"), "go", null, Node.BOUND);
                      askerEntered.countDown();
                      Node.await(askerGate);
                      return "done";
                    }),
            VIRTUAL);
    try (Node node =
        Node.withParallelism(1).offer(echo(), blocked(calleeEntered, calleeGate), asker)) {
      CompletableFuture<Object> asked = node.asking("asker", "a", "go", null);
      Node.await(calleeEntered);
      Node.eventually(DispatcherTest::monitorIsParkedForGood);
      calleeGate.countDown();
      Node.await(askerEntered);
      assertThat(node.ask("echo", "e", "go", 1)).isEqualTo(1);
      askerGate.countDown();
      assertThat(Node.await(asked)).isEqualTo("done");
    }
  }

  /// `WAITING` is a park without a time.
  private static boolean monitorIsParkedForGood() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(t -> t.getName().equals("plexspaces-monitor"))
        .allMatch(t -> t.getState() == Thread.State.WAITING);
  }

  @Test
  void idleNode_afterWork_noThreadOfTheDispatcherRuns() {
    try (Node node = Node.withParallelism(2).offer(echo())) {
      for (int i = 0; i < 100; i++) {
        node.ask("echo", "e" + i, "go", i);
      }
      becomesIdle(node);
    }
  }

  @Test
  void workThatKeepsComing_isFoundByAWorkerThatHasNotParked() {
    assertThat(ProcessorYield.possible()).as("this JVM may make native calls").isTrue();
    try (Node node = Node.withParallelism(1).offer(echo())) {
      WorkerDispatcher dispatcher = (WorkerDispatcher) node.system.dispatcher();
      dispatcher.lingerAlways();
      Node.eventually(
          () -> {
            for (int i = 0; i < 100; i++) {
              CompletableFuture<Object> reply = node.asking("echo", "e", "go", i);
              while (!reply.isDone()) {
                Thread.onSpinWait();
              }
            }
            return dispatcher.foundByLingering() > 0;
          });
      becomesIdle(node);
    }
  }

  /// Callers on many threads, actors on top of each other and side by side: each message runs once,
  /// alone, in the order of its sender.
  @Test
  void stress_manySendersAndActors_everyMessageOnceAloneAndInOrder() throws Exception {
    int actors = 50;
    int senders = 4;
    int each = 5_000;
    ConcurrentHashMap<String, AtomicInteger> inside = new ConcurrentHashMap<>();
    ConcurrentHashMap<String, AtomicInteger> next = new ConcurrentHashMap<>();
    CompletableFuture<String> wrong = new CompletableFuture<>();
    CountDownLatch all = new CountDownLatch(senders * each * 2);
    TestType type =
        TestType.of(
            "worker",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      String me = c.self().key();
                      AtomicInteger mine = inside.computeIfAbsent(me, k -> new AtomicInteger());
                      if (mine.incrementAndGet() != 1) {
                        wrong.complete(me + " runs twice at once");
                      }
                      @SuppressWarnings("unchecked")
                      List<Object> payload = (List<Object>) m.payload();
                      String from = payload.get(0) + ">" + me + ">" + payload.get(2);
                      int number = (Integer) payload.get(1);
                      int expected =
                          next.computeIfAbsent(from, k -> new AtomicInteger()).getAndIncrement();
                      if (expected != number) {
                        wrong.complete(from + ": expected " + expected + ", got " + number);
                      }
                      if (payload.get(2).equals("first")) {
                        // Half by tell, half by ask, to the neighbour above: no cycles.
                        int neighbour = Integer.parseInt(me) + actors;
                        List<Object> passed = List.of(payload.get(0), number, "second");
                        if (number % 2 == 0) {
                          c.tell(c.actor("worker", "" + neighbour), "go", passed);
                        } else {
                          c.ask(c.actor("worker", "" + neighbour), "go", passed, Node.BOUND);
                        }
                      }
                      mine.decrementAndGet();
                      all.countDown();
                      return null;
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(2).offer(type)) {
      List<Thread> threads = new ArrayList<>();
      for (int s = 0; s < senders; s++) {
        int sender = s;
        threads.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      int[] sent = new int[actors];
                      for (int i = 0; i < each; i++) {
                        int actor = (i * 31 + sender) % actors;
                        List<Object> payload = List.of(sender, sent[actor]++, "first");
                        if (i % 500 == 499) {
                          node.ask("worker", "" + actor, "go", payload);
                        } else {
                          node.tell("worker", "" + actor, "go", payload);
                        }
                      }
                    }));
      }
      for (Thread thread : threads) {
        thread.join(Node.BOUND);
        assertThat(thread.isAlive()).isFalse();
      }
      Node.await(all);
      assertThat(wrong).isNotDone();
    }
  }

  @Test
  void calleeRunOnItsCallersThread_makesAnActorReady_thatRunsWhileTheCallerBlocks() {
    CountDownLatch opened = new CountDownLatch(1);
    TestType opener =
        TestType.of(
            "opener",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      opened.countDown();
                      return null;
                    }),
            VIRTUAL);
    TestType relay =
        TestType.of(
            "relay",
            () ->
                Script.of("warm", (c, m) -> null)
                    .on(
                        "go",
                        (c, m) -> {
                          c.tell(c.actor("opener", "o"), "open", null);
                          return null;
                        }),
            VIRTUAL);
    TestType asker =
        TestType.of(
            "asker",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      c.ask(c.actor("relay", "r"), "go", null, Node.BOUND);
                      Node.await(opened);
                      return "opened";
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(1).offer(opener, relay, asker)) {
      for (int i = 0; i < ActorCell.INLINE_TRUST + 10; i++) {
        node.ask("relay", "r", "warm");
      }
      assertThat(node.ask("asker", "a", "go")).isEqualTo("opened");
    }
  }

  @Test
  void forwardedCall_isAnsweredByTheOther() {
    TestType relay =
        TestType.of(
            "relay",
            () ->
                Script.of(
                    "*",
                    (c, m) -> {
                      c.forward(c.actor("echo", "e"));
                      return Reply.LATER;
                    }),
            VIRTUAL);
    try (Node node = Node.withParallelism(1).offer(echo(), relay)) {
      assertThat(node.ask("relay", "r", "go", 7)).isEqualTo(7);
    }
  }
}
