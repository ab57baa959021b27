package dev.plexspaces.kernel;

import dev.plexspaces.kernel.supervision.RestartIntensity;
import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ExitReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/// A cell's ties to others: who decides about it, who watches it, what it owns. Touched only by the
/// thread that runs the cell, except where it says so; others send a [SystemMessage].
final class Relations {

  static final String DOWN = "__DOWN__";
  static final String EXIT = "__EXIT__";
  static final String NOPROC = "noproc";

  /// The supervisor and this life's number under it; null for none.
  SupervisorActor supervisor;

  Run run;

  /// Restarts so far, all supervisors and rules together.
  long restarts;

  /// The instance to use instead of one made by the type; only supervisors have one.
  Actor preset;

  /// Who spawned this cell; null for none.
  ActorCell parent;

  /// Crashes of an actor that only its parent restarts.
  RestartIntensity crashes;

  /// The actor asked to stop after its current message.
  boolean stopWanted;

  private Set<ActorCell> children;

  /// What to do once the last child is gone; null while nobody waits for that.
  private Consumer<Turn> whenChildless;

  /// Fires when waiting for the children takes too long.
  private Timers.Timer overdue;

  /// To be told when the cell is gone.
  private List<Runnable> whenStopped;

  /* The maps of monitors and links are guarded by this object: whoever kills a cell whose thread does
  not come back tells its watchers in its place. */

  /// Monitor reference to watcher.
  private Map<Long, Address> monitoredBy;

  /// Monitor reference to target, for monitors this cell holds.
  private Map<Long, Address> monitoring;

  private Set<Address> links;

  /// Timers whose message was not processed yet.
  private Map<Long, Timers.Timer> timers;

  boolean holdsActivation() {
    return supervisor != null
        || parent != null
        || isOwned(children)
        || (timers != null && !timers.isEmpty())
        || isWatched();
  }

  private synchronized boolean isWatched() {
    return isOwned(links)
        || (monitoredBy != null && !monitoredBy.isEmpty())
        || (monitoring != null && !monitoring.isEmpty());
  }

  private static boolean isOwned(Set<?> set) {
    return set != null && !set.isEmpty();
  }

  /// Books what a message from the platform settles.
  ///
  /// @return false when it is stale (a timer cancelled, a monitor or link dropped meanwhile, or one
  ///   of an earlier life) and nobody may see it
  boolean admits(Envelope e) {
    Envelope.Extras extras = e.extras;
    if (extras == null) {
      return true;
    }
    if (extras.timer != 0) {
      return timers != null && timers.remove(extras.timer) != null;
    }
    if (extras.monitor != 0) {
      return forgetMonitor(extras.monitor) != null;
    }
    return extras.exitOf == null || dropLink(extras.exitOf);
  }

  // ---- children

  void addChild(ActorCell child) {
    if (children == null) {
      // In order of birth: the simulator needs the same order each time.
      children = new LinkedHashSet<>();
    }
    children.add(child);
  }

  void forgetChild(ActorCell child) {
    if (children != null) {
      children.remove(child);
    }
  }

  boolean hasChildren() {
    return isOwned(children);
  }

  /// Stops all children and goes on with `then` once the last one is gone; one that takes longer
  /// than its shutdown timeout is killed.
  void stopChildren(ActorCell cell, Consumer<Turn> then) {
    whenChildless = then;
    Duration longest = Duration.ZERO;
    for (ActorCell child : List.copyOf(children)) {
      Duration timeout = child.spec.shutdownTimeout();
      longest = timeout.compareTo(longest) > 0 ? timeout : longest;
      child.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, null));
    }
    longest = longest.compareTo(Timers.DELAY_MAX) > 0 ? Timers.DELAY_MAX : longest;
    if (overdue != null) {
      overdue.cancel();
    }
    overdue = cell.system().timers().after(longest, () -> cell.send(new ChildrenOverdue()));
  }

  /// Waits for the children for another reason than before.
  void whenChildless(Consumer<Turn> then) {
    whenChildless = then;
  }

  private void childless(Turn turn) {
    Consumer<Turn> then = whenChildless;
    if (then != null && !isOwned(children)) {
      whenChildless = null;
      if (overdue != null) {
        overdue.cancel();
        overdue = null;
      }
      then.accept(turn);
    }
  }

  /// Kills all children, whose threads may never come back, and goes on.
  void killChildren(Turn turn) {
    if (children != null) {
      Set<ActorCell> overdue = children;
      children = null;
      overdue.forEach(ActorCell::kill);
    }
    childless(turn);
  }

  static final class ChildGone extends SystemMessage {
    private final ActorCell child;

    ChildGone(ActorCell child) {
      this.child = child;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      Relations r = cell.relations();
      r.forgetChild(child);
      r.childless(turn);
    }
  }

  private static final class ChildrenOverdue extends SystemMessage {
    @Override
    void apply(ActorCell cell, Turn turn) {
      Relations r = cell.relations();
      if (r.whenChildless != null) {
        r.killChildren(turn);
      }
    }
  }

  // ---- the end

  void whenStopped(Runnable told) {
    if (whenStopped == null) {
      whenStopped = new ArrayList<>();
    }
    whenStopped.add(told);
  }

  void tellStopped() {
    List<Runnable> told = whenStopped;
    whenStopped = null;
    if (told != null) {
      told.forEach(Runnable::run);
    }
  }

  // ---- timers

  void addTimer(long id, Timers.Timer timer) {
    if (timers == null) {
      timers = new HashMap<>();
    }
    timers.put(id, timer);
  }

  /// Takes a timer whose message was not processed yet; null when there is none.
  Timers.Timer takeTimer(long id) {
    return timers == null ? null : timers.remove(id);
  }

  void cancelTimers() {
    if (timers != null) {
      timers.values().forEach(Timers.Timer::cancel);
      timers = null;
    }
  }

  // ---- monitors

  synchronized void monitors(long ref, Address target) {
    if (monitoring == null) {
      monitoring = new HashMap<>();
    }
    monitoring.put(ref, target);
  }

  /// The target of a monitor this cell holds, which is then forgotten; null when there is none.
  synchronized Address forgetMonitor(long ref) {
    return monitoring == null ? null : monitoring.remove(ref);
  }

  private synchronized void monitoredBy(long ref, Address watcher) {
    if (monitoredBy == null) {
      monitoredBy = new HashMap<>();
    }
    monitoredBy.put(ref, watcher);
  }

  private synchronized void notMonitoredBy(long ref) {
    if (monitoredBy != null) {
      monitoredBy.remove(ref);
    }
  }

  static final class Monitor extends SystemMessage {
    private final long ref;
    private final Address watcher;

    Monitor(long ref, Address watcher) {
      this.ref = ref;
      this.watcher = watcher;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.relations().monitoredBy(ref, watcher);
    }

    @Override
    void undelivered(ActorCell cell) {
      ActorCell next = cell.successor();
      if (next != null) {
        next.send(new Monitor(ref, watcher));
      } else {
        down(cell.system(), watcher, ref, cell.toString(), NOPROC);
      }
    }
  }

  static final class Demonitor extends SystemMessage {
    private final long ref;

    Demonitor(long ref) {
      this.ref = ref;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.relations().notMonitoredBy(ref);
    }
  }

  static void down(ActorSystem system, Address watcher, long ref, String from, String reason) {
    Envelope e =
        system.platformMessage(
            watcher, DOWN, Map.of("monitor_ref", ref, "down_from", from, "down_reason", reason));
    e.extras().monitor = ref;
    system.deliver(watcher, e, null, true);
  }

  // ---- links

  synchronized boolean addLink(Address peer) {
    if (links == null) {
      links = new LinkedHashSet<>();
    }
    return links.add(peer);
  }

  synchronized boolean dropLink(Address peer) {
    return links != null && links.remove(peer);
  }

  static final class Link extends SystemMessage {
    private final Address peer;

    Link(Address peer) {
      this.peer = peer;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.relations().addLink(peer);
    }

    @Override
    void undelivered(ActorCell cell) {
      ActorCell next = cell.successor();
      if (next != null) {
        next.send(new Link(peer));
      } else {
        exit(cell.system(), peer, cell.context().address(), NOPROC);
      }
    }
  }

  static final class Unlink extends SystemMessage {
    private final Address peer;

    Unlink(Address peer) {
      this.peer = peer;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      cell.relations().dropLink(peer);
    }
  }

  static void exit(ActorSystem system, Address to, Address from, String reason) {
    Envelope e =
        system.platformMessage(
            to, EXIT, Map.of("exit_from", from.toString(), "exit_reason", reason));
    e.extras().exitOf = from;
    system.deliver(to, e, null, true);
  }

  // ---- the end of a life

  /// Tells watchers and links, whose monitors and links are used up by it. Any thread.
  void notifyExit(ActorCell cell, ExitReason reason) {
    Map<Long, Address> watchers;
    Set<Address> peers;
    Map<Long, Address> targets;
    synchronized (this) {
      watchers = monitoredBy == null ? Map.of() : monitoredBy;
      peers = links == null ? Set.of() : links;
      targets = monitoring == null ? Map.of() : monitoring;
      monitoredBy = null;
      links = null;
      monitoring = null;
    }
    ActorSystem system = cell.system();
    String from = cell.toString();
    watchers.forEach((ref, watcher) -> down(system, watcher, ref, from, reason.text()));
    for (Address peer : peers) {
      if (reason.abnormal()) {
        // Taking it up drops the peer's half of the link.
        exit(system, peer, cell.context().address(), reason.text());
      } else {
        ActorCell peerCell = system.live(peer);
        if (peerCell != null) {
          peerCell.send(new Unlink(cell.context().address()));
        }
      }
    }
    targets.forEach(
        (ref, target) -> {
          ActorCell targetCell = system.live(target);
          if (targetCell != null) {
            targetCell.send(new Demonitor(ref));
          }
        });
  }
}
