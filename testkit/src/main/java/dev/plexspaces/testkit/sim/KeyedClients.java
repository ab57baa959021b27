package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Clients that give their requests idempotency keys and send each of them until it has an outcome:
/// again after an error, a lost answer or when they grow impatient, some twice at once, some long
/// after they were answered, some with another body under the same key.
final class KeyedClients {

  /// How often a client tries again after it heard of a crash while nothing fails any more, or of a
  /// conflict nobody is known to have won. After that it is what the key stands for: a turn that
  /// failed after it had committed something.
  private static final int INSISTENCE = 6;

  /// Copies of one request that its client has on the way at once, at most.
  private static final int AT_ONCE_MAX = 3;

  /// A request, however often it is sent.
  static final class Request {
    final String key;
    final ActorId to;
    final String operation;
    final boolean ask;
    final Map<String, Object> payload;

    /// The same for all requests of one key to one actor.
    final Outcome outcome;

    boolean over;

    /// Why it was refused; null when it was not.
    ErrorCode error;

    private int insisted;

    /// Sent and without an outcome, and whether it is going to be sent once more.
    private int onTheWay;

    private boolean waiting;

    Request(
        String key,
        ActorId to,
        String operation,
        boolean ask,
        Map<String, Object> payload,
        Outcome outcome) {
      this.key = key;
      this.to = to;
      this.operation = operation;
      this.ask = ask;
      this.payload = payload;
      this.outcome = outcome;
    }

    @Override
    public String toString() {
      return (ask ? "ask " : "tell ")
          + "with key "
          + key
          + " to "
          + to.type()
          + "/"
          + to.key()
          + " "
          + operation
          + " "
          + new TreeMap<>(payload);
    }
  }

  /// What is known of a key at an actor.
  static final class Outcome {
    /// The first answer that left the node, canonical JSON; null for none.
    String answer;

    /// Who got it.
    Request answered;
  }

  private final SimEntropy entropy;
  private final BankClients clients;
  private final int size;
  private final List<Request> requests = new ArrayList<>();
  private int sent;

  KeyedClients(long seed, int size, BankClients clients) {
    this.entropy = new SimEntropy(seed).stream("keyed clients");
    this.size = size;
    this.clients = clients;
  }

  List<Request> requests() {
    return requests;
  }

  void begin(World world) {
    int count = (int) entropy.between(size / 4, size);
    Duration at = Duration.ZERO;
    for (int i = 0; i < count; i++) {
      clients.begins();
      world.after(at, "client", () -> begin(world, draw()));
      at = at.plus(BankClients.pause(entropy));
    }
  }

  private Request draw() {
    // One key in some is used at two actors, where it stands for two things.
    String key = "k" + (entropy.chance(0.1) && !requests.isEmpty() ? 0 : requests.size());
    boolean refuse = entropy.chance(0.1);
    int kind = (int) entropy.between(0, 99);
    boolean ask = entropy.chance(0.6);
    Map<String, Object> payload = new TreeMap<>();
    payload.put("key", key);
    ActorId to;
    String operation;
    if (kind < 45) {
      operation = "enter";
      to = Bank.id(Bank.ACCOUNT, pick(clients.accounts()));
      payload.put("refuse", refuse);
    } else if (kind < 75) {
      operation = "errand";
      to = Bank.id(Bank.TELLER, pick(clients.tellers()));
      payload.put("refuse", refuse);
      payload.put("accounts", List.of(pick(clients.accounts()), pick(clients.accounts())));
      payload.put("patience", entropy.chance(0.3) ? entropy.between(1, 20) : 60_000);
    } else {
      operation = "chain";
      to = Bank.id(Bank.TELLER, pick(clients.tellers()));
      List<String> path = new ArrayList<>();
      for (long hops = entropy.between(1, 3); hops > 0; hops--) {
        path.add(pick(clients.tellers()));
      }
      payload.put("hop", 0);
      payload.put("path", path);
    }
    boolean used = requests.stream().anyMatch(r -> r.key.equals(key) && r.to.equals(to));
    if (used) {
      return draw();
    }
    return new Request(key, to, operation, ask, payload, new Outcome());
  }

  private String pick(List<String> from) {
    return from.get((int) entropy.between(0, from.size() - 1));
  }

  private void begin(World world, Request request) {
    requests.add(request);
    send(world, request);
    if (entropy.chance(0.15)) {
      world.count("duplicates at once");
      send(world, request);
    }
    if (entropy.chance(0.1)) {
      clients.begins();
      world.after(BankClients.pause(entropy), "client", () -> repeat(world, request, true));
    }
  }

  /// Somebody uses a key again.
  ///
  /// @param other with another body
  private void repeat(World world, Request request, boolean other) {
    Map<String, Object> payload = new TreeMap<>(request.payload);
    if (other) {
      payload.put("other", true);
    }
    Request repeated =
        new Request(
            request.key, request.to, request.operation, request.ask, payload, request.outcome);
    requests.add(repeated);
    world.count(other ? "other bodies" : "repetitions long after");
    send(world, repeated);
  }

  private void send(World world, Request request) {
    request.onTheWay++;
    // What its key stands for is settled before this one is sent.
    boolean conflicts =
        request.outcome.answered != null
            && !request.outcome.answered.payload.equals(request.payload);
    Duration timeout =
        entropy.chance(0.2) ? Duration.ofMillis(entropy.between(1, 50)) : Duration.ofSeconds(20);
    world.client(
        request.ask,
        World.context(Bank.SCOPE.tenant(), Bank.SCOPE.namespace(), "q" + sent++),
        new Invoker.Target(request.to.type(), Optional.of(request.to.key())),
        new Invoker.Request(
            request.operation, request.payload, false, Map.of(), timeout, Optional.of(request.key)),
        new World.Outcome() {
          @Override
          public void promised(Object reply) {
            if (conflicts) {
              world.violated(
                  KeysOnce.NAME,
                  request + " was answered although its key stands for another body");
            }
            KeysOnce.answered(world, request, reply);
          }

          @Override
          public void replied(Object reply) {
            over(world, request, null);
          }

          @Override
          public void failed(PlexException error) {
            refused(world, request, error);
          }

          @Override
          public void lost() {
            again(world, request, "retries of lost answers");
          }

          @Override
          public void unreachable() {
            again(world, request, "retries of refused connections");
          }
        });
    if (entropy.chance(0.2)) {
      world.after(
          Duration.ofMillis(entropy.between(1, 300)),
          "client",
          () -> {
            if (!request.over && request.onTheWay > 0 && request.onTheWay < AT_ONCE_MAX) {
              world.count("impatient repetitions");
              send(world, request);
            }
          });
    }
  }

  private void refused(World world, Request request, PlexException error) {
    switch (error.code()) {
      case FAILED_PRECONDITION -> over(world, request, error.code());
      case CONFLICT -> {
        world.count("conflicts");
        if (request.outcome.answered != null || ++request.insisted >= INSISTENCE) {
          over(world, request, error.code());
        } else {
          again(world, request, "retries of errors");
        }
      }
      case ACTOR_CRASHED -> {
        if (world.faults().equals(Faults.none()) && ++request.insisted >= INSISTENCE) {
          over(world, request, error.code());
        } else {
          again(world, request, "retries of crashes");
        }
      }
      case TIMEOUT, UNAVAILABLE, QUARANTINED, RESOURCE_EXHAUSTED ->
          again(world, request, "retries of errors");
      default -> world.violated(KeysOnce.NAME, request + " failed: " + error.getMessage());
    }
  }

  private void again(World world, Request request, String why) {
    request.onTheWay--;
    if (request.over || request.waiting || request.onTheWay > 0) {
      return;
    }
    request.waiting = true;
    world.count(why);
    // Now and then long after.
    Duration pause =
        entropy.chance(0.1)
            ? Duration.ofSeconds(entropy.between(1, 1_200))
            : BankClients.pause(entropy).plusMillis(1);
    world.after(
        pause,
        "client",
        () -> {
          request.waiting = false;
          if (!request.over) {
            send(world, request);
          }
        });
  }

  private void over(World world, Request request, ErrorCode error) {
    if (request.over) {
      return;
    }
    request.over = true;
    request.error = error;
    if (error == null && entropy.chance(0.2)) {
      boolean other = entropy.chance(0.3);
      clients.begins();
      world.after(
          Duration.ofSeconds(entropy.between(1, 3_600)),
          "client",
          () -> repeat(world, request, other));
    }
    clients.ends();
  }
}
