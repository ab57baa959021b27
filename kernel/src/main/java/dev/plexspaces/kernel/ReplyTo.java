package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.time.Deadline;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The obligation to answer one call: settled once, by the reply, an error or the timeout,
/// whichever comes first.
abstract class ReplyTo extends Deadline {

  private static final Logger LOG = LoggerFactory.getLogger(ReplyTo.class);
  private static final VarHandle OUTCOME;

  static {
    try {
      OUTCOME = MethodHandles.lookup().findVarHandle(ReplyTo.class, "outcome", Object.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final Object NULL = new Object();

  private volatile Object outcome;

  private boolean fetched;

  ReplyTo(long dueNanos) {
    super(dueNanos);
  }

  ReplyTo(long nanos, boolean relative) {
    super(nanos, relative);
  }

  /// Has the processor fetch this object for writing while it goes on with something else: another
  /// core has just written it, and whoever calls this settles it soon.
  final void fetch() {
    fetched = true;
  }

  /// Settles with a value; false when it was settled before.
  final boolean complete(ActorCell by, Object value) {
    if (outcome == null && OUTCOME.compareAndSet(this, null, value == null ? NULL : value)) {
      countDone();
      settled(by);
      return true;
    }
    return false;
  }

  /// Settles with an error; false when it was settled before.
  final boolean fail(PlexException error) {
    if (outcome == null && OUTCOME.compareAndSet(this, null, error)) {
      countDone();
      settled(null);
      return true;
    }
    return false;
  }

  @Override
  protected final boolean done() {
    return outcome != null;
  }

  @Override
  protected final void expired() {
    fail(new PlexException(ErrorCode.TIMEOUT, timeoutText()));
  }

  /// True when it was settled before its answer came, or nobody waits for that any more.
  boolean isGivenUp() {
    return done();
  }

  /// The reply.
  ///
  /// @throws PlexException the error it was settled with
  final Object value() {
    Object o = outcome;
    if (o instanceof PlexException e) {
      throw e;
    }
    return o == NULL ? null : o;
  }

  final Object outcome() {
    Object o = outcome;
    return o == NULL ? null : o;
  }

  /// Called once, by whoever settled it.
  abstract void settled(ActorCell by);

  abstract String timeoutText();

  /// A turn that blocks until the reply is there.
  static class Blocking extends ReplyTo implements Dispatcher.Waiter {
    private final Dispatcher dispatcher;
    final Address callee;
    private final String operation;

    /// Who waits.
    final ActorCell caller;

    /// Who has to answer; another one after the call was forwarded; null for nobody in here.
    volatile ActorCell holder;

    private volatile Thread thread;

    Blocking(long dueNanos, ActorCell caller, ActorCell holder, Address callee, String operation) {
      super(dueNanos);
      this.dispatcher = caller.system().dispatcher();
      this.caller = caller;
      this.holder = holder;
      this.callee = callee;
      this.operation = operation;
    }

    @Override
    void settled(ActorCell by) {
      dispatcher.resume(this);
    }

    @Override
    String timeoutText() {
      return "no reply from " + callee + " to '" + operation + "' in time";
    }

    @Override
    public boolean ready() {
      return done();
    }

    @Override
    public Thread waitingThread() {
      return thread;
    }

    @Override
    public void waitingThread(Thread thread) {
      this.thread = thread;
    }
  }

  /// A durable turn that asked a durable actor; its value is the [Envelope] of the reply's row.
  static final class Durable extends Blocking {
    final String requestId;

    /// Given up to break a cycle of waits: the request, which its callee has not begun, goes with
    /// it.
    volatile boolean withdrawn;

    Durable(
        long dueNanos,
        ActorCell caller,
        ActorCell holder,
        Address callee,
        String operation,
        String requestId) {
      super(dueNanos, caller, holder, callee, operation);
      this.requestId = requestId;
    }
  }

  /// The obligation to a durable actor when its request was forwarded to one that is not: kept in
  /// memory, settled by a commit of its own.
  static final class Forwarded extends ReplyTo {
    private final ActorSystem system;
    private final DurableAsks.Asker asker;

    Forwarded(ActorSystem system, DurableAsks.Asker asker) {
      super(Long.MAX_VALUE);
      this.system = system;
      this.asker = asker;
    }

    @Override
    boolean isGivenUp() {
      return super.isGivenUp() || asker.deadlineMillis() < system.clock().millis();
    }

    @Override
    void settled(ActorCell by) {
      Object o = outcome();
      Envelope reply =
          o instanceof PlexException error
              ? DurableAsks.reply(asker, null, error)
              : DurableAsks.reply(asker, o, null);
      system.durableAsks().commit(reply);
    }

    @Override
    String timeoutText() {
      throw new IllegalStateException("it has no deadline of its own");
    }
  }

  /// A turn that blocks until somebody outside has answered.
  static final class FromLink extends Blocking {
    private final String link;

    FromLink(long dueNanos, ActorCell caller, String link) {
      super(dueNanos, caller, null, null, null);
      this.link = link;
    }

    @Override
    String timeoutText() {
      return "service link '" + link + "': no answer in time";
    }
  }

  /// A caller outside of the actors.
  static final class Outside extends ReplyTo {
    private final Invoker.ReplyListener listener;
    private final Object callee;
    private final String operation;

    /// @param timeoutNanos from when it is watched
    /// @param callee for texts
    Outside(long timeoutNanos, Invoker.ReplyListener listener, Object callee, String operation) {
      super(timeoutNanos, true);
      this.listener = listener;
      this.callee = callee;
      this.operation = operation;
    }

    @Override
    void settled(ActorCell by) {
      Object o = outcome();
      try {
        if (o instanceof PlexException e) {
          listener.failed(e);
        } else {
          ActorId id = by == null ? null : by.id();
          listener.replied(id, o);
        }
      } catch (Throwable thrown) {
        // It runs on the actor's thread and must not look like the actor's crash.
        LOG.error(
            "the listener of a call to {} failed; this is a bug of its owner", callee, thrown);
      }
    }

    @Override
    String timeoutText() {
      return "no reply from " + callee + " to '" + operation + "' in time";
    }
  }
}
