package dev.plexspaces.bench;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.State;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.store.SqliteStore;
import dev.plexspaces.store.StoreOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The kernel on the SQLite store with one durable actor type: a node without its edge.
final class DurableNode implements AutoCloseable {

  /// One durable number per key.
  @GenServer(
      value = "account",
      facets = {"virtual_actor", "durability"})
  public static class Account {
    @State long balance;

    /// What a deposit answers.
    public record Balance(String status, long balance) {}

    @Handler("deposit")
    public Balance deposit(long amount) {
      balance += amount;
      return new Balance("ok", balance);
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
  private static final Invoker.Request DEPOSIT =
      new Invoker.Request(
          "deposit",
          Map.of("amount", 1),
          false,
          Map.of(),
          Duration.ofSeconds(60),
          Optional.empty());

  private final SqliteStore store;
  private final ActorSystem system;

  DurableNode(Path directory, StoreOptions options) throws Exception {
    store = SqliteStore.open(directory, options);
    system = ActorSystem.start(ActorSystem.Options.defaults(), store);
    system
        .install(
            new ApplicationUnit(
                "bench",
                "1",
                Optional.of(SCOPE.tenant()),
                SCOPE,
                List.of(new ApplicationUnit.Offer(AnnotatedActors.bind(Account.class), List.of())),
                Map.of(),
                new SupervisorSpec(
                    "root",
                    SupervisionStrategy.ONE_FOR_ONE,
                    SupervisorSpec.MAX_RESTARTS,
                    SupervisorSpec.WINDOW,
                    RestartType.PERMANENT,
                    SupervisorSpec.UNBOUNDED,
                    List.of())))
        .get();
  }

  /// Asks an account to take a deposit; the listener is called when it is on disk.
  void deposit(int account, Invoker.ReplyListener listener) {
    system.ask(
        OUTSIDE, new Invoker.Target("account", Optional.of("a" + account)), DEPOSIT, listener);
  }

  SqliteStore store() {
    return store;
  }

  @Override
  public void close() {
    system.close();
    store.close();
  }
}
