package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// Lets wardens monitor accounts, which crash now and then, and drop some of the monitors. As a
/// checker: each monitor is, at any time, exactly one of set, on its way as a message, told or
/// dropped, and no crash of an account is kept from those who monitored it. Source: spec/turns rule
/// 26.
final class Wardens implements Checker {

  private static final List<String> NAMES = List.of("w0", "w1");
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final int MONITORS_MAX = 100_000;

  private final SimEntropy entropy;
  private final BankClients clients;
  private int left;
  private int watches;

  /// Monitors whose account has crashed in this life of the node.
  private final Set<String> owed = new HashSet<>();

  Wardens(long seed, int size, BankClients clients) {
    this.entropy = new SimEntropy(seed).stream("wardens");
    this.clients = clients;
    this.left = (int) entropy.between(size / 2, size);
  }

  List<String> names() {
    return NAMES;
  }

  void begin(World world) {
    clients.begins();
    world.after(BankClients.pause(entropy), "wardens", () -> act(world));
  }

  private void act(World world) {
    if (left-- <= 0) {
      clients.ends();
      return;
    }
    String warden = NAMES.get((int) entropy.between(0, NAMES.size() - 1L));
    Map<String, Object> payload = new TreeMap<>();
    String operation;
    if (watches == 0 || entropy.chance(0.7)) {
      List<String> accounts = clients.accounts();
      operation = "watch";
      payload.put("id", "m" + watches++);
      payload.put("account", accounts.get((int) entropy.between(0, accounts.size() - 1L)));
      payload.put("twice", entropy.chance(0.3));
    } else {
      operation = "unwatch";
      payload.put("id", "m" + entropy.between(0, watches - 1L));
    }
    send(world, warden, operation, payload);
  }

  private void send(World world, String warden, String operation, Map<String, Object> payload) {
    world.client(
        false,
        World.context(Bank.SCOPE.tenant(), Bank.SCOPE.namespace(), "" + payload.get("id")),
        new Invoker.Target(Bank.WARDEN, Optional.of(warden)),
        new Invoker.Request(operation, payload, false, Map.of(), TIMEOUT, Optional.empty()),
        new World.Outcome() {
          @Override
          public void replied(Object reply) {
            again();
          }

          @Override
          public void failed(PlexException error) {
            again();
          }

          @Override
          public void lost() {
            again();
          }

          @Override
          public void unreachable() {
            world.after(
                BankClients.pause(entropy),
                "wardens",
                () -> send(world, warden, operation, payload));
          }

          private void again() {
            world.after(BankClients.pause(entropy), "wardens", () -> act(world));
          }
        });
  }

  /// A handler of an account throws now.
  void crashes(World world, ActorId account) {
    for (MonitorRow monitor : set(world, account.key())) {
      owed.add(name(monitor));
    }
  }

  private static List<MonitorRow> set(World world, String account) {
    return world.disk().image().monitors(Bank.id(Bank.ACCOUNT, account), 0, MONITORS_MAX);
  }

  private static String name(MonitorRow monitor) {
    String id = monitor.monitorId();
    return monitor.watcher().key() + " " + id.substring(id.lastIndexOf('.') + 1);
  }

  // ---- checker

  @Override
  public String name() {
    return "monitors tell once";
  }

  @Override
  public void crashed(World world) {
    // What was not on disk yet did not happen.
    owed.clear();
    check(world);
  }

  @Override
  public void atRest(World world) {
    check(world);
    for (String account : clients.accounts()) {
      for (MonitorRow monitor : set(world, account)) {
        if (owed.contains(name(monitor))) {
          world.violated(
              name(), account + " has crashed and monitor " + name(monitor) + " was not told");
        }
      }
    }
  }

  private void check(World world) {
    BankBooks books = BankBooks.of(world, clients);
    Map<String, Integer> set = new TreeMap<>();
    for (String account : clients.accounts()) {
      set(world, account).forEach(monitor -> set.merge(name(monitor), 1, Integer::sum));
    }
    for (String key : NAMES) {
      TrackedState warden = Bank.onDisk(world, Bank.WARDEN, key);
      for (String reference : warden.map("watched").keySet()) {
        int isSet = set.getOrDefault(key + " " + reference, 0);
        long told =
            BankBooks.count(Bank.list(warden, "told"), reference)
                + letters(books.waiting, key, reference)
                + letters(books.buried, key, reference);
        boolean dropped = Bank.list(warden, "dropped").contains(reference);
        if (isSet + told > 1 || dropped && isSet > 0 || !dropped && isSet + told == 0) {
          world.violated(
              name(),
              "monitor "
                  + reference
                  + " of "
                  + key
                  + " is set "
                  + isSet
                  + " times, told "
                  + told
                  + " times"
                  + (dropped ? ", and dropped" : ""));
        }
      }
    }
  }

  private static long letters(List<BankBooks.Letter> letters, String warden, String reference) {
    return letters.stream()
        .filter(
            letter ->
                letter.to().equals(Bank.id(Bank.WARDEN, warden))
                    && letter.operation().equals(Bank.DOWN)
                    && ("" + letter.fields().map().get("monitor_ref")).equals(reference))
        .count();
  }
}
