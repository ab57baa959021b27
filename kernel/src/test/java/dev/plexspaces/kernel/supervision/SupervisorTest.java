package dev.plexspaces.kernel.supervision;

import static dev.plexspaces.kernel.supervision.Specs.ERROR;
import static dev.plexspaces.kernel.supervision.Specs.NO_START;
import static dev.plexspaces.kernel.supervision.Specs.SHUTDOWN;
import static dev.plexspaces.kernel.supervision.Specs.nested;
import static dev.plexspaces.kernel.supervision.Specs.permanent;
import static dev.plexspaces.kernel.supervision.Specs.supervisor;
import static dev.plexspaces.kernel.supervision.Specs.temporary;
import static dev.plexspaces.kernel.supervision.Specs.transientChild;
import static dev.plexspaces.kernel.supervision.Specs.windowed;
import static dev.plexspaces.kernel.supervision.Specs.worker;
import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ALL;
import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ONE;
import static dev.plexspaces.sdk.SupervisionStrategy.REST_FOR_ONE;
import static dev.plexspaces.sdk.SupervisionStrategy.SIMPLE_ONE_FOR_ONE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.supervision.Effect.Problem;
import dev.plexspaces.kernel.supervision.Outcome.Refusal;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What the rules say case by case; OTP's own cases are in `OtpSupervisorSuiteTest`.
class SupervisorTest {

  private static final Instant NOW = Instant.EPOCH;

  /// Children a, b, c; b has the restart type and exits with the reason; a and c are permanent, or,
  /// under simple-one-for-one, of the same kind.
  @ParameterizedTest(name = "{0} {1} {2}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ONE_FOR_ONE        | PERMANENT | normal   | +b             | a b c         | 1
          ONE_FOR_ONE        | PERMANENT | shutdown | +b             | a b c         | 1
          ONE_FOR_ONE        | PERMANENT | killed   | +b             | a b c         | 1
          ONE_FOR_ONE        | PERMANENT | error    | +b             | a b c         | 1
          ONE_FOR_ONE        | TRANSIENT | normal   | ''             | a b=STOPPED c | 0
          ONE_FOR_ONE        | TRANSIENT | shutdown | ''             | a b=STOPPED c | 0
          ONE_FOR_ONE        | TRANSIENT | killed   | +b             | a b c         | 1
          ONE_FOR_ONE        | TRANSIENT | error    | +b             | a b c         | 1
          ONE_FOR_ONE        | TEMPORARY | normal   | ''             | a c           | 0
          ONE_FOR_ONE        | TEMPORARY | shutdown | ''             | a c           | 0
          ONE_FOR_ONE        | TEMPORARY | killed   | ''             | a c           | 1
          ONE_FOR_ONE        | TEMPORARY | error    | ''             | a c           | 1
          ONE_FOR_ALL        | PERMANENT | normal   | -c -a +a +b +c | a b c         | 1
          ONE_FOR_ALL        | PERMANENT | shutdown | -c -a +a +b +c | a b c         | 1
          ONE_FOR_ALL        | PERMANENT | killed   | -c -a +a +b +c | a b c         | 1
          ONE_FOR_ALL        | PERMANENT | error    | -c -a +a +b +c | a b c         | 1
          ONE_FOR_ALL        | TRANSIENT | normal   | ''             | a b=STOPPED c | 0
          ONE_FOR_ALL        | TRANSIENT | shutdown | ''             | a b=STOPPED c | 0
          ONE_FOR_ALL        | TRANSIENT | killed   | -c -a +a +b +c | a b c         | 1
          ONE_FOR_ALL        | TRANSIENT | error    | -c -a +a +b +c | a b c         | 1
          ONE_FOR_ALL        | TEMPORARY | normal   | ''             | a c           | 0
          ONE_FOR_ALL        | TEMPORARY | shutdown | ''             | a c           | 0
          ONE_FOR_ALL        | TEMPORARY | killed   | ''             | a c           | 1
          ONE_FOR_ALL        | TEMPORARY | error    | ''             | a c           | 1
          REST_FOR_ONE       | PERMANENT | normal   | -c +b +c       | a b c         | 1
          REST_FOR_ONE       | PERMANENT | shutdown | -c +b +c       | a b c         | 1
          REST_FOR_ONE       | PERMANENT | killed   | -c +b +c       | a b c         | 1
          REST_FOR_ONE       | PERMANENT | error    | -c +b +c       | a b c         | 1
          REST_FOR_ONE       | TRANSIENT | normal   | ''             | a b=STOPPED c | 0
          REST_FOR_ONE       | TRANSIENT | shutdown | ''             | a b=STOPPED c | 0
          REST_FOR_ONE       | TRANSIENT | killed   | -c +b +c       | a b c         | 1
          REST_FOR_ONE       | TRANSIENT | error    | -c +b +c       | a b c         | 1
          REST_FOR_ONE       | TEMPORARY | normal   | ''             | a c           | 0
          REST_FOR_ONE       | TEMPORARY | shutdown | ''             | a c           | 0
          REST_FOR_ONE       | TEMPORARY | killed   | ''             | a c           | 1
          REST_FOR_ONE       | TEMPORARY | error    | ''             | a c           | 1
          SIMPLE_ONE_FOR_ONE | PERMANENT | normal   | +b             | a b c         | 1
          SIMPLE_ONE_FOR_ONE | PERMANENT | shutdown | +b             | a b c         | 1
          SIMPLE_ONE_FOR_ONE | PERMANENT | killed   | +b             | a b c         | 1
          SIMPLE_ONE_FOR_ONE | PERMANENT | error    | +b             | a b c         | 1
          SIMPLE_ONE_FOR_ONE | TRANSIENT | normal   | ''             | a c           | 0
          SIMPLE_ONE_FOR_ONE | TRANSIENT | shutdown | ''             | a c           | 0
          SIMPLE_ONE_FOR_ONE | TRANSIENT | killed   | +b             | a b c         | 1
          SIMPLE_ONE_FOR_ONE | TRANSIENT | error    | +b             | a b c         | 1
          SIMPLE_ONE_FOR_ONE | TEMPORARY | normal   | ''             | a c           | 0
          SIMPLE_ONE_FOR_ONE | TEMPORARY | shutdown | ''             | a c           | 0
          SIMPLE_ONE_FOR_ONE | TEMPORARY | killed   | ''             | a c           | 1
          SIMPLE_ONE_FOR_ONE | TEMPORARY | error    | ''             | a c           | 1
          """)
  void exit_ofOneChild_restartsWhatStrategyAndTypeSay(
      SupervisionStrategy strategy,
      RestartType type,
      String reason,
      String effects,
      String states,
      int reports) {
    SimulatedTree tree = abc(strategy, type);

    tree.exit("b", reason(reason));

    assertThat(tree.takeLog()).isEqualTo(effects);
    assertThat(tree.states("")).isEqualTo(states);
    assertThat(tree.reports)
        .hasSize(reports)
        .allMatch(report -> report.problem() == Problem.CHILD_TERMINATED)
        .allMatch(report -> report.id().equals("b") && report.reason().equals(reason(reason)));
    boolean restarted = effects.contains("+b");
    assertThat(tree.supervisor("").child("b").map(Supervisor.ChildStatus::restarts).orElse(0L))
        .isEqualTo(restarted ? 1 : 0);
    assertThat(tree.armedTimers()).isZero();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).endsWith("stopped");
    assertThat(tree.alivePaths()).isEmpty();
  }

  private static SimulatedTree abc(SupervisionStrategy strategy, RestartType type) {
    SimulatedTree tree;
    if (strategy == SIMPLE_ONE_FOR_ONE) {
      tree = SimulatedTree.started(supervisor(strategy, 2, worker("template", type)));
      for (String key : List.of("a", "b", "c")) {
        tree.call("", call -> new Event.SimpleStart(call, key, Map.of()));
      }
    } else {
      tree =
          SimulatedTree.started(
              supervisor(strategy, 2, permanent("a"), worker("b", type), permanent("c")));
    }
    tree.takeLog();
    return tree;
  }

  private static ExitReason reason(String word) {
    return switch (word) {
      case "normal" -> ExitReason.NORMAL;
      case "shutdown" -> ExitReason.SHUTDOWN;
      case "killed" -> ExitReason.KILLED;
      default -> ERROR;
    };
  }

  // The exact effects of each step.

  @Test
  void start_ofChildren_waitsForEachBeforeTheNext() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 2, permanent("a"), permanent("b")));
    Run a = new Run("a", 1);
    Run b = new Run("b", 2);

    assertThat(machine.on(new Event.StartAll(), NOW))
        .containsExactly(new Effect.Start(a, permanent("a")));
    assertThat(machine.phase()).isEqualTo(Phase.STARTING);
    assertThat(machine.on(new Event.ChildStarted(a), NOW))
        .containsExactly(new Effect.Start(b, permanent("b")));
    assertThat(machine.on(new Event.ChildStarted(b), NOW)).containsExactly(new Effect.Started());
    assertThat(machine.phase()).isEqualTo(Phase.RUNNING);
  }

  @Test
  void stop_ofChildren_goesInReverseEachWithItsTimer() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 2, permanent("a"), permanent("b")));
    Run a = new Run("a", 1);
    Run b = new Run("b", 2);
    machine.on(new Event.StartAll(), NOW);
    machine.on(new Event.ChildStarted(a), NOW);
    machine.on(new Event.ChildStarted(b), NOW);

    assertThat(machine.on(new Event.StopAll(ExitReason.SHUTDOWN), NOW))
        .containsExactly(new Effect.Stop(b), new Effect.ArmShutdownTimer(b, SHUTDOWN));
    assertThat(machine.on(new Event.ChildExited(b, ExitReason.SHUTDOWN), NOW))
        .containsExactly(
            new Effect.CancelShutdownTimer(b),
            new Effect.Stop(a),
            new Effect.ArmShutdownTimer(a, SHUTDOWN));
    assertThat(machine.on(new Event.ShutdownTimeout(a), NOW)).containsExactly(new Effect.Kill(a));
    assertThat(machine.on(new Event.ShutdownTimeout(a), NOW)).isEmpty();
    assertThat(machine.on(new Event.ChildExited(a, ExitReason.KILLED), NOW))
        .containsExactly(
            new Effect.Report(Problem.SHUTDOWN_ERROR, "a", ExitReason.KILLED),
            new Effect.Stopped(ExitReason.SHUTDOWN));
    assertThat(machine.phase()).isEqualTo(Phase.EXITED);
  }

  @Test
  void stop_withTimeoutZero_killsAtOnceAndExpectsIt() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ONE, 2, permanent("a"), worker("b", Duration.ZERO)));
    tree.takeLog();

    tree.stop(ExitReason.SHUTDOWN);

    assertThat(tree.takeLog()).isEqualTo("!b -a stopped");
    assertThat(tree.reports).isEmpty();
  }

  @Test
  void stop_withUnboundedTimeout_armsNoTimer() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ONE, 2, worker("a", SupervisorSpec.UNBOUNDED)));
    tree.stubborn.add("a");

    tree.stop(ExitReason.SHUTDOWN);

    assertThat(tree.armedTimers()).isZero();
    tree.advance(Duration.ofDays(1_000));
    assertThat(tree.alive("a")).isTrue();
    tree.exit("a", ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).endsWith("-a stopped");
  }

  @Test
  void stop_reportsOnlyUnexpectedReasons() {
    record Case(RestartType type, ExitReason reason, boolean reported) {}
    for (Case c :
        List.of(
            new Case(RestartType.PERMANENT, ExitReason.SHUTDOWN, false),
            new Case(RestartType.PERMANENT, ExitReason.NORMAL, true),
            new Case(RestartType.TRANSIENT, ExitReason.NORMAL, false),
            new Case(RestartType.TEMPORARY, ExitReason.NORMAL, false),
            new Case(RestartType.PERMANENT, ERROR, true),
            new Case(RestartType.TEMPORARY, ERROR, true),
            new Case(RestartType.TRANSIENT, ExitReason.KILLED, true))) {
      SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 2, worker("a", c.type)));
      tree.held.add("a");
      tree.stop(ExitReason.SHUTDOWN);
      tree.exit("a", c.reason);
      List<Effect.Report> expected =
          c.reported
              ? List.of(new Effect.Report(Problem.SHUTDOWN_ERROR, "a", c.reason))
              : List.of();
      assertThat(tree.reports).as(c.toString()).isEqualTo(expected);
      assertThat(tree.takeLog()).endsWith("stopped");
    }
  }

  @Test
  void startAll_withoutChildren_isUpAtOnceAndStopsAtOnce() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ALL, 0));
    assertThat(tree.takeLog()).isEqualTo("started");
    tree.stop(ExitReason.NORMAL);
    assertThat(tree.takeLog()).isEqualTo("stopped");
  }

  @Test
  void startAll_twice_isABug() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 0));
    machine.on(new Event.StartAll(), NOW);
    assertThatThrownBy(() -> machine.on(new Event.StartAll(), NOW))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("supervisor root: started twice");
  }

  @Test
  void stopAll_beforeStart_stopsAtOnce() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 0, permanent("a")));
    assertThat(machine.on(new Event.StopAll(ExitReason.SHUTDOWN), NOW))
        .containsExactly(new Effect.Stopped(ExitReason.SHUTDOWN));
    assertThat(machine.on(new Event.StopAll(ExitReason.SHUTDOWN), NOW)).isEmpty();
  }

  // Starts that fail.

  @Test
  void start_thatFails_stopsTheStartedInReverseAndFails() {
    SimulatedTree tree =
        new SimulatedTree(
            supervisor(
                ONE_FOR_ONE, 2, permanent("a"), permanent("b"), permanent("c"), permanent("d")));
    tree.failures.put("c", 1);

    tree.start();

    assertThat(tree.takeLog()).isEqualTo("+a +b +c -b -a start failed");
    assertThat(tree.supervisor("").phase()).isEqualTo(Phase.EXITED);
  }

  @Test
  void start_thatFails_namesTheChild_andOnlyTheReasonNamesTheClass() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 2, permanent("a")));
    machine.on(new Event.StartAll(), NOW);
    assertThat(machine.on(new Event.ChildStartFailed(new Run("a", 1), NO_START), NOW))
        .containsExactly(
            new Effect.Report(Problem.START_ERROR, "a", NO_START.reason()),
            new Effect.StartFailed(
                new StartFailure(
                    new ExitReason.Error(
                        "child a did not start: error: IllegalStateException: boom"),
                    "child a did not start: boom")));
  }

  @Test
  void exit_whileStarting_isAFailedStart() {
    SimulatedTree tree =
        new SimulatedTree(supervisor(ONE_FOR_ONE, 2, permanent("a"), permanent("b")));
    tree.held.add("b");
    tree.start();

    tree.exit("b", ERROR);

    assertThat(tree.takeLog()).isEqualTo("+a +b -a start failed");
  }

  @Test
  void startOfAnything_neverCountsBeforeItIsUp() {
    SimulatedTree tree = new SimulatedTree(supervisor(ONE_FOR_ONE, 2, permanent("a")));
    tree.held.add("a");
    tree.start();
    assertThat(tree.states("")).isEqualTo("a=STARTING");
    assertThat(tree.supervisor("").counts()).isEqualTo(new Supervisor.Counts(1, 0, 0, 1));
    tree.finishStart("a");
    assertThat(tree.supervisor("").counts()).isEqualTo(new Supervisor.Counts(1, 1, 0, 1));
  }

  // Intensity.

  @Test
  void intensity_zero_givesUpAtTheFirstRestart() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ONE, 0, permanent("a"), permanent("b")));
    tree.takeLog();

    tree.exit("a", ERROR);

    assertThat(tree.takeLog()).isEqualTo("-b gave up");
    assertThat(tree.reports)
        .containsExactly(
            new Effect.Report(Problem.CHILD_TERMINATED, "a", ERROR),
            new Effect.Report(Problem.MAX_RESTARTS, "a", ERROR));
  }

  @Test
  void intensity_isNotConsumedByExitsThatRestartNothing() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ONE, 0, temporary("a"), transientChild("b"), permanent("c")));
    tree.takeLog();
    tree.exit("a", ERROR);
    tree.exit("b", ExitReason.NORMAL);
    assertThat(tree.takeLog()).isEmpty();
    assertThat(tree.supervisor("").phase()).isEqualTo(Phase.RUNNING);
  }

  @Test
  void intensity_exceeded_givesUpWithAnAbnormalReason() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 1, permanent("a")));
    machine.on(new Event.StartAll(), NOW);
    machine.on(new Event.ChildStarted(new Run("a", 1)), NOW);
    machine.on(new Event.ChildExited(new Run("a", 1), ERROR), NOW);
    machine.on(new Event.ChildStarted(new Run("a", 2)), NOW);

    assertThat(machine.on(new Event.ChildExited(new Run("a", 2), ERROR), NOW))
        .endsWith(new Effect.GiveUp(new ExitReason.Error("reached max restart intensity")));
    assertThat(Supervisor.TOO_MANY_RESTARTS.abnormal()).isTrue();
  }

  @ParameterizedTest(name = "third crash {0} ms after the first: gives up {1}")
  @CsvSource({"0, true", "999, true", "1000, true", "1001, false"})
  void intensity_countsARestartExactlyOneWindowOld(long millis, boolean givesUp) {
    SimulatedTree tree =
        SimulatedTree.started(windowed(ONE_FOR_ONE, 2, Duration.ofSeconds(1), permanent("a")));
    tree.exit("a", ERROR);
    tree.exit("a", ERROR);
    // Only the first of the two has to leave the window, but both were made at the same time.
    tree.advance(Duration.ofMillis(millis));
    tree.takeLog();
    tree.exit("a", ERROR);
    assertThat(tree.takeLog()).isEqualTo(givesUp ? "gave up" : "+a");
  }

  @Test
  void intensity_countsOneRestartOfAGroupOnce() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ALL, 2, permanent("a"), permanent("b"), permanent("c")));
    tree.exit("a", ERROR);
    tree.exit("b", ERROR);
    tree.takeLog();
    tree.exit("c", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-b -a gave up");
  }

  @Test
  void restart_thatFailsToStart_countsEachAttempt() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 3, permanent("a")));
    tree.failures.put("a", 2);
    tree.takeLog();
    tree.exit("a", ERROR);
    assertThat(tree.takeLog()).isEqualTo("+a +a +a");
    assertThat(tree.supervisor("").child("a").orElseThrow().restarts()).isEqualTo(1);
    tree.exit("a", ERROR);
    assertThat(tree.takeLog()).isEqualTo("gave up");
  }

  // Events that come while the supervisor is busy, or too late.

  @Test
  void exit_ofAnUnknownChildOrAnOldRun_isIgnored() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 1, permanent("a")));
    Run first = new Run("a", 1);
    machine.on(new Event.StartAll(), NOW);
    machine.on(new Event.ChildStarted(first), NOW);
    machine.on(new Event.ChildExited(first, ERROR), NOW);
    machine.on(new Event.ChildStarted(new Run("a", 2)), NOW);

    assertThat(machine.on(new Event.ChildExited(first, ERROR), NOW)).isEmpty();
    assertThat(machine.on(new Event.ChildExited(new Run("x", 1), ERROR), NOW)).isEmpty();
    assertThat(machine.on(new Event.ChildStarted(first), NOW)).isEmpty();
    assertThat(machine.on(new Event.ChildStartFailed(first, NO_START), NOW)).isEmpty();
    assertThat(machine.on(new Event.ShutdownTimeout(new Run("a", 2)), NOW)).isEmpty();
    assertThat(machine.on(new Event.TryAgain(new Run("a", 2)), NOW)).isEmpty();
    assertThat(machine.children())
        .containsExactly(
            new Supervisor.ChildStatus(
                "a", ChildState.RUNNING, Optional.of(new Run("a", 2)), 1, false));
  }

  @Test
  void exit_ofASiblingWhileTheGroupIsStopped_isPartOfTheSameRestart() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ALL, 1, permanent("a"), permanent("b"), permanent("c")));
    tree.takeLog();
    tree.held.add("c");
    tree.exit("b", ERROR);
    assertThat(tree.states("")).isEqualTo("a b=STOPPED c=STOPPING");

    tree.exit("a", ERROR);
    assertThat(tree.states("")).isEqualTo("a=EXITED b=STOPPED c=STOPPING");
    tree.held.clear();
    tree.exit("c", ExitReason.SHUTDOWN);

    // One restart for both, or the supervisor would have given up.
    assertThat(tree.takeLog()).isEqualTo("-c +a +b +c");
    assertThat(tree.reports).contains(new Effect.Report(Problem.SHUTDOWN_ERROR, "a", ERROR));
  }

  @Test
  void exit_ofASiblingWhileTheGroupIsStartedAgain_isTheNextRestart() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ALL, 2, permanent("a"), permanent("b")));
    tree.takeLog();
    tree.held.add("b");
    tree.exit("b", ERROR);
    tree.exit("a", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-a +a +b");
    assertThat(tree.states("")).isEqualTo("a=EXITED b=STARTING");

    tree.held.clear();
    tree.finishStart("b");

    assertThat(tree.takeLog()).isEqualTo("-b +a +b");
  }

  @Test
  void exit_whileStarting_waitsUntilAllAreUp() {
    SimulatedTree tree =
        new SimulatedTree(supervisor(ONE_FOR_ONE, 1, permanent("a"), permanent("b")));
    tree.held.add("b");
    tree.start();
    tree.exit("a", ERROR);
    assertThat(tree.takeLog()).isEqualTo("+a +b");
    tree.finishStart("b");
    assertThat(tree.takeLog()).isEqualTo("started +a");
  }

  @Test
  void exit_thatStillWaits_isOvertakenByTheStopOfAll() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ONE, 1, permanent("a"), permanent("b")));
    tree.takeLog();
    tree.exitQuietly("a", ERROR);
    tree.exitQuietly("b", ExitReason.NORMAL);
    tree.stop(ExitReason.SHUTDOWN);
    // The restart of a is in progress when b's exit is heard of and has to wait.
    assertThat(tree.takeLog()).isEqualTo("+a -a stopped");
    assertThat(tree.reports)
        .containsExactly(
            new Effect.Report(Problem.CHILD_TERMINATED, "a", ERROR),
            new Effect.Report(Problem.SHUTDOWN_ERROR, "b", ExitReason.NORMAL));
    assertThat(tree.armedTimers()).isZero();
  }

  @Test
  void stopAll_whileStarting_stopsTheStartingChildToo() {
    SimulatedTree tree =
        new SimulatedTree(
            supervisor(ONE_FOR_ONE, 1, permanent("a"), permanent("b"), permanent("c")));
    tree.held.add("b");
    tree.start();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("+a +b -b");
    // It may come up, fail, or hang until it is killed.
    tree.advance(SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("!b -a stopped");
  }

  @Test
  void stopAll_whileStarting_takesAFailedStartForAnExit() {
    SimulatedTree tree =
        new SimulatedTree(supervisor(ONE_FOR_ONE, 1, permanent("a"), permanent("b")));
    tree.held.add("b");
    tree.start();
    tree.stop(ExitReason.SHUTDOWN);
    tree.failStart("b");
    assertThat(tree.takeLog()).isEqualTo("+a +b -b -a stopped");
    assertThat(tree.armedTimers()).isZero();
  }

  /// Found by seed 108 of the random test.
  @ParameterizedTest
  @CsvSource({"true, -a stopped", "false, stopped"})
  void stopAll_whileAnEarlierChildIsStartedAgain_stopsItInItsTurn(boolean starts, String effects) {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ONE, 1, permanent("a"), permanent("b")));
    tree.held.addAll(List.of("a", "b"));
    tree.exit("a", ERROR);
    tree.takeLog();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-b");
    tree.held.remove("a");
    if (starts) {
      tree.finishStart("a");
    } else {
      tree.failStart("a");
    }
    assertThat(tree.takeLog()).isEmpty();
    tree.exit("b", ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo(effects);
  }

  @Test
  void stopAll_whileTheGroupIsStopped_startsNothingAgain() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(REST_FOR_ONE, 1, permanent("a"), permanent("b"), permanent("c")));
    tree.takeLog();
    tree.held.add("c");
    tree.exit("b", ERROR);
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-c");
    tree.exit("c", ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-a stopped");
  }

  @Test
  void stopAll_whileGivingUp_changesNothing() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ONE, 0, permanent("a"), permanent("b")));
    tree.held.add("a");
    tree.exit("b", ERROR);
    tree.takeLog();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEmpty();
    tree.exit("a", ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("gave up");
  }

  @Test
  void calls_whileBusy_waitAndAreAnsweredInOrder() {
    SimulatedTree tree = new SimulatedTree(supervisor(ONE_FOR_ONE, 1, permanent("a")));
    tree.held.add("a");
    tree.start();
    long add = tree.callLater("", call -> new Event.StartChild(call, permanent("b")));
    long remove = tree.callLater("", call -> new Event.TerminateChild(call, "b"));
    assertThat(tree.answers).isEmpty();

    tree.finishStart("a");

    assertThat(tree.takeLog()).isEqualTo("+a started +b -b");
    assertThat(tree.answers)
        .containsEntry(add, new Outcome.Up(new Run("b", 2)))
        .containsEntry(remove, new Outcome.Done());
  }

  @Test
  void exit_whileItsTerminationWaits_isPartOfIt() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ONE, 1, permanent("a"), permanent("b")));
    tree.held.add("b");
    tree.exit("b", ERROR);
    long terminate = tree.callLater("", call -> new Event.TerminateChild(call, "a"));
    tree.exit("a", ERROR);
    tree.takeLog();

    tree.finishStart("b");

    assertThat(tree.answers).containsEntry(terminate, new Outcome.Done());
    assertThat(tree.takeLog()).isEmpty();
    assertThat(tree.states("")).isEqualTo("a=STOPPED b");
  }

  @Test
  void calls_whileStopping_areRefused() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 1, permanent("a")));
    tree.held.addAll(List.of("a", "b"));
    long inProgress = tree.callLater("", call -> new Event.StartChild(call, permanent("b")));
    long waiting = tree.callLater("", call -> new Event.DeleteChild(call, "a"));

    tree.stop(ExitReason.SHUTDOWN);

    assertThat(tree.takeLog()).endsWith("-b");
    for (long call : new long[] {inProgress, waiting}) {
      assertThat(refusal(tree.answers.get(call))).isEqualTo(Refusal.STOPPING);
    }
    assertThat(refusal(tree.call("", call -> new Event.RestartChild(call, "a"))))
        .isEqualTo(Refusal.STOPPING);
    tree.exit("b", ExitReason.SHUTDOWN);
    tree.exit("a", ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-a stopped");
  }

  @Test
  void calls_beyondTheBound_areRefused() {
    SimulatedTree tree = new SimulatedTree(supervisor(ONE_FOR_ONE, 1, permanent("a")));
    tree.held.add("a");
    tree.start();
    for (int i = 0; i < Supervisor.PENDING_CALLS_MAX; i++) {
      tree.callLater("", call -> new Event.TerminateChild(call, "x"));
    }
    assertThat(tree.answers).isEmpty();
    assertThat(refusal(tree.call("", call -> new Event.TerminateChild(call, "x"))))
        .isEqualTo(Refusal.EXHAUSTED);
    tree.finishStart("a");
    assertThat(tree.answers).hasSize(Supervisor.PENDING_CALLS_MAX + 1);
    assertThat(refusal(tree.call("", call -> new Event.TerminateChild(call, "x"))))
        .isEqualTo(Refusal.NOT_FOUND);
  }

  static Refusal refusal(Outcome outcome) {
    assertThat(outcome).isInstanceOf(Outcome.Refused.class);
    return ((Outcome.Refused) outcome).refusal();
  }

  // Groups.

  @Test
  void group_includesChildrenThatWereStoppedOrHadFinished() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ALL, 1, permanent("a"), transientChild("b"), permanent("c")));
    tree.call("", call -> new Event.TerminateChild(call, "a"));
    tree.exit("b", ExitReason.NORMAL);
    tree.takeLog();
    tree.exit("c", ERROR);
    assertThat(tree.takeLog()).isEqualTo("+a +b +c");
  }

  @Test
  void group_withAStubbornMember_killsItAndGoesOn() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(REST_FOR_ONE, 1, permanent("a"), permanent("b"), permanent("c")));
    tree.takeLog();
    tree.stubborn.add("c");
    tree.exit("a", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-c");
    tree.advance(SHUTDOWN.minusNanos(1));
    assertThat(tree.takeLog()).isEmpty();
    tree.advance(Duration.ofNanos(1));
    assertThat(tree.takeLog()).isEqualTo("!c -b +a +b +c");
  }

  @Test
  void group_restOfTheLastChild_isItself() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(REST_FOR_ONE, 1, permanent("a"), permanent("b")));
    tree.takeLog();
    tree.exit("b", ERROR);
    assertThat(tree.takeLog()).isEqualTo("+b");
  }

  // Trees.

  @Test
  void nested_givesUp_isRestartedByItsParentWhichCountsIt() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(
                ONE_FOR_ONE,
                1,
                nested("left", ONE_FOR_ONE, 0, permanent("a"), permanent("b")),
                permanent("right")));
    assertThat(tree.takeLog()).isEqualTo("+left +left/a +left/b +right started");

    tree.exit("left/b", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-left/a +left +left/a +left/b");
    assertThat(tree.reports)
        .contains(
            new Effect.Report(Problem.CHILD_TERMINATED, "left", Supervisor.TOO_MANY_RESTARTS));

    tree.exit("left/a", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-left/b -right gave up");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          PERMANENT | +sup +sup/a | sup
          TRANSIENT | +sup +sup/a | sup
          TEMPORARY | ''          | ''
          """)
  void nested_givesUp_obeysItsOwnRestartType(RestartType type, String effects, String states) {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(
                ONE_FOR_ONE,
                1,
                new SupervisorSpec.Nested(
                    Specs.named("sup", ONE_FOR_ONE, 0, type, permanent("a")))));
    tree.takeLog();
    tree.exit("sup/a", ERROR);
    assertThat(tree.takeLog()).isEqualTo(effects);
    assertThat(tree.states("")).isEqualTo(states);
  }

  @Test
  void nested_startFails_failsTheStartOfTheTree() {
    SimulatedTree tree =
        new SimulatedTree(
            supervisor(
                ONE_FOR_ONE,
                1,
                permanent("first"),
                nested("sup", ONE_FOR_ONE, 1, permanent("a"), permanent("b"))));
    tree.failures.put("sup/b", 1);
    tree.start();
    assertThat(tree.takeLog()).isEqualTo("+first +sup +sup/a +sup/b -sup/a -first start failed");
  }

  @Test
  void nested_isStoppedFromTheInsideAndKilledAfterItsTimeout() {
    SupervisorSpec inner =
        new SupervisorSpec(
            "sup",
            ONE_FOR_ONE,
            1,
            Duration.ofSeconds(1),
            RestartType.PERMANENT,
            Duration.ofMillis(10),
            List.of(permanent("a"), permanent("b")));
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ONE, 1, permanent("x"), new SupervisorSpec.Nested(inner)));
    tree.takeLog();
    tree.stubborn.add("sup/b");
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-sup -sup/b");
    tree.advance(Duration.ofMillis(10));
    assertThat(tree.takeLog()).isEqualTo("!sup -x stopped");
    assertThat(tree.alivePaths()).isEmpty();
  }

  @Test
  void nested_stoppedWhileItStarts_stops() {
    SimulatedTree tree =
        new SimulatedTree(
            supervisor(ONE_FOR_ONE, 1, nested("sup", ONE_FOR_ONE, 1, permanent("a"))));
    tree.held.add("sup/a");
    tree.start();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("+sup +sup/a -sup -sup/a");
    tree.advance(SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("!sup/a stopped");
  }

  @Test
  void escalation_throughThreeLevels_stopsEachBranchInReverse() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(
                REST_FOR_ONE,
                1,
                permanent("base"),
                nested(
                    "mid",
                    ONE_FOR_ALL,
                    0,
                    nested("low", ONE_FOR_ONE, 0, permanent("w")),
                    permanent("sibling")),
                permanent("top")));
    assertThat(tree.takeLog())
        .isEqualTo("+base +mid +mid/low +mid/low/w +mid/sibling +top started");

    tree.exit("mid/low/w", ExitReason.KILLED);

    assertThat(tree.takeLog())
        .isEqualTo("-mid/sibling -top +mid +mid/low +mid/low/w +mid/sibling +top");
  }

  // Simple one-for-one.

  @Test
  void simple_stop_isConcurrentAndEachIsKilledAfterItsTimeout() {
    SimulatedTree tree = abc(SIMPLE_ONE_FOR_ONE, RestartType.PERMANENT);
    tree.stubborn.add("b");
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog().split(" ")).containsExactlyInAnyOrder("-a", "-b", "-c");
    assertThat(tree.armedTimers()).isEqualTo(1);
    tree.advance(SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("!b stopped");
  }

  @Test
  void simple_child_getsTheTemplateWithItsKeyAndArgs() {
    var template = Specs.spec("template").args(Map.of("x", 1, "y", 2));
    var machine =
        new Supervisor(supervisor(SIMPLE_ONE_FOR_ONE, 1, new SupervisorSpec.Worker(template)));
    assertThat(machine.on(new Event.StartAll(), NOW)).containsExactly(new Effect.Started());

    List<Effect> effects =
        machine.on(new Event.SimpleStart(7, "alice", Map.of("y", 3, "z", 4)), NOW);

    assertThat(effects).hasSize(1);
    var start = (Effect.Start) effects.getFirst();
    var spec = ((SupervisorSpec.Worker) start.child()).spec();
    assertThat(spec.id()).isEqualTo("alice");
    assertThat(spec.key()).isEqualTo("alice");
    assertThat(spec.type()).isEqualTo(template.type());
    assertThat(spec.args()).isEqualTo(Map.of("x", 1, "y", 3, "z", 4));
    assertThat(spec.shutdownTimeout()).isEqualTo(template.shutdownTimeout());
  }

  @Test
  void simple_childSupervisor_isStartedFromItsTemplate() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(SIMPLE_ONE_FOR_ONE, 1, nested("template", ONE_FOR_ONE, 1, permanent("w"))));
    tree.takeLog();
    tree.call("", call -> new Event.SimpleStart(call, "one", Map.of()));
    tree.call("", call -> new Event.SimpleStart(call, "two", Map.of()));
    assertThat(tree.takeLog()).isEqualTo("+one +one/w +two +two/w");
    assertThat(tree.supervisor("").counts()).isEqualTo(new Supervisor.Counts(1, 2, 2, 0));
    assertThat(refusal(tree.call("", call -> new Event.SimpleStart(call, "three", Map.of("a", 1)))))
        .isEqualTo(Refusal.INVALID);
  }

  @Test
  void simple_keyThatIsNoName_isRefused() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 1, permanent("template")));
    Outcome outcome = tree.call("", call -> new Event.SimpleStart(call, "", Map.of()));
    assertThat(refusal(outcome)).isEqualTo(Refusal.INVALID);
    assertThat(((Outcome.Refused) outcome).message()).startsWith("id: must be 1 to 256");
  }

  @Test
  void simple_startOfAKeyThatLives_isRefused() {
    SimulatedTree tree = abc(SIMPLE_ONE_FOR_ONE, RestartType.PERMANENT);
    assertThat(refusal(tree.call("", call -> new Event.SimpleStart(call, "a", Map.of()))))
        .isEqualTo(Refusal.ALREADY_STARTED);
    assertThat(tree.takeLog()).isEmpty();
  }

  @Test
  void simpleStart_elsewhere_isRefused() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 1, permanent("a")));
    assertThat(refusal(tree.call("", call -> new Event.SimpleStart(call, "b", Map.of()))))
        .isEqualTo(Refusal.NO_TEMPLATE);
  }

  @Test
  void counts_andSpecs_areThoseOfThePresentChildren() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(
                ONE_FOR_ONE,
                1,
                permanent("a"),
                nested("sup", ONE_FOR_ONE, 1),
                transientChild("c")));
    tree.exit("c", ExitReason.NORMAL);
    assertThat(tree.supervisor("").counts()).isEqualTo(new Supervisor.Counts(3, 2, 1, 2));
    assertThat(tree.supervisor("").childSpec("a")).contains(permanent("a"));
    assertThat(tree.supervisor("").childSpec("nobody")).isEmpty();
    assertThat(tree.supervisor("").child("sup").orElseThrow().supervisor()).isTrue();
  }
}
