package dev.plexspaces.sdk;

import java.time.Duration;
import java.util.List;

/// A supervisor and its children, in start order. Source: OTP `supervisor:init/1`.
///
/// @param id name, unique among its siblings
/// @param strategy default one-for-one
/// @param maxRestarts restarts allowed within `window`; one more and the supervisor gives up and
///   its parent decides; default 5
/// @param window default 60 s
/// @param restart when *this* supervisor is restarted by its parent; default permanent
/// @param shutdownTimeout how long this supervisor may take to stop all of its children before it
///   is killed; default unbounded, as OTP advises for supervisors
/// @param children workers and nested supervisors in start order
public record SupervisorSpec(
    String id,
    SupervisionStrategy strategy,
    int maxRestarts,
    Duration window,
    RestartType restart,
    Duration shutdownTimeout,
    List<Child> children) {

  /// Default of `maxRestarts`.
  public static final int MAX_RESTARTS = 5;

  /// Default of `window`.
  public static final Duration WINDOW = Duration.ofSeconds(60);

  /// Stands for "wait as long as it takes".
  public static final Duration UNBOUNDED = Duration.ofDays(365);

  /// Either a worker or a nested supervisor.
  public sealed interface Child {
    String id();
  }

  /// A supervised actor.
  public record Worker(ChildSpec spec) implements Child {
    @Override
    public String id() {
      return spec.id();
    }
  }

  /// A nested supervisor.
  public record Nested(SupervisorSpec spec) implements Child {
    @Override
    public String id() {
      return spec.id();
    }
  }

  public SupervisorSpec {
    children = List.copyOf(children);
  }
}
