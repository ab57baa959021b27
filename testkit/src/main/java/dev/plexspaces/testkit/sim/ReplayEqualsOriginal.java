package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import java.util.LinkedHashMap;
import java.util.Map;

/// An actor's memory is what the disk says, whether it was loaded, replayed or has run all along;
/// and it is the same after a recovery.
final class ReplayEqualsOriginal implements Checker {

  private final BankClients clients;
  private Map<ActorId, String> before = Map.of();

  ReplayEqualsOriginal(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return "replay equals original";
  }

  void passivates(World world, ActorId id, String memory) {
    compare(world, id, memory, "when it was passivated");
  }

  @Override
  public void atRest(World world) {
    clients.snapshots().forEach((id, memory) -> compare(world, id, memory, "at rest"));
    before = new LinkedHashMap<>(clients.snapshots());
  }

  @Override
  public void afterRecovery(World world) {
    clients.snapshots().forEach((id, memory) -> compare(world, id, memory, "after recovery"));
    if (!before.equals(clients.snapshots())) {
      world.violated(name(), "before the recovery " + before + ", after it " + clients.snapshots());
    }
  }

  private void compare(World world, ActorId id, String memory, String when) {
    String disk = Bank.onDisk(world, id.type(), id.key()).toString();
    if (!disk.equals(memory)) {
      world.violated(name(), id + " has " + memory + " in memory and " + disk + " on disk " + when);
    }
  }
}
