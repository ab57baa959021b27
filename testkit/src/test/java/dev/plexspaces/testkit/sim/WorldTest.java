package dev.plexspaces.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class WorldTest {

  private static final int TWICE = 12;

  @Test
  void trace_sameSeedTwice_isTheSame_andDiffersFromOtherSeeds() {
    Set<String> digests = new HashSet<>();
    for (long seed = 1; seed <= TWICE; seed++) {
      List<String> first = trace(seed);
      assertThat(trace(seed)).isEqualTo(first);
      digests.add(String.join("\n", first));
    }
    assertThat(digests).hasSize(TWICE);
  }

  private static List<String> trace(long seed) {
    BankWorld bank = new BankWorld(seed);
    bank.run();
    return bank.world().trace().lines();
  }

  @Test
  void trace_inFreshJvms_isTheSame() throws IOException, InterruptedException {
    String[] args = {"--seeds", "5", "--seed", "1", "--digests"};
    ByteArrayOutputStream here = new ByteArrayOutputStream();
    assertThat(Simulate.run(args, new PrintStream(here, true, StandardCharsets.UTF_8))).isZero();
    String expected = digests(here.toString(StandardCharsets.UTF_8));
    assertThat(expected.lines()).hasSize(5);
    for (int jvm = 0; jvm < 2; jvm++) {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Simulate.class.getName(),
                  args[0],
                  args[1],
                  args[2],
                  args[3],
                  args[4])
              .redirectErrorStream(true)
              .start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(out).isZero();
      assertThat(digests(out)).isEqualTo(expected);
    }
  }

  private static String digests(String out) {
    return String.join("\n", out.lines().filter(line -> line.startsWith("digest ")).toList());
  }

  @Test
  void handler_thatBlocksOutsideOfThePorts_failsTheRunNamingTheActor() {
    CountDownLatch never = new CountDownLatch(1);
    World world =
        oneActor(
            () ->
                (context, message) -> {
                  never.await();
                  return null;
                });
    assertThatThrownBy(world::run)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("a handler of thing/x blocks in something the simulator does not")
        .hasMessageContaining("CountDownLatch.await");
    never.countDown();
  }

  @Test
  void handler_thatWaitsInAPort_blocksNobody() {
    World world =
        oneActor(
            () ->
                (context, message) -> {
                  if (message.type().equals("go")) {
                    return context.ask(
                        context.actor("thing", "y"), "answer", null, Duration.ofSeconds(1));
                  }
                  return "answer";
                });
    world.run();
    assertThat(world.trace().lines()).anyMatch(line -> line.contains("resume thing/x"));
  }

  @Test
  void checker_thatFindsSomething_failsTheRunWithSeedAndCommand() {
    Checker grumpy =
        new Checker() {
          @Override
          public String name() {
            return "grumpy";
          }

          @Override
          public void atRest(World world) {
            world.violated(name(), "nothing is good enough");
          }
        };
    World world = world(7, () -> (context, message) -> null, List.of(grumpy));
    assertThatThrownBy(world::run)
        .isInstanceOf(Violation.class)
        .hasMessageContaining("seed 7, grumpy: nothing is good enough")
        .hasMessageContaining("./plexspaces simulate --seeds 1 --seed 7");
  }

  @Test
  void simulate_withAFailingSeed_printsTheTailAndExitsWithOne() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int code =
        Simulate.run(
            new String[] {"--seeds", "30", "--seed", "1"},
            new PrintStream(out, true, StandardCharsets.UTF_8),
            seed ->
                new BankWorld(
                    seed,
                    Faults.drawn(new SimEntropy(seed).stream("faults")),
                    PlantedBugs.CONSUME_TWICE));
    String text = out.toString(StandardCharsets.UTF_8);
    assertThat(code).isEqualTo(1);
    assertThat(text).contains(" violated  ").contains("repeat: ./plexspaces simulate --seeds 1 --");
  }

  @Test
  void simulate_withWrongArguments_exitsWithTwo() {
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    assertThat(Simulate.run(new String[] {"--sedes", "3"}, out)).isEqualTo(2);
    assertThat(Simulate.run(new String[] {"--seeds"}, out)).isEqualTo(2);
    assertThat(Simulate.run(new String[] {"--seeds", "many"}, out)).isEqualTo(2);
  }

  private static World oneActor(java.util.function.Supplier<Actor> actors) {
    return world(1, actors, List.of());
  }

  /// A world with one volatile virtual actor type and one ask to it.
  private static World world(
      long seed, java.util.function.Supplier<Actor> actors, List<Checker> checkers) {
    return new World(seed, Faults.none(), new OneAsk(actors), checkers);
  }

  private static final class OneAsk implements Workload {
    private final java.util.function.Supplier<Actor> actors;
    private boolean answered;

    OneAsk(java.util.function.Supplier<Actor> actors) {
      this.actors = actors;
    }

    @Override
    public ApplicationUnit application(World world) {
      return new ApplicationUnit(
          "one",
          "1.0.0",
          Optional.empty(),
          Bank.SCOPE,
          List.of(
              new ApplicationUnit.Offer(new Thing(actors), List.of(FacetSpec.of("virtual_actor")))),
          Map.of(),
          new SupervisorSpec(
              "one",
              SupervisionStrategy.ONE_FOR_ONE,
              SupervisorSpec.MAX_RESTARTS,
              SupervisorSpec.WINDOW,
              RestartType.PERMANENT,
              SupervisorSpec.UNBOUNDED,
              List.of()));
    }

    @Override
    public void begin(World world) {
      world.after(Duration.ofSeconds(1), "client", () -> ask(world));
    }

    private void ask(World world) {
      world.client(
          true,
          World.context("acme", "prod", "r1"),
          new Invoker.Target("thing", Optional.of("x")),
          new Invoker.Request("go", null, false, Map.of(), Duration.ofSeconds(2), Optional.empty()),
          new World.Outcome() {
            @Override
            public void replied(Object reply) {
              answered = true;
            }

            @Override
            public void failed(PlexException error) {
              world.violated("one ask", error.getMessage());
            }

            @Override
            public void lost() {
              world.violated("one ask", "lost");
            }

            @Override
            public void unreachable() {
              world.violated("one ask", "unreachable");
            }
          });
    }

    @Override
    public boolean done() {
      return answered;
    }
  }

  private record Thing(java.util.function.Supplier<Actor> actors) implements ActorType {
    @Override
    public String name() {
      return "thing";
    }

    @Override
    public Behavior behavior() {
      return Behavior.CUSTOM;
    }

    @Override
    public SortedSet<String> operations() {
      return new TreeSet<>(Set.of("*"));
    }

    @Override
    public List<FacetSpec> facets() {
      return List.of();
    }

    @Override
    public Actor create() {
      return actors.get();
    }

    @Override
    public void requireDurable() {
      // It is not.
    }
  }
}
