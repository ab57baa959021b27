package dev.plexspaces.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.OnInit;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class TestActorsTest {

  @GenServer
  public static class Purse {
    @State private long coins;

    @Handler("put")
    Map<String, Object> put(ActorContext context, long amount) {
      coins += amount;
      if (coins > 100) {
        throw new ActorException("the purse is full");
      }
      context.tell(context.actor("witness", "w"), "saw", Map.of("amount", amount));
      return Map.of("coins", coins);
    }

    @Handler("drop")
    void drop() {
      throw new IllegalStateException("dropped");
    }
  }

  @GenServer(facets = "durability")
  public static class Witness {
    @State private long sum;

    @Handler(value = "saw", cast = true)
    void saw(long amount) {
      sum += amount;
    }

    @Handler("sum")
    long sum() {
      return sum;
    }
  }

  @GenServer(facets = "durability")
  public static class Buyer {
    @State private long paid;

    @Handler("buy")
    Object buy(ActorContext context, long price) {
      LinkResponse answer = context.fetch(LinkRequest.post("shop", "/buy", Map.of("price", price)));
      paid += answer.ok() ? price : 0;
      return Map.of("status", answer.status(), "paid", paid, "body", answer.body());
    }
  }

  @Test
  void serviceLinks_areAnsweredByTheTest() {
    Function<LinkRequest, LinkResponse> shop =
        request ->
            switch (request.body().toString()) {
              case "{price=1}" -> new LinkResponse(200, Map.of(), Map.of("to", request.path()));
              case "{price=2}" -> new LinkResponse(409, Map.of(), "sold out");
              default -> throw new PlexException(ErrorCode.UNAVAILABLE, "closed");
            };
    try (TestActors actors = TestActors.withLinks(shop, Buyer.class)) {
      assertThat(actors.ask("buyer", "b", "buy", Map.of("price", 1)))
          .isEqualTo(Map.of("status", 200L, "paid", 1L, "body", Map.of("to", "/buy")));
      assertThat(actors.ask("buyer", "b", "buy", Map.of("price", 2)))
          .isEqualTo(Map.of("status", 409L, "paid", 1L, "body", "sold out"));
      assertThatThrownBy(() -> actors.ask("buyer", "b", "buy", Map.of("price", 3)))
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
      assertThat(actors.ask("buyer", "b", "buy", Map.of("price", 1)))
          .isEqualTo(Map.of("status", 200L, "paid", 2L, "body", Map.of("to", "/buy")));
    }
    try (TestActors actors = TestActors.of(Buyer.class)) {
      assertThatThrownBy(() -> actors.ask("buyer", "b", "buy", Map.of("price", 1)))
          .isInstanceOf(PlexException.class);
    }
  }

  @Test
  void annotatedClasses_runWithoutANode() {
    try (TestActors actors = TestActors.of(Purse.class, Witness.class)) {
      assertThat(actors.ask("purse", "p", "put", Map.of("amount", 7)))
          .isEqualTo(Map.of("coins", 7L));
      assertThat(actors.ask("witness", "w", "sum", null)).isEqualTo(7L);
      actors.tell("purse", "p", "put", Map.of("amount", 5));
      assertThat(actors.ask("purse", "p", "put", Map.of("amount", 1)))
          .isEqualTo(Map.of("coins", 13L));
      assertThatThrownBy(() -> actors.ask("purse", "q", "put", Map.of("amount", 101)))
          .isInstanceOfSatisfying(
              PlexException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.FAILED_PRECONDITION));
      assertThatThrownBy(() -> actors.ask("purse", "p", "put", Map.of("amount", 99)))
          .isInstanceOf(PlexException.class);
      assertThat(actors.ask("purse", "p", "put", Map.of("amount", 0)))
          .as("a declared error undoes the turn")
          .isEqualTo(Map.of("coins", 13L));
      assertThatThrownBy(() -> actors.ask("purse", "p", "drop", null))
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.ACTOR_CRASHED));
      assertThat(actors.ask("purse", "p", "put", Map.of("amount", 1)))
          .as("a volatile actor restarts with a clean state")
          .isEqualTo(Map.of("coins", 1L));
    }
  }

  @GenServer
  public static class Founder {
    @Handler("spawn")
    String spawn(ActorContext context, Map<String, Object> args) {
      try {
        context.spawn(ChildSpec.of("reminder", "r").args(args));
        return "spawned";
      } catch (PlexException e) {
        return e.code() + " " + e.getMessage();
      }
    }
  }

  @Test
  void spawn_argsThatTheChildDoesNotTake_areRefusedByName() {
    try (TestActors actors = TestActors.of(Founder.class, Reminder.class)) {
      assertThat(actors.ask("founder", "f", "spawn", Map.of("limit", "many", "other", 1)))
          .isEqualTo(
              "INVALID_MESSAGE limit: must be a number, got 'many'; other: unknown argument; there"
                  + " are: limit");
      assertThat(actors.ask("founder", "f", "spawn", Map.of("limit", 1))).isEqualTo("spawned");
    }
  }

  @Test
  void aClassThatCannotBeDeployed_isRefusedAsADeploymentWould() {
    assertThatThrownBy(() -> TestActors.of(Object.class)).isInstanceOf(PlexException.class);
  }

  @GenServer
  public static class Reminder {
    @State private long limit;
    @State private long fired;

    @OnInit
    void init(long limit) {
      if (limit < 1) {
        throw ActorException.invalid("limit", "must be positive");
      }
      this.limit = limit;
    }

    @Handler("remind")
    void remind(ActorContext context) {
      context.sendAfter(Duration.ofHours(1), "due", null);
    }

    @Handler(value = "due", cast = true)
    void due() {
      fired = Math.min(limit, fired + 1);
    }

    @Handler("fired")
    long fired() {
      return fired;
    }
  }

  /// As in the README, see [#readme_showsTheTest()].
  @Test
  void reminder_firesAfterAnHour() {
    // README
    try (TestActors actors = TestActors.withManualTime(Reminder.class)) {
      actors.start(ChildSpec.of("reminder", "r").args(Map.of("limit", 3)));
      actors.ask("reminder", "r", "remind", null);
      assertThat(actors.ask("reminder", "r", "fired", null)).isEqualTo(0L);

      actors.advance(Duration.ofHours(1));

      assertThat(actors.ask("reminder", "r", "fired", null)).isEqualTo(1L);
    }
    // README
  }

  @Test
  void readme_showsTheTest() throws IOException {
    String source =
        Files.readString(Path.of("src/test/java/dev/plexspaces/testkit/TestActorsTest.java"));
    String shown = source.split("    // README\n", -1)[1].stripTrailing().stripIndent();
    assertThat(Files.readString(Path.of("../README.md"))).contains("```java\n" + shown + "\n```\n");
  }

  @Test
  void argsThatDoNotFit_areRefusedAsADeploymentWould() {
    try (TestActors actors = TestActors.of(Reminder.class)) {
      assertThatThrownBy(() -> actors.start(ChildSpec.of("reminder", "r")))
          .isInstanceOf(PlexException.class)
          .hasMessage("limit: is required");
      assertThatThrownBy(() -> actors.start(ChildSpec.of("reminder", "r").args(Map.of("limit", 0))))
          .isInstanceOfSatisfying(
              PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.ACTOR_CRASHED))
          .hasMessageEndingWith("child r did not start: limit: must be positive");
      assertThatThrownBy(() -> actors.start(ChildSpec.of("nobody", "n")))
          .isInstanceOf(PlexException.class)
          .hasMessageContaining("unknown actor type 'nobody'");
      actors.start(ChildSpec.of("reminder", "r").args(Map.of("limit", 1)));
      assertThat(actors.ask("reminder", "r", "fired", null)).isEqualTo(0L);
      assertThatThrownBy(() -> actors.advance(Duration.ofHours(1)))
          .isInstanceOf(IllegalStateException.class);
    }
  }
}
