package dev.plexspaces.testkit;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.kernel.time.DeadlineWheel;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/// Actor classes under test, run by the production kernel on an in-memory store: no node, no files,
/// no ports.
///
/// Every key is activated by its first message, which brings no `args`; an actor that needs some is
/// started by [#start]. Payloads and replies go through JSON, so a test sees what a caller over
/// HTTP would see: records come back as maps.
public final class TestActors implements AutoCloseable {

  /// Longest wait for a reply; bounds a hanging test.
  public static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final Scope SCOPE = new Scope("test", "test");
  private static final String VIRTUAL_ACTOR = "virtual_actor";

  private final ActorSystem system;
  private final Map<String, ActorType> types;
  private final Optional<ManualTime> time;
  private final AtomicInteger started = new AtomicInteger();

  private TestActors(ActorSystem system, Map<String, ActorType> types, Optional<ManualTime> time) {
    this.system = system;
    this.types = types;
    this.time = time;
  }

  /// A clock that stands still, and the deadlines that go by it.
  private static final class ManualTime implements Clock {
    private static final Instant START = Instant.parse("2030-01-01T00:00:00Z");
    private final AtomicLong nanos = new AtomicLong();
    private final DeadlineWheel wheel = new DeadlineWheel(this::nanoTime);

    @Override
    public Instant instant() {
      return START.plusNanos(nanos.get());
    }

    @Override
    public long nanoTime() {
      return nanos.get();
    }
  }

  /// Starts a system that offers these annotated classes.
  ///
  /// @throws PlexException `INVALID_MESSAGE` for what deployment would refuse as well
  public static TestActors of(Class<?>... classes) {
    return start(ServiceLinks.NONE, Optional.empty(), classes);
  }

  /// Like [#of], with service links: whatever the actors fetch, on any link, `answers` answers at
  /// once, on the actor's thread.
  ///
  /// @param answers gets the request with the body the actor gave, JSON as maps and lists; returns
  ///   a response whose body is text, `byte[]`, `null` or any JSON value, or throws the
  ///   [PlexException] that `fetch` is to throw
  /// @throws PlexException `INVALID_MESSAGE`, as [#of]
  public static TestActors withLinks(
      Function<LinkRequest, LinkResponse> answers, Class<?>... classes) {
    return start(new StubLinks(answers), Optional.empty(), classes);
  }

  /// Like [#of], with time that stands still until [#advance]: timers fire, idle actors go and
  /// calls between actors time out by it. [#PATIENCE] goes by real time.
  ///
  /// @throws PlexException `INVALID_MESSAGE`, as [#of]
  public static TestActors withManualTime(Class<?>... classes) {
    return start(ServiceLinks.NONE, Optional.of(new ManualTime()), classes);
  }

  private static TestActors start(
      ServiceLinks links, Optional<ManualTime> time, Class<?>... classes) {
    List<ApplicationUnit.Offer> offers = new ArrayList<>();
    Map<String, ActorType> types = new HashMap<>();
    for (Class<?> actorClass : classes) {
      ActorType type = AnnotatedActors.bind(actorClass);
      types.put(type.name(), type);
      boolean virtual = type.facets().stream().anyMatch(f -> f.name().equals(VIRTUAL_ACTOR));
      offers.add(
          new ApplicationUnit.Offer(
              type, virtual ? List.of() : List.of(FacetSpec.of(VIRTUAL_ACTOR))));
    }
    ActorSystem system =
        time.map(
                t ->
                    ActorSystem.start(
                        ActorSystem.Options.defaults(), new InMemoryStore(t), t, t.wheel))
            .orElseGet(ActorSystem::inMemory);
    TestActors actors = new TestActors(system, types, time);
    try {
      wait(system.install(unit("test", offers, List.of(), links)));
      return actors;
    } catch (PlexException e) {
      actors.close();
      throw e;
    }
  }

  private static ApplicationUnit unit(
      String id,
      List<ApplicationUnit.Offer> offers,
      List<SupervisorSpec.Child> children,
      ServiceLinks links) {
    return new ApplicationUnit(
        id,
        "test",
        Optional.empty(),
        SCOPE,
        offers,
        Map.of(),
        new SupervisorSpec(
            id,
            SupervisionStrategy.ONE_FOR_ONE,
            SupervisorSpec.MAX_RESTARTS,
            SupervisorSpec.WINDOW,
            RestartType.PERMANENT,
            SupervisorSpec.UNBOUNDED,
            children),
        links);
  }

  /// Starts an actor as a supervised child, with `args`, as `[[supervisor.children]]` does; returns
  /// when it is up. Its `args` go through JSON.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when there is no such type or its `@OnInit` cannot
  ///   take the `args`, `ACTOR_CRASHED` when it does not start, with the reason
  public void start(ChildSpec child) {
    ChildSpec spec = child.args(args(child));
    ActorType type = types.get(spec.type());
    if (type != null) {
      type.checkArgs(spec.args());
    }
    wait(
        system.install(
            unit(
                "test-" + started.incrementAndGet(),
                List.of(),
                List.of(new SupervisorSpec.Worker(spec)),
                ServiceLinks.NONE)));
  }

  private static Map<String, Object> args(ChildSpec child) {
    Map<String, Object> args = new HashMap<>();
    ((Map<?, ?>) Json.parse(Json.write(child.args()))).forEach((k, v) -> args.put((String) k, v));
    return args;
  }

  /// Moves the time on and fires what came due; an ask afterwards finds it in the mailbox before
  /// it. What an actor sets in answer to it counts from the new time.
  ///
  /// @throws IllegalStateException unless made by [#withManualTime]
  public void advance(Duration by) {
    ManualTime manual =
        time.orElseThrow(
            () -> new IllegalStateException("time is real; use TestActors.withManualTime"));
    manual.nanos.addAndGet(by.toNanos());
    manual.wheel.advance(manual.nanoTime());
  }

  /// Asks and waits for the reply.
  ///
  /// @param payload what the JSON body would be: a map, record, list, number, string or `null`
  /// @throws PlexException the declared error of the actor, `ACTOR_CRASHED`, `UNKNOWN_OPERATION`,
  ///   `INVALID_MESSAGE`
  public Object ask(String type, String key, String operation, Object payload) {
    CompletableFuture<Object> reply = new CompletableFuture<>();
    system.ask(
        context(),
        new Invoker.Target(type, Optional.of(key)),
        request(operation, payload),
        new Invoker.ReplyListener() {
          @Override
          public void replied(ActorId by, Object value) {
            reply.complete(value);
          }

          @Override
          public void failed(PlexException error) {
            reply.completeExceptionally(error);
          }
        });
    return Json.parse(Json.write(wait(reply)));
  }

  /// Tells; returns when the message is accepted, not when it is processed. An ask to the same
  /// actor afterwards is processed after it.
  public void tell(String type, String key, String operation, Object payload) {
    CompletableFuture<Object> accepted = new CompletableFuture<>();
    system.tell(
        context(),
        new Invoker.Target(type, Optional.of(key)),
        request(operation, payload),
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {
            accepted.complete(messageId);
          }

          @Override
          public void failed(PlexException error) {
            accepted.completeExceptionally(error);
          }
        });
    wait(accepted);
  }

  private static RequestContext context() {
    return new RequestContext(
        SCOPE.tenant(),
        SCOPE.namespace(),
        "test",
        Set.of(),
        "test",
        Optional.empty(),
        Optional.empty());
  }

  private static Invoker.Request request(String operation, Object payload) {
    return new Invoker.Request(
        operation, Json.parse(Json.write(payload)), false, Map.of(), PATIENCE, Optional.empty());
  }

  private static <T> T wait(CompletableFuture<T> future) {
    try {
      return future.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PlexException p) {
        throw p;
      }
      throw new IllegalStateException(e.getCause());
    } catch (TimeoutException e) {
      throw new PlexException(ErrorCode.TIMEOUT, "nothing came within " + PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    system.close();
  }
}
