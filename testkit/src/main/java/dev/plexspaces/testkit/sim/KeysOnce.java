package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// A request with an idempotency key has its effect once, however often it is sent; its outcome is
/// committed once; all its answers are the same, and none leaves before what it says is on disk. An
/// ask between tellers is answered or refused as a deadlock, and what was refused was not done.
/// Source: spec/turns rules 20, 21, 28, 29.
final class KeysOnce implements Checker {

  static final String NAME = "keys once";

  private final BankClients clients;

  /// Keys whose outcome is committed, with their actors.
  private final Set<String> outcomes = new HashSet<>();

  KeysOnce(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return NAME;
  }

  /// A positive answer leaves the node now.
  static void answered(World world, KeyedClients.Request request, Object reply) {
    KeyedClients.Outcome outcome = request.outcome;
    String answer = new String(Json.canonical(reply), StandardCharsets.UTF_8);
    if (outcome.answered == null) {
      outcome.answer = answer;
      outcome.answered = request;
    } else if (!outcome.answer.equals(answer)) {
      world.violated(
          NAME, request + " was answered " + outcome.answer + " first and then " + answer);
    }
    if (request.ask
        && !Bank.list(Bank.onDisk(world, request.to.type(), request.to.key()), Bank.KEYS)
            .contains(request.key)) {
      world.violated(NAME, request + " was answered and is not on disk");
    }
  }

  @Override
  public void synced(World world, Commit commit, List<RowResult> results) {
    for (Row row : commit.rows()) {
      if (row instanceof Row.Idempotency key
          && key.reply().isPresent()
          && !outcomes.add(key.actor() + " " + Arrays.toString(key.keyHash()))) {
        world.violated(name(), "a second outcome of one key was committed at " + key.actor());
      }
    }
  }

  @Override
  public void crashed(World world) {
    noneTwice(world, BankBooks.of(world, clients));
  }

  @Override
  public void atRest(World world) {
    BankBooks books = BankBooks.of(world, clients);
    noneTwice(world, books);
    clients.keyed().requests().forEach(request -> settled(world, books, request));
    answers(world, books);
    hops(world, books);
  }

  private void noneTwice(World world, BankBooks books) {
    books.accounts.forEach((key, account) -> once(world, "account " + key, account));
    books.tellers.forEach((key, teller) -> once(world, "teller " + key, teller));
  }

  private void once(World world, String what, TrackedState state) {
    for (String field : List.of(Bank.KEYS, "finished", "answers", "hops")) {
      String twice = BankBooks.duplicate(Bank.list(state, field));
      if (twice != null) {
        world.violated(name(), what + ": '" + twice + "' is there twice in " + field);
      }
    }
  }

  private void settled(World world, BankBooks books, KeyedClients.Request request) {
    TrackedState state =
        (request.to.type().equals(Bank.ACCOUNT) ? books.accounts : books.tellers)
            .getOrDefault(request.to.key(), new TrackedState());
    boolean begun = Bank.list(state, Bank.KEYS).contains(request.key);
    boolean done =
        request.operation.equals("enter")
            ? begun
            : Bank.list(state, "finished").contains(request.key);
    long buried =
        books.buried.stream()
            .filter(letter -> letter.to().equals(request.to))
            .filter(letter -> request.key.equals(letter.fields().text("key")))
            .count();
    boolean refuse = Boolean.TRUE.equals(request.payload.get("refuse"));
    boolean fits;
    if (!request.ask) {
      // An accepted message: done or buried; which of two bodies does not matter.
      fits = buried == (done ? 0 : 1);
    } else if (request.error == null || request.error == ErrorCode.CONFLICT) {
      fits = begun;
    } else if (request.error == ErrorCode.FAILED_PRECONDITION) {
      fits = refuse && begun == request.operation.equals("errand");
    } else {
      // It failed for good after it had committed something.
      fits = begun && !request.operation.equals("enter");
    }
    if (!fits) {
      world.violated(
          name(),
          request
              + " ended with "
              + (request.error == null ? "an answer" : request.error)
              + "; begun "
              + begun
              + ", done "
              + done
              + ", buried "
              + buried);
    }
  }

  /// What a teller was answered is what the account it asked says.
  private void answers(World world, BankBooks books) {
    books.tellers.forEach(
        (key, teller) -> {
          for (String answer : Bank.list(teller, "answers")) {
            String[] parts = answer.split("\\|");
            TrackedState account = books.accounts.get(parts[0]);
            int place = account == null ? 0 : Bank.list(account, Bank.KEYS).indexOf(parts[1]) + 1;
            if (!parts[1].equals(parts[2]) || place != Integer.parseInt(parts[3])) {
              world.violated(
                  name(),
                  "teller "
                      + key
                      + " asked for '"
                      + parts[1]
                      + "', which is at place "
                      + place
                      + ", and got the answer '"
                      + parts[2]
                      + "' at place "
                      + parts[3]);
            }
          }
        });
  }

  private void hops(World world, BankBooks books) {
    books.tellers.forEach(
        (key, teller) -> {
          for (String text : Bank.list(teller, "hops")) {
            String[] hop = text.split("\\|");
            long there =
                books.tellers.values().stream()
                    .filter(t -> Bank.list(t, Bank.KEYS).contains(hop[0]))
                    .count();
            boolean fits =
                switch (ErrorCode.valueOf(hop[1].equals("answered") ? "DEADLOCK" : hop[1])) {
                  case DEADLOCK -> there == (hop[1].equals("answered") ? 1 : 0);
                  case ACTOR_CRASHED -> there <= 1;
                  case QUARANTINED, RESOURCE_EXHAUSTED, UNAVAILABLE -> there == 0;
                  default -> false;
                };
            if (!fits) {
              world.violated(
                  name(),
                  "teller "
                      + key
                      + ": hop "
                      + hop[0]
                      + " ended with "
                      + hop[1]
                      + " and was done "
                      + there
                      + " times");
            }
          }
        });
  }
}
