package dev.plexspaces.sdk;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.random.RandomGenerator;

/// The host API of an actor: everything it may do besides computing. Valid only on the thread and
/// during the call it was passed to.
///
/// Effects ([#tell], [#sendAfter], [#spawn], state changes) are buffered and released when the turn
/// commits: if the handler throws they never happened. [#ask] and [#fetch] are commit points: what
/// was buffered before one is released first. Source: WIT interface `messaging`.
public interface ActorContext {

  /// The longest a call may wait, and the default bound where none is given: 5 seconds.
  Duration ASK_TIMEOUT = Duration.ofSeconds(5);

  /// This actor.
  ActorRef self();

  /// The actor that spawned this one; empty under a supervisor or when activated on demand.
  Optional<ActorRef> parent();

  /// The sender of the current message.
  Optional<ActorRef> sender();

  /// The context of the request being processed (tenant, user, request id, deadline).
  RequestContext request();

  /// The address of an actor of this tenant and namespace; does not check that it exists.
  ActorRef actor(String type, String key);

  /// Sends `operation` to `to` and waits for the reply; blocks only this actor. A commit point.
  ///
  /// @param timeout longest wait; positive; also cut to the deadline of the current request
  /// @throws PlexException `TIMEOUT` when no reply came in time; `ACTOR_NOT_FOUND`; `DEADLOCK` when
  ///   the wait would close a cycle of actors waiting for each other; `RESOURCE_EXHAUSTED` when the
  ///   mailbox is full; the callee's own code for a declared error; `ACTOR_CRASHED` when it crashed
  Object ask(ActorRef to, String operation, Object payload, Duration timeout);

  /// Like [#ask(ActorRef, String, Object, Duration)], converting the reply to a record or simple
  /// type.
  ///
  /// @throws PlexException additionally `INVALID_MESSAGE` when the reply does not fit `replyType`
  <T> T ask(ActorRef to, String operation, Object payload, Duration timeout, Class<T> replyType);

  /// Calls an outside HTTP service over a service link of this application and waits for the
  /// answer; blocks only this actor. A commit point.
  ///
  /// The call carries the header `Idempotency-Key`. For a durable actor it is
  /// `tenant/namespace/type/key/incarnation/turn/step`, the same each time this very call is made
  /// again: by the link's own attempts, or because the node crashed before the answer was on disk.
  /// So a service that honours it acts once. For other actors the key is one of this call only.
  /// Once the answer is on disk the call is never made again; a replay gets the recorded one. An
  /// error that leaves the handler is not recorded, so the next delivery of the message calls
  /// again; one that the handler catches is.
  ///
  /// Attempts, waits between them, time limits and the circuit breaker are the link's
  /// configuration.
  ///
  /// @return any answer with a status below 500 other than 408 and 429; also 404, which the handler
  ///   must look at
  /// @throws PlexException `UNAVAILABLE` when the service cannot be reached, answers 5xx or its
  ///   circuit breaker is open; `TIMEOUT` when it does not answer in time or answers 408;
  ///   `RESOURCE_EXHAUSTED` when it answers 429 or too many calls are on their way;
  ///   `DELIVERY_FAILED` when its answer is too large or no HTTP; `NOT_FOUND` when the application
  ///   has no such link; `INVALID_MESSAGE` when the body is too large or cannot be JSON, or a
  ///   header is one the link sets
  LinkResponse fetch(LinkRequest request);

  /// Sends `operation` to `to` without waiting. Leaves when the turn commits.
  ///
  /// From one durable actor to another the message is on disk then and takes effect exactly once,
  /// and a full mailbox is refused here. Between others it leaves after the turn and nobody is told
  /// what becomes of it: where the receiver does not exist or its mailbox is full, it is a dead
  /// letter, except that the overflow policy `block` lets the sender wait for room first.
  ///
  /// @throws PlexException `ACTOR_NOT_FOUND` for an unknown type; `RESOURCE_EXHAUSTED` when both
  ///   actors are durable and the mailbox is full, or this turn has buffered too many effects
  void tell(ActorRef to, String operation, Object payload);

  /// Does something whose result is not the same each time, such as I/O of the actor's own: a
  /// commit point. A durable actor whose turn is resumed after a crash gets the recorded result and
  /// does not do it again, unless it crashed before the result was committed: at least once.
  ///
  /// @param name 1 to 256 characters; a resumed turn must reach the same names in the same order
  /// @param work its result must be JSON-able; a [PlexException] it throws is recorded like a
  ///   result, anything else crashes the actor
  /// @return the result as JSON gives it back
  /// @throws PlexException what `work` threw; `INVALID_MESSAGE` for a bad name or a result that is
  ///   not JSON-able; `JOURNAL_MISMATCH` stops the actor. Source: spec/turns rule 12
  Object step(String name, Callable<?> work) throws Exception;

  /// Hands the current message to `to`, which replies in this actor's place; return [Reply#LATER].
  /// A call whose caller has given up is not passed on.
  ///
  /// @throws ActorException `DEADLOCK` when `to` is this actor or the message was forwarded 32
  ///   times already, which is taken for a loop; `ACTOR_NOT_FOUND`
  void forward(ActorRef to);

  /// Starts a child of this actor; it stops when this actor stops. Starts when the turn commits.
  ///
  /// That it is a child is known in memory only: what was spawned, durable or not, does not come
  /// back by itself after a restart of the node. A child whose start fails is gone, whatever its
  /// [RestartType], and this actor is not told; [#monitor] or [#link] the child to hear of it.
  ///
  /// @return the child's address
  /// @throws PlexException `CONFLICT` when an actor with that type and key is alive,
  ///   `ACTOR_NOT_FOUND` for an unknown type, `INVALID_MESSAGE` naming the args that its `@OnInit`
  ///   does not know or cannot take
  ActorRef spawn(ChildSpec child);

  /// Stops an actor of this tenant and namespace with reason `shutdown` after its current message.
  void stop(ActorRef actor);

  /// Stops this actor with reason `normal` after the current message.
  void stop();

  /// Sends `operation` to this actor after `delay`.
  ///
  /// @return the timer's id for [#cancelTimer]
  long sendAfter(Duration delay, String operation, Object payload);

  /// Cancels a timer of this actor.
  ///
  /// @return true when it had not fired
  boolean cancelTimer(long timer);

  /// Asks for a `__DOWN__` message `{monitor_ref, down_from, down_reason}` when `target` exits for
  /// any reason; sent at once with reason `noproc` when it is not alive. Source: OTP `monitor/2`.
  ///
  /// A durable actor sets it with the commit of its turn, and keeps it until it has fired or was
  /// dropped; passivation and restarts of the node fire none, unless `target` is volatile and does
  /// not come back with the node (`noconnection`). A volatile one has it in memory, for as long as
  /// itself and the node live.
  ///
  /// A virtual `target` that is idle or was never activated counts as alive, unless it is in
  /// quarantine. A durable watcher leaves it where it is, and is told when a later life of it ends.
  /// A volatile watcher activates it, and neither of the two is passivated while the monitor
  /// stands.
  ///
  /// @return the monitor reference
  long monitor(ActorRef target);

  /// Drops a monitor; no effect when it is unknown or has fired.
  void demonitor(long monitor);

  /// Links this actor and `target`: when either exits abnormally the other gets `__EXIT__`
  /// `{exit_from, exit_reason}`. Source: OTP `link/1` with `trap_exit`.
  void link(ActorRef target);

  /// Drops the link in both directions; no effect when there is none.
  void unlink(ActorRef target);

  /// The key-value store of this tenant and namespace.
  KeyValue kv();

  /// The time, fixed within a segment of a turn and never going backwards for one actor.
  Instant now();

  /// Randomness of this turn; for a durable actor the same when the turn is replayed.
  RandomGenerator random();

  /// Writes a line to the node's log, with the fields `actor` (type and key), `tenant`, `namespace`
  /// and, of the request this turn works for, `request_id` and `trace_id`. What an actor logs with
  /// `System.Logger` or `java.util.logging` gets to the same log without them.
  void log(System.Logger.Level level, String message);
}
