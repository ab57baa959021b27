package dev.plexspaces.node.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.plexspaces.kernel.binding.ActorType.Behavior;
import dev.plexspaces.node.links.ServiceLink;
import dev.plexspaces.node.links.ServiceLink.BreakerPolicy;
import dev.plexspaces.node.links.ServiceLink.RetryPolicy;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class AppConfigTest {

  @Test
  void emptyFile_hasARootSupervisorWithoutChildren() {
    AppConfig config = parse("");

    assertThat(config.id()).isEmpty();
    assertThat(config.supervisor())
        .isEqualTo(
            new SupervisorSpec(
                "",
                SupervisionStrategy.ONE_FOR_ONE,
                5,
                Duration.ofSeconds(60),
                RestartType.PERMANENT,
                SupervisorSpec.UNBOUNDED,
                List.of()));
    assertThat(config.supervisor("shop").id()).isEqualTo("shop");
  }

  /// The manifest as the source document prints it: the id is the actor type, dashes underscored.
  @Test
  void workerForm_takesTheActorTypeFromTheId() {
    AppConfig config =
        parse(
            """
            [supervisor]
            strategy = "one_for_one"
            max_restarts = 10
            max_restart_window_seconds = 60
            [[supervisor.children]]
            id = "chat-room"
            type = "worker"
            restart = "permanent"
            shutdown_timeout_seconds = 10
            [supervisor.children.args]
            max_history = "100"
            [[supervisor.children]]
            id = "rate-limiter"
            type = "worker"
            restart = "transient"
            shutdown_timeout_secs = 0
            [supervisor.children.args]
            max_tokens = "5"
            refill_rate_ms = 1000
            """);

    assertThat(config.supervisor().maxRestarts()).isEqualTo(10);
    assertThat(workers(config))
        .containsExactly(
            ChildSpec.of("chat_room", "chat-room")
                .shutdownTimeout(Duration.ofSeconds(10))
                .args(Map.of("max_history", "100")),
            ChildSpec.of("rate_limiter", "rate-limiter")
                .restart(RestartType.TRANSIENT)
                .shutdownTimeout(Duration.ZERO)
                .args(Map.of("max_tokens", "5", "refill_rate_ms", 1000L)));
  }

  @Test
  void nameSpelling_keepsRoleAsArgumentAndFacetsWithConfig() {
    AppConfig config =
        parse(
            """
            [[supervisor.children]]
            name = "agent"
            actor_type = "miniclaw_wasm"
            role = "agent"
            behavior_kind = "GenServer"
            args = { role = "agent", agent_name = "general-assistant",
                     limits = { depth = 3, ratio = 0.5, tags = ["a", true] } }
            facets = [
              { type = "virtual_actor", priority = 100, config = { idle_timeout = "10m", activation_strategy = "eager" } },
              { name = "durability", checkpoint_interval = 3 },
              "metrics"
            ]
            """);

    ChildSpec agent = workers(config).getFirst();
    assertThat(agent.id()).isEqualTo("agent");
    assertThat(agent.key()).isEqualTo("agent");
    assertThat(agent.type()).isEqualTo("miniclaw_wasm");
    assertThat(agent.args())
        .isEqualTo(
            Map.of(
                "role",
                "agent",
                "agent_name",
                "general-assistant",
                "limits",
                Map.of("depth", 3L, "ratio", 0.5, "tags", List.of("a", true))));
    assertThat(agent.facets())
        .containsExactly(
            new FacetSpec(
                "virtual_actor",
                100,
                Map.of("idle_timeout", "10m", "activation_strategy", "eager")),
            new FacetSpec("durability", -1, Map.of("checkpoint_interval", 3L)),
            FacetSpec.of("metrics"));
    assertThat(config.children().getFirst().behavior()).contains(Behavior.GEN_SERVER);
  }

  @Test
  void idSpelling_takesTheTypeAsItIs() {
    AppConfig config =
        parse(
            """
            [[supervisor.children]]
            id = "quality"
            type = "quality_fsm"
            behavior_kind = "GenStateMachine"
            mailbox_capacity = 7
            overflow = "drop_oldest"
            [[supervisor.children]]
            id = "quality-2"
            type = "worker"
            actor_type = "quality_fsm"
            """);

    assertThat(workers(config))
        .containsExactly(
            ChildSpec.of("quality_fsm", "quality").mailbox(7, ChildSpec.Overflow.DROP_OLDEST),
            ChildSpec.of("quality_fsm", "quality-2"));
    assertThat(config.children().getFirst().behavior()).contains(Behavior.GEN_FSM);
  }

  @Test
  void nestedSupervisors_keepOrderAndTheirOwnLimits() {
    AppConfig config =
        parse(
            """
            [supervisor]
            id = "bank"
            strategy = "rest_for_one"
            [[supervisor.children]]
            id = "first"
            [[supervisor.children]]
            id = "ledger"
            type = "supervisor"
            restart = "temporary"
            shutdown_timeout_seconds = 30
            [supervisor.children.supervisor]
            strategy = "one_for_all"
            max_restarts = 0
            max_restart_window_secs = 1
            [[supervisor.children.supervisor.children]]
            id = "book"
            [[supervisor.children]]
            id = "last"
            """);

    assertThat(config.supervisor("shop").id()).isEqualTo("bank");
    assertThat(config.supervisor().strategy()).isEqualTo(SupervisionStrategy.REST_FOR_ONE);
    assertThat(config.supervisor().children())
        .containsExactly(
            new SupervisorSpec.Worker(ChildSpec.of("first", "first")),
            new SupervisorSpec.Nested(
                new SupervisorSpec(
                    "ledger",
                    SupervisionStrategy.ONE_FOR_ALL,
                    0,
                    Duration.ofSeconds(1),
                    RestartType.TEMPORARY,
                    Duration.ofSeconds(30),
                    List.of(new SupervisorSpec.Worker(ChildSpec.of("book", "book"))))),
            new SupervisorSpec.Worker(ChildSpec.of("last", "last")));
    assertThat(config.children())
        .extracting(AppConfig.DeclaredChild::keyPath)
        .containsExactly(
            "supervisor.children[0]",
            "supervisor.children[1].supervisor.children[0]",
            "supervisor.children[2]");
  }

  @Test
  void applicationActorsAndLinks_areRead() {
    AppConfig config =
        parse(
            """
            [application]
            id = "shop"
            name = "The shop"
            version = "1.2.0"
            description = "Sells."
            [[actors]]
            class = "com.acme.Cart"
            [[actors]]
            class = "com.acme.Order"
            type = "order"
            facets = ["durability"]
            [[service_links]]
            name = "llm_provider"
            base_url = "https://api.example.com/v1"
            timeout_secs = 10
            deadline_secs = 20
            max_response_bytes = 4096
            max_calls = 8
            headers = { Authorization = "Bearer ${file:llm-token}", accept = "application/json" }
            retry_policy = { max_attempts = 5, backoff = "fixed", initial_backoff_ms = 5, max_backoff_ms = 50 }
            circuit_breaker = { window = 10, failure_threshold = 4, open_ms = 1500, success_threshold = 2 }
            [[service_links]]
            name = "other"
            base_url = "http://localhost:9"
            """);

    assertThat(config.id()).contains("shop");
    assertThat(config.name()).contains("The shop");
    assertThat(config.version()).contains("1.2.0");
    assertThat(config.description()).isEqualTo("Sells.");
    assertThat(config.actors())
        .containsExactly(
            new AppConfig.ActorDeclaration(
                "actors[0].class", "com.acme.Cart", Optional.empty(), List.of()),
            new AppConfig.ActorDeclaration(
                "actors[1].class",
                "com.acme.Order",
                Optional.of("order"),
                List.of(
                    new AppConfig.DeclaredFacet(
                        "actors[1].facets[0].name", FacetSpec.of("durability"), Map.of()))));
    assertThat(config.serviceLinks())
        .containsExactly(
            new ServiceLink(
                "service_links[0]",
                "llm_provider",
                URI.create("https://api.example.com/v1"),
                Map.of("Authorization", "Bearer ${file:llm-token}", "accept", "application/json"),
                new ServiceLink.Limits(Duration.ofSeconds(10), Duration.ofSeconds(20), 4_096, 8),
                new RetryPolicy(
                    5, ServiceLink.Backoff.FIXED, Duration.ofMillis(5), Duration.ofMillis(50)),
                new BreakerPolicy(10, 4, Duration.ofMillis(1_500), 2)),
            new ServiceLink(
                "service_links[1]",
                "other",
                URI.create("http://localhost:9"),
                Map.of(),
                ServiceLink.Limits.defaults(),
                RetryPolicy.defaults(),
                BreakerPolicy.defaults()));
  }

  static Stream<Arguments> badFiles() {
    return Stream.of(
        bad("x = ", "is not valid TOML: line 1, column"),
        bad("a = 1\na = 2", "is not valid TOML: line 2, column 6: the key is given twice"),
        bad("x = " + "[".repeat(100_000), "is not valid TOML"),
        bad("\u0000", "is not valid TOML"),
        bad("x = " + "[".repeat(501) + "]".repeat(501), "nested too deeply or too long"),
        bad("[[actors]\nclass = 1", "is not valid TOML: line 2, column 1: something else"),
        bad("typo = 1", "typo: is not a known key; accepted here: application, supervisor, actors"),
        bad("supervisor = 3", "supervisor: must be a table; got the number 3"),
        bad("[application]\nid = 7", "application.id: must be a string; got the number 7"),
        bad("[application]\nid = \"../x\"", "application.id: must be 1 to 128 letters"),
        bad("[application]\nid = \"\"", "application.id: must not be empty"),
        bad("[application]\nversion = 1.0", "application.version: must be a string; got"),
        bad("[application]\nname = \"" + "n".repeat(129) + "\"", "application.name: must be at"),
        bad(
            "[application]\nowner = \"x\"",
            "application.owner: is not a known key; accepted here:"),
        bad(
            "[supervisor]\nstrategy = \"all\"",
            "supervisor.strategy: must be one of one_for_one, one_for_all, rest_for_one; got"),
        bad(
            "[supervisor]\nstrategy = \"simple_one_for_one\"",
            "supervisor.strategy: simple_one_for_one would start nothing"),
        bad("[supervisor]\nmax_restarts = -1", "supervisor.max_restarts: must be 0 to"),
        bad("[supervisor]\nmax_restarts = 99999999999999999999", "max_restarts: must be 0 to"),
        bad("[supervisor]\nmax_restarts = 1.5", "max_restarts: must be a whole number; got"),
        bad("[supervisor]\nmax_restarts = \"5\"", "must be a whole number; got the string \"5\""),
        bad("[supervisor]\nmax_restart_window_seconds = 0", "must be 1 to 86400"),
        bad(
            "[supervisor]\nmax_restart_window_seconds = 1\nmax_restart_window_secs = 1",
            "supervisor.max_restart_window_secs: says the same as max_restart_window_seconds"),
        bad("[supervisor]\nmax_restart = 1", "supervisor.max_restart: is not a known key"),
        bad("[supervisor]\nchildren = {}", "supervisor.children: must be an array; got a table"),
        bad("[supervisor]\nchildren = [1]", "supervisor.children[0]: must be a table"),
        badChild("", "supervisor.children[0].id: is missing"),
        badChild("id = \"a\"\nname = \"a\"", "children[0].name: says the same as id"),
        badChild("id = \"a b\"", "supervisor.children[0].id: must be 1 to 128 letters"),
        badChild("id = \"a\\u0007\"\ntype = \"t\"", "children[0].id: must not contain control"),
        badChild("id = \"a\"\ntype = \"x/y\"", "supervisor.children[0].type: must be 1 to 128"),
        badChild("id = \"a\"\ntype = \"b\"\nactor_type = \"c\"", "actor_type: says something else"),
        badChild("id = \"a\"\nrestart = \"always\"", "must be one of permanent, transient, tempo"),
        badChild("id = \"a\"\nrestart = true", "restart: must be a string; got a boolean"),
        badChild("id = \"a\"\nbehavior_kind = \"Gen\"", "must be one of GenServer, GenEvent"),
        badChild("id = \"a\"\nargs = []", "supervisor.children[0].args: must be a table"),
        badChild("id = \"a\"\nrole = \"r\"\nargs = {role=\"s\"}", "role: says something else"),
        badChild("id = \"a\"\nmailbox_capacity = 0", "mailbox_capacity: must be 1 to"),
        badChild("id = \"a\"\noverflow = \"panic\"", "overflow: must be one of reject, drop_old"),
        badChild("id = \"a\"\nshutdown_timeout = 1", "shutdown_timeout: is not a known key"),
        badChild("id = \"a\"\nfacets = \"x\"", "facets: must be an array; got the string \"x\""),
        badChild("id = \"a\"\nfacets = [1]", "facets[0]: must be a name or a table"),
        badChild("id = \"a\"\nfacets = [{}]", "facets[0].name: is missing"),
        badChild(
            "id = \"a\"\nfacets = [{name=\"x\", type=\"x\"}]", "facets[0].type: says the same"),
        badChild("id = \"a\"\nfacets = [{name=\"x\", priority=-1}]", "priority: must be 0 to"),
        badChild("id = \"a\"\nfacets = [{name=\"x\", k=1, config={k=2}}]", "k: is given here and"),
        badChild("id = \"a\"\nfacets = [\"x\", \"x\"]", "facets[1].name: is attached twice"),
        badChild("id = \"a\"\n[[supervisor.children]]\nid = \"a\"", "children[1].id: is used by"),
        badChild(
            "id = \"s\"\ntype = \"supervisor\"\nsupervisor = {children = [{id = \"a\"}]}\n"
                + "[[supervisor.children]]\nname = \"a\"",
            "supervisor.children[1].name: would be a second actor a/a, which is"
                + " supervisor.children[0].supervisor.children[0] already"),
        badChild("id = \"a\"\ntype = \"supervisor\"", "children[0].supervisor: is missing"),
        badChild(
            "id = \"a\"\ntype = \"supervisor\"\nargs = {}\nsupervisor = {}",
            "supervisor.children[0].args: is not a known key"),
        badChild(
            "id = \"a\"\ntype = \"supervisor\"\nsupervisor = {id = \"b\"}",
            "supervisor.children[0].supervisor.id: must be \"a\""),
        bad("supervisor = " + nested(17), "supervisors are nested deeper than 16"),
        bad("[[actors]]\ntype = \"x\"", "actors[0].class: is missing"),
        bad("[[actors]]\nclass = \"X\"\nfoo = 1", "actors[0].foo: is not a known key"),
        badLink("", "service_links[0].name: is missing"),
        badLink("name = \"a\"", "service_links[0].base_url: is missing"),
        badLink("name = \"a\"\nbase_url = \"ftp://x\"", "base_url: must be an absolute http"),
        badLink("name = \"a\"\nbase_url = \"http://u:p@x\"", "must not contain credentials"),
        badLink("name = \"a\"\nbase_url = \"http://[\"", "base_url: is not a URL"),
        badLink("name = \"a\"\nbase_url = \"http://x\"\ntimeout_secs = 0", "must be 1 to 600"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\ntimeout_secs = 1\ntimeout_ms = 5",
            "service_links[0].timeout_ms: says the same as timeout_secs"),
        badLink("name = \"a\"\nbase_url = \"http://x?q=1\"", "must have neither a query nor"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nheaders = { Authorization = \"Bearer k\" }",
            "service_links[0].headers.Authorization: must not be in the file; name its place"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nheaders = { Host = \"y\" }",
            "service_links[0].headers.Host: is set by the platform"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nheaders = { a = \"b\\r\\nc: d\" }",
            "service_links[0].headers.a: is no HTTP header"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nheaders = { a = \"b\", A = \"c\" }",
            "service_links[0].headers.A: is given twice"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nmax_response_bytes = 5000000",
            "service_links[0].max_response_bytes: must be 1 to 4194304"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nretry_policy = { initial_backoff_ms = 99, max_backoff_ms = 9 }",
            "service_links[0].retry_policy.max_backoff_ms: must be at least initial_backoff_ms, 99"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\ncircuit_breaker = { window = 3, failure_threshold = 4 }",
            "service_links[0].circuit_breaker.failure_threshold: must be 1 to 3"),
        badLink(
            "name = \"a\"\nbase_url = \"http://x\"\nretry_policy = {attempts = 1}",
            "service_links[0].retry_policy.attempts: is not a known key; accepted here: max_att"));
  }

  @ParameterizedTest(name = "{index} {1}")
  @MethodSource("badFiles")
  void badFile_isRefusedWithFileKeyAndReason(String toml, String problem) {
    PlexException refused = catchThrowableOfType(PlexException.class, () -> parse(toml));

    assertThat(refused).isNotNull();
    assertThat(refused.code()).isEqualTo(ErrorCode.INVALID_MESSAGE);
    assertThat(refused).hasMessageStartingWith("app-config.toml: ").hasMessageContaining(problem);
    assertThat(refused.getMessage())
        .doesNotContain("StreamRead", "Constraints", "()", "STD_TABLE", "ARRAY_TABLE", "Exception");
    assertThat(refused.violations()).hasSize(1);
  }

  @Test
  void badEncoding_isRefused() {
    byte[] latin1 = "x = \"é\"".getBytes(StandardCharsets.ISO_8859_1);

    PlexException refused =
        catchThrowableOfType(PlexException.class, () -> AppConfig.parse("app-config.toml", latin1));

    assertThat(refused).hasMessage("app-config.toml: is not UTF-8 text");
  }

  @Test
  void hugeFile_isRefused() {
    PlexException refused =
        catchThrowableOfType(PlexException.class, () -> parse("#".repeat(1024 * 1024 + 1)));

    assertThat(refused).hasMessage("app-config.toml: is larger than 1048576 bytes");
  }

  private static AppConfig parse(String toml) {
    return AppConfig.parse("app-config.toml", toml.getBytes(StandardCharsets.UTF_8));
  }

  private static List<ChildSpec> workers(AppConfig config) {
    return config.supervisor().children().stream()
        .map(c -> ((SupervisorSpec.Worker) c).spec())
        .toList();
  }

  private static Arguments bad(String toml, String problem) {
    return Arguments.of(toml, problem);
  }

  private static Arguments badChild(String toml, String problem) {
    return Arguments.of("[[supervisor.children]]\n" + toml, problem);
  }

  private static Arguments badLink(String toml, String problem) {
    return Arguments.of("[[service_links]]\n" + toml, problem);
  }

  private static String nested(int depth) {
    return depth == 1
        ? "{}"
        : "{children = [{id = \"s\", type = \"supervisor\", supervisor = "
            + nested(depth - 1)
            + "}]}";
  }
}
