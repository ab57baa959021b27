package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.HistoryEntry;
import dev.plexspaces.kernel.journal.IdempotencyRecord;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.InboxRow;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.MonitorRow;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.journal.UnacceptableCommit;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;

/// A store whose disk does what the test says: it holds commits back, refuses them, or loses
/// everything that is not durable, as a crash does.
final class FaultyStore implements Store {

  private record Queued(Commit commit, Commit.Listener listener) {}

  private final InMemoryStore disk;
  private final ArrayDeque<Queued> held = new ArrayDeque<>();
  private boolean holding;
  private boolean crashed;
  private int commitsLeft = Integer.MAX_VALUE;
  private boolean lastOneIsHeardOf;
  private ErrorCode refusal;
  private int refusalsLeft;
  private ErrorCode readError;
  private LinkedBlockingQueue<Queued> writer;

  /// Opens when the disk was lost by [#crashAfter].
  final CountDownLatch crash = new CountDownLatch(1);

  FaultyStore(InMemoryStore disk) {
    this.disk = disk;
  }

  // ---- what the test says

  synchronized void hold() {
    holding = true;
  }

  synchronized int held() {
    return held.size();
  }

  /// Lets the oldest held commits become durable.
  void release(int count) {
    for (int i = 0; i < count; i++) {
      Queued next;
      synchronized (this) {
        next = held.poll();
      }
      if (next == null) {
        throw new AssertionError("no commit is held");
      }
      write(next);
      synchronized (this) {
        notifyAll();
      }
    }
  }

  /// Lets all commits become durable, from now on at once.
  void releaseAll() {
    while (true) {
      Queued next;
      synchronized (this) {
        next = held.poll();
        if (next == null) {
          holding = false;
          notifyAll();
          return;
        }
      }
      write(next);
    }
  }

  /// Refuses all held commits.
  void refuseHeld(ErrorCode code) {
    while (true) {
      Queued next;
      synchronized (this) {
        next = held.poll();
        notifyAll();
      }
      if (next == null) {
        return;
      }
      next.listener.refused(new PlexException(code, "the test refuses this commit"));
    }
  }

  /// Writes on a thread of its own from now on.
  synchronized void writeLater() {
    LinkedBlockingQueue<Queued> queue = new LinkedBlockingQueue<>();
    writer = queue;
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                while (true) {
                  write(queue.take());
                }
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
  }

  synchronized void refuse(ErrorCode code, int commits) {
    refusal = code;
    refusalsLeft = commits;
  }

  /// @param code null to read as usual again
  synchronized void failReads(ErrorCode code) {
    readError = code;
  }

  /// Loses everything after that many more commits.
  ///
  /// @param heardOf false when the last one becomes durable and the process dies before it hears of
  ///   it
  synchronized void crashAfter(int commits, boolean heardOf) {
    commitsLeft = commits;
    lastOneIsHeardOf = heardOf;
    if (commits == 0) {
      crash();
    }
  }

  /// Loses everything that is not durable; nobody hears of anything any more.
  synchronized void crash() {
    crashed = true;
    held.clear();
    crash.countDown();
    notifyAll();
  }

  /// The disk as the next process finds it.
  FaultyStore afterCrash() {
    crash();
    return new FaultyStore(disk.reopen());
  }

  InMemoryStore disk() {
    return disk;
  }

  // ---- the store

  @Override
  public void submit(Commit commit, Commit.Listener listener) {
    Queued queued = new Queued(commit, listener);
    boolean refused = false;
    synchronized (this) {
      if (crashed) {
        return;
      }
      if (refusalsLeft > 0) {
        refusalsLeft--;
        refused = true;
      } else if (holding) {
        held.add(queued);
        return;
      } else if (writer != null) {
        writer.add(queued);
        return;
      }
    }
    if (refused) {
      String why = "the test refuses this commit";
      listener.refused(
          refusal == ErrorCode.INVALID_MESSAGE
              ? new UnacceptableCommit(refusal, why)
              : new PlexException(refusal, why));
    } else {
      write(queued);
    }
  }

  private void write(Queued queued) {
    boolean heardOf = true;
    synchronized (this) {
      if (crashed) {
        return;
      }
      if (--commitsLeft == 0) {
        heardOf = lastOneIsHeardOf;
      }
    }
    boolean silent = !heardOf;
    disk.submit(
        queued.commit,
        new Commit.Listener() {
          @Override
          public void durable(long seq, List<RowResult> results) {
            if (!silent) {
              queued.listener.durable(seq, results);
            }
          }

          @Override
          public void refused(PlexException why) {
            if (!silent) {
              queued.listener.refused(why);
            }
          }
        });
    synchronized (this) {
      if (commitsLeft <= 0) {
        crash();
      }
    }
  }

  private synchronized void requireReadable() {
    if (crashed) {
      throw new PlexException(ErrorCode.UNAVAILABLE, "this process is dead");
    }
    if (readError != null) {
      throw new PlexException(readError, "the test lets nobody read");
    }
  }

  @Override
  public int incarnation() {
    return disk.incarnation();
  }

  /// Sees what was submitted before, so it waits for what is held.
  @Override
  public LoadedActor load(ActorId actor) {
    requireReadable();
    synchronized (this) {
      while (!crashed && held.stream().anyMatch(q -> q.commit.actor().equals(actor))) {
        try {
          wait();
        } catch (InterruptedException e) {
          throw new PlexException(ErrorCode.UNAVAILABLE, "interrupted");
        }
      }
    }
    return disk.load(actor);
  }

  @Override
  public List<InboxRow> inbox(ActorId actor, long afterSeq, int limit) {
    requireReadable();
    return disk.inbox(actor, afterSeq, limit);
  }

  @Override
  public List<ActorId> actorsWithWork() {
    return disk.actorsWithWork();
  }

  @Override
  public List<MonitorRow> monitors(ActorId target, long afterNo, int limit) {
    requireReadable();
    return disk.monitors(target, afterNo, limit);
  }

  @Override
  public List<ActorId> monitored(String type, int limit) {
    return disk.monitored(type, limit);
  }

  @Override
  public List<InboxRow> deadLetters(Scope scope, long afterSeq, int limit) {
    return disk.deadLetters(scope, afterSeq, limit);
  }

  @Override
  public Optional<KvEntry> kvGet(Scope scope, String key) {
    return disk.kvGet(scope, key);
  }

  @Override
  public List<KvEntry> kvList(Scope scope, String prefix, String afterKey, int limit) {
    return disk.kvList(scope, prefix, afterKey, limit);
  }

  @Override
  public Optional<IdempotencyRecord> idempotency(ActorId actor, byte[] keyHash) {
    return disk.idempotency(actor, keyHash);
  }

  @Override
  public long idempotencyCount(String tenant) {
    return disk.idempotencyCount(tenant);
  }

  @Override
  public List<HistoryEntry> history(ActorId actor, long beforeSeq, int limit) {
    return disk.history(actor, beforeSeq, limit);
  }

  @Override
  public List<String> namespaces(String tenant) {
    requireReadable();
    return disk.namespaces(tenant);
  }

  @Override
  public List<String> actorKeys(Scope scope, String type, String afterKey, int limit) {
    requireReadable();
    return disk.actorKeys(scope, type, afterKey, limit);
  }

  /// Counts as one commit.
  @Override
  public List<RowResult> purge(List<ActorId> actors, List<Row> rows) {
    requireReadable();
    boolean heardOf = true;
    synchronized (this) {
      if (--commitsLeft == 0) {
        heardOf = lastOneIsHeardOf;
      }
    }
    List<RowResult> results = disk.purge(actors, rows);
    synchronized (this) {
      if (commitsLeft <= 0) {
        crash();
      }
    }
    if (!heardOf) {
      requireReadable();
    }
    return results;
  }

  @Override
  public void close() {
    disk.close();
  }
}
