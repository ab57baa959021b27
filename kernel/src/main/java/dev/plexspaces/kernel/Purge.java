package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Forgets the durable actors of an application that was uninstalled: asks that wait for them fail,
/// tells become dead letters, and what is left of each is a tombstone. Source: spec/turns rules 16,
/// 19 and 27. Thread-safe; the methods block.
public final class Purge {

  /* The last commit of an actor answers or buries what waits in its inbox and forgets the actor, so
  nobody finds half an actor. A long inbox is worked off before, some rows at a time. All of it can
  be done again, from any point at which the process ended: what is answered is gone from the inbox,
  and a tombstone that is purged once more only has a higher incarnation.

  Nobody may run the actors meanwhile; see TypeRegistry.reserve. A message may still come from a turn
  that began before: it refuses the last commit, which is then tried again with it, or, when it comes
  later, waits for the application to be deployed again, like any other.

  Not done: taking back the requests that an open turn has with others. Their replies find nobody and
  are dropped by the next incarnation. */

  /// Rows of one inbox that are worked off at once.
  static final int PORTION = 32;

  /// Attempts at one group of actors while messages still come.
  static final int ATTEMPTS_MAX = 100;

  private static final Logger LOG = LoggerFactory.getLogger(Purge.class);

  private final ActorSystem system;
  private final Store store;
  private volatile boolean stopped;

  /// The actors to purge.
  ///
  /// @param application whose actors they were
  /// @param tenant whose application it was
  /// @param types its actor types
  public record Order(String application, String tenant, List<String> types) {
    public Order {
      types = List.copyOf(types);
    }
  }

  /// What a purge did.
  ///
  /// @param actors tombstones made
  /// @param deadLetters messages that became dead letters
  /// @param failedAsks asks that were answered with an error
  public record Summary(long actors, long deadLetters, long failedAsks) {}

  public Purge(ActorSystem system) {
    this.system = system;
    this.store = system.store();
  }

  /// Keeps others from offering these types until [#run] has succeeded, or [#free]. To be called
  /// before the application is uninstalled, or it may be too late.
  ///
  /// @throws PlexException `CONFLICT` naming a type that is another application's
  public void reserve(Order order) {
    system.types.reserve(order.tenant, order.application, order.types);
  }

  /// Gives up what [#reserve] began.
  public void free(Order order) {
    system.types.free(order.tenant, order.application);
  }

  /// Ends what runs of [#run], soon.
  public void stop() {
    stopped = true;
  }

  /// Purges the actors of the tenant that are of these types, and of which no installed application
  /// offers the type.
  ///
  /// @throws PlexException `UNAVAILABLE` when the store cannot be read or written, or after
  ///   [#stop]; `CONFLICT` when messages keep coming. Some actors are purged then; try again
  public Summary run(Order order) {
    Run run = new Run(order);
    for (String namespace : store.namespaces(order.tenant)) {
      Scope scope = new Scope(order.tenant, namespace);
      for (String type : order.types) {
        if (system.types.find(scope, type) == null) {
          run.purge(scope, type);
        } else {
          LOG.info("actors {}/{} stay: another application offers the type", scope, type);
        }
      }
    }
    free(order);
    Summary done = new Summary(run.actors, run.deadLetters, run.failedAsks);
    LOG.info("purged application {}: {}", order.application, done);
    return done;
  }

  private void requireGoingOn() {
    if (stopped) {
      throw new PlexException(
          ErrorCode.UNAVAILABLE, "the node is stopping; the purge goes on at its next start");
    }
  }

  private final class Run {
    private final Order order;
    private final Set<String> types;
    private final String reason;
    private long actors;
    private long deadLetters;
    private long failedAsks;

    Run(Order order) {
      this.order = order;
      this.types = Set.copyOf(order.types);
      this.reason = "application \"" + order.application + "\" was purged";
    }

    void purge(Scope scope, String type) {
      String after = "";
      while (true) {
        List<String> keys = store.actorKeys(scope, type, after, Store.PURGED_MAX);
        if (!keys.isEmpty()) {
          purge(keys.stream().map(key -> new ActorId(scope, type, key)).toList());
          after = keys.getLast();
        }
        if (keys.size() < Store.PURGED_MAX) {
          return;
        }
      }
    }

    private void purge(List<ActorId> ids) {
      for (int attempt = 1; true; attempt++) {
        requireGoingOn();
        try {
          Outcomes last = new Outcomes();
          for (ActorId id : ids) {
            workOff(id, last);
          }
          last.release(store.purge(ids, last.rows));
          ids.forEach(system.quarantine()::release);
          // When the process ends here, the purge is done again and tells then.
          ids.forEach(system.durableDowns()::purged);
          actors += ids.size();
          return;
        } catch (PlexException e) {
          if (e.code() != ErrorCode.CONFLICT || attempt == ATTEMPTS_MAX) {
            throw e;
          }
          // A row came or went since it was read.
        }
      }
    }

    /// @param last gets what becomes of the rows that are left for the last commit
    private void workOff(ActorId id, Outcomes last) {
      List<InboxRow> rows = store.inbox(id, 0, PORTION);
      if (rows.isEmpty()) {
        return;
      }
      OpenTurn open = new OpenTurn(id, store.load(id));
      while (rows.size() == PORTION) {
        requireGoingOn();
        Outcomes some = new Outcomes();
        rows.forEach(row -> some.add(row, open));
        some.release(commit(id, some.rows));
        rows = store.inbox(id, 0, PORTION);
      }
      rows.forEach(row -> last.add(row, open));
    }

    /// What becomes of some rows, in one commit.
    private final class Outcomes {
      private final List<Row> rows = new ArrayList<>();

      /// Replies by position of their row; null elsewhere.
      private final List<Envelope> replies = new ArrayList<>();

      /// Types of the buried.
      private final List<String> buried = new ArrayList<>();

      void add(InboxRow row, OpenTurn open) {
        Envelope e;
        try {
          e = MessageCodec.decode(row.body(), system.scope(row.to().scope()), null);
        } catch (RuntimeException unreadable) {
          bury(row, reason + "; the message cannot be read: " + unreadable.getMessage(), false);
          return;
        }
        if (e.extras != null && e.extras.replyTo != null) {
          delete(row);
        } else if (e.extras != null && e.extras.asker != null) {
          delete(row);
          fail(row.to(), e.extras.asker);
        } else if (open.is(row)) {
          bury(row, reason + " while a turn of the message was open", true);
        } else if (DurableTimers.isTimer(row) || DurableMonitors.isDown(row)) {
          delete(row);
        } else {
          bury(row, reason, false);
        }
      }

      private void put(Row row, Envelope reply) {
        rows.add(row);
        replies.add(reply);
      }

      private void delete(InboxRow row) {
        put(new Row.InboxDelete(row.to(), row.seq()), null);
      }

      private void bury(InboxRow row, String why, boolean partlyDone) {
        put(new Row.InboxBury(row.to(), row.seq(), why, partlyDone), null);
        buried.add(row.to().type());
      }

      private void fail(ActorId callee, DurableAsks.Asker asker) {
        if (isPurged(asker.address())) {
          return;
        }
        PlexException error =
            new PlexException(
                ErrorCode.ACTOR_NOT_FOUND, callee.type() + "/" + callee.key() + ": " + reason);
        Envelope reply = DurableAsks.reply(asker, null, error);
        put(DurableAsks.row(reply), reply);
      }

      /// It needs no answer: it is forgotten as well.
      private boolean isPurged(Address asker) {
        Scope scope = asker.scope.scope;
        return scope.tenant().equals(order.tenant)
            && types.contains(asker.type)
            && system.types.find(scope, asker.type) == null;
      }

      /// Lets the askers know, now that it is on disk.
      void release(List<RowResult> results) {
        deadLetters += buried.size();
        buried.forEach(type -> system.deadLetters().buried(type, DeadLetters.Reason.PURGED));
        for (int i = 0; i < results.size(); i++) {
          Envelope reply = replies.get(i);
          if (reply != null && results.get(i) instanceof RowResult.Inserted inserted) {
            failedAsks++;
            system.committed(reply, inserted.inboxSeq());
          }
        }
      }
    }
  }

  /// Which row belongs to the open turn of an actor, if it has one.
  private final class OpenTurn {
    private final String messageId;
    private final String rowOfTurn;

    OpenTurn(ActorId id, LoadedActor loaded) {
      String found = "";
      String row = "";
      if (loaded.open().isPresent()) {
        LoadedActor.OpenTurn turn = loaded.open().get();
        row = DurableTurns.rowOfTurn(loaded.incarnation(), turn.turn());
        Optional<byte[]> input = turn.records().getFirst().input();
        if (input.isPresent()) {
          try {
            found = MessageCodec.decode(input.get(), system.scope(id.scope()), null).id();
          } catch (RuntimeException unreadable) {
            LOG.warn("{}: the message of its open turn cannot be read", id, unreadable);
          }
        }
      }
      this.messageId = found;
      this.rowOfTurn = row;
    }

    boolean is(InboxRow row) {
      String id = row.messageId();
      return !id.isEmpty() && (id.equals(messageId) || id.equals(rowOfTurn));
    }
  }

  private List<RowResult> commit(ActorId actor, List<Row> rows) {
    try {
      return store.submit(new Commit(actor, Optional.empty(), rows)).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PlexException(ErrorCode.UNAVAILABLE, "the purge was interrupted; try again");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PlexException why) {
        throw why;
      }
      throw new IllegalStateException(e.getCause());
    }
  }
}
