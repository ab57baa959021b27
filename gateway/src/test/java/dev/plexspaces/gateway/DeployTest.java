package dev.plexspaces.gateway;

import static dev.plexspaces.gateway.ErrorShape.assertError;
import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.gateway.TestEdge.Answer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeployTest {

  @TempDir static Path data;
  static TestEdge edge;
  static String token;

  @BeforeAll
  static void start() {
    edge = TestEdge.secure(data);
    token = edge.token("acme", "deployer");
  }

  @AfterAll
  static void stop() {
    edge.close();
  }

  @AfterEach
  void nothingIsLeftOfUploads() throws IOException {
    edge.applications.deployed.clear();
    assertEmpty(edge.uploads);
  }

  private static void assertEmpty(Path uploads) throws IOException {
    if (Files.exists(uploads)) {
      try (var files = Files.list(uploads)) {
        assertThat(files).isEmpty();
      }
    }
  }

  /// A form: names and texts, and files as bytes.
  static byte[] form(Object... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < parts.length; i += 2) {
      boolean file = parts[i + 1] instanceof byte[];
      out.writeBytes(
          ("--XX\r\nContent-Disposition: form-data; name=\""
                  + parts[i]
                  + "\""
                  + (file ? "; filename=\"../../evil.jar\"\r\nContent-Type: application/zip" : "")
                  + "\r\n\r\n")
              .getBytes(StandardCharsets.UTF_8));
      out.writeBytes(
          file ? (byte[]) parts[i + 1] : ((String) parts[i + 1]).getBytes(StandardCharsets.UTF_8));
      out.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
    }
    out.writeBytes("--XX--\r\n".getBytes(StandardCharsets.UTF_8));
    return out.toByteArray();
  }

  static Answer deploy(String token, String contentType, HttpRequest.BodyPublisher body) {
    return edge.send(
        HttpRequest.newBuilder(edge.uri("/api/v1/applications/deploy"))
            .header("authorization", "Bearer " + token)
            .header("content-type", contentType)
            .POST(body)
            .build());
  }

  static Answer deploy(Object... parts) {
    return deploy(
        token,
        "multipart/form-data; boundary=XX",
        HttpRequest.BodyPublishers.ofByteArray(form(parts)));
  }

  @Test
  void bundle_isStoredByteForByteAndDeployed() {
    byte[] bytes = new byte[3_000_000];
    new Random(7).nextBytes(bytes);
    Answer answer =
        deploy(
            "application_id", "bank",
            "name", "The bank",
            "version", "1.2",
            "namespace", "prod",
            "config", "[supervisor]\nid = \"grüße\"\n",
            "bundle", bytes);
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    @SuppressWarnings("unchecked")
    Map<String, Object> application = (Map<String, Object>) answer.object().get("application");
    assertThat(application)
        .containsEntry("application_id", "bank")
        .containsEntry("status", "RUNNING")
        .containsEntry("tenant", "acme")
        .containsEntry("detail", "")
        .containsEntry("deployed_at", "1970-01-01T00:00:00Z");
    Deployment deployment = edge.applications.deployments.get("bank");
    assertThat(deployment.name()).isEqualTo("The bank");
    assertThat(deployment.version()).isEqualTo("1.2");
    assertThat(deployment.tenant()).isEqualTo("acme");
    assertThat(deployment.namespace()).isEqualTo("prod");
    assertThat(deployment.kind()).isEqualTo(Deployment.Kind.BUNDLE);
    assertThat(deployment.config()).contains("[supervisor]\nid = \"grüße\"\n");
    assertThat(deployment.file()).hasFileName("bundle").doesNotExist();
    assertThat(edge.applications.code.get("bank")).isEqualTo(bytes);

    assertThat(edge.get("/api/v1/applications/bank/status", token).object())
        .containsEntry("application_id", "bank")
        .containsEntry("actor_types", List.of("counter"))
        .containsEntry("actor_count", 1L);
    assertThat(edge.get("/api/v1/applications", token).text()).contains("\"bank\"");
    assertError(deploy("application_id", "bank", "bundle", new byte[1]), 409, "CONFLICT");
    assertThat(edge.call("DELETE", "/api/v1/applications/bank", token, null).text())
        .isEqualTo("{}");
    assertError(edge.get("/api/v1/applications/bank/status", token), 404, "NOT_FOUND");
  }

  @Test
  void undeploy_purgesOnlyWhenAsked_andOnlyForDeployers() {
    String path = "/api/v1/applications/bank";
    for (String query : List.of("", "?purge=false", "?purge=true")) {
      edge.applications.deployed("bank", "acme", "prod");
      assertError(
          edge.call("DELETE", path + query, edge.token("acme"), null), 403, "NOT_PERMITTED");
      assertThat(edge.call("DELETE", path + query, token, null).text()).isEqualTo("{}");
    }
    assertThat(edge.applications.undeployed).containsExactly("bank", "bank", "bank and purged");
    edge.applications.deployed("bank", "acme", "prod");
    assertError(edge.call("DELETE", path + "?purge=maybe", token, null), 400, "INVALID_MESSAGE");
    edge.applications.deployed("theirs", "globex", "prod");
    assertError(
        edge.call("DELETE", "/api/v1/applications/theirs?purge=true", token, null),
        404,
        "NOT_FOUND");
    assertThat(edge.applications.undeployed).hasSize(3);
  }

  @Test
  void kindsAndDefaults() {
    deploy("application_id", "a", "jar_file", new byte[] {1});
    deploy("application_id", "b", "wasm_file", new byte[0]);
    Deployment jar = edge.applications.deployments.get("a");
    assertThat(jar.kind()).isEqualTo(Deployment.Kind.JAR);
    assertThat(jar.name()).isEqualTo("a");
    assertThat(jar.version()).isEqualTo("0");
    assertThat(jar.namespace()).isEqualTo("default");
    assertThat(jar.config()).isEmpty();
    assertThat(edge.applications.deployments.get("b").kind()).isEqualTo(Deployment.Kind.WASM);
    assertThat(edge.applications.code.get("b")).isEmpty();
  }

  @Test
  void wrongForms_areRefusedByName() {
    byte[] code = {1};
    assertField(deploy("bundle", code), "application_id");
    assertField(deploy("application_id", "x"), "bundle");
    assertField(deploy("application_id", "x", "bundle", code, "jar_file", code), "bundle");
    assertField(deploy("application_id", "x", "bundle", code, "extra", "1"), "extra");
    assertField(
        deploy("application_id", "x", "application_id", "y", "bundle", code), "application_id");
    assertField(deploy("application_id", "a b", "bundle", code), "application_id");
    assertField(deploy("application_id", "../x", "bundle", code), "application_id");
    assertField(deploy("application_id", "", "bundle", code), "application_id");
    assertField(deploy("application_id", "x", "name", "n\u0001", "bundle", code), "name");
    assertField(deploy("application_id", "x", "name", "n".repeat(129), "bundle", code), "name");
    assertField(deploy("application_id", "x", "name", "n".repeat(2000), "bundle", code), "name");
    assertField(deploy("application_id", "x", "namespace", "a/b", "bundle", code), "namespace");
    assertField(
        deploy("application_id", "x", "config", "c".repeat((1 << 20) + 1), "bundle", code),
        "config");
    byte[] form = form("application_id", "x", "config", "c\u00e9", "bundle", code);
    byte[] latin = new String(form, StandardCharsets.UTF_8).getBytes(StandardCharsets.ISO_8859_1);
    assertField(
        deploy(
            token,
            "multipart/form-data; boundary=XX",
            HttpRequest.BodyPublishers.ofByteArray(latin)),
        "config");
    assertThat(edge.applications.deployed).isEmpty();
  }

  private static void assertField(Answer answer, String field) {
    assertError(answer, 400, "INVALID_MESSAGE");
    assertThat(answer.error().get("field_violations").toString()).contains("field=" + field + ",");
  }

  @Test
  void whatIsNotAForm_isRefused() {
    String form = "multipart/form-data; boundary=XX";
    byte[] good = form("application_id", "x", "bundle", new byte[] {1});
    assertError(
        deploy(token, "application/json", HttpRequest.BodyPublishers.ofString("{}")),
        415,
        "INVALID_MESSAGE");
    assertError(
        deploy(token, "multipart/form-data", HttpRequest.BodyPublishers.ofByteArray(good)),
        400,
        "INVALID_MESSAGE");
    for (byte[] body :
        List.of(
            "".getBytes(StandardCharsets.UTF_8),
            "rubbish".getBytes(StandardCharsets.UTF_8),
            "--XX\r\n".getBytes(StandardCharsets.UTF_8),
            "--XX\r\nno header\r\n\r\nx\r\n--XX--\r\n".getBytes(StandardCharsets.UTF_8),
            "--XX\r\n\r\nx\r\n--XX--\r\n".getBytes(StandardCharsets.UTF_8),
            java.util.Arrays.copyOf(good, good.length - 8))) {
      Answer answer = deploy(token, form, HttpRequest.BodyPublishers.ofByteArray(body));
      assertError(answer, 400, "INVALID_MESSAGE");
    }
    assertError(
        deploy(
            token,
            "multipart/form-data; boundary=YY",
            HttpRequest.BodyPublishers.ofByteArray(good)),
        400,
        "INVALID_MESSAGE");
    assertThat(edge.applications.deployed).isEmpty();
  }

  @Test
  void anotherTenant_isForbidden() {
    assertError(
        deploy("application_id", "x", "tenant", "globex", "bundle", new byte[1]),
        403,
        "NOT_PERMITTED");
    assertThat(deploy("application_id", "x", "tenant", "acme", "bundle", new byte[1]).status())
        .isEqualTo(200);
    Answer clerk =
        deploy(
            edge.token("acme", "clerk"),
            "multipart/form-data; boundary=XX",
            HttpRequest.BodyPublishers.ofByteArray(
                form("application_id", "y", "bundle", new byte[1])));
    assertError(clerk, 403, "NOT_PERMITTED");
  }

  @Test
  void uploadOverTheBound_is413AndLeavesNothing() throws IOException {
    byte[] head =
        "--XX\r\nContent-Disposition: form-data; name=\"bundle\"; filename=\"b\"\r\n\r\n"
            .getBytes(StandardCharsets.UTF_8);
    HttpRequest.BodyPublisher endless =
        HttpRequest.BodyPublishers.ofInputStream(
            () ->
                new SequenceInputStream(
                    new ByteArrayInputStream(head), zeros(ApplicationCalls.UPLOAD_BYTES_MAX + 1)));
    TestEdge own = TestEdge.secure(data.resolve("own"));
    try (own) {
      Answer answer =
          own.send(
              HttpRequest.newBuilder(own.uri("/api/v1/applications/deploy"))
                  .header("authorization", "Bearer " + own.token("acme", "admin"))
                  .header("content-type", "multipart/form-data; boundary=XX")
                  .POST(endless)
                  .build());
      assertError(answer, 413, "RESOURCE_EXHAUSTED");
    }
    // Closed: whatever was to be removed has been.
    assertEmpty(own.uploads);
  }

  private static InputStream zeros(long count) {
    return new InputStream() {
      private long left = count;

      @Override
      public int read() {
        return left-- > 0 ? 0 : -1;
      }

      @Override
      public int read(byte[] into, int offset, int length) {
        if (left <= 0) {
          return -1;
        }
        int n = (int) Math.min(left, length);
        java.util.Arrays.fill(into, offset, offset + n, (byte) 0);
        left -= n;
        return n;
      }
    };
  }

  @Test
  void failureOfTheNode_saysNothingOfTheInside() {
    try (TestEdge broken =
        TestEdge.secure(
            data.resolve("other"), options -> withUploads(options, file(data.resolve("a-file"))))) {
      Answer answer =
          broken.send(
              HttpRequest.newBuilder(broken.uri("/api/v1/applications/deploy"))
                  .header("authorization", "Bearer " + broken.token("acme", "admin"))
                  .header("content-type", "multipart/form-data; boundary=XX")
                  .POST(
                      HttpRequest.BodyPublishers.ofByteArray(
                          form("application_id", "x", "bundle", new byte[1])))
                  .build());
      assertError(answer, 503, "UNAVAILABLE");
      assertThat(answer.header("retry-after")).isEqualTo("1");
    }
  }

  private static Path file(Path path) {
    try {
      return Files.writeString(path, "in the way");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static GatewayOptions withUploads(GatewayOptions options, Path uploads) {
    return new GatewayOptions(
        options.host(),
        0,
        0,
        options.dev(),
        options.trusted(),
        uploads,
        options.bodyBytesMax(),
        options.inFlightMax(),
        options.drain());
  }
}
