package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/// A bank of durable actors: accounts that send each other money by durable tells, tellers that
/// move money with asks, auditors that are told of everything, wardens that monitor accounts. Every
/// effect leaves its request's id in the state, so that checkers can count it.
final class Bank {

  static final Scope SCOPE = new Scope("acme", "prod");
  static final String ACCOUNT = "account";
  static final String TELLER = "teller";
  static final String AUDITOR = "auditor";
  static final String WARDEN = "warden";

  /// What a warden is told when an account it monitors has crashed or stopped.
  static final String DOWN = "__DOWN__";

  /// What an account has at first.
  static final long OPENING_BALANCE = 1_000;

  /// Credits of this amount are refused by their receiver and end among the dead letters.
  static final long REFUSED_AMOUNT = 13;

  /// The list of an account or teller where each request with an idempotency key leaves its key.
  static final String KEYS = "keys";

  private static final Duration ASK_TIMEOUT = Duration.ofSeconds(5);

  /// Longer than anything that is not a deadlock lasts.
  private static final Duration CHAIN_TIMEOUT = Duration.ofHours(1);

  private static final Duration IDLE_TIMEOUT = Duration.ofMillis(400);

  private Bank() {}

  static ActorId id(String type, String key) {
    return new ActorId(SCOPE, type, key);
  }

  /// Told by the actors of what only they can see.
  interface Watch {
    void entered(ActorId id, Object instance);

    void left(ActorId id, Object instance);

    /// A handler throws what makes its actor crash.
    void crashes(ActorId id);

    /// An actor stops in order, with nothing on its way to the disk.
    void passivates(ActorId id, String state);
  }

  static ApplicationUnit application(World world, Watch watch) {
    return new ApplicationUnit(
        "bank",
        "1.0.0",
        Optional.empty(),
        SCOPE,
        List.of(
            offer(ACCOUNT, w -> new Account(w, watch), world),
            offer(TELLER, w -> new Teller(w, watch), world),
            offer(AUDITOR, w -> new Auditor(w, watch), world),
            offer(WARDEN, w -> new Warden(w, watch), world)),
        Map.of(),
        new SupervisorSpec(
            "bank",
            SupervisionStrategy.ONE_FOR_ONE,
            SupervisorSpec.MAX_RESTARTS,
            SupervisorSpec.WINDOW,
            RestartType.PERMANENT,
            SupervisorSpec.UNBOUNDED,
            List.of()));
  }

  private static ApplicationUnit.Offer offer(
      String name, Function<World, Actor> make, World world) {
    FacetSpec virtual =
        new FacetSpec(
            "virtual_actor",
            FacetSpec.DEFAULT_PRIORITY,
            Map.of("idle_timeout", IDLE_TIMEOUT.toMillis() + "ms"));
    return new ApplicationUnit.Offer(
        new Type(name, () -> make.apply(world)), List.of(virtual, FacetSpec.of("durability")));
  }

  private record Type(String name, java.util.function.Supplier<Actor> make) implements ActorType {
    @Override
    public Behavior behavior() {
      return Behavior.GEN_SERVER;
    }

    @Override
    public SortedSet<String> operations() {
      return new TreeSet<>(List.of("*"));
    }

    @Override
    public List<FacetSpec> facets() {
      return List.of();
    }

    @Override
    public Actor create() {
      return make.get();
    }

    @Override
    public void requireDurable() {
      // All of its state is tracked.
    }
  }

  /// What all actors of the bank have in common.
  private abstract static class Member implements Actor, DurableState {
    final World world;
    final TrackedState state = new TrackedState();
    private final Watch watch;
    private final long refusals;

    Member(World world, Watch watch) {
      this.world = world;
      this.refusals = world.refusals();
      this.watch = watch;
    }

    @Override
    public Object handle(ActorContext context, Message message) {
      ActorId me = id(context.self().type(), context.self().key());
      watch.entered(me, this);
      try {
        String where = message.type() + " of " + context.self();
        world.maybeCrash("begin of " + where);
        Object reply =
            message.type().equals("snapshot")
                ? state.toString()
                : on(context, message.type(), new Fields((Map<?, ?>) message.payload()));
        world.maybeCrash("end of " + where);
        return reply;
      } catch (IllegalStateException crash) {
        if (refusals == world.refusals()) {
          watch.crashes(me);
        }
        throw crash;
      } finally {
        watch.left(me, this);
      }
    }

    abstract Object on(ActorContext context, String operation, Fields fields);

    /// Leaves a key behind; what it returns would be another one if it ran again.
    Map<String, Object> enter(Fields f, String key) {
      state.append(KEYS, key);
      Map<String, Object> entered =
          new TreeMap<>(Map.of("key", key, "place", state.list(KEYS).size()));
      if (f.is("refuse")) {
        throw new ActorException("refused after it was entered");
      }
      return entered;
    }

    @Override
    public void terminate(ActorContext context, ExitReason reason) {
      // An instance is also thrown away because the disk refused what it has.
      if (!reason.abnormal() && refusals == world.refusals()) {
        watch.passivates(id(context.self().type(), context.self().key()), state.toString());
      }
    }

    @Override
    public List<StateChange> drainChanges() {
      return state.drainChanges();
    }

    @Override
    public void rollback() {
      state.rollback();
    }

    @Override
    public void restore(List<StateChange> changes) {
      state.restore(changes);
    }
  }

  /// The fields of a payload.
  record Fields(Map<?, ?> map) {
    String text(String name) {
      return (String) map.get(name);
    }

    long number(String name) {
      return ((Number) map.get(name)).longValue();
    }

    boolean is(String name) {
      return Boolean.TRUE.equals(map.get(name));
    }
  }

  /// Money, with a list of where each bit of it came from and went.
  private static final class Account extends Member {

    Account(World world, Watch watch) {
      super(world, watch);
    }

    @Override
    public void init(ActorContext context, Map<String, Object> args) {
      state.put("balance", "", OPENING_BALANCE);
    }

    @Override
    Object on(ActorContext context, String operation, Fields f) {
      String id = f.text("id");
      switch (operation) {
        case "transfer" -> {
          long amount = f.number("amount");
          String to = f.text("to");
          add(-amount);
          if (balance() < 0) {
            // After the change, so that it has to be rolled back.
            throw new ActorException("insufficient funds");
          }
          state.append("sent", id);
          long n = state.number("last_to", to) + 1;
          state.put("last_to", to, n);
          context.tell(
              context.actor(ACCOUNT, to),
              "credit",
              Map.of("id", id, "amount", amount, "from", context.self().key(), "n", n));
          world.maybeCrash("middle of transfer");
          audit(context, "debit " + id);
          return balance();
        }
        case "credit" -> {
          long amount = f.number("amount");
          String from = f.text("from");
          add(amount);
          state.append("credited", id);
          state.append("order", from + ":" + f.number("n"));
          audit(context, "credit " + id);
          if (amount == REFUSED_AMOUNT) {
            throw new ActorException("this account takes no such amount");
          }
          return null;
        }
        case "withdraw", "deposit" -> {
          long amount = f.number("amount");
          if (operation.equals("withdraw") && balance() < amount) {
            throw new ActorException("insufficient funds");
          }
          state.append("asked", operation + " " + id);
          state.put(operation, id, f.map.containsKey("lot") ? f.map.get("lot") : amount);
          add(operation.equals("withdraw") ? -amount : amount);
          return balance();
        }
        case "note" -> state.append("notes", f.text("client") + ":" + f.number("n"));
        case "schedule" -> {
          Duration delay = Duration.ofMillis(f.number("delay"));
          long timer = context.sendAfter(delay, "accrue", Map.of("id", id));
          state.put("timers", id, timer);
          state.put("due", id, context.now().plus(delay).toEpochMilli());
          world.maybeCrash("middle of schedule");
          return timer;
        }
        case "accrue" -> {
          long due = state.number("due", id);
          state.append("fired", id);
          if (context.now().toEpochMilli() < due) {
            state.append("early", id);
          }
          add(1);
          audit(context, "interest " + id);
        }
        case "cancel" -> {
          String timer = f.text("timer");
          boolean cancelled =
              state.has("timers", timer) && context.cancelTimer(state.number("timers", timer));
          if (cancelled) {
            state.append("cancelled", timer);
          }
          return cancelled;
        }
        case "enter" -> {
          return enter(f, f.text("key"));
        }
        case "poison" -> throw new IllegalStateException("poison");
        default ->
            throw new ActorException(ErrorCode.UNKNOWN_OPERATION, "no operation " + operation);
      }
      return null;
    }

    private void audit(ActorContext context, String entry) {
      long n = state.number("last_to", "auditor") + 1;
      state.put("last_to", "auditor", n);
      context.tell(
          context.actor(AUDITOR, "main"),
          "entry",
          Map.of("id", entry, "from", context.self().key(), "n", n));
    }

    private long balance() {
      return state.number("balance", "");
    }

    private void add(long amount) {
      state.put("balance", "", balance() + amount);
    }
  }

  /// Is told of everything that happened to the accounts.
  private static final class Auditor extends Member {

    Auditor(World world, Watch watch) {
      super(world, watch);
    }

    @Override
    Object on(ActorContext context, String operation, Fields f) {
      state.append("entries", f.text("id"));
      state.append("order", f.text("from") + ":" + f.number("n"));
      return null;
    }
  }

  /// Monitors accounts.
  private static final class Warden extends Member {

    Warden(World world, Watch watch) {
      super(world, watch);
    }

    @Override
    Object on(ActorContext context, String operation, Fields f) {
      switch (operation) {
        case "watch" -> {
          watch(context, f);
          if (f.is("twice")) {
            // In a turn that is perhaps resumed, and must then get the same references.
            step(context);
            watch(context, f);
          }
        }
        case "unwatch" -> {
          if (state.has("references", f.text("id"))) {
            long reference = state.number("references", f.text("id"));
            context.demonitor(reference);
            state.append("dropped", "" + reference);
            world.count("monitors dropped");
          }
        }
        case DOWN -> {
          String reference = "" + f.number("monitor_ref");
          state.append("told", reference);
          world.count("monitors told");
        }
        default ->
            throw new ActorException(ErrorCode.UNKNOWN_OPERATION, "no operation " + operation);
      }
      return null;
    }

    private void watch(ActorContext context, Fields f) {
      long reference = context.monitor(context.actor(ACCOUNT, f.text("account")));
      state.put("watched", "" + reference, f.text("account"));
      state.put("references", f.text("id"), reference);
    }

    private void step(ActorContext context) {
      try {
        context.step("pause", () -> 1);
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception impossible) {
        throw new AssertionError(impossible);
      }
    }
  }

  /// Moves money with two asks: a turn with commit points.
  private static final class Teller extends Member {

    Teller(World world, Watch watch) {
      super(world, watch);
    }

    @Override
    Object on(ActorContext context, String operation, Fields f) {
      return switch (operation) {
        case "move" -> move(context, f);
        case "errand" -> errand(context, f);
        case "chain" -> chain(context, f);
        default ->
            throw new ActorException(ErrorCode.UNKNOWN_OPERATION, "no operation " + operation);
      };
    }

    private Object move(ActorContext context, Fields f) {
      String id = f.text("id");
      long amount = f.number("amount");
      state.append("begun", id);
      state.put("steps", "", state.number("steps", "") + 1);
      try {
        context.ask(
            context.actor(ACCOUNT, f.text("from")),
            "withdraw",
            Map.of("id", id, "amount", amount),
            ASK_TIMEOUT);
      } catch (PlexException e) {
        if (e.code() != ErrorCode.FAILED_PRECONDITION) {
          throw e;
        }
        state.append("refused", id);
        return "refused";
      }
      world.maybeCrash("between the asks of " + id);
      // Time and chance of this segment, in its state and in the next call: the same in a replay.
      String lot = context.now().toEpochMilli() + "/" + context.random().nextInt(1_000_000);
      state.put("lots", id, lot);
      state.put("steps", "", state.number("steps", "") + 1);
      Map<String, Object> deposit = new TreeMap<>();
      deposit.put("id", id);
      deposit.put("amount", amount);
      deposit.put("lot", lot);
      context.ask(context.actor(ACCOUNT, f.text("to")), "deposit", deposit, ASK_TIMEOUT);
      world.maybeCrash("after the asks of " + id);
      state.append("ended", id);
      state.put("steps", "", state.number("steps", "") + 1);
      // To itself and to another, from a turn that was perhaps resumed.
      context.tell(
          context.actor(AUDITOR, "main"),
          "entry",
          Map.of("id", "move " + id, "from", "teller-" + context.self().key(), "n", next()));
      return "moved";
    }

    /// Enters its key here and at accounts, with an ask each.
    private Object errand(ActorContext context, Fields f) {
      String key = f.text("key");
      Map<String, Object> entered = enter(new Fields(Map.of()), key);
      Duration patience = Duration.ofMillis(f.number("patience"));
      int stop = 0;
      for (Object account : (List<?>) f.map.get("accounts")) {
        String entry = "errand " + key + " of " + context.self().key() + " stop " + ++stop;
        try {
          Fields answer =
              new Fields(
                  (Map<?, ?>)
                      context.ask(
                          context.actor(ACCOUNT, (String) account),
                          "enter",
                          Map.of("key", entry),
                          patience));
          state.append(
              "answers",
              account + "|" + entry + "|" + answer.text("key") + "|" + answer.number("place"));
        } catch (PlexException e) {
          if (e.code() != ErrorCode.TIMEOUT) {
            throw e;
          }
          state.append("given_up", entry);
        }
        world.maybeCrash("middle of errand " + key);
      }
      state.append("finished", key);
      if (f.is("refuse")) {
        throw new ActorException("refused after its asks");
      }
      return entered;
    }

    /// Asks the next teller of a path to ask the next one, which may be one that waits already.
    private Object chain(ActorContext context, Fields f) {
      String key = f.text("key");
      long hop = f.number("hop");
      Map<String, Object> entered = enter(new Fields(Map.of()), hop == 0 ? key : key + "." + hop);
      List<?> path = (List<?>) f.map.get("path");
      if (!path.isEmpty()) {
        String name = hop == 0 ? key + " of " + context.self().key() : key;
        Map<String, Object> rest = new TreeMap<>();
        rest.put("key", name);
        rest.put("hop", hop + 1);
        rest.put("path", path.subList(1, path.size()));
        String outcome;
        try {
          context.ask(
              context.actor(TELLER, (String) path.getFirst()), "chain", rest, CHAIN_TIMEOUT);
          outcome = "answered";
          world.count("crossing asks answered");
        } catch (PlexException e) {
          outcome = e.code().name();
          if (e.code() == ErrorCode.DEADLOCK) {
            world.count("deadlocks refused");
          }
        }
        world.maybeCrash("behind hop " + hop + " of " + name);
        state.append("hops", name + "." + (hop + 1) + "|" + outcome);
      }
      if (hop == 0) {
        state.append("finished", key);
      }
      return entered;
    }

    private long next() {
      long n = state.number("last_to", "auditor") + 1;
      state.put("last_to", "auditor", n);
      return n;
    }
  }

  /// An actor's state on the disk, without an open turn's changes.
  static TrackedState onDisk(World world, String type, String key) {
    TrackedState state = new TrackedState();
    state.restore(world.disk().image().load(id(type, key)).changes());
    return state;
  }

  /// The elements of a list of an actor on the disk.
  static List<String> list(TrackedState state, String field) {
    List<String> texts = new ArrayList<>();
    state.list(field).forEach(e -> texts.add((String) e));
    return texts;
  }
}
