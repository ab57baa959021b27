package dev.plexspaces.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.plexspaces.node.DataDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The commands against a server that answers what a test tells it to.
class MainTest {

  @TempDir Path temp;
  private HttpServer server;
  private final List<String> requests = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private volatile int status = 200;
  private volatile String answer = "{}";

  @BeforeEach
  void listen() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.start();
    environment.put(
        "PLEXSPACES_URL",
        "http://" + server.getAddress().getHostString() + ":" + server.getAddress().getPort());
  }

  @AfterEach
  void close() {
    server.stop(0);
  }

  private void handle(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    String bearer = exchange.getRequestHeaders().getFirst("Authorization");
    requests.add(
        exchange.getRequestMethod()
            + " "
            + exchange.getRequestURI()
            + (bearer == null ? "" : " [" + bearer + "]")
            + (body.isEmpty() ? "" : " " + body));
    byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private int run(String... arguments) {
    return Main.run(arguments, environment, new PrintWriter(out, true), new PrintWriter(err, true));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | no command; there are: start, stop, status, deploy",
        "bogus | Unmatched argument",
        "ask | Missing required parameters: 'ACTOR', 'OPERATION'",
        "history | Missing required parameter: 'ACTOR'",
        "dead-letters show | Missing required parameter: 'ID'",
        "dead-letters discard 1 --rerun | Unknown option: '--rerun'",
        "quarantine release | Missing required parameter: 'ACTOR'",
        "ask counter/a get {} more | Unmatched argument",
        "status --bogus | Unknown option: '--bogus'",
        "start --http-port x | Invalid value for option '--http-port'",
        "token | Missing required option: '--tenant=TENANT'",
        "token --tenant a --ttl soon | must be a whole number followed by ms, s, m, h or d",
        "tell a b [1] | the payload of a tell must be a JSON object",
        "tell a b {\"op\":\"c\"} | the payload has an \"op\" of its own",
        "ask a b {broken | the payload is not JSON",
        "actors --limit 0 | --limit: must be at least 1",
        "history book | name the actor with its key, as book/KEY",
        "quarantine release book | name the actor with its key, as book/KEY",
        "status --url ftp://x | --url: \"ftp://x\" is not an http or https URL",
        "status --url foo | --url: \"foo\" is not an http or https URL",
        "start --http-port 99999 | --http-port: must be a port, 0 to 65535",
        "start --node-id a/b | node id: must be 1 to 128 letters",
        "deploy app.txt | FILE must end in .psa, .jar or .wasm; got app.txt",
        "ask acme/prod/counter/ get | actor \"acme/prod/counter/\": its key is empty",
        "tell counter/ get | its key is empty",
        "ask /a get | its type is empty",
        "tell acme//counter/a get | its namespace is empty",
        "history /prod/counter/a | its tenant is empty",
        "quarantine release counter/ | its key is empty",
        "ask counter/a get --tenant= | --tenant is empty",
        "actors --namespace= | --namespace is empty",
      })
  void wrongUsage_isExitCodeTwoWithItsReason(String line, String reason) {
    assertThat(run(line.isEmpty() ? new String[0] : line.split(" "))).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).contains(reason).contains("--help");
    assertThat(requests).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "start",
        "stop",
        "status",
        "deploy",
        "undeploy",
        "apps",
        "actors",
        "ask",
        "tell",
        "history",
        "dead-letters",
        "quarantine",
        "token"
      })
  void everyCommand_explainsItself(String command) {
    assertThat(run(command, "--help")).isZero();
    assertThat(out.toString()).contains("Usage: plexspaces " + command);
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void ask_sendsTheEnvelopeAndPrintsTheReply() {
    answer = "{\"status\":\"ok\",\"balance\":10}";

    assertThat(run("ask", "bank_account/al ice/1", "deposit", "{\"amount\":12345678901234567890}"))
        .isZero();

    assertThat(requests)
        .containsExactly(
            "POST /api/v1/actors/default/default/bank_account/al%20ice%2F1/ask"
                + " {\"message_type\":\"deposit\",\"payload\":{\"amount\":12345678901234567890},"
                + "\"timeout_ms\":5000}");
    assertThat(out.toString().strip()).isEqualTo(answer);
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void scopeOfTheToken_isTheDefaultScope() {
    String claims =
        Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString(
                "{\"tenant\":\"acme\",\"namespace\":\"prod\"}".getBytes(StandardCharsets.UTF_8));
    environment.put("PLEXSPACES_TOKEN", "x." + claims + ".y");

    run("ask", "counter", "get");
    run("ask", "counter/a", "get", "--namespace", "test", "--token", "z");

    assertThat(requests.getFirst())
        .startsWith("POST /api/v1/actors/acme/prod/counter/ask [Bearer x." + claims + ".y] ");
    assertThat(requests.get(1))
        .startsWith("POST /api/v1/actors/default/test/counter/a/ask [Bearer z] ");
  }

  @Test
  void tell_putsTheOperationIntoThePayload() {
    status = 202;
    answer = "{\"message_id\":\"m1\",\"durable\":true}";

    assertThat(run("tell", "acme/prod/bank_account/alice", "deposit", "{\"amount\":5}")).isZero();

    assertThat(requests)
        .containsExactly(
            "PUT /api/v1/actors/acme/prod/bank_account/alice {\"amount\":5,\"op\":\"deposit\"}");
    assertThat(out.toString().strip()).isEqualTo("accepted m1, on disk");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ask a b @/no/such/file | cannot read the payload from @/no/such/file",
        "deploy /no/such/app.psa | cannot read /no/such/app.psa",
        "status --url http://127.0.0.1:1 | no node answers at http://127.0.0.1:1: start one",
      })
  void whatCannotBeDone_isExitCodeOneWithItsReason(String line, String reason) {
    assertThat(run(line.split(" "))).isEqualTo(1);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).startsWith("plexspaces: ").contains(reason);
    assertThat(requests).isEmpty();
  }

  @Test
  void refusal_isToldWithItsCodeFieldsAndRequest() {
    status = 400;
    answer =
        """
        {"error":{"code":"INVALID_MESSAGE","message":"2 wrong fields","request_id":"r-7",
        "field_violations":[{"field":"amount","description":"must be positive"}]}}
        """;

    assertThat(run("ask", "a/b", "c")).isEqualTo(1);

    assertThat(out.toString()).isEmpty();
    assertThat(err.toString())
        .isEqualTo(
            "plexspaces: INVALID_MESSAGE: 2 wrong fields\n  amount: must be positive (request r-7)\n");
  }

  @Test
  void missingToken_isToldHowToGetOne() {
    status = 401;
    answer = "{\"error\":{\"code\":\"UNAUTHENTICATED\",\"message\":\"no token\"}}";

    assertThat(run("apps")).isEqualTo(1);
    assertThat(err.toString()).contains("UNAUTHENTICATED: no token").contains("PLEXSPACES_TOKEN");
  }

  @Test
  void answerOfSomethingElse_isToldPlainly() {
    status = 502;
    answer = "<html>Bad gateway</html>";

    assertThat(run("apps")).isEqualTo(1);
    assertThat(err.toString()).isEqualTo("plexspaces: the node answered with HTTP status 502\n");
  }

  @Test
  void tokenWithALineBreak_isNotPrinted() {
    assertThat(run("apps", "--token", "secret\nvalue")).isEqualTo(1);
    assertThat(err.toString()).contains("the token is not one line").doesNotContain("secret");
  }

  @Test
  void actors_followsPagesUpToTheLimit() {
    answer =
        """
        {"actors":[{"actor_id":"acme/prod/counter/a","state":"active","application_id":"c",
        "messages":"7","mailbox_depth":0,"restarts":"1"}],"next_page_token":"t 1"}
        """;

    assertThat(run("actors", "counter", "--tenant", "acme", "--namespace", "prod", "--limit", "2"))
        .isZero();

    assertThat(requests)
        .containsExactly(
            "GET /api/v1/actors/acme/prod?type=counter&page_size=2",
            "GET /api/v1/actors/acme/prod?type=counter&page_size=1&page_token=t%201");
    assertThat(out.toString().lines())
        .containsExactly(
            "ACTOR                STATE   APPLICATION  SUPERVISOR  MESSAGES  MAILBOX  RESTARTS",
            "acme/prod/counter/a  active  c                        7         0        1",
            "acme/prod/counter/a  active  c                        7         0        1");
    assertThat(err.toString()).contains("There are more");
  }

  @Test
  void history_followsPages_andShowsEachCommitOnALine() {
    answer =
        """
        {"entries":[{"seq":"9","turn":"3","step":0,"kind":"WHOLE","at":"2026-01-01T00:00:00Z",
        "input":{"operation":"deposit","payload":"{\\"amount\\":5}"},
        "changes":[{"field":"limits","operation":"PUT","entry":"day","value":"7"},
        {"field":"log","operation":"CLEAR","entry":""}],
        "effects":["tell book/b note","put x"],"reply":"\\"%s\\""}],
        "next_page_token":"t 1"}
        """
            .formatted("x".repeat(80));

    assertThat(run("history", "book/al ice", "--limit", "2", "--before", "12", "--no-payloads"))
        .isZero();

    assertThat(requests)
        .containsExactly(
            "GET /api/v1/actors/default/default/book/al%20ice/history"
                + "?payloads=false&limit=2&before=12",
            "GET /api/v1/actors/default/default/book/al%20ice/history"
                + "?payloads=false&limit=1&page_token=t%201");
    assertThat(out.toString().lines())
        .hasSize(3)
        .element(1)
        .isEqualTo(
            "9    3     0     whole  2026-01-01T00:00:00Z  deposit    {\"amount\":5}"
                + "  put limits[day]=7, clear log  tell book/b note, put x  \""
                + "x".repeat(58)
                + "…");
    assertThat(err.toString()).contains("There are more");
  }

  @Test
  void repairs_callTheNodeWithWhatWasNamed() {
    answer = "{\"actor_id\":\"acme/prod/book/a\",\"activated\":true}";

    run("dead-letters", "redrive", "17", "--tenant", "acme", "--namespace", "prod");
    run("dead-letters", "redrive", "17", "--rerun");
    run("dead-letters", "discard", "v 1");
    run("quarantine", "release", "acme/prod/book/a/b");

    assertThat(requests)
        .containsExactly(
            "POST /api/v1/dead-letters/acme/prod/17/redrive",
            "POST /api/v1/dead-letters/default/default/17/redrive?rerun=true",
            "DELETE /api/v1/dead-letters/default/default/v%201",
            "DELETE /api/v1/quarantine/acme/prod/book/a%2Fb");
    assertThat(out.toString().lines())
        .containsExactly(
            "re-drove dead letter 17 of acme/prod/book/a",
            "re-drove dead letter 17 of acme/prod/book/a",
            "discarded dead letter v 1 of acme/prod/book/a",
            "released acme/prod/book/a/b; it takes the messages that waited");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void deploy_sendsAFormWithTheIdOfTheConfig() throws IOException {
    Path jar = Files.writeString(temp.resolve("thing.jar"), "jar-bytes");
    Path config = Files.writeString(temp.resolve("c.toml"), "[application]\nid = \"shop\"\n");
    answer =
        "{\"application\":{\"application_id\":\"shop\",\"version\":\"1\",\"status\":\"RUNNING\"}}";

    assertThat(run("deploy", jar.toString(), "--config", config.toString(), "--namespace", "prod"))
        .isZero();

    assertThat(requests.getFirst())
        .startsWith("POST /api/v1/applications/deploy ")
        .contains("name=\"application_id\"\r\n\r\nshop\r\n")
        .contains("name=\"namespace\"\r\n\r\nprod\r\n")
        .contains("name=\"config\"\r\n\r\n[application]\nid = \"shop\"\n\r\n")
        .contains("name=\"jar_file\"; filename=\"thing.jar\"\r\n")
        .contains("\r\n\r\njar-bytes\r\n--")
        .endsWith("--\r\n");
    assertThat(out.toString()).isEqualTo("deployed shop version 1: running\n");
  }

  @Test
  void deployWithoutAnyId_takesTheNameOfTheFile() throws IOException {
    Path jar = Files.writeString(temp.resolve("thing.jar"), "not a zip");

    run("deploy", jar.toString());

    assertThat(requests.getFirst()).contains("name=\"application_id\"\r\n\r\nthing\r\n");
  }

  @Test
  void json_isTheNodesAnswer() {
    answer = "{\"applications\":[{\"application_id\":\"a\",\"status\":\"RUNNING\"}]}";

    assertThat(run("apps", "--json")).isZero();
    assertThat(out.toString().strip()).isEqualTo(answer);
  }

  @Test
  void statusOfANodeThatIsNotReady_isExitCodeOne() {
    status = 503;

    assertThat(run("status")).isEqualTo(1);
    assertThat(err.toString()).isNotEmpty();
  }

  @Test
  void stopWithoutANode_isExitCodeOne() {
    assertThat(run("stop", "--data", temp.toString())).isEqualTo(1);
    assertThat(err.toString()).isEqualTo("plexspaces: no node runs on " + temp + "\n");
  }

  @Test
  void dataWithoutANode_isToldBeforeAnythingIsCalled() {
    environment.remove("PLEXSPACES_URL");

    assertThat(run("apps", "--data", temp.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("no node runs on " + temp);
    assertThat(requests).isEmpty();
  }

  @Test
  void tokenForADirectoryWithoutANode_isRefused_andMakesNothing() throws IOException {
    assertThat(run("token", "--tenant", "acme", "--data", temp + "/typo")).isEqualTo(1);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString())
        .contains("no node was started on " + temp + "/typo yet: name the data directory")
        .contains("start --data");
    assertThat(temp.resolve("typo")).doesNotExist();
    assertThat(run("token", "--tenant", "acme", "--data", temp.toString())).isEqualTo(1);
    assertThat(temp.resolve("keys")).doesNotExist();
  }

  /// What a node that was started there leaves.
  private void nodeWasStartedOn(Path directory) {
    DataDirectory.open(directory).close();
  }

  @Test
  void token_isAllThatIsPrinted() {
    nodeWasStartedOn(temp.resolve("new"));
    assertThat(run("token", "--tenant", "acme", "--role", "deployer", "--data", temp + "/new"))
        .isZero();

    assertThat(err.toString()).isEmpty();
    String[] parts = out.toString().strip().split("\\.");
    assertThat(parts).hasSize(3);
    assertThat(new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8))
        .contains("\"tenant\":\"acme\"")
        .contains("\"roles\":[\"deployer\"]")
        .contains("\"exp\":");
    assertThat(temp.resolve("new/keys/node-key.json")).exists();
  }

  @Test
  void tokenForABadTenant_isExitCodeTwo() {
    nodeWasStartedOn(temp);
    assertThat(run("token", "--tenant", "a/b", "--data", temp.toString())).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).contains("tenant: must be 1 to 128 letters");
  }
}
