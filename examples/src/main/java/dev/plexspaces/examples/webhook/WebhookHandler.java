package dev.plexspaces.examples.webhook;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.State;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/// Keeps what is posted to it and lists it on request; one inbox per key.
@GenServer
public class WebhookHandler {

  /// Deliveries that are kept; older ones are forgotten, half of them at a time.
  static final int DELIVERIES_MAX = 500;

  /// One posted body, any JSON.
  ///
  /// @param number from 1, never used again
  public record Delivery(long number, Instant received, Object body) {}

  /// Reply of `list`, oldest first.
  public record Listing(List<Delivery> deliveries, int count) {}

  @State private long received;
  @State private List<Delivery> deliveries = new ArrayList<>();

  /// `cast` is a post that names no operation and `*` one that names any: senders of webhooks put
  /// what they like into `action`.
  @Handler({"cast", "*"})
  void receive(ActorContext context, Message message) {
    switch (message.kind()) {
      case CAST -> keep(context, message);
      case CALL ->
          throw new ActorException(
              ErrorCode.UNKNOWN_OPERATION,
              "no such operation on webhook_handler; it answers: list; everything posted is kept");
      case INFO -> {}
    }
  }

  /// The last deliveries, at most `limit`; also the answer to a plain `GET`.
  @Handler({"list", "call"})
  Object list(
      ActorContext context, Message message, @Param(defaultValue = "" + DELIVERIES_MAX) int limit) {
    if (message.kind() == Message.Kind.CAST) {
      keep(context, message); // a post whose body happens to say "list"
      return null;
    }
    if (limit < 1) {
      throw ActorException.invalid("limit", "must be positive");
    }
    int shown = Math.min(limit, deliveries.size());
    return new Listing(deliveries.subList(deliveries.size() - shown, deliveries.size()), shown);
  }

  private void keep(ActorContext context, Message message) {
    deliveries.add(new Delivery(++received, context.now(), message.payload()));
    if (deliveries.size() > DELIVERIES_MAX) {
      deliveries.subList(0, DELIVERIES_MAX / 2).clear();
    }
  }
}
