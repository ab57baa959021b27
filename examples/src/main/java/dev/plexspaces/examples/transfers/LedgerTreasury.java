package dev.plexspaces.examples.transfers;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.State;

/// Pays the interest. Its balance is what it has paid, below zero, so that the sum of all balances
/// never changes.
@GenServer
public class LedgerTreasury {

  static final String TYPE = "ledger_treasury";

  /// The one there is.
  static final String KEY = "main";

  /// Reply of `report`.
  public record Report(long balance, Tally paid) {}

  @State private long balance;
  @State private Tally paid = Tally.NONE;

  @Handler(value = "pay", cast = true)
  void pay(ActorContext context, long id, long amount) {
    ActorRef account = LedgerAccount.requireSender(context, LedgerAccount.TYPE);
    balance -= amount;
    paid = paid.plus(id, amount);
    context.tell(account, "interest", LedgerAccount.movement(id, amount));
  }

  @Handler({"report", "call"})
  Report report() {
    return new Report(balance, paid);
  }
}
