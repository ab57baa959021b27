package dev.plexspaces.testkit;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.json.Json;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/// Actor classes under test, run by the production kernel on an in-memory store: no node, no files,
/// no ports.
///
/// Every key is activated by its first message. Payloads and replies go through JSON, so a test
/// sees what a caller over HTTP would see: records come back as maps.
public final class TestActors implements AutoCloseable {

  /// Longest wait for a reply; bounds a hanging test.
  public static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final Scope SCOPE = new Scope("test", "test");
  private static final String VIRTUAL_ACTOR = "virtual_actor";

  private final ActorSystem system;

  private TestActors(ActorSystem system) {
    this.system = system;
  }

  /// Starts a system that offers these annotated classes.
  ///
  /// @throws PlexException `INVALID_MESSAGE` for what deployment would refuse as well
  public static TestActors of(Class<?>... classes) {
    return start(ServiceLinks.NONE, classes);
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
    return start(new StubLinks(answers), classes);
  }

  private static TestActors start(ServiceLinks links, Class<?>... classes) {
    List<ApplicationUnit.Offer> offers = new ArrayList<>();
    for (Class<?> actorClass : classes) {
      ActorType type = AnnotatedActors.bind(actorClass);
      boolean virtual = type.facets().stream().anyMatch(f -> f.name().equals(VIRTUAL_ACTOR));
      offers.add(
          new ApplicationUnit.Offer(
              type, virtual ? List.of() : List.of(FacetSpec.of(VIRTUAL_ACTOR))));
    }
    ActorSystem system = ActorSystem.inMemory();
    TestActors actors = new TestActors(system);
    try {
      wait(
          system.install(
              new ApplicationUnit(
                  "test",
                  "test",
                  Optional.empty(),
                  SCOPE,
                  offers,
                  Map.of(),
                  new SupervisorSpec(
                      "test",
                      SupervisionStrategy.ONE_FOR_ONE,
                      SupervisorSpec.MAX_RESTARTS,
                      SupervisorSpec.WINDOW,
                      RestartType.PERMANENT,
                      SupervisorSpec.UNBOUNDED,
                      List.of()),
                  links)));
      return actors;
    } catch (PlexException e) {
      actors.close();
      throw e;
    }
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
