package dev.plexspaces.kernel.supervision;

import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import dev.plexspaces.sdk.SupervisorSpec.Nested;
import dev.plexspaces.sdk.SupervisorSpec.Worker;
import java.time.Duration;
import java.util.List;

/// Short forms of specifications, for tests.
final class Specs {

  static final Duration SHUTDOWN = Duration.ofSeconds(1);
  static final ExitReason ERROR = new ExitReason.Error("boom");

  static final StartFailure NO_START =
      new StartFailure(new ExitReason.Error("IllegalStateException: boom"), "boom");

  private Specs() {}

  static ChildSpec spec(String id) {
    return ChildSpec.of("counter", id).shutdownTimeout(SHUTDOWN);
  }

  static Worker permanent(String id) {
    return new Worker(spec(id));
  }

  static Worker transientChild(String id) {
    return worker(id, RestartType.TRANSIENT);
  }

  static Worker temporary(String id) {
    return worker(id, RestartType.TEMPORARY);
  }

  static Worker worker(String id, RestartType restart) {
    return new Worker(spec(id).restart(restart));
  }

  static Worker worker(String id, Duration shutdownTimeout) {
    return new Worker(spec(id).shutdownTimeout(shutdownTimeout));
  }

  /// A supervisor with a window of an hour.
  static SupervisorSpec supervisor(
      SupervisionStrategy strategy, int maxRestarts, Child... children) {
    return named("root", strategy, maxRestarts, RestartType.PERMANENT, children);
  }

  static Nested nested(
      String id, SupervisionStrategy strategy, int maxRestarts, Child... children) {
    return new Nested(named(id, strategy, maxRestarts, RestartType.PERMANENT, children));
  }

  static SupervisorSpec named(
      String id,
      SupervisionStrategy strategy,
      int maxRestarts,
      RestartType restart,
      Child... children) {
    return new SupervisorSpec(
        id,
        strategy,
        maxRestarts,
        Duration.ofHours(1),
        restart,
        SupervisorSpec.UNBOUNDED,
        List.of(children));
  }

  static SupervisorSpec windowed(
      SupervisionStrategy strategy, int maxRestarts, Duration window, Child... children) {
    return new SupervisorSpec(
        "root",
        strategy,
        maxRestarts,
        window,
        RestartType.PERMANENT,
        SupervisorSpec.UNBOUNDED,
        List.of(children));
  }
}
