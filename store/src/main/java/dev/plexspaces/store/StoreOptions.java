package dev.plexspaces.store;

import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ThreadFactory;
import java.util.function.Consumer;

/// How a [SqliteStore] is set up. Start from [#defaults()] and change what differs.
///
/// @param clock wall clock for expiry and retention; the system's
/// @param threads makes the store's two threads; daemon platform threads, because SQLite's calls
///   pin a virtual one
/// @param queue what may wait for the writer
/// @param fold when the log is folded into tables
/// @param history how much of the past people may read
/// @param readers connections that read at the same time, 1 to 64; 4
/// @param actorsCachedMax actors whose turn number and number in the store are kept in memory, at
///   least 1,024; 100,000
/// @param walBytesMax size of the write-ahead log, bytes, above which it is copied into the
///   database; 64 MiB
/// @param ballastBytes size of a file that is given up when the disk is full, so that there is room
///   to recover; 4 MiB
/// @param onFailure told once when the store stops for good: the disk failed or another owner took
///   over. The node must stop the process. Does nothing
public record StoreOptions(
    InstantSource clock,
    ThreadFactory threads,
    Queue queue,
    Fold fold,
    History history,
    int readers,
    int actorsCachedMax,
    long walBytesMax,
    int ballastBytes,
    Consumer<PlexException> onFailure) {

  /// What may wait for the writer; more is refused with `RESOURCE_EXHAUSTED`.
  ///
  /// @param commitsMax commits; 65,536
  /// @param bytesMax bytes of their payloads; 64 MiB
  public record Queue(int commitsMax, long bytesMax) {}

  /// When the log is folded. The tail of the log that is not folded yet is held in memory and read
  /// again at a start after a crash, so these bound both.
  ///
  /// @param rowsMax commits in the tail that start a fold at once; 65,536
  /// @param bytesMax bytes in the tail that start a fold at once; 32 MiB
  /// @param rowsWhenIdle commits in the tail that start a fold when nothing is queued; 4,096
  public record Fold(int rowsMax, long bytesMax, int rowsWhenIdle) {}

  /// How much of the past is kept for people to read.
  ///
  /// @param rowsMax newest commits of one actor; 1,000; 0 keeps none
  /// @param age older ones are dropped; 7 days
  /// @param bytesMax of all actors together, the oldest are dropped first; 1 GiB
  public record History(int rowsMax, Duration age, long bytesMax) {}

  /// @throws IllegalArgumentException naming the option that is out of bounds
  public StoreOptions {
    require(queue.commitsMax() >= 1 && queue.bytesMax() >= 1, "queue: must hold one commit");
    require(
        fold.rowsMax() >= 1 && fold.bytesMax() >= 1 && fold.rowsWhenIdle() >= 1,
        "fold: must be positive");
    require(history.rowsMax() >= 0 && history.bytesMax() >= 0, "history: must not be negative");
    require(readers >= 1 && readers <= 64, "readers: must be 1 to 64");
    require(actorsCachedMax >= 1_024, "actors_cached_max: must be at least 1024");
    require(walBytesMax >= 1 << 16, "wal_bytes_max: must be at least 65536");
    require(ballastBytes >= 0, "ballast_bytes: must not be negative");
  }

  /// The values named above.
  public static StoreOptions defaults() {
    return new StoreOptions(
        InstantSource.system(),
        Thread.ofPlatform().daemon().factory(),
        new Queue(65_536, 64L << 20),
        new Fold(65_536, 32L << 20, 4_096),
        new History(1_000, Duration.ofDays(7), 1L << 30),
        4,
        100_000,
        64L << 20,
        4 << 20,
        failure -> {});
  }

  public StoreOptions withClock(InstantSource newClock) {
    return new StoreOptions(
        newClock,
        threads,
        queue,
        fold,
        history,
        readers,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withThreads(ThreadFactory newThreads) {
    return new StoreOptions(
        clock,
        newThreads,
        queue,
        fold,
        history,
        readers,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withQueue(Queue newQueue) {
    return new StoreOptions(
        clock,
        threads,
        newQueue,
        fold,
        history,
        readers,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withFold(Fold newFold) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        newFold,
        history,
        readers,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withHistory(History newHistory) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        fold,
        newHistory,
        readers,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withReaders(int newReaders) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        fold,
        history,
        newReaders,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withActorsCachedMax(int newMax) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        fold,
        history,
        readers,
        newMax,
        walBytesMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withWalBytesMax(long newMax) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        fold,
        history,
        readers,
        actorsCachedMax,
        newMax,
        ballastBytes,
        onFailure);
  }

  public StoreOptions withBallastBytes(int newBytes) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        fold,
        history,
        readers,
        actorsCachedMax,
        walBytesMax,
        newBytes,
        onFailure);
  }

  public StoreOptions withOnFailure(Consumer<PlexException> newOnFailure) {
    return new StoreOptions(
        clock,
        threads,
        queue,
        fold,
        history,
        readers,
        actorsCachedMax,
        walBytesMax,
        ballastBytes,
        newOnFailure);
  }

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new IllegalArgumentException("store options: " + problem);
    }
  }
}
