package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class QuarantineTest {

  private final AtomicInteger starts = new AtomicInteger();
  private final AtomicBoolean failStart = new AtomicBoolean();
  private final Node node =
      Node.withManualTime()
          .offer(
              TestType.of(
                  "fragile",
                  () ->
                      Script.of("get", (c, m) -> "fine")
                          .on(
                              "fail",
                              (c, m) -> {
                                throw new IllegalStateException("on purpose");
                              })
                          .on(
                              "monitor",
                              (c, m) -> c.monitor(c.actor("fragile", (String) m.payload())))
                          .init(
                              c -> {
                                starts.incrementAndGet();
                                if (failStart.get()) {
                                  throw new IllegalStateException("cannot start");
                                }
                              }),
                  FacetCatalog.VIRTUAL_ACTOR));

  @AfterEach
  void close() {
    node.close();
  }

  private void quarantine(String key) {
    for (int i = 0; i <= Quarantine.CRASHES_MAX; i++) {
      assertThat(node.askFails("fragile", key, "fail", null).code())
          .isEqualTo(ErrorCode.ACTOR_CRASHED);
    }
    Node.eventually(() -> node.state("fragile", key).isEmpty());
  }

  @Test
  void thousandFailuresOfOneKey_quarantineIt_andNobodyElseNotices() {
    List<CompletableFuture<Object>> failures = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      failures.add(node.asking("fragile", "bad", "fail", null));
    }
    List<ErrorCode> codes = failures.stream().map(f -> Node.failure(f).code()).toList();
    assertThat(codes.stream().filter(ErrorCode.ACTOR_CRASHED::equals).count())
        .isEqualTo(Quarantine.CRASHES_MAX + 1);
    assertThat(codes.stream().filter(ErrorCode.QUARANTINED::equals).count())
        .isEqualTo(1_000 - Quarantine.CRASHES_MAX - 1);
    assertThat(node.ask("fragile", "good", "get")).isEqualTo("fine");
    PlexException refusal = node.askFails("fragile", "bad", "get", null);
    assertThat(refusal.code()).isEqualTo(ErrorCode.QUARANTINED);
    assertThat(refusal).hasMessageContaining("fragile/bad");
    assertThat(node.tellFails("fragile", "bad", "get", null).code())
        .isEqualTo(ErrorCode.QUARANTINED);
    assertThat(node.system.quarantine().list())
        .singleElement()
        .satisfies(
            entry -> {
              assertThat(entry.id()).isEqualTo(Node.id("fragile", "bad"));
              assertThat(entry.reason()).isEqualTo("error: IllegalStateException: on purpose");
              assertThat(entry.until()).isEqualTo(entry.since().plus(Quarantine.RELEASE_AFTER));
            });
    assertThat(node.system.metrics().types().getFirst().crashes())
        .isEqualTo(Quarantine.CRASHES_MAX + 1);
  }

  @Test
  void releasedKey_takesMessagesAtOnce() {
    quarantine("bad");
    assertThat(node.system.quarantine().release(Node.id("fragile", "bad"))).isTrue();
    assertThat(node.system.quarantine().release(Node.id("fragile", "bad"))).isFalse();
    assertThat(node.ask("fragile", "bad", "get")).isEqualTo("fine");
    // Counted afresh.
    node.askFails("fragile", "bad", "fail", null);
    assertThat(node.ask("fragile", "bad", "get")).isEqualTo("fine");
  }

  @Test
  void quarantinedKey_isReleasedAfterATime() {
    quarantine("bad");
    node.advance(Quarantine.RELEASE_AFTER.minusMillis(1));
    assertThat(node.askFails("fragile", "bad", "get", null).code())
        .isEqualTo(ErrorCode.QUARANTINED);
    node.advance(Duration.ofMillis(1));
    assertThat(node.system.quarantine().list()).isEmpty();
    assertThat(node.ask("fragile", "bad", "get")).isEqualTo("fine");
  }

  @Test
  void crashesSpreadOverTheWindow_quarantineNobody() {
    for (int i = 0; i < 5 * Quarantine.CRASHES_MAX; i++) {
      node.askFails("fragile", "bad", "fail", null);
      // Well apart: a crash is counted a moment after its caller was told.
      node.advance(Quarantine.WINDOW.dividedBy(Quarantine.CRASHES_MAX / 2));
    }
    assertThat(node.ask("fragile", "bad", "get")).isEqualTo("fine");
  }

  @Test
  void keyThatCannotStart_isNotStartedAgainAndAgain() {
    failStart.set(true);
    for (int i = 0; i < 100; i++) {
      assertThat(node.askFails("fragile", "bad", "get", null).code())
          .isIn(ErrorCode.ACTOR_CRASHED, ErrorCode.QUARANTINED);
    }
    assertThat(starts.get()).isEqualTo(Quarantine.CRASHES_MAX + 1);
    failStart.set(false);
    node.system.quarantine().release(Node.id("fragile", "bad"));
    assertThat(node.ask("fragile", "bad", "get")).isEqualTo("fine");
  }

  @Test
  void callToAKeyThatCannotStart_startsItOnce() {
    failStart.set(true);
    for (int i = 0; i < 500; i++) {
      assertThat(node.askFails("fragile", "k" + i, "get", null).code())
          .isEqualTo(ErrorCode.ACTOR_CRASHED);
    }
    assertThat(starts.get()).isEqualTo(500);
  }

  @Test
  void monitorOfAQuarantinedKey_isNoproc_andDoesNotActivateIt() {
    quarantine("bad");
    int before = starts.get();
    node.ask("fragile", "watcher", "monitor", "bad");
    node.ask("fragile", "watcher", "get");
    assertThat(starts.get()).isLessThanOrEqualTo(before + 2);
    assertThat(node.state("fragile", "bad")).isEmpty();
  }
}
