package dev.plexspaces.testkit.sim;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.IdempotencyRecord;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.LoadedActor.OpenTurn;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Bugs of each class that the simulator must find, planted between the kernel and the disk.
enum PlantedBugs implements UnaryOperator<Store> {

  /// One in some rows is not deleted by the commit that consumes it.
  CONSUME_TWICE {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        boolean forgetsRow(Row row) {
          return row instanceof Row.InboxDelete && oneIn(20);
        }
      };
    }
  },

  /// Answers leave before their commit is on disk.
  REPLY_EARLY {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        boolean acknowledgesEarly(Commit commit) {
          return commit.record().isPresent()
              && commit.rows().stream().allMatch(row -> row instanceof Row.InboxDelete);
        }
      };
    }
  },

  /// One in some messages is left out of its turn's commit.
  FORGET_EFFECT {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        boolean forgetsRow(Row row) {
          return row instanceof Row.InboxInsert insert && insert.dueAtMillis() == 0 && oneIn(20);
        }
      };
    }
  },

  /// One in some timers is set twice.
  TIMER_TWICE {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        List<Row> extraRows(Commit commit) {
          List<Row> extra = new ArrayList<>();
          for (Row row : commit.rows()) {
            if (row instanceof Row.InboxInsert timer && timer.dueAtMillis() > 0 && oneIn(3)) {
              extra.add(
                  new Row.InboxInsert(
                      timer.to(), timer.messageId() + "0", timer.dueAtMillis(), timer.body()));
            }
          }
          return extra;
        }
      };
    }
  },

  /// An open turn starts from its beginning instead of where it was.
  RESTART_OPEN_TURN {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        Optional<OpenTurn> open(OpenTurn open) {
          TurnRecord first = open.records().getFirst();
          TurnRecord bare =
              new TurnRecord(
                  first.kind(),
                  first.turn(),
                  first.step(),
                  first.atMillis(),
                  first.appVersion(),
                  first.input(),
                  List.of(),
                  first.changes(),
                  first.reply(),
                  first.failure());
          return Optional.of(
              new OpenTurn(open.turn(), List.of(bare), List.of(open.rowResults().getFirst())));
        }
      };
    }
  },

  /// One in some changes of state is left out of its turn's commit.
  LOSE_CHANGE {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        List<StateChange> changes(List<StateChange> changes) {
          return changes.isEmpty() || !oneIn(20) ? changes : changes.subList(1, changes.size());
        }
      };
    }
  },

  /// Two waiting messages are delivered in the wrong order after a start.
  WRONG_ORDER {
    @Override
    public Store apply(Store store) {
      return new Meddling(store) {
        @Override
        List<InboxRow> rows(List<InboxRow> rows) {
          List<InboxRow> copy = new ArrayList<>(rows);
          for (int i = 0; i + 1 < copy.size(); i++) {
            if (copy.get(i).dueAtMillis() == 0 && copy.get(i + 1).dueAtMillis() == 0) {
              // The numbers stay where they are, so that the kernel notices nothing.
              InboxRow a = copy.get(i);
              InboxRow b = copy.get(i + 1);
              copy.set(i, withBody(a, b));
              copy.set(i + 1, withBody(b, a));
              i++;
            }
          }
          return copy;
        }
      };
    }
  };

  private static InboxRow withBody(InboxRow place, InboxRow content) {
    return new InboxRow(
        place.to(),
        place.seq(),
        place.messageId(),
        place.dueAtMillis(),
        place.attempts(),
        place.reason(),
        place.buriedAtMillis(),
        place.partlyDone(),
        content.body());
  }

  /// A store that can do something wrong at each place.
  abstract static class Meddling implements Store {
    private final Store store;
    private int chances;

    Meddling(Store store) {
      this.store = store;
    }

    boolean oneIn(int n) {
      return ++chances % n == 0;
    }

    boolean forgetsRow(Row row) {
      return false;
    }

    boolean acknowledgesEarly(Commit commit) {
      return false;
    }

    List<Row> extraRows(Commit commit) {
      return List.of();
    }

    List<StateChange> changes(List<StateChange> changes) {
      return changes;
    }

    Optional<OpenTurn> open(OpenTurn open) {
      return Optional.of(open);
    }

    List<InboxRow> rows(List<InboxRow> rows) {
      return rows;
    }

    @Override
    public void submit(Commit commit, Commit.Listener listener) {
      List<Row> kept = new ArrayList<>();
      boolean[] forgotten = new boolean[commit.rows().size()];
      for (int i = 0; i < forgotten.length; i++) {
        Row row = commit.rows().get(i);
        forgotten[i] = forgetsRow(row);
        if (!forgotten[i]) {
          kept.add(row);
        }
      }
      kept.addAll(extraRows(commit));
      boolean early = acknowledgesEarly(commit);
      if (early) {
        listener.durable(0, commit.rows().stream().map(row -> lie(row)).toList());
      }
      store.submit(
          new Commit(commit.actor(), commit.record().map(this::meddle), kept),
          new Commit.Listener() {
            @Override
            public void durable(long seq, List<RowResult> results) {
              if (!early) {
                listener.durable(seq, spread(commit.rows(), forgotten, results));
              }
            }

            @Override
            public void refused(PlexException why) {
              if (!early) {
                listener.refused(why);
              }
            }
          });
    }

    private TurnRecord meddle(TurnRecord r) {
      return new TurnRecord(
          r.kind(),
          r.turn(),
          r.step(),
          r.atMillis(),
          r.appVersion(),
          r.input(),
          r.results(),
          changes(r.changes()),
          r.reply(),
          r.failure());
    }

    private static RowResult lie(Row row) {
      return row instanceof Row.InboxInsert
          ? new RowResult.Inserted(Long.MAX_VALUE / 2)
          : new RowResult.Done();
    }

    /// The answers of the rows that were kept, and lies about the others.
    private static List<RowResult> spread(
        List<Row> rows, boolean[] forgotten, List<RowResult> results) {
      List<RowResult> spread = new ArrayList<>();
      int next = 0;
      for (int i = 0; i < forgotten.length; i++) {
        spread.add(forgotten[i] ? lie(rows.get(i)) : results.get(next++));
      }
      return spread;
    }

    @Override
    public LoadedActor load(ActorId actor) {
      LoadedActor loaded = store.load(actor);
      return new LoadedActor(
          loaded.incarnation(),
          loaded.nextTurn(),
          loaded.changes(),
          loaded.open().flatMap(this::open),
          loaded.lastAtMillis());
    }

    @Override
    public List<InboxRow> inbox(ActorId actor, long afterSeq, int limit) {
      return rows(store.inbox(actor, afterSeq, limit));
    }

    @Override
    public int incarnation() {
      return store.incarnation();
    }

    @Override
    public List<ActorId> actorsWithWork() {
      return store.actorsWithWork();
    }

    @Override
    public List<InboxRow> deadLetters(Scope scope, long afterSeq, int limit) {
      return store.deadLetters(scope, afterSeq, limit);
    }

    @Override
    public Optional<KvEntry> kvGet(Scope scope, String key) {
      return store.kvGet(scope, key);
    }

    @Override
    public List<KvEntry> kvList(Scope scope, String prefix, String afterKey, int limit) {
      return store.kvList(scope, prefix, afterKey, limit);
    }

    @Override
    public Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash) {
      return store.idempotency(actor, keyHash);
    }

    @Override
    public List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit) {
      return store.history(actor, beforeSeq, limit);
    }

    @Override
    public void purge(ActorId actor) {
      store.purge(actor);
    }

    @Override
    public void close() {
      store.close();
    }
  }
}
