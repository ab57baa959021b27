package dev.plexspaces.testkit.crash;

import dev.plexspaces.kernel.DeadLetters;
import dev.plexspaces.kernel.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// The actors of the sample `transfers`, over HTTP, while their node dies and comes back. For all
/// threads.
final class LedgerPort implements AutoCloseable {

  static final String ACCOUNT = "ledger_account";
  static final String AUDITOR = "ledger_auditor";
  static final String TREASURY = "ledger_treasury";

  static final int OK = 200;

  /// Longest wait for one answer; longer than the node's own bound of an ask.
  private static final Duration ANSWER_MAX = Duration.ofSeconds(20);

  /// Longest wait for a question to be answered over all tries; covers many lives.
  static final Duration QUESTION_MAX = Duration.ofMinutes(5);

  /// Wait before a refused question is asked again, milliseconds.
  static final long AGAIN_AFTER_MILLIS = 50;

  private static final String ACTORS = "/api/v1/actors/acme/prod/";

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final CrashedNode node;

  LedgerPort(CrashedNode node) {
    this.node = node;
  }

  /// What came back, whole.
  record Answer(int status, String body) {}

  /// Sends one request once, to the life that serves; waits for one while the node is down.
  ///
  /// @param key the `Idempotency-Key`
  /// @return empty when no answer came: it happened or it did not
  /// @throws Over when there will be no further life
  Optional<Answer> ask(String type, String key, byte[] body, Optional<String> idempotencyKey)
      throws InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url() + ACTORS + type + "/" + key + "/ask"))
            .timeout(ANSWER_MAX)
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(body));
    idempotencyKey.ifPresent(k -> request.header("Idempotency-Key", k));
    return send(request.build());
  }

  private Optional<Answer> send(HttpRequest request) throws InterruptedException {
    try {
      HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
      return Optional.of(new Answer(response.statusCode(), response.body()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private String url() throws InterruptedException {
    String url = node.awaitUrl();
    if (url == null) {
      throw new Over();
    }
    return url;
  }

  /// An actor's report, asked for until it comes.
  ///
  /// @throws Wrong when the node answers with an error that waiting does not cure
  Map<?, ?> report(String type, String key) throws InterruptedException {
    byte[] body = Json.canonical(Map.of("message_type", "report"));
    long began = System.nanoTime();
    while (true) {
      Optional<Answer> answer = ask(type, key, body, Optional.empty());
      if (answer.isPresent() && answer.get().status() == OK) {
        return (Map<?, ?>) Json.parse(answer.get().body());
      }
      if (answer.isPresent() && !mayAskAgain(answer.get())) {
        throw new Wrong("report of " + type + "/" + key + ": " + answer.get());
      }
      if (System.nanoTime() - began > QUESTION_MAX.toNanos()) {
        throw new Wrong("report of " + type + "/" + key + ": no answer; the last was " + answer);
      }
      Thread.sleep(AGAIN_AFTER_MILLIS);
    }
  }

  /// True for refusals that say "later": too many requests, unavailable, no answer in time.
  static boolean mayAskAgain(Answer answer) {
    return isRefusal(answer) || answer.status() == 504;
  }

  /// True when the node says that the request has not happened and will not.
  static boolean isRefusal(Answer answer) {
    return answer.status() == 429 || answer.status() == 503;
  }

  /// The reports of all auditors.
  List<Map<?, ?>> auditors() throws InterruptedException {
    List<Map<?, ?>> reports = new ArrayList<>();
    for (int shard = 0; shard < Books.SHARDS; shard++) {
      reports.add(report(AUDITOR, Integer.toString(shard)));
    }
    return reports;
  }

  /// The reports of everybody.
  Books.Reports reports(int accounts) throws InterruptedException {
    List<Map<?, ?>> each = new ArrayList<>();
    for (int account = 0; account < accounts; account++) {
      each.add(report(ACCOUNT, Books.key(account)));
    }
    return new Books.Reports(each, auditors(), report(TREASURY, "main"));
  }

  /// Messages nobody processed: those on the disk, the first page of them, and by the node's own
  /// count those lost in this life from memory.
  long deadLetters() throws InterruptedException {
    Map<?, ?> page = (Map<?, ?>) Json.parse(get("/api/v1/dead-letters/acme/prod"));
    long stored = page.get("dead_letters") instanceof List<?> letters ? letters.size() : 0;
    List<Double> counts =
        get("/metrics")
            .lines()
            .filter(line -> line.startsWith("plexspaces_dead_letters_total"))
            .filter(LedgerPort::isVolatile)
            .map(line -> Double.valueOf(line.substring(line.lastIndexOf(' ') + 1)))
            .toList();
    if (counts.isEmpty()) {
      throw new Wrong("the metrics do not count dead letters");
    }
    return stored + (long) counts.stream().mapToDouble(Double::doubleValue).sum();
  }

  private static boolean isVolatile(String counted) {
    return Arrays.stream(DeadLetters.Reason.values())
        .filter(DeadLetters.Reason::durable)
        .noneMatch(
            reason ->
                counted.contains("reason=\"" + reason.name().toLowerCase(Locale.ROOT) + "\""));
  }

  private String get(String path) throws InterruptedException {
    String url = url() + path;
    return send(HttpRequest.newBuilder(URI.create(url)).timeout(ANSWER_MAX).build())
        .filter(a -> a.status() == OK)
        .orElseThrow(() -> new Wrong("no answer from " + url))
        .body();
  }

  @Override
  public void close() {
    http.close();
  }

  /// An answer that breaks a promise.
  static final class Wrong extends RuntimeException {
    Wrong(String what) {
      super(what);
    }
  }

  /// The campaign has ended while somebody waited for the node.
  static final class Over extends RuntimeException {
    Over() {
      super("the node does not come back");
    }
  }
}
