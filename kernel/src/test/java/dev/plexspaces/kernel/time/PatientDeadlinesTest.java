package dev.plexspaces.kernel.time;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The batches alone, their ticks made by hand or by a thread without a pause.
@Timeout(120)
class PatientDeadlinesTest {

  private final PatientDeadlines patient = new PatientDeadlines(1);
  private final List<Deadline> kept = new ArrayList<>();
  private long nanos;

  private static final class Ask extends Deadline {
    final AtomicInteger looks = new AtomicInteger();
    private volatile boolean done;

    Ask() {
      super(0);
    }

    /// @param nanos from when it is added
    Ask(long nanos) {
      super(nanos, true);
    }

    void answer() {
      done = true;
      countDone();
    }

    boolean answered() {
      return done;
    }

    /// As an answer that came before the deadline was added: nobody counts it.
    void answerUncounted() {
      done = true;
    }

    @Override
    protected boolean done() {
      looks.incrementAndGet();
      return done;
    }

    @Override
    protected void expired() {
      throw new AssertionError("the wheel's");
    }
  }

  private Ask add() {
    Ask ask = new Ask();
    patient.add(ask);
    return ask;
  }

  private List<Ask> add(int count) {
    List<Ask> asks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      asks.add(add());
    }
    return asks;
  }

  private boolean tick() {
    return patient.tick(() -> nanos, kept::add);
  }

  /// Until a batch that was closed by the first tick is out of patience.
  private void losePatience() {
    for (int i = 0; i <= PatientDeadlines.PATIENCE_TICKS; i++) {
      tick();
    }
  }

  @Test
  void add_tellsWhoeverIsFirstOfItsBatch() {
    assertThat(patient.add(new Ask())).isTrue();
    assertThat(patient.add(new Ask())).isFalse();
    tick();
    assertThat(patient.add(new Ask())).isTrue();
  }

  @Test
  void tick_tellsWhetherAnythingWasAdded() {
    assertThat(tick()).isFalse();
    add();
    assertThat(tick()).isTrue();
    assertThat(tick()).isFalse();
  }

  @Test
  void allDone_beforeAndAfterTheirBatchIsClosed_areDroppedUnseen() {
    List<Ask> asks = add(1_000);
    asks.subList(0, 500).forEach(Ask::answer);
    assertThat(patient.isEmpty()).isFalse();
    tick();
    asks.subList(500, 1_000).forEach(Ask::answer);
    assertThat(patient.isEmpty()).isFalse();
    tick();
    assertThat(patient.isEmpty()).isTrue();
    losePatience();
    assertThat(kept).isEmpty();
    assertThat(asks).allMatch(ask -> ask.looks.get() == 0);
  }

  @Test
  void allDone_addedByThreadsThatGetInEachOthersWay_areDroppedUnseen() throws InterruptedException {
    List<List<Ask>> all = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      List<Ask> own = new ArrayList<>();
      all.add(own);
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < 200_000; i++) {
                      Ask ask = add();
                      ask.answer();
                      own.add(ask);
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    losePatience();
    assertThat(all).allSatisfy(own -> assertThat(own).allMatch(ask -> ask.looks.get() == 0));
  }

  @Test
  void notDone_areHandedOutOnce_whenTheirBatchIsOutOfPatience() {
    List<Ask> asks = add(100);
    asks.subList(0, 90).forEach(Ask::answer);
    tick();
    for (int i = 1; i < PatientDeadlines.PATIENCE_TICKS; i++) {
      tick();
      assertThat(kept).isEmpty();
    }
    asks.get(90).answer();
    tick();
    assertThat(kept).containsExactlyInAnyOrderElementsOf(asks.subList(91, 100));
    assertThat(patient.isEmpty()).isTrue();
    losePatience();
    assertThat(kept).hasSize(9);
  }

  @Test
  void batchOfSeveralChunks_isOneBatch() {
    List<Ask> asks = add(3 * PatientDeadlines.CHUNK + 5);
    List<Ask> open =
        List.of(
            asks.getFirst(),
            asks.get(PatientDeadlines.CHUNK - 1),
            asks.get(PatientDeadlines.CHUNK),
            asks.getLast());
    asks.stream().filter(ask -> !open.contains(ask)).forEach(Ask::answer);
    losePatience();
    assertThat(kept).containsExactlyInAnyOrderElementsOf(open);
    assertThat(patient.isEmpty()).isTrue();
  }

  @Test
  void placeThatIsFilledLate_isHandedOutOnceItIs_andTheOthersDoNotWaitForIt() {
    PatientDeadlines.Chunk chunk = patient.open(0);
    Ask first = add();
    int place = chunk.take();
    Ask last = add();
    losePatience();
    assertThat(kept).containsExactlyInAnyOrder(first, last);
    tick();
    assertThat(patient.isEmpty()).isFalse();
    Ask late = new Ask();
    chunk.put(place, late);
    tick();
    assertThat(kept).containsExactlyInAnyOrder(first, last, late);
    assertThat(patient.isEmpty()).isTrue();
  }

  @Test
  void chunkThatIsJustFull_isLeftBehindByTheNextTick() {
    List<Ask> asks = add(PatientDeadlines.CHUNK);
    tick();
    assertThat(patient.add(new Ask())).isTrue();
    asks.forEach(Ask::answer);
    losePatience();
    assertThat(asks).allMatch(ask -> ask.looks.get() == 0);
  }

  @Test
  void timeThatCountsFromWhenItWasAdded_beginsWhenTheBatchIsClosed() {
    Ask ask = new Ask(100);
    patient.add(ask);
    assertThat(ask.leftNanos(3)).isEqualTo(100);
    nanos = 5;
    tick();
    nanos = 50;
    losePatience();
    assertThat(kept).singleElement().returns(105L, d -> d.leftNanos(0));
    assertThat(kept.getFirst().done()).isFalse();
    ask.answer();
    assertThat(kept.getFirst().done()).isTrue();
    assertThatThrownBy(() -> kept.getFirst().expired()).hasMessage("the wheel's");
  }

  @Test
  void batches_doNotTakeEachOthersCounts() {
    List<Ask> first = add(10);
    tick();
    List<Ask> second = add(10);
    // As many as the first has, and none of them is the first's last one.
    first.subList(0, 9).forEach(Ask::answer);
    second.getFirst().answer();
    losePatience();
    losePatience();
    List<Deadline> open = new ArrayList<>(second.subList(1, 10));
    open.add(first.getLast());
    assertThat(kept).containsExactlyInAnyOrderElementsOf(open);
  }

  @Test
  void answeredUncounted_costsTheBatchItsShortWay_andNothingElse() {
    List<Ask> asks = add(10);
    asks.subList(0, 5).forEach(Ask::answer);
    asks.subList(5, 9).forEach(Ask::answerUncounted);
    losePatience();
    assertThat(kept).containsExactly(asks.getLast());
  }

  @Test
  void uncountedOne_isNoExcuseToDropAnother() {
    List<Ask> asks = add(2);
    asks.getFirst().answerUncounted();
    losePatience();
    assertThat(kept).containsExactly(asks.getLast());
  }

  /// Adders, a thread that answers each deadline the moment it can be counted, which is in the
  /// middle of its addition, and one that closes batches without a pause: what was never answered
  /// is handed out, each exactly once.
  @Test
  void addedAndAnsweredWhileBatchesAreClosed_nothingIsLostOrDoubled() throws InterruptedException {
    int adders = 2;
    int each = 200_000;
    int neverAnswered = 8;
    List<Thread> threads = new ArrayList<>();
    List<List<Ask>> open = new ArrayList<>();
    List<AtomicReference<Ask>> toAnswer = new ArrayList<>();
    CountDownLatch adding = new CountDownLatch(adders);
    for (int a = 0; a < adders; a++) {
      AtomicReference<Ask> current = new AtomicReference<>();
      toAnswer.add(current);
      List<Ask> own = new ArrayList<>();
      open.add(own);
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < each; i++) {
                      Ask ask = new Ask();
                      if (i % neverAnswered == 0) {
                        own.add(ask);
                      } else {
                        current.set(ask);
                      }
                      patient.add(ask);
                    }
                    adding.countDown();
                  }));
    }
    threads.add(
        Thread.ofPlatform()
            .start(
                () -> {
                  while (adding.getCount() > 0) {
                    for (AtomicReference<Ask> current : toAnswer) {
                      Ask ask = current.get();
                      if (ask == null || ask.answered()) {
                        continue;
                      }
                      while (ask.doneCount == null && current.get() == ask) {
                        Thread.onSpinWait();
                      }
                      ask.answer();
                    }
                  }
                }));
    IdentityHashMap<Deadline, Boolean> out = new IdentityHashMap<>();
    List<Deadline> twice = new ArrayList<>();
    Consumer<Deadline> keep =
        deadline -> {
          if (out.put(deadline, true) != null) {
            twice.add(deadline);
          }
        };
    while (adding.getCount() > 0) {
      patient.tick(() -> 0, keep);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    for (int i = 0; i <= PatientDeadlines.PATIENCE_TICKS; i++) {
      patient.tick(() -> 0, keep);
    }
    assertThat(patient.isEmpty()).isTrue();
    assertThat(twice).isEmpty();
    assertThat(open.stream().flatMap(List::stream).filter(ask -> !out.containsKey(ask)).count())
        .as("never answered and never handed out")
        .isZero();
  }
}
