package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RequestContextTest {

  private final BlockingQueue<RequestContext> seen = new LinkedBlockingQueue<>();
  private final Node node =
      Node.withManualTime()
          .offer(
              TestType.of(
                  "actor",
                  () ->
                      Script.of(
                              "ask",
                              (c, m) ->
                                  c.ask(
                                      c.actor("actor", "b"), "note", null, Duration.ofSeconds(30)))
                          .on(
                              "tell",
                              (c, m) -> {
                                c.tell(c.actor("actor", "b"), "note", null);
                                return null;
                              })
                          .on(
                              "forward",
                              (c, m) -> {
                                c.forward(c.actor("actor", "b"));
                                return dev.plexspaces.sdk.Reply.LATER;
                              })
                          .on(
                              "note",
                              (c, m) -> {
                                seen.add(c.request());
                                return null;
                              })
                          .on("spawn", (c, m) -> c.spawn(ChildSpec.of("child", "c")).toString())
                          .on("set", (c, m) -> m.headers()),
                  FacetCatalog.VIRTUAL_ACTOR),
              TestType.of(
                  "child", () -> Script.of("*", (c, m) -> null).init(c -> seen.add(c.request()))));

  @AfterEach
  void close() {
    node.close();
  }

  private final RequestContext request =
      new RequestContext(
          "acme",
          "test",
          "bob",
          Set.of("teller"),
          "r-1",
          Optional.of("00-trace-span-01"),
          Optional.of(Instant.parse("2030-01-01T00:01:00Z")));

  private CompletableFuture<Object> send(String operation) {
    return node.asking(request, "actor", "a", Node.request(operation, null, Node.BOUND));
  }

  @Test
  void contextOfARequest_travelsWithEveryCall() {
    Node.await(send("note"));
    assertThat(Node.take(seen)).isEqualTo(request);
    Node.await(send("ask"));
    assertThat(Node.take(seen)).isEqualTo(request);
  }

  @Test
  void contextOfARequest_travelsWithTellsButWithoutItsDeadline() {
    Node.await(send("tell"));
    assertThat(Node.take(seen))
        .isEqualTo(
            new RequestContext(
                "acme",
                "test",
                "bob",
                Set.of("teller"),
                "r-1",
                Optional.of("00-trace-span-01"),
                Optional.empty()));
  }

  @Test
  void tellFromOutside_hasNoDeadline_becauseNobodyWaits() {
    Node.await(node.telling(request, "actor", "a", Node.request("tell", null, Node.BOUND)));
    RequestContext passedOn = Node.take(seen);
    assertThat(passedOn.requestId()).isEqualTo("r-1");
    assertThat(passedOn.deadline()).isEmpty();
  }

  @Test
  void platformsOwnActs_areDoneAsTheSystem() {
    Node.await(send("spawn"));
    RequestContext system = Node.take(seen);
    assertThat(system.user()).isEqualTo("system");
    assertThat(system.tenant()).isEqualTo("acme");
    assertThat(system.namespace()).isEqualTo("test");
    assertThat(system.roles()).isEmpty();
  }

  @Test
  void scopes_neverMeet() {
    RequestContext other =
        new RequestContext(
            "evil", "test", "eve", Set.of(), "r-2", Optional.empty(), Optional.empty());
    node.ask("actor", "a", "note");
    Node.take(seen);
    Node.await(node.asking(other, "actor", "a", Node.request("ask", null, Node.BOUND)));
    assertThat(Node.take(seen).tenant()).as("its own b").isEqualTo("evil");
    assertThat(node.system.actors(Node.SCOPE, Optional.empty(), "", 10)).hasSize(1);
    assertThat(node.system.actors(new Scope("evil", "test"), Optional.empty(), "", 10)).hasSize(2);
  }

  @Test
  void typesOfAnApplicationForOneTenant_areUnknownToOthers() {
    node.install(
        new ApplicationUnit(
            "private",
            "1",
            Optional.of("acme"),
            Node.SCOPE,
            java.util.List.of(
                new ApplicationUnit.Offer(
                    TestType.of(
                        "secret",
                        () -> Script.of("*", (c, m) -> "yes"),
                        FacetCatalog.VIRTUAL_ACTOR),
                    java.util.List.of())),
            Map.of(),
            Node.supervisor("private", dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ONE, 1)));
    assertThat(node.ask("secret", "s", "go")).isEqualTo("yes");
    RequestContext other =
        new RequestContext(
            "evil", "test", "eve", Set.of(), "r-2", Optional.empty(), Optional.empty());
    assertThat(
            Node.failure(node.asking(other, "secret", "s", Node.request("go", null, Node.BOUND)))
                .code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
  }

  @Test
  void badKey_isRefusedNamingTheField() {
    assertThat(node.askFails("actor", "a\u0007", "note", null).violations())
        .extracting(v -> v.field())
        .containsExactly("key");
  }
}
