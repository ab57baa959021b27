package dev.plexspaces.testkit.sim;

/// A durable timer fires once, not before it is due, or is cancelled; never both, never neither.
final class TimersFireOnce implements Checker {

  private final BankClients clients;

  TimersFireOnce(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return "timers fire once";
  }

  @Override
  public void crashed(World world) {
    check(world, false);
  }

  @Override
  public void atRest(World world) {
    check(world, true);
  }

  private void check(World world, boolean atRest) {
    BankBooks books = BankBooks.of(world, clients);
    books.accounts.forEach(
        (key, account) -> {
          for (String id : account.map("due").keySet()) {
            long outcomes =
                BankBooks.count(Bank.list(account, "fired"), id)
                    + BankBooks.count(Bank.list(account, "cancelled"), id)
                    + BankBooks.letters(books.buried, "accrue", id);
            if (outcomes > 1 || atRest && outcomes == 0) {
              world.violated(
                  name(),
                  "timer "
                      + id
                      + " of "
                      + key
                      + " fired, was cancelled or buried "
                      + outcomes
                      + " times");
            }
          }
          // A timer that is tried again after its handler crashed does not wait for a clock that
          // was
          // set back meanwhile.
          if (!account.list("early").isEmpty() && !world.wallClockWentBack()) {
            world.violated(name(), "timers of " + key + " fired early: " + account.list("early"));
          }
        });
  }
}
