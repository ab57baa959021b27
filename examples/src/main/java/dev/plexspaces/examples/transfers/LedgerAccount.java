package dev.plexspaces.examples.transfers;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.OnInit;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.State;
import java.time.Duration;
import java.util.Map;

/// One account per key. A transfer debits this account and, in the same commit, sends the credit to
/// the other one, tells the auditor and sets the timer after which the treasury pays interest on
/// what was moved.
@GenServer
public class LedgerAccount {

  static final String TYPE = "ledger_account";

  /// What a new account holds.
  public static final long OPENING_BALANCE = 1_000;

  /// Interest is this part of the amount, at least 1.
  static final long INTEREST_DIVISOR = 100;

  /// Bound of `interest_after_ms`: one day.
  static final long INTEREST_AFTER_MAX_MILLIS = 86_400_000;

  private static final int KEY_LENGTH_MAX = 64;

  /// Reply of `transfer`; status `ok` or `insufficient_funds`.
  public record Outcome(String status, long balance) {}

  /// Reply of `get`.
  public record Balance(long balance) {}

  /// Reply of `report`; names as on the wire.
  ///
  /// @param interest_set timers set
  /// @param interest_due timers that fired
  /// @param interest_paid payments that came from the treasury
  public record Report(
      long balance,
      Tally debited,
      Tally credited,
      Tally interest_set,
      Tally interest_due,
      Tally interest_paid) {}

  @State private long balance;
  @State private Tally debited = Tally.NONE;
  @State private Tally credited = Tally.NONE;

  @State("interest_set")
  private Tally interestSet = Tally.NONE;

  @State("interest_due")
  private Tally interestDue = Tally.NONE;

  @State("interest_paid")
  private Tally interestPaid = Tally.NONE;

  @OnInit
  void open() {
    balance = OPENING_BALANCE;
  }

  /// Moves money to another account.
  ///
  /// @param id the transfer's own number, best drawn at random; see [Tally]
  @Handler("transfer")
  Outcome transfer(
      ActorContext context,
      long id,
      String to,
      long amount,
      @Param(value = "interest_after_ms", defaultValue = "1000") long interestAfterMillis) {
    if (amount <= 0) {
      throw ActorException.invalid("amount", "must be positive, got " + amount);
    }
    if (to == null || to.isBlank() || to.length() > KEY_LENGTH_MAX) {
      throw ActorException.invalid("to", "must be 1 to " + KEY_LENGTH_MAX + " characters");
    }
    if (to.equals(context.self().key())) {
      throw ActorException.invalid("to", "must be another account");
    }
    if (interestAfterMillis < 0 || interestAfterMillis > INTEREST_AFTER_MAX_MILLIS) {
      throw ActorException.invalid(
          "interest_after_ms", "must be 0 to " + INTEREST_AFTER_MAX_MILLIS);
    }
    if (amount > balance) {
      return new Outcome("insufficient_funds", balance);
    }
    balance -= amount;
    debited = debited.plus(id, amount);
    context.tell(context.actor(TYPE, to), "credit", movement(id, amount));
    LedgerAuditor.tell(context, LedgerAuditor.Movement.DEBIT, id, amount);

    long interest = Math.max(1, amount / INTEREST_DIVISOR);
    interestSet = interestSet.plus(id, interest);
    context.sendAfter(
        Duration.ofMillis(interestAfterMillis), "interest_due", movement(id, interest));
    return new Outcome("ok", balance);
  }

  /// From another account, which has debited it.
  @Handler(value = "credit", cast = true)
  void credit(ActorContext context, long id, long amount) {
    requireSender(context, TYPE);
    balance += amount;
    credited = credited.plus(id, amount);
    LedgerAuditor.tell(context, LedgerAuditor.Movement.CREDIT, id, amount);
  }

  /// The timer that a transfer has set.
  @Handler(value = "interest_due", cast = true)
  void interestDue(ActorContext context, Message message, long id, long amount) {
    if (message.kind() != Message.Kind.INFO) {
      throw new ActorException(ErrorCode.NOT_PERMITTED, "interest_due comes from a timer only");
    }
    interestDue = interestDue.plus(id, amount);
    context.tell(
        context.actor(LedgerTreasury.TYPE, LedgerTreasury.KEY), "pay", movement(id, amount));
  }

  /// From the treasury.
  @Handler(value = "interest", cast = true)
  void interest(ActorContext context, long id, long amount) {
    requireSender(context, LedgerTreasury.TYPE);
    balance += amount;
    interestPaid = interestPaid.plus(id, amount);
    LedgerAuditor.tell(context, LedgerAuditor.Movement.INTEREST, id, amount);
  }

  @Handler({"get", "call"})
  Balance get() {
    return new Balance(balance);
  }

  /// All that an outsider needs to check the account against the others.
  @Handler("report")
  Report report() {
    return new Report(balance, debited, credited, interestSet, interestDue, interestPaid);
  }

  static Map<String, Object> movement(long id, long amount) {
    return Map.of("id", id, "amount", amount);
  }

  /// Money and records come from actors of this application, never from outside.
  static ActorRef requireSender(ActorContext context, String type) {
    return context
        .sender()
        .filter(sender -> sender.type().equals(type))
        .orElseThrow(
            () ->
                new ActorException(
                    ErrorCode.NOT_PERMITTED, "only an actor of type " + type + " may send this"));
  }
}
