package dev.plexspaces.testkit.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The comparison finds what it is there for.
class BooksTest {

  private static final Transfer FIRST = new Transfer(11, 0, 1, 250, 0);
  private static final Transfer SECOND = new Transfer(22, 1, 2, 250, 0);

  private final Books books = new Books(3);
  private final Map<Integer, Map<String, Object>> accounts = new HashMap<>();
  private final Map<Integer, Map<String, Object>> auditors = new HashMap<>();
  private final Map<String, Object> treasury = new HashMap<>(Map.of("balance", 0L));

  BooksTest() {
    for (int i = 0; i < books.accounts(); i++) {
      accounts.put(i, new HashMap<>(Map.of("balance", Books.OPENING_BALANCE)));
    }
    for (int i = 0; i < Books.SHARDS; i++) {
      auditors.put(i, new HashMap<>());
    }
    for (Transfer transfer : List.of(FIRST, SECOND)) {
      books.happened(transfer);
      debit(transfer);
      credit(transfer);
      for (String field : List.of("interest_set", "interest_due")) {
        count(accounts.get(transfer.from()), field, transfer.id(), transfer.interest());
      }
      interest(transfer);
    }
  }

  private static void count(Map<String, Object> report, String field, long id, long amount) {
    Map<?, ?> before = (Map<?, ?>) report.get(field);
    Tally tally = (before == null ? Tally.NONE : Tally.of(report, field)).plus(id, amount);
    report.put(field, Map.of("count", tally.count(), "amount", tally.amount(), "ids", tally.ids()));
  }

  private static void move(Map<String, Object> report, long amount) {
    report.merge("balance", amount, (a, b) -> (Long) a + (Long) b);
  }

  private void debit(Transfer transfer) {
    move(accounts.get(transfer.from()), -transfer.amount());
    count(accounts.get(transfer.from()), "debited", transfer.id(), transfer.amount());
    count(auditor(transfer.from()), "debits", transfer.id(), transfer.amount());
  }

  private void credit(Transfer transfer) {
    move(accounts.get(transfer.to()), transfer.amount());
    count(accounts.get(transfer.to()), "credited", transfer.id(), transfer.amount());
    count(auditor(transfer.to()), "credits", transfer.id(), transfer.amount());
  }

  private void interest(Transfer transfer) {
    move(treasury, -transfer.interest());
    count(treasury, "paid", transfer.id(), transfer.interest());
    move(accounts.get(transfer.from()), transfer.interest());
    count(accounts.get(transfer.from()), "interest_paid", transfer.id(), transfer.interest());
    count(auditor(transfer.from()), "interest", transfer.id(), transfer.interest());
  }

  private Map<String, Object> auditor(int account) {
    return auditors.get(Books.shard(account));
  }

  private List<String> differences() {
    Map<String, Object> nothing = new HashMap<>();
    for (String field :
        List.of(
            "debited",
            "credited",
            "interest_set",
            "interest_due",
            "interest_paid",
            "debits",
            "credits",
            "interest",
            "paid")) {
      nothing.put(field, Map.of("count", 0L, "amount", 0L, "ids", 0L));
    }
    List<Map<?, ?>> each = new ArrayList<>();
    List<Map<?, ?>> shards = new ArrayList<>();
    accounts.values().forEach(report -> each.add(with(nothing, report)));
    auditors.values().forEach(report -> shards.add(with(nothing, report)));
    return books.differences(new Books.Reports(each, shards, with(nothing, treasury)));
  }

  private static Map<?, ?> with(Map<String, Object> defaults, Map<String, Object> report) {
    Map<String, Object> all = new HashMap<>(defaults);
    all.putAll(report);
    return all;
  }

  @Test
  void differences_everythingArrivedOnce_areNone() {
    assertThat(differences()).isEmpty();
  }

  @Test
  void differences_creditConsumedTwice_areFoundAtAccountAuditorAndTotal() {
    credit(FIRST);
    assertThat(differences())
        .hasSize(4)
        .anySatisfy(d -> assertThat(d).startsWith("account 1, credits: must be 1 of 250"))
        .anySatisfy(d -> assertThat(d).startsWith("account 1, balance:"))
        .anySatisfy(d -> assertThat(d).startsWith("auditor " + Books.shard(1) + ", credits:"))
        .anySatisfy(
            d -> assertThat(d).isEqualTo("total of all balances: must be 3000 and is 3250"));
  }

  /// The same amounts, the same counts, another transfer: only the ids can tell.
  @Test
  void differences_oneLostAndAnotherTwice_areFound() {
    count(auditors.get(Books.shard(0)), "debits", SECOND.id(), SECOND.amount());
    count(auditors.get(Books.shard(0)), "debits", -FIRST.id(), -FIRST.amount());
    assertThat(differences())
        .singleElement()
        .asString()
        .startsWith("auditor " + Books.shard(0) + ", debits:");
  }

  @Test
  void differences_interestPaidTwice_isFound() {
    interest(SECOND);
    assertThat(differences())
        .anySatisfy(d -> assertThat(d).startsWith("account 1, interest_paid:"))
        .anySatisfy(d -> assertThat(d).startsWith("treasury, paid:"));
  }

  @Test
  void differences_acknowledgedAndLost_isFound() {
    books.happened(new Transfer(33, 2, 0, 10, 0));
    assertThat(differences())
        .anySatisfy(d -> assertThat(d).startsWith("account 2, debits: must be 1 of 10"))
        .anySatisfy(d -> assertThat(d).startsWith("account 0, credits:"));
  }
}
