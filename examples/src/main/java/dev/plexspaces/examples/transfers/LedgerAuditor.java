package dev.plexspaces.examples.transfers;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.State;
import java.util.Map;

/// Is told of every movement on its share of the accounts; ten of them, keys `0` to `9`.
@GenServer
public class LedgerAuditor {

  static final String TYPE = "ledger_auditor";

  /// Auditors; an account's is the hash of its key modulo this.
  public static final int SHARDS = 10;

  /// What happened to an account.
  public enum Movement {
    DEBIT,
    CREDIT,
    INTEREST
  }

  /// Reply of `report`.
  public record Report(Tally debits, Tally credits, Tally interest) {}

  @State private Tally debits = Tally.NONE;
  @State private Tally credits = Tally.NONE;
  @State private Tally interest = Tally.NONE;

  /// Tells the auditor of the account whose turn this is.
  static void tell(ActorContext context, Movement movement, long id, long amount) {
    context.tell(
        context.actor(TYPE, Integer.toString(shard(context.self().key()))),
        "record",
        Map.of("movement", movement.name(), "id", id, "amount", amount));
  }

  /// The number of an account's auditor.
  public static int shard(String account) {
    return Math.floorMod(account.hashCode(), SHARDS);
  }

  @Handler(value = "record", cast = true)
  void record(ActorContext context, Movement movement, long id, long amount) {
    LedgerAccount.requireSender(context, LedgerAccount.TYPE);
    switch (movement) {
      case DEBIT -> debits = debits.plus(id, amount);
      case CREDIT -> credits = credits.plus(id, amount);
      case INTEREST -> interest = interest.plus(id, amount);
    }
  }

  @Handler({"report", "call"})
  Report report() {
    return new Report(debits, credits, interest);
  }
}
