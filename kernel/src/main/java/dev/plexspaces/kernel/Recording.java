package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.LoadedActor.OpenTurn;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.journal.TurnRecord;
import dev.plexspaces.kernel.journal.TurnRecord.StepResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What the running turn of a durable actor records for a replay, and what it replays. Source:
/// spec/turns section 3.
final class Recording {

  /* Each commit point makes one commit, so as many recorded segments are left as commit points. A
  value read from the key-value store is recorded with the commit that ends its segment. */

  /// What the record of a read begins with.
  private static final String READ = "read ";

  /// What the record of a cancellation begins with that found no timer.
  private static final String NO_TIMER = "no timer ";

  private final ActorId id;

  /// The turn's number.
  private long turn;

  private int step;

  /// Learned since the last commit.
  private final List<StepResult> results = new ArrayList<>();

  private final List<StepResult> reads = new ArrayList<>();

  /// What the turn is a replay of; null for a turn that runs for the first time.
  private OpenTurn resumed;

  /// Recorded commit points, and reads, not reached yet.
  private final ArrayDeque<StepResult> replay = new ArrayDeque<>();

  private final ArrayDeque<StepResult> recordedReads = new ArrayDeque<>();

  /// Once raised, every further host call raises it again.
  private JournalMismatch mismatch;

  Recording(ActorId id) {
    this.id = id;
  }

  /// Begins a turn.
  ///
  /// @param open what it is a replay of; null for a new turn
  void begin(long number, OpenTurn open) {
    turn = number;
    step = 0;
    results.clear();
    reads.clear();
    replay.clear();
    recordedReads.clear();
    resumed = open;
    if (open == null) {
      return;
    }
    TreeMap<Integer, StepResult> byStep = new TreeMap<>();
    for (TurnRecord record : open.records()) {
      for (StepResult r : record.results()) {
        if (r.call().startsWith(READ) || r.call().startsWith(NO_TIMER)) {
          recordedReads.add(r);
          continue;
        }
        StepResult known = byStep.get(r.step());
        if (known == null || known.pending()) {
          byStep.put(r.step(), r);
        }
      }
    }
    replay.addAll(byStep.values());
  }

  /// The number of the commit point the turn is at or behind; 0 before the first.
  int step() {
    return step;
  }

  /// True for a turn that was begun in an earlier life.
  boolean isResumed() {
    return resumed != null;
  }

  /// True while the running segment is on disk already.
  boolean replaying() {
    return !replay.isEmpty();
  }

  /// When the running segment was recorded, milliseconds since 1970; empty when it is not on disk.
  Optional<Long> recordedAtMillis() {
    int segment = segment();
    return replaying() && segment < resumed.records().size()
        ? Optional.of(resumed.records().get(segment).atMillis())
        : Optional.empty();
  }

  /// What the rows of the running segment answered when it was recorded.
  List<RowResult> recordedRows() {
    int segment = segment();
    return segment < resumed.rowResults().size() ? resumed.rowResults().get(segment) : List.of();
  }

  /// What the rows of the last recorded segment answered.
  List<RowResult> lastRecordedRows() {
    return resumed.rowResults().getLast();
  }

  private int segment() {
    return resumed.records().size() - replay.size();
  }

  /// The call the next commit point made when it was recorded; empty when it is not recorded.
  Optional<String> nextCall() {
    return Optional.ofNullable(replay.peek()).map(StepResult::call);
  }

  /// Enters the next commit point.
  ///
  /// @param call kind, target and operation
  /// @param hash of the payload
  /// @return what is recorded of it, perhaps only the intent; null when it is met for the first
  ///   time
  /// @throws JournalMismatch when it made another call then
  StepResult reach(String call, long hash) {
    if (step == DurableTurns.STEPS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED,
          "a turn may have at most " + DurableTurns.STEPS_MAX + " commit points");
    }
    step++;
    if (!replaying()) {
      return null;
    }
    StepResult recorded = replay.peek();
    if (recorded.step() != step || !recorded.call().equals(call) || recorded.callHash() != hash) {
      boolean samePlace = recorded.call().equals(call);
      throw mismatch(
          samePlace ? "the payload differs" : "a replayed call differs from the recorded one",
          samePlace
              ? call + " with payload " + Long.toHexString(recorded.callHash())
              : recorded.call(),
          samePlace ? call + " with payload " + Long.toHexString(hash) : call);
    }
    return replay.poll();
  }

  /// Records the intent of a call.
  ///
  /// @param known what is known of it already, JSON; empty for nothing
  void intends(String call, long hash, Optional<byte[]> known) {
    results.add(new StepResult(step, call, hash, known, Optional.empty(), true));
  }

  /// Records the result of a call.
  ///
  /// @param json the result
  void returned(String call, long hash, byte[] json) {
    results.add(new StepResult(step, call, hash, Optional.of(json), Optional.empty(), false));
  }

  /// Records that a call failed.
  void threw(String call, long hash, Map<String, Object> error) {
    results.add(
        new StepResult(step, call, hash, Optional.empty(), Optional.of(Json.text(error)), false));
  }

  /// What was read when the segment was recorded.
  ///
  /// @throws JournalMismatch when another key was read then
  SegmentKeys.Read replayedRead(String key) {
    String call = READ + key;
    StepResult recorded = recordedReads.poll();
    if (recorded == null || !recorded.call().equals(call)) {
      throw mismatch(
          "a replayed read differs from the recorded one",
          recorded == null ? "no further read" : recorded.call(),
          call);
    }
    return new SegmentKeys.Read(recorded.callHash(), recorded.result());
  }

  /// Records what was read.
  void read(String key, SegmentKeys.Read read) {
    record(READ + key, read.version(), read.value());
  }

  /// Records that there was no timer to cancel; where there was one a row of the commit says so.
  ///
  /// @param rows of the segment before it: a timer may be cancelled, and cancelled again
  void noTimer(long number, int rows) {
    record(NO_TIMER + number, rows, Optional.empty());
  }

  /// True when there was no timer to cancel when the segment was recorded.
  boolean replayedNoTimer(long number, int rows) {
    StepResult recorded = recordedReads.peek();
    boolean none =
        recorded != null
            && recorded.call().equals(NO_TIMER + number)
            && recorded.callHash() == rows;
    if (none) {
      recordedReads.remove();
    }
    return none;
  }

  private void record(String call, long version, Optional<byte[]> value) {
    if (reads.size() == DurableTurns.STEPS_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED,
          "a turn may read at most " + DurableTurns.STEPS_MAX + " keys between two commit points");
    }
    reads.add(new StepResult(step, call, version, value, Optional.empty(), false));
  }

  /// Takes what the next commit records.
  ///
  /// @param replayable true when the turn goes on behind it: a replay must read the same
  List<StepResult> take(boolean replayable) {
    if (replayable) {
      results.addAll(reads);
    }
    List<StepResult> taken = List.copyOf(results);
    results.clear();
    reads.clear();
    return taken;
  }

  /// Refuses the end of a turn that did not make all recorded calls.
  void requireReplayed() {
    requireMatch();
    if (replaying()) {
      throw mismatch(
          "the turn ended before all recorded calls were made",
          replay.peek().call(),
          "the end of the turn");
    }
  }

  void requireMatch() {
    if (mismatch != null) {
      throw mismatch;
    }
  }

  /// The mismatch that was met in the running turn; null for none.
  JournalMismatch mismatch() {
    return mismatch;
  }

  private JournalMismatch mismatch(String what, String expected, String actual) {
    mismatch =
        new JournalMismatch(
            new PlexException(
                ErrorCode.JOURNAL_MISMATCH,
                "journal mismatch: "
                    + id
                    + ", turn "
                    + turn
                    + ", step "
                    + step
                    + ": expected '"
                    + expected
                    + "', got '"
                    + actual
                    + "' ("
                    + what
                    + ")"));
    return mismatch;
  }
}
