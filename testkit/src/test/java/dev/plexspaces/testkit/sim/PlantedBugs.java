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
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/// Bugs of each class that the simulator must find, planted between the kernel and the disk.
enum PlantedBugs implements UnaryOperator<Store> {

  /// One in some rows is not deleted by the commit that consumes it.
  CONSUME_TWICE(store -> new Forgetting(store, 20, row -> row instanceof Row.InboxDelete)),

  /// Answers leave before their commit is on disk.
  REPLY_EARLY(
      store ->
          new Meddling(store) {
            @Override
            boolean acknowledgesEarly(Commit commit) {
              return commit.record().isPresent()
                  && commit.rows().stream().allMatch(row -> row instanceof Row.InboxDelete);
            }
          }),

  /// One in some messages is left out of its turn's commit.
  FORGET_EFFECT(
      store ->
          new Forgetting(
              store,
              20,
              row -> row instanceof Row.InboxInsert insert && insert.dueAtMillis() == 0)),

  /// One in some timers is set twice.
  TIMER_TWICE(
      store ->
          new Adding(
              store,
              3,
              row ->
                  row instanceof Row.InboxInsert timer && timer.dueAtMillis() > 0
                      ? new Row.InboxInsert(
                          timer.to(), timer.messageId() + "0", timer.dueAtMillis(), timer.body())
                      : null)),

  /// One in some exits is not told to one of those who monitor the actor.
  FORGET_DOWN(store -> new Forgetting(store, 3, row -> row instanceof Row.MonitorFire)),

  /// One in some exits is told and the monitor stays.
  DOWN_TWICE(
      store ->
          new Adding(
              store,
              3,
              row ->
                  row instanceof Row.MonitorFire fire
                      ? new Row.InboxInsert(fire.watcher(), fire.monitorId() + "0", 0, fire.body())
                      : null)),

  /// Dropping a monitor drops nothing.
  KEEP_MONITOR(store -> new Forgetting(store, 3, row -> row instanceof Row.MonitorDelete)),

  /// An open turn starts from its beginning instead of where it was.
  RESTART_OPEN_TURN(
      store ->
          new Meddling(store) {
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
          }),

  /// One in some changes of state is left out of its turn's commit.
  LOSE_CHANGE(
      store ->
          new Meddling(store) {
            @Override
            List<StateChange> changes(List<StateChange> changes) {
              return changes.isEmpty() || !oneIn(20) ? changes : changes.subList(1, changes.size());
            }
          }),

  /// Two waiting messages are delivered in the wrong order after a start.
  WRONG_ORDER(
      store ->
          new Meddling(store) {
            @Override
            List<InboxRow> rows(List<InboxRow> rows) {
              List<InboxRow> copy = new ArrayList<>(rows);
              for (int i = 0; i + 1 < copy.size(); i++) {
                if (numbered(copy.get(i)) && numbered(copy.get(i + 1))) {
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
          }),

  /// The outcome of a request with an idempotency key is not remembered.
  FORGET_KEY(store -> new Forgetting(store, 1, row -> row instanceof Row.Idempotency)),

  /// The outcome of a request with an idempotency key is known, and given to its duplicates, before
  /// it is on disk.
  ANSWER_DUPLICATE_EARLY(
      store ->
          new Meddling(store) {
            private final Map<String, Row.Idempotency> known = new HashMap<>();

            @Override
            boolean acknowledgesEarly(Commit commit) {
              boolean early = false;
              for (Row row : commit.rows()) {
                if (row instanceof Row.Idempotency key && commit.record().isPresent()) {
                  known.put(name(key.actor(), key.keyHash()), key);
                  early = true;
                }
              }
              return early;
            }

            @Override
            public Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash) {
              Row.Idempotency key = known.get(name(actor, keyHash));
              return key == null
                  ? super.idempotency(actor, keyHash)
                  : Optional.of(
                      new IdempotencyRecord(key.bodyHash(), key.reply(), key.expiresAtMillis()));
            }

            private static String name(ActorId actor, byte[] keyHash) {
              return actor + " " + Arrays.toString(keyHash);
            }
          }),

  /// One in some requests between durable actors is delivered twice.
  REQUEST_TWICE(
      store ->
          new Adding(
              store,
              10,
              row ->
                  row instanceof Row.InboxInsert request && asks(request.body())
                      ? new Row.InboxInsert(
                          request.to(), request.messageId() + "0", 0, request.body())
                      : null)),

  /// One in some replies between durable actors is left out of its turn's commit.
  LOSE_REPLY(
      store ->
          new Forgetting(
              store,
              10,
              row -> row instanceof Row.InboxInsert insert && isReply(insert.messageId()))),

  /// A reply that is read from the disk is the one to an earlier request of the same actor.
  REPLY_TO_ANOTHER_STEP(
      store ->
          new Meddling(store) {
            /// Newest first.
            private final Map<ActorId, List<InboxRow>> read = new HashMap<>();

            @Override
            List<InboxRow> rows(List<InboxRow> rows) {
              List<InboxRow> meddled = new ArrayList<>();
              for (InboxRow row : rows) {
                meddled.add(isReply(row.messageId()) ? another(row) : row);
              }
              return meddled;
            }

            private InboxRow another(InboxRow row) {
              List<InboxRow> known = read.computeIfAbsent(row.to(), to -> new ArrayList<>());
              if (known.stream().noneMatch(k -> k.seq() == row.seq())) {
                known.addFirst(row);
              }
              return known.stream()
                  .filter(k -> k.seq() < row.seq())
                  .findFirst()
                  .map(earlier -> withBody(row, earlier))
                  .orElse(row);
            }

            @Override
            public void submit(Commit commit, Commit.Listener listener) {
              super.submit(
                  commit,
                  new Commit.Listener() {
                    @Override
                    public void durable(long seq, List<RowResult> results) {
                      for (int i = 0; i < results.size(); i++) {
                        if (commit.rows().get(i) instanceof Row.InboxInsert insert
                            && results.get(i) instanceof RowResult.Inserted inserted
                            && isReply(insert.messageId())) {
                          another(
                              new InboxRow(
                                  insert.to(),
                                  inserted.inboxSeq(),
                                  insert.messageId(),
                                  0,
                                  0,
                                  "",
                                  0,
                                  false,
                                  insert.body()));
                        }
                      }
                      listener.durable(seq, results);
                    }

                    @Override
                    public void refused(PlexException why) {
                      listener.refused(why);
                    }
                  });
            }
          }),

  /// A discarded dead letter is re-driven instead.
  DISCARD_REDRIVES(
      store ->
          new Meddling(store) {
            @Override
            boolean forgetsRow(Row row) {
              return row instanceof Row.InboxDiscard;
            }

            @Override
            List<Row> extraRows(Commit commit) {
              List<Row> extra = new ArrayList<>();
              for (Row row : commit.rows()) {
                if (row instanceof Row.InboxDiscard letter) {
                  extra.add(new Row.InboxUpdate(letter.to(), letter.inboxSeq(), 0, 0));
                }
              }
              return extra;
            }
          }),

  /// A re-driven dead letter stays one, and a copy of it is delivered.
  REDRIVE_COPIES(
      store ->
          new Meddling(store) {
            @Override
            List<Row> extraRows(Commit commit) {
              List<Row> extra = new ArrayList<>();
              for (InboxRow letter : redriven(commit)) {
                extra.add(
                    new Row.InboxInsert(letter.to(), letter.messageId() + "0", 0, letter.body()));
              }
              return extra;
            }

            private List<InboxRow> redriven(Commit commit) {
              return commit.rows().stream()
                  .filter(row -> commit.record().isEmpty() && row instanceof Row.InboxUpdate)
                  .map(row -> (Row.InboxUpdate) row)
                  .flatMap(
                      row ->
                          deadLetters(commit.actor().scope(), row.inboxSeq() - 1, 1).stream()
                              .filter(letter -> letter.seq() == row.inboxSeq()))
                  .toList();
            }
          });

  private final UnaryOperator<Store> plant;

  PlantedBugs(UnaryOperator<Store> plant) {
    this.plant = plant;
  }

  @Override
  public Store apply(Store store) {
    return plant.apply(store);
  }

  /// Leaves one in `n` of some rows out of their commits.
  private static final class Forgetting extends Meddling {
    private final int n;
    private final Predicate<Row> some;

    Forgetting(Store store, int n, Predicate<Row> some) {
      super(store);
      this.n = n;
      this.some = some;
    }

    @Override
    boolean forgetsRow(Row row) {
      return some.test(row) && oneIn(n);
    }
  }

  /// Adds a row for one in `n` of some rows of a commit.
  private static final class Adding extends Meddling {
    private final int n;
    private final UnaryOperator<Row> addition;

    /// @param addition null for a row that is left alone
    Adding(Store store, int n, UnaryOperator<Row> addition) {
      super(store);
      this.n = n;
      this.addition = addition;
    }

    @Override
    List<Row> extraRows(Commit commit) {
      return commit.rows().stream().map(addition).filter(row -> row != null && oneIn(n)).toList();
    }
  }

  /// One of the messages that say in which order they were sent.
  private static boolean numbered(InboxRow row) {
    return ((Map<?, ?>) Json.parse(row.body())).get("payload") instanceof Map<?, ?> payload
        && payload.containsKey("n");
  }

  private static boolean asks(byte[] body) {
    return ((Map<?, ?>) Json.parse(body)).containsKey("asker");
  }

  private static boolean isReply(String messageId) {
    return messageId.endsWith("/reply");
  }

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
          r.failure(),
          r.effects());
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
    public List<MonitorRow> monitors(ActorId target, long afterNo, int limit) {
      return store.monitors(target, afterNo, limit);
    }

    @Override
    public List<ActorId> monitored(String type, int limit) {
      return store.monitored(type, limit);
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
    public long idempotencyCount(String tenant) {
      return store.idempotencyCount(tenant);
    }

    @Override
    public List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit) {
      return store.history(actor, beforeSeq, limit);
    }

    @Override
    public List<String> namespaces(String tenant) {
      return store.namespaces(tenant);
    }

    @Override
    public List<String> actorKeys(Scope scope, String type, String afterKey, int limit) {
      return store.actorKeys(scope, type, afterKey, limit);
    }

    @Override
    public List<RowResult> purge(List<ActorId> actors, List<Row> rows) {
      return store.purge(actors, rows);
    }

    @Override
    public void close() {
      store.close();
    }
  }
}
