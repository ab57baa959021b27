package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.json.Conversion;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.KeyValue;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.LinkResponse;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// The host API of one cell: checks its arguments and buffers effects in the running turn.
final class CellContext implements ActorContext {

  private static final Logger LOG = LoggerFactory.getLogger("actor");

  /// Longest wait an ask may ask for.
  static final Duration ASK_MAX = Duration.ofHours(24);

  /// Longest name of a step, characters.
  static final int STEP_NAME_MAX = 256;

  /// How often one message may be forwarded: more is taken for a loop, which nobody would end.
  static final int FORWARDS_MAX = 32;

  private final ActorCell cell;
  private Address address;
  private ActorKeys keys;

  CellContext(ActorCell cell) {
    this.cell = cell;
  }

  Address address() {
    Address a = address;
    if (a == null) {
      a = new Address(cell.home.scope, cell.home.entry.type.name(), cell.key);
      a.cell = cell;
      address = a;
    }
    return a;
  }

  /// The running turn; refuses callers that kept the context beyond their call.
  Turn turn() {
    Dispatcher.Worker worker = cell.worker();
    Turn t = worker == null || worker.thread != Thread.currentThread() ? null : worker.turn;
    if (t == null || t.cell != cell) {
      throw new IllegalStateException(
          "the context of "
              + cell
              + " was used outside of its turn; use it only during the call it"
              + " was passed to");
    }
    return t;
  }

  private Address address(ActorRef ref) {
    if (ref instanceof Address a && a.scope == cell.home.scope) {
      return a;
    }
    if (ref == null) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, "actor reference: must not be null");
    }
    return (Address) actor(ref.type(), ref.key());
  }

  private static Instances known(Address a) {
    Instances home = a.home();
    if (home == null) {
      throw new PlexException(ErrorCode.ACTOR_NOT_FOUND, "unknown actor type '" + a.type + "'");
    }
    return home;
  }

  @Override
  public ActorRef self() {
    return address();
  }

  @Override
  public Optional<ActorRef> parent() {
    Relations r = cell.relationsOrNull();
    return r == null || r.parent == null
        ? Optional.empty()
        : Optional.of(r.parent.context().address());
  }

  @Override
  public Optional<ActorRef> sender() {
    return turn().envelope.sender();
  }

  @Override
  public RequestContext request() {
    return turn().envelope.context;
  }

  @Override
  public ActorRef actor(String type, String key) {
    // Checked here, so that a wrong name fails where it was written.
    new ActorId(cell.home.scope.scope, type, key);
    return new Address(cell.home.scope, type, key);
  }

  @Override
  public void tell(ActorRef to, String operation, Object payload) {
    Turn t = turn();
    Address a = address(to);
    DurableTurns durable = cell.durable;
    Instances home = toTalkTo(a);
    Address me = address();
    RequestContext context = background(t);
    Envelope e = new Envelope(Message.Kind.CAST, named(operation), payload, me, context, null);
    e.target = a;
    if (durable != null && (home == null || home.entry.durable)) {
      durable.tell(t, a, e);
    } else {
      t.buffer(e);
    }
  }

  /// The actors of an address's type; null when nobody offers it any more, or not yet, and what is
  /// said to them is on disk already: it is replayed all the same.
  private Instances toTalkTo(Address a) {
    return isReplayed() ? a.home() : known(a);
  }

  private boolean isReplayed() {
    DurableTurns durable = cell.durable;
    return durable != null && durable.points().isRecorded();
  }

  private static String named(String operation) {
    return operation == null ? "" : operation;
  }

  /// The context of what goes on after the present request was answered: nobody waits for that, so
  /// there is no deadline.
  private static RequestContext background(Turn t) {
    Envelope current = t.envelope;
    return current.kind == Message.Kind.CAST ? current.context : background(current.context);
  }

  static RequestContext background(RequestContext c) {
    if (c.deadline().isEmpty()) {
      return c;
    }
    return new RequestContext(
        c.tenant(),
        c.namespace(),
        c.user(),
        c.roles(),
        c.requestId(),
        c.traceParent(),
        Optional.empty());
  }

  @Override
  public Object ask(ActorRef to, String operation, Object payload, Duration timeout) {
    Turn t = turn();
    Address a = address(to);
    DurableTurns durable = cell.durable;
    Instances home = toTalkTo(a);
    if (timeout == null || !timeout.isPositive() || timeout.compareTo(ASK_MAX) > 0) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "timeout: must be positive and at most " + ASK_MAX);
    }
    if (durable != null) {
      boolean durableCallee = home != null && home.entry.durable;
      return durable.points().ask(t, a, durableCallee, named(operation), payload, timeout);
    }
    cell.commitSegment(t);
    try {
      return cell.system().asks().ask(cell, t, a, named(operation), payload, timeout);
    } finally {
      t.now = null;
    }
  }

  @Override
  public <T> T ask(
      ActorRef to, String operation, Object payload, Duration timeout, Class<T> replyType) {
    return Conversion.to(replyType, ask(to, operation, payload, timeout));
  }

  @Override
  public LinkResponse fetch(LinkRequest request) {
    Turn t = turn();
    LinkCall call = new LinkCall(request);
    DurableTurns durable = cell.durable();
    if (durable != null) {
      return LinkCall.response(durable.points().fetch(t, call));
    }
    cell.commitSegment(t);
    try {
      String key = LinkCall.key(cell.id(), cell.system().newMessageId());
      return LinkCall.response(call.make(cell, t, key));
    } finally {
      t.now = null;
    }
  }

  @Override
  public Object step(String name, Callable<?> work) throws Exception {
    Turn t = turn();
    if (name == null || name.isEmpty() || name.length() > STEP_NAME_MAX) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE, "name: must be 1 to " + STEP_NAME_MAX + " characters");
    }
    DurableTurns durable = cell.durable();
    if (durable != null) {
      return durable.points().step(t, name, work);
    }
    cell.commitSegment(t);
    try {
      return work.call();
    } finally {
      t.now = null;
    }
  }

  @Override
  public void forward(ActorRef to) {
    Turn t = turn();
    Envelope current = t.envelope;
    Address a = address(to);
    DurableTurns durable = cell.durable;
    Instances home = a.home();
    if (home == null && !isReplayed()) {
      throw refused(
          ErrorCode.ACTOR_NOT_FOUND,
          current,
          "forwards '" + current.type() + "' to the unknown actor type '" + a.type + "'");
    }
    int forwards = forwards(current, a);
    if (isGivenUp(current)) {
      return;
    }
    DurableAsks.Asker asker = current.extras == null ? null : current.extras.asker;
    boolean byRow = durable != null && (home == null || home.entry.durable);
    Envelope e =
        new Envelope(
            current.kind,
            current.type,
            current.payload,
            current.sender,
            current.context,
            asker == null || byRow ? current.replyTo : new ReplyTo.Forwarded(cell.system(), asker));
    if (current.extras != null) {
      e.extras().headers = current.extras.headers;
      e.extras().id = current.extras.id;
      e.extras().asker = byRow ? asker : null;
    }
    e.extras().forwards = forwards;
    e.target = a;
    if (byRow && (asker != null || e.kind != Message.Kind.CALL)) {
      durable.tell(t, a, e);
    } else if (e.replyTo instanceof ReplyTo.Blocking waiting) {
      t.buffer((Turn.Effect) worker -> cell.system().asks().forward(a, e, waiting, worker));
    } else {
      t.buffer(e);
    }
  }

  /// How often the message will have been forwarded.
  ///
  /// @throws ActorException `DEADLOCK` when that would never end
  private int forwards(Envelope message, Address to) {
    int forwards = message.extras == null ? 1 : message.extras.forwards + 1;
    if (to.equals(address())) {
      throw endless(message, "forwards '" + message.type() + "' to itself");
    }
    if (forwards > FORWARDS_MAX) {
      throw endless(
          message, "'" + message.type() + "' was forwarded " + FORWARDS_MAX + " times already");
    }
    return forwards;
  }

  private ActorException endless(Envelope message, String what) {
    return refused(ErrorCode.DEADLOCK, message, what + "; this would never end");
  }

  /// A forward that is the fault of no single actor, and of none that may crash for it: a declared
  /// error.
  private ActorException refused(ErrorCode code, Envelope message, String what) {
    if (message.kind != Message.Kind.CALL && cell.durable() == null) {
      // Nobody else hears of it.
      TurnLog.at(LOG, Level.WARN, cell, message.context).log("{}: {}; it is dropped", cell, what);
    }
    return new ActorException(code, cell + ": " + what);
  }

  /// True when nobody waits for the answer to a call any more.
  private boolean isGivenUp(Envelope call) {
    if (call.replyTo != null) {
      return call.replyTo.isGivenUp();
    }
    DurableAsks.Asker asker = call.extras == null ? null : call.extras.asker;
    // By the time of the turn, which is the same when it is replayed.
    return asker != null
        && cell.durable() != null
        && asker.deadlineMillis() < cell.durable().nowMillis();
  }

  @Override
  public ActorRef spawn(ChildSpec child) {
    Turn t = turn();
    Address a = (Address) actor(child.type(), child.key());
    Instances home = known(a);
    home.entry.requireRunning();
    home.entry.facetCatalog.check("child " + child.id(), child.facets());
    if (FacetCatalog.named(child.facets(), FacetCatalog.DURABILITY) != null) {
      home.entry.type.requireDurable();
    }
    home.entry.type.checkArgs(child.args());
    Relations relations = new Relations();
    relations.parent = cell;
    ActorCell fresh = new ActorCell(home, child.key(), child, relations);
    if (home.cells.putIfAbsent(child.key(), fresh) != null) {
      throw new PlexException(ErrorCode.CONFLICT, "an actor " + a + " is alive already");
    }
    if (!home.runs()) {
      home.cells.remove(child.key(), fresh);
      home.entry.requireRunning();
      throw new PlexException(ErrorCode.ACTOR_NOT_FOUND, "unknown actor type '" + a.type + "'");
    }
    a.cell = fresh;
    cell.relations().addChild(fresh);
    t.onDiscard(
        () -> {
          cell.relations().forgetChild(fresh);
          // Ends it properly: somebody may have sent it a message already.
          fresh.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, null));
        });
    t.buffer((Turn.Effect) worker -> fresh.start(worker));
    return a;
  }

  @Override
  public void stop(ActorRef actor) {
    Turn t = turn();
    Address a = address(actor);
    t.buffer(
        (Turn.Effect)
            worker -> {
              ActorCell target = cell.system().live(a);
              if (target != null) {
                target.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, null));
              }
            });
  }

  @Override
  public void stop() {
    Turn t = turn();
    Relations relations = cell.relations();
    if (!relations.stopWanted) {
      relations.stopWanted = true;
      t.onDiscard(() -> relations.stopWanted = false);
    }
  }

  @Override
  public long sendAfter(Duration delay, String operation, Object payload) {
    Turn t = turn();
    if (delay == null || delay.isNegative() || delay.compareTo(Timers.DELAY_MAX) > 0) {
      throw new PlexException(
          ErrorCode.INVALID_MESSAGE,
          "delay: must be 0 to " + Timers.DELAY_MAX.toDays() + " days, not " + delay);
    }
    Envelope e =
        new Envelope(Message.Kind.INFO, named(operation), payload, address(), background(t), null);
    if (cell.durable() != null) {
      e.target = address();
      return cell.durable().sendAfter(t, delay, e);
    }
    ActorSystem system = cell.system();
    long id = system.nextId();
    e.extras().id = "timer-" + id;
    e.extras().timer = id;
    Relations relations = cell.relations();
    Timers.Timer timer =
        system.timers().prepare(delay, () -> system.deliver(address(), e, null, true));
    relations.addTimer(id, timer);
    t.onDiscard(() -> relations.takeTimer(id));
    t.buffer((Turn.Effect) worker -> timer.start());
    return id;
  }

  @Override
  public boolean cancelTimer(long id) {
    Turn t = turn();
    if (cell.durable() != null) {
      return cell.durable().cancelTimer(t, id);
    }
    Relations relations = cell.relations();
    Timers.Timer timer = relations.takeTimer(id);
    if (timer == null) {
      return false;
    }
    // Until then it may still fire; its message finds the timer gone, or back again.
    t.onDiscard(() -> relations.addTimer(id, timer));
    t.buffer((Turn.Effect) worker -> timer.cancel());
    return true;
  }

  @Override
  public long monitor(ActorRef target) {
    Turn t = turn();
    Address a = address(target);
    if (cell.durable() != null) {
      return cell.durable().monitor(t, a);
    }
    long ref = cell.system().nextId();
    Relations relations = cell.relations();
    relations.monitors(ref, a);
    t.onDiscard(() -> relations.forgetMonitor(ref));
    t.buffer(
        (Turn.Effect)
            worker -> {
              ActorCell targetCell = cell.system().resolveQuietly(a);
              if (targetCell == null) {
                Relations.down(cell.system(), address(), ref, a.toString(), Relations.NOPROC);
              } else {
                targetCell.send(new Relations.Monitor(ref, address()));
              }
            });
    return ref;
  }

  @Override
  public void demonitor(long monitor) {
    Turn t = turn();
    if (cell.durable() != null) {
      cell.durable().demonitor(t, monitor);
      return;
    }
    Relations r = cell.relations();
    Address target = r.forgetMonitor(monitor);
    if (target != null) {
      t.onDiscard(() -> r.monitors(monitor, target));
      t.buffer(
          (Turn.Effect)
              worker -> {
                ActorCell targetCell = cell.system().live(target);
                if (targetCell != null) {
                  targetCell.send(new Relations.Demonitor(monitor));
                }
              });
    }
  }

  @Override
  public void link(ActorRef target) {
    Turn t = turn();
    Address a = address(target);
    Relations relations = cell.relations();
    if (!relations.addLink(a)) {
      return;
    }
    t.onDiscard(() -> relations.dropLink(a));
    t.buffer(
        (Turn.Effect)
            worker -> {
              ActorCell targetCell = cell.system().resolveQuietly(a);
              if (targetCell == null) {
                Relations.exit(cell.system(), address(), a, Relations.NOPROC);
              } else {
                targetCell.send(new Relations.Link(address()));
              }
            });
  }

  @Override
  public void unlink(ActorRef target) {
    Turn t = turn();
    Address a = address(target);
    Relations relations = cell.relations();
    if (relations.dropLink(a)) {
      t.onDiscard(() -> relations.addLink(a));
      t.buffer(
          (Turn.Effect)
              worker -> {
                ActorCell targetCell = cell.system().live(a);
                if (targetCell != null) {
                  targetCell.send(new Relations.Unlink(address()));
                }
              });
    }
  }

  @Override
  public KeyValue kv() {
    if (keys == null) {
      keys = new ActorKeys(cell, this);
    }
    return keys;
  }

  @Override
  public Instant now() {
    Turn t = turn();
    if (t.now == null) {
      t.now =
          cell.durable() == null
              ? cell.system().clock().instant()
              : Instant.ofEpochMilli(cell.durable().nowMillis());
    }
    return t.now;
  }

  @Override
  public RandomGenerator random() {
    Turn t = turn();
    return cell.durable() == null ? cell.system().entropy() : cell.durable().random();
  }

  @Override
  public void log(System.Logger.Level level, String message) {
    Turn t = turn();
    Level slf4j =
        switch (level) {
          case ALL, TRACE -> Level.TRACE;
          case DEBUG -> Level.DEBUG;
          case INFO, OFF -> Level.INFO;
          case WARNING -> Level.WARN;
          case ERROR -> Level.ERROR;
        };
    TurnLog.at(LOG, slf4j, cell, t.envelope.context).log(message);
  }
}
