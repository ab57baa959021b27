package dev.plexspaces.kernel;

import dev.plexspaces.kernel.binding.Payload;
import dev.plexspaces.kernel.journal.LoadedActor.OpenTurn;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.util.Map;
import java.util.Optional;

/// A message on its way: the node of the mailbox list, what the receiver sees, and the obligation
/// to reply, in one object.
final class Envelope implements Message {

  /* `next` and `depth` belong to the mailbox; both are written before the compare-and-set that
  publishes the envelope, so they need no ordering of their own. */
  Envelope next;
  int depth;

  final Kind kind;

  /// As it was sent: "" when the payload names the operation, see [#type()].
  final String type;

  final Object payload;
  final Address sender;

  /// Without a deadline when the kind is `CAST`: nobody waits for what a tell brings about.
  final RequestContext context;

  final ReplyTo replyTo;

  /// Where it goes, when a turn buffered it; of no use once it is delivered.
  Address target;

  /// What few envelopes have; `null` for a plain local message.
  Extras extras;

  /// Transport headers and the place in the durable inbox.
  static final class Extras {
    String id = "";
    Map<String, String> headers = Map.of();

    /// Row of the durable inbox to consume; 0 for none.
    long inboxSeq;

    /// How the deliveries of the row ended so far.
    Deliveries deliveries = Deliveries.NONE;

    /// What was left of the pause before its next delivery when it was read; 0 for none.
    long pauseMillis;

    /// The volatile timer that sent it; 0 for none.
    long timer;

    /// The monitor that a `__DOWN__` is about; 0 for none.
    long monitor;

    /// The peer that an `__EXIT__` is about; null for none.
    Address exitOf;

    /// The durable timer whose row this is; -1 for none.
    long durableTimer = -1;

    /// How often it was forwarded.
    int forwards;

    /// The durable actor that waits for the reply in its inbox; null for none.
    DurableAsks.Asker asker;

    /// The request this is the reply to; null for other messages.
    String replyTo;

    /// What a reply carries instead of a value; null for none.
    PlexException error;

    /// The client's key, when its request has one and the receiver is durable; null otherwise.
    IdempotencyKey idempotency;

    /// The open turn this envelope resumes, when recovered from the log.
    OpenTurn resume;
  }

  Envelope(
      Kind kind,
      String type,
      Object payload,
      Address sender,
      RequestContext context,
      ReplyTo replyTo) {
    this.kind = kind;
    this.type = type;
    this.payload = payload;
    this.sender = sender;
    this.context = context;
    this.replyTo = replyTo;
  }

  Extras extras() {
    if (extras == null) {
      extras = new Extras();
    }
    return extras;
  }

  long inboxSeq() {
    return extras == null ? 0 : extras.inboxSeq;
  }

  @Override
  public String id() {
    return extras == null ? "" : extras.id;
  }

  @Override
  public String type() {
    return type.isEmpty() ? Payload.operation(payload) : type;
  }

  @Override
  public Object payload() {
    return payload;
  }

  @Override
  public Kind kind() {
    return kind;
  }

  @Override
  public Optional<ActorRef> sender() {
    return Optional.ofNullable(sender);
  }

  @Override
  public Map<String, String> headers() {
    return extras == null ? Map.of() : extras.headers;
  }

  @Override
  public String toString() {
    return kind + " " + type();
  }
}
