package dev.plexspaces.kernel.supervision;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.kernel.supervision.Phase.Transition;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

/// Drives supervisors with random events in random order and checks what must hold whatever
/// happens.
///
/// The world here knows nothing of the rules: a child starts, fails, exits, hangs or obeys as the
/// seed says, and news of different children overtake each other.
class SupervisorRandomTest {

  private static final int SEEDS = 1_500;
  private static final int STEPS = 120;

  @Test
  void randomEvents_neverBreakTheInvariants_andEveryTransitionIsSeen() {
    Set<Transition> seen = new HashSet<>();
    for (long seed = 0; seed < SEEDS; seed++) {
      World world = new World(seed, seen);
      try {
        world.play();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed + " after " + world.trace, e);
      }
    }
    // The table, and with it the diagram, claims nothing that does not happen.
    assertThat(seen).containsExactlyInAnyOrderElementsOf(Phase.TRANSITIONS);
  }

  @Test
  void sameSeed_sameEffects() {
    World first = new World(7, new HashSet<>());
    World second = new World(7, new HashSet<>());
    first.play();
    second.play();
    assertThat(first.trace).isEqualTo(second.trace).isNotEmpty();
  }

  private static final class World {
    final List<String> trace = new ArrayList<>();
    private final RandomGenerator random;
    private final SupervisorSpec spec;
    private final Supervisor machine;
    private Instant now = Instant.EPOCH;

    /// News of each run in order; those of different runs overtake each other.
    private final LinkedHashMap<Run, ArrayDeque<Event>> news = new LinkedHashMap<>();

    private final LinkedHashMap<Run, Boolean> alive = new LinkedHashMap<>();
    private final Set<Run> timers = new HashSet<>();
    private final Set<Run> killed = new HashSet<>();
    private final Map<String, Long> lastRun = new HashMap<>();
    private final List<Instant> restarts = new ArrayList<>();
    private final Set<Long> openCalls = new HashSet<>();
    private long calls;
    private Run stopping;
    private boolean booted;
    private boolean asked;
    private Effect end;

    World(long seed, Set<Transition> seen) {
      random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
      SupervisionStrategy strategy = pick(SupervisionStrategy.values());
      int children = strategy == SupervisionStrategy.SIMPLE_ONE_FOR_ONE ? 1 : random.nextInt(5);
      List<Child> list = new ArrayList<>();
      for (int i = 0; i < children; i++) {
        list.add(child("c" + i));
      }
      spec =
          new SupervisorSpec(
              "root",
              strategy,
              random.nextInt(4),
              Duration.ofMillis(1 + random.nextInt(30)),
              RestartType.PERMANENT,
              SupervisorSpec.UNBOUNDED,
              list);
      machine =
          new Supervisor(
              spec,
              transition -> {
                seen.add(transition);
                countRestart(transition);
              });
    }

    /// Each time it leaves RUNNING because of an exit, that is one restart or one too many.
    private void countRestart(Transition transition) {
      if (transition.from() != Phase.RUNNING
          || (transition.on() != Event.ChildExited.class
              && transition.on() != Event.TryAgain.class)) {
        return;
      }
      restarts.add(now);
      Instant threshold = now.minus(spec.window());
      long recent = restarts.stream().filter(at -> !at.isBefore(threshold)).count();
      assertThat(recent > spec.maxRestarts())
          .as("gives up at restart %d of at most %d", recent, spec.maxRestarts())
          .isEqualTo(transition.to().ending());
    }

    void play() {
      if (random.nextInt(50) > 0) {
        booted = true;
        take(new Event.StartAll());
      }
      for (int step = 0; step < STEPS && end == null; step++) {
        now = now.plusMillis(random.nextInt(5));
        step();
      }
      if (end == null) {
        asked = true;
        take(new Event.StopAll(ExitReason.SHUTDOWN));
      }
      // From here on nothing new happens, timers fire, and the machine has to end.
      for (int step = 0; end == null; step++) {
        assertThat(step).as("steps to stop everything").isLessThan(1_000);
        for (Run run : List.copyOf(timers)) {
          timers.remove(run);
          take(new Event.ShutdownTimeout(run));
        }
        if (end == null && !deliverNews()) {
          // A child without a timer that hangs: nobody but itself can end this.
          alive.keySet().stream().toList().forEach(run -> exit(run, ExitReason.SHUTDOWN));
        }
      }
      assertThat(alive).as("alive after the end").isEmpty();
      assertThat(openCalls).as("calls without an answer").isEmpty();
      assertThat(machine.phase()).isEqualTo(Phase.EXITED);
      assertThat(machine.on(new Event.StopAll(ExitReason.NORMAL), now)).isEmpty();
      assertThat(end)
          .isInstanceOfAny(Effect.Stopped.class, Effect.GiveUp.class, Effect.StartFailed.class);
      assertThat(asked || !(end instanceof Effect.Stopped)).isTrue();
    }

    private void step() {
      switch (random.nextInt(12)) {
        case 0 -> call();
        case 1 -> crash();
        case 2 -> hangingChildExits();
        case 3 -> staleNews();
        case 4 -> fireTimer();
        case 5 -> {
          if (random.nextInt(12) == 0) {
            asked = true;
            take(new Event.StopAll(ExitReason.SHUTDOWN));
          }
        }
        default -> deliverNews();
      }
    }

    private void call() {
      long id = ++calls;
      String child = "c" + random.nextInt(7);
      openCalls.add(id);
      take(
          switch (random.nextInt(6)) {
            case 0, 1 -> new Event.StartChild(id, child(child));
            case 2 -> new Event.TerminateChild(id, child);
            case 3 -> new Event.RestartChild(id, child);
            case 4 -> new Event.DeleteChild(id, child);
            default -> new Event.SimpleStart(id, child, Map.of());
          });
    }

    private void crash() {
      List<Run> up = alive.keySet().stream().filter(alive::get).toList();
      if (!up.isEmpty()) {
        exit(up.get(random.nextInt(up.size())), reason());
      }
    }

    private void hangingChildExits() {
      if (!alive.isEmpty()) {
        List<Run> runs = List.copyOf(alive.keySet());
        exit(runs.get(random.nextInt(runs.size())), reason());
      }
    }

    private void staleNews() {
      Run run = new Run("c" + random.nextInt(7), random.nextInt(20));
      if (alive.containsKey(run) || news.containsKey(run) || run.number() >= current(run)) {
        return;
      }
      Event event =
          switch (random.nextInt(4)) {
            case 0 -> new Event.ChildStarted(run);
            case 1 -> new Event.ChildStartFailed(run, Specs.NO_START);
            case 2 -> new Event.ShutdownTimeout(run);
            default -> new Event.ChildExited(run, Specs.ERROR);
          };
      trace.add("stale " + event);
      assertThat(machine.on(event, now)).isEmpty();
    }

    private long current(Run run) {
      return lastRun.getOrDefault(run.id(), 0L);
    }

    private void fireTimer() {
      if (!timers.isEmpty()) {
        Run run = timers.stream().min((a, b) -> Long.compare(a.number(), b.number())).orElseThrow();
        timers.remove(run);
        take(new Event.ShutdownTimeout(run));
      }
    }

    private boolean deliverNews() {
      if (news.isEmpty()) {
        return false;
      }
      List<Run> runs = List.copyOf(news.keySet());
      Run run = runs.get(random.nextInt(runs.size()));
      Event event = news.get(run).removeFirst();
      if (news.get(run).isEmpty()) {
        news.remove(run);
      }
      take(event);
      return true;
    }

    private void take(Event event) {
      trace.add(event.toString());
      for (Effect effect : machine.on(event, now)) {
        trace.add("  " + effect);
        assertThat(end).as("effects after the final one").isNull();
        check(effect);
      }
      if (machine.phase() == Phase.RUNNING) {
        assertThat(machine.children())
            .as("nothing in progress")
            .allMatch(
                child ->
                    switch (child.state()) {
                      case STOPPED, RUNNING, RESTARTING -> true;
                      case STARTING, EXITED, STOPPING -> false;
                    });
      }
      assertThat(machine.children().stream().map(Supervisor.ChildStatus::id))
          .doesNotHaveDuplicates();
    }

    private void check(Effect effect) {
      switch (effect) {
        case Effect.Start start -> start(start.run(), start.child());
        case Effect.Stop stop -> {
          stopInOrder(stop.run());
          if (alive.containsKey(stop.run()) && random.nextInt(3) > 0) {
            exit(stop.run(), random.nextInt(4) > 0 ? ExitReason.SHUTDOWN : reason());
          }
        }
        case Effect.Kill kill -> {
          assertThat(killed.add(kill.run())).as("killed twice").isTrue();
          if (stopping == null || !stopping.equals(kill.run())) {
            stopInOrder(kill.run());
          }
          if (alive.containsKey(kill.run())) {
            exit(kill.run(), ExitReason.KILLED);
          }
        }
        case Effect.ArmShutdownTimer arm -> {
          assertThat(arm.timeout()).isPositive();
          assertThat(timers.add(arm.run())).isTrue();
        }
        case Effect.CancelShutdownTimer cancel ->
            assertThat(timers.remove(cancel.run())).as("timer to cancel").isTrue();
        case Effect.Answer answer ->
            assertThat(openCalls.remove(answer.call())).as("call to answer").isTrue();
        case Effect.Started started -> assertThat(booted).isTrue();
        case Effect.Report report -> assertThat(report.reason()).isNotNull();
        case Effect.StartFailed failed -> end = effect;
        case Effect.Stopped stopped -> end = effect;
        case Effect.GiveUp giveUp -> {
          assertThat(giveUp.reason().abnormal()).isTrue();
          end = effect;
        }
      }
    }

    private void start(Run run, Child child) {
      assertThat(run.id()).isEqualTo(child.id());
      assertThat(alive.keySet().stream().map(Run::id))
          .as("two lives of one child")
          .doesNotContain(run.id());
      assertThat(run.number())
          .isGreaterThan(lastRun.values().stream().mapToLong(n -> n).max().orElse(0));
      assertThat(alive.values()).as("one start at a time").doesNotContain(false);
      if (spec.strategy() != SupervisionStrategy.SIMPLE_ONE_FOR_ONE) {
        assertThat(stopping == null || !alive.containsKey(stopping))
            .as("no start while one stops")
            .isTrue();
      }
      lastRun.put(run.id(), run.number());
      alive.put(run, false);
      if (machine.phase() == Phase.STARTING) {
        assertThat(machine.children().stream().takeWhile(each -> !each.id().equals(run.id())))
            .as("children before %s are up", run)
            .allMatch(
                each -> EnumSet.of(ChildState.RUNNING, ChildState.EXITED).contains(each.state()));
      }
      switch (random.nextInt(8)) {
        case 0 -> {
          alive.remove(run);
          tell(run, new Event.ChildStartFailed(run, Specs.NO_START));
        }
        case 1 -> {}
        default -> {
          alive.put(run, true);
          tell(run, new Event.ChildStarted(run));
        }
      }
    }

    /// Children stop one at a time, the ones started later first.
    private void stopInOrder(Run run) {
      if (spec.strategy() == SupervisionStrategy.SIMPLE_ONE_FOR_ONE) {
        stopping = run;
        return;
      }
      assertThat(stopping == null || !alive.containsKey(stopping))
          .as("one stop at a time, %s and %s", stopping, run)
          .isTrue();
      stopping = run;
      if (machine.phase().ending()) {
        List<String> order = machine.children().stream().map(Supervisor.ChildStatus::id).toList();
        assertThat(alive.keySet())
            .as("children started after %s are gone", run)
            .allMatch(other -> order.indexOf(other.id()) <= order.indexOf(run.id()));
      }
    }

    private void exit(Run run, ExitReason reason) {
      alive.remove(run);
      tell(run, new Event.ChildExited(run, reason));
    }

    private void tell(Run run, Event event) {
      news.computeIfAbsent(run, key -> new ArrayDeque<>()).addLast(event);
    }

    private Child child(String id) {
      Duration timeout =
          switch (random.nextInt(4)) {
            case 0 -> Duration.ZERO;
            case 1 -> SupervisorSpec.UNBOUNDED;
            default -> Specs.SHUTDOWN;
          };
      return new SupervisorSpec.Worker(
          Specs.spec(id).restart(pick(RestartType.values())).shutdownTimeout(timeout));
    }

    private ExitReason reason() {
      return pick(
          new ExitReason[] {
            ExitReason.NORMAL, ExitReason.SHUTDOWN, ExitReason.KILLED, Specs.ERROR
          });
    }

    private <T> T pick(T[] values) {
      return values[random.nextInt(values.length)];
    }
  }
}
