package dev.plexspaces.testkit.crash;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// What the clients know to have happened, and what therefore must be in every account, auditor and
/// treasury once all messages have arrived.
final class Books {

  /// As in the sample.
  static final long OPENING_BALANCE = 1_000;

  /// As in the sample.
  static final int SHARDS = 10;

  private final Tally[] debited;
  private final Tally[] credited;
  private final Tally[] interest;

  Books(int accounts) {
    debited = nothing(accounts);
    credited = nothing(accounts);
    interest = nothing(accounts);
  }

  private static Tally[] nothing(int length) {
    Tally[] tallies = new Tally[length];
    Arrays.fill(tallies, Tally.NONE);
    return tallies;
  }

  /// The key of an account's actor.
  static String key(int account) {
    return Integer.toString(account);
  }

  /// The number of an account's auditor; as in the sample.
  static int shard(int account) {
    return Math.floorMod(key(account).hashCode(), SHARDS);
  }

  int accounts() {
    return debited.length;
  }

  /// A transfer is known to have happened.
  synchronized void happened(Transfer transfer) {
    int from = transfer.from();
    int to = transfer.to();
    debited[from] = debited[from].plus(transfer.id(), transfer.amount());
    credited[to] = credited[to].plus(transfer.id(), transfer.amount());
    interest[from] = interest[from].plus(transfer.id(), transfer.interest());
  }

  /// The debits that an account must show as soon as its client has no open request.
  synchronized Tally debited(int account) {
    return debited[account];
  }

  synchronized Tally allDebited() {
    return sum(debited);
  }

  synchronized Tally allInterest() {
    return sum(interest);
  }

  /// Everything the actors of the node say about themselves, parsed from their reports.
  ///
  /// @param accounts by number
  /// @param auditors by shard
  record Reports(List<Map<?, ?>> accounts, List<Map<?, ?>> auditors, Map<?, ?> treasury) {

    /// Movements of a kind that reached the auditors.
    Tally audited(String field) {
      return auditors.stream()
          .map(report -> Tally.of(report, field))
          .reduce(Tally.NONE, Tally::plus);
    }
  }

  /// Compares.
  ///
  /// @return what does not fit, one sentence each; empty when the node is right
  synchronized List<String> differences(Reports reports) {
    List<String> found = new ArrayList<>();
    Tally[][] audited = {nothing(SHARDS), nothing(SHARDS), nothing(SHARDS)};
    long total = balance(reports.treasury());
    for (int account = 0; account < accounts(); account++) {
      String name = "account " + key(account);
      Map<?, ?> report = reports.accounts().get(account);
      differ(found, name + ", debits", debited[account], Tally.of(report, "debited"));
      differ(found, name + ", credits", credited[account], Tally.of(report, "credited"));
      for (String field : List.of("interest_set", "interest_due", "interest_paid")) {
        differ(found, name + ", " + field, interest[account], Tally.of(report, field));
      }
      differ(
          found,
          name + ", balance",
          OPENING_BALANCE
              - debited[account].amount()
              + credited[account].amount()
              + interest[account].amount(),
          balance(report));
      total += balance(report);
      int shard = shard(account);
      audited[0][shard] = audited[0][shard].plus(debited[account]);
      audited[1][shard] = audited[1][shard].plus(credited[account]);
      audited[2][shard] = audited[2][shard].plus(interest[account]);
    }
    for (int shard = 0; shard < SHARDS; shard++) {
      Map<?, ?> report = reports.auditors().get(shard);
      differ(found, "auditor " + shard + ", debits", audited[0][shard], Tally.of(report, "debits"));
      differ(
          found, "auditor " + shard + ", credits", audited[1][shard], Tally.of(report, "credits"));
      differ(
          found,
          "auditor " + shard + ", interest",
          audited[2][shard],
          Tally.of(report, "interest"));
    }
    Tally paid = sum(interest);
    differ(found, "treasury, paid", paid, Tally.of(reports.treasury(), "paid"));
    differ(found, "treasury, balance", -paid.amount(), balance(reports.treasury()));
    differ(found, "total of all balances", OPENING_BALANCE * accounts(), total);
    return found;
  }

  private static long balance(Map<?, ?> report) {
    return (Long) report.get("balance");
  }

  private static Tally sum(Tally[] tallies) {
    return Arrays.stream(tallies).reduce(Tally.NONE, Tally::plus);
  }

  private static void differ(List<String> found, String what, Object expected, Object actual) {
    if (!Objects.equals(expected, actual)) {
      found.add(what + ": must be " + expected + " and is " + actual);
    }
  }
}
