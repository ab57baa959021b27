package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.json.Json;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Every durable message has its effect once, and every turn its changes once: each transfer is
/// credited or buried once, each request of a teller is run once, each audited event is audited
/// once, each move goes through its steps once and to its end, unless its turn failed for good.
final class ExactlyOnce implements Checker {

  private final BankClients clients;

  /// The move whose turn is open, by teller.
  private final Map<ActorId, String> openMoves = new HashMap<>();

  private final Set<String> failedMoves = new HashSet<>();

  ExactlyOnce(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return "exactly once";
  }

  @Override
  public void synced(World world, Commit commit, List<RowResult> results) {
    if (!commit.actor().type().equals(Bank.TELLER) || commit.record().isEmpty()) {
      return;
    }
    TurnRecord record = commit.record().get();
    switch (record.kind()) {
      case OPEN -> {
        Map<?, ?> input = (Map<?, ?>) Json.parse(record.input().orElseThrow());
        Map<?, ?> payload = (Map<?, ?>) input.get("payload");
        if (payload != null && payload.get("id") instanceof String id) {
          openMoves.put(commit.actor(), id);
        }
      }
      case FAILED -> failedMoves.add(openMoves.getOrDefault(commit.actor(), ""));
      case WHOLE, SEGMENT, END -> {}
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
    noneMissing(world, books);
  }

  private void noneTwice(World world, BankBooks books) {
    for (String field : List.of("sent", "credited", "asked", "fired", "notes", "cancelled")) {
      once(world, field, books.all(field));
    }
    once(world, "entries", Bank.list(books.auditor, "entries"));
    books.tellers.forEach(
        (key, teller) -> {
          for (String field : List.of("begun", "ended", "refused")) {
            once(world, field + " of teller " + key, Bank.list(teller, field));
          }
          long steps =
              Bank.list(teller, "begun").size()
                  + teller.map("lots").size()
                  + Bank.list(teller, "ended").size();
          if (teller.number("steps", "") != steps) {
            world.violated(
                name(),
                "teller "
                    + key
                    + " counted "
                    + teller.number("steps", "")
                    + " steps of its moves, its lists say "
                    + steps);
          }
        });
  }

  private void once(World world, String what, List<String> texts) {
    String twice = BankBooks.duplicate(texts);
    if (twice != null) {
      world.violated(name(), what + ": '" + twice + "' is there twice");
    }
  }

  private void noneMissing(World world, BankBooks books) {
    List<String> credited = books.all("credited");
    List<String> sent = books.all("sent");
    for (String id : sent) {
      long outcomes = BankBooks.count(credited, id) + BankBooks.letters(books.buried, "credit", id);
      if (outcomes != 1) {
        world.violated(name(), "transfer " + id + " was credited or buried " + outcomes + " times");
      }
    }
    for (String id : credited) {
      if (!sent.contains(id)) {
        world.violated(name(), "credit " + id + " was never sent");
      }
    }
    List<String> expected = new ArrayList<>();
    sent.forEach(id -> expected.add("debit " + id));
    credited.forEach(id -> expected.add("credit " + id));
    books.all("fired").forEach(id -> expected.add("interest " + id));
    books
        .tellers
        .values()
        .forEach(t -> Bank.list(t, "ended").forEach(id -> expected.add("move " + id)));
    List<String> entries = Bank.list(books.auditor, "entries");
    for (String entry : expected) {
      long outcomes =
          BankBooks.count(entries, entry) + BankBooks.letters(books.buried, "entry", entry);
      if (outcomes != 1) {
        world.violated(name(), "'" + entry + "' was audited or buried " + outcomes + " times");
      }
    }
    if (!expected.containsAll(entries)) {
      world.violated(name(), "the auditor was told of what never happened");
    }
    moves(world, books);
  }

  private void moves(World world, BankBooks books) {
    books.tellers.forEach(
        (key, teller) -> {
          for (String id : Bank.list(teller, "begun")) {
            boolean ended = Bank.list(teller, "ended").contains(id);
            boolean refused = Bank.list(teller, "refused").contains(id);
            if (ended == refused && (ended || !failedMoves.contains(id))) {
              world.violated(
                  name(),
                  "move " + id + " of teller " + key + (ended ? " ended twice" : " never ended"));
            }
            Map<String, TrackedState> accounts = books.accounts;
            boolean withdrawn = accounts.values().stream().anyMatch(a -> a.has("withdraw", id));
            Object lot = teller.map("lots").get(id);
            boolean deposited =
                accounts.values().stream().anyMatch(a -> a.map("deposit").containsKey(id));
            if (ended && !(withdrawn && deposited) || refused && (withdrawn || deposited)) {
              world.violated(
                  name(),
                  "move "
                      + id
                      + (ended ? " ended" : " was refused")
                      + ", withdrawn "
                      + withdrawn
                      + ", deposited "
                      + deposited);
            }
            if (ended
                && accounts.values().stream()
                    .noneMatch(a -> lot.equals(a.map("deposit").get(id)))) {
              world.violated(
                  name(),
                  "move " + id + ": the deposit carries another lot than the teller's " + lot);
            }
          }
        });
  }
}
