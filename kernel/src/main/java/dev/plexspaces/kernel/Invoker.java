package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The way in for everything that is not an actor: the gateway, the command line, tests. No method
/// blocks, but for a tell with an idempotency key and [#stored], which may read the store;
/// listeners are called exactly once, on any thread, and must not block.
public interface Invoker {

  /// Whom a call is for, within the scope of the [RequestContext].
  ///
  /// @param key empty for "one live actor of that type"
  record Target(String type, Optional<String> key) {}

  /// What is asked.
  ///
  /// @param operation message type; "" when the payload's `op` or `action` selects the handler
  /// @param payload a tree as made by `Json.parse`; never changed afterwards
  /// @param textual true when the payload came from a query string: numbers and booleans are text
  /// @param headers transport headers the actor may read
  /// @param timeout longest wait for a reply; positive
  /// @param idempotencyKey the client's key, if it sent one
  record Request(
      String operation,
      Object payload,
      boolean textual,
      Map<String, String> headers,
      Duration timeout,
      Optional<String> idempotencyKey) {}

  /// Gets the outcome of an ask.
  interface ReplyListener {
    /// @param by the actor that replied
    /// @param value a JSON-able value
    void replied(ActorId by, Object value);

    /// `UNKNOWN_OPERATION`, `INVALID_MESSAGE`, `ACTOR_NOT_FOUND`, `TIMEOUT`, `RESOURCE_EXHAUSTED`,
    /// `ACTOR_CRASHED`, `QUARANTINED`, `CONFLICT` (idempotency key), or the actor's own declared
    /// error.
    void failed(PlexException error);
  }

  /// Gets the outcome of a tell.
  interface TellListener {
    /// @param durable true when the message is on disk
    void accepted(ActorId target, String messageId, boolean durable);

    void failed(PlexException error);
  }

  /// What is known of one live actor.
  ///
  /// @param state `activating`, `active`, `stopping`, `failed`, …
  /// @param application the application it belongs to
  /// @param supervisor path of supervisor ids from the root, such as `bank/ledger`; "" for
  ///   on-demand actors
  /// @param startedAt of this activation
  /// @param messages processed by this activation
  /// @param mailboxDepth waiting now
  /// @param restarts since its supervisor started it, or since this activation; a supervisor that
  ///   is restarted itself starts its actors anew
  record ActorInfo(
      ActorId id,
      String state,
      String application,
      String supervisor,
      Instant startedAt,
      long messages,
      int mailboxDepth,
      long restarts,
      List<String> facets) {}

  /// What is known of an actor that is on disk and not in memory.
  ///
  /// @param application the application it belongs to; "" when none offers its type now
  /// @param facets those of its type; empty when it is not offered
  record StoredActor(ActorId id, String application, List<String> facets) {}

  void ask(RequestContext context, Target target, Request request, ReplyListener listener);

  void tell(RequestContext context, Target target, Request request, TellListener listener);

  /// Live actors of a scope in id order.
  ///
  /// @param type only this type, when present
  /// @param afterKey resume after this `type/key`; "" for the start
  List<ActorInfo> actors(Scope scope, Optional<String> type, String afterKey, int limit);

  /// A live actor.
  Optional<ActorInfo> actor(ActorId id);

  /// An actor that committed something and was not purged, live or not. Reads the store, so it may
  /// block.
  ///
  /// @throws PlexException `UNAVAILABLE` when the store cannot be read
  Optional<StoredActor> stored(ActorId id);

  /// Stops a live actor in order; a supervised one is then handled by its supervisor, a virtual one
  /// is activated again by its next message.
  ///
  /// @throws PlexException `ACTOR_NOT_FOUND`
  void stop(ActorId id);
}
