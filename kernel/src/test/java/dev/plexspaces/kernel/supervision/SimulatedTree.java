package dev.plexspaces.kernel.supervision;

import dev.plexspaces.kernel.supervision.Phase.Transition;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import dev.plexspaces.sdk.SupervisorSpec.Nested;
import dev.plexspaces.sdk.SupervisorSpec.Worker;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongFunction;

/// Carries out the effects of a tree of supervisors on imaginary processes, one event at a time,
/// and fails the test when an effect makes no sense.
///
/// A process is named by its path below the root, such as `left/worker`; the root is "". Starts
/// succeed and stops are obeyed at once unless a test says otherwise. [#log] reads `+a` start, `-a`
/// stop, `!a` kill, and the words of the root's own announcements.
final class SimulatedTree {

  private static final class Process {
    final Node owner;
    final Run run;
    final String path;
    Node nested;
    boolean up;

    Process(Node owner, Run run, String path) {
      this.owner = owner;
      this.run = run;
      this.path = path;
    }
  }

  private static final class Node {
    final String path;
    final Supervisor machine;
    Process self;
    boolean dead;

    Node(String path, Supervisor machine) {
      this.path = path;
      this.machine = machine;
    }
  }

  private record Delivery(Node node, Event event) {}

  private record Timer(Node node, Run run, Instant due) {}

  final List<String> log = new ArrayList<>();
  final List<Effect.Report> reports = new ArrayList<>();
  final Map<Long, Outcome> answers = new HashMap<>();
  final Set<Transition> transitions = new HashSet<>();

  /// Paths that ignore a stop.
  final Set<String> stubborn = new HashSet<>();

  /// Paths whose starts and stops wait for [#finishStart], [#failStart], [#exit].
  final Set<String> held = new HashSet<>();

  /// Starts of a path that are going to fail.
  final Map<String, Integer> failures = new HashMap<>();

  private final Map<String, Process> processes = new LinkedHashMap<>();
  private final Map<String, Node> nodes = new HashMap<>();
  private final ArrayDeque<Delivery> queue = new ArrayDeque<>();
  private final List<Timer> timers = new ArrayList<>();
  private final SupervisorSpec spec;
  private Instant now = Instant.EPOCH;
  private long calls;

  SimulatedTree(SupervisorSpec spec) {
    this.spec = spec;
  }

  static SimulatedTree started(SupervisorSpec spec) {
    SimulatedTree tree = new SimulatedTree(spec);
    tree.start();
    return tree;
  }

  void start() {
    startNode("", spec, null);
    run();
  }

  /// What the parent of the root does.
  void stop(ExitReason reason) {
    send("", new Event.StopAll(reason));
  }

  void send(String path, Event event) {
    queue.add(new Delivery(nodes.get(path), event));
    run();
  }

  /// Makes a process exit by itself.
  void exit(String path, ExitReason reason) {
    exitQuietly(path, reason);
    run();
  }

  /// Like [#exit], but the supervisor hears of it with the next event.
  void exitQuietly(String path, ExitReason reason) {
    end(live(path), reason);
  }

  void finishStart(String path) {
    Process process = live(path);
    check(!process.up, path + " is up already");
    up(process);
    run();
  }

  void failStart(String path) {
    failQuietly(live(path), StartFailure.because("held"));
    run();
  }

  Outcome call(String supervisor, LongFunction<Event.Call> call) {
    long id = callLater(supervisor, call);
    return answers.get(id);
  }

  /// Makes a call whose answer may come later, in [#answers].
  long callLater(String supervisor, LongFunction<Event.Call> call) {
    long id = ++calls;
    send(supervisor, call.apply(id));
    return id;
  }

  /// Lets time pass and shutdown timers fire.
  void advance(Duration duration) {
    now = now.plus(duration);
    for (Timer timer : List.copyOf(timers)) {
      if (!timer.due.isAfter(now) && timers.remove(timer)) {
        queue.add(new Delivery(timer.node, new Event.ShutdownTimeout(timer.run)));
      }
    }
    run();
  }

  Supervisor supervisor(String path) {
    return nodes.get(path).machine;
  }

  boolean alive(String path) {
    return processes.containsKey(path);
  }

  List<String> alivePaths() {
    return processes.values().stream()
        .filter(process -> process.nested == null)
        .map(process -> process.path)
        .toList();
  }

  /// The run of a live process: differs after a restart.
  Run runOf(String path) {
    return live(path).run;
  }

  int armedTimers() {
    return timers.size();
  }

  /// The log since the last call, in one line.
  String takeLog() {
    String line = String.join(" ", log);
    log.clear();
    return line;
  }

  /// States of the children of a supervisor in one line, such as `a b=STOPPED`.
  String states(String path) {
    Function<Supervisor.ChildStatus, String> text =
        child ->
            child.state() == ChildState.RUNNING ? child.id() : child.id() + "=" + child.state();
    return String.join(" ", supervisor(path).children().stream().map(text).toList());
  }

  private void run() {
    while (!queue.isEmpty()) {
      Delivery delivery = queue.removeFirst();
      if (!delivery.node.dead) {
        for (Effect effect : delivery.node.machine.on(delivery.event, now)) {
          carryOut(delivery.node, effect);
        }
      }
    }
  }

  private void carryOut(Node node, Effect effect) {
    check(!node.dead, "an effect after the final one: " + effect);
    switch (effect) {
      case Effect.Start start -> start(node, start.run(), start.child());
      case Effect.Stop stop -> stop(node, stop.run());
      case Effect.Kill kill -> kill(node, kill.run());
      case Effect.ArmShutdownTimer arm ->
          timers.add(new Timer(node, arm.run(), now.plus(arm.timeout())));
      case Effect.CancelShutdownTimer cancel ->
          check(
              timers.removeIf(timer -> timer.node == node && timer.run.equals(cancel.run())),
              "cancels a timer that is not armed: " + cancel);
      case Effect.Started s -> {
        if (node.self == null) {
          log.add("started");
        } else {
          up(node.self);
        }
      }
      case Effect.StartFailed failed -> {
        requireChildless(node);
        if (node.self == null) {
          announceEnd(node, "start failed");
        } else {
          failQuietly(node.self, failed.failure());
        }
      }
      case Effect.Stopped stopped -> leave(node, stopped.reason(), "stopped");
      case Effect.GiveUp giveUp -> leave(node, giveUp.reason(), "gave up");
      case Effect.Answer answer ->
          check(answers.put(answer.call(), answer.outcome()) == null, "answered twice: " + answer);
      case Effect.Report report -> reports.add(report);
    }
  }

  private void leave(Node node, ExitReason reason, String word) {
    requireChildless(node);
    if (node.self == null) {
      announceEnd(node, word);
    } else {
      end(node.self, reason);
    }
  }

  private void announceEnd(Node node, String word) {
    log.add(word);
    node.dead = true;
  }

  private void requireChildless(Node node) {
    check(
        processes.values().stream().noneMatch(process -> process.owner == node),
        "leaves children behind: " + processes.keySet());
  }

  private void start(Node node, Run run, Child child) {
    String path = node.path.isEmpty() ? run.id() : node.path + "/" + run.id();
    check(!processes.containsKey(path), "two lives at once: " + path);
    log.add("+" + path);
    Process process = new Process(node, run, path);
    processes.put(path, process);
    int failing = failures.getOrDefault(path, 0);
    if (failing > 0) {
      failures.put(path, failing - 1);
      failQuietly(process, StartFailure.because("told to fail"));
      return;
    }
    switch (child) {
      case Nested nested -> startNode(path, nested.spec(), process);
      case Worker worker -> {
        if (!held.contains(path)) {
          up(process);
        }
      }
    }
  }

  private void startNode(String path, SupervisorSpec spec, Process self) {
    Node node = new Node(path, new Supervisor(spec, transitions::add));
    node.self = self;
    if (self != null) {
      self.nested = node;
    }
    nodes.put(path, node);
    queue.add(new Delivery(node, new Event.StartAll()));
  }

  private void up(Process process) {
    process.up = true;
    queue.add(new Delivery(process.owner, new Event.ChildStarted(process.run)));
  }

  private void stop(Node node, Run run) {
    Process process = find(node, run);
    log.add("-" + path(node, run));
    if (process == null || stubborn.contains(process.path)) {
      return;
    }
    if (process.nested != null) {
      queue.add(new Delivery(process.nested, new Event.StopAll(ExitReason.SHUTDOWN)));
    } else if (!held.contains(process.path)) {
      end(process, ExitReason.SHUTDOWN);
    }
  }

  private void kill(Node node, Run run) {
    log.add("!" + path(node, run));
    Process process = find(node, run);
    if (process != null) {
      end(process, ExitReason.KILLED);
    }
  }

  private void end(Process process, ExitReason reason) {
    remove(process);
    queue.add(new Delivery(process.owner, new Event.ChildExited(process.run, reason)));
  }

  private void failQuietly(Process process, StartFailure failure) {
    remove(process);
    queue.add(new Delivery(process.owner, new Event.ChildStartFailed(process.run, failure)));
  }

  /// A process takes everything below it along, as links do.
  private void remove(Process process) {
    check(processes.remove(process.path) == process, "not alive: " + process.path);
    if (process.nested != null) {
      process.nested.dead = true;
      List.copyOf(processes.values()).stream()
          .filter(below -> below.owner == process.nested)
          .forEach(this::remove);
      timers.removeIf(timer -> timer.node == process.nested);
    }
  }

  /// Null when the run has ended and its supervisor has not heard of it yet.
  private Process find(Node node, Run run) {
    Process process = processes.get(path(node, run));
    return process != null && process.owner == node && process.run.equals(run) ? process : null;
  }

  private static String path(Node node, Run run) {
    return node.path.isEmpty() ? run.id() : node.path + "/" + run.id();
  }

  private Process live(String path) {
    Process process = processes.get(path);
    check(process != null, "not alive: " + path);
    return process;
  }

  private void check(boolean condition, String message) {
    if (!condition) {
      throw new AssertionError(message + "; so far: " + log);
    }
  }
}
