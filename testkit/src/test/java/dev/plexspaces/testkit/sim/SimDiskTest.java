package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.testkit.contract.Commits;
import dev.plexspaces.testkit.contract.MutableClock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/// What a crash leaves on the simulated disk, step by step.
class SimDiskTest {

  private static final Scope SCOPE = new Scope("acme", "prod");
  private static final ActorId ACTOR = new ActorId(SCOPE, "account", "a");

  private final ArrayDeque<String> steps = new ArrayDeque<>();
  private final ArrayDeque<Runnable> actions = new ArrayDeque<>();
  private boolean full;
  private final SimDisk disk =
      new SimDisk(
          new MutableClock(Instant.EPOCH),
          (nanos, what, action) -> {
            steps.add(what);
            actions.add(action);
          },
          new SimDiskStoreTest.Quiet() {
            @Override
            public boolean refusesBatch() {
              return full;
            }
          });
  private Store store = disk.open();
  private final List<Commits.Outcome> outcomes = new ArrayList<>();

  @Test
  void commit_notSynced_isNeitherSeenNorTold() {
    put("k");
    assertThat(disk.image().kvGet(SCOPE, "k")).isEmpty();
    step("write");
    assertThat(store.kvGet(SCOPE, "k")).isEmpty();
    assertThat(outcomes.getFirst().isAnswered()).isFalse();
    step("sync");
    assertThat(store.kvGet(SCOPE, "k")).isPresent();
    assertThat(outcomes.getFirst().isAnswered()).isFalse();
    step("tell");
    assertThat(outcomes.getFirst().isDurable()).isTrue();
  }

  @Test
  void batch_takesWhatQueuedWhileThePreviousOneWasSynced() {
    put("first");
    put("second");
    put("third");
    step("write");
    step("sync");
    assertThat(present("first", "second", "third")).containsExactly("first");
    step("tell");
    step("write");
    step("sync");
    assertThat(present("first", "second", "third")).hasSize(3);
  }

  @Test
  void crash_beforeWrite_losesAll() {
    put("k");
    disk.crash(n -> 0);
    assertThat(disk.image().kvGet(SCOPE, "k")).isEmpty();
  }

  @Test
  void crash_writtenNotSynced_keepsAPrefixOfWholeCommits() {
    put("filler");
    put("a");
    put("b");
    put("c");
    step("write");
    step("sync");
    step("tell");
    step("write");
    disk.crash(
        n -> {
          assertThat(n).isEqualTo(3);
          return 2;
        });
    assertThat(present("filler", "a", "b", "c")).containsExactly("filler", "a", "b");
    assertThat(outcomes.get(1).isAnswered()).isFalse();
    store = disk.open();
    assertThat(present("a", "b", "c")).containsExactly("a", "b");
  }

  @Test
  void crash_synced_keepsAllAndTellsNobody() {
    put("k");
    step("write");
    step("sync");
    disk.crash(n -> 0);
    assertThat(disk.image().kvGet(SCOPE, "k")).isPresent();
    step("tell");
    assertThat(outcomes.getFirst().isAnswered()).isFalse();
  }

  @Test
  void submit_byADeadNode_isIgnored() {
    Store dead = store;
    disk.crash(n -> 0);
    store = disk.open();
    dead.submit(commit("k"), new Commits.Outcome(seq -> {}));
    assertThat(actions).isEmpty();
  }

  @Test
  void batch_onAFullDisk_isRefusedAndTheNextOneIsNot() {
    full = true;
    put("k");
    step("write");
    step("tell");
    assertThat(outcomes.getFirst().refused().code()).isEqualTo(ErrorCode.UNAVAILABLE);
    full = false;
    put("k");
    step("write");
    step("sync");
    step("tell");
    assertThat(outcomes.get(1).isDurable()).isTrue();
  }

  private void put(String key) {
    Commits.Outcome outcome = new Commits.Outcome(seq -> {});
    outcomes.add(outcome);
    store.submit(commit(key), outcome);
  }

  private static Commit commit(String key) {
    return new Commit(
        ACTOR,
        Optional.empty(),
        List.of(new Row.KvPut(SCOPE, key, Commits.bytes("1"), 0, OptionalLong.empty())));
  }

  private List<String> present(String... keys) {
    return List.of(keys).stream().filter(k -> disk.image().kvGet(SCOPE, k).isPresent()).toList();
  }

  private void step(String what) {
    assertThat(steps.poll()).isEqualTo(what);
    actions.poll().run();
  }
}
