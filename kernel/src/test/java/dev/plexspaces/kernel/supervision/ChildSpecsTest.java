package dev.plexspaces.kernel.supervision;

import static dev.plexspaces.kernel.supervision.Specs.nested;
import static dev.plexspaces.kernel.supervision.Specs.permanent;
import static dev.plexspaces.kernel.supervision.Specs.spec;
import static dev.plexspaces.kernel.supervision.Specs.supervisor;
import static dev.plexspaces.kernel.supervision.Specs.worker;
import static dev.plexspaces.sdk.SupervisionStrategy.ONE_FOR_ONE;
import static dev.plexspaces.sdk.SupervisionStrategy.SIMPLE_ONE_FOR_ONE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import dev.plexspaces.sdk.SupervisorSpec.Worker;
import java.time.Duration;
import java.util.List;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;

class ChildSpecsTest {

  private static List<String> fields(SupervisorSpec spec) {
    return ChildSpecs.check(spec).stream().map(FieldViolation::field).toList();
  }

  @Test
  void correctSpecs_haveNoViolations() {
    assertThat(
            ChildSpecs.check(
                supervisor(
                    ONE_FOR_ONE,
                    0,
                    permanent("a"),
                    worker("b", Duration.ZERO),
                    worker("c", SupervisorSpec.UNBOUNDED),
                    nested("sup", SIMPLE_ONE_FOR_ONE, 1, permanent("a")))))
        .isEmpty();
  }

  @Test
  void violations_nameThePathOfEachField() {
    Child child = new Worker(ChildSpec.of("bad type", "").restart(null).shutdownTimeout(null));
    assertThat(fields(supervisor(ONE_FOR_ONE, 1, permanent("a"), nested("sup", null, -1, child))))
        .containsExactly(
            "children[1].strategy",
            "children[1].maxRestarts",
            "children[1].children[0].id",
            "children[1].children[0].type",
            "children[1].children[0].key",
            "children[1].children[0].restart",
            "children[1].children[0].shutdownTimeout");
  }

  @Test
  void duplicateIds_areRefusedAmongSiblingsOnly() {
    assertThat(
            ChildSpecs.check(
                supervisor(ONE_FOR_ONE, 1, permanent("a"), nested("a", ONE_FOR_ONE, 1))))
        .containsExactly(new FieldViolation("children[1].id", "'a' is the id of an earlier child"));
    assertThat(
            ChildSpecs.check(
                supervisor(
                    ONE_FOR_ONE, 1, permanent("a"), nested("b", ONE_FOR_ONE, 1, permanent("a")))))
        .isEmpty();
  }

  @Test
  void limits_areChecked() {
    assertThat(fields(supervisor(ONE_FOR_ONE, ChildSpecs.RESTARTS_MAX))).isEmpty();
    assertThat(fields(supervisor(ONE_FOR_ONE, ChildSpecs.RESTARTS_MAX + 1)))
        .containsExactly("maxRestarts");
    assertThat(fields(Specs.windowed(ONE_FOR_ONE, 1, ChildSpecs.WINDOW_MAX))).isEmpty();
    assertThat(fields(Specs.windowed(ONE_FOR_ONE, 1, ChildSpecs.WINDOW_MAX.plusNanos(1))))
        .containsExactly("window");
    assertThat(fields(Specs.windowed(ONE_FOR_ONE, 1, null))).containsExactly("window");
    assertThat(fields(Specs.named("root", ONE_FOR_ONE, 1, null))).containsExactly("restart");
    assertThat(fields(Specs.named("", ONE_FOR_ONE, 1, RestartType.PERMANENT)))
        .containsExactly("id");
  }

  @Test
  void nesting_isBounded() {
    Child child = permanent("leaf");
    for (int i = 0; i < ChildSpecs.DEPTH_MAX - 1; i++) {
      child = nested("sup", ONE_FOR_ONE, 1, child);
    }
    assertThat(fields(supervisor(ONE_FOR_ONE, 1, child))).isEmpty();
    assertThat(fields(supervisor(ONE_FOR_ONE, 1, nested("sup", ONE_FOR_ONE, 1, child)))).hasSize(1);
  }

  @Test
  void newSupervisor_reportsEveryViolation() {
    assertThatThrownBy(
            () ->
                new Supervisor(supervisor(SIMPLE_ONE_FOR_ONE, -1, permanent("a"), permanent("a"))))
        .asInstanceOf(InstanceOfAssertFactories.type(PlexException.class))
        .satisfies(
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
              assertThat(e.violations())
                  .extracting(FieldViolation::field)
                  .containsExactly("maxRestarts", "children", "children[1].id");
              assertThat(e)
                  .hasMessageContaining(
                      "children: simple_one_for_one needs exactly one child, the template; there"
                          + " are 2");
            });
  }

  @Test
  void childWithoutViolations_isAccepted() {
    assertThat(ChildSpecs.check(permanent("a"))).isEmpty();
    assertThat(ChildSpecs.check(new Worker(spec("a").mailbox(1, null))))
        .containsExactly(new FieldViolation("overflow", "is missing"));
  }
}
