package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import java.util.HashMap;
import java.util.Map;

/// No actor runs two turns at once, in one instance or in two.
final class SingleActivation implements Checker {

  private final Map<ActorId, Object> running = new HashMap<>();

  @Override
  public String name() {
    return "single activation";
  }

  void entered(World world, ActorId id, Object instance) {
    Object other = running.put(id, instance);
    if (other != null) {
      world.violated(
          name(),
          id
              + (other == instance
                  ? " runs a second turn while the first one waits"
                  : " runs in two instances at once"));
    }
  }

  void left(ActorId id, Object instance) {
    running.remove(id, instance);
  }

  @Override
  public void crashed(World world) {
    running.clear();
  }
}
