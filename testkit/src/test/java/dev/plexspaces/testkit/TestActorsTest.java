package dev.plexspaces.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
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

  @Test
  void aClassThatCannotBeDeployed_isRefusedAsADeploymentWould() {
    assertThatThrownBy(() -> TestActors.of(Object.class)).isInstanceOf(PlexException.class);
  }
}
