package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.sdk.FacetSpec;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `checkpoint_interval` as configured reaches the store.
class CheckpointIntervalTest {

  private final List<Boolean> asked = new CopyOnWriteArrayList<>();

  private Store watched(Store store) {
    return (Store)
        Proxy.newProxyInstance(
            Store.class.getClassLoader(),
            new Class<?>[] {Store.class},
            (proxy, method, args) -> {
              if (args != null && args[0] instanceof Commit commit) {
                asked.add(commit.checkpoint());
              }
              try {
                return method.invoke(store, args);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /// The turn of the initialization is the first of them.
  @ParameterizedTest
  @CsvSource({
    "-1, false false false false false false",
    "1, true true true true true true",
    "3, false false true false false true",
    "100, false false false false false false",
  })
  void everyNthTurnOfAnActor_asksForACheckpoint_alsoAfterItWasStopped(int interval, String wanted) {
    Map<String, Object> config =
        interval < 0 ? Map.of() : Map.of("checkpoint_interval", (long) interval);
    try (Node node = Node.start(watched(new InMemoryStore(SystemClock.INSTANCE)))) {
      node.offer(
          new TestType(
              "counter",
              () -> DurableScript.of("add", (c, m, s) -> DurableScript.add(s, "sum", 1)),
              List.of(
                  FacetSpec.of(FacetCatalog.VIRTUAL_ACTOR),
                  new FacetSpec(FacetCatalog.DURABILITY, FacetSpec.DEFAULT_PRIORITY, config))));
      for (int i = 1; i <= 5; i++) {
        if (i == 2) {
          node.system.stop(Node.id("counter", "a"));
          Node.eventually(() -> node.state("counter", "a").isEmpty());
        }
        assertThat(node.ask("counter", "a", "add")).isEqualTo((long) i);
      }
    }
    assertThat(asked).map(String::valueOf).containsExactly(wanted.split(" "));
  }
}
