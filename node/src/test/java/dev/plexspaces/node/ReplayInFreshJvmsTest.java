package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.State;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.store.SqliteStore;
import dev.plexspaces.store.StoreOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What differs from one process to the next, such as the order of `Map.of`, is no mismatch: one
/// open turn, replayed by twenty processes. Source: spec/turns rule 12.
@Timeout(300)
class ReplayInFreshJvmsTest {

  private static final int JVMS = 20;

  /// Exit code of a process whose handler came to the end of what is recorded.
  private static final int REACHED = 7;

  private static final long BOUND_MILLIS = 60_000;

  @TempDir private Path directory;

  @Test
  void openTurn_inTwentyFreshJvms_isReplayedWithoutMismatch_andCallsNothingAgain()
      throws IOException, InterruptedException {
    Path origin = Files.createDirectory(directory.resolve("origin"));
    String first = run(origin, "begin");
    assertThat(first.lines().filter(line -> line.equals("drawn"))).hasSize(1);
    String reached = reached(first);

    for (int i = 0; i < JVMS; i++) {
      Path copy = directory.resolve("copy" + i);
      copy(origin, copy);
      String out = run(copy, "replay");
      assertThat(reached(out)).as(out).isEqualTo(reached);
      assertThat(out.lines()).as("replayed, not run again").doesNotContain("drawn", "confirmed");
    }
  }

  private static String reached(String out) {
    return out.lines().filter(line -> line.startsWith("reached ")).findFirst().orElse("");
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      files.forEach(
          file -> {
            try {
              Files.copy(file, to.resolve(from.relativize(file)));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    }
  }

  private static String run(Path data, String what) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Replaying.class.getName(),
                data.toString(),
                what)
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(out).isEqualTo(REACHED);
    return out;
  }

  /// Asks with values whose order differs from one process to the next.
  @GenServer(
      value = "planner",
      facets = {"virtual_actor", "durability"})
  public static class Planner {
    @State private long plans;

    /// Runs to its last commit point and ends the process there.
    @Handler("plan")
    Object plan(ActorContext context) throws Exception {
      Map<String, Integer> stock =
          Map.of("apples", 1, "pears", 2, "plums", 3, "figs", 4, "dates", 5, "limes", 6);
      Object drawn =
          context.step(
              "draw",
              () -> {
                System.out.println("drawn");
                return UUID.randomUUID().toString();
              });
      context.tell(context.actor("planner", "listener"), "note", stock);
      Object confirmed =
          context.ask(
              context.actor("planner", "other"),
              "confirm",
              Map.of("stock", stock, "by", context.random().nextLong()),
              Duration.ofSeconds(30));
      plans++;
      System.out.println("reached " + drawn + " " + confirmed + " " + plans);
      System.out.flush();
      Runtime.getRuntime().halt(REACHED);
      return null;
    }

    @Handler("confirm")
    Object confirm(Map<String, Object> offer) {
      System.out.println("confirmed");
      return offer.get("by");
    }

    @Handler(value = "note", cast = true)
    void note(Map<String, Object> stock) {
      plans += stock.size();
    }
  }

  /// The processes.
  static final class Replaying {

    private Replaying() {}

    public static void main(String[] args) throws Exception {
      Scope scope = new Scope("acme", "test");
      ActorSystem system =
          ActorSystem.start(
              new ActorSystem.Options(2, 42),
              SqliteStore.open(Path.of(args[0]), StoreOptions.defaults()));
      system
          .install(
              new ApplicationUnit(
                  "planning",
                  "1",
                  Optional.of(scope.tenant()),
                  scope,
                  List.of(
                      new ApplicationUnit.Offer(AnnotatedActors.bind(Planner.class), List.of())),
                  Map.of(),
                  new SupervisorSpec(
                      "root",
                      SupervisionStrategy.ONE_FOR_ONE,
                      SupervisorSpec.MAX_RESTARTS,
                      SupervisorSpec.WINDOW,
                      RestartType.PERMANENT,
                      SupervisorSpec.UNBOUNDED,
                      List.of())))
          .get();
      if (args[1].equals("begin")) {
        system.ask(
            new RequestContext(
                scope.tenant(),
                scope.namespace(),
                "test",
                Set.of(),
                "request",
                Optional.empty(),
                Optional.empty()),
            new Invoker.Target("planner", Optional.of("one")),
            new Invoker.Request(
                "plan", Map.of(), false, Map.of(), Duration.ofMinutes(10), Optional.empty()),
            new Invoker.ReplyListener() {
              @Override
              public void replied(ActorId by, Object value) {
                System.out.println("replied " + value);
              }

              @Override
              public void failed(PlexException error) {
                System.out.println("failed " + error);
              }
            });
      }
      Thread.sleep(BOUND_MILLIS);
      System.out.println("the handler never came to the end of what is recorded");
      Runtime.getRuntime().halt(1);
    }
  }
}
