package dev.plexspaces.testkit.sim;

/// No answer leaves the node before what it says is on disk, and none of it is lost later.
final class PromisedIsDurable implements Checker {

  private BankClients clients;

  void clients(BankClients clients) {
    this.clients = clients;
  }

  @Override
  public String name() {
    return "promised is durable";
  }

  /// An answer leaves the node now.
  void promised(World world, BankClients clients, BankClients.Promise p) {
    require(world, BankBooks.of(world, clients), p, "when its answer left");
  }

  @Override
  public void crashed(World world) {
    all(world, "after a crash");
  }

  @Override
  public void atRest(World world) {
    all(world, "at rest");
  }

  @Override
  public void afterRecovery(World world) {
    all(world, "after recovery");
  }

  private void all(World world, String when) {
    BankBooks books = BankBooks.of(world, clients);
    for (BankClients.Promise p : clients.promises()) {
      if (p.promised) {
        require(world, books, p, when);
      }
      if (p.refused && happened(books, p)) {
        world.violated(name(), p + " was refused and has happened all the same, seen " + when);
      }
    }
  }

  private void require(World world, BankBooks books, BankClients.Promise p, String when) {
    boolean there = happened(books, p);
    if (!p.ask) {
      // Accepted is not done: it may wait, or have ended among the dead letters.
      there |=
          BankBooks.letters(books.waiting, p.operation, p.id) > 0
              || BankBooks.letters(books.buried, p.operation, p.id) > 0
              || p.operation.equals("move") && openMove(world, p);
    }
    if (!there) {
      world.violated(name(), p + " was promised and is not on disk " + when);
    }
  }

  /// The move is under way: its turn is open, so its first commit holds the message.
  private static boolean openMove(World world, BankClients.Promise p) {
    return world.disk().image().load(p.to).open().isPresent();
  }

  private static boolean happened(BankBooks books, BankClients.Promise p) {
    TrackedState state = books.accounts.get(p.to.key());
    if (p.operation.equals("move")) {
      TrackedState teller = books.tellers.get(p.to.key());
      return Bank.list(teller, "ended").contains(p.id)
          || Bank.list(teller, "refused").contains(p.id);
    }
    if (state == null) {
      return false;
    }
    return switch (p.operation) {
      case "transfer" -> Bank.list(state, "sent").contains(p.id);
      case "schedule" -> state.has("due", p.id);
      case "withdraw" -> state.has("withdraw", p.id);
      case "note" ->
          Bank.list(state, "notes").contains(p.payload.get("client") + ":" + p.payload.get("n"));
      case "cancel" ->
          !Boolean.TRUE.equals(p.reply)
              || Bank.list(state, "cancelled").contains(p.payload.get("timer"));
      default -> false;
    };
  }
}
