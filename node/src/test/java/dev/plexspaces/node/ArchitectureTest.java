package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.node.ClassFiles.Scanned;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The rules of the drawing in docs/ARCHITECTURE.md, checked on what the compiler produced. Source:
/// STYLE section 3.
class ArchitectureTest {

  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final String OURS = "dev.plexspaces.";
  private static final Map<String, List<Scanned>> MODULES = ClassFiles.ofModules(ROOT);

  /// Which modules a module may know. `node` and `bench` may know all.
  private static final Map<String, Set<String>> MAY_KNOW =
      Map.ofEntries(
          Map.entry("contracts", Set.of()),
          Map.entry("sdk", Set.of()),
          Map.entry("kernel", Set.of("sdk")),
          Map.entry("coordination", Set.of("sdk", "kernel")),
          Map.entry("cluster", Set.of("sdk", "kernel")),
          Map.entry("store", Set.of("sdk", "kernel", "coordination")),
          Map.entry("wasm", Set.of("sdk", "contracts")),
          Map.entry("jobs", Set.of("sdk")),
          Map.entry("agents", Set.of("sdk")),
          Map.entry("gateway", Set.of("contracts", "sdk", "kernel", "coordination", "cluster")),
          Map.entry("testkit", Set.of("sdk", "kernel", "coordination", "cluster")),
          Map.entry("examples", Set.of("sdk")));

  /// Not shipped with a node, so free to use time and threads: they measure and drive.
  private static final Set<String> NOT_PRODUCTION = Set.of("bench", "testkit", "contracts");

  /// Libraries and the only modules that may touch them.
  private static final Map<String, Set<String>> FENCES =
      Map.of(
          "java.sql.", Set.of("store"),
          "javax.sql.", Set.of("store"),
          "org.sqlite.", Set.of("store"),
          "org.flywaydb.", Set.of("store"),
          "io.netty.", Set.of("gateway"),
          "com.linecorp.armeria.", Set.of("gateway"),
          "com.nimbusds.", Set.of("gateway"),
          "org.apache.pekko.", Set.of("cluster", "bench"),
          "picocli.", Set.of("node"),
          // Jackson 2 is on the class path through the server library; ours is Jackson 3.
          "com.fasterxml.jackson.databind.", Set.of());

  /// Direct use of time, threads and randomness, and what to use in its place.
  private static final Map<String, String> BANNED = banned();

  /// The classes that are the doors themselves, each with its reason.
  private static final Map<String, String> DOORS = doors();

  /// What commands may know of the rest of the node; everything else goes through the contract.
  private static final Set<String> CLI_MAY_KNOW =
      Set.of(
          "dev.plexspaces.node.DataDirectory",
          "dev.plexspaces.node.NodeFile",
          "dev.plexspaces.node.Version",
          "dev.plexspaces.node.config.ConfigTable",
          "dev.plexspaces.node.config.Durations",
          "dev.plexspaces.sdk.ErrorCode",
          "dev.plexspaces.sdk.PlexException");

  private static final Map<String, Set<String>> CLI_EXCEPTIONS =
      Map.of(
          // It is the node.
          "dev.plexspaces.node.cli.StartCommand",
          Set.of("dev.plexspaces.node.Node", "dev.plexspaces.node.NodeOptions"),
          // It reads the node's key where the node's owner can.
          "dev.plexspaces.node.cli.TokenCommand",
          Set.of("dev.plexspaces.gateway.NodeKey", "dev.plexspaces.kernel.time.SystemClock"));

  private static Map<String, String> banned() {
    Map<String, String> banned = new LinkedHashMap<>();
    String clock = "use kernel.time.Clock or an InstantSource that was passed in";
    for (String type :
        List.of("Instant", "LocalDate", "LocalTime", "LocalDateTime", "ZonedDateTime", "Year")) {
      banned.put("java.time." + type + ".now", clock);
    }
    banned.put("java.time.OffsetDateTime.now", clock);
    banned.put("java.time.Clock.systemUTC", clock);
    banned.put("java.time.Clock.systemDefaultZone", clock);
    banned.put("java.time.InstantSource.system", clock);
    banned.put("java.lang.System.currentTimeMillis", clock);
    banned.put("java.lang.System.nanoTime", clock);
    String wait = "wait for an event or use kernel.time.Timers";
    banned.put("java.lang.Thread.sleep", wait);
    banned.put("java.util.concurrent.TimeUnit.sleep", wait);
    String threads = "use the Dispatcher or an executor that was passed in";
    banned.put("java.lang.Thread.<init>", threads);
    banned.put("java.lang.Thread.start", threads);
    banned.put("java.lang.Thread.ofVirtual", threads);
    banned.put("java.lang.Thread.ofPlatform", threads);
    banned.put("java.lang.Thread.startVirtualThread", threads);
    for (String executor :
        List.of(
            "newVirtualThreadPerTaskExecutor",
            "newThreadPerTaskExecutor",
            "newCachedThreadPool",
            "newFixedThreadPool",
            "newSingleThreadExecutor",
            "newScheduledThreadPool",
            "newSingleThreadScheduledExecutor",
            "newWorkStealingPool")) {
      banned.put("java.util.concurrent.Executors." + executor, threads);
    }
    banned.put("java.util.concurrent.ForkJoinPool.commonPool", threads);
    String random = "use the RandomGenerator or id source that was passed in";
    banned.put("java.util.UUID.randomUUID", random);
    banned.put("java.util.Random.<init>", random);
    banned.put("java.lang.Math.random", random);
    banned.put("java.util.concurrent.ThreadLocalRandom.current", random);
    // With a seed that was passed in it is as deterministic as its giver.
    banned.put("java.util.SplittableRandom.<init>()V", random);
    banned.put("java.security.SecureRandom.<init>", random);
    return banned;
  }

  private static Map<String, String> doors() {
    Map<String, String> doors = new TreeMap<>();
    doors.put("dev.plexspaces.kernel.time.SystemClock", "the Clock of production");
    doors.put("dev.plexspaces.kernel.SystemEntropy", "the randomness of production");
    doors.put(
        "dev.plexspaces.kernel.SeededDispatcher", "the Dispatcher of the simulator: its turns");
    doors.put(
        "dev.plexspaces.kernel.WorkerDispatcher", "the Dispatcher of production: its workers");
    doors.put(
        "dev.plexspaces.kernel.time.DeadlineWheel", "starts the thread it was given a factory for");
    doors.put("dev.plexspaces.kernel.ActorSystem", "wires production doors: the deadline thread");
    doors.put(
        "dev.plexspaces.store.SqliteStore", "starts its writer and keeper, made by a factory");
    doors.put("dev.plexspaces.store.StoreOptions", "defaults that wire production doors");
    doors.put("dev.plexspaces.node.Node", "wires production doors: signals, blocking calls");
    doors.put("dev.plexspaces.node.TurnSecret", "a secret needs the system's strong randomness");
    return doors;
  }

  @Test
  void theScan_seesTheCode() {
    assertThat(MODULES).containsKeys("sdk", "kernel", "node");
    MODULES.forEach(
        (module, classes) ->
            assertThat(classes).as("compiled classes of " + module).hasSizeGreaterThan(3));
  }

  /// The checks below are only worth something if they would find a culprit: this class is one.
  @Test
  void theScan_findsACulprit() throws IOException {
    String entry = "/dev/plexspaces/node/ArchitectureTest$Culprit.class";
    Scanned culprit = ClassFiles.scan(Path.of(URI_OF_TESTS).resolve(entry.substring(1)));

    assertThat(bannedCalls(culprit))
        .containsExactlyInAnyOrder(
            "java.time.Instant.now", "java.util.UUID.randomUUID", "java.lang.System.nanoTime");
    assertThat(culprit.mentions()).contains("java.sql.Driver");
    assertThat(
            cycle(Map.of("a", Set.of("b"), "b", Set.of("c"), "c", Set.of("a"), "d", Set.of("a"))))
        .containsExactlyInAnyOrder("a", "b", "c");
    assertThat(cycle(Map.of("a", Set.of("b", "c"), "b", Set.of("c"), "c", Set.of()))).isEmpty();
  }

  private static final String URI_OF_TESTS =
      Path.of("").toAbsolutePath().resolve("target/test-classes").toString();

  /// Does what production code may not.
  static final class Culprit {
    java.sql.Driver driver;
    java.util.function.Supplier<java.util.UUID> byReference = java.util.UUID::randomUUID;

    Object act() {
      return java.time.Instant.now().plusNanos(System.nanoTime());
    }
  }

  @Test
  void everyModule_isKnownHere() {
    assertThat(MODULES.keySet())
        .allMatch(
            module ->
                MAY_KNOW.containsKey(module) || module.equals("node") || module.equals("bench"));
  }

  @Test
  void modules_knowOnlyThoseBelowThem() {
    List<String> wrong = new ArrayList<>();
    for (var module : MODULES.entrySet()) {
      Set<String> allowed = MAY_KNOW.get(module.getKey());
      if (allowed == null) {
        continue;
      }
      for (Scanned scanned : module.getValue()) {
        for (String mentioned : scanned.mentions()) {
          String target = moduleOf(mentioned);
          if (target != null && !target.equals(module.getKey()) && !allowed.contains(target)) {
            wrong.add(scanned.name() + " knows " + mentioned);
          }
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void classes_liveInTheirModulesPackage() {
    MODULES.forEach(
        (module, classes) ->
            assertThat(classes)
                .as(module)
                .allMatch(
                    c ->
                        c.name().startsWith(OURS + module + ".")
                            || module.equals("contracts")
                            || module.equals("bench")));
  }

  @Test
  void packages_haveNoCycles() {
    MODULES.forEach(
        (module, classes) -> {
          if (module.equals("contracts")) {
            return;
          }
          Map<String, Set<String>> graph = new TreeMap<>();
          Map<String, String> packages = new TreeMap<>();
          classes.forEach(c -> packages.put(c.name(), c.packageName()));
          for (Scanned scanned : classes) {
            Set<String> known = graph.computeIfAbsent(scanned.packageName(), p -> new TreeSet<>());
            for (String mentioned : scanned.mentions()) {
              String target = packages.get(mentioned);
              if (target != null && !target.equals(scanned.packageName())) {
                known.add(target);
              }
            }
          }
          assertThat(cycle(graph)).as("package cycle in " + module).isEmpty();
        });
  }

  @Test
  void libraries_stayBehindTheirFences() {
    List<String> wrong = new ArrayList<>();
    MODULES.forEach(
        (module, classes) -> {
          for (Scanned scanned : classes) {
            for (String mentioned : scanned.mentions()) {
              FENCES.forEach(
                  (library, owners) -> {
                    if (mentioned.startsWith(library)
                        && !owners.contains(module)
                        && !module.equals("bench")) {
                      wrong.add(scanned.name() + " uses " + mentioned);
                    }
                  });
            }
          }
        });
    assertThat(wrong).isEmpty();
  }

  @Test
  void timeThreadsAndRandomness_areOnlyUsedInTheDoors() {
    List<String> wrong = new ArrayList<>();
    Set<String> usedDoors = new TreeSet<>();
    MODULES.forEach(
        (module, classes) -> {
          if (NOT_PRODUCTION.contains(module)) {
            return;
          }
          for (Scanned scanned : classes) {
            for (String call : bannedCalls(scanned)) {
              if (DOORS.containsKey(scanned.topLevel())) {
                usedDoors.add(scanned.topLevel());
              } else {
                wrong.add(scanned.name() + " calls " + call + ": " + BANNED.get(banned(call)));
              }
            }
          }
        });
    assertThat(wrong).isEmpty();
    assertThat(DOORS.keySet())
        .as("doors that need no exception any more")
        .allMatch(usedDoors::contains);
  }

  @Test
  void commandLine_isAClientOfTheContract() {
    List<String> wrong = new ArrayList<>();
    String cli = OURS + "node.cli.";
    for (Scanned scanned : MODULES.get("node")) {
      for (String mentioned : scanned.mentions()) {
        String top =
            mentioned.contains("$") ? mentioned.substring(0, mentioned.indexOf('$')) : mentioned;
        if (scanned.name().startsWith(cli)) {
          if (top.startsWith(OURS)
              && !top.startsWith(cli)
              && !CLI_MAY_KNOW.contains(top)
              && !CLI_EXCEPTIONS.getOrDefault(scanned.topLevel(), Set.of()).contains(top)) {
            wrong.add(scanned.name() + " knows " + top);
          }
        } else if (top.startsWith(cli)) {
          wrong.add(scanned.name() + " knows " + top);
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void sources_holdNoLeftovers() throws IOException {
    // Put together here, so that this file does not find itself.
    Pattern leftover =
        Pattern.compile("\\b(" + "FIX" + "ME|TO" + "DO|XX" + "X)\\b|@" + "Disabled\\b");
    List<String> found = new ArrayList<>();
    int looked = 0;
    for (String module : ClassFiles.modules(ROOT)) {
      Path sources = ROOT.resolve(module).resolve("src");
      if (!Files.isDirectory(sources)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(sources)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          if (!file.toString().matches(".*\\.(java|proto|xml|toml|sql|sh|properties)")) {
            continue;
          }
          looked++;
          List<String> lines = Files.readAllLines(file, StandardCharsets.UTF_8);
          for (int i = 0; i < lines.size(); i++) {
            if (leftover.matcher(lines.get(i)).find()) {
              found.add(ROOT.relativize(file) + ":" + (i + 1) + ": " + lines.get(i).strip());
            }
          }
        }
      }
    }
    assertThat(looked).isGreaterThan(50);
    assertThat(found).isEmpty();
  }

  private static List<String> bannedCalls(Scanned scanned) {
    return scanned.calls().stream().filter(call -> banned(call) != null).toList();
  }

  /// The entry of [#BANNED] that a call falls under; null when it is free.
  private static String banned(String call) {
    String anyConstructor = call.replaceFirst("<init>.*", "<init>");
    return BANNED.containsKey(call)
        ? call
        : BANNED.containsKey(anyConstructor) ? anyConstructor : null;
  }

  private static String moduleOf(String className) {
    if (!className.startsWith(OURS)) {
      return null;
    }
    String rest = className.substring(OURS.length());
    int dot = rest.indexOf('.');
    return dot < 0 ? null : rest.substring(0, dot);
  }

  /// The nodes of one cycle; empty when there is none.
  private static List<String> cycle(Map<String, Set<String>> graph) {
    Set<String> done = new HashSet<>();
    for (String start : graph.keySet()) {
      List<String> found = cycleFrom(start, graph, done, new ArrayDeque<>());
      if (!found.isEmpty()) {
        return found;
      }
    }
    return List.of();
  }

  private static List<String> cycleFrom(
      String node, Map<String, Set<String>> graph, Set<String> done, Deque<String> path) {
    if (path.contains(node)) {
      List<String> found = new ArrayList<>();
      for (String step : path) {
        found.add(step);
        if (step.equals(node)) {
          return found;
        }
      }
    }
    if (!done.add(node)) {
      return List.of();
    }
    path.push(node);
    for (String next : graph.getOrDefault(node, Set.of())) {
      List<String> found = cycleFrom(next, graph, done, path);
      if (!found.isEmpty()) {
        return found;
      }
    }
    path.pop();
    return List.of();
  }

  static {
    if (!Files.isRegularFile(ROOT.resolve("pom.xml"))) {
      throw new UncheckedIOException(new IOException("run from the module directory"));
    }
  }
}
