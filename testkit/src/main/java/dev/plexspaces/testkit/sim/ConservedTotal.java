package dev.plexspaces.testkit.sim;

import java.util.Map;

/// Money is neither made nor lost: what the accounts have, what is on its way between them and what
/// lies among the dead letters adds up to what was there at first and the interest.
final class ConservedTotal implements Checker {

  private final BankClients clients;

  ConservedTotal(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return "conserved total";
  }

  @Override
  public void crashed(World world) {
    check(world);
  }

  @Override
  public void atRest(World world) {
    check(world);
  }

  @Override
  public void afterRecovery(World world) {
    check(world);
  }

  private void check(World world) {
    BankBooks books = BankBooks.of(world, clients);
    long expected = books.accounts.size() * Bank.OPENING_BALANCE + books.all("fired").size();
    long balances = 0;
    long moving = 0;
    for (TrackedState account : books.accounts.values()) {
      balances += account.number("balance", "");
      for (Map.Entry<String, Object> withdrawn : account.map("withdraw").entrySet()) {
        boolean deposited =
            books.accounts.values().stream()
                .anyMatch(other -> other.has("deposit", withdrawn.getKey()));
        moving += deposited ? 0 : ((Number) withdrawn.getValue()).longValue();
      }
    }
    long letters = credits(books.waiting);
    long buried = credits(books.buried);
    if (balances + moving + letters + buried != expected) {
      world.violated(
          name(),
          "expected "
              + expected
              + ": balances "
              + balances
              + ", withdrawn and not deposited "
              + moving
              + ", credits waiting "
              + letters
              + ", credits buried "
              + buried);
    }
  }

  private static long credits(Iterable<BankBooks.Letter> letters) {
    long sum = 0;
    for (BankBooks.Letter letter : letters) {
      if (letter.operation().equals("credit")) {
        sum += letter.fields().number("amount");
      }
    }
    return sum;
  }
}
