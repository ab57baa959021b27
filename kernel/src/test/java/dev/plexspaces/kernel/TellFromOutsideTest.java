package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.State;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What a 202 promises, and what it is not given for.
class TellFromOutsideTest {

  @GenServer(
      value = "account",
      facets = {"virtual_actor", "durability"})
  static class Account {
    @State private long balance;

    @Handler("deposit")
    long deposit(long amount) {
      if (amount < 0) {
        throw new ActorException("amount must not be negative");
      }
      return balance += amount;
    }

    @Handler("get")
    long get() {
      return balance;
    }
  }

  /// Makes operations of the application's own out of others.
  static final class Translating implements Facet {
    @Override
    public String name() {
      return "translating";
    }

    @Override
    public int priority() {
      return 100;
    }

    @Override
    public Object around(ActorContext context, Message message, Next next) throws Exception {
      return message.type().equals("einzahlen")
          ? next.proceed(new Translated(message))
          : next.proceed(message);
    }
  }

  private record Translated(Message original) implements Message {
    @Override
    public String id() {
      return original.id();
    }

    @Override
    public String type() {
      return "deposit";
    }

    @Override
    public Object payload() {
      return original.payload();
    }

    @Override
    public Kind kind() {
      return original.kind();
    }

    @Override
    public Optional<ActorRef> sender() {
      return original.sender();
    }

    @Override
    public Map<String, String> headers() {
      return original.headers();
    }
  }

  private final InMemoryStore store = new InMemoryStore(SystemClock.INSTANCE);
  private final Node node = Node.start(store);

  private void install(List<FacetSpec> more) {
    Map<String, Supplier<Facet>> own = Map.of("translating", Translating::new);
    node.offer(own, new ApplicationUnit.Offer(AnnotatedActors.bind(Account.class), more));
  }

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void whatNoHandlerTakes_isRefusedAtTheCall_andNeverStored() {
    install(List.of());

    PlexException unknown = node.tellFails("account", "a", "nope", Map.of());
    assertThat(unknown.code()).isEqualTo(ErrorCode.UNKNOWN_OPERATION);
    assertThat(unknown).hasMessage("no operation 'nope' on account; it has: deposit, get");
    assertThat(node.askFails("account", "a", "nope", Map.of()))
        .as("an ask is told the same")
        .hasMessage(unknown.getMessage());
    assertThat(node.tellFails("account", "a", "", Map.of("amount", 5L)).code())
        .isEqualTo(ErrorCode.UNKNOWN_OPERATION);

    PlexException unbound =
        node.tellFails("account", "a", "", Map.of("op", "deposit", "amount", "x"));
    assertThat(unbound.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(unbound.violations())
        .extracting(PlexException.FieldViolation::field)
        .containsExactly("amount");
    assertThat(node.tellFails("account", "a", "", Map.of("op", 5L)).violations())
        .extracting(PlexException.FieldViolation::field)
        .containsExactly("op");

    assertThat(node.ask("account", "a", "get", Map.of())).isEqualTo(0L);
    assertThat(store.inbox(Node.id("account", "a"), 0, 10)).isEmpty();
    assertThat(store.deadLetters(Node.SCOPE, 0, 10)).isEmpty();
  }

  @Test
  void whatAFacetOfTheApplicationMayRewrite_isAccepted() {
    install(List.of(FacetSpec.of("translating")));

    assertThat(node.tell("account", "a", "einzahlen", Map.of("amount", 7L))).isTrue();

    Node.eventually(() -> node.ask("account", "a", "get", Map.of()).equals(7L));
  }

  @Test
  void messageIds_areAllOfOneLength() {
    for (int i = 0; i < 1_000; i++) {
      assertThat(node.system.newMessageId()).matches("[0-9a-f]{32}");
    }
  }

  @Test
  void durableDeadLetter_isCountedUnderTypeAndReason() {
    install(List.of());
    assertThat(node.system.metrics().deadLetters().get("account"))
        .as("counted from zero on")
        .containsEntry(DeadLetters.Reason.REFUSED, 0L);

    assertThat(node.tell("account", "a", "deposit", Map.of("amount", -1L))).isTrue();

    Node.eventually(() -> store.deadLetters(Node.SCOPE, 0, 10).size() == 1);
    Node.eventually(
        () ->
            node.system
                .metrics()
                .deadLetters()
                .get("account")
                .get(DeadLetters.Reason.REFUSED)
                .equals(1L));
    assertThat(node.system.deadLetters().latest()).as("it is on disk").isEmpty();
  }
}
