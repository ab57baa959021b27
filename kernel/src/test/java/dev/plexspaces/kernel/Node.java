package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.kernel.time.DeadlineWheel;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/// One actor system under test and the ways to talk to it. Every wait has the same generous bound.
final class Node implements AutoCloseable {

  static final Duration BOUND = Duration.ofSeconds(30);
  static final Scope SCOPE = new Scope("acme", "test");

  final ActorSystem system;

  private Node(ActorSystem system) {
    this.system = system;
  }

  static Node start() {
    return start(new InMemoryStore(SystemClock.INSTANCE));
  }

  static Node start(Store store) {
    return new Node(ActorSystem.start(ActorSystem.Options.defaults(), store));
  }

  static Node withParallelism(int parallelism) {
    return new Node(
        ActorSystem.start(
            new ActorSystem.Options(parallelism, 7), new InMemoryStore(SystemClock.INSTANCE)));
  }

  /// A system whose time stands still until [#advance].
  static Node withManualTime(Store store, ManualClock clock) {
    return withManualTime(store, clock, new ActorSystem.Options(1, 7));
  }

  static Node withManualTime(Store store, ManualClock clock, ActorSystem.Options options) {
    DeadlineWheel wheel = new DeadlineWheel(clock::nanoTime);
    Node node =
        new Node(
            new ActorSystem(
                clock, new SystemEntropy(), store, new WorkerDispatcher(2), wheel, options));
    node.clock = clock;
    node.wheel = wheel;
    return node;
  }

  /// The same on what a process left behind that did not stop in order.
  static Node afterUncleanStop(Store store, ManualClock clock) {
    Node node = withManualTime(store, clock);
    node.system.afterUncleanStop();
    return node;
  }

  static Node withManualTime() {
    ManualClock clock = new ManualClock();
    return withManualTime(new InMemoryStore(clock), clock);
  }

  private ManualClock clock;
  private DeadlineWheel wheel;

  /// Moves the time on and fires what is due.
  void advance(Duration by) {
    clock.advance(by);
    wheel.advance(clock.nanoTime());
  }

  /// Time until the next deadline; empty for none.
  Optional<Duration> nextDue() {
    OptionalLong due = wheel.nextDueNanos();
    return due.isEmpty()
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(due.getAsLong() - clock.nanoTime()));
  }

  /// A clock that goes on when it is told.
  static final class ManualClock implements Clock {
    private static final Instant START = Instant.parse("2030-01-01T00:00:00Z");
    private final AtomicLong nanos = new AtomicLong();

    void advance(Duration by) {
      nanos.addAndGet(by.toNanos());
    }

    @Override
    public Instant instant() {
      return START.plusNanos(nanos.get());
    }

    @Override
    public long nanoTime() {
      return nanos.get();
    }
  }

  static SupervisorSpec supervisor(
      String id, SupervisionStrategy strategy, int maxRestarts, SupervisorSpec.Child... children) {
    return new SupervisorSpec(
        id,
        strategy,
        maxRestarts,
        SupervisorSpec.WINDOW,
        RestartType.PERMANENT,
        SupervisorSpec.UNBOUNDED,
        List.of(children));
  }

  static ApplicationUnit unit(String id, SupervisorSpec supervisor, TestType... types) {
    return unit(id, supervisor, Map.of(), types);
  }

  static ApplicationUnit unit(
      String id,
      SupervisorSpec supervisor,
      Map<String, Supplier<Facet>> facets,
      TestType... types) {
    return new ApplicationUnit(
        id,
        "1",
        Optional.empty(),
        SCOPE,
        Arrays.stream(types).map(t -> new ApplicationUnit.Offer(t, List.<FacetSpec>of())).toList(),
        facets,
        supervisor);
  }

  /// Installs types whose actors are activated on demand or spawned.
  Node offer(TestType... types) {
    install(unit("app", supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 3), types));
    return this;
  }

  /// The same for types of any kind, and with facets of the application's own.
  Node offer(Map<String, Supplier<Facet>> facets, ApplicationUnit.Offer... types) {
    install(
        new ApplicationUnit(
            "app",
            "1",
            Optional.empty(),
            SCOPE,
            List.of(types),
            facets,
            supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 3)));
    return this;
  }

  void install(ApplicationUnit unit) {
    await(system.install(unit));
  }

  void uninstall(String id) {
    await(system.uninstall(id));
  }

  static RequestContext context() {
    return context("alice", "request-1", Optional.empty());
  }

  static RequestContext context(String user, String requestId, Optional<Instant> deadline) {
    return new RequestContext(
        SCOPE.tenant(),
        SCOPE.namespace(),
        user,
        Set.of("teller"),
        requestId,
        Optional.of("00-trace-span-01"),
        deadline);
  }

  static Invoker.Target to(String type, String key) {
    return new Invoker.Target(type, Optional.of(key));
  }

  static Invoker.Request request(String operation, Object payload, Duration timeout) {
    return new Invoker.Request(operation, payload, false, Map.of(), timeout, Optional.empty());
  }

  static ActorId id(String type, String key) {
    return new ActorId(SCOPE, type, key);
  }

  CompletableFuture<Object> asking(String type, String key, String operation, Object payload) {
    // Under manual time a call waits as long as the test does.
    return asking(context(), type, key, request(operation, payload, CellContext.ASK_MAX));
  }

  CompletableFuture<Object> asking(
      RequestContext context, String type, String key, Invoker.Request request) {
    CompletableFuture<Object> reply = new CompletableFuture<>();
    system.ask(
        context,
        to(type, key),
        request,
        new Invoker.ReplyListener() {
          @Override
          public void replied(ActorId by, Object value) {
            assertThat(reply.complete(value)).as("settled once").isTrue();
          }

          @Override
          public void failed(PlexException error) {
            assertThat(reply.completeExceptionally(error)).as("settled once").isTrue();
          }
        });
    return reply;
  }

  Object ask(String type, String key, String operation) {
    return ask(type, key, operation, null);
  }

  Object ask(String type, String key, String operation, Object payload) {
    return await(asking(type, key, operation, payload));
  }

  PlexException askFails(String type, String key, String operation, Object payload) {
    return failure(asking(type, key, operation, payload));
  }

  /// @return whether the message is on disk
  CompletableFuture<Boolean> telling(String type, String key, String operation, Object payload) {
    return telling(context(), type, key, request(operation, payload, BOUND));
  }

  CompletableFuture<Boolean> telling(
      RequestContext context, String type, String key, Invoker.Request request) {
    CompletableFuture<Boolean> outcome = new CompletableFuture<>();
    system.tell(
        context,
        to(type, key),
        request,
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {
            assertThat(outcome.complete(durable)).as("settled once").isTrue();
          }

          @Override
          public void failed(PlexException error) {
            assertThat(outcome.completeExceptionally(error)).as("settled once").isTrue();
          }
        });
    return outcome;
  }

  boolean tell(String type, String key, String operation, Object payload) {
    return await(telling(type, key, operation, payload));
  }

  PlexException tellFails(String type, String key, String operation, Object payload) {
    return failure(telling(type, key, operation, payload));
  }

  /// Waits for something that no listener reports. Looks again whenever other threads had a chance
  /// to go on.
  static void eventually(BooleanSupplier condition) {
    long end = System.nanoTime() + BOUND.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as("still not so after " + BOUND).isNegative();
      LockSupport.parkNanos(1_000_000);
    }
  }

  /// Waits for something that also needs time to pass: a redelivery, for one.
  ///
  /// @param step how far the time moves between two looks
  void eventually(Duration step, BooleanSupplier condition) {
    eventually(
        () -> {
          if (condition.getAsBoolean()) {
            return true;
          }
          advance(step);
          return false;
        });
  }

  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new AssertionError(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError("nothing came within " + BOUND, e);
    }
  }

  static PlexException failure(CompletableFuture<?> future) {
    try {
      Object value = future.get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
      throw new AssertionError("expected an error, got " + value);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PlexException cause) {
        return cause;
      }
      throw new AssertionError(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError("nothing came within " + BOUND, e);
    }
  }

  static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(BOUND.toMillis(), TimeUnit.MILLISECONDS)).as("opened").isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  static <T> T take(BlockingQueue<T> queue) {
    try {
      T taken = queue.poll(BOUND.toMillis(), TimeUnit.MILLISECONDS);
      assertThat(taken).as("nothing came within " + BOUND).isNotNull();
      return taken;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /// Stops the machinery under the actors, as a crash of the process would.
  void abandon() {
    if (wheel != null) {
      wheel.close();
    }
    system.dispatcher().close();
  }

  /// What a live actor is doing; "" when there is none.
  String state(String type, String key) {
    return system.actor(id(type, key)).map(Invoker.ActorInfo::state).orElse("");
  }

  @Override
  public void close() {
    system.close();
  }
}
