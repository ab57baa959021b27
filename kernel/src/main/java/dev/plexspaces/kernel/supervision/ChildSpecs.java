package dev.plexspaces.kernel.supervision;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import dev.plexspaces.sdk.SupervisorSpec.Child;
import dev.plexspaces.sdk.SupervisorSpec.Nested;
import dev.plexspaces.sdk.SupervisorSpec.Worker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Finds what is wrong with a supervisor's or child's specification before anything is started.
/// Source: OTP `supervisor:check_childspecs/1`.
public final class ChildSpecs {

  /// Deepest nesting of supervisors.
  public static final int DEPTH_MAX = 32;

  /// Largest `maxRestarts`.
  public static final int RESTARTS_MAX = 100_000;

  /// Longest restart window.
  public static final Duration WINDOW_MAX = Duration.ofDays(365);

  private static final Scope ANY_SCOPE = new Scope("any", "any");

  private ChildSpecs() {}

  /// Checks a supervisor with all that is below it.
  ///
  /// @return every wrong field by its path, such as `children[2].maxRestarts`; empty when all is
  ///   well
  public static List<FieldViolation> check(SupervisorSpec spec) {
    var found = new ArrayList<FieldViolation>();
    supervisor("", spec, 1, found);
    return found;
  }

  /// Checks one child with all that is below it.
  public static List<FieldViolation> check(Child child) {
    var found = new ArrayList<FieldViolation>();
    child("", child, 1, found);
    return found;
  }

  /// @throws PlexException `INVALID_MESSAGE` with every violation
  static void require(SupervisorSpec spec) {
    List<FieldViolation> found = check(spec);
    if (!found.isEmpty()) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "supervisor " + spec.id() + ": " + text(found), found, null);
    }
  }

  /// The violations in one line.
  static String text(List<FieldViolation> found) {
    return found.stream()
        .map(violation -> violation.field() + ": " + violation.description())
        .collect(Collectors.joining("; "));
  }

  private static void supervisor(
      String path, SupervisorSpec spec, int depth, List<FieldViolation> found) {
    if (depth > DEPTH_MAX) {
      add(found, path + "children", "supervisors may be nested " + DEPTH_MAX + " deep");
      return;
    }
    name(path + "id", spec.id(), found);
    required(path + "strategy", spec.strategy(), found);
    required(path + "restart", spec.restart(), found);
    shutdown(path, spec.shutdownTimeout(), found);
    if (spec.maxRestarts() < 0 || spec.maxRestarts() > RESTARTS_MAX) {
      add(found, path + "maxRestarts", "must be 0 to " + RESTARTS_MAX);
    }
    if (spec.window() == null
        || !spec.window().isPositive()
        || spec.window().compareTo(WINDOW_MAX) > 0) {
      add(
          found,
          path + "window",
          "must be longer than 0 and at most " + WINDOW_MAX.toDays() + " d");
    }
    if (spec.strategy() == SupervisionStrategy.SIMPLE_ONE_FOR_ONE && spec.children().size() != 1) {
      add(
          found,
          path + "children",
          "simple_one_for_one needs exactly one child, the template; there are "
              + spec.children().size());
    }
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < spec.children().size(); i++) {
      Child child = spec.children().get(i);
      String childPath = path + "children[" + i + "].";
      child(childPath, child, depth + 1, found);
      if (!ids.add(child.id())) {
        add(found, childPath + "id", "'" + child.id() + "' is the id of an earlier child");
      }
    }
  }

  private static void child(String path, Child child, int depth, List<FieldViolation> found) {
    switch (child) {
      case Worker worker -> worker(path, worker.spec(), found);
      case Nested nested -> supervisor(path, nested.spec(), depth, found);
    }
  }

  private static void worker(String path, ChildSpec spec, List<FieldViolation> found) {
    name(path + "id", spec.id(), found);
    try {
      Scope.requireName(path + "type", spec.type());
    } catch (PlexException e) {
      found.addAll(e.violations());
    }
    name(path + "key", spec.key(), found);
    required(path + "restart", spec.restart(), found);
    required(path + "overflow", spec.overflow(), found);
    shutdown(path, spec.shutdownTimeout(), found);
  }

  private static void shutdown(String path, Duration timeout, List<FieldViolation> found) {
    if (timeout == null || timeout.isNegative()) {
      add(found, path + "shutdownTimeout", "must be 0 (kill at once) or longer");
    }
  }

  /// Ids and keys obey the rules of an actor's key, because a child's id is its default key.
  private static void name(String field, String name, List<FieldViolation> found) {
    try {
      var unused = new ActorId(ANY_SCOPE, "any", name);
    } catch (PlexException e) {
      for (FieldViolation violation : e.violations()) {
        add(found, field, violation.description());
      }
    }
  }

  private static void required(String field, Object value, List<FieldViolation> found) {
    if (value == null) {
      add(found, field, "is missing");
    }
  }

  private static void add(List<FieldViolation> found, String field, String description) {
    found.add(new FieldViolation(field, description));
  }
}
