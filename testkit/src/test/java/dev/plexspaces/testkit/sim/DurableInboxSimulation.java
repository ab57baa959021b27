package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.Quarantine;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Accepted messages are worked off, whatever keeps their actor from running: cases that the bank
/// found, told straight.
class DurableInboxSimulation {

  @Test
  void inbox_ofAKeyInQuarantine_isWorkedOffAfterItsRelease() {
    // Three deliveries each: more crashes than a key may have.
    int poison = Quarantine.CRASHES_MAX / 3 + 2;
    List<String> operations = new ArrayList<>();
    for (int i = 0; i < poison; i++) {
      operations.add("poison");
    }
    World world = new World(1, Faults.none(), new Tells(operations), List.of());
    world.run();
    assertThat(world.disk().image().deadLetters(Bank.SCOPE, 0, 100)).hasSize(poison);
    assertThat(world.clock().nanoTime()).isGreaterThan(Quarantine.RELEASE_AFTER.toNanos());
  }

  @Test
  void inbox_ofAnActorWhoseStateCouldNotBeRead_isWorkedOffOnceItCan() {
    Faults none = Faults.none();
    Faults unreadable =
        new Faults(
            0, 0, 0, 0, 0, 1, none.diskWrite(), none.diskSync(), none.network(), 0, none.down(), 0);
    World world = new World(1, unreadable, new Tells(List.of("note")), List.of());
    world.run();
    assertThat(world.trace().lines()).anyMatch(line -> line.contains("unreadable"));
    assertThat(Bank.list(Bank.onDisk(world, Bank.ACCOUNT, "a0"), "notes")).hasSize(1);
  }

  /// Tells account a0 each operation once and waits until they are accepted.
  private static final class Tells implements Workload {
    private final List<String> operations;
    private int accepted;

    Tells(List<String> operations) {
      this.operations = operations;
    }

    @Override
    public ApplicationUnit application(World world) {
      return Bank.application(
          world,
          new Bank.Watch() {
            @Override
            public void entered(ActorId id, Object instance) {}

            @Override
            public void left(ActorId id, Object instance) {}

            @Override
            public void passivates(ActorId id, String state) {}
          });
    }

    @Override
    public void begin(World world) {
      world.after(Duration.ofSeconds(1), "client", () -> send(world));
    }

    private void send(World world) {
      for (String operation : operations) {
        String id = "r" + operations.indexOf(operation);
        world.client(
            false,
            World.context("acme", "prod", id),
            new Invoker.Target(Bank.ACCOUNT, Optional.of("a0")),
            new Invoker.Request(
                operation,
                Map.of("id", id, "client", "c", "n", 1),
                false,
                Map.of(),
                Duration.ofSeconds(5),
                Optional.empty()),
            new World.Outcome() {
              @Override
              public void replied(Object reply) {
                accepted++;
              }

              @Override
              public void failed(PlexException error) {
                world.violated("tells", error.getMessage());
              }

              @Override
              public void lost() {
                world.violated("tells", "lost");
              }

              @Override
              public void unreachable() {
                world.violated("tells", "unreachable");
              }
            });
      }
    }

    @Override
    public boolean done() {
      return accepted == operations.size();
    }
  }
}
