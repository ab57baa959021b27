package dev.plexspaces.examples.bank;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.State;
import java.util.ArrayList;
import java.util.List;

/// One account per key. Balance and transaction are written in one commit: there is never one
/// without the other, whenever the node dies.
@GenServer
public class BankAccount {

  /// Reply to a deposit or withdrawal; status `ok` or `insufficient_funds`.
  public record Outcome(String status, long balance) {}

  /// Reply of `get_balance`.
  public record Balance(long balance) {}

  /// One booked transaction; names as in the journal.
  public record Transaction(String type, long amount, long balance_after) {}

  /// Reply of `replay`; names as on the wire.
  public record Replay(
      int replayed, long rebuilt_balance, long current_balance, boolean consistent) {}

  @State private long balance;

  /// All of them, for good. Appending to a `@State` list journals the new element only, so the
  /// thousandth deposit costs what the first one did.
  @State private List<Transaction> transactions = new ArrayList<>();

  @Handler("deposit")
  Outcome deposit(long amount) {
    requirePositive(amount);
    if (balance > Long.MAX_VALUE - amount) {
      throw ActorException.invalid("amount", "would take the balance beyond a 64-bit integer");
    }
    balance += amount;
    transactions.add(new Transaction("deposit", amount, balance));
    return new Outcome("ok", balance);
  }

  @Handler("withdraw")
  Outcome withdraw(long amount) {
    requirePositive(amount);
    if (amount > balance) {
      return new Outcome("insufficient_funds", balance);
    }
    balance -= amount;
    transactions.add(new Transaction("withdraw", amount, balance));
    return new Outcome("ok", balance);
  }

  @Handler({"get_balance", "call"})
  Balance getBalance() {
    return new Balance(balance);
  }

  /// Rebuilds the balance from the transactions and compares.
  @Handler("replay")
  Replay replay() {
    long rebuilt = 0;
    for (Transaction transaction : transactions) {
      rebuilt += transaction.type.equals("deposit") ? transaction.amount : -transaction.amount;
    }
    return new Replay(transactions.size(), rebuilt, balance, rebuilt == balance);
  }

  private static void requirePositive(long amount) {
    if (amount <= 0) {
      throw ActorException.invalid("amount", "must be positive, got " + amount);
    }
  }
}
