package dev.plexspaces.bench;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/// Ours: the kernel as a node runs it, without configuration and without tuning. Handlers block
/// where the workload says so and ask by blocking; mailboxes are bounded.
final class PlexContestant implements Contestant {

  /// Of the family.
  static final String NAME = "plexspaces";

  /// The one setting there is.
  record Plex() implements Family {
    @Override
    public String name() {
      return NAME;
    }

    @Override
    public List<String> settings(Workload workload) {
      return List.of("defaults");
    }

    @Override
    public Contestant open(String setting) {
      return new PlexContestant();
    }
  }

  private static final Scope SCOPE = new Scope("acme", "bench");
  private static final RequestContext OUTSIDE =
      new RequestContext(
          SCOPE.tenant(),
          SCOPE.namespace(),
          "bench",
          Set.of(),
          "bench",
          Optional.empty(),
          Optional.empty());
  private static final Duration ASK_TIMEOUT = Duration.ofSeconds(30);

  /// What is thrown to and fro; the payload of every message that carries nothing.
  private static final Integer BALL = 1;

  private final ActorSystem system = ActorSystem.inMemory();
  private int rounds;

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
    List<ChildSpec> players = new ArrayList<>();
    for (int i = 0; i < w.pairs(); i++) {
      players.add(ChildSpec.of("right", "r" + i));
      players.add(ChildSpec.of("left", "l" + i).args(Map.of("partner", "r" + i)));
    }
    return timed(
        List.of(
            new Type("left", () -> new Player(catches, w.blockEvery(), done)),
            new Type("right", () -> new Player(Long.MAX_VALUE, w.blockEvery(), done))),
        players,
        () -> {
          for (int i = 0; i < w.pairs(); i++) {
            tell("left", "l" + i, "serve");
          }
          done.await();
        });
  }

  private long fanIn(Workload.FanIn w, long operations) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    long share = w.share(operations);
    List<ChildSpec> children = new ArrayList<>();
    children.add(
        ChildSpec.of("consumer", "only")
            .mailbox(ChildSpec.MAILBOX_CAPACITY, ChildSpec.Overflow.BLOCK));
    for (int i = 0; i < w.producers(); i++) {
      children.add(ChildSpec.of("producer", "p" + i));
    }
    return timed(
        List.of(
            new Type("consumer", () -> new Consumer(share * w.producers(), done)),
            new Type("producer", () -> new Producer(share))),
        children,
        () -> {
          for (int i = 0; i < w.producers(); i++) {
            tell("producer", "p" + i, "go");
          }
          done.await();
        });
  }

  private long skynet(Workload.Skynet w) throws Exception {
    CompletableFuture<Long> sum = new CompletableFuture<>();
    return timed(
        List.of(new Type("node", () -> new Node(w.fanOut(), sum))),
        List.of(
            ChildSpec.of("node", "root")
                .restart(RestartType.TEMPORARY)
                .args(Map.of("number", -1, "size", w.leaves()))),
        () -> {
          tell("node", "root", "go");
          long got = sum.get();
          if (got != w.sum()) {
            throw new IllegalStateException("skynet: the sum is " + got + ", expected " + w.sum());
          }
        });
  }

  private long askFromOutside(Workload.AskFromOutside w, long operations) throws Exception {
    List<ChildSpec> servers = new ArrayList<>();
    List<Invoker.Target> targets = new ArrayList<>();
    for (int i = 0; i < w.servers(); i++) {
      servers.add(ChildSpec.of("echo", "e" + i));
      targets.add(new Invoker.Target("echo", Optional.of("e" + i)));
    }
    Invoker.Request request = request("echo");
    long[] nanos = new long[1];
    timed(
        List.of(new Type("echo", () -> new Echo(w.blockEvery()))),
        servers,
        () ->
            nanos[0] =
                OutsideAsks.drive(
                    w,
                    operations,
                    (server, done) ->
                        system.ask(OUTSIDE, targets.get(server), request, new Listener(done))));
    return nanos[0];
  }

  private long askFromActor(Workload.AskFromActor w, long operations) throws Exception {
    CountDownLatch done = new CountDownLatch(w.pairs());
    long share = w.share(operations);
    List<ChildSpec> children = new ArrayList<>();
    for (int i = 0; i < w.pairs(); i++) {
      children.add(ChildSpec.of("echo", "e" + i));
      children.add(ChildSpec.of("asker", "a" + i).args(Map.of("server", "e" + i)));
    }
    return timed(
        List.of(
            new Type("echo", () -> new Echo(0)), new Type("asker", () -> new Asker(share, done))),
        children,
        () -> {
          for (int i = 0; i < w.pairs(); i++) {
            tell("asker", "a" + i, "go");
          }
          done.await();
        });
  }

  @Override
  public IdleCost idle(int actors) throws Exception {
    long before = Heap.used();
    AtomicInteger count = new AtomicInteger();
    CountDownLatch up = new CountDownLatch(1);
    long[] bytes = new long[1];
    long[] nanos = new long[1];
    timed(
        List.of(
            new Type("parent", () -> new Parent(actors)),
            new Type("idle", () -> new Idle(actors, count, up))),
        List.of(ChildSpec.of("parent", "only")),
        () -> {
          long began = System.nanoTime();
          tell("parent", "only", "go");
          up.await();
          nanos[0] = System.nanoTime() - began;
          bytes[0] = Heap.used() - before;
        });
    return new IdleCost(nanos[0], bytes[0], 0);
  }

  /// The measured part of a round.
  private interface Measured {
    void run() throws Exception;
  }

  /// Installs an application with the round's types and children, measures and uninstalls it.
  private long timed(List<Type> types, List<ChildSpec> children, Measured measured)
      throws Exception {
    String round = "round-" + ++rounds;
    List<SupervisorSpec.Child> workers = new ArrayList<>();
    children.forEach(child -> workers.add(new SupervisorSpec.Worker(child)));
    system
        .install(
            new ApplicationUnit(
                round,
                "1",
                Optional.of(SCOPE.tenant()),
                SCOPE,
                types.stream().map(type -> new ApplicationUnit.Offer(type, List.of())).toList(),
                Map.of(),
                new SupervisorSpec(
                    "root",
                    SupervisionStrategy.ONE_FOR_ONE,
                    SupervisorSpec.MAX_RESTARTS,
                    SupervisorSpec.WINDOW,
                    RestartType.PERMANENT,
                    SupervisorSpec.UNBOUNDED,
                    workers)))
        .get();
    long began = System.nanoTime();
    measured.run();
    long nanos = System.nanoTime() - began;
    system.uninstall(round).get();
    return nanos;
  }

  private static Invoker.Request request(String operation) {
    return new Invoker.Request(operation, BALL, false, Map.of(), ASK_TIMEOUT, Optional.empty());
  }

  private void tell(String type, String key, String operation) {
    AtomicReference<PlexException> refused = new AtomicReference<>();
    system.tell(
        OUTSIDE,
        new Invoker.Target(type, Optional.of(key)),
        request(operation),
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {}

          @Override
          public void failed(PlexException error) {
            refused.set(error);
          }
        });
    if (refused.get() != null) {
      throw refused.get();
    }
  }

  @Override
  public void close() {
    system.close();
  }

  private record Listener(OutsideAsks.Done done) implements Invoker.ReplyListener {
    @Override
    public void replied(ActorId by, Object value) {
      done.over(null);
    }

    @Override
    public void failed(PlexException error) {
      done.over(error);
    }
  }

  /// An actor type made by a function; what the binding makes of an annotated class.
  private record Type(String name, Supplier<Actor> maker) implements ActorType {
    @Override
    public Behavior behavior() {
      return Behavior.CUSTOM;
    }

    @Override
    public SortedSet<String> operations() {
      return new TreeSet<>(Set.of("*"));
    }

    @Override
    public List<FacetSpec> facets() {
      return List.of();
    }

    @Override
    public Actor create() {
      return maker.get();
    }

    @Override
    public void requireDurable() {
      throw new UnsupportedOperationException("no benchmark makes " + name + " durable");
    }
  }

  private static void block(int blockEvery, long count) throws InterruptedException {
    if (blockEvery > 0 && count % blockEvery == 0) {
      Thread.sleep(Workload.BLOCK_MS);
    }
  }

  /// Throws every ball back, until the one that counts has caught its share.
  private static final class Player implements Actor {
    private final long catches;
    private final int blockEvery;
    private final CountDownLatch done;
    private ActorRef partner;
    private long caught;

    Player(long catches, int blockEvery, CountDownLatch done) {
      this.catches = catches;
      this.blockEvery = blockEvery;
      this.done = done;
    }

    @Override
    public void init(ActorContext context, Map<String, Object> args) {
      if (args.get("partner") instanceof String key) {
        partner = context.actor("right", key);
      }
    }

    @Override
    public Object handle(ActorContext context, Message message) throws InterruptedException {
      if (message.type().equals("serve")) {
        context.tell(partner, "ball", BALL);
        return null;
      }
      caught++;
      block(blockEvery, caught);
      if (caught == catches) {
        done.countDown();
      } else {
        context.tell(message.sender().orElseThrow(), "ball", message.payload());
      }
      return null;
    }
  }

  private static final class Producer implements Actor {
    private ActorRef consumer;
    private long left;

    Producer(long share) {
      this.left = share;
    }

    @Override
    public void init(ActorContext context, Map<String, Object> args) {
      consumer = context.actor("consumer", "only");
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      for (int i = 0; i < Workload.FanIn.CHUNK && left > 0; i++) {
        context.tell(consumer, "item", new Item(left--));
      }
      if (left > 0) {
        context.tell(context.self(), "go", BALL);
      }
      return null;
    }
  }

  private record Item(long number) {}

  private static final class Consumer implements Actor {
    private final CountDownLatch done;
    private long left;

    Consumer(long messages, CountDownLatch done) {
      this.left = messages;
      this.done = done;
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      if (--left == 0) {
        done.countDown();
      }
      return null;
    }
  }

  private static final class Node implements Actor {
    private final int fanOut;
    private final CompletableFuture<Long> result;
    private int waiting;
    private long sum;

    Node(int fanOut, CompletableFuture<Long> result) {
      this.fanOut = fanOut;
      this.result = result;
    }

    /// The root waits for `go`, so that only the work is measured; all others begin at once.
    @Override
    public void init(ActorContext context, Map<String, Object> args) {
      int number = (Integer) args.get("number");
      int size = (Integer) args.get("size");
      if (number < 0) {
        sum = -size;
      } else if (size == 1) {
        finish(context, number);
      } else {
        spawn(context, number, size);
      }
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      if (message.type().equals("go")) {
        int size = (int) -sum;
        sum = 0;
        spawn(context, 0, size);
        return null;
      }
      sum += (Long) message.payload();
      if (--waiting == 0) {
        finish(context, sum);
      }
      return null;
    }

    private void spawn(ActorContext context, int number, int size) {
      int part = size / fanOut;
      for (int i = 0; i < fanOut; i++) {
        int first = number + i * part;
        context.spawn(
            ChildSpec.of("node", first + "-" + part).args(Map.of("number", first, "size", part)));
      }
      waiting = fanOut;
    }

    private void finish(ActorContext context, long total) {
      context
          .parent()
          .ifPresentOrElse(
              parent -> context.tell(parent, "sum", total), () -> result.complete(total));
      context.stop();
    }
  }

  private static final class Echo implements Actor {
    private final int blockEvery;
    private long count;

    Echo(int blockEvery) {
      this.blockEvery = blockEvery;
    }

    @Override
    public Object handle(ActorContext context, Message message) throws InterruptedException {
      count++;
      block(blockEvery, count);
      return message.payload();
    }
  }

  /// Asks and waits, again and again, in one handler: the code a user writes.
  private static final class Asker implements Actor {
    private final long share;
    private final CountDownLatch done;
    private ActorRef server;

    Asker(long share, CountDownLatch done) {
      this.share = share;
      this.done = done;
    }

    @Override
    public void init(ActorContext context, Map<String, Object> args) {
      server = context.actor("echo", (String) args.get("server"));
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      for (long i = 0; i < share; i++) {
        Object reply = context.ask(server, "echo", BALL, ASK_TIMEOUT);
        if (reply != BALL) {
          throw new IllegalStateException("unexpected reply " + reply);
        }
      }
      done.countDown();
      return null;
    }
  }

  private static final class Parent implements Actor {
    /// Children started per message, so that the parent does not hold its worker for seconds.
    private static final int CHUNK = 10_000;

    private final int actors;
    private int spawned;

    Parent(int actors) {
      this.actors = actors;
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      for (int i = 0; i < CHUNK && spawned < actors; i++) {
        context.spawn(ChildSpec.of("idle", "i" + spawned++));
      }
      if (spawned < actors) {
        context.tell(context.self(), "go", BALL);
      }
      return null;
    }
  }

  /// An actor with one number as its state.
  private static final class Idle implements Actor {
    private long total;

    Idle(int actors, AtomicInteger count, CountDownLatch up) {
      if (count.incrementAndGet() == actors) {
        up.countDown();
      }
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      total += (Long) message.payload();
      return total;
    }
  }
}
