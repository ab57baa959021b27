package dev.plexspaces.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.examples.bank.BankAccount;
import dev.plexspaces.examples.calculator.Calculator;
import dev.plexspaces.examples.chat.ChatRoom;
import dev.plexspaces.examples.counter.Counter;
import dev.plexspaces.examples.notifier.Notifier;
import dev.plexspaces.examples.ratelimiter.RateLimiter;
import dev.plexspaces.examples.transfers.LedgerAccount;
import dev.plexspaces.examples.transfers.LedgerAuditor;
import dev.plexspaces.examples.transfers.LedgerTreasury;
import dev.plexspaces.examples.webhook.WebhookHandler;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.testkit.TestActors;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplesTest {

  // Counter.

  @Test
  void counter_countsAndSurvives() {
    Sample counter = new Sample(Counter.class, Map.of());
    assertThat(counter.get("{}")).isEqualTo("{\"count\":0}");
    counter.post("{\"action\":\"increment\",\"amount\":5}");
    assertThat(counter.ask("increment", "{}")).isEqualTo("{\"count\":6}");
    assertThat(counter.get("{\"op\":\"increment\",\"amount\":\"4\"}")).isEqualTo("{\"count\":10}");
    counter.restart();
    assertThat(counter.get("{\"op\":\"get\"}")).isEqualTo("{\"count\":10}");
    assertThat(counter.ask("reset", "null")).isEqualTo("{\"count\":0}");
  }

  @Test
  void counter_fail_crashesAndChangesNothing() {
    Sample counter = new Sample(Counter.class, Map.of());
    counter.post("{\"action\":\"increment\",\"amount\":5}");
    assertThatThrownBy(() -> counter.ask("fail", "{}"))
        .isExactlyInstanceOf(IllegalStateException.class);
    counter.restart();
    assertThat(counter.get("{}")).isEqualTo("{\"count\":5}");
  }

  @Test
  void counter_badInput_isADeclaredError() {
    Sample counter = new Sample(Counter.class, Map.of());
    counter.ask("increment", "{\"amount\":9223372036854775807}");
    assertInvalid(() -> counter.ask("increment", "{}"), "amount: would count beyond");
    assertInvalid(() -> counter.ask("increment", "{\"amount\":\"5\"}"), "amount: must be a number");
    assertInvalid(() -> counter.ask("increment", "{\"amount\":1.5}"), "amount: must be an integer");
    assertThat(counter.get("{}")).isEqualTo("{\"count\":9223372036854775807}");
    assertThatThrownBy(() -> counter.ask("foo", "{}"))
        .hasMessage("no operation 'foo' on counter; it has: call, fail, get, increment, reset");
  }

  // Calculator.

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "add|[1,2,3]|{\"result\":6,\"operation\":\"add\"}",
        "add|[]|{\"result\":0,\"operation\":\"add\"}",
        "add|null|{\"result\":0,\"operation\":\"add\"}",
        "add|[1,2.5]|{\"result\":3.5,\"operation\":\"add\"}",
        "add|[9223372036854775807,1]|{\"result\":9223372036854775808,\"operation\":\"add\"}",
        "subtract|[10,3,2]|{\"result\":5,\"operation\":\"subtract\"}",
        "subtract|[1]|{\"error\":\"Subtract requires at least 2 operands\"}",
        "multiply|[2,3,4]|{\"result\":24,\"operation\":\"multiply\"}",
        "multiply|[]|{\"result\":1,\"operation\":\"multiply\"}",
        "multiply|[1e308,10]|{\"error\":\"Result is out of range\"}",
        "divide|[10,4]|{\"result\":2.5,\"operation\":\"divide\"}",
        "divide|[10,5]|{\"result\":2,\"operation\":\"divide\"}",
        "divide|[10]|{\"error\":\"Divide requires 2 operands\"}",
        "divide|[10,0]|{\"error\":\"Division by zero\"}",
        "divide|[10,0.0]|{\"error\":\"Division by zero\"}",
      })
  void calculator_computes(String operation, String operands, String reply) {
    Sample calculator = new Sample(Calculator.class, Map.of());
    assertThat(calculator.ask(operation, "{\"operands\":" + operands + "}")).isEqualTo(reply);
  }

  @Test
  void calculator_remembersAcrossARestart_andErrorsAreNotHistory() {
    Sample calculator = new Sample(Calculator.class, Map.of());
    assertThat(calculator.get("{}"))
        .isEqualTo("{\"last_operation\":null,\"last_result\":null,\"history\":[]}");
    calculator.ask("add", "{\"operands\":[1,2]}");
    calculator.ask("divide", "{\"operands\":[1,0]}");
    assertThat(calculator.get("{\"op\":\"divide\",\"operands\":[\"1\",\"4\"]}"))
        .isEqualTo("{\"result\":0.25,\"operation\":\"divide\"}");
    calculator.restart();
    String history =
        "[{\"operation\":\"add\",\"operands\":[1,2],\"result\":3},"
            + "{\"operation\":\"divide\",\"operands\":[1,4],\"result\":0.25}]";
    assertThat(calculator.ask("get_history", "{}")).isEqualTo("{\"history\":" + history + "}");
    assertThat(calculator.ask("get_state", "{}"))
        .isEqualTo(
            "{\"last_operation\":\"divide\",\"last_result\":0.25,\"history\":" + history + "}");
    assertInvalid(
        () -> calculator.ask("add", "{\"operands\":[1,2,\"x\"]}"),
        "operands[2]: must be a number, got a string");
  }

  @Test
  void calculator_historyIsBounded() {
    Sample calculator = new Sample(Calculator.class, Map.of());
    for (int i = 0; i < 2_500; i++) {
      calculator.ask("add", "{\"operands\":[" + i + "]}");
    }
    calculator.restart();
    String history = calculator.ask("get_history", "{}");
    assertThat(history.split("\"operation\"")).hasSize(1_001);
    assertThat(history).contains("\"operands\":[2499]").doesNotContain("\"operands\":[1499]");
  }

  // Bank account.

  @Test
  void bankAccount_repliesAsDocumented_andReplaysAfterARestart() {
    Sample account = new Sample(BankAccount.class, Map.of());
    assertThat(account.ask("deposit", "{\"amount\":10}"))
        .isEqualTo("{\"status\":\"ok\",\"balance\":10}");
    assertThat(account.ask("withdraw", "{\"amount\":30}"))
        .isEqualTo("{\"status\":\"insufficient_funds\",\"balance\":10}");
    assertThat(account.ask("withdraw", "{\"amount\":3}"))
        .isEqualTo("{\"status\":\"ok\",\"balance\":7}");
    account.post("{\"op\":\"deposit\",\"amount\":1}");
    account.restart();
    assertThat(account.get("{}")).isEqualTo("{\"balance\":8}");
    assertThat(account.ask("replay", "{}"))
        .isEqualTo(
            "{\"replayed\":3,\"rebuilt_balance\":8,\"current_balance\":8,\"consistent\":true}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"amount\":0}|amount: must be positive, got 0",
        "{\"amount\":-5}|amount: must be positive, got -5",
        "{\"amount\":1.5}|amount: must be an integer, got '1.5'",
        "{\"amount\":\"10\"}|amount: must be a number, got a string",
        "{\"amount\":9223372036854775808}|amount: does not fit in a 64-bit integer",
        "{\"amount\":9223372036854775807}|amount: would take the balance beyond a 64-bit integer",
        "{}|amount: is required",
      })
  void bankAccount_wrongAmount_isRefusedAndNothingIsBooked(String payload, String error) {
    Sample account = new Sample(BankAccount.class, Map.of());
    account.ask("deposit", "{\"amount\":1}");
    assertInvalid(() -> account.ask("deposit", payload), error);
    assertThat(account.ask("replay", "{}")).startsWith("{\"replayed\":1,");
  }

  // Rate limiter.

  @Test
  void rateLimiter_slidesItsWindowPerClient() {
    Sample limiter =
        new Sample(RateLimiter.class, Map.of("window_size_ms", 1_000L, "max_requests", "2"));
    String c1 = "{\"client_id\":\"c1\"}";
    assertThat(limiter.ask("check_rate", c1))
        .isEqualTo("{\"allowed\":true,\"remaining\":1,\"limit\":2,\"client_id\":\"c1\"}");
    limiter.pass(600);
    assertThat(limiter.ask("check_rate", c1)).startsWith("{\"allowed\":true,\"remaining\":0,");
    assertThat(limiter.ask("check_rate", c1)).startsWith("{\"allowed\":false,\"remaining\":0,");
    assertThat(limiter.ask("check_rate", "{\"client_id\":\"c2\"}")).startsWith("{\"allowed\":true");
    limiter.pass(399);
    assertThat(limiter.ask("check_rate", c1)).startsWith("{\"allowed\":false");
    limiter.pass(1); // the first request is now exactly one window old
    assertThat(limiter.ask("check_rate", c1)).startsWith("{\"allowed\":true,\"remaining\":0,");
    assertThat(limiter.get("{\"op\":\"stats\"}"))
        .isEqualTo(
            "{\"total_checks\":6,\"total_allowed\":4,\"total_denied\":2,\"clients\":2,"
                + "\"window_size_ms\":1000,\"max_requests\":2}");
  }

  @Test
  void rateLimiter_defaultsAndWrongArguments() {
    Sample limiter = new Sample(RateLimiter.class, Map.of());
    assertThat(limiter.get("{}")).contains("\"window_size_ms\":60000,\"max_requests\":100");
    assertInvalid(() -> limiter.ask("check_rate", "{}"), "client_id: is required");
    assertThatThrownBy(() -> limiter.ask("fail", "{}"))
        .isExactlyInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> new Sample(RateLimiter.class, Map.of("max_requests", "many")))
        .hasMessage("max_requests: must be a number, got 'many'");
    assertThatThrownBy(() -> new Sample(RateLimiter.class, Map.of("max_requests", 0)))
        .hasMessage("max_requests: must be 1 to 10000");
  }

  @Test
  void rateLimiter_forgetsIdleClientsAtItsBound_andRefusesWhenNoneIsIdle() {
    Sample limiter = new Sample(RateLimiter.class, Map.of("window_size_ms", 1_000L));
    for (int i = 0; i < 10_000; i++) {
      limiter.ask("check_rate", "{\"client_id\":\"c" + i + "\"}");
    }
    assertThatThrownBy(() -> limiter.ask("check_rate", "{\"client_id\":\"one more\"}"))
        .isInstanceOfSatisfying(
            ActorException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED));
    limiter.pass(1_001);
    limiter.ask("check_rate", "{\"client_id\":\"one more\"}");
    assertThat(limiter.get("{}")).contains("\"clients\":1,");
  }

  // Chat room.

  @Test
  void chatRoom_membersAndHistory() {
    Sample room = new Sample(ChatRoom.class, Map.of("max_history", "3"));
    assertThat(room.ask("join", "{\"user\":\"bob\"}"))
        .isEqualTo("{\"members\":[\"bob\"],\"count\":1}");
    assertThat(room.ask("join", "{\"user\":\"ann\"}"))
        .isEqualTo("{\"members\":[\"ann\",\"bob\"],\"count\":2}");
    assertThat(room.ask("leave", "{\"user\":\"bob\"}"))
        .isEqualTo("{\"members\":[\"ann\"],\"count\":1}");
    for (int i = 0; i < 10; i++) {
      room.post("{\"op\":\"post\",\"user\":\"ann\",\"text\":\"t" + i + "\"}");
    }
    room.restart();
    assertThat(room.get("{\"op\":\"history\",\"limit\":\"2\"}"))
        .isEqualTo(
            "{\"messages\":[{\"user\":\"ann\",\"text\":\"t8\",\"at\":\"2026-01-31T12:00:00Z\"},"
                + "{\"user\":\"ann\",\"text\":\"t9\",\"at\":\"2026-01-31T12:00:00Z\"}],\"count\":2}");
    assertThat(room.get("{}")).contains("t7", "t8", "t9", "\"count\":3").doesNotContain("t6");
    assertThat(room.get("{\"op\":\"members\"}")).isEqualTo("{\"members\":[\"ann\"],\"count\":1}");
    assertInvalid(() -> room.ask("post", "{\"user\":\"ann\"}"), "text: must be 1 to 4000");
    assertInvalid(() -> room.ask("join", "{\"user\":\" \"}"), "user: must be 1 to 64");
    assertInvalid(() -> room.ask("history", "{\"limit\":0}"), "limit: must be positive");
  }

  // Transfers. Between actors: `CrashCampaignTest` in module node.

  @Test
  void ledgerAccount_opensWithMoney_andRefusesWhatItHasNot() {
    Sample account = new Sample(LedgerAccount.class, Map.of());
    assertThat(account.get("{}")).isEqualTo("{\"balance\":1000}");
    assertThat(account.ask("transfer", "{\"id\":1,\"to\":\"bob\",\"amount\":1001}"))
        .isEqualTo("{\"status\":\"insufficient_funds\",\"balance\":1000}");
    assertThat(account.ask("report", "{}"))
        .startsWith("{\"balance\":1000,\"debited\":{\"count\":0,\"amount\":0,\"ids\":0},");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"id\":1,\"to\":\"bob\",\"amount\":0}|amount: must be positive, got 0",
        "{\"id\":1,\"to\":\"ann\",\"amount\":1}|to: must be another account",
        "{\"id\":1,\"to\":\" \",\"amount\":1}|to: must be 1 to 64 characters",
        "{\"id\":1,\"amount\":1}|to: must be 1 to 64 characters",
        "{\"to\":\"bob\",\"amount\":1}|id: is required",
        "{\"id\":1,\"to\":\"bob\",\"amount\":1,\"interest_after_ms\":-1}|interest_after_ms: must be",
      })
  void ledgerAccount_wrongTransfer_isRefused(String payload, String error) {
    Sample account = new Sample(LedgerAccount.class, Map.of());
    assertInvalid(() -> account.ask("transfer", payload), error);
    assertThat(account.get("{}")).isEqualTo("{\"balance\":1000}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "credit|{\"id\":1,\"amount\":5}",
        "interest|{\"id\":1,\"amount\":5}",
        "interest_due|{\"id\":1,\"amount\":5}",
        "pay|{\"id\":1,\"amount\":5}",
        "record|{\"movement\":\"CREDIT\",\"id\":1,\"amount\":5}",
      })
  void ledger_takesNoMoneyFromOutside(String operation, String payload) {
    Class<?> type =
        switch (operation) {
          case "pay" -> LedgerTreasury.class;
          case "record" -> LedgerAuditor.class;
          default -> LedgerAccount.class;
        };
    Sample actor = new Sample(type, Map.of());
    String before = actor.ask("report", "{}");
    assertThatThrownBy(() -> actor.ask(operation, payload))
        .isInstanceOfSatisfying(
            ActorException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_PERMITTED));
    assertThat(actor.ask("report", "{}")).isEqualTo(before);
  }

  // Webhook handler.

  @Test
  void webhookHandler_keepsWhateverIsPosted() {
    Sample hook = new Sample(WebhookHandler.class, Map.of());
    hook.post("{\"action\":\"opened\",\"number\":7}");
    hook.post("[1,2]");
    hook.post("{\"action\":\"list\"}");
    hook.restart();
    String at = "\"received\":\"2026-01-31T12:00:00Z\"";
    String expected =
        "{\"deliveries\":[{\"number\":1,"
            + at
            + ",\"body\":{\"action\":\"opened\",\"number\":7}},{\"number\":2,"
            + at
            + ",\"body\":[1,2]},{\"number\":3,"
            + at
            + ",\"body\":{\"action\":\"list\"}}],\"count\":3}";
    assertThat(hook.get("{\"action\":\"list\"}")).isEqualTo(expected);
    assertThat(hook.get("{}")).isEqualTo(expected);
    assertThat(hook.get("{\"action\":\"list\",\"limit\":\"1\"}"))
        .startsWith("{\"deliveries\":[{\"number\":3,")
        .endsWith("\"count\":1}");
    assertThatThrownBy(() -> hook.get("{\"action\":\"delete\"}"))
        .isInstanceOfSatisfying(
            ActorException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN_OPERATION));
    for (int i = 0; i < 1_000; i++) {
      hook.post("{}");
    }
    assertThat(hook.get("{}")).contains("\"number\":1003,").doesNotContain("\"number\":500,");
  }

  // Notifier.

  @Test
  void notifier_passesOn_andCountsWhatWasTakenAndRefused() {
    List<String> calls = Collections.synchronizedList(new ArrayList<>());
    Function<LinkRequest, LinkResponse> receiver =
        request -> {
          calls.add(request.link() + " " + request.method() + " " + request.path());
          return new LinkResponse(
              request.body().equals(Map.of("op", "notify", "n", 1L)) ? 202 : 422, Map.of(), null);
        };
    try (TestActors actors = TestActors.withLinks(receiver, Notifier.class)) {
      actors.tell("notifier", "..", "notify", Map.of("op", "notify", "n", 1));
      actors.tell("notifier", "..", "notify", Map.of("op", "notify", "n", 2));
      assertThat(actors.ask("notifier", "..", "status", null))
          .isEqualTo(Map.of("delivered", 1L, "refused", 1L, "last_status", 422L));
      actors.ask("notifier", "a b/ü", "notify", Map.of());
    }
    assertThat(calls)
        .containsExactly(
            "receiver POST /topics/t-..",
            "receiver POST /topics/t-..",
            "receiver POST /topics/t-a%20b%2F%C3%BC");
  }

  // Bundles.

  @ParameterizedTest
  @CsvSource({
    "counter,counter,true",
    "calculator,calculator,true",
    "bank,bank_account,true",
    "rate-limiter,rate_limiter,false",
    "chat,chat_room,true",
    "transfers,ledger_account,true",
    "webhook,webhook_handler,true",
    "notifier,notifier,true",
  })
  void bundle_namesAClassThatBindsAndMayBeDurable(String app, String type, boolean durable)
      throws Exception {
    String config;
    try (InputStream in =
        SamplesTest.class.getResourceAsStream("/apps/" + app + "/app-config.toml")) {
      config = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    Matcher named = Pattern.compile("class = \"([^\"]+)\"").matcher(config);
    assertThat(named.find()).isTrue();
    ActorType bound = AnnotatedActors.bind(Class.forName(named.group(1)));
    assertThat(bound.name()).isEqualTo(type);
    assertThat(config).contains("id = \"" + app + "\"");
    assertThat(config.contains("\"durability\"")).isEqualTo(durable);
    bound.requireDurable();
  }

  private static void assertInvalid(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            ActorException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE))
        .hasMessageStartingWith(message);
  }
}
