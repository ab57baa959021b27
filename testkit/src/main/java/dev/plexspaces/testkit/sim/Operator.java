package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.Inspection;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/// Looks after the dead letters of the bank: re-drives some and discards some, and releases keys
/// from quarantine. As a checker: a discarded letter is never seen again, and one that is partly
/// done is not re-driven by accident. What became of re-driven ones the other checkers count.
final class Operator implements Checker {

  private static final int LETTERS_MAX = 100;

  private final SimEntropy entropy;
  private final BankClients clients;
  private int left;

  /// Letters that were chosen, by their number in the inbox.
  private final Map<Long, BankBooks.Letter> chosen = new HashMap<>();

  private final Map<Long, BankBooks.Letter> discarded = new HashMap<>();

  /// What is on disk; null when it was not read since the last change.
  private BankBooks books;

  /// `sender:number` of letters that may have been re-driven.
  private final Set<String> redriven = new HashSet<>();

  Operator(long seed, int size, BankClients clients) {
    this.entropy = new SimEntropy(seed).stream("operator");
    this.clients = clients;
    this.left = (int) entropy.between(size / 2, size);
  }

  void begin(World world) {
    clients.begins();
    world.after(BankClients.pause(entropy), "operator", () -> act(world));
  }

  List<BankBooks.Letter> discarded() {
    return new ArrayList<>(discarded.values());
  }

  BankBooks books() {
    return books;
  }

  void keep(BankBooks books) {
    this.books = books;
  }

  boolean redrove(String sender, long n) {
    return redriven.contains(sender + ":" + n);
  }

  private void act(World world) {
    if (left-- <= 0) {
      clients.ends();
      return;
    }
    world.inspection().ifPresent(inspection -> act(world, inspection));
    world.after(BankClients.pause(entropy), "operator", () -> act(world));
  }

  private void act(World world, Inspection inspection) {
    List<Inspection.DeadLetter> letters =
        inspection.deadLetters(Bank.SCOPE, "", LETTERS_MAX, true).rows().stream()
            .filter(Inspection.DeadLetter::durable)
            .toList();
    if (!letters.isEmpty()) {
      Inspection.DeadLetter letter = letters.get((int) entropy.between(0, letters.size() - 1L));
      if (entropy.chance(0.6)) {
        redrive(world, inspection, letter);
      } else {
        discard(world, inspection, letter);
      }
    }
    if (entropy.chance(0.1)) {
      inspection.quarantined(Bank.SCOPE).stream()
          .findFirst()
          .ifPresent(
              entry -> {
                world.count("releases");
                inspection.release(entry.id());
              });
    }
  }

  private void redrive(World world, Inspection inspection, Inspection.DeadLetter letter) {
    BankBooks.Letter content = choose(world, letter);
    world.note("redrive", letter.id() + " of " + letter.target());
    CompletableFuture<ActorId> done;
    try {
      done = inspection.redrive(Bank.SCOPE, letter.id(), false);
    } catch (PlexException refused) {
      if (refused.code() != ErrorCode.CONFLICT || !letter.partlyDone()) {
        world.violated(name(), "re-driving " + letter + " was refused: " + refused.getMessage());
      }
      world.count("partly done letters");
      return;
    }
    if (letter.partlyDone()) {
      world.violated(name(), letter + " is partly done and was re-driven all the same");
    }
    for (String sender : List.of("from", "client")) {
      if (content.fields().map().get(sender) instanceof String name
          && content.fields().map().get("n") instanceof Number n) {
        redriven.add(name + ":" + n);
      }
    }
    watch(world, done, "redrives");
  }

  private void discard(World world, Inspection inspection, Inspection.DeadLetter letter) {
    choose(world, letter);
    world.note("discard", letter.id() + " of " + letter.target());
    watch(world, inspection.discard(Bank.SCOPE, letter.id()), "discards");
  }

  private BankBooks.Letter choose(World world, Inspection.DeadLetter letter) {
    long seq = Long.parseLong(letter.id());
    InboxRow row = world.disk().image().deadLetters(Bank.SCOPE, seq - 1, 1).getFirst();
    BankBooks.Letter content = BankBooks.letter(row);
    chosen.put(seq, content);
    return content;
  }

  private void watch(World world, CompletableFuture<ActorId> done, String what) {
    done.whenComplete(
        (actor, error) -> {
          if (error == null) {
            world.count(what);
            return;
          }
          Throwable why = error instanceof CompletionException e ? e.getCause() : error;
          boolean expected =
              why instanceof PlexException p
                  && (p.code() == ErrorCode.CONFLICT || p.code() == ErrorCode.UNAVAILABLE);
          if (!expected) {
            world.violated(name(), what + " failed: " + why);
          }
        });
  }

  // ---- checker

  @Override
  public String name() {
    return "dead letters";
  }

  @Override
  public void synced(World world, Commit commit, List<RowResult> results) {
    books = null;
    for (Row row : commit.rows()) {
      long seq =
          switch (row) {
            case Row.InboxDelete delete -> delete.inboxSeq();
            case Row.InboxUpdate update -> update.inboxSeq();
            case Row.InboxBury bury -> bury.inboxSeq();
            case Row.InboxDiscard discard -> discard.inboxSeq();
            default -> 0;
          };
      if (discarded.containsKey(seq)) {
        world.violated(name(), "discarded letter " + seq + " was seen again in " + row);
      }
      if (row instanceof Row.InboxDiscard) {
        discarded.put(seq, chosen.get(seq));
      }
    }
  }
}
