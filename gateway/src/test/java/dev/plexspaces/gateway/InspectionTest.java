package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.plexspaces.contracts.inspection.v1.DeadLetter;
import dev.plexspaces.contracts.inspection.v1.DiscardDeadLetterRequest;
import dev.plexspaces.contracts.inspection.v1.GetDeadLetterRequest;
import dev.plexspaces.contracts.inspection.v1.GetHistoryRequest;
import dev.plexspaces.contracts.inspection.v1.GetHistoryResponse;
import dev.plexspaces.contracts.inspection.v1.HistoryEntry;
import dev.plexspaces.contracts.inspection.v1.InspectionServiceGrpc;
import dev.plexspaces.contracts.inspection.v1.ListDeadLettersRequest;
import dev.plexspaces.contracts.inspection.v1.ListDeadLettersResponse;
import dev.plexspaces.contracts.inspection.v1.ListQuarantineRequest;
import dev.plexspaces.contracts.inspection.v1.QuarantinedActor;
import dev.plexspaces.contracts.inspection.v1.RedriveDeadLetterRequest;
import dev.plexspaces.contracts.inspection.v1.ReleaseQuarantineRequest;
import dev.plexspaces.gateway.TestEdge.Answer;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.State;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Histories, dead letters and quarantine through both doors, over real actors.
@Timeout(120)
class InspectionTest {

  private static final Scope PROD = new Scope("acme", "prod");
  private static final String HISTORY = "/api/v1/actors/acme/prod/book/a/history";
  private static final String LETTERS = "/api/v1/dead-letters/acme/prod";
  private static final String QUARANTINE = "/api/v1/quarantine/acme/prod";
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final AtomicBoolean CURED = new AtomicBoolean();

  @GenServer(
      value = "book",
      facets = {"virtual_actor", "durability"})
  static class Book {
    @State private long balance;

    @Handler("remember")
    void remember(ActorContext context) {
      context.kv().put("x", 1);
    }

    @Handler("deposit")
    Map<String, Object> deposit(long amount) {
      balance += amount;
      return Map.of("balance", balance);
    }

    @Handler("balance")
    long balance() {
      return balance;
    }

    @Handler(value = "poison", cast = true)
    void poison(long amount) {
      if (!CURED.get()) {
        throw new IllegalStateException("on purpose");
      }
      balance += amount;
    }

    @Handler(value = "halfway", cast = true)
    void halfway(long amount, ActorContext context) {
      balance += amount;
      context.ask(context.actor("book", "other"), "balance", null, BOUND);
      poison(0);
    }
  }

  /// Neither virtual nor durable.
  @GenServer("loose")
  static class Loose {
    @Handler("put")
    void put() {}
  }

  @TempDir Path data;
  private TestEdge edge;
  private String admin;

  @BeforeEach
  void start() throws Exception {
    CURED.set(false);
    edge = TestEdge.secure(data);
    admin = edge.token("acme", "admin");
    edge.actors
        .install(
            new ApplicationUnit(
                "books",
                "2.1",
                Optional.empty(),
                PROD,
                List.of(
                    new ApplicationUnit.Offer(AnnotatedActors.bind(Book.class), List.of()),
                    new ApplicationUnit.Offer(AnnotatedActors.bind(Loose.class), List.of())),
                Map.of(),
                new SupervisorSpec(
                    "books",
                    SupervisionStrategy.ONE_FOR_ONE,
                    3,
                    SupervisorSpec.WINDOW,
                    RestartType.PERMANENT,
                    SupervisorSpec.UNBOUNDED,
                    List.of())))
        .get(BOUND.toSeconds(), TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() {
    edge.close();
  }

  private static RequestContext context() {
    return new RequestContext(
        "acme", "prod", "alice", Set.of(), "r-1", Optional.empty(), Optional.empty());
  }

  private static Invoker.Request request(String operation, Object payload) {
    return new Invoker.Request(operation, payload, false, Map.of(), BOUND, Optional.empty());
  }

  private Object ask(String key, String operation, Object payload) {
    var reply = new CompletableFuture<Object>();
    edge.actors.ask(
        context(),
        new Invoker.Target("book", Optional.of(key)),
        request(operation, payload),
        new Invoker.ReplyListener() {
          @Override
          public void replied(ActorId by, Object value) {
            reply.complete(value);
          }

          @Override
          public void failed(PlexException error) {
            reply.completeExceptionally(error);
          }
        });
    return reply.orTimeout(BOUND.toSeconds(), TimeUnit.SECONDS).join();
  }

  private void tell(String key, String operation, Object payload) {
    var told = new CompletableFuture<Boolean>();
    edge.actors.tell(
        context(),
        new Invoker.Target("book", Optional.of(key)),
        request(operation, payload),
        new Invoker.TellListener() {
          @Override
          public void accepted(ActorId target, String messageId, boolean durable) {
            told.complete(durable);
          }

          @Override
          public void failed(PlexException error) {
            told.completeExceptionally(error);
          }
        });
    assertThat(told.orTimeout(BOUND.toSeconds(), TimeUnit.SECONDS).join()).isTrue();
  }

  private static void eventually(BooleanSupplier condition) {
    long end = System.nanoTime() + BOUND.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as("still not so after " + BOUND).isNegative();
      LockSupport.parkNanos(1_000_000);
    }
  }

  private InspectionServiceGrpc.InspectionServiceBlockingStub grpc(String token) {
    return edge.with(InspectionServiceGrpc.newBlockingStub(edge.channel()), token);
  }

  private ListDeadLettersResponse letters() {
    return grpc(admin)
        .listDeadLetters(
            ListDeadLettersRequest.newBuilder().setTenant("acme").setNamespace("prod").build());
  }

  private List<DeadLetter> buried(int count) {
    eventually(() -> letters().getDeadLettersCount() == count);
    return letters().getDeadLettersList();
  }

  private static GetHistoryRequest.Builder historyOf(String key) {
    return GetHistoryRequest.newBuilder()
        .setTenant("acme")
        .setNamespace("prod")
        .setActorType("book")
        .setKey(key);
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> list(Answer answer, String field) {
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    return (List<Map<String, Object>>) answer.object().get(field);
  }

  @Test
  void history_isTheSameThroughBothDoors() {
    ask("a", "deposit", Map.of("amount", 10));
    ask("a", "deposit", Map.of("amount", 5));

    GetHistoryResponse response = grpc(admin).getHistory(historyOf("a").build());
    assertThat(response.getEntriesList())
        .extracting(HistoryEntry::getTurn, HistoryEntry::getKind, HistoryEntry::getAppVersion)
        .containsExactly(
            tuple(2L, HistoryEntry.Kind.WHOLE, "2.1"),
            tuple(1L, HistoryEntry.Kind.WHOLE, "2.1"),
            tuple(0L, HistoryEntry.Kind.WHOLE, "2.1"));
    HistoryEntry newest = response.getEntries(0);
    assertThat(newest.getReply()).isEqualTo("{\"balance\":15}");
    assertThat(newest.getInput().getOperation()).isEqualTo("deposit");
    assertThat(newest.getInput().getKind()).isEqualTo("CALL");
    assertThat(newest.getInput().getPayload()).isEqualTo("{\"amount\":5}");
    assertThat(newest.getInput().getUser()).isEqualTo("alice");
    assertThat(newest.getInput().getRequestId()).isEqualTo("r-1");
    assertThat(newest.getChanges(0).getField()).isEqualTo("balance");
    assertThat(newest.getChanges(0).getOperation()).isEqualTo("PUT");
    assertThat(newest.getChanges(0).getValue()).isEqualTo("15");
    assertThat(newest.hasFailure()).isFalse();
    assertThat(newest.getAt().getSeconds()).isPositive();
    assertThat(response.hasNextPageToken()).isFalse();

    List<Map<String, Object>> entries = list(edge.get(HISTORY, admin), "entries");
    assertThat(entries).extracting(e -> e.get("turn")).containsExactly("2", "1", "0");
    assertThat(entries.getFirst())
        .containsEntry("kind", "WHOLE")
        .containsEntry("reply", "{\"balance\":15}")
        .containsEntry("seq", Long.toString(newest.getSeq()));
    assertThat(list(edge.get("/api/v1/actors/acme/prod/book/nobody/history", admin), "entries"))
        .isEmpty();
  }

  @Test
  void history_saysWhatLeftTheActor() {
    ask("r", "remember", Map.of());

    assertThat(grpc(admin).getHistory(historyOf("r").build()).getEntries(0).getEffectsList())
        .containsExactly("put x");
    assertThat(list(edge.get(HISTORY.replace("/a/", "/r/"), admin), "entries").getFirst())
        .containsEntry("effects", List.of("put x"));
  }

  @Test
  void history_isPaged() {
    for (int i = 0; i < 6; i++) {
      ask("a", "deposit", Map.of("amount", 1));
    }
    List<Object> turns = new ArrayList<>();
    List<Object> seqs = new ArrayList<>();
    String token = "";
    do {
      Answer answer = edge.get(HISTORY + "?limit=3&page_token=" + token, admin);
      List<Map<String, Object>> entries = list(answer, "entries");
      assertThat(entries).hasSizeLessThanOrEqualTo(3);
      entries.forEach(entry -> turns.add(entry.get("turn")));
      entries.forEach(entry -> seqs.add(entry.get("seq")));
      token = (String) answer.object().get("next_page_token");
    } while (token != null);
    assertThat(turns).containsExactly("6", "5", "4", "3", "2", "1", "0");
    assertThat(list(edge.get(HISTORY + "?limit=1&before=" + seqs.get(2), admin), "entries"))
        .extracting(e -> e.get("turn"))
        .containsExactly("3");
  }

  @Test
  void badQuestions_areToldWhatIsWrong() {
    ask("a", "deposit", Map.of("amount", 1));
    ask("a", "deposit", Map.of("amount", 1));
    String token = (String) edge.get(HISTORY + "?limit=1", admin).object().get("next_page_token");
    for (String query :
        List.of(
            "limit=0",
            "limit=1001",
            "limit=x",
            "before=0",
            "before=-3",
            "payloads=yes",
            "page_token=abc",
            "before=3&page_token=" + token,
            "colour=red")) {
      Answer answer = edge.get(HISTORY + "?" + query, admin);
      assertError(answer, 400, "INVALID_MESSAGE");
      assertThat(answer.error().toString()).contains(query.substring(0, query.indexOf('=')));
    }
    // A token of another actor's history.
    assertError(
        edge.get("/api/v1/actors/acme/prod/book/b/history?page_token=" + token, admin),
        400,
        "INVALID_MESSAGE");
    assertError(edge.get(LETTERS + "?page_size=0", admin), 400, "INVALID_MESSAGE");
    assertError(edge.get(LETTERS + "/abc", admin), 400, "INVALID_MESSAGE");
    assertError(edge.get(LETTERS + "/77", admin), 404, "NOT_FOUND");
    assertError(edge.get(LETTERS + "/v77", admin), 404, "NOT_FOUND");
    assertError(edge.call("DELETE", LETTERS + "/77", admin, null), 404, "NOT_FOUND");
    assertError(edge.call("POST", LETTERS + "/77/redrive", admin, null), 404, "NOT_FOUND");
    assertError(edge.call("DELETE", QUARANTINE + "/book/a", admin, null), 404, "NOT_FOUND");
    assertError(
        edge.call("DELETE", QUARANTINE + "/bad%20name/a", admin, null), 400, "INVALID_MESSAGE");
  }

  @Test
  void deadLetters_areListedShownRedrivenAndDiscarded_overHttp() {
    tell("a", "poison", Map.of("amount", 40));
    tell("a", "poison", Map.of("amount", 2));
    buried(2);
    List<Map<String, Object>> letters = list(edge.get(LETTERS, admin), "dead_letters");
    assertThat(letters).hasSize(2);
    Map<String, Object> first = letters.getFirst();
    assertThat(first)
        .containsEntry("actor_id", "acme/prod/book/a")
        .containsEntry("durable", true)
        .containsEntry("committed_effects", false)
        .containsEntry("attempts", 2L);
    assertThat(first.get("reason").toString()).contains("on purpose");
    assertThat(first.get("at").toString()).contains("T");
    assertThat(first.get("message").toString()).contains("poison", "{\"amount\":40}", "alice");
    String id = (String) first.get("dead_letter_id");
    assertThat(edge.get(LETTERS + "/" + id, admin).object()).isEqualTo(first);
    assertThat(edge.get(LETTERS + "/" + id + "?payloads=false", admin).text())
        .doesNotContain("40}");

    Answer page = edge.get(LETTERS + "?page_size=1", admin);
    assertThat(list(page, "dead_letters")).containsExactly(first);
    assertThat(
            list(
                edge.get(
                    LETTERS + "?page_size=1&page_token=" + page.object().get("next_page_token"),
                    admin),
                "dead_letters"))
        .containsExactly(letters.get(1));

    CURED.set(true);
    Answer discarded =
        edge.call("DELETE", LETTERS + "/" + letters.get(1).get("dead_letter_id"), admin, null);
    assertThat(discarded.object()).containsEntry("actor_id", "acme/prod/book/a");
    Answer redriven = edge.call("POST", LETTERS + "/" + id + "/redrive", admin, null);
    assertThat(redriven.object()).containsEntry("actor_id", "acme/prod/book/a");
    eventually(() -> ask("a", "balance", null).equals(40L));
    assertThat(list(edge.get(LETTERS, admin), "dead_letters")).isEmpty();
  }

  @Test
  void partlyDoneLetter_isRedrivenOnlyWithRerun() {
    tell("a", "halfway", Map.of("amount", 7));
    DeadLetter letter = buried(1).getFirst();
    assertThat(letter.getCommittedEffects()).isTrue();
    String path = LETTERS + "/" + letter.getDeadLetterId() + "/redrive";
    Answer refused = edge.call("POST", path, admin, null);
    assertError(refused, 409, "CONFLICT");
    assertThat(refused.error().get("message").toString()).contains("rerun=true", "--rerun");
    assertThat(list(edge.get(HISTORY, admin), "entries"))
        .extracting(e -> e.get("kind"))
        .startsWith("FAILED", "OPEN");
    CURED.set(true);
    assertThat(edge.call("POST", path + "?rerun=true", admin, null).status()).isEqualTo(200);
    eventually(() -> ask("a", "balance", null).equals(14L));
  }

  @Test
  void deadLettersAndQuarantine_overGrpc() {
    for (int i = 0; i < 4; i++) {
      tell("a", "poison", Map.of("amount", 1));
    }
    ListQuarantineRequest all =
        ListQuarantineRequest.newBuilder().setTenant("acme").setNamespace("prod").build();
    eventually(() -> grpc(admin).listQuarantine(all).getActorsCount() == 1);
    QuarantinedActor held = grpc(admin).listQuarantine(all).getActors(0);
    assertThat(held.getActorId()).isEqualTo("acme/prod/book/a");
    assertThat(held.getReason()).contains("on purpose");
    assertThat(held.getUntil().getSeconds() - held.getSince().getSeconds()).isEqualTo(60);
    assertThat(list(edge.get(QUARANTINE, admin), "actors"))
        .extracting(a -> a.get("actor_id"))
        .containsExactly("acme/prod/book/a");

    CURED.set(true);
    eventually(() -> edge.actors.actor(new ActorId(PROD, "book", "a")).isEmpty());
    assertThat(
            grpc(admin)
                .releaseQuarantine(
                    ReleaseQuarantineRequest.newBuilder()
                        .setTenant("acme")
                        .setNamespace("prod")
                        .setActorType("book")
                        .setKey("a")
                        .build())
                .getActivated())
        .isTrue();
    eventually(() -> ask("a", "balance", null).equals(1L));
    assertThat(grpc(admin).listQuarantine(all).getActorsCount()).isZero();

    List<DeadLetter> letters = buried(3);
    String id = letters.getFirst().getDeadLetterId();
    assertThat(
            grpc(admin)
                .getDeadLetter(
                    GetDeadLetterRequest.newBuilder()
                        .setTenant("acme")
                        .setNamespace("prod")
                        .setDeadLetterId(id)
                        .build()))
        .isEqualTo(letters.getFirst());
    grpc(admin)
        .redriveDeadLetter(
            RedriveDeadLetterRequest.newBuilder()
                .setTenant("acme")
                .setNamespace("prod")
                .setDeadLetterId(id)
                .build());
    eventually(() -> ask("a", "balance", null).equals(2L));
    DiscardDeadLetterRequest discard =
        DiscardDeadLetterRequest.newBuilder()
            .setTenant("acme")
            .setNamespace("prod")
            .setDeadLetterId(letters.getLast().getDeadLetterId())
            .build();
    grpc(admin).discardDeadLetter(discard);
    assertThatThrownBy(() -> grpc(admin).discardDeadLetter(discard))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
    assertThat(letters().getDeadLettersCount()).isEqualTo(1);
  }

  @Test
  void strangersAndOtherTenants_areRefusedWhetherItExistsOrNot() {
    tell("a", "poison", Map.of("amount", 1));
    String id = buried(1).getFirst().getDeadLetterId();
    String clerk = edge.token("acme", "clerk");
    String globex = edge.token("globex", "admin");
    String testOnly =
        edge.key.mint("acme", Optional.of("test"), "a", Set.of("admin"), Duration.ofHours(1));
    for (String letter : List.of(id, "999", "abc")) {
      for (String[] route :
          List.of(
              new String[] {"GET", HISTORY},
              new String[] {"GET", LETTERS},
              new String[] {"GET", LETTERS + "/" + letter},
              new String[] {"POST", LETTERS + "/" + letter + "/redrive"},
              new String[] {"DELETE", LETTERS + "/" + letter},
              new String[] {"GET", QUARANTINE},
              new String[] {"DELETE", QUARANTINE + "/book/a"})) {
        assertError(edge.call(route[0], route[1], null, null), 401, "UNAUTHENTICATED");
        for (String token : List.of(clerk, globex, testOnly)) {
          assertError(edge.call(route[0], route[1], token, null), 403, "NOT_PERMITTED");
        }
      }
    }
    assertThatThrownBy(() -> grpc(globex).getHistory(historyOf("a").build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED));
    // In its own tenant the same id means nothing.
    assertError(edge.get("/api/v1/dead-letters/globex/prod/" + id, globex), 404, "NOT_FOUND");
    assertError(
        edge.call("DELETE", "/api/v1/dead-letters/globex/prod/" + id, globex, null),
        404,
        "NOT_FOUND");
    assertThat(list(edge.get("/api/v1/dead-letters/globex/prod", globex), "dead_letters"))
        .isEmpty();
    assertThat(letters().getDeadLettersCount()).isEqualTo(1);
    assertThat(edge.get(LETTERS, edge.token("acme", "deployer")).status()).isEqualTo(200);
  }

  @Test
  void volatileLetters_areMarked_andCannotBeRedriven() {
    var outcome = new CompletableFuture<PlexException>();
    edge.actors.ask(
        context(),
        new Invoker.Target("loose", Optional.of("nobody")),
        request("put", Map.of()),
        new Invoker.ReplyListener() {
          @Override
          public void replied(ActorId by, Object value) {
            outcome.completeExceptionally(new AssertionError("nobody is there to reply"));
          }

          @Override
          public void failed(PlexException error) {
            outcome.complete(error);
          }
        });
    assertThat(outcome.orTimeout(BOUND.toSeconds(), TimeUnit.SECONDS).join().code())
        .isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
    Map<String, Object> letter = list(edge.get(LETTERS, admin), "dead_letters").getFirst();
    assertThat(letter)
        .containsEntry("actor_id", "acme/prod/loose/nobody")
        .containsEntry("durable", false)
        .containsEntry("reason", "NO_ACTOR");
    String path = LETTERS + "/" + letter.get("dead_letter_id");
    assertThat(edge.get(path, admin).object()).isEqualTo(letter);
    Answer refused = edge.call("POST", path + "/redrive?rerun=true", admin, null);
    assertError(refused, 409, "CONFLICT");
    assertThat(refused.error().get("message").toString()).contains("not durable");
    assertError(edge.call("DELETE", path, admin, null), 409, "CONFLICT");
  }
}
