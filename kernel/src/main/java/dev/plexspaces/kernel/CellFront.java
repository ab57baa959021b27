package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ChildSpec.Overflow;
import dev.plexspaces.sdk.FacetSpec;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/// The front of a cell: who it is, what it is made of, and the system messages that any thread
/// sends it. Behind it [CellLife] begins and ends its lives, and [ActorCell] runs its messages.
abstract sealed class CellFront permits CellLife {

  /* Who may touch what, here and in the two classes below: the thread that runs the cell (it was
  claimed through the mailbox) owns every field without a comment. Others push system messages and
  envelopes, and read what is volatile.

  It is one object written down in three files, not three objects: a million cells lie idle, and a
  message finds all it needs one load away. State that is not private is for the three of them;
  everybody else calls methods. */

  /// One for the three of them.
  private static final Logger LOG = LoggerFactory.getLogger(ActorCell.class);

  private static final VarHandle SYSTEM;
  private static final VarHandle PARKED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      SYSTEM = lookup.findVarHandle(CellFront.class, "systemMessages", SystemMessage.class);
      PARKED = lookup.findVarHandle(CellFront.class, "parked", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  final Instances home;
  final String key;
  final ChildSpec spec;
  final Mailbox mailbox;

  /// Newest first; pushed by any thread, taken by the one that runs the cell.
  volatile SystemMessage systemMessages;

  /// The cell is claimed and no thread runs it; whoever clears this must schedule it.
  volatile boolean parked;

  /// Made when it is asked for; racy on purpose.
  private ActorId id;

  /// Made when it is asked for.
  CellContext context;

  /// What most cells never need; null until then.
  Relations relations;

  CellFront(Instances home, String key, ChildSpec spec, Relations relations) {
    this.home = home;
    this.key = key;
    this.spec = spec;
    this.relations = relations;
    this.mailbox =
        spec.overflow() == Overflow.DROP_OLDEST
            ? new LockedMailbox(spec.mailboxCapacity(), self())
            : new LinkedMailbox(spec.mailboxCapacity(), spec.overflow());
  }

  /// This cell as everybody else knows it; the only cast.
  final ActorCell self() {
    return (ActorCell) this;
  }

  abstract CellLife.State state();

  ActorSystem system() {
    return home.scope.system;
  }

  ActorId id() {
    ActorId known = id;
    if (known == null) {
      known = new ActorId(home.scope.scope, home.entry.type.name(), key);
      id = known;
    }
    return known;
  }

  CellContext context() {
    if (context == null) {
      context = new CellContext(self());
    }
    return context;
  }

  Relations relations() {
    if (relations == null) {
      relations = new Relations();
    }
    return relations;
  }

  Relations relationsOrNull() {
    return relations;
  }

  List<FacetSpec> facets() {
    if (spec.facets().isEmpty()) {
      return home.entry.facets;
    }
    return FacetCatalog.merge(home.entry.facets, spec.facets());
  }

  List<String> facetNames() {
    return facets().stream().map(FacetSpec::name).toList();
  }

  boolean hasFacet(String name) {
    return FacetCatalog.named(facets(), name) != null;
  }

  /// True when neither a supervisor nor a parent decides about it.
  boolean ownerless() {
    return relations == null || (relations.supervisor == null && relations.parent == null);
  }

  /* Equal to itself only. The hash of the key is known already and so is dearer neither in time nor in
  memory; that of identity is a call into the virtual machine for each actor. */
  @Override
  public int hashCode() {
    return key.hashCode();
  }

  @Override
  public String toString() {
    return home.entry.type.name() + "/" + key;
  }

  /// @param e what it works on; null for nothing
  LoggingEventBuilder log(Level level, Envelope e) {
    return TurnLog.at(LOG, level, self(), e == null ? null : e.context);
  }

  // ---- system messages

  /// Runs a dormant cell.
  void wake() {
    if (state() == CellLife.State.NEW && mailbox.claim()) {
      system().dispatcher().schedule(self(), null);
    }
  }

  /// Starts a cell that was just entered into the directory.
  ///
  /// @param from the worker whose turn made it; null when made from outside
  void start(Dispatcher.Worker from) {
    send(new SystemMessage.Start(), from);
  }

  void send(SystemMessage message) {
    send(message, null);
  }

  /// Queues a system message; runs it here if the cell exited.
  private void send(SystemMessage message, Dispatcher.Worker from) {
    SystemMessage top;
    do {
      top = systemMessages;
      message.next = top;
    } while (!SYSTEM.compareAndSet(this, top, message));
    if (mailbox.claim() || (parked && unpark())) {
      system().dispatcher().schedule(self(), from);
    } else if (state() == CellLife.State.STOPPED && mailbox.closed()) {
      for (SystemMessage m = takeSystemMessages(); m != null; m = m.next) {
        m.undelivered(self());
      }
    }
  }

  /// Takes the cell out of its park, where the runner put it by setting `parked`.
  ///
  /// @return true when the caller must run or schedule it
  final boolean unpark() {
    return PARKED.compareAndSet(this, true, false);
  }

  SystemMessage takeSystemMessages() {
    return (SystemMessage) SYSTEM.getAndSet(this, null);
  }
}
