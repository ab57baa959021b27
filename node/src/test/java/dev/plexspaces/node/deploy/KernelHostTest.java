package dev.plexspaces.node.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.DeadLetters;
import dev.plexspaces.kernel.Invoker;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.node.deploy.Deployment.Status;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Deployments in the real actor system.
class KernelHostTest {

  private static final Scope ACME = new Scope("acme", "prod");
  private static final RequestContext CONTEXT =
      new RequestContext("acme", "prod", "test", Set.of(), "r", Optional.empty(), Optional.empty());

  private static final byte[] COUNTER_JAR =
      TestJar.jar(
          Map.of(
              "app.Counter",
              """
              package app;
              import dev.plexspaces.sdk.*;
              @GenServer("counter")
              public class Counter {
                public record Added(long by, String note) {}
                @State private long count;
                @OnInit void init(@Param(defaultValue = "false") boolean explode) {
                  if (explode) throw new IllegalStateException("no children today");
                }
                @Handler("add") long add(@Param(defaultValue = "1") long by) { return count += by; }
                @Handler("note") String note(Added added) { return added.note() + added.by(); }
                @Handler("get") long get() { return count; }
                @Handler("spin") void spin() {
                  System.setProperty("kernel-host-test.spins", "yes");
                  while (System.getProperty("kernel-host-test.stop") == null) Thread.onSpinWait();
                }
                @Handler("fail") void fail() { throw new IllegalStateException("on purpose"); }
              }
              """));

  @TempDir Path temp;
  private ActorSystem system;
  private Deployments deployments;

  @BeforeEach
  void start() {
    system = ActorSystem.inMemory();
    deployments =
        new Deployments(
            temp.resolve("apps"),
            AnnotatedActors::bind,
            new KernelHost(system),
            new RecordingLinks(),
            InstantSource.system());
  }

  @AfterEach
  void stop() {
    deployments.close();
    system.close();
  }

  @Test
  void deployedActors_answerUntilUndeployed() throws Exception {
    Deployment deployed = deploy("a", children("one"));
    assertThat(deployed.status()).isEqualTo(Status.RUNNING);
    assertThat(deployed.actorCount()).isEqualTo(1);
    assertThat(ask("one", "add")).isEqualTo(1L);

    deployments.undeploy("a", false);

    assertThat(refusal("one", "get").code()).isEqualTo(ErrorCode.ACTOR_NOT_FOUND);
  }

  /// As the contract's configurations have them; see docs/deliberate.md.
  @Test
  void labelsOfAVirtualActor_areTakenAndChangeNothing() throws Exception {
    deploy(
        "a",
        children("one")
            + """
            facets = [{ type = "virtual_actor", config = { idle_timeout = "15m",
                        labels = { tier = "large", gpu_capable = true, memory_gb = 64 } } }]
            """);
    assertThat(ask("one", "add")).isEqualTo(1L);
  }

  @Test
  void crash_restartsTheChildAndLeavesItsSiblingAlone() throws Exception {
    deploy("a", children("one") + children("two"));
    ask("one", "add");
    ask("two", "add");

    assertThat(refusal("one", "fail").code()).isEqualTo(ErrorCode.ACTOR_CRASHED);

    assertThat(ask("one", "get")).isEqualTo(0L);
    assertThat(ask("two", "get")).isEqualTo(1L);
  }

  @Test
  void givingUp_failsThatApplicationOnly() throws Exception {
    deploy("a", "[supervisor]\nmax_restarts = 0\n" + children("one"));
    deployOther("b", children("other"));

    refusal("one", "fail");

    await(() -> deployments.find("a").orElseThrow().status() == Status.FAILED);
    assertThat(deployments.find("a").orElseThrow().detail())
        .startsWith("its root supervisor exited: ");
    assertThat(deployments.find("b").orElseThrow().status()).isEqualTo(Status.RUNNING);
    PlexException refused = refusal("one", "get");
    assertThat(refused.code()).isEqualTo(ErrorCode.UNAVAILABLE);
    assertThat(refused).hasMessageContaining("application 'a'").hasMessageContaining("failed");
    deployments.undeploy("a", false);
    assertThat(deployments.list()).extracting(Deployment::id).containsExactly("b");
  }

  @Test
  void handlerThatRunsOnAfterUndeploy_isNamedInTheLog() throws Exception {
    try (LogLines lines = new LogLines("dev.plexspaces.kernel.ActorCell")) {
      deploy("a", children("one") + "shutdown_timeout_seconds = 0\n");
      CompletableFuture<Object> spinning =
          CompletableFuture.supplyAsync(
              () -> refusal("one", "spin"), task -> Thread.ofVirtual().start(task));
      await(() -> System.getProperty("kernel-host-test.spins") != null);

      deployments.undeploy("a", false);

      ILoggingEvent line = lines.next();
      assertThat(line).isNotNull();
      assertThat(line.getFormattedMessage())
          .startsWith("counter/one of application a was killed 3 s ago")
          .contains("app.Counter.spin");
      System.setProperty("kernel-host-test.stop", "yes");
      assertThat(spinning.get(20, TimeUnit.SECONDS)).isInstanceOf(PlexException.class);
    } finally {
      System.setProperty("kernel-host-test.stop", "yes");
    }
  }

  @Test
  void supervisorThatGivesUp_saysSoAsAWarningWithItsTenantAndApplication() throws Exception {
    deploy("a", "[supervisor]\nid = \"root\"\nmax_restarts = 0\n" + children("one"));
    try (LogLines lines = new LogLines("dev.plexspaces.kernel.SupervisorActor")) {
      refusal("one", "fail");

      assertReport(lines.next(), "supervisor a/root: its child 'one' terminated (");
      assertReport(
          lines.next(), "supervisor a/root gives up: too many restarts, the last of 'one' (");
      assertThat(lines.isEmpty()).isTrue();
    }
  }

  private static void assertReport(ILoggingEvent line, String begin) {
    assertThat(line).isNotNull();
    assertThat(line.getLevel()).isEqualTo(Level.WARN);
    assertThat(line.getFormattedMessage())
        .startsWith(begin)
        .endsWith("error: IllegalStateException: on purpose)");
    assertThat(line.getKeyValuePairs())
        .extracting(pair -> pair.key + "=" + pair.value)
        .containsExactly(
            "actor=supervisor/a/root", "tenant=acme", "namespace=prod", "application=a");
  }

  @Test
  void childThatCannotStart_refusesTheWholeApplication() {
    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () -> deploy("a", children("one") + children("two") + "args = { explode = true }\n"));

    assertThat(refused.code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(refused)
        .hasMessageContaining("application 'a' did not start: ")
        .hasMessageEndingWith("no children today");
    assertThat(refused.getMessage()).doesNotContain("Exception");
    assertThat(deployments.list()).isEmpty();
    assertThat(system.actors(ACME, Optional.empty(), "", 10)).isEmpty();
    assertThat(temp.resolve("apps/a")).doesNotExist();
  }

  private static byte[] conf(String parameters, String facets) {
    return TestJar.jar(
        Map.of(
            "app.Conf",
            """
            package app;
            import dev.plexspaces.sdk.*;
            import java.util.*;
            @GenServer(value = "conf", facets = {%s})
            public class Conf {
              public record Limits(int low, int high) {}
              @State private String started = "";
              @OnInit void init(ActorContext context%s) { started = "yes"; }
              @Handler("started") String started() { return started; }
            }
            """
                .formatted(facets, parameters)));
  }

  private PlexException refusedConf(String config, byte[] jar) {
    PlexException refused =
        catchThrowableOfType(
            PlexException.class, () -> deployments.deploy(request("a", config, ACME, jar)));
    assertThat(refused).as("deployment was refused").isNotNull();
    assertThat(temp.resolve("apps/a")).doesNotExist();
    return refused;
  }

  private static final String CONF = "[[actors]]\nclass = \"app.Conf\"\n";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        ", int size, @Param(\"name\") long named, String free | size, name",
        ", Limits limits | low, high"
      })
  void virtualTypeThatCannotStartWithoutArgs_isRefused(String parameters, String needed) {
    PlexException refused = refusedConf(CONF, conf(parameters, "\"virtual_actor\""));

    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused)
        .hasMessage(
            "app-config.toml: actors[0].class: @OnInit of class \"app.Conf\" needs "
                + needed
                + "; a virtual actor is started by a message and gets no args: give defaults with"
                + " @Param(defaultValue = ...) or take an Optional");
    PlexException byFile =
        refusedConf(CONF + "facets = [\"virtual_actor\"]\n", conf(parameters, ""));
    assertThat(byFile).hasMessage(refused.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ", Optional<String> name, @Param(defaultValue = \"3\") int size",
        ", String name",
        ", Map<String, Object> args"
      })
  void virtualTypeThatStartsWithoutArgs_isTaken(String parameters) {
    byte[] jar = conf(parameters, "\"virtual_actor\"");
    assertThat(deployments.deploy(request("a", CONF, ACME, jar)).status())
        .isEqualTo(Status.RUNNING);
  }

  @Test
  void typeThatNeedsArgs_isTakenWhenItIsNotVirtualOrAChildHasThem() {
    byte[] jar = conf(", int size", "");
    assertThat(deployments.deploy(request("a", CONF, ACME, jar)).status())
        .isEqualTo(Status.RUNNING);
    byte[] virtual = conf(", int size", "\"virtual_actor\"");
    String child = "[[supervisor.children]]\nid = \"q\"\ntype = \"conf\"\nargs = {size = 1}\n";
    assertThat(
            deployments
                .deploy(request("b", CONF + child, new Scope("other", "prod"), virtual))
                .status())
        .isEqualTo(Status.RUNNING);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        ", int size | {} | size: is required",
        ", int size | {size = 'x'} | size: must be a number, got 'x'",
        ", int size, long low | {size = 'x'} | size: must be a number, got 'x'; low: is required",
        ", int size | {size = 1, sise = 2} | sise: unknown argument; there are: size",
        ", Limits limits | {low = 1} | high: is required",
        ", Limits limits | {low = 1, high = 2, mid = 3} | mid: unknown field; there are: low, high"
      },
      quoteCharacter = '`')
  void argsThatInitCannotTake_areRefusedByTheirKey(String parameters, String args, String problem) {
    String child = "id = \"q\"\ntype = \"conf\"\nargs = " + args.replace('\'', '"') + "\n";
    byte[] jar = conf(parameters, "");

    PlexException refused = refusedConf(CONF + "[[supervisor.children]]\n" + child, jar);

    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused).hasMessage("app-config.toml: supervisor.children[0].args: " + problem);
    assertThat(
            refusedConf(
                CONF
                    + """
                    [[supervisor.children]]
                    id = "inner"
                    type = "supervisor"
                    [supervisor.children.supervisor]
                    [[supervisor.children.supervisor.children]]
                    """
                    + child,
                jar))
        .hasMessage(
            "app-config.toml: supervisor.children[0].supervisor.children[0].args: " + problem);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        ", int size, Optional<String> name | {size = '7'}",
        ", Map<String, Object> args | {any = 1}",
        "'' | {nobody = 1}",
        ", int size | {size = 7, role = 'a'}"
      },
      quoteCharacter = '`')
  void argsThatInitTakes_startTheChild(String parameters, String args) throws Exception {
    String child =
        "[[supervisor.children]]\nid = \"q\"\ntype = \"conf\"\nargs = "
            + args.replace('\'', '"')
            + "\n";
    byte[] jar = conf(parameters.replace("''", ""), "");
    assertThat(deployments.deploy(request("a", CONF + child, ACME, jar)).actorCount()).isEqualTo(1);
  }

  @Test
  void argsThatInitItselfRefuses_areAFailedStart() {
    PlexException refused =
        catchThrowableOfType(
            PlexException.class, () -> deploy("a", children("one") + "args = {explode = 'true'}"));
    assertThat(refused.code()).isEqualTo(ErrorCode.ACTOR_CRASHED);
    assertThat(refused).hasMessageStartingWith("application 'a' did not start: ");
  }

  @Test
  void typeTheFileRenames_takesBackWhatAFailedTurnDidAsBefore() throws Exception {
    byte[] jar =
        TestJar.jar(
            Map.of(
                "app.Till",
                """
                package app;
                import dev.plexspaces.sdk.*;
                @GenServer("till")
                public class Till {
                  @State private long sum;
                  @Handler("add") void add() { sum++; throw new ActorException("closed"); }
                  @Handler("get") long get() { return sum; }
                }
                """));
    String config = "[[actors]]\nclass = \"app.Till\"\ntype = \"counter\"\n" + children("one");
    deployments.deploy(request("a", config, ACME, jar));

    assertThat(refusal("one", "add").code()).isEqualTo(ErrorCode.FAILED_PRECONDITION);

    assertThat(ask("one", "get")).isEqualTo(0L);
  }

  private static final byte[] PLAIN_JAR =
      TestJar.jar(
          Map.of(
              "app.Counter",
              """
              package app;
              import dev.plexspaces.sdk.*;
              import java.util.*;
              public class Counter implements Actor {
                private final List<Object> seen = new ArrayList<>();
                public void init(ActorContext context, Map<String, Object> args) {
                  seen.add(args.getOrDefault("first", "none"));
                }
                public Object handle(ActorContext context, Message message) {
                  seen.add(message.type());
                  return List.copyOf(seen);
                }
              }
              """));

  @Test
  void classThatImplementsActor_isDeployedLikeAnAnnotatedOne() throws Exception {
    deployments.deploy(
        request(
            "a",
            "[[actors]]\nclass = \"app.Counter\"\nfacets = [\"virtual_actor\"]\n"
                + children("one")
                + "behavior_kind = \"Custom\"\nargs = { first = \"up\" }\n",
            ACME,
            PLAIN_JAR));

    assertThat(ask("one", "whatever")).isEqualTo(List.of("up", "whatever"));
    assertThat(ask("one", "else")).isEqualTo(List.of("up", "whatever", "else"));
    assertThat(ask("by message", "x")).isEqualTo(List.of("none", "x"));
  }

  @Test
  void classThatImplementsActor_takesTheTypeOfTheFileAndCannotBeDurable() throws Exception {
    String config = "[[actors]]\nclass = \"app.Counter\"\n";
    assertThat(refusedConf(config + "facets = [\"durability\"]\n", PLAIN_JAR))
        .hasMessageStartingWith(
            "app-config.toml: actors[0].facets[0].name: actor type 'counter' implements Actor itself");
    deployments.deploy(
        request(
            "a",
            config + "type = \"tally\"\n" + children("one").replace("counter", "tally"),
            ACME,
            PLAIN_JAR));
    assertThat(system.actors(ACME, Optional.of("tally"), "", 10)).hasSize(1);
  }

  @Test
  void bundleOfClassesThatImplementActor_mustNameThem() {
    assertThat(refusedConf(children("one"), PLAIN_JAR))
        .hasMessage(
            "app-config.toml: actors: the bundle has no class annotated @GenServer, @GenEvent or"
                + " @GenFsm; name a class that implements Actor in [[actors]]");
  }

  @Test
  void unknownFacet_refusesTheApplication() {
    assertThat(
            catchThrowableOfType(
                PlexException.class,
                () -> deploy("a", children("one") + "facets = [\"sparkle\"]\n")))
        .hasMessageContaining("sparkle");
    assertThat(temp.resolve("apps/a")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"nope", "durability"})
  void facetOfAClassThatDoesNotFit_refusesTheApplicationNamingTheClass(String facet) {
    byte[] jar =
        TestJar.jar(
            Map.of(
                "app.Star",
                """
                package app;
                import dev.plexspaces.sdk.*;
                @GenServer(value = "star", facets = "%s")
                public class Star {
                  private int lost;
                  @Handler("shine") int shine() { return ++lost; }
                }
                """
                    .formatted(facet)));

    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () -> deployments.deploy(request("a", "[[actors]]\nclass = \"app.Star\"", ACME, jar)));

    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused)
        .hasMessageStartingWith("app-config.toml: actors[0].class: class \"app.Star\": ")
        .hasMessageContaining(facet.equals("nope") ? "unknown facet 'nope'" : "Star.lost: ");
    assertThat(refused.violations())
        .extracting(PlexException.FieldViolation::field)
        .containsExactly("actors[0].class");
    assertThat(temp.resolve("apps/a")).doesNotExist();
  }

  @Test
  void durableMessageThatAHandlerRefuses_isOneLineOfTheLog() throws Exception {
    byte[] jar =
        TestJar.jar(
            Map.of(
                "app.Book",
                """
                package app;
                import dev.plexspaces.sdk.*;
                @GenServer(value = "book", facets = {"virtual_actor", "durability"})
                public class Book {
                  @Handler("post") void post() { throw new ActorException("closed"); }
                }
                """));
    deployments.deploy(request("a", "[[actors]]\nclass = \"app.Book\"", ACME, jar));
    try (LogLines lines = new LogLines(DeadLetters.class.getName())) {
      CompletableFuture<String> accepted = new CompletableFuture<>();
      system.tell(
          CONTEXT,
          new Invoker.Target("book", Optional.of("b")),
          new Invoker.Request(
              "post", Map.of(), false, Map.of(), Duration.ofSeconds(10), Optional.empty()),
          new Invoker.TellListener() {
            @Override
            public void accepted(ActorId target, String messageId, boolean durable) {
              accepted.complete(messageId);
            }

            @Override
            public void failed(PlexException error) {
              accepted.completeExceptionally(error);
            }
          });

      ILoggingEvent line = lines.next();
      assertThat(line).isNotNull();
      assertThat(line.getLevel()).isEqualTo(Level.WARN);
      assertThat(line.getFormattedMessage())
          .isEqualTo(
              "book/b: durable message 'post' is a dead letter (message "
                  + accepted.get(20, TimeUnit.SECONDS)
                  + "): FAILED_PRECONDITION: closed");
      assertThat(line.getKeyValuePairs())
          .extracting(pair -> pair.key + "=" + pair.value)
          .containsExactly("actor=book/b", "tenant=acme", "namespace=prod", "request_id=r");
      assertThat(lines.isEmpty()).isTrue();
    }
  }

  @Test
  void rootSupervisor_isCalledAsTheFileSaysOrLikeTheApplication() {
    deploy("a", children("one"));
    deployOther("b", "[supervisor]\nid = \"myroot\"\n" + children("one"));

    assertThat(supervisorOfOne(ACME)).isEqualTo("a");
    assertThat(supervisorOfOne(new Scope("other", "prod"))).isEqualTo("b/myroot");
    assertThat(system.supervisionTree("b")).containsEntry("id", "myroot");
  }

  private String supervisorOfOne(Scope scope) {
    return system.actor(new ActorId(scope, "counter", "one")).orElseThrow().supervisor();
  }

  /// Nothing in the kernel holds on to an undeployed application's classes.
  @Test
  void undeploy_unloadsTheClassesOfActorsThatRanAndCrashed() throws Exception {
    ReferenceQueue<ClassLoader> collected = new ReferenceQueue<>();
    Reference<ClassLoader> loader = deployUseUndeploy(collected);

    Reference<?> gone = null;
    for (int i = 0; i < 100 && gone == null; i++) {
      System.gc();
      gone = collected.remove(100);
    }

    assertThat(gone).isSameAs(loader);
  }

  private Reference<ClassLoader> deployUseUndeploy(ReferenceQueue<ClassLoader> queue)
      throws Exception {
    AtomicReference<ClassLoader> loader = new AtomicReference<>();
    deployments =
        new Deployments(
            temp.resolve("apps"),
            type -> {
              loader.set(type.getClassLoader());
              return AnnotatedActors.bind(type);
            },
            new KernelHost(system),
            new RecordingLinks(),
            InstantSource.system());
    deploy("a", children("one"));
    ask("one", "add");
    assertThat(ask("one", "note", Map.of("by", 3L, "note", "n"))).isEqualTo("n3");
    refusal("one", "fail");
    ask("one", "add");
    deployments.undeploy("a", false);
    return new PhantomReference<>(loader.getAndSet(null), queue);
  }

  private static String children(String id) {
    return "[[supervisor.children]]\nid = \"" + id + "\"\ntype = \"counter\"\n";
  }

  private Deployment deploy(String id, String config) {
    return deployments.deploy(request(id, config, ACME));
  }

  private Deployment deployOther(String id, String config) {
    return deployments.deploy(request(id, config, new Scope("other", "prod")));
  }

  private Deployments.Request request(String id, String config, Scope owner) {
    return request(id, config, owner, COUNTER_JAR);
  }

  private Deployments.Request request(String id, String config, Scope owner, byte[] jar) {
    return new Deployments.Request(
        Optional.of(id),
        Optional.empty(),
        Optional.empty(),
        owner,
        Bundle.Kind.PSA,
        "app.psa",
        TestJar.file(temp, "upload.psa", TestJar.psa(config, jar)),
        Optional.empty());
  }

  private Object ask(String key, String operation) throws Exception {
    return ask(key, operation, Map.of());
  }

  private Object ask(String key, String operation, Object payload) throws Exception {
    CompletableFuture<Object> reply = new CompletableFuture<>();
    system.ask(
        CONTEXT,
        new Invoker.Target("counter", Optional.of(key)),
        new Invoker.Request(
            operation, payload, false, Map.of(), Duration.ofSeconds(10), Optional.empty()),
        new Invoker.ReplyListener() {
          @Override
          public void replied(ActorId by, Object value) {
            reply.complete(value);
          }

          @Override
          public void failed(PlexException error) {
            reply.completeExceptionally(error);
          }
        });
    try {
      return reply.get(20, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof PlexException p ? p : e;
    }
  }

  private PlexException refusal(String key, String operation) {
    PlexException refused = catchThrowableOfType(PlexException.class, () -> ask(key, operation));
    assertThat(refused).isNotNull();
    return refused;
  }

  /// Waits for what happens on a thread of the kernel.
  private static void await(java.util.function.BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited 20 s").isLessThan(deadline);
      Thread.onSpinWait();
    }
  }
}
