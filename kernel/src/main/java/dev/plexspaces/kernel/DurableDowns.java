package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.PlexException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells durable actors that an actor they monitor has exited, each monitor once. Source:
/// spec/turns rule 26, ADR 10.
final class DurableDowns {

  /* The commit that writes the message removes the monitor, and writes nothing when the monitor is
  gone. So an exit may be told from several sides, and told again, and nobody needs to agree who does
  it: the end of a life reads who monitors it, and whoever sets a monitor looks, once that is on disk,
  whether there is anything to monitor. A life that ends is marked as ended before it reads, so one of
  the two sees the other. */

  /// The exit of what ended with the node, and did not come back with it. Source: OTP `monitor/2`.
  static final String NOCONNECTION = "noconnection";

  /// Monitors that one commit ends.
  static final int PAGE = 256;

  /// Longest reason told, characters; it is written once for each watcher.
  static final int REASON_MAX = 1_000;

  /// Pause before an exit that could not be read or written is told again.
  static final Duration AGAIN_AFTER = Duration.ofSeconds(5);

  private static final Logger LOG = LoggerFactory.getLogger(DurableDowns.class);

  private final ActorSystem system;
  private final Store store;

  /// Whatever stops now stops with its node.
  private volatile boolean closing;

  DurableDowns(ActorSystem system, Store store) {
    this.system = system;
    this.store = store;
  }

  void close() {
    closing = true;
  }

  // ---- who watches

  /// A type is about to be used.
  void installed(TypeEntry entry) {
    boolean monitored;
    try {
      monitored = !store.monitored(entry.type.name(), 1).isEmpty();
    } catch (PlexException unreadable) {
      monitored = true;
    }
    if (monitored) {
      entry.monitored = true;
    }
  }

  /// From now on the exits of this type are told.
  void watches(Address target) {
    Instances home = target.home();
    if (home != null) {
      home.entry.monitored = true;
    }
  }

  /// A monitor is on disk. Its target may be gone, or was never there.
  void established(Address watcher, String monitorId, Address target) {
    watches(target);
    if (!exists(target)) {
      Downs downs = new Downs(target.id(), target.toString(), Relations.NOPROC);
      downs.add(watcher, monitorId);
      write(downs);
    }
  }

  private boolean exists(Address target) {
    ActorCell cell = system.live(target);
    if (cell != null && cell.state() != ActorCell.State.STOPPED) {
      return true;
    }
    Instances home = target.home();
    if (home == null || home.retired() || !home.entry.virtual) {
      return false;
    }
    try {
      home.entry.quarantine.check(target.scope.scope, target.type, target.key);
      return true;
    } catch (PlexException quarantined) {
      return false;
    }
  }

  // ---- who is gone

  /// Tells of actors of a type that did not come back with their application: they were volatile,
  /// and nobody starts them again.
  void started(TypeEntry entry) {
    if (entry.virtual || !entry.monitored) {
      return;
    }
    for (ActorId id : store.monitored(entry.type.name(), Integer.MAX_VALUE)) {
      Address target = new Address(system.scope(id.scope()), id.type(), id.key());
      Instances home = target.home();
      if (home != null && home.entry == entry && system.live(target) == null && !isDurable(id)) {
        tell(new Exit(id, target.toString(), NOCONNECTION, null));
      }
    }
  }

  private boolean isDurable(ActorId id) {
    LoadedActor loaded = store.load(id);
    return loaded.nextTurn() > 0 || loaded.open().isPresent();
  }

  /// An actor has crashed or stopped. Any thread.
  ///
  /// @param ahead what the actor releases from now on waits until it is told; null for nothing
  void exited(ActorCell cell, ExitReason reason, CommitPipeline ahead) {
    tell(new Exit(cell.id(), cell.toString(), reason.text(), ahead));
  }

  /// An actor was forgotten, and is not there for those who monitor it.
  void purged(ActorId id) {
    tell(new Exit(id, id.type() + "/" + id.key(), Relations.NOPROC, null));
  }

  private record Exit(ActorId id, String name, String reason, CommitPipeline ahead) {}

  private void tell(Exit exit) {
    if (closing) {
      return;
    }
    long after = 0;
    int found;
    do {
      List<MonitorRow> monitors;
      try {
        monitors = store.monitors(exit.id, after, PAGE);
      } catch (PlexException unreadable) {
        LOG.warn("the exit of {} is told later: {}", exit.name, unreadable.getMessage());
        again(() -> tell(new Exit(exit.id, exit.name, exit.reason, null)));
        return;
      }
      found = monitors.size();
      if (found > 0) {
        after = monitors.getLast().no();
        Downs downs = downs(exit, monitors);
        if (exit.ahead == null) {
          write(downs);
        } else {
          writeAhead(exit.ahead, downs);
        }
      }
    } while (found == PAGE);
  }

  /// Lets the commit that ends an actor's last turn tell of its end.
  ///
  /// @param sink gets the rows and the messages they become
  void stops(ActorCell cell, BiConsumer<Row, Envelope> sink) {
    Exit exit = new Exit(cell.id(), cell.toString(), ExitReason.NORMAL.text(), null);
    try {
      Downs downs = downs(exit, store.monitors(exit.id, 0, PAGE));
      for (int i = 0; i < downs.rows.size(); i++) {
        sink.accept(downs.rows.get(i), downs.messages.get(i));
      }
    } catch (PlexException unreadable) {
      LOG.warn("the exit of {} is told later: {}", cell, unreadable.getMessage());
    }
  }

  private Downs downs(Exit exit, List<MonitorRow> monitors) {
    Downs downs = new Downs(exit.id, exit.name, text(exit.reason));
    ScopeTypes scope = system.scope(exit.id.scope());
    for (MonitorRow monitor : monitors) {
      ActorId watcher = monitor.watcher();
      downs.add(new Address(scope, watcher.type(), watcher.key()), monitor.monitorId());
    }
    return downs;
  }

  /// What can be written: an exception may say anything.
  private static String text(String reason) {
    String bounded = reason.length() > REASON_MAX ? reason.substring(0, REASON_MAX) : reason;
    // Half a surrogate pair becomes a question mark.
    return new String(bounded.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
  }

  /// What one commit tells of an exit.
  private final class Downs {
    final ActorId exited;
    final String from;
    final String reason;
    final List<Row> rows = new ArrayList<>();
    final List<Envelope> messages = new ArrayList<>();

    Downs(ActorId exited, String from, String reason) {
      this.exited = exited;
      this.from = from;
      this.reason = reason;
    }

    void add(Address watcher, String monitorId) {
      Map<String, Object> payload =
          Map.of(
              "monitor_ref", DurableMonitors.number(monitorId),
              "down_from", from,
              "down_reason", reason);
      Envelope message = system.platformMessage(watcher, Relations.DOWN, payload);
      message.extras().id = monitorId;
      message.target = watcher;
      rows.add(new Row.MonitorFire(watcher.id(), monitorId, MessageCodec.encode(message)));
      messages.add(message);
    }

    Commit commit() {
      return new Commit(exited, Optional.empty(), rows);
    }
  }

  private void writeAhead(CommitPipeline pipeline, Downs downs) {
    Envelope[] messages = downs.messages.toArray(Envelope[]::new);
    pipeline.submit(
        downs.commit(),
        pipeline.new Pending(Turn.NONE, messages, downs.rows, null, null) {
          @Override
          void refuse(PlexException why) {
            super.refuse(why);
            writeLater(downs, why);
          }
        });
  }

  private void write(Downs downs) {
    store.submit(
        downs.commit(),
        new Commit.Listener() {
          @Override
          public void durable(long seq, List<RowResult> results) {
            for (int i = 0; i < results.size(); i++) {
              if (results.get(i) instanceof RowResult.Inserted inserted) {
                system.committed(downs.messages.get(i), inserted.inboxSeq());
              }
            }
          }

          @Override
          public void refused(PlexException why) {
            writeLater(downs, why);
          }
        });
  }

  private void writeLater(Downs downs, PlexException why) {
    if (why.code() != ErrorCode.INVALID_MESSAGE) {
      again(() -> write(downs));
    }
    LOG.warn("the exit of {} could not be told: {}", downs.from, why.getMessage());
  }

  /// As long as it takes: the store may be out of order for hours. Each exit of a monitored actor
  /// while it is waits here.
  private void again(Runnable action) {
    system
        .timers()
        .after(
            AGAIN_AFTER,
            () -> {
              if (!closing) {
                action.run();
              }
            });
  }
}
