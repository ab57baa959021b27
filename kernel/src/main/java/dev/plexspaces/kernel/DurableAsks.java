package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Asks between durable actors, exactly once: a request is a row of the callee's inbox, written by
/// the commit that opens the wait; the reply is a row of the caller's inbox, written by the commit
/// that ends the callee's turn. Source: spec/turns rule 20.
final class DurableAsks {

  /* So exactly one of request row, open turn of the callee and reply row exists until the caller's
  next commit records the outcome and deletes the reply row. A timeout resolves the step as well; the
  reply that comes later finds nobody, is deleted and counted.

  A wait is entered here before its request is committed, or, when the caller's open turn is replayed,
  before its inbox is searched for the reply. So a reply that finds no wait is on disk for whoever
  begins to wait later. */

  /// Type of the message that carries a reply.
  static final String REPLY = "__REPLY__";

  private static final Logger LOG = LoggerFactory.getLogger(DurableAsks.class);

  private final ActorSystem system;
  private final ConcurrentHashMap<String, ReplyTo.Durable> waits = new ConcurrentHashMap<>();
  private final LongAdder late = new LongAdder();

  /// Who gets the reply of a request.
  ///
  /// @param requestId of the request's row
  /// @param deadlineMillis when the asker gives up, milliseconds since 1970
  record Asker(Address address, String requestId, long deadlineMillis) {}

  DurableAsks(ActorSystem system) {
    this.system = system;
  }

  /// The message id of the row that answers a request.
  static String replyId(String requestId) {
    return requestId + "/reply";
  }

  /// The answer to a request.
  ///
  /// @param error null for a value
  static Envelope reply(Asker asker, Object value, PlexException error) {
    Envelope e =
        new Envelope(
            Message.Kind.INFO, REPLY, value, null, asker.address.scope.systemContext, null);
    e.extras().id = replyId(asker.requestId);
    e.extras.replyTo = asker.requestId;
    e.extras.error = error;
    e.target = asker.address;
    return e;
  }

  static Row.InboxInsert row(Envelope message) {
    Address to = message.target;
    return new Row.InboxInsert(
        new ActorId(to.scope.scope, to.type, to.key),
        message.id(),
        0,
        MessageCodec.encode(message));
  }

  /// Writes a reply that no turn's commit carries into its asker's inbox.
  void commit(Envelope reply) {
    Address asker = reply.target;
    Row.InboxInsert row = row(reply);
    system
        .store()
        .submit(
            new Commit(row.to(), Optional.empty(), List.of(row)),
            new Commit.Listener() {
              @Override
              public void durable(long seq, List<RowResult> results) {
                if (results.getFirst() instanceof RowResult.Inserted inserted) {
                  system.committed(reply, inserted.inboxSeq());
                }
              }

              @Override
              public void refused(PlexException why) {
                LOG.warn("a reply to {} could not be kept: {}", asker, why.getMessage());
              }
            });
  }

  void enter(ReplyTo.Durable wait) {
    waits.put(wait.requestId, wait);
  }

  void leave(ReplyTo.Durable wait) {
    waits.remove(wait.requestId, wait);
  }

  /// A reply's row is on disk.
  void replied(Address asker, Envelope reply) {
    ReplyTo.Durable wait = waits.get(reply.extras.replyTo);
    if (wait == null || !wait.complete(null, reply)) {
      // Nobody waits: too late, or not yet. The owner of the inbox knows.
      system.hint(asker, reply);
    }
  }

  void countLate() {
    late.increment();
  }

  /// Replies that came after their request was given up.
  long late() {
    return late.sum();
  }

  static PlexException expired(ActorCell callee, String operation) {
    return new PlexException(
        ErrorCode.TIMEOUT,
        "the deadline of '" + operation + "' passed before " + callee + " came to it");
  }
}
