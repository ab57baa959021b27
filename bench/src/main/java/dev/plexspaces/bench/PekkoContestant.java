package dev.plexspaces.bench;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Props;
import org.apache.pekko.actor.UntypedAbstractActor;
import org.apache.pekko.pattern.Patterns;
import org.apache.pekko.util.Timeout;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;

/// Apache Pekko, classic actors (its fastest API): one actor system per setting, whose default
/// dispatcher has that setting.
final class PekkoContestant implements Contestant {

  /// A Scala future and the thread that completes it: the Java API's `CompletionStage` hops to the
  /// common pool for each callback, which on this workload costs Pekko most of its speed.
  private static final ExecutionContext CALLING_THREAD = ExecutionContext.parasitic$.MODULE$;

  private static final Timeout ASK_TIMEOUT = Timeout.apply(30, TimeUnit.SECONDS);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(60);
  private static final List<Integer> THROUGHPUTS = List.of(5, 100, 1_000);
  private static final List<Integer> PARALLELISM = List.of(1, 2, 4);

  /// More threads than cores are of use only when handlers block.
  private static final List<Integer> PARALLELISM_OF_BLOCKING = List.of(4, 16, 64, 256);

  /// The dispatcher everybody uses: tuned over its throughput and its number of threads.
  record ForkJoin() implements Family {
    @Override
    public String name() {
      return "pekko-fork-join";
    }

    @Override
    public List<String> settings(Workload workload) {
      List<String> settings = new ArrayList<>();
      for (int parallelism : workload.blocks() ? PARALLELISM_OF_BLOCKING : PARALLELISM) {
        for (int throughput : THROUGHPUTS) {
          settings.add("throughput=" + throughput + " parallelism=" + parallelism);
        }
      }
      return settings;
    }

    @Override
    public Contestant open(String setting) {
      String[] words = setting.split("[= ]");
      return new PekkoContestant(
          """
          executor = "fork-join-executor"
          throughput = %s
          fork-join-executor { parallelism-factor = 1.0, parallelism-min = %s, parallelism-max = %s }
          """
              .formatted(words[1], words[3], words[3]));
    }
  }

  /// The dispatcher that lets handlers block freely: a virtual thread per activation of an actor.
  record VirtualThreads() implements Family {
    @Override
    public String name() {
      return "pekko-virtual-threads";
    }

    @Override
    public List<String> settings(Workload workload) {
      return THROUGHPUTS.stream().map(throughput -> "throughput=" + throughput).toList();
    }

    @Override
    public Contestant open(String setting) {
      return new PekkoContestant(
          """
          executor = "virtual-thread-executor"
          throughput = %s
          """
              .formatted(setting.split("=")[1]));
    }
  }

  private final ActorSystem system;

  private PekkoContestant(String dispatcher) {
    Config config =
        ConfigFactory.parseString(
            """
            pekko {
              loglevel = "OFF"
              stdout-loglevel = "OFF"
              actor.default-dispatcher { %s }
            }
            """
                .formatted(dispatcher));
    system = ActorSystem.create("bench", config.withFallback(ConfigFactory.load()));
  }

  @Override
  public long run(Workload workload, long operations) throws Exception {
    return switch (workload) {
      case Workload.PingPong w -> pingPong(w, operations);
      case Workload.FanIn w -> fanIn(w, operations);
      case Workload.Skynet w -> skynet(w);
      case Workload.AskFromOutside w -> askFromOutside(w, operations);
      case Workload.AskFromActor w -> askFromActor(w, operations);
    };
  }

  private long pingPong(Workload.PingPong w, long operations) throws Exception {
    CountDownLatch done = new CountDownLatch(w.pairs());
    long catches = w.catches(operations);
    List<ActorRef> lefts = new ArrayList<>();
    List<ActorRef> rights = new ArrayList<>();
    for (int i = 0; i < w.pairs(); i++) {
      lefts.add(actor(Props.create(Player.class, () -> new Player(catches, w.blockEvery(), done))));
      rights.add(
          actor(Props.create(Player.class, () -> new Player(catches, w.blockEvery(), null))));
    }
    long began = System.nanoTime();
    for (int i = 0; i < w.pairs(); i++) {
      rights.get(i).tell(Ball.BALL, lefts.get(i));
    }
    done.await();
    long nanos = System.nanoTime() - began;
    stop(lefts);
    stop(rights);
    return nanos;
  }

  private long fanIn(Workload.FanIn w, long operations) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    long share = w.share(operations);
    ActorRef consumer =
        actor(Props.create(Consumer.class, () -> new Consumer(share * w.producers(), done)));
    List<ActorRef> producers = new ArrayList<>();
    for (int i = 0; i < w.producers(); i++) {
      producers.add(actor(Props.create(Producer.class, () -> new Producer(consumer, share))));
    }
    long began = System.nanoTime();
    producers.forEach(producer -> producer.tell(Go.GO, ActorRef.noSender()));
    done.await();
    long nanos = System.nanoTime() - began;
    stop(producers);
    stop(List.of(consumer));
    return nanos;
  }

  private long skynet(Workload.Skynet w) throws Exception {
    CompletableFuture<Long> sum = new CompletableFuture<>();
    long began = System.nanoTime();
    ActorRef root = actor(Props.create(Node.class, () -> new Node(0, w.leaves(), w.fanOut(), sum)));
    long got = sum.get();
    long nanos = System.nanoTime() - began;
    if (got != w.sum()) {
      throw new IllegalStateException("skynet: the sum is " + got + ", expected " + w.sum());
    }
    stop(List.of(root));
    return nanos;
  }

  private long askFromOutside(Workload.AskFromOutside w, long operations) throws Exception {
    List<ActorRef> servers = new ArrayList<>();
    for (int i = 0; i < w.servers(); i++) {
      servers.add(actor(Props.create(Echo.class, () -> new Echo(w.blockEvery()))));
    }
    long nanos =
        OutsideAsks.drive(
            w,
            operations,
            (server, done) ->
                whenOver(
                    Patterns.ask(servers.get(server), Ball.BALL, ASK_TIMEOUT),
                    (failure, reply) -> done.over(failure)));
    stop(servers);
    return nanos;
  }

  private long askFromActor(Workload.AskFromActor w, long operations) throws Exception {
    CountDownLatch done = new CountDownLatch(w.pairs());
    long share = w.share(operations);
    List<ActorRef> servers = new ArrayList<>();
    List<ActorRef> clients = new ArrayList<>();
    for (int i = 0; i < w.pairs(); i++) {
      ActorRef server = actor(Props.create(Echo.class, () -> new Echo(0)));
      servers.add(server);
      clients.add(actor(Props.create(Asker.class, () -> new Asker(server, share, done))));
    }
    long began = System.nanoTime();
    clients.forEach(client -> client.tell(Go.GO, ActorRef.noSender()));
    done.await();
    long nanos = System.nanoTime() - began;
    stop(clients);
    stop(servers);
    return nanos;
  }

  @Override
  public IdleCost idle(int actors) throws Exception {
    long before = Heap.used();
    CountDownLatch up = new CountDownLatch(1);
    AtomicInteger count = new AtomicInteger();
    long began = System.nanoTime();
    ActorRef parent = actor(Props.create(Parent.class, () -> new Parent(actors, count, up)));
    parent.tell(Go.GO, ActorRef.noSender());
    up.await();
    long nanos = System.nanoTime() - began;
    long bytes = Heap.used() - before;
    stop(List.of(parent));
    return new IdleCost(nanos, bytes, 0);
  }

  private ActorRef actor(Props props) {
    return system.actorOf(props);
  }

  private void stop(List<ActorRef> actors) throws Exception {
    List<CompletableFuture<Boolean>> stopped = new ArrayList<>();
    for (ActorRef actor : actors) {
      stopped.add(Patterns.gracefulStop(actor, STOP_TIMEOUT).toCompletableFuture());
    }
    for (CompletableFuture<Boolean> each : stopped) {
      each.get();
    }
  }

  @Override
  public void close() {
    system.terminate();
    system
        .getWhenTerminated()
        .toCompletableFuture()
        .orTimeout(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
        .join();
  }

  /// Runs `action` with the failure or the reply of an ask, on the thread that completes it.
  private static void whenOver(Future<Object> ask, BiConsumer<Throwable, Object> action) {
    ask.onComplete(
        outcome -> {
          if (outcome.isSuccess()) {
            action.accept(null, outcome.get());
          } else {
            action.accept(outcome.failed().get(), null);
          }
          return null;
        },
        CALLING_THREAD);
  }

  private enum Ball {
    BALL
  }

  private enum Go {
    GO
  }

  private record Item(long number) {}

  private static void block(int blockEvery, long count) throws InterruptedException {
    if (blockEvery > 0 && count % blockEvery == 0) {
      Thread.sleep(Workload.BLOCK_MS);
    }
  }

  /// Throws every ball back, until the one that counts has caught its share.
  private static final class Player extends UntypedAbstractActor {
    private final long catches;
    private final int blockEvery;
    private final CountDownLatch done;
    private long caught;

    Player(long catches, int blockEvery, CountDownLatch done) {
      this.catches = catches;
      this.blockEvery = blockEvery;
      this.done = done;
    }

    @Override
    public void onReceive(Object message) throws InterruptedException {
      caught++;
      block(blockEvery, caught);
      if (done != null && caught == catches) {
        done.countDown();
      } else {
        getSender().tell(message, getSelf());
      }
    }
  }

  private static final class Producer extends UntypedAbstractActor {
    private final ActorRef consumer;
    private long left;

    Producer(ActorRef consumer, long share) {
      this.consumer = consumer;
      this.left = share;
    }

    @Override
    public void onReceive(Object message) {
      for (int i = 0; i < Workload.FanIn.CHUNK && left > 0; i++) {
        consumer.tell(new Item(left--), getSelf());
      }
      if (left > 0) {
        getSelf().tell(message, getSelf());
      }
    }
  }

  private static final class Consumer extends UntypedAbstractActor {
    private final CountDownLatch done;
    private long left;

    Consumer(long messages, CountDownLatch done) {
      this.left = messages;
      this.done = done;
    }

    @Override
    public void onReceive(Object message) {
      if (--left == 0) {
        done.countDown();
      }
    }
  }

  private static final class Node extends UntypedAbstractActor {
    private final CompletableFuture<Long> result;
    private int waiting;
    private long sum;

    /// @param result where the root puts the sum; `null` below it
    Node(int number, int size, int fanOut, CompletableFuture<Long> result) {
      this.result = result;
      if (size == 1) {
        sum = number;
        finish();
        return;
      }
      int part = size / fanOut;
      for (int i = 0; i < fanOut; i++) {
        int first = number + i * part;
        getContext().actorOf(Props.create(Node.class, () -> new Node(first, part, fanOut, null)));
      }
      waiting = fanOut;
    }

    @Override
    public void onReceive(Object message) {
      sum += (Long) message;
      if (--waiting == 0) {
        finish();
      }
    }

    private void finish() {
      if (result != null) {
        result.complete(sum);
      } else {
        getContext().getParent().tell(sum, getSelf());
      }
      getContext().stop(getSelf());
    }
  }

  private static final class Echo extends UntypedAbstractActor {
    private final int blockEvery;
    private long count;

    Echo(int blockEvery) {
      this.blockEvery = blockEvery;
    }

    @Override
    public void onReceive(Object message) throws InterruptedException {
      count++;
      block(blockEvery, count);
      getSender().tell(message, getSelf());
    }
  }

  /// Asks again when the reply has come. The reply is told to itself by the thread that completes
  /// the ask, as Pekko Typed's `ActorContext.ask` does; `pipe` costs another hop.
  private static final class Asker extends UntypedAbstractActor {
    private final ActorRef server;
    private final CountDownLatch done;
    private long left;

    Asker(ActorRef server, long share, CountDownLatch done) {
      this.server = server;
      this.left = share;
      this.done = done;
    }

    @Override
    public void onReceive(Object message) {
      if (message != Go.GO) {
        if (message != Ball.BALL) {
          throw new IllegalStateException("unexpected reply " + message);
        }
        if (--left == 0) {
          done.countDown();
          return;
        }
      }
      ActorRef self = getSelf();
      whenOver(
          Patterns.ask(server, Ball.BALL, ASK_TIMEOUT),
          (failure, reply) -> self.tell(failure == null ? reply : failure, self));
    }
  }

  private static final class Parent extends UntypedAbstractActor {
    /// Children started per message, so that the parent does not hold its thread for seconds.
    private static final int CHUNK = 10_000;

    private final AtomicInteger count;
    private final CountDownLatch up;
    private final int actors;
    private int spawned;

    Parent(int actors, AtomicInteger count, CountDownLatch up) {
      this.actors = actors;
      this.count = count;
      this.up = up;
    }

    @Override
    public void onReceive(Object message) {
      Props props = Props.create(Idle.class, () -> new Idle(actors, count, up));
      for (int i = 0; i < CHUNK && spawned < actors; i++) {
        getContext().actorOf(props);
        spawned++;
      }
      if (spawned < actors) {
        getSelf().tell(message, getSelf());
      }
    }
  }

  /// An actor with one number as its state.
  private static final class Idle extends UntypedAbstractActor {
    private long total;

    Idle(int actors, AtomicInteger count, CountDownLatch up) {
      if (count.incrementAndGet() == actors) {
        up.countDown();
      }
    }

    @Override
    public void onReceive(Object message) {
      total += (Long) message;
      getSender().tell(total, getSelf());
    }
  }
}
