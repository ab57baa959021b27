package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class KernelMetricsTest {

  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch gate = new CountDownLatch(1);

  private final TestType held =
      TestType.of(
          "held",
          () ->
              Script.of(
                  "*",
                  (c, m) -> {
                    entered.countDown();
                    Node.await(gate);
                    return "done";
                  }),
          FacetCatalog.VIRTUAL_ACTOR);

  @Test
  void messagesThatWait_areCountedWhileTheyDo_andAsProcessedAfterwards() {
    try (Node node = Node.withParallelism(2).offer(held)) {
      CompletableFuture<Object> first = node.asking("held", "h", "go", null);
      Node.await(entered);
      for (int i = 0; i < 3; i++) {
        node.tell("held", "h", "go", null);
      }
      assertThat(of(node).mailboxDepth()).isEqualTo(3);
      assertThat(of(node).messages()).isZero();
      gate.countDown();
      Node.await(first);
      Node.eventually(() -> of(node).messages() == 4);
      assertThat(of(node).mailboxDepth()).isZero();
      assertThat(of(node).live()).isEqualTo(1);
      assertThat(of(node).asks()).isEqualTo(1);
    }
  }

  private static KernelMetrics.TypeMetrics of(Node node) {
    return node.system.metrics().types().getFirst();
  }
}
