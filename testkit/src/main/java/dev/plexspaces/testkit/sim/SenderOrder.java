package dev.plexspaces.testkit.sim;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Messages of one sender to one receiver are processed in the order they were sent, unless an
/// operator re-drove them.
final class SenderOrder implements Checker {

  private final BankClients clients;

  SenderOrder(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return "order per sender";
  }

  @Override
  public void crashed(World world) {
    check(world);
  }

  @Override
  public void atRest(World world) {
    check(world);
  }

  private void check(World world) {
    BankBooks books = BankBooks.of(world, clients);
    books.accounts.forEach(
        (key, account) -> {
          rising(world, "credits of " + key, Bank.list(account, "order"));
          rising(world, "notes of " + key, Bank.list(account, "notes"));
        });
    rising(world, "entries of the auditor", Bank.list(books.auditor, "order"));
  }

  /// @param entries `sender:number`
  private void rising(World world, String what, List<String> entries) {
    Map<String, Long> last = new HashMap<>();
    for (String entry : entries) {
      int colon = entry.lastIndexOf(':');
      String sender = entry.substring(0, colon);
      long n = Long.parseLong(entry.substring(colon + 1));
      if (clients.operator().redrove(sender, n)) {
        continue;
      }
      Long before = last.put(sender, n);
      if (before != null && before >= n) {
        world.violated(name(), what + ": number " + n + " of " + sender + " came after " + before);
      }
    }
  }
}
