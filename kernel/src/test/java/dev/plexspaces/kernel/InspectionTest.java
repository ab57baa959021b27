package dev.plexspaces.kernel;

import static dev.plexspaces.kernel.DurableScript.add;
import static dev.plexspaces.kernel.DurableScript.number;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.plexspaces.kernel.Inspection.Change;
import dev.plexspaces.kernel.Inspection.DeadLetter;
import dev.plexspaces.kernel.Inspection.Entry;
import dev.plexspaces.kernel.Inspection.Page;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.Kind;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Source: spec/turns rules 6, 23, 24, 25.
@Timeout(120)
class InspectionTest {

  private final InMemoryStore store = new InMemoryStore(SystemClock.INSTANCE);
  private final AtomicBoolean cured = new AtomicBoolean();
  private Node node;

  @AfterEach
  void close() {
    if (node != null) {
      node.close();
    }
  }

  /// `poison` throws until cured; `halfway` throws behind a commit point, `refuse` declares an
  /// error.
  private TestType account() {
    return DurableScript.type(
        "account",
        () ->
            DurableScript.of(
                    "deposit",
                    (c, m, s) ->
                        Map.of("balance", add(s, "balance", ((Number) m.payload()).longValue())))
                .on("get", (c, m, s) -> s.getOrDefault("order", ""))
                .on("note", (c, m, s) -> s.merge("order", m.payload(), (a, b) -> a + "," + b))
                .on(
                    "poison",
                    (c, m, s) -> {
                      if (!cured.get()) {
                        throw new IllegalStateException("on purpose");
                      }
                      return s.merge("order", m.payload(), (a, b) -> a + "," + b);
                    })
                .on(
                    "poisonLater",
                    (c, m, s) -> {
                      c.sendAfter(Duration.ofMillis(1), "poison", m.payload());
                      return null;
                    })
                .on(
                    "halfway",
                    (c, m, s) -> {
                      add(s, "balance", 1);
                      c.ask(c.actor("account", "other"), "balance", null, Node.BOUND);
                      if (!cured.get()) {
                        throw new IllegalStateException("behind the ask");
                      }
                      return null;
                    })
                .on(
                    "spread",
                    (c, m, s) -> {
                      c.kv().put("secret key", 1);
                      c.kv().delete("secret old");
                      long timer = c.sendAfter(Node.BOUND, "note", "soon");
                      c.ask(c.actor("account", "other"), "balance", null, Node.BOUND);
                      c.cancelTimer(timer);
                      for (int i = ((Number) m.payload()).intValue(); i > 0; i--) {
                        c.tell(c.actor("account", "other"), "note", i);
                      }
                      return null;
                    })
                .on("balance", (c, m, s) -> number(s, "balance")));
  }

  private Inspection start() {
    node = Node.start(store).offer(account());
    return new Inspection(node.system, true);
  }

  private static List<DeadLetter> all(Inspection inspection) {
    return inspection.deadLetters(Node.SCOPE, "", 100, true).rows();
  }

  private List<DeadLetter> buried(Inspection inspection, int count) {
    Node.eventually(() -> store.deadLetters(Node.SCOPE, 0, 100).size() == count);
    return all(inspection);
  }

  private static ErrorCode refusal(ThrowingCallable call) {
    PlexException[] thrown = new PlexException[1];
    assertThatThrownBy(call).isInstanceOfSatisfying(PlexException.class, e -> thrown[0] = e);
    return thrown[0].code();
  }

  @Test
  void history_showsTurnsNewestFirst_withInputChangesAndReply() {
    Inspection inspection = start();
    node.ask("account", "a", "deposit", 10);
    node.ask("account", "a", "deposit", 5);
    List<Entry> entries =
        inspection.history(Node.id("account", "a"), Long.MAX_VALUE, 10, true).rows();
    assertThat(entries).extracting(Entry::turn).containsExactly(2L, 1L, 0L);
    Entry newest = entries.getFirst();
    assertThat(newest.kind()).isEqualTo(Kind.WHOLE);
    assertThat(newest.appVersion()).isEqualTo("1");
    assertThat(newest.at()).isAfter(Instant.EPOCH);
    assertThat(newest.reply()).contains("{\"balance\":15}");
    assertThat(newest.failure()).isEmpty();
    assertThat(newest.changes())
        .containsExactly(new Change("balance", "PUT", "", Optional.of("15")));
    Inspection.Input input = newest.input().orElseThrow();
    assertThat(input.operation()).isEqualTo("deposit");
    assertThat(input.kind()).isEqualTo("CALL");
    assertThat(input.payload()).contains("5");
    assertThat(input.user()).isEqualTo("alice");
    assertThat(input.requestId()).isEqualTo("request-1");

    Page<Entry> first = inspection.history(Node.id("account", "a"), Long.MAX_VALUE, 2, true);
    assertThat(first.more()).isTrue();
    Page<Entry> second =
        inspection.history(Node.id("account", "a"), first.rows().getLast().seq(), 2, true);
    assertThat(second.rows()).extracting(Entry::turn).containsExactly(0L);
    assertThat(second.more()).isFalse();
  }

  @Test
  void history_showsWhatLeftWithEachCommit_onePerLineUpToABound() {
    Inspection inspection = start();
    ActorId a = Node.id("account", "a");
    node.ask("account", "a", "spread", 1);
    List<Entry> entries = inspection.history(a, Long.MAX_VALUE, 10, true).rows();
    assertThat(entries)
        .extracting(Entry::effects)
        .containsExactly(
            List.of("cancel timer", "tell account/other note"),
            List.of("put secret key", "delete secret old", "timer note"),
            List.of());
    assertThat(inspection.history(a, Long.MAX_VALUE, 10, false).rows())
        .extracting(Entry::effects)
        .containsExactly(
            List.of("cancel timer", "tell account/other note"),
            List.of("put", "delete", "timer note"),
            List.of());
    node.ask("account", "a", "spread", TurnRecord.EFFECTS_MAX + 50);
    List<String> many = inspection.history(a, Long.MAX_VALUE, 1, true).rows().getFirst().effects();
    assertThat(many).hasSize(TurnRecord.EFFECTS_MAX + 1).endsWith("and 51 more");
  }

  @Test
  void history_ofAnOpenTurn_showsItsCallsAndHowItFailed() {
    Inspection inspection = start();
    assertThat(node.askFails("account", "a", "halfway", null).code())
        .isEqualTo(ErrorCode.ACTOR_CRASHED);
    node.ask("account", "a", "balance");
    List<Entry> entries =
        inspection.history(Node.id("account", "a"), Long.MAX_VALUE, 10, true).rows();
    assertThat(entries).extracting(Entry::kind).containsExactly(Kind.FAILED, Kind.OPEN, Kind.WHOLE);
    assertThat(entries.getFirst().failure().orElseThrow()).contains("behind the ask");
    assertThat(entries.getFirst().calls())
        .extracting(Inspection.Call::call, Inspection.Call::pending)
        .containsExactly(tuple("request account/other balance", false));
    assertThat(entries.getFirst().calls().getFirst().result()).contains("0");
    assertThat(entries.get(1).calls().getFirst().pending()).isTrue();
    assertThat(entries.get(1).changes()).extracting(Change::field).containsExactly("balance");
  }

  @Test
  void payloads_areLeftOutWhenNotWantedOrNotAllowed() {
    Inspection inspection = start();
    node.ask("account", "a", "note", "secret note");
    node.tell("account", "a", "poison", "secret poison");
    buried(inspection, 1);
    Inspection redacting = new Inspection(node.system, false);
    for (boolean option : new boolean[] {true, false}) {
      Page<Entry> history =
          option
              ? inspection.history(Node.id("account", "a"), Long.MAX_VALUE, 10, false)
              : redacting.history(Node.id("account", "a"), Long.MAX_VALUE, 10, true);
      assertThat(history.rows()).hasSize(2);
      assertThat(history.toString()).doesNotContain("secret").contains("note", "order", "alice");
      Page<DeadLetter> letters =
          option
              ? inspection.deadLetters(Node.SCOPE, "", 10, false)
              : redacting.deadLetters(Node.SCOPE, "", 10, true);
      assertThat(letters.rows()).hasSize(1);
      assertThat(letters.toString()).doesNotContain("secret").contains("poison", "on purpose");
    }
    assertThat(all(inspection).toString()).contains("secret");
  }

  @Test
  void pages_endEarlyWhenTheirPayloadsAreLarge() {
    Inspection inspection = start();
    String large = "x".repeat(Inspection.PAGE_BYTES_MAX / 3);
    for (int i = 0; i < 10; i++) {
      node.ask("account", "a", "note", large + i);
      node.ask("account", "a", "deposit", 1);
    }
    List<Long> turns = new ArrayList<>();
    long before = Long.MAX_VALUE;
    int pages = 0;
    while (true) {
      Page<Entry> page = inspection.history(Node.id("account", "a"), before, 100, true);
      assertThat(page.rows()).isNotEmpty();
      page.rows().forEach(entry -> turns.add(entry.turn()));
      pages++;
      if (!page.more()) {
        break;
      }
      before = page.rows().getLast().seq();
    }
    assertThat(pages).isGreaterThan(3);
    assertThat(turns).hasSize(21).doesNotHaveDuplicates();
  }

  @Test
  void redrivenMessage_runsAtItsPlace_withAllItsDeliveries() {
    Inspection inspection = start();
    node.tell("account", "a", "poison", "p");
    DeadLetter dead = buried(inspection, 1).getFirst();
    assertThat(dead.durable()).isTrue();
    assertThat(dead.target()).isEqualTo("acme/test/account/a");
    assertThat(dead.message().operation()).isEqualTo("poison");
    assertThat(dead.message().messageId()).isNotEmpty();
    assertThat(dead.message().payload()).contains("\"p\"");
    assertThat(dead.reason()).contains("on purpose");
    assertThat(dead.at()).isPresent();
    assertThat(dead.partlyDone()).isFalse();

    // Still poison: it comes back, with three more deliveries behind it.
    Node.await(inspection.redrive(Node.SCOPE, dead.id(), false));
    Node.eventually(
        () ->
            store.deadLetters(Node.SCOPE, 0, 10).stream()
                    .anyMatch(
                        row ->
                            row.reason().startsWith("delivered 3 times")
                                && row.buriedAtMillis() >= dead.at().orElseThrow().toEpochMilli())
                && store.inbox(Node.id("account", "a"), 0, 10).isEmpty());
    cured.set(true);
    // The live actor has read rows behind it by now.
    node.tell("account", "a", "note", "later");
    Node.eventually(() -> node.ask("account", "a", "get").equals("later"));
    assertThat(Node.await(inspection.redrive(Node.SCOPE, dead.id(), false)))
        .isEqualTo(Node.id("account", "a"));
    Node.eventually(() -> node.ask("account", "a", "get").equals("later,p"));
    assertThat(all(inspection)).isEmpty();
    assertThat(refusal(() -> inspection.redrive(Node.SCOPE, dead.id(), false)))
        .isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void redrivenTimer_firesAgain() {
    Inspection inspection = start();
    node.ask("account", "a", "poisonLater", "t");
    DeadLetter dead = buried(inspection, 1).getFirst();
    assertThat(dead.message().operation()).isEqualTo("poison");
    cured.set(true);
    Node.await(inspection.redrive(Node.SCOPE, dead.id(), false));
    Node.eventually(() -> node.ask("account", "a", "get").equals("t"));
    assertThat(store.inbox(Node.id("account", "a"), 0, 10)).isEmpty();
  }

  /// Two operators at once, while the actors work: each message counts once all the same.
  @Test
  void redrivenTwiceAtOnce_whileOthersAreHandled_runsOnce() throws InterruptedException {
    Inspection inspection = start();
    int actors = 20;
    // Three crashes each: more would put the key into quarantine.
    int poisons = Quarantine.CRASHES_MAX / 3;
    int notes = 10;
    for (int a = 0; a < actors; a++) {
      for (int i = 0; i < poisons; i++) {
        node.tell("account", "a" + a, "poison", "p" + i);
      }
    }
    List<DeadLetter> letters = buried(inspection, actors * poisons);
    cured.set(true);
    List<Thread> threads = new ArrayList<>();
    for (int operator = 0; operator < 2; operator++) {
      threads.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    for (DeadLetter letter : letters) {
                      try {
                        inspection.redrive(Node.SCOPE, letter.id(), false).join();
                      } catch (PlexException | CompletionException slower) {
                        // The other one was faster.
                      }
                    }
                  }));
    }
    for (int i = 0; i < notes; i++) {
      for (int a = 0; a < actors; a++) {
        node.tell("account", "a" + a, "note", "n" + i);
      }
    }
    for (Thread thread : threads) {
      thread.join();
    }
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < poisons; i++) {
      expected.add("p" + i);
    }
    for (int i = 0; i < notes; i++) {
      expected.add("n" + i);
    }
    for (int a = 0; a < actors; a++) {
      String key = "a" + a;
      Node.eventually(() -> store.inbox(Node.id("account", key), 0, 1).isEmpty());
      List<String> order = List.of(((String) node.ask("account", key, "get")).split(","));
      assertThat(order).as(key).containsExactlyInAnyOrderElementsOf(expected);
      assertThat(order.stream().filter(id -> id.startsWith("n")))
          .as("in the order they were sent")
          .isSorted();
    }
    assertThat(all(inspection)).isEmpty();
  }

  @Test
  void redrivenMessageOfAPassivatedActor_activatesIt_beforeWhatCameLater() {
    Inspection before = start();
    node.tell("account", "a", "poison", "p");
    String id = buried(before, 1).getFirst().id();
    node.close();
    cured.set(true);
    Inspection inspection = start();
    assertThat(node.state("account", "a")).isEmpty();
    Node.await(inspection.redrive(Node.SCOPE, id, false));
    Node.eventually(() -> store.inbox(Node.id("account", "a"), 0, 1).isEmpty());
    node.tell("account", "a", "note", "later");
    Node.eventually(() -> node.ask("account", "a", "get").equals("p,later"));
  }

  @Test
  void partlyDoneMessage_isRedrivenOnlyWithRerun() {
    Inspection inspection = start();
    node.tell("account", "a", "halfway", null);
    DeadLetter dead = buried(inspection, 1).getFirst();
    assertThat(dead.partlyDone()).isTrue();
    assertThat(node.ask("account", "a", "balance")).isEqualTo(1L);
    assertThatThrownBy(() -> inspection.redrive(Node.SCOPE, dead.id(), false))
        .isInstanceOfSatisfying(
            PlexException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
        .hasMessageContaining("rerun=true");
    assertThat(all(inspection)).hasSize(1);
    cured.set(true);
    Node.await(inspection.redrive(Node.SCOPE, dead.id(), true));
    Node.eventually(() -> node.ask("account", "a", "balance").equals(2L));
    assertThat(all(inspection)).isEmpty();
  }

  @Test
  void discardedMessage_isGone_andItsActorNeverSeesIt() {
    Inspection inspection = start();
    node.tell("account", "a", "poison", 1);
    node.tell("account", "b", "poison", 2);
    List<DeadLetter> dead = buried(inspection, 2);
    Node.await(inspection.discard(Node.SCOPE, dead.getFirst().id()));
    assertThat(all(inspection)).extracting(DeadLetter::id).containsExactly(dead.get(1).id());
    assertThat(refusal(() -> inspection.discard(Node.SCOPE, dead.getFirst().id())))
        .isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(store.inbox(Node.id("account", "a"), 0, 10)).isEmpty();
  }

  @Test
  void anotherScope_seesNothing() {
    Inspection inspection = start();
    node.tell("account", "a", "poison", 1);
    node.askFails("nobody", "n", "put", null);
    DeadLetter dead = buried(inspection, 1).getFirst();
    for (Scope other : List.of(new Scope("globex", "test"), new Scope("acme", "prod"))) {
      assertThat(inspection.deadLetters(other, "", 10, true).rows()).isEmpty();
      assertThat(inspection.deadLetter(other, dead.id(), true)).isEmpty();
      assertThat(refusal(() -> inspection.redrive(other, dead.id(), true)))
          .isEqualTo(ErrorCode.NOT_FOUND);
      assertThat(refusal(() -> inspection.discard(other, dead.id())))
          .isEqualTo(ErrorCode.NOT_FOUND);
      assertThat(inspection.quarantined(other)).isEmpty();
    }
  }

  @Test
  void volatileLetters_followTheDurableOnes_andCannotBeRedriven() {
    node =
        Node.start(store)
            .offer(
                account(),
                TestType.of("gone", () -> Script.of("put", (c, m) -> null)),
                TestType.of(
                    "sender",
                    () ->
                        Script.of(
                            "tell",
                            (c, m) -> {
                              c.tell(c.actor("gone", (String) m.payload()), "put", 1);
                              return null;
                            }),
                    FacetCatalog.VIRTUAL_ACTOR));
    Inspection inspection = new Inspection(node.system, true);
    node.tell("account", "a", "poison", 1);
    buried(inspection, 1);
    node.ask("sender", "s", "tell", "x");
    node.ask("sender", "s", "tell", "y");
    List<DeadLetter> seen = new ArrayList<>();
    String after = "";
    while (true) {
      Page<DeadLetter> page = inspection.deadLetters(Node.SCOPE, after, 1, true);
      assertThat(page.rows()).hasSize(1);
      seen.addAll(page.rows());
      if (!page.more()) {
        break;
      }
      after = page.rows().getFirst().id();
    }
    assertThat(seen)
        .extracting(DeadLetter::target, DeadLetter::durable)
        .containsExactly(
            tuple("acme/test/account/a", true),
            tuple("acme/test/gone/x", false),
            tuple("acme/test/gone/y", false));
    DeadLetter last = seen.getLast();
    assertThat(last.reason()).isEqualTo("NO_ACTOR");
    assertThat(last.message().sender()).isEqualTo("sender/s");
    assertThat(inspection.deadLetter(Node.SCOPE, last.id(), true)).contains(last);
    assertThat(refusal(() -> inspection.redrive(Node.SCOPE, last.id(), true)))
        .isEqualTo(ErrorCode.CONFLICT);
    assertThat(refusal(() -> inspection.discard(Node.SCOPE, last.id())))
        .isEqualTo(ErrorCode.CONFLICT);
    for (String bad : List.of("", "v", "x1", "-1", "1234567890123456789")) {
      assertThat(refusal(() -> inspection.deadLetter(Node.SCOPE, bad, true)))
          .isEqualTo(ErrorCode.INVALID_MESSAGE);
    }
  }

  @Test
  void releasedKey_withWaitingMessages_isActivatedAndGoesOn() {
    Inspection inspection = start();
    // Three crashes each: the last but one puts the key into quarantine with a row still waiting.
    for (int i = 0; i < 4; i++) {
      node.tell("account", "a", "poison", i);
    }
    Node.eventually(() -> inspection.quarantined(Node.SCOPE).size() == 1);
    Quarantine.Entry entry = inspection.quarantined(Node.SCOPE).getFirst();
    assertThat(entry.id()).isEqualTo(Node.id("account", "a"));
    assertThat(entry.reason()).contains("on purpose");
    assertThat(Duration.between(entry.since(), entry.until())).isEqualTo(Quarantine.RELEASE_AFTER);
    Node.eventually(() -> node.state("account", "a").isEmpty());
    InboxRow waiting = store.inbox(Node.id("account", "a"), 0, 10).getFirst();
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).hasSize(3);
    cured.set(true);
    assertThat(inspection.release(Node.id("account", "a"))).isTrue();
    Node.eventually(() -> store.inbox(Node.id("account", "a"), 0, 10).isEmpty());
    assertThat(node.ask("account", "a", "get"))
        .isEqualTo(((Number) ((Map<?, ?>) Json.parse(waiting.body())).get("payload")).longValue());
    assertThat(inspection.quarantined(Node.SCOPE)).isEmpty();
    assertThat(refusal(() -> inspection.release(Node.id("account", "a"))))
        .isEqualTo(ErrorCode.NOT_FOUND);
  }
}
