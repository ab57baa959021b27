package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(120)
class FacetChainTest {

  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final Node node = Node.start();

  @AfterEach
  void close() {
    node.close();
  }

  /// Notes when it is entered and left.
  private final class Tracer implements Facet {
    private final String name;
    private final int priority;

    Tracer(String name, int priority) {
      this.name = name;
      this.priority = priority;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public int priority() {
      return priority;
    }

    @Override
    public void attach(Map<String, Object> config) {
      for (String key : config.keySet()) {
        if (!key.equals("note")) {
          throw new PlexException(ErrorCode.INVALID_MESSAGE, name + ": unknown key '" + key + "'");
        }
      }
    }

    @Override
    public Object around(ActorContext context, Message message, Next next) throws Exception {
      events.add(name + " in");
      try {
        return next.proceed(message);
      } finally {
        events.add(name + " out");
      }
    }

    @Override
    public void detach() {
      events.add(name + " detached");
      throw new IllegalStateException("a bad facet");
    }
  }

  private final Map<String, Supplier<Facet>> own =
      Map.of(
          "inner", () -> new Tracer("inner", 100),
          "middle", () -> new Tracer("middle", 200),
          "outer", () -> new Tracer("outer", 950),
          "doubling",
              () ->
                  new Facet() {
                    @Override
                    public String name() {
                      return "doubling";
                    }

                    @Override
                    public int priority() {
                      return 300;
                    }

                    @Override
                    public Object around(ActorContext c, Message m, Next next) throws Exception {
                      return (Integer) next.proceed(m) * 2;
                    }
                  },
          "guard",
              () ->
                  new Facet() {
                    @Override
                    public String name() {
                      return "guard";
                    }

                    @Override
                    public int priority() {
                      return 1_000;
                    }

                    @Override
                    public Object around(ActorContext c, Message m, Next next) throws Exception {
                      if (m.type().equals("forbidden")) {
                        throw new ActorException(ErrorCode.NOT_PERMITTED, "not for you");
                      }
                      return m.type().equals("cached") ? 42 : next.proceed(m);
                    }
                  });

  private void install(FacetSpec... facets) {
    List<FacetSpec> all = new ArrayList<>(List.of(facets));
    all.add(FacetSpec.of(FacetCatalog.VIRTUAL_ACTOR));
    node.install(
        Node.unit(
            "app",
            Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 1),
            own,
            new TestType(
                "actor",
                () ->
                    Script.of(
                            "*",
                            (c, m) -> {
                              events.add("actor");
                              return 21;
                            })
                        .on(
                            "crash",
                            (c, m) -> {
                              throw new IllegalStateException("on purpose");
                            }),
                all)));
  }

  private void expect(String... expected) {
    for (String event : expected) {
      assertThat(Node.take(events)).isEqualTo(event);
    }
    assertThat(events).isEmpty();
  }

  @Test
  void facets_runFromTheHighestPriorityInwards_whateverTheirOrderInTheConfiguration() {
    install(FacetSpec.of("middle"), FacetSpec.of("inner"), FacetSpec.of("outer"));
    assertThat(node.ask("actor", "a", "go")).isEqualTo(21);
    expect("outer in", "middle in", "inner in", "actor", "inner out", "middle out", "outer out");
  }

  @Test
  void priorityOfTheConfiguration_winsOverTheFacetsOwn() {
    install(new FacetSpec("inner", 5_000, Map.of()), FacetSpec.of("outer"));
    node.ask("actor", "a", "go");
    expect("inner in", "outer in", "actor", "outer out", "inner out");
  }

  @Test
  void facet_mayReplaceAReply_refuseAndAnswerInTheActorsPlace() {
    install(FacetSpec.of("doubling"), FacetSpec.of("guard"));
    assertThat(node.ask("actor", "a", "go")).isEqualTo(42);
    PlexException refused = node.askFails("actor", "a", "forbidden", null);
    assertThat(refused.code()).isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(node.ask("actor", "a", "cached")).isEqualTo(42);
    expect("actor");
    assertThat(node.system.metrics().types()).allMatch(t -> t.crashes() == 0);
  }

  @Test
  void restart_detachesTheOldChain_andMakesANewOne_evenWhenAFacetFails() {
    install(FacetSpec.of("inner"));
    node.askFails("actor", "a", "crash", null);
    expect("inner in", "inner out", "inner detached");
    assertThat(node.ask("actor", "a", "go")).isEqualTo(21);
    expect("inner in", "actor", "inner out");
  }

  @Test
  void childsOwnFacets_areAddedToThoseOfItsType() {
    node.install(
        Node.unit(
            "app",
            Node.supervisor(
                "app",
                SupervisionStrategy.ONE_FOR_ONE,
                1,
                new SupervisorSpec.Worker(
                    ChildSpec.of("actor", "a").facets(List.of(FacetSpec.of("outer")))),
                new SupervisorSpec.Worker(ChildSpec.of("actor", "b"))),
            own,
            TestType.of("actor", () -> Script.of("*", (c, m) -> 1), "inner")));
    node.ask("actor", "a", "go");
    expect("outer in", "inner in", "inner out", "outer out");
    node.ask("actor", "b", "go");
    expect("inner in", "inner out");
    assertThat(node.system.actor(Node.id("actor", "a")).orElseThrow().facets())
        .containsExactly("inner", "outer");
  }

  static Stream<Arguments> wrongFacets() {
    return Stream.of(
        Arguments.of(FacetSpec.of("nope"), "unknown facet 'nope'; there are: doubling, durability"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("idle_time", "5s")),
            "facet 'virtual_actor' has no key 'idle_time'; it has: activation_strategy"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("idle_timeout", "soon")),
            "virtual_actor.idle_timeout: 'soon' is not a time"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("idle_timeout", "0s")),
            "virtual_actor.idle_timeout must be positive"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("idle_timeout", "99999999999999999h")),
            "virtual_actor.idle_timeout"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("activation_strategy", "keen")),
            "activation_strategy must be 'lazy' or 'eager'"),
        Arguments.of(
            new FacetSpec("durability", -1, Map.of("checkpoint_interval", 0)),
            "checkpoint_interval must be a whole number of at least 1"),
        Arguments.of(
            new FacetSpec("durability", -1, Map.of("checkpoint_interval", 1.5)),
            "checkpoint_interval must be a whole number of at least 1"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("idle_timeout", 1.9)),
            "virtual_actor.idle_timeout: '1.9' is not a time"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("idle_timeout", BigInteger.TEN.pow(30))),
            "is not a time"),
        Arguments.of(
            new FacetSpec("virtual_actor", -1, Map.of("labels", 5)),
            "virtual_actor.labels must be a table"),
        Arguments.of(
            new FacetSpec("logging", -1, Map.of("level", "loud")), "logging.level: 'loud'"),
        Arguments.of(
            new FacetSpec("metrics", -1, Map.of("x", 1)), "facet 'metrics' has no key 'x'"),
        Arguments.of(
            new FacetSpec("inner", -1, Map.of("color", "red")), "inner: unknown key 'color'"));
  }

  @ParameterizedTest
  @MethodSource("wrongFacets")
  void wrongFacet_isRefusedAtTheInstall(FacetSpec facet, String text) {
    PlexException error =
        Node.failure(
            node.system.install(
                Node.unit(
                    "app",
                    Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 1),
                    own,
                    new TestType("actor", Script::new, List.of(facet)))));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(error).hasMessageContaining("actor type 'actor'").hasMessageContaining(text);
    assertThat(node.askFails("actor", "a", "go", null).code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
  }

  @Test
  void facetWhoseCodeIsBroken_isRefusedAtTheInstallAndBreaksNothing() {
    Supplier<Facet> broken =
        () -> {
          throw new IllegalStateException("static initializer");
        };
    PlexException error =
        Node.failure(
            node.system.install(
                Node.unit(
                    "app",
                    Node.supervisor("app", SupervisionStrategy.ONE_FOR_ONE, 1),
                    Map.of("broken", broken),
                    TestType.of("actor", Script::new, "broken"))));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(error).hasMessageContaining("broken");
    install();
    assertThat(node.ask("actor", "a", "go")).isEqualTo(21);
  }

  @Test
  void metricsAndLogging_countAndPassOn() {
    install(FacetSpec.of(FacetCatalog.METRICS), FacetSpec.of(FacetCatalog.LOGGING));
    for (int i = 0; i < 5; i++) {
      assertThat(node.ask("actor", "a", "go")).isEqualTo(21);
    }
    node.askFails("actor", "a", "crash", null);
    HandlingTimes.Times times = node.system.metrics().handlingTimes().get("actor");
    assertThat(java.util.Arrays.stream(times.counts()).sum()).isEqualTo(6);
  }
}
