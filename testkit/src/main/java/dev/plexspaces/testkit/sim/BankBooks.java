package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What the disk of a world knows of the bank: read once, looked at by checkers.
final class BankBooks {

  private static final int ROWS_MAX = 100_000;

  /// The states by key.
  final Map<String, TrackedState> accounts = new LinkedHashMap<>();

  final Map<String, TrackedState> tellers = new LinkedHashMap<>();
  final TrackedState auditor;

  /// Messages that wait, and those among the dead letters.
  final List<Letter> waiting = new ArrayList<>();

  final List<Letter> buried = new ArrayList<>();

  /// A durable message.
  record Letter(ActorId to, String operation, Bank.Fields fields) {
    boolean is(String op, String id) {
      return operation.equals(op) && id.equals(fields.text("id"));
    }
  }

  private BankBooks(World world, BankClients clients) {
    for (String key : clients.accounts()) {
      if (world.disk().image().load(Bank.id(Bank.ACCOUNT, key)).nextTurn() > 0) {
        accounts.put(key, Bank.onDisk(world, Bank.ACCOUNT, key));
      }
    }
    for (String key : clients.tellers()) {
      tellers.put(key, Bank.onDisk(world, Bank.TELLER, key));
    }
    auditor = Bank.onDisk(world, Bank.AUDITOR, "main");
    for (ActorId id : clients.actors()) {
      for (InboxRow row : world.disk().image().inbox(id, 0, ROWS_MAX)) {
        waiting.add(letter(row));
      }
    }
    for (InboxRow row : world.disk().image().deadLetters(Bank.SCOPE, 0, ROWS_MAX)) {
      buried.add(letter(row));
    }
  }

  static BankBooks of(World world, BankClients clients) {
    return new BankBooks(world, clients);
  }

  private static Letter letter(InboxRow row) {
    Map<?, ?> body = (Map<?, ?>) Json.parse(row.body());
    // The reply to a request carries whatever the handler returned.
    Map<?, ?> fields = body.get("payload") instanceof Map<?, ?> map ? map : Map.of();
    return new Letter(row.to(), (String) body.get("op"), new Bank.Fields(fields));
  }

  /// All elements of a list field, all accounts together.
  List<String> all(String field) {
    List<String> texts = new ArrayList<>();
    accounts.values().forEach(state -> texts.addAll(Bank.list(state, field)));
    return texts;
  }

  static long count(List<String> texts, String text) {
    return texts.stream().filter(text::equals).count();
  }

  static long letters(List<Letter> letters, String operation, String id) {
    return letters.stream().filter(letter -> letter.is(operation, id)).count();
  }

  /// The first element that is there twice; null for none.
  static String duplicate(List<String> texts) {
    java.util.HashSet<String> seen = new java.util.HashSet<>();
    return texts.stream().filter(text -> !seen.add(text)).findFirst().orElse(null);
  }
}
