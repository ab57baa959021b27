package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.Quarantine;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.sdk.ErrorCode;
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
            0,
            0,
            0,
            0,
            0,
            1,
            none.diskWrite(),
            none.diskSync(),
            none.network(),
            0,
            none.down(),
            0,
            0,
            0,
            none.toldLate());
    World world = new World(1, unreadable, new Tells(List.of("note")), List.of());
    world.run();
    assertThat(world.trace().lines()).anyMatch(line -> line.contains("unreadable"));
    assertThat(Bank.list(Bank.onDisk(world, Bank.ACCOUNT, "a0"), "notes")).hasSize(1);
  }

  @Test
  void turn_refusedByTheDiskWhileItsActorSeemedIdle_isResumed() {
    World[] world = new World[1];
    boolean[] refused = new boolean[1];
    world[0] =
        new World(
            1,
            Faults.none(),
            new Tells(Bank.TELLER, List.of("move", "move")),
            List.of(),
            store ->
                new PlantedBugs.Meddling(store) {
                  @Override
                  public void submit(Commit commit, Commit.Listener listener) {
                    boolean second =
                        commit.record().isPresent()
                            && commit.record().get().kind() == TurnRecord.Kind.SEGMENT
                            && commit.record().get().turn() == 2;
                    if (second && !refused[0]) {
                      refused[0] = true;
                      // Longer than an actor may be idle before it is passivated.
                      world[0].after(
                          Duration.ofSeconds(1),
                          "refuse",
                          () ->
                              listener.refused(
                                  new PlexException(ErrorCode.UNAVAILABLE, "the disk is full")));
                    } else {
                      super.submit(commit, listener);
                    }
                  }
                });
    world[0].run();
    assertThat(refused[0]).isTrue();
    assertThat(Bank.list(Bank.onDisk(world[0], Bank.TELLER, "a0"), "ended"))
        .containsExactly("r0", "r1");
  }

  @Test
  void copyOfAMessage_thatComesAfterItsTurn_beginsNoSecondOne() {
    World[] world = new World[1];
    boolean[] late = new boolean[1];
    world[0] =
        new World(
            1,
            Faults.none(),
            new Tells(Bank.TELLER, List.of("move", "move")),
            List.of(),
            store ->
                new PlantedBugs.Meddling(store) {
                  @Override
                  public void submit(Commit commit, Commit.Listener listener) {
                    if (late[0] || commit.record().isPresent()) {
                      super.submit(commit, listener);
                      return;
                    }
                    // The row of the first tell: told of long after the second one made its actor
                    // read and handle both, and after that actor was passivated.
                    late[0] = true;
                    super.submit(
                        commit,
                        new Commit.Listener() {
                          @Override
                          public void durable(long seq, List<RowResult> results) {
                            world[0].after(
                                Duration.ofSeconds(5),
                                "late",
                                () -> listener.durable(seq, results));
                          }

                          @Override
                          public void refused(PlexException why) {
                            listener.refused(why);
                          }
                        });
                  }
                });
    world[0].run();
    assertThat(world[0].clock().nanoTime()).isGreaterThan(Duration.ofSeconds(6).toNanos());
    TrackedState teller = Bank.onDisk(world[0], Bank.TELLER, "a0");
    assertThat(Bank.list(teller, "begun")).containsExactly("r0", "r1");
    assertThat(Bank.list(teller, "ended")).containsExactly("r0", "r1");
  }

  /// Tells actor a0 of a type each operation once and waits until they are accepted.
  private static final class Tells implements Workload {
    private final String type;
    private final List<String> operations;
    private int accepted;

    Tells(List<String> operations) {
      this(Bank.ACCOUNT, operations);
    }

    Tells(String type, List<String> operations) {
      this.type = type;
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
            public void crashes(ActorId id) {}

            @Override
            public void passivates(ActorId id, String state) {}
          });
    }

    @Override
    public void begin(World world) {
      for (int i = 0; i < operations.size(); i++) {
        String operation = operations.get(i);
        String id = "r" + i;
        world.after(Duration.ofMillis(1_000 + i), "client", () -> send(world, id, operation));
      }
    }

    private void send(World world, String id, String operation) {
      world.client(
          false,
          World.context("acme", "prod", id),
          new Invoker.Target(type, Optional.of("a0")),
          new Invoker.Request(
              operation,
              Map.of("id", id, "client", "c", "n", 1, "from", "a0", "to", "a1", "amount", 5),
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

    @Override
    public boolean done() {
      return accepted == operations.size();
    }
  }
}
