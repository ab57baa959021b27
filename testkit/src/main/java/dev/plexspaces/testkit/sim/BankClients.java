package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// The clients of the bank: they send requests, remember what they were promised, and try again
/// when the node is down. With them go [KeyedClients], the [Wardens] and the [Operator].
final class BankClients implements Workload {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  /// A request and what its client knows of it.
  static final class Promise {
    final String id;
    final String operation;
    final ActorId to;
    final boolean ask;
    final Map<String, Object> payload;

    /// The node let a positive answer go.
    boolean promised;

    /// The node answered with a declared error: it did not happen.
    boolean refused;

    Object reply;

    Promise(String id, String operation, ActorId to, boolean ask, Map<String, Object> payload) {
      this.id = id;
      this.operation = operation;
      this.to = to;
      this.ask = ask;
      this.payload = payload;
    }

    @Override
    public String toString() {
      return (ask ? "ask " : "tell ") + id + " to " + to.type() + "/" + to.key() + " " + operation;
    }
  }

  private final SimEntropy entropy;
  private final Bank.Watch watch;
  private final PromisedIsDurable durable;
  private final List<String> accounts;
  private final List<String> tellers;
  private final List<Promise> promises = new ArrayList<>();
  private final Map<String, Integer> notes = new TreeMap<>();
  private final List<String> timers = new ArrayList<>();
  private final Map<ActorId, String> snapshots = new LinkedHashMap<>();
  private final KeyedClients keyed;
  private final Operator operator;
  private final Wardens wardens;
  private final int size;
  private int working;
  private int requests;

  /// @param size requests of each client, about
  BankClients(long seed, int size, Bank.Watch watch, PromisedIsDurable durable) {
    this.entropy = new SimEntropy(seed).stream("clients");
    this.size = size;
    this.watch = watch;
    this.durable = durable;
    this.accounts = names("a", (int) entropy.between(2, 5));
    this.tellers = names("t", (int) entropy.between(1, 3));
    this.keyed = new KeyedClients(seed, size, this);
    this.operator = new Operator(seed, size, this);
    this.wardens = new Wardens(seed, size, this);
  }

  private static List<String> names(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  List<String> accounts() {
    return accounts;
  }

  List<String> tellers() {
    return tellers;
  }

  KeyedClients keyed() {
    return keyed;
  }

  Operator operator() {
    return operator;
  }

  Wardens wardens() {
    return wardens;
  }

  List<Promise> promises() {
    return promises;
  }

  /// Every actor there may be.
  List<ActorId> actors() {
    List<ActorId> ids = new ArrayList<>();
    accounts.forEach(key -> ids.add(Bank.id(Bank.ACCOUNT, key)));
    tellers.forEach(key -> ids.add(Bank.id(Bank.TELLER, key)));
    ids.add(Bank.id(Bank.AUDITOR, "main"));
    wardens.names().forEach(key -> ids.add(Bank.id(Bank.WARDEN, key)));
    return ids;
  }

  /// What the live actors said of themselves last.
  Map<ActorId, String> snapshots() {
    return snapshots;
  }

  @Override
  public ApplicationUnit application(World world) {
    return Bank.application(world, watch);
  }

  @Override
  public void begin(World world) {
    int clients = (int) entropy.between(2, 5);
    for (int i = 0; i < clients; i++) {
      Client client = new Client(world, "c" + i, (int) entropy.between(size / 2, size));
      working++;
      world.after(pause(entropy), "client", client::act);
    }
    keyed.begin(world);
    operator.begin(world);
    wardens.begin(world);
  }

  /// Somebody has something to do.
  void begins() {
    working++;
  }

  /// Somebody has nothing to do any more.
  void ends() {
    working--;
  }

  @Override
  public boolean done() {
    return working == 0;
  }

  @Override
  public void inspect(World world, boolean afterRecovery) {
    snapshots.clear();
    for (ActorId id : actors()) {
      working++;
      snapshot(world, id);
    }
  }

  private void snapshot(World world, ActorId id) {
    request(
        world,
        new Promise("s" + requests++, "snapshot", id, true, Map.of()),
        new Asked() {
          @Override
          public void over(Promise p) {
            if (p.reply == null) {
              world.after(Duration.ofSeconds(1), "client", () -> snapshot(world, id));
            } else {
              snapshots.put(id, (String) p.reply);
              working--;
            }
          }
        });
  }

  /// Mostly short.
  static Duration pause(SimEntropy entropy) {
    return Duration.ofNanos(
        entropy.chance(0.1)
            ? entropy.between(1_000_000, 2_000_000_000)
            : entropy.between(1_000, 20_000_000));
  }

  private interface Asked {
    /// However it ended.
    void over(Promise p);
  }

  private void request(World world, Promise p, Asked then) {
    world.client(
        p.ask,
        World.context(Bank.SCOPE.tenant(), Bank.SCOPE.namespace(), p.id),
        new Invoker.Target(p.to.type(), Optional.of(p.to.key())),
        new Invoker.Request(p.operation, p.payload, false, Map.of(), TIMEOUT, Optional.empty()),
        new World.Outcome() {
          @Override
          public void promised(Object reply) {
            p.promised = true;
            p.reply = reply;
            if (!p.operation.equals("snapshot")) {
              durable.promised(world, BankClients.this, p);
            }
          }

          @Override
          public void replied(Object reply) {
            then.over(p);
          }

          @Override
          public void failed(PlexException error) {
            p.refused = error.code() == ErrorCode.FAILED_PRECONDITION;
            then.over(p);
          }

          @Override
          public void lost() {
            then.over(p);
          }

          @Override
          public void unreachable() {
            world.after(pause(entropy), "client", () -> request(world, p, then));
          }
        });
  }

  /// One client: a few requests at once, a pause, and again.
  private final class Client {
    private final World world;
    private final String name;
    private int left;
    private int open;

    Client(World world, String name, int requests) {
      this.world = world;
      this.name = name;
      this.left = requests;
    }

    void act() {
      if (left <= 0) {
        working--;
        return;
      }
      int burst = entropy.chance(0.3) ? (int) entropy.between(2, 6) : 1;
      open = burst;
      left -= burst;
      // A client's notes to one account must arrive in order, so never two of them at once.
      boolean noteSent = false;
      for (int i = 0; i < burst; i++) {
        Promise p = draw(noteSent);
        noteSent |= p.operation.equals("note");
        promises.add(p);
        request(world, p, this::over);
      }
    }

    private void over(Promise p) {
      if (p.operation.equals("schedule")) {
        timers.add(p.to.key() + " " + p.id);
      }
      if (--open == 0) {
        world.after(pause(entropy), "client", this::act);
      }
    }

    private Promise draw(boolean noteSent) {
      String id = "r" + requests++;
      ActorId account = Bank.id(Bank.ACCOUNT, pick(accounts));
      int kind = (int) entropy.between(0, 99);
      if (kind < 40) {
        return new Promise(
            id,
            "transfer",
            account,
            entropy.chance(0.7),
            Map.of("id", id, "to", pick(accounts), "amount", amount()));
      } else if (kind < 60) {
        return new Promise(
            id,
            "move",
            Bank.id(Bank.TELLER, pick(tellers)),
            entropy.chance(0.6),
            Map.of("id", id, "from", account.key(), "to", pick(accounts), "amount", amount()));
      } else if (kind < 75) {
        return new Promise(
            id,
            "schedule",
            account,
            entropy.chance(0.5),
            Map.of("id", id, "delay", entropy.chance(0.2) ? 0 : entropy.between(1, 3_000)));
      } else if (kind < 85 && !timers.isEmpty()) {
        String[] timer = timers.get((int) entropy.between(0, timers.size() - 1)).split(" ");
        return new Promise(
            id,
            "cancel",
            Bank.id(Bank.ACCOUNT, timer[0]),
            true,
            Map.of("id", id, "timer", timer[1]));
      } else if (kind < 97 && !noteSent) {
        String sender = name + "-" + account.key();
        int n = notes.merge(sender, 1, Integer::sum);
        return new Promise(id, "note", account, false, Map.of("id", id, "client", sender, "n", n));
      } else if (kind >= 97) {
        return new Promise(id, "poison", account, false, Map.of("id", id));
      }
      return new Promise(id, "withdraw", account, true, Map.of("id", id, "amount", 0));
    }

    private long amount() {
      return entropy.chance(0.1) ? Bank.REFUSED_AMOUNT : entropy.between(1, 400);
    }

    private String pick(List<String> from) {
      return from.get((int) entropy.between(0, from.size() - 1));
    }
  }
}
