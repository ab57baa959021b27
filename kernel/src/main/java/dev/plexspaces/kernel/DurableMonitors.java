package dev.plexspaces.kernel;

import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.LinkedHashSet;

/// The monitors that one durable activation sets and drops: rows of its turns' commits. Source:
/// spec/turns rule 26.
final class DurableMonitors {

  /* Nothing of a monitor needs to be in memory: the row is found by whoever exits ([DurableDowns]),
  and becomes the message. So watcher and watched may be passivated. Row and message have one id, made
  of what a replay has as well, so a dropped monitor is found in either form. */

  /// Monitors one turn may set.
  static final int MONITORS_MAX = 1 << 20;

  /// Dropped monitors remembered, oldest forgotten first. The message of a forgotten one is handled
  /// in vain: the row it would consume is gone, so the store refuses its turn.
  static final int DROPPED_MAX = 1_024;

  private static final String ID_PREFIX = "down-";

  private final ActorCell cell;

  /// By the running turn.
  private int set;

  /// Ids whose message may be in memory already, and is not to be seen.
  private final LinkedHashSet<String> dropped = new LinkedHashSet<>();

  DurableMonitors(ActorCell cell) {
    this.cell = cell;
  }

  private static String id(int incarnation, long number) {
    return ID_PREFIX + incarnation + "." + number;
  }

  /// The number of a monitor, which its holder knows it by.
  static long number(String monitorId) {
    return Long.parseLong(monitorId.substring(monitorId.lastIndexOf('.') + 1));
  }

  /// True for what a monitor became.
  static boolean isDown(InboxRow row) {
    return row.messageId().startsWith(ID_PREFIX);
  }

  /// Begins a turn.
  void begin() {
    set = 0;
  }

  /// Sets a monitor with the commit of the running segment.
  ///
  /// @param incarnation of the actor
  /// @param turn the running one
  /// @return its number
  long set(Turn t, int incarnation, long turn, Address target) {
    if (set == MONITORS_MAX - 1) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED, "a turn may set at most " + set + " monitors");
    }
    long number = turn * MONITORS_MAX + ++set;
    Address self = cell.context().address();
    // An actor never hears of its own end. Source: OTP `monitor/2`.
    if (!target.equals(self)) {
      String id = id(incarnation, number);
      DurableDowns downs = cell.system().durableDowns();
      downs.watches(target);
      t.row(new Row.MonitorInsert(cell.id(), id, target.id()), null);
      t.buffer((Turn.Effect) worker -> downs.established(self, id, target));
    }
    return number;
  }

  /// Drops a monitor, or the message it became, with the commit of the running segment.
  void drop(Turn t, int incarnation, long number) {
    String id = id(incarnation, number);
    if (id.equals(t.envelope.id())) {
      // It is being handled.
      return;
    }
    t.row(new Row.MonitorDelete(cell.id(), id), null);
    if (dropped.add(id)) {
      t.onDiscard(() -> dropped.remove(id));
      if (dropped.size() > DROPPED_MAX) {
        dropped.removeFirst();
      }
    }
  }

  /// True for the message of a monitor that was dropped before it was handled.
  boolean isDropped(Envelope e) {
    return !dropped.isEmpty() && dropped.contains(e.id());
  }
}
