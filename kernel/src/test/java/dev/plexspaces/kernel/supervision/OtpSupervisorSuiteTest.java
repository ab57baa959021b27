package dev.plexspaces.kernel.supervision;

import static dev.plexspaces.kernel.supervision.Specs.ERROR;
import static dev.plexspaces.kernel.supervision.Specs.SHUTDOWN;
import static dev.plexspaces.kernel.supervision.Specs.named;
import static dev.plexspaces.kernel.supervision.Specs.nested;
import static dev.plexspaces.kernel.supervision.Specs.permanent;
import static dev.plexspaces.kernel.supervision.Specs.supervisor;
import static dev.plexspaces.kernel.supervision.Specs.temporary;
import static dev.plexspaces.kernel.supervision.Specs.transientChild;
import static dev.plexspaces.kernel.supervision.Specs.windowed;
import static dev.plexspaces.kernel.supervision.Specs.worker;
import static dev.plexspaces.kernel.supervision.SupervisorTest.refusal;
import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ALL;
import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ONE;
import static dev.plexspaces.sdk.SupervisionStrategy.REST_FOR_ONE;
import static dev.plexspaces.sdk.SupervisionStrategy.SIMPLE_ONE_FOR_ONE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.kernel.supervision.Outcome.Refusal;
import dev.plexspaces.kernel.supervision.Supervisor.Counts;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import dev.plexspaces.sdk.SupervisorSpec.Worker;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The cases of OTP's `supervisor_SUITE`, under their names.
///
/// Left out because we do not have what they test: `ignore` as result of a start
/// (`sup_start_ignore_*`), extra start results (`extra_return`, `simple_one_for_one_extra`),
/// registered names (`simple_global_supervisor`), unlinking from the supervisor (`child_unlink`),
/// `code_change*`, `auto_shutdown` and significant children, logging formats.
class OtpSupervisorSuiteTest {

  private static SimulatedTree empty(SupervisionStrategy strategy) {
    return SimulatedTree.started(supervisor(strategy, 2));
  }

  private static Outcome add(SimulatedTree tree, String supervisor, Child child) {
    return tree.call(supervisor, call -> new Event.StartChild(call, child));
  }

  private static Outcome simpleStart(SimulatedTree tree, String key) {
    return tree.call("", call -> new Event.SimpleStart(call, key, Map.of()));
  }

  private static Outcome terminate(SimulatedTree tree, String id) {
    return tree.call("", call -> new Event.TerminateChild(call, id));
  }

  private static Outcome restart(SimulatedTree tree, String id) {
    return tree.call("", call -> new Event.RestartChild(call, id));
  }

  private static Outcome delete(SimulatedTree tree, String id) {
    return tree.call("", call -> new Event.DeleteChild(call, id));
  }

  private static Counts counts(SimulatedTree tree) {
    return tree.supervisor("").counts();
  }

  // Start and stop.

  @Test
  void sup_start_normal() {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("started stopped");
  }

  @Test
  void sup_start_fail() {
    SimulatedTree tree =
        new SimulatedTree(supervisor(ONE_FOR_ONE, 2, permanent("child1"), permanent("child2")));
    tree.failures.put("child2", 1);
    tree.start();
    assertThat(tree.takeLog()).isEqualTo("+child1 +child2 -child1 start failed");
  }

  /// `faulty_application_shutdown`: the reason of the child is passed on.
  @Test
  void faulty_application_shutdown() {
    var machine = new Supervisor(supervisor(ONE_FOR_ONE, 2, permanent("child1")));
    machine.on(new Event.StartAll(), Instant.EPOCH);
    assertThat(
            machine.on(
                new Event.ChildStartFailed(new Run("child1", 1), StartFailure.because("undef")),
                Instant.EPOCH))
        .endsWith(
            new Effect.StartFailed(
                new StartFailure(
                    new ExitReason.Error("child child1 did not start: error: undef"),
                    "child child1 did not start: undef")));
  }

  @Test
  void sup_stop_infinity() {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    add(tree, "", nested("child1", ONE_FOR_ONE, 1));
    add(tree, "", worker("child2", SupervisorSpec.UNBOUNDED));
    tree.takeLog();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-child2 -child1 stopped");
    assertThat(tree.reports).isEmpty();
  }

  @Test
  void sup_stop_timeout() {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    tree.takeLog();
    tree.stubborn.add("child2");
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-child2");
    tree.advance(SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("!child2 -child1 stopped");
  }

  @Test
  void sup_stop_brutal_kill() {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    add(tree, "", permanent("child1"));
    add(tree, "", worker("child2", Duration.ZERO));
    tree.takeLog();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("!child2 -child1 stopped");
  }

  // Management calls.

  @Test
  void child_adm() {
    Child child = permanent("child1");
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 2, child));
    assertThat(tree.states("")).isEqualTo("child1");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));

    assertThat(refusal(add(tree, "", child))).isEqualTo(Refusal.ALREADY_STARTED);

    assertThat(refusal(terminate(tree, "hej"))).isEqualTo(Refusal.NOT_FOUND);
    assertThat(terminate(tree, "child1")).isEqualTo(new Outcome.Done());
    assertThat(tree.states("")).isEqualTo("child1=STOPPED");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 0, 0, 1));
    assertThat(terminate(tree, "child1")).isEqualTo(new Outcome.Done());

    assertThat(refusal(add(tree, "", child))).isEqualTo(Refusal.ALREADY_PRESENT);

    assertThat(restart(tree, "child1")).isEqualTo(new Outcome.Up(new Run("child1", 2)));
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
    assertThat(refusal(restart(tree, "child1"))).isEqualTo(Refusal.RUNNING);
    assertThat(refusal(restart(tree, "child2"))).isEqualTo(Refusal.NOT_FOUND);

    assertThat(refusal(delete(tree, "child1"))).isEqualTo(Refusal.RUNNING);
    assertThat(refusal(delete(tree, "hej"))).isEqualTo(Refusal.NOT_FOUND);
    assertThat(terminate(tree, "child1")).isEqualTo(new Outcome.Done());
    assertThat(delete(tree, "child1")).isEqualTo(new Outcome.Done());
    assertThat(refusal(restart(tree, "child1"))).isEqualTo(Refusal.NOT_FOUND);
    assertThat(tree.states("")).isEmpty();
    assertThat(counts(tree)).isEqualTo(new Counts(0, 0, 0, 0));

    assertThat(add(tree, "", child)).isEqualTo(new Outcome.Up(new Run("child1", 3)));
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
  }

  @Test
  void child_adm_simple() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 2, permanent("child")));
    assertThat(tree.states("")).isEmpty();
    assertThat(counts(tree)).isEqualTo(new Counts(1, 0, 0, 0));

    assertThat(simpleStart(tree, "one")).isEqualTo(new Outcome.Up(new Run("one", 1)));
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
    simpleStart(tree, "two");
    assertThat(tree.states("")).isEqualTo("one two");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 2, 0, 2));

    assertThat(refusal(terminate(tree, "nobody"))).isEqualTo(Refusal.NOT_FOUND);
    assertThat(terminate(tree, "one")).isEqualTo(new Outcome.Done());
    assertThat(tree.states("")).isEqualTo("two");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));

    assertThat(refusal(restart(tree, "two"))).isEqualTo(Refusal.SIMPLE_ONE_FOR_ONE);
    assertThat(refusal(delete(tree, "two"))).isEqualTo(Refusal.SIMPLE_ONE_FOR_ONE);
    assertThat(refusal(add(tree, "", permanent("x")))).isEqualTo(Refusal.SIMPLE_ONE_FOR_ONE);
  }

  @Test
  void child_specs() {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    Outcome outcome = add(tree, "", new Worker(Specs.spec("child").restart(null)));
    assertThat(outcome).isEqualTo(new Outcome.Refused(Refusal.INVALID, "restart: is missing"));
    assertThat(refusal(add(tree, "", worker("child", Duration.ofMillis(-10)))))
        .isEqualTo(Refusal.INVALID);
    assertThat(refusal(add(tree, "", nested("child", ONE_FOR_ONE, -1)))).isEqualTo(Refusal.INVALID);
    assertThat(tree.states("")).isEmpty();

    for (SupervisorSpec wrong :
        new SupervisorSpec[] {
          supervisor(ONE_FOR_ONE, 2, permanent("child"), permanent("child")),
          supervisor(ONE_FOR_ONE, 2, worker("child", Duration.ofMillis(-10))),
          supervisor(SIMPLE_ONE_FOR_ONE, 2),
          supervisor(SIMPLE_ONE_FOR_ONE, 2, permanent("one"), permanent("two"))
        }) {
      assertThatThrownBy(() -> new Supervisor(wrong)).isInstanceOf(PlexException.class);
    }
  }

  @Test
  void sup_flags() {
    assertThatThrownBy(() -> new Supervisor(supervisor(null, 2)))
        .isInstanceOf(PlexException.class)
        .hasMessage("supervisor root: strategy: is missing");
    assertThatThrownBy(() -> new Supervisor(supervisor(ONE_FOR_ONE, -1)))
        .isInstanceOf(PlexException.class)
        .hasMessage("supervisor root: maxRestarts: must be 0 to 100000");
    assertThatThrownBy(() -> new Supervisor(windowed(ONE_FOR_ONE, 2, Duration.ZERO)))
        .isInstanceOf(PlexException.class)
        .hasMessage("supervisor root: window: must be longer than 0 and at most 365 d");
  }

  // Restart types.

  private static SimulatedTree oneChild(RestartType type, ExitReason reason) {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    add(tree, "", worker("child1", type));
    tree.exit("child1", reason);
    return tree;
  }

  @Test
  void permanent_normal() {
    SimulatedTree tree = oneChild(RestartType.PERMANENT, ExitReason.NORMAL);
    assertThat(tree.states("")).isEqualTo("child1");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
  }

  @Test
  void transient_normal() {
    SimulatedTree tree = oneChild(RestartType.TRANSIENT, ExitReason.NORMAL);
    assertThat(tree.states("")).isEqualTo("child1=STOPPED");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 0, 0, 1));
  }

  @Test
  void temporary_normal() {
    SimulatedTree tree = oneChild(RestartType.TEMPORARY, ExitReason.NORMAL);
    assertThat(tree.states("")).isEmpty();
    assertThat(counts(tree)).isEqualTo(new Counts(0, 0, 0, 0));
  }

  @Test
  void permanent_shutdown() {
    SimulatedTree tree = oneChild(RestartType.PERMANENT, ExitReason.SHUTDOWN);
    assertThat(tree.states("")).isEqualTo("child1");
    tree.exit("child1", ExitReason.SHUTDOWN);
    assertThat(tree.states("")).isEqualTo("child1");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
  }

  @Test
  void transient_shutdown() {
    SimulatedTree tree = oneChild(RestartType.TRANSIENT, ExitReason.SHUTDOWN);
    assertThat(tree.states("")).isEqualTo("child1=STOPPED");
    assertThat(restart(tree, "child1")).isInstanceOf(Outcome.Up.class);
    tree.exit("child1", ExitReason.SHUTDOWN);
    assertThat(tree.states("")).isEqualTo("child1=STOPPED");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 0, 0, 1));
  }

  @Test
  void temporary_shutdown() {
    SimulatedTree tree = oneChild(RestartType.TEMPORARY, ExitReason.SHUTDOWN);
    assertThat(tree.states("")).isEmpty();
    assertThat(add(tree, "", temporary("child1"))).isInstanceOf(Outcome.Up.class);
    tree.exit("child1", ExitReason.SHUTDOWN);
    assertThat(tree.states("")).isEmpty();
    assertThat(counts(tree)).isEqualTo(new Counts(0, 0, 0, 0));
  }

  @Test
  void permanent_abnormal() {
    SimulatedTree tree = oneChild(RestartType.PERMANENT, ERROR);
    assertThat(tree.states("")).isEqualTo("child1");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
  }

  @Test
  void transient_abnormal() {
    SimulatedTree tree = oneChild(RestartType.TRANSIENT, ERROR);
    assertThat(tree.states("")).isEqualTo("child1");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 1));
  }

  @Test
  void temporary_abnormal() {
    SimulatedTree tree = oneChild(RestartType.TEMPORARY, ERROR);
    assertThat(tree.states("")).isEmpty();
    assertThat(counts(tree)).isEqualTo(new Counts(0, 0, 0, 0));
  }

  @ParameterizedTest
  @EnumSource(names = {"ONE_FOR_ALL", "REST_FOR_ONE"})
  void temporary_bystander(SupervisionStrategy strategy) {
    SimulatedTree tree = empty(strategy);
    add(tree, "", permanent("child1"));
    add(tree, "", temporary("child2"));
    tree.takeLog();
    tree.exit("child1", ExitReason.NORMAL);
    assertThat(tree.takeLog()).isEqualTo("-child2 +child1");
    assertThat(tree.states("")).isEqualTo("child1");
  }

  // Strategies.

  @Test
  void multiple_restarts() {
    SimulatedTree tree =
        SimulatedTree.started(
            windowed(ONE_FOR_ONE, 1, Duration.ofSeconds(1), worker("child1", Duration.ZERO)));
    tree.exit("child1", ERROR);
    for (int i = 0; i < 3; i++) {
      tree.advance(Duration.ofMillis(2_100));
      tree.exit("child1", ERROR);
    }
    assertThat(terminate(tree, "child1")).isEqualTo(new Outcome.Done());
    assertThat(delete(tree, "child1")).isEqualTo(new Outcome.Done());
  }

  @Test
  void one_for_one() {
    SimulatedTree tree = empty(ONE_FOR_ONE);
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    Run bystander = tree.runOf("child2");

    tree.exit("child1", ERROR);
    assertThat(tree.runOf("child2")).isEqualTo(bystander);
    assertThat(counts(tree)).isEqualTo(new Counts(2, 2, 0, 2));

    tree.exit("child2", ERROR);
    tree.exit("child2", ERROR);
    assertThat(tree.takeLog()).endsWith("-child1 gave up");
  }

  @Test
  void one_for_one_escalation() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 4));
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    tree.takeLog();
    tree.failures.put("child1", 100);
    tree.exit("child1", ERROR);
    assertThat(tree.takeLog()).isEqualTo("+child1 +child1 +child1 +child1 -child2 gave up");
  }

  @Test
  void one_for_all() {
    SimulatedTree tree = empty(ONE_FOR_ALL);
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    Run first = tree.runOf("child1");
    Run second = tree.runOf("child2");
    tree.takeLog();

    tree.exit("child1", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-child2 +child1 +child2");
    assertThat(tree.runOf("child1")).isNotEqualTo(first);
    assertThat(tree.runOf("child2")).isNotEqualTo(second);
    assertThat(counts(tree)).isEqualTo(new Counts(2, 2, 0, 2));

    tree.exit("child2", ERROR);
    tree.takeLog();
    tree.exit("child2", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-child1 gave up");
  }

  @Test
  void one_for_all_escalation() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ALL, 4));
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    tree.takeLog();
    tree.failures.put("child2", 100);
    tree.exit("child1", ERROR);
    assertThat(tree.takeLog())
        .isEqualTo(
            "-child2 +child1 +child2"
                + " -child1 +child1 +child2"
                + " -child1 +child1 +child2"
                + " -child1 +child1 +child2"
                + " -child1 gave up");
  }

  @Test
  void one_for_all_other_child_fails_restart() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(ONE_FOR_ALL, 3, permanent("child1"), permanent("child2")));
    tree.takeLog();
    tree.failures.put("child2", 1);
    tree.exit("child1", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-child2 +child1 +child2 -child1 +child1 +child2");
    assertThat(tree.states("")).isEqualTo("child1 child2");
  }

  @Test
  void rest_for_one() {
    SimulatedTree tree = empty(REST_FOR_ONE);
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    add(tree, "", permanent("child3"));
    assertThat(counts(tree)).isEqualTo(new Counts(3, 3, 0, 3));
    Run first = tree.runOf("child1");
    tree.takeLog();

    tree.exit("child2", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-child3 +child2 +child3");
    assertThat(tree.runOf("child1")).isEqualTo(first);
    assertThat(counts(tree)).isEqualTo(new Counts(3, 3, 0, 3));

    tree.exit("child3", ERROR);
    tree.takeLog();
    tree.exit("child2", ERROR);
    assertThat(tree.takeLog()).isEqualTo("-child3 -child1 gave up");
  }

  @Test
  void rest_for_one_escalation() {
    SimulatedTree tree = SimulatedTree.started(supervisor(REST_FOR_ONE, 4));
    add(tree, "", permanent("child1"));
    add(tree, "", permanent("child2"));
    tree.takeLog();
    tree.failures.put("child2", 100);
    tree.exit("child1", ERROR);
    assertThat(tree.takeLog())
        .isEqualTo("-child2 +child1 +child2 +child2 +child2 +child2 -child1 gave up");
  }

  @Test
  void rest_for_one_other_child_fails_restart() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(REST_FOR_ONE, 3, permanent("child1"), permanent("child2")));
    tree.takeLog();
    tree.failures.put("child2", 1);
    tree.exit("child1", ERROR);
    // child1 is up already and is left alone.
    assertThat(tree.takeLog()).isEqualTo("-child2 +child1 +child2 +child2");
    assertThat(tree.states("")).isEqualTo("child1 child2");
  }

  @Test
  void simple_one_for_one() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 2, permanent("child")));
    simpleStart(tree, "one");
    simpleStart(tree, "two");
    Run bystander = tree.runOf("two");

    tree.exit("one", ERROR);
    assertThat(tree.states("")).isEqualTo("one two");
    assertThat(tree.runOf("two")).isEqualTo(bystander);
    assertThat(counts(tree)).isEqualTo(new Counts(1, 2, 0, 2));

    tree.exit("two", ERROR);
    tree.exit("two", ERROR);
    assertThat(tree.takeLog()).endsWith("-one gave up");
  }

  @Test
  void simple_one_for_one_shutdown() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(SIMPLE_ONE_FOR_ONE, 2, worker("child", SHUTDOWN.multipliedBy(2))));
    simpleStart(tree, "one");
    simpleStart(tree, "two");
    simpleStart(tree, "three");
    tree.takeLog();
    tree.held.add("one");
    tree.held.add("two");
    tree.stubborn.add("three");

    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-three -two -one");
    tree.advance(SHUTDOWN);
    tree.exit("one", ExitReason.SHUTDOWN);
    tree.exit("two", ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).isEmpty();
    tree.advance(SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("!three stopped");
  }

  @Test
  void simple_one_for_one_escalation() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 4, permanent("child")));
    simpleStart(tree, "one");
    simpleStart(tree, "two");
    tree.takeLog();
    tree.failures.put("one", 100);
    tree.exit("one", ERROR);
    assertThat(tree.takeLog()).isEqualTo("+one +one +one +one -two gave up");
  }

  // Trees and the rest.

  @Test
  void tree() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ALL, 4));
    add(tree, "", nested("sup1", ONE_FOR_ONE, 4, permanent("child1"), permanent("child2")));
    add(tree, "", nested("sup2", ONE_FOR_ONE, 4));
    assertThat(counts(tree)).isEqualTo(new Counts(2, 2, 2, 0));
    assertThat(tree.supervisor("sup1").counts()).isEqualTo(new Counts(2, 2, 0, 2));
    assertThat(tree.supervisor("sup2").counts()).isEqualTo(new Counts(0, 0, 0, 0));

    add(tree, "sup2", permanent("child3"));
    add(tree, "sup2", permanent("child4"));
    assertThat(tree.supervisor("sup2").counts()).isEqualTo(new Counts(2, 2, 0, 2));
    Run child1 = tree.runOf("sup1/child1");
    Run child3 = tree.runOf("sup2/child3");
    Run child4 = tree.runOf("sup2/child4");

    tree.exit("sup2/child4", ERROR);
    assertThat(tree.runOf("sup1/child1")).isEqualTo(child1);
    assertThat(tree.runOf("sup2/child3")).isEqualTo(child3);
    assertThat(tree.runOf("sup2/child4")).isNotEqualTo(child4);

    tree.takeLog();
    tree.failures.put("sup2/child3", 100);
    tree.exit("sup2/child3", ERROR);
    assertThat(tree.takeLog())
        .isEqualTo(
            "+sup2/child3 +sup2/child3 +sup2/child3 -sup2/child4"
                + " -sup1 -sup1/child2 -sup1/child1"
                + " +sup1 +sup1/child1 +sup1/child2 +sup2");
    assertThat(counts(tree)).isEqualTo(new Counts(2, 2, 2, 0));
    assertThat(tree.states("sup1")).isEqualTo("child1 child2");
    // Children added at run time are not part of the specification.
    assertThat(tree.states("sup2")).isEmpty();
  }

  /// `simple_global_supervisor`, without the global names: a killed supervisor takes its child
  /// along and both come back.
  @Test
  void kill_supervisor() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(ONE_FOR_ALL, 3, nested("middle", ONE_FOR_ALL, 3, permanent("child"))));
    tree.takeLog();
    tree.exit("middle", ExitReason.KILLED);
    assertThat(tree.takeLog()).isEqualTo("+middle +middle/child");
  }

  @Test
  void count_children() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 2, temporary("child")));
    for (int i = 0; i < 1_000; i++) {
      simpleStart(tree, "child" + i);
    }
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1_000, 0, 1_000));
    for (int i = 1_000; i < 2_000; i++) {
      simpleStart(tree, "child" + i);
    }
    assertThat(counts(tree)).isEqualTo(new Counts(1, 2_000, 0, 2_000));
    assertThat(tree.supervisor("").children()).hasSize(2_000);
    for (int i = 0; i < 2_000; i++) {
      tree.exit("child" + i, ExitReason.KILLED);
    }
    assertThat(counts(tree)).isEqualTo(new Counts(1, 0, 0, 0));
  }

  @Test
  void count_restarting_children() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 2, permanent("child")));
    simpleStart(tree, "one");
    simpleStart(tree, "two");
    tree.held.add("one");
    tree.exit("one", ERROR);
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 2));
    tree.failStart("one");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 1, 0, 2));
    tree.finishStart("one");
    assertThat(counts(tree)).isEqualTo(new Counts(1, 2, 0, 2));
  }

  @ParameterizedTest
  @EnumSource(names = {"ONE_FOR_ONE", "ONE_FOR_ALL", "REST_FOR_ONE"})
  void do_not_save_child_specs_for_temporary_children(SupervisionStrategy strategy) {
    for (ExitReason how : new ExitReason[] {ExitReason.KILLED, ExitReason.NORMAL, ERROR}) {
      SimulatedTree tree = empty(strategy);
      add(tree, "", permanent("child1"));
      tree.exit("child1", how);
      assertThat(refusal(add(tree, "", permanent("child1")))).isEqualTo(Refusal.ALREADY_STARTED);

      add(tree, "", transientChild("child2"));
      tree.exit("child2", how);
      assertThat(refusal(add(tree, "", transientChild("child2"))))
          .isEqualTo(how.abnormal() ? Refusal.ALREADY_STARTED : Refusal.ALREADY_PRESENT);

      add(tree, "", temporary("child3"));
      tree.exit("child3", how);
      assertThat(add(tree, "", temporary("child3"))).isInstanceOf(Outcome.Up.class);
    }
    SimulatedTree tree = empty(strategy);
    for (Child child :
        new Child[] {permanent("child1"), transientChild("child2"), temporary("child3")}) {
      add(tree, "", child);
      terminate(tree, child.id());
    }
    assertThat(refusal(add(tree, "", permanent("child1")))).isEqualTo(Refusal.ALREADY_PRESENT);
    assertThat(restart(tree, "child1")).isInstanceOf(Outcome.Up.class);
    assertThat(refusal(add(tree, "", transientChild("child2")))).isEqualTo(Refusal.ALREADY_PRESENT);
    assertThat(restart(tree, "child2")).isInstanceOf(Outcome.Up.class);
    assertThat(add(tree, "", temporary("child3"))).isInstanceOf(Outcome.Up.class);
  }

  /// `simple_one_for_one_scale_many_temporary_children` by its effects: each child costs one stop,
  /// and none is left.
  @Test
  void simple_one_for_one_scale_many_temporary_children() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 2, temporary("child")));
    int many = 10_000;
    for (int i = 0; i < many; i++) {
      simpleStart(tree, "child" + i);
    }
    tree.log.clear();
    for (int i = 0; i < many; i++) {
      assertThat(terminate(tree, "child" + i)).isEqualTo(new Outcome.Done());
    }
    assertThat(tree.log).hasSize(many);
    assertThat(tree.supervisor("").children()).isEmpty();
  }

  /// A child that cannot be restarted hangs in its start; each failed attempt lets what waits go
  /// first.
  @Test
  void hanging_restart_loop() {
    SimulatedTree tree = SimulatedTree.started(supervisor(ONE_FOR_ONE, 8, permanent("child1")));
    tree.held.add("child1");
    tree.exit("child1", ERROR);
    tree.failStart("child1");
    long add = tree.callLater("", call -> new Event.StartChild(call, permanent("child1")));
    long again = tree.callLater("", call -> new Event.RestartChild(call, "child1"));
    long delete = tree.callLater("", call -> new Event.DeleteChild(call, "child1"));
    long terminate = tree.callLater("", call -> new Event.TerminateChild(call, "child1"));
    assertThat(tree.answers).isEmpty();
    tree.takeLog();

    tree.failStart("child1");

    assertThat(refusal(tree.answers.get(add))).isEqualTo(Refusal.ALREADY_PRESENT);
    assertThat(refusal(tree.answers.get(again))).isEqualTo(Refusal.RESTARTING);
    assertThat(refusal(tree.answers.get(delete))).isEqualTo(Refusal.RESTARTING);
    assertThat(tree.answers.get(terminate)).isEqualTo(new Outcome.Done());
    assertThat(tree.takeLog()).isEmpty();
    assertThat(tree.states("")).isEqualTo("child1=STOPPED");

    tree.held.clear();
    assertThat(restart(tree, "child1")).isInstanceOf(Outcome.Up.class);
    tree.held.add("child1");
    tree.exit("child1", ERROR);
    tree.failStart("child1");
    tree.takeLog();
    tree.stop(ExitReason.SHUTDOWN);
    tree.advance(SHUTDOWN);
    assertThat(tree.takeLog()).isEqualTo("-child1 !child1 stopped");
  }

  @Test
  void hanging_restart_loop_rest_for_one() {
    SimulatedTree tree =
        SimulatedTree.started(
            supervisor(
                REST_FOR_ONE, 8, permanent("child1"), permanent("child2"), permanent("child3")));
    tree.held.add("child2");
    tree.exit("child1", ERROR);
    // child2, told to stop, hangs.
    tree.advance(SHUTDOWN);
    long terminate = tree.callLater("", call -> new Event.TerminateChild(call, "child2"));
    tree.failStart("child2");
    assertThat(tree.answers.get(terminate)).isEqualTo(new Outcome.Done());
    assertThat(tree.states("")).isEqualTo("child1 child2=STOPPED child3=STOPPED");
  }

  @Test
  void hanging_restart_loop_simple() {
    SimulatedTree tree =
        SimulatedTree.started(supervisor(SIMPLE_ONE_FOR_ONE, 8, permanent("child")));
    simpleStart(tree, "one");
    tree.held.add("one");
    tree.exit("one", ERROR);
    long terminate = tree.callLater("", call -> new Event.TerminateChild(call, "one"));
    tree.failStart("one");
    assertThat(tree.answers.get(terminate)).isEqualTo(new Outcome.Done());
    assertThat(tree.states("")).isEmpty();
    tree.stop(ExitReason.SHUTDOWN);
    assertThat(tree.takeLog()).endsWith("stopped");
  }

  /// Start order, which restarts keep (OTP lists it backwards).
  @Test
  void which_children_order() {
    SimulatedTree tree =
        SimulatedTree.started(
            named("root", REST_FOR_ONE, 2, RestartType.PERMANENT, permanent("b"), permanent("a")));
    add(tree, "", permanent("c"));
    tree.exit("b", ERROR);
    assertThat(tree.states("")).isEqualTo("b a c");
  }
}
