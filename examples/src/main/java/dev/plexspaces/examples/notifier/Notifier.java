package dev.plexspaces.examples.notifier;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.State;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/// Passes what is posted to it on to an outside service, in order and, when that service honours
/// the header `Idempotency-Key`, exactly once; one topic per key.
@GenServer
public class Notifier {

  /// Name of the service link in `app-config.toml`.
  static final String LINK = "receiver";

  /// Reply of `status`.
  ///
  /// @param delivered notices the service took
  /// @param refused notices it answered with a status of 300 to 499; they are not sent again
  /// @param last_status HTTP status of the last answer, 0 before the first
  public record Status(long delivered, long refused, int last_status) {}

  @State private long delivered;
  @State private long refused;
  @State private int lastStatus;

  /// Passes the message on. When the service cannot be reached the error leaves the handler: the
  /// message is delivered again later, with the same key, and at last becomes a dead letter.
  @Handler("notify")
  Status pass(ActorContext context, Message message) {
    LinkResponse answer =
        context.fetch(
            LinkRequest.post(LINK, "/topics/" + topic(context.self().key()), message.payload()));
    lastStatus = answer.status();
    if (answer.ok()) {
      delivered++;
    } else {
      refused++;
    }
    return status();
  }

  /// What became of the notices so far; also the answer to a plain `GET`.
  @Handler({"status", "call"})
  Status status() {
    return new Status(delivered, refused, lastStatus);
  }

  /// A key may hold anything, a path may not; the prefix keeps a key of dots from being a step up.
  private static String topic(String key) {
    return "t-" + URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
