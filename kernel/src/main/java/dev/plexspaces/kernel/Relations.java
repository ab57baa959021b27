package dev.plexspaces.kernel;

import dev.plexspaces.kernel.supervision.RestartIntensity;
import dev.plexspaces.kernel.supervision.Run;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.Message;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A cell's ties to others: who decides about it, who watches it, what it owns. Touched only by the
/// thread that runs the cell; others send a [SystemMessage].
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

  /// Crashes of an actor that no supervisor restarts.
  RestartIntensity crashes;

  /// The actor asked to stop after its current message.
  boolean stopWanted;

  private Set<ActorCell> children;

  /// Monitor reference to watcher.
  private Map<Long, Address> monitoredBy;

  /// Monitor reference to target, for monitors this cell holds.
  private Map<Long, Address> monitoring;

  private Set<Address> links;
  private Map<Long, Timers.Timer> timers;

  boolean holdsActivation() {
    return !isEmpty(children)
        || !(monitoredBy == null || monitoredBy.isEmpty())
        || !(monitoring == null || monitoring.isEmpty())
        || !isEmpty(links)
        || !(timers == null || timers.isEmpty())
        || supervisor != null
        || parent != null;
  }

  private static boolean isEmpty(Set<?> set) {
    return set == null || set.isEmpty();
  }

  // ---- children

  void addChild(ActorCell child) {
    if (children == null) {
      // In order of birth: cells hash by identity, and the simulator needs the same order each time.
      children = new LinkedHashSet<>();
    }
    children.add(child);
  }

  void stopChildren() {
    if (children != null) {
      for (ActorCell child : children) {
        child.send(new ActorCell.Stop(ExitReason.SHUTDOWN, null));
      }
      children = null;
    }
  }

  static final class ChildGone extends SystemMessage {
    private final ActorCell child;

    ChildGone(ActorCell child) {
      this.child = child;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      Relations r = cell.relations();
      if (r.children != null) {
        r.children.remove(child);
      }
    }
  }

  // ---- timers

  void addTimer(long id, Timers.Timer timer) {
    if (timers == null) {
      timers = new HashMap<>();
    }
    timers.put(id, timer);
  }

  /// True when the timer had not fired.
  boolean cancelTimer(long id) {
    Timers.Timer timer = timers == null ? null : timers.remove(id);
    return timer != null && timer.cancel();
  }

  void timerFired(long id) {
    if (timers != null) {
      timers.remove(id);
    }
  }

  void cancelTimers() {
    if (timers != null) {
      timers.values().forEach(Timers.Timer::cancel);
      timers = null;
    }
  }

  // ---- monitors

  void monitors(long ref, Address target) {
    if (monitoring == null) {
      monitoring = new HashMap<>();
    }
    monitoring.put(ref, target);
  }

  /// The target of a monitor this cell holds, which is then forgotten; null when there is none.
  Address forgetMonitor(long ref) {
    return monitoring == null ? null : monitoring.remove(ref);
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
      Relations r = cell.relations();
      if (r.monitoredBy == null) {
        r.monitoredBy = new HashMap<>();
      }
      r.monitoredBy.put(ref, watcher);
    }

    @Override
    void undelivered(ActorCell cell) {
      down(cell.system(), watcher, ref, cell.toString(), NOPROC);
    }
  }

  static final class Demonitor extends SystemMessage {
    private final long ref;

    Demonitor(long ref) {
      this.ref = ref;
    }

    @Override
    void apply(ActorCell cell, Turn turn) {
      Relations r = cell.relations();
      if (r.monitoredBy != null) {
        r.monitoredBy.remove(ref);
      }
    }
  }

  static void down(ActorSystem system, Address watcher, long ref, String from, String reason) {
    system.info(
        watcher, DOWN, Map.of("monitor_ref", ref, "down_from", from, "down_reason", reason));
  }

  // ---- links

  void addLink(Address peer) {
    if (links == null) {
      links = new LinkedHashSet<>();
    }
    links.add(peer);
  }

  void dropLink(Address peer) {
    if (links != null) {
      links.remove(peer);
    }
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
      exit(cell.system(), peer, cell.toString(), NOPROC);
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

  static void exit(ActorSystem system, Address to, String from, String reason) {
    system.info(to, EXIT, Map.of("exit_from", from, "exit_reason", reason));
  }

  // ---- the end of a life

  /// Tells watchers and links; monitors of this life are used up.
  void notifyExit(ActorCell cell, ExitReason reason) {
    ActorSystem system = cell.system();
    String from = cell.toString();
    if (monitoredBy != null) {
      Map<Long, Address> watchers = monitoredBy;
      monitoredBy = null;
      watchers.forEach((ref, watcher) -> down(system, watcher, ref, from, reason.text()));
    }
    if (links != null) {
      List<Address> peers = new ArrayList<>(links);
      links = null;
      Address self = cell.context().address();
      for (Address peer : peers) {
        if (reason.abnormal()) {
          exit(system, peer, from, reason.text());
        }
        ActorCell peerCell = system.live(peer);
        if (peerCell != null) {
          peerCell.send(new Unlink(self));
        }
      }
    }
    if (monitoring != null) {
      monitoring.forEach(
          (ref, target) -> {
            ActorCell targetCell = system.live(target);
            if (targetCell != null) {
              targetCell.send(new Demonitor(ref));
            }
          });
      monitoring = null;
    }
  }

  static boolean isDown(Message message) {
    return message.kind() == Message.Kind.INFO && DOWN.equals(message.type());
  }
}
