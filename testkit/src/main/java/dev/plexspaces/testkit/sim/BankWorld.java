package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// A world with the bank, its clients and all of its checkers.
public final class BankWorld {

  /// Requests of each client, at most.
  public static final int SIZE = 20;

  private final World world;
  private final SingleActivation single = new SingleActivation();
  private final ReplayEqualsOriginal replay;
  private final BankClients clients;

  public BankWorld(long seed) {
    this(seed, Faults.drawn(new SimEntropy(seed).stream("faults")), UnaryOperator.identity());
  }

  BankWorld(long seed, Faults faults, UnaryOperator<Store> between) {
    PromisedIsDurable promised = new PromisedIsDurable();
    clients = new BankClients(seed, SIZE, new Eyes(), promised);
    promised.clients(clients);
    replay = new ReplayEqualsOriginal(clients);
    List<Checker> checkers = new ArrayList<>();
    checkers.add(promised);
    // First: the others look at what it saw.
    checkers.addFirst(clients.operator());
    checkers.add(new KeysOnce(clients));
    checkers.add(new AsksByRow());
    checkers.add(new ConservedTotal(clients));
    checkers.add(new ExactlyOnce(clients));
    checkers.add(new SenderOrder(clients));
    checkers.add(single);
    checkers.add(new TimersFireOnce(clients));
    checkers.add(clients.wardens());
    checkers.add(replay);
    world = new World(seed, faults, clients, checkers, between);
  }

  private final class Eyes implements Bank.Watch {
    @Override
    public void entered(ActorId id, Object instance) {
      single.entered(world, id, instance);
    }

    @Override
    public void left(ActorId id, Object instance) {
      single.left(id, instance);
    }

    @Override
    public void crashes(ActorId id) {
      if (id.type().equals(Bank.ACCOUNT)) {
        clients.wardens().crashes(world, id);
      }
    }

    @Override
    public void passivates(ActorId id, String state) {
      replay.passivates(world, id, state);
    }
  }

  public World world() {
    return world;
  }

  /// Runs it; see [World#run].
  public void run() {
    world.run();
  }
}
