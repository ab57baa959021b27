package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The same application installed again the moment it is gone: all its names are free.
@Timeout(120)
class ReinstallTest {

  private final AtomicBoolean failing = new AtomicBoolean();
  private final TestType worker =
      TestType.of(
          "worker",
          () ->
              Script.of("*", (c, m) -> "alive")
                  .init(
                      c -> {
                        if (failing.get() && c.self().key().equals("w2")) {
                          throw new IllegalStateException("told to");
                        }
                      }));

  /// @param seconds how long the nested supervisor may take to stop; 0 kills it
  private ApplicationUnit unit(int seconds) {
    SupervisorSpec inner =
        new SupervisorSpec(
            "inner",
            SupervisionStrategy.ONE_FOR_ALL,
            3,
            SupervisorSpec.WINDOW,
            RestartType.PERMANENT,
            Duration.ofSeconds(seconds),
            List.of(new SupervisorSpec.Worker(ChildSpec.of("worker", "w1"))));
    return Node.unit(
        "app",
        Node.supervisor(
            "app",
            SupervisionStrategy.ONE_FOR_ONE,
            3,
            new SupervisorSpec.Nested(inner),
            new SupervisorSpec.Worker(ChildSpec.of("worker", "w2"))),
        worker);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 60})
  void afterUninstallCompleted(int seconds) {
    try (Node node = Node.withParallelism(2)) {
      for (int i = 0; i < 1_000; i++) {
        node.install(unit(seconds));
        node.uninstall("app");
      }
    }
  }

  @Test
  void afterItDidNotStart() {
    try (Node node = Node.withParallelism(2)) {
      for (int i = 0; i < 1_000; i++) {
        failing.set(true);
        assertThat(Node.failure(node.system.install(unit(60)))).hasMessageContaining("told to");
        failing.set(false);
        node.install(unit(60));
        node.uninstall("app");
      }
    }
  }

  /// An uninstall that comes as soon as the application is known, before its supervisor starts: it
  /// must not be lost.
  @Test
  void uninstalledWhileItIsInstalled() throws Exception {
    try (Node node = Node.withParallelism(2)) {
      for (int i = 0; i < 2_000; i++) {
        CompletableFuture<CompletableFuture<Void>> uninstalling = new CompletableFuture<>();
        Thread other =
            Thread.ofPlatform()
                .start(
                    () -> {
                      CompletableFuture<Void> outcome;
                      do {
                        outcome = node.system.uninstall("app");
                      } while (outcome.isCompletedExceptionally());
                      uninstalling.complete(outcome);
                    });
        CompletableFuture<Void> installing = node.system.install(unit(60));
        Node.await(Node.await(uninstalling));
        other.join();
        // It was up, or was stopped on its way.
        Node.eventually(installing::isDone);
        if (installing.isCompletedExceptionally()) {
          assertThat(Node.failure(installing).code()).isEqualTo(ErrorCode.UNAVAILABLE);
        }
        node.install(unit(60));
        assertThat(node.ask("worker", "w1", "go")).isEqualTo("alive");
        node.uninstall("app");
      }
    }
  }
}
