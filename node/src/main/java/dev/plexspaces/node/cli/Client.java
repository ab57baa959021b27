package dev.plexspaces.node.cli;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The public HTTP contract as the commands use it. Anything but a 2xx answer becomes a [Failure]
/// that says what the node said.
final class Client {

  /// Longest wait for a connection.
  static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  /// Longest wait for an answer, unless the call says otherwise.
  static final Duration TIMEOUT = Duration.ofSeconds(30);

  static final JsonMapper JSON = JsonMapper.builder().build();

  private final URI base;
  private final Optional<String> token;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_TIMEOUT)
          .build();

  Client(URI base, Optional<String> token) {
    this.base = base;
    this.token = token;
  }

  /// The node's address.
  URI base() {
    return base;
  }

  /// Sends a request and returns the body of the answer.
  ///
  /// @throws Failure when the node does not answer or does not answer with 2xx
  String send(String method, String path, Optional<String> json, Duration timeout) {
    BodyPublisher body = json.map(BodyPublishers::ofString).orElseGet(BodyPublishers::noBody);
    return send(method, path, json.isPresent() ? "application/json" : "", body, timeout);
  }

  /// A GET.
  String get(String path) {
    return send("GET", path, Optional.empty(), TIMEOUT);
  }

  /// A GET whose answer is JSON.
  JsonNode read(String path) {
    return parse(get(path));
  }

  String send(
      String method, String path, String contentType, BodyPublisher body, Duration timeout) {
    HttpResponse<String> response = exchange(method, path, contentType, body, timeout);
    if (response.statusCode() / 100 != 2) {
      throw new Failure(explain(response));
    }
    return response.body();
  }

  /// Sends a request and returns the answer whatever its status.
  HttpResponse<String> exchange(
      String method, String path, String contentType, BodyPublisher body, Duration timeout) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + path)).method(method, body).timeout(timeout);
    if (!contentType.isEmpty()) {
      request.header("Content-Type", contentType);
    }
    try {
      token.ifPresent(t -> request.header("Authorization", "Bearer " + t.strip()));
      return http.send(request.build(), BodyHandlers.ofString());
    } catch (HttpTimeoutException e) {
      throw new Failure(base + " did not answer within " + timeout.toSeconds() + " s");
    } catch (ConnectException e) {
      throw new Failure("no node answers at " + base + ": start one with `plexspaces start`");
    } catch (IOException e) {
      throw new Failure("talking to " + base + " failed: " + e.getMessage());
    } catch (IllegalArgumentException e) {
      // A header value with a line break; the value itself must not be printed.
      throw new Failure("the token is not one line of text");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure("interrupted");
    }
  }

  /// Encodes one segment of a path.
  static String segment(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /// Reads an answer.
  static JsonNode parse(String body) {
    try {
      return JSON.readTree(body);
    } catch (JacksonException e) {
      throw new Failure("the node's answer is not JSON; is this a PlexSpaces node?");
    }
  }

  private static String explain(HttpResponse<String> response) {
    JsonNode error;
    try {
      error = JSON.readTree(response.body()).path("error");
    } catch (JacksonException e) {
      error = JSON.nullNode();
    }
    String message = error.path("message").asString("");
    if (message.isEmpty()) {
      return "the node answered with HTTP status " + response.statusCode();
    }
    StringBuilder text =
        new StringBuilder(error.path("code").asString("ERROR")).append(": ").append(message);
    for (JsonNode violation : error.path("field_violations").values()) {
      String line =
          violation.path("field").asString("") + ": " + violation.path("description").asString("");
      if (!message.contains(line)) {
        text.append("\n  ").append(line);
      }
    }
    String id = error.path("request_id").asString("");
    if (!id.isEmpty()) {
      text.append(" (request ").append(id).append(')');
    }
    if (response.statusCode() == 401) {
      text.append("\nPass a token with --token or PLEXSPACES_TOKEN; `plexspaces token` makes one.");
    }
    return text.toString();
  }
}
