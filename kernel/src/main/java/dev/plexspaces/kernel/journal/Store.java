package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.sdk.PlexException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// The transactional store behind turns. Every adapter passes `StoreContract` in `testkit`. Source:
/// DESIGN section 6, spec/turns section 9.
///
/// All reads see every commit whose listener was told `durable`, and no other. All methods may be
/// called by any thread; reads may block.
public interface Store extends AutoCloseable {

  /// Raised when a backup is restored, so that message ids never repeat.
  int incarnation();

  /// Queues a commit and returns at once. Commits are applied in the order they were submitted (for
  /// one actor always). The writer takes what queued while the previous fsync ran and never waits
  /// for company. Submitting `record.turn` other than the actor's next turn (or the open turn) is
  /// refused with `CONFLICT`; a refused commit never disturbs its neighbours.
  void submit(Commit commit, Commit.Listener listener);

  /// Loads an actor; one that never committed is returned with `nextTurn` 0 and no changes. Sees
  /// all commits *submitted* before the call.
  ///
  /// @throws PlexException `UNAVAILABLE` when the store cannot be read
  LoadedActor load(ActorId actor);

  /// The oldest waiting inbox rows of an actor with `seq` above `afterSeq`, whether due or not.
  List<InboxRow> inbox(ActorId actor, long afterSeq, int limit);

  /// The actors that have a waiting inbox row or an open turn; read once at start.
  List<ActorId> actorsWithWork();

  /// The monitors of an actor with `no` above `afterNo`, oldest first.
  List<MonitorRow> monitors(ActorId target, long afterNo, int limit);

  /// Actors of a type, in all scopes, that somebody monitors.
  List<ActorId> monitored(String type, int limit);

  /// The buried rows of a scope, oldest first.
  List<InboxRow> deadLetters(Scope scope, long afterSeq, int limit);

  /// One key; empty when absent or expired.
  Optional<KvEntry> kvGet(Scope scope, String key);

  /// Keys with a prefix in key order, above `afterKey` ("" for the start).
  List<KvEntry> kvList(Scope scope, String prefix, String afterKey, int limit);

  /// A remembered request; empty when unknown or expired.
  Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash);

  /// How many requests of a tenant are remembered, all its namespaces and actors together. One that
  /// has expired counts until it is removed, which is soon, also when nothing is committed; one
  /// that was written again may count twice for a while. Cheap, and never blocks.
  long idempotencyCount(String tenant);

  /// Committed rows of an actor with `seq` below `beforeSeq` (`Long.MAX_VALUE` for the end), newest
  /// first. Bounded by number and age, and by nothing that recovery needs: [#load] gives the same
  /// whether they are kept or not. Source: spec/turns rule 6.
  List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit);

  /// Submits a commit for somebody who may wait.
  ///
  /// @return what its rows answered, once it is on disk; fails with what the store refused it with
  default CompletableFuture<List<RowResult>> submit(Commit commit) {
    CompletableFuture<List<RowResult>> outcome = new CompletableFuture<>();
    submit(
        commit,
        new Commit.Listener() {
          @Override
          public void durable(long seq, List<RowResult> results) {
            outcome.complete(results);
          }

          @Override
          public void refused(PlexException why) {
            outcome.completeExceptionally(why);
          }
        });
    return outcome;
  }

  /// The namespaces of a tenant that have an actor, in order of their bytes.
  List<String> namespaces(String tenant);

  /// The keys of the actors of a type, purged ones included, in order of their bytes, above
  /// `afterKey` ("" for the start).
  List<String> actorKeys(Scope scope, String type, String afterKey, int limit);

  /// Writes rows and forgets actors, in one commit: state, an open turn, remembered requests,
  /// history, the monitors they hold. Their buried rows stay among the dead letters, monitors of
  /// them with those who hold them. The next incarnation of each starts anew; the number rises with
  /// every purge of an actor the store knows. Returns once this is durable. Source: spec/turns rule
  /// 19.
  ///
  /// @param actors at most [#PURGED_MAX]
  /// @param rows what becomes of their waiting messages
  /// @return what the rows answered, by position
  /// @throws PlexException nothing has happened: `CONFLICT` when a precondition of a row fails, or
  ///   when a message would still wait in the inbox of one of them; `UNAVAILABLE` when it cannot be
  ///   written
  List<RowResult> purge(List<ActorId> actors, List<Row> rows);

  /// Most actors in one [#purge]: others wait while it is written.
  int PURGED_MAX = 64;

  /// Commits what is queued, then closes. Later calls throw `UNAVAILABLE`.
  @Override
  void close();
}
