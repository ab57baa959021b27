package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.plexspaces.node.deploy.TestJar;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A disk that is full, one that may not be written, one that fails while it is written: requests
/// are refused and say why, nothing acknowledged is lost, and the node goes on when it can.
class DiskFaultTest {

  private static final String ACCOUNT = "bank_account/ann";
  private static final int AMOUNT = 10;

  /// Room for a node, its ballast and its log.
  private static final int DISK_MEGABYTES = 24;

  /// A full disk still has room within the last pages of its files.
  private static final int DEPOSITS_UNTIL_REFUSED_MAX = 10_000;

  /// Size of files, bytes, beyond which the limit of the process lets it write nothing.
  private static final int FILE_BYTES_MAX = 8_192;

  private static final long LOOK_MILLIS = 50;

  @TempDir Path temp;

  private SmallDisk disk;
  private NodeProcess node;
  private long acknowledged;

  @AfterEach
  void end() {
    if (node != null) {
      node.close();
    }
    if (disk != null) {
      disk.close();
    }
  }

  /// Deposits once.
  ///
  /// @return true when it was acknowledged, false when it was refused as it should be
  private boolean deposit() {
    HttpResponse<String> answer = node.ask(ACCOUNT, "deposit", "{\"amount\":" + AMOUNT + "}");
    if (answer.statusCode() == 200) {
      acknowledged += AMOUNT;
      assertThat(answer.body()).isEqualTo("{\"status\":\"ok\",\"balance\":" + acknowledged + "}");
      return true;
    }
    refusedForTheDisk(answer);
    return false;
  }

  private static void refusedForTheDisk(HttpResponse<String> answer) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(503);
    JsonNode error = NodeProcess.json(answer).get("error");
    assertThat(error.get("code").asString()).isEqualTo("UNAVAILABLE");
    assertThat(error.get("message").asString()).contains("the disk is full");
    assertThat(error.get("retry_after_ms").asInt()).isPositive();
  }

  private void depositUntilRefused() {
    int deposits = 0;
    while (deposit()) {
      assertThat(deposits++).as("deposits on a full disk").isLessThan(DEPOSITS_UNTIL_REFUSED_MAX);
    }
  }

  private HttpResponse<String> balance() {
    return node.ask(ACCOUNT, "get_balance", "{}");
  }

  private void requireBalance() {
    assertThat(balance().body()).isEqualTo("{\"balance\":" + acknowledged + "}");
  }

  private static void await(String what, Supplier<Boolean> condition) throws InterruptedException {
    long began = System.nanoTime();
    while (!condition.get()) {
      assertThat(System.nanoTime() - began)
          .as("waiting for " + what)
          .isLessThan(NodeProcess.PATIENCE.toNanos());
      Thread.sleep(LOOK_MILLIS);
    }
  }

  @Test
  void fullDisk_writesAreRefused_readsGoOn_andNothingIsLost() throws Exception {
    disk = SmallDisk.make(temp, DISK_MEGABYTES);
    node = NodeProcess.start(disk, "--dev");
    assertThat(deposit()).isTrue();
    disk.fill();
    depositUntilRefused();
    await("reads on a full disk", () -> balance().statusCode() == 200);
    requireBalance();
    assertThat(node.send("GET", "/health/ready", null).statusCode()).isEqualTo(200);
    assertThat(node.send("GET", "/metrics", null).body())
        .contains("plexspaces_store_state{state=\"disk_full\"} 1.0");
    // A tell that cannot be kept is not accepted.
    refusedForTheDisk(
        node.send(
            "POST",
            "/api/v1/actors/acme/prod/" + ACCOUNT,
            "{\"op\":\"deposit\",\"amount\":" + AMOUNT + "}"));
    deployIsRefused();

    disk.free();
    await("room", this::deposit);
    requireBalance();
    assertThat(node.send("GET", "/api/v1/applications", null).body()).doesNotContain("\"tally\"");

    disk.fill();
    depositUntilRefused();
    node.kill();
    startOnAFullDisk();
    await("room after a start", this::deposit);
    node.kill();
    node.start();
    requireBalance();
  }

  private void deployIsRefused() throws IOException {
    Path jar =
        TestJar.file(
            temp,
            "tally.psa",
            TestJar.psa(
                "[application]\nid = \"tally\"\nversion = \"1\"\n",
                TestJar.jar(
                    Map.of(
                        "app.Tally",
                        """
                        package app;
                        import dev.plexspaces.sdk.*;
                        @GenServer("tally") public class Tally {
                          @Handler("get") long get() { return 1; }
                        }
                        """))));
    // The store gave its ballast up; what it left belongs to the hog, too.
    disk.free();
    disk.fill();
    var deployed = node.command("deploy", jar.toString(), "--url", node.url());
    assertThat(deployed.exitCode()).isEqualTo(1);
    assertThat(deployed.err())
        .contains("UNAVAILABLE")
        .contains("disk is full or cannot be written");
  }

  /// Serves, or says that it needs room and starts when it has.
  private void startOnAFullDisk() throws IOException {
    try {
      node.start();
      disk.free();
    } catch (IllegalStateException e) {
      assertThat(node.awaitEnd()).isEqualTo(1);
      // The store, or whatever else writes a file when a node starts.
      assertThat(Files.readString(node.log()).lines().toList().getLast())
          .matches(".*(is full; make room and start again|No space left on device).*");
      disk.free();
      node.start();
    }
    requireBalance();
  }

  @Test
  void readOnlyDisk_startIsRefusedAndGoesOnWhenItMayBeWritten() throws Exception {
    disk = SmallDisk.make(temp, DISK_MEGABYTES);
    node = NodeProcess.start(disk, "--dev");
    assertThat(deposit()).isTrue();
    node.kill();
    disk.readOnly(true);
    assertThatThrownBy(node::start)
        .hasStackTraceContaining("cannot be made or written")
        .hasStackTraceContaining("Read-only file system");
    assertThat(node.awaitEnd()).isEqualTo(1);
    disk.readOnly(false);
    node.start();
    requireBalance();
    assertThat(deposit()).isTrue();
  }

  /// The state of a disk that fails is not known: the node does not go on on a guess, it ends at
  /// once and says so, and the next one finds what was acknowledged.
  @Test
  void failingDisk_nodeEndsLoudlyAndNothingAcknowledgedIsLost() throws Exception {
    node = NodeProcess.start(temp.resolve("data"), "--dev");
    assertThat(deposit()).isTrue();
    Process limit =
        new ProcessBuilder(
                "prlimit",
                "--pid",
                Long.toString(node.nodeFile().pid()),
                "--fsize=" + FILE_BYTES_MAX + ":")
            .inheritIO()
            .start();
    assertThat(limit.waitFor()).isZero();
    assertThatThrownBy(() -> node.ask(ACCOUNT, "deposit", "{\"amount\":" + AMOUNT + "}"))
        .isInstanceOf(UncheckedIOException.class);
    assertThat(node.awaitEnd()).isEqualTo(1);
    assertThat(Files.readString(node.log())).contains("the store failed; the node ends");
    node.start();
    requireBalance();
    assertThat(deposit()).isTrue();
  }
}
