package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.DeadLetters;
import dev.plexspaces.kernel.KernelMetrics;
import dev.plexspaces.kernel.KernelMetrics.TypeMetrics;
import dev.plexspaces.node.links.LinkStats;
import dev.plexspaces.node.links.LinkStats.Ending;
import dev.plexspaces.store.StoreStats;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NodeMetricsTest {

  private static final StoreStats STORE =
      new StoreStats(StoreStats.State.DISK_FULL, 99, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20);

  @Test
  void text_showsEveryCounterUnderItsType() {
    KernelMetrics kernel =
        new KernelMetrics(
            List.of(
                new TypeMetrics("account", "bank", 1, 2, 3, 4, 5, 6, 7, 8),
                new TypeMetrics("counter", "c", 0, 0, 0, 0, 0, 0, 0, 0)),
            9,
            Map.of("account", Map.of(DeadLetters.Reason.NO_ACTOR, 10L)),
            Map.of(),
            21,
            22);

    assertThat(text(kernel).lines())
        .contains(
            "plexspaces_actor_live{application=\"bank\",type=\"account\"} 1.0",
            "plexspaces_actor_messages_total{application=\"bank\",type=\"account\"} 2.0",
            "plexspaces_actor_turns_total{application=\"bank\",type=\"account\"} 2.0",
            "plexspaces_actor_asks_total{application=\"bank\",type=\"account\"} 3.0",
            "plexspaces_actor_commits_total{application=\"bank\",type=\"account\"} 4.0",
            "plexspaces_actor_crashes_total{application=\"bank\",type=\"account\"} 5.0",
            "plexspaces_actor_restarts_total{application=\"bank\",type=\"account\"} 6.0",
            "plexspaces_actor_activations_total{application=\"bank\",type=\"account\"} 7.0",
            "plexspaces_actor_mailbox_depth{application=\"bank\",type=\"account\"} 8.0",
            "plexspaces_actor_messages_total{application=\"c\",type=\"counter\"} 0.0",
            "plexspaces_supervisor_reports_total 9.0",
            "plexspaces_dead_letters_total{reason=\"no_actor\",type=\"account\"} 10.0",
            "plexspaces_store_commits_total 11.0",
            "plexspaces_store_refused_total 12.0",
            "plexspaces_store_batches_total 13.0",
            "plexspaces_store_written_bytes_total 14.0",
            "plexspaces_store_queue_depth 15.0",
            "plexspaces_store_fold_lag_rows 16.0",
            "plexspaces_store_folds_total 17.0",
            "plexspaces_store_wal_pages 18.0",
            "plexspaces_store_requests_remembered 20.0",
            "plexspaces_idempotency_refusals_total 21.0",
            "plexspaces_actor_killed_running_total 22.0",
            "plexspaces_store_state{state=\"disk_full\"} 1.0",
            "plexspaces_store_state{state=\"running\"} 0.0");
  }

  /// While the old actors of an undeployed application stop, its types may be there twice.
  @Test
  void sameTypeTwice_isAddedUp() {
    TypeMetrics one = new TypeMetrics("account", "bank", 1, 2, 3, 4, 5, 6, 7, 8);

    assertThat(text(new KernelMetrics(List.of(one, one), 0, Map.of(), Map.of(), 0, 0)).lines())
        .contains("plexspaces_actor_live{application=\"bank\",type=\"account\"} 2.0");
  }

  @Test
  void serviceLinks_showCallsByOutcomeRetriesAndTheBreaker() {
    assertThat(text(new KernelMetrics(List.of(), 0, Map.of(), Map.of(), 0, 0)).lines())
        .contains(
            "plexspaces_link_calls_total{application=\"shop\",link=\"bank\",outcome=\"ok\"} 7.0",
            "plexspaces_link_calls_total{application=\"shop\",link=\"bank\",outcome=\"breaker_open\"} 2.0",
            "plexspaces_link_retries_total{application=\"shop\",link=\"bank\"} 3.0",
            "plexspaces_link_breaker_state{application=\"shop\",link=\"bank\",state=\"open\"} 1.0",
            "plexspaces_link_breaker_state{application=\"shop\",link=\"bank\",state=\"closed\"} 0.0");
  }

  private static final List<LinkStats> LINKS =
      List.of(
          new LinkStats("shop", "bank", Map.of(Ending.OK, 7L, Ending.BREAKER_OPEN, 2L), 3, "open"));

  private static String text(KernelMetrics kernel) {
    try (NodeMetrics metrics = new NodeMetrics(() -> kernel, () -> STORE, () -> LINKS)) {
      return metrics.text();
    }
  }
}
