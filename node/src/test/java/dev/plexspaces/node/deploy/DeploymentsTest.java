package dev.plexspaces.node.deploy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.node.deploy.Deployment.Status;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.SupervisorSpec;
import java.io.IOException;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DeploymentsTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final Scope ACME = new Scope("acme", "prod");

  private static final String ECHO =
      """
      package app;
      import dev.plexspaces.sdk.*;
      @GenServer("echo")
      public class Echo implements Actor {
        public Object handle(ActorContext context, Message message) { return "echo"; }
      }
      """;
  private static final byte[] ECHO_JAR = TestJar.jar(Map.of("app.Echo", ECHO));
  private static final String CONFIG =
      """
      [application]
      name = "The echo"
      version = "1.0"
      [[supervisor.children]]
      id = "echo"
      """;

  @TempDir Path temp;
  private final RecordingHost host = new RecordingHost();
  private final RecordingLinks links = new RecordingLinks();
  private Path apps;
  private Deployments deployments;

  @BeforeEach
  void open() {
    apps = temp.resolve("apps");
    deployments = reopened();
  }

  @Test
  void deploy_startsTheTreeAndTellsSo() throws Exception {
    Deployment deployed = deployments.deploy(psa("shop", CONFIG));

    assertThat(deployed)
        .isEqualTo(
            new Deployment(
                "shop",
                "The echo",
                "1.0",
                "",
                Optional.of("acme"),
                "prod",
                Status.RUNNING,
                "",
                NOW,
                List.of("echo"),
                1,
                deployed.supervisor()));
    ApplicationUnit unit = host.running.get("shop");
    assertThat(unit.visibleTo()).contains("acme");
    assertThat(unit.home()).isEqualTo(ACME);
    assertThat(unit.supervisor().children())
        .extracting(SupervisorSpec.Child::id)
        .containsExactly("echo");
    assertThat(unit.types().getFirst().type().create().handle(null, null)).isEqualTo("echo");
    assertThat(deployments.list()).containsExactly(deployed);
    assertThat(deployments.find("shop")).contains(deployed);
  }

  private static final String LINKED =
      CONFIG + "[[service_links]]\nname = \"bank\"\nbase_url = \"http://localhost:9\"\n";

  @Test
  void serviceLinks_areOpenAsLongAsTheApplicationRuns() {
    deployments.deploy(psa("shop", LINKED));
    assertThat(links.open).isEqualTo(Map.of("shop", "acme: [bank]"));

    deployments.undeploy("shop", false);
    assertThat(links.open).isEmpty();
  }

  @Test
  void serviceLinkThatCannotBeOpened_refusesTheDeploymentNamingItsKey() {
    PlexException refused =
        catchThrowableOfType(
            PlexException.class,
            () -> deployments.deploy(psa("shop", LINKED.replace("bank", "broken"))));

    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused)
        .hasMessage("app-config.toml: service_links[0].headers.x: its secret is missing");
    assertThat(deployments.list()).isEmpty();
    assertThat(host.running).isEmpty();
    assertThat(links.closed).containsExactly("shop");
  }

  @Test
  void requestNames_winOverTheConfiguration() {
    Deployments.Request plain = psa("shop", CONFIG);
    Deployment deployed =
        deployments.deploy(
            new Deployments.Request(
                plain.id(),
                Optional.of("Shop"),
                Optional.of("2"),
                ACME,
                plain.kind(),
                plain.fileName(),
                plain.file(),
                plain.config()));

    assertThat(deployed.name()).isEqualTo("Shop");
    assertThat(deployed.version()).isEqualTo("2");
  }

  @Test
  void actorsSection_renamesTypesAndAddsFacets() {
    deployments.deploy(
        psa(
            "shop",
            """
            [[actors]]
            class = "app.Echo"
            type = "parrot"
            facets = ["durability", {name = "metrics", priority = 7}]
            [[supervisor.children]]
            id = "p1"
            type = "parrot"
            behavior_kind = "GenServer"
            """));

    var offer = host.running.get("shop").types().getFirst();
    assertThat(offer.type().name()).isEqualTo("parrot");
    assertThat(offer.facets())
        .containsExactly(FacetSpec.of("durability"), new FacetSpec("metrics", 7, Map.of()));
  }

  @Test
  void ownFacets_areFoundThroughTheServiceFile() {
    Map<String, byte[]> jar =
        new LinkedHashMap<>(TestJar.compile(Map.of("app.Echo", ECHO, "app.Shout", shout())));
    jar.put("META-INF/services/dev.plexspaces.sdk.Facet", "app.Shout".getBytes(UTF_8));

    deployments.deploy(request(ACME, "shop", CONFIG, TestJar.zip(jar)));

    var facets = host.running.get("shop").facets();
    assertThat(facets).containsOnlyKeys("shout");
    assertThat(facets.get("shout").get()).isNotSameAs(facets.get("shout").get());
  }

  @Test
  void application_seesOnlyItselfTheSdkAndTheJdk() throws Exception {
    String spy =
        """
        package app;
        import dev.plexspaces.sdk.*;
        @GenServer("spy")
        public class Spy implements Actor {
          public Object handle(ActorContext context, Message message) {
            StringBuilder seen = new StringBuilder();
            for (String name : new String[] {"java.sql.Driver", "dev.plexspaces.sdk.Actor",
                "dev.plexspaces.kernel.Invoker", "org.slf4j.Logger", "tools.jackson.databind.JsonNode"}) {
              try {
                Class.forName(name);
                seen.append(name).append(' ');
              } catch (ClassNotFoundException e) {
                // hidden
              }
            }
            return seen.toString();
          }
        }
        """;
    deployments.deploy(request(ACME, "spy", "", TestJar.jar(Map.of("app.Spy", spy))));

    Actor actor = host.running.get("spy").types().getFirst().type().create();
    assertThat(actor.handle(null, null)).isEqualTo("java.sql.Driver dev.plexspaces.sdk.Actor ");
  }

  static Stream<Arguments> badApplications() {
    byte[] plain = TestJar.jar(Map.of("app.Plain", "package app; public class Plain {}"));
    byte[] twins =
        TestJar.jar(
            Map.of("app.Echo", ECHO, "app.Echo2", ECHO.replace("class Echo", "class Echo2")));
    Map<String, byte[]> halved =
        new LinkedHashMap<>(
            TestJar.compile(
                Map.of(
                    "app.Base",
                    "package app; public abstract class Base implements dev.plexspaces.sdk.Actor {}",
                    "app.Echo",
                    ECHO.replace("implements Actor", "extends Base"))));
    halved.remove("app/Base.class");
    Map<String, byte[]> badFacet = new LinkedHashMap<>(TestJar.compile(Map.of("app.Echo", ECHO)));
    badFacet.put("META-INF/services/dev.plexspaces.sdk.Facet", "app.Nowhere".getBytes(UTF_8));
    return Stream.of(
        bad(
            "[[actors]]\nclass = \"app.Nix\"",
            ECHO_JAR,
            "actors[0].class: class \"app.Nix\" is not in"),
        bad(
            "[[actors]]\nclass = \"app.Plain\"",
            plain,
            "app-config.toml: actors[0].class: class \"app.Plain\" is not annotated"),
        bad("", plain, "app-config.toml: actors: the bundle has no class annotated @GenServer"),
        bad("", twins, "its actor type \"echo\" is the type of another class already"),
        bad("", TestJar.zip(halved), "cannot be loaded; missing or damaged: app/Base"),
        bad("", TestJar.zip(badFacet), "META-INF/services/dev.plexspaces.sdk.Facet: "),
        bad(
            "[[supervisor.children]]\nid = \"parrot\"",
            ECHO_JAR,
            "supervisor.children[0].id: \"parrot\" is not an actor type of this application; there are: echo"),
        bad(
            "[[supervisor.children]]\nid = \"echo\"\nbehavior_kind = \"GenFSM\"",
            ECHO_JAR,
            "supervisor.children[0].behavior_kind: does not fit: actor type \"echo\" is a gen_server"),
        bad(
            "[[supervisor.children]]\nid = \"a\"\ntype = \"parrot\"",
            ECHO_JAR,
            "supervisor.children[0].type: \"parrot\" is not an actor type of this application"),
        bad(
            "[[supervisor.children]]\nname = \"a\"\nactor_type = \"parrot\"",
            ECHO_JAR,
            "supervisor.children[0].actor_type: \"parrot\" is not an actor type of this"),
        bad(
            "[[supervisor.children]]\nid = \"echo\"\nfacets = [\"nope\"]",
            ECHO_JAR,
            "app-config.toml: supervisor.children[0].facets[0].name: unknown facet 'nope'; there are: "),
        bad(
            "[[supervisor.children]]\nid = \"echo\"\nfacets = [{name = \"virtual_actor\", idle_timeout = 1.9}]",
            ECHO_JAR,
            "supervisor.children[0].facets[0].idle_timeout: virtual_actor.idle_timeout: '1.9' is not a time"),
        bad(
            "[[actors]]\nclass = \"app.Echo\"\nfacets = [\"metrics\", {name = \"virtual_actor\", config = {labels = 5}}]",
            ECHO_JAR,
            "app-config.toml: actors[0].facets[1].config.labels: virtual_actor.labels must be a table"),
        bad(
            "[[actors]]\nclass = \"app.Echo\"\nfacets = [{type = \"durability\", checkpoint_interval = 1.5}]",
            ECHO_JAR,
            "actors[0].facets[0].checkpoint_interval: durability.checkpoint_interval must be a whole"),
        bad(
            "[[actors]]\nclass = \"app.Echo\"\nfacets = [{type = \"durability\", interval = 1}]",
            ECHO_JAR,
            "actors[0].facets[0].interval: facet 'durability' has no key 'interval'"),
        bad(
            "[application]\nid = \"other\"",
            ECHO_JAR,
            "application.id: is \"other\", but the request deploys \"shop\""),
        bad("typo = 1", ECHO_JAR, "app-config.toml: typo: is not a known key"));
  }

  @ParameterizedTest(name = "{2}")
  @MethodSource("badApplications")
  void badApplication_isRefusedAndNothingIsLeft(String config, byte[] jar, String problem) {
    PlexException refused = refusal(() -> deployments.deploy(request(ACME, "shop", config, jar)));

    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused).hasMessageContaining(problem);
    assertThat(refused.violations()).hasSize(1);
    assertNothingIsLeft();
    assertThat(deployments.deploy(psa("shop", CONFIG)).status()).isEqualTo(Status.RUNNING);
  }

  @Test
  void treeThatDoesNotStart_isRefusedAndNothingIsLeft() {
    host.refuse = new PlexException(ErrorCode.ACTOR_CRASHED, "echo crashed in init");

    assertThat(refusal(() -> deployments.deploy(psa("shop", CONFIG))))
        .hasMessage("echo crashed in init");
    assertNothingIsLeft();
  }

  @Test
  void idInUse_isAConflictAndTheFirstOneGoesOn() {
    Deployment first = deployments.deploy(psa("shop", CONFIG));

    PlexException refused = refusal(() -> deployments.deploy(psa("shop", CONFIG)));

    assertThat(refused.code()).isEqualTo(ErrorCode.CONFLICT);
    assertThat(refused).hasMessageContaining("application_id: \"shop\" is not free on this node");
    assertThat(deployments.find("shop")).contains(first);
    assertThat(host.log).containsExactly("install shop");
  }

  @ParameterizedTest
  @MethodSource("badIds")
  void badId_isRefused(Optional<String> id) {
    Deployments.Request good = psa("shop", CONFIG);

    PlexException refused =
        refusal(
            () ->
                deployments.deploy(
                    new Deployments.Request(
                        id,
                        Optional.empty(),
                        Optional.empty(),
                        ACME,
                        good.kind(),
                        good.fileName(),
                        good.file(),
                        good.config())));

    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused).hasMessageStartingWith("application_id: ");
  }

  static Stream<Optional<String>> badIds() {
    return Stream.of(
        Optional.empty(),
        Optional.of(""),
        Optional.of(".."),
        Optional.of("a/b"),
        Optional.of("a b"));
  }

  @Test
  void undeploy_stopsTheTreeAndForgetsTheFiles() {
    deployments.deploy(psa("shop", CONFIG));

    deployments.undeploy("shop", false);

    assertThat(host.log).containsExactly("install shop", "uninstall shop");
    assertNothingIsLeft();
    assertThat(refusal(() -> deployments.undeploy("shop", false)).code())
        .isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void undeploy_withPurge_reservesTheTypesBeforeItStops_andPurgesAfter() {
    deployments.deploy(psa("shop", CONFIG));

    deployments.undeploy("shop", true);

    assertThat(host.log)
        .containsExactly(
            "install shop", "reserve shop [echo]", "uninstall shop", "purge acme shop [echo]");
    assertNothingIsLeft();
  }

  @Test
  void purgeThatFails_isGoneThroughWith_byTheNextUndeployment() {
    deployments.deploy(psa("shop", CONFIG));
    host.refusePurge = new PlexException(ErrorCode.UNAVAILABLE, "the disk is full");

    assertThat(refusal(() -> deployments.undeploy("shop", true)).code())
        .isEqualTo(ErrorCode.UNAVAILABLE);

    Deployment half = deployments.find("shop").orElseThrow();
    assertThat(half.status()).isEqualTo(Status.FAILED);
    assertThat(half.detail())
        .isEqualTo("could not be undeployed: the disk is full; undeploy it again to go on");
    assertThat(refusal(() -> deployments.deploy(psa("shop", CONFIG))).code())
        .isEqualTo(ErrorCode.CONFLICT);
    host.refusePurge = null;
    host.log.clear();
    // There is no way back, so it need not be said again.
    deployments.undeploy("shop", false);
    assertThat(host.log).containsExactly("reserve shop [echo]", "purge acme shop [echo]");
    assertNothingIsLeft();
  }

  @Test
  void purgeThatFails_isGoneThroughWith_byTheNextStart_whenTheOthersRun() {
    deployments.deploy(psa("shop", CONFIG));
    deployments.deploy(psa("other", CONFIG));
    host.refusePurge = new PlexException(ErrorCode.UNAVAILABLE, "the process dies");
    refusal(() -> deployments.undeploy("shop", true));
    deployments.close();
    host.log.clear();

    deployments = reopened();
    deployments.restore();

    assertThat(host.log)
        .containsExactly("reserve shop [echo]", "install other", "purge acme shop [echo]");
    assertThat(deployments.find("shop").orElseThrow().status()).isEqualTo(Status.FAILED);
    deployments.close();
    host.refusePurge = null;
    deployments = reopened();
    deployments.restore();
    assertThat(deployments.list()).extracting(Deployment::id).containsExactly("other");
    assertThat(apps.resolve("shop")).doesNotExist();
  }

  @Test
  void stopThatFails_purgesNothing_andFreesTheTypes() {
    deployments.deploy(psa("shop", CONFIG));
    host.refuseStop = new PlexException(ErrorCode.TIMEOUT, "did not stop");

    refusal(() -> deployments.undeploy("shop", true));

    assertThat(host.log).containsExactly("install shop", "reserve shop [echo]", "free shop");
    host.refuseStop = null;
    deployments.undeploy("shop", false);
    assertThat(host.log).doesNotContain("purge acme shop [echo]");
    assertNothingIsLeft();
  }

  @Test
  void applicationThatCannotStart_isPurgedByTheTypesItHadWhenItWasDeployed() throws IOException {
    deployments.deploy(psa("shop", CONFIG));
    deployments.close();
    Files.writeString(apps.resolve("shop/app-config.toml"), "typo = 1");
    deployments = reopened();
    deployments.restore();

    deployments.undeploy("shop", true);

    assertThat(host.log.getLast()).isEqualTo("purge acme shop [echo]");
    assertNothingIsLeft();
  }

  /// A marker as an older build wrote it says nothing of types.
  @Test
  void applicationOfUnknownTypes_isNotPurged() throws IOException {
    deployments.deploy(psa("shop", CONFIG));
    deployments.close();
    Files.writeString(apps.resolve("shop/app-config.toml"), "typo = 1");
    Path marker = apps.resolve("shop/deployment.json");
    String old = Files.readString(marker).replaceAll(",\"types\":.*}", "}");
    assertThat(old).endsWith("Z\"}");
    Files.writeString(marker, old);
    deployments = reopened();
    deployments.restore();

    PlexException refused = refusal(() -> deployments.undeploy("shop", true));

    assertThat(refused.code()).isEqualTo(ErrorCode.FAILED_PRECONDITION);
    assertThat(refused).hasMessageContaining("actor types are not known");
    deployments.undeploy("shop", false);
    assertNothingIsLeft();
  }

  @Test
  void restart_bringsApplicationsBack() {
    Deployment before = deployments.deploy(psa("shop", CONFIG));
    deployments.close();
    assertThat(host.running).isEmpty();

    deployments = reopened();
    deployments.restore();

    assertThat(deployments.list()).containsExactly(before);
    assertThat(host.running).containsOnlyKeys("shop");
  }

  @Test
  void restart_removesWhatACrashLeftHalfWay() throws IOException {
    Path half = Files.createDirectories(apps.resolve("half/lib"));
    Files.write(half.resolve("x.jar"), new byte[] {1});

    deployments.restore();

    assertThat(apps.resolve("half")).doesNotExist();
    assertThat(deployments.list()).isEmpty();
  }

  @Test
  void restart_listsWhatCannotStartAsFailedAndStartsTheRest() throws IOException {
    deployments.deploy(psa("broken", CONFIG));
    deployments.deploy(psa("shop", CONFIG));
    deployments.close();
    Files.writeString(apps.resolve("broken/app-config.toml"), "typo = 1");

    deployments = reopened();
    deployments.restore();

    assertThat(deployments.find("shop").orElseThrow().status()).isEqualTo(Status.RUNNING);
    Deployment broken = deployments.find("broken").orElseThrow();
    assertThat(broken.status()).isEqualTo(Status.FAILED);
    assertThat(broken.detail()).startsWith("app-config.toml: typo: is not a known key");
    deployments.undeploy("broken", false);
    assertThat(deployments.list()).extracting(Deployment::id).containsExactly("shop");
  }

  @Test
  void rootSupervisorThatGivesUp_makesTheApplicationFailed() {
    deployments.deploy(psa("shop", CONFIG));

    host.gaveUp.get("shop").accept("6 restarts in 60 s");

    Deployment failed = deployments.find("shop").orElseThrow();
    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.detail()).isEqualTo("6 restarts in 60 s");
  }

  @Test
  void shared_servesEveryTenantAndCannotBeUndeployed() {
    AppConfig config =
        AppConfig.parse(
            "app-config.toml",
            ("[[actors]]\nclass = \"" + Sample.class.getName() + "\"").getBytes(UTF_8));

    deployments.deployShared("sample", config, Sample.class.getClassLoader());

    assertThat(host.running.get("sample").visibleTo()).isEmpty();
    assertThat(deployments.find("sample").orElseThrow().tenant()).isEmpty();
    assertThat(deployments.list()).hasSize(1);
    assertThat(refusal(() -> deployments.undeploy("sample", false)).code())
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(refusal(() -> deployments.deploy(psa("sample", CONFIG))).code())
        .isEqualTo(ErrorCode.CONFLICT);
  }

  @Test
  void close_stopsTheYoungestFirstAndRefusesNewOnes() {
    deployments.deployShared(
        "sample",
        AppConfig.parse(
            "app-config.toml",
            ("[[actors]]\nclass = \"" + Sample.class.getName() + "\"").getBytes(UTF_8)),
        Sample.class.getClassLoader());
    deployments.close();

    assertThat(host.log).containsExactly("install sample", "uninstall sample");
    assertThat(refusal(() -> deployments.deploy(psa("shop", CONFIG))).code())
        .isEqualTo(ErrorCode.UNAVAILABLE);
  }

  /// The proof that undeploying frees the classes: the loader itself is collected.
  @Test
  void undeploy_unloadsTheClasses() throws Exception {
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
    deployments.deploy(psa("shop", CONFIG));
    Actor actor = host.running.get("shop").types().getFirst().type().create();
    assertThat(actor.handle(null, null)).isEqualTo("echo");
    ClassLoader loader = actor.getClass().getClassLoader();
    assertThat(loader.getName()).isEqualTo("app:shop");
    deployments.undeploy("shop", false);
    return new PhantomReference<>(loader, queue);
  }

  /// An actor on the test's own class path.
  @dev.plexspaces.sdk.GenServer("sample")
  public static class Sample implements Actor {
    @Override
    public Object handle(
        dev.plexspaces.sdk.ActorContext context, dev.plexspaces.sdk.Message message) {
      return null;
    }
  }

  private static String shout() {
    return """
    package app;
    public class Shout implements dev.plexspaces.sdk.Facet {
      public String name() { return "shout"; }
      public int priority() { return 200; }
    }
    """;
  }

  private Deployments reopened() {
    return new Deployments(apps, RecordingHost::bind, host, links, InstantSource.fixed(NOW));
  }

  private Deployments.Request psa(String id, String config) {
    return request(ACME, id, config, ECHO_JAR);
  }

  private Deployments.Request request(Scope owner, String id, String config, byte[] jar) {
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

  private void assertNothingIsLeft() {
    assertThat(host.running).isEmpty();
    assertThat(deployments.list()).isEmpty();
    assertThat(apps.resolve("shop")).doesNotExist();
  }

  private static PlexException refusal(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    PlexException refused = catchThrowableOfType(PlexException.class, call);
    assertThat(refused).isNotNull();
    return refused;
  }

  private static Arguments bad(String config, byte[] jar, String problem) {
    return Arguments.of(config, jar, problem);
  }
}
