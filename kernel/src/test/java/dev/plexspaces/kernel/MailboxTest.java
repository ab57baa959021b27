package dev.plexspaces.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ChildSpec.Overflow;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(120)
class MailboxTest {

  enum Kind {
    LINKED_REJECT(capacity -> new LinkedMailbox(capacity, Overflow.REJECT)),
    LINKED_DROP_NEWEST(capacity -> new LinkedMailbox(capacity, Overflow.DROP_NEWEST)),
    LINKED_BLOCK(capacity -> new LinkedMailbox(capacity, Overflow.BLOCK)),
    LOCKED_DROP_OLDEST(capacity -> new LockedMailbox(capacity, null));

    final IntFunction<Mailbox> make;

    Kind(IntFunction<Mailbox> make) {
      this.make = make;
    }
  }

  private static Envelope message(int number) {
    return new Envelope(Message.Kind.CAST, "m" + number, number, null, null, null);
  }

  private static List<Object> drain(Mailbox mailbox) {
    List<Object> drained = new ArrayList<>();
    for (Envelope e = mailbox.poll(); e != null; e = mailbox.poll()) {
      drained.add(e.payload);
    }
    return drained;
  }

  @ParameterizedTest
  @EnumSource
  void firstOffer_toIdleMailbox_mustBeScheduledAndOnlyThatOne(Kind kind) {
    Mailbox mailbox = kind.make.apply(10);

    assertThat(mailbox.offer(message(1), false)).isEqualTo(Mailbox.Offer.SCHEDULE);
    assertThat(mailbox.offer(message(2), false)).isEqualTo(Mailbox.Offer.QUEUED);
    assertThat(drain(mailbox)).containsExactly(1, 2);
    assertThat(mailbox.offer(message(3), false)).isEqualTo(Mailbox.Offer.QUEUED);
    assertThat(mailbox.tryIdle()).as("a message waits").isFalse();
    assertThat(drain(mailbox)).containsExactly(3);
    assertThat(mailbox.tryIdle()).isTrue();
    assertThat(mailbox.offer(message(4), false)).isEqualTo(Mailbox.Offer.SCHEDULE);
    assertThat(drain(mailbox)).containsExactly(4);
  }

  @ParameterizedTest
  @EnumSource
  void offer_behindMany_saysSo(Kind kind) {
    Mailbox mailbox = kind.make.apply(10_000);
    mailbox.offer(message(1), false);
    for (int i = 2; i <= Mailbox.DEEP; i++) {
      assertThat(mailbox.offer(message(i), false)).isEqualTo(Mailbox.Offer.QUEUED);
    }
    assertThat(mailbox.offer(message(0), false)).isEqualTo(Mailbox.Offer.BEHIND);
    drain(mailbox);
    assertThat(mailbox.offer(message(1), false)).isEqualTo(Mailbox.Offer.QUEUED);
  }

  @ParameterizedTest
  @EnumSource
  void poll_interleavedWithOffers_keepsTheOrder(Kind kind) {
    Mailbox mailbox = kind.make.apply(10_000);
    List<Object> polled = new ArrayList<>();
    int sent = 0;
    // Bursts of 1, 2, 3... with a poll or two between them meet every shape the list can have.
    for (int burst = 1; burst < 60; burst++) {
      for (int i = 0; i < burst % 7; i++) {
        mailbox.offer(message(sent++), false);
      }
      for (int i = 0; i < burst % 5; i++) {
        Envelope e = mailbox.poll();
        if (e != null) {
          polled.add(e.payload);
        }
      }
    }
    polled.addAll(drain(mailbox));

    List<Object> expected = new ArrayList<>();
    for (int i = 0; i < sent; i++) {
      expected.add(i);
    }
    assertThat(polled).isEqualTo(expected);
    assertThat(mailbox.size()).isZero();
  }

  /// Links messages as a turn does that sent them all.
  private static Mailbox.Offer offerAll(LinkedMailbox mailbox, int from, int to) {
    Envelope oldest = message(from);
    Envelope newest = oldest;
    for (int i = from + 1; i < to; i++) {
      Envelope e = message(i);
      e.next = newest;
      newest = e;
    }
    return mailbox.offerAll(newest, oldest, to - from);
  }

  @Test
  void offerAll_interleavedWithOffersAndPolls_keepsTheOrderAndTheCount() {
    LinkedMailbox mailbox = new LinkedMailbox(10_000, Overflow.REJECT);
    List<Object> polled = new ArrayList<>();
    int sent = 0;
    boolean idle = true;
    for (int round = 1; round < 200; round++) {
      int singles = round % 3;
      for (int i = 0; i < singles; i++) {
        Mailbox.Offer outcome = mailbox.offer(message(sent++), false);
        assertThat(outcome == Mailbox.Offer.SCHEDULE).isEqualTo(idle);
        idle = false;
      }
      int together = 2 + round % 5;
      Mailbox.Offer outcome = offerAll(mailbox, sent, sent + together);
      assertThat(outcome == Mailbox.Offer.SCHEDULE).isEqualTo(idle);
      idle = false;
      sent += together;
      assertThat(mailbox.size()).isEqualTo(sent - polled.size());
      for (int i = 0; i < round % 8; i++) {
        Envelope e = mailbox.poll();
        if (e != null) {
          polled.add(e.payload);
        }
      }
      if (round % 11 == 0) {
        polled.addAll(drain(mailbox));
        idle = mailbox.tryIdle();
        assertThat(idle).isTrue();
      }
    }
    polled.addAll(drain(mailbox));
    assertThat(polled).hasSize(sent).isEqualTo(IntStream.range(0, sent).boxed().toList());
  }

  @Test
  void offerAll_withoutRoomForAll_queuesNone() {
    for (int taken = 0; taken <= 2; taken++) {
      LinkedMailbox mailbox = new LinkedMailbox(4, Overflow.DROP_NEWEST);
      for (int i = 0; i < taken; i++) {
        mailbox.offer(message(i), false);
      }
      mailbox.poll();
      int room = taken == 2 ? 3 : 4;
      assertThat(offerAll(mailbox, 10, 10 + room + 1)).isEqualTo(Mailbox.Offer.FULL);
      assertThat(mailbox.size()).isEqualTo(4 - room);
      assertThat(offerAll(mailbox, 20, 20 + room)).isNotEqualTo(Mailbox.Offer.FULL);
      assertThat(mailbox.size()).isEqualTo(4);
      assertThat(drain(mailbox)).endsWith(20 + room - 2, 20 + room - 1);
    }
  }

  @Test
  void offerAll_behindMany_saysSo_andAfterTheEndIsRefused() {
    LinkedMailbox mailbox = new LinkedMailbox(10_000, Overflow.REJECT);
    offerAll(mailbox, 0, Mailbox.DEEP);
    assertThat(offerAll(mailbox, 0, 2)).isEqualTo(Mailbox.Offer.BEHIND);
    mailbox.close();
    assertThat(offerAll(mailbox, 0, 2)).isEqualTo(Mailbox.Offer.CLOSED);
  }

  @ParameterizedTest
  @EnumSource
  void size_neverCountsTheMessageBeingProcessed(Kind kind) {
    Mailbox mailbox = kind.make.apply(10);
    mailbox.offer(message(1), false);
    assertThat(mailbox.size()).isEqualTo(1);
    mailbox.poll();
    assertThat(mailbox.size()).isZero();
    mailbox.offer(message(2), false);
    mailbox.offer(message(3), false);
    assertThat(mailbox.size()).isEqualTo(2);
    mailbox.poll();
    assertThat(mailbox.size()).isEqualTo(1);
    mailbox.poll();
    assertThat(mailbox.size()).isZero();
    assertThat(mailbox.poll()).isNull();
  }

  @ParameterizedTest
  @EnumSource(names = {"LINKED_REJECT", "LINKED_DROP_NEWEST", "LINKED_BLOCK"})
  void bound_whileOneMessageIsProcessed_isExact(Kind kind) {
    Mailbox.Offer refusal =
        kind == Kind.LINKED_DROP_NEWEST ? Mailbox.Offer.DROPPED : Mailbox.Offer.FULL;
    for (int taken = 1; taken <= 3; taken++) {
      Mailbox mailbox = kind.make.apply(4);
      for (int i = 0; i < taken; i++) {
        assertThat(mailbox.offer(message(i), false)).isNotEqualTo(refusal);
      }
      mailbox.poll();
      for (int i = taken; i < 5; i++) {
        assertThat(mailbox.offer(message(i), false)).as("room for %d", i).isNotEqualTo(refusal);
      }
      assertThat(mailbox.size()).isEqualTo(4);
      assertThat(mailbox.offer(message(5), false)).isEqualTo(refusal);
      assertThat(mailbox.offer(message(6), true)).as("exempt").isEqualTo(Mailbox.Offer.QUEUED);
      assertThat(drain(mailbox)).containsExactly(1, 2, 3, 4, 6);
    }
  }

  @ParameterizedTest
  @EnumSource
  void close_returnsWhatWaitedOldestFirst_andRefusesTheRest(Kind kind) {
    for (int polls = 0; polls < 4; polls++) {
      Mailbox mailbox = kind.make.apply(10);
      mailbox.offer(message(0), false);
      for (int i = 0; i < polls; i++) {
        mailbox.poll();
      }
      mailbox.offer(message(1), false);
      mailbox.offer(message(2), false);
      List<Object> waited = new ArrayList<>();
      for (Envelope e = mailbox.close(); e != null; e = e.next) {
        waited.add(e.payload);
      }
      assertThat(waited).isEqualTo(polls == 0 ? List.of(0, 1, 2) : List.of(1, 2));
      assertThat(mailbox.closed()).isTrue();
      assertThat(mailbox.offer(message(3), true)).isEqualTo(Mailbox.Offer.CLOSED);
      assertThat(mailbox.claim()).isFalse();
      assertThat(mailbox.size()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void tryClose_whileAMessageWaits_leavesItOpen(Kind kind) {
    Mailbox mailbox = kind.make.apply(10);
    mailbox.offer(message(1), false);
    mailbox.poll();
    mailbox.offer(message(2), false);
    assertThat(mailbox.tryClose()).isFalse();
    assertThat(drain(mailbox)).containsExactly(2);
    assertThat(mailbox.tryClose()).isTrue();
    assertThat(mailbox.closed()).isTrue();
    assertThat(mailbox.close()).isNull();
  }

  @ParameterizedTest
  @EnumSource
  void claim_ofIdleMailbox_isGivenToOneOnly(Kind kind) {
    Mailbox mailbox = kind.make.apply(10);
    assertThat(mailbox.claim()).isTrue();
    assertThat(mailbox.claim()).isFalse();
    assertThat(mailbox.offer(message(1), false)).isEqualTo(Mailbox.Offer.QUEUED);
    assertThat(drain(mailbox)).containsExactly(1);
    assertThat(mailbox.claim()).as("still run by its claimer").isFalse();
    assertThat(mailbox.tryIdle()).isTrue();
    assertThat(mailbox.claim()).isTrue();
  }

  private static Envelope from(int sender, int number) {
    return new Envelope(Message.Kind.CAST, "", new int[] {sender, number}, null, null, null);
  }

  /// Many senders and, one after the other, many runners: nothing is lost, doubled, run by two at
  /// once or out of its sender's order.
  @ParameterizedTest
  @EnumSource
  void manySenders_oneRunnerAtATime_everyMessageOnceInOrderOfItsSender(Kind kind) throws Exception {
    int senders = 4;
    int each = 20_000;
    Mailbox mailbox = kind.make.apply(Integer.MAX_VALUE);
    ConcurrentLinkedQueue<int[]> seen = new ConcurrentLinkedQueue<>();
    AtomicInteger runners = new AtomicInteger();
    AtomicInteger left = new AtomicInteger(senders * each);
    BlockingQueue<Boolean> scheduled = new LinkedBlockingQueue<>();
    CompletableFuture<String> wrong = new CompletableFuture<>();
    Runnable runner =
        () -> {
          try {
            while (left.get() > 0) {
              if (scheduled.poll(1, java.util.concurrent.TimeUnit.MILLISECONDS) == null) {
                continue;
              }
              if (runners.incrementAndGet() != 1) {
                wrong.complete("two runners at once");
              }
              do {
                for (Envelope e = mailbox.poll(); e != null; e = mailbox.poll()) {
                  seen.add((int[]) e.payload);
                  left.decrementAndGet();
                }
                runners.decrementAndGet();
              } while (!mailbox.tryIdle() && runners.incrementAndGet() == 1);
            }
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        };
    List<Thread> threads = new ArrayList<>();
    for (int s = 0; s < senders; s++) {
      int sender = s;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = 0; i < each; i += 2) {
                      Envelope e = from(sender, i);
                      Envelope next = from(sender, i + 1);
                      boolean schedule;
                      if (mailbox instanceof LinkedMailbox linked && i % 4 == 0) {
                        next.next = e;
                        schedule = linked.offerAll(next, e, 2) == Mailbox.Offer.SCHEDULE;
                      } else {
                        schedule = mailbox.offer(e, true) == Mailbox.Offer.SCHEDULE;
                        schedule |= mailbox.offer(next, true) == Mailbox.Offer.SCHEDULE;
                      }
                      if (schedule) {
                        scheduled.add(true);
                      }
                    }
                  }));
    }
    threads.add(Thread.ofPlatform().start(runner));
    threads.add(Thread.ofPlatform().start(runner));
    for (Thread thread : threads) {
      thread.join(Node.BOUND);
      assertThat(thread.isAlive()).isFalse();
    }

    assertThat(wrong).isNotDone();
    int[] next = new int[senders];
    for (int[] message : seen) {
      assertThat(message[1]).isEqualTo(next[message[0]]++);
    }
    assertThat(next).containsOnly(each);
  }

  // ---- the policies through the real system

  private static final int CAPACITY = 3;

  /// A spawned actor whose mailbox can be held full: `hold` blocks until the gate opens.
  private static final class Full implements AutoCloseable {
    final Node node;
    final CountDownLatch gate = new CountDownLatch(1);
    final CountDownLatch held = new CountDownLatch(1);
    final BlockingQueue<Object> processed = new LinkedBlockingQueue<>();

    Full(Overflow overflow) {
      this(overflow, Node.start());
    }

    Full(Overflow overflow, Node node) {
      this.node = node;
      node.offer(
          TestType.of(
              "target",
              () ->
                  Script.of(
                          "hold",
                          (c, m) -> {
                            held.countDown();
                            Node.await(gate);
                            return null;
                          })
                      .on(
                          "*",
                          (c, m) -> {
                            processed.add(m.payload());
                            return m.payload();
                          })
                      .on(
                          "arm",
                          (c, m) -> {
                            processed.add("armed");
                            return null;
                          })),
          TestType.of(
              "owner",
              () ->
                  Script.of(
                          "spawn",
                          (c, m) -> {
                            c.spawn(ChildSpec.of("target", "t").mailbox(CAPACITY, overflow));
                            return null;
                          })
                      .on(
                          "tell",
                          (c, m) -> {
                            c.tell(c.actor("target", "t"), "put", m.payload());
                            return null;
                          })
                      .on(
                          "tell_twice_more",
                          (c, m) -> {
                            for (int i = 0; i < CAPACITY + 2; i++) {
                              c.tell(c.actor("target", "t"), "put", i);
                            }
                            return null;
                          })
                      .on(
                          "tell_together",
                          (c, m) -> {
                            ActorRef target = c.actor("target", "t");
                            for (int i = 0; i < CAPACITY + 2; i++) {
                              c.tell(target, "put", i);
                            }
                            return null;
                          })
                      .on(
                          "ask",
                          (c, m) ->
                              c.ask(
                                  c.actor("target", "t"),
                                  "put",
                                  m.payload(),
                                  Duration.ofMillis(50)))
                      .on(
                          "monitor",
                          (c, m) -> {
                            c.monitor(c.actor("target", "t"));
                            return null;
                          }),
              FacetCatalog.VIRTUAL_ACTOR));
      node.ask("owner", "o", "spawn");
      node.tell("target", "t", "hold", null);
      Node.await(held);
    }

    void fill() {
      for (int i = 0; i < CAPACITY; i++) {
        node.tell("target", "t", "put", i);
      }
    }

    List<Object> processed(int count) {
      List<Object> taken = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        taken.add(Node.take(processed));
      }
      return taken;
    }

    /// Lets senders wait for room.
    List<CompletableFuture<Object>> waitingSenders(int count) {
      List<CompletableFuture<Object>> sent = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        sent.add(node.asking("owner", "waiting" + i, "tell", "waited" + i));
      }
      LinkedMailbox mailbox = (LinkedMailbox) cell("target", "t").mailbox;
      Node.eventually(() -> mailbox.waiting() == count);
      return sent;
    }

    ActorCell cell(String type, String key) {
      return node.system.live(new Address(node.system.scope(Node.SCOPE), type, key));
    }

    long dead(DeadLetters.Reason reason) {
      return node.system.metrics().deadLetters().get("target").get(reason);
    }

    @Override
    public void close() {
      gate.countDown();
      node.close();
    }
  }

  @Test
  void reject_atTheBound_senderIsToldAndNothingWaitingIsLost() {
    try (Full full = new Full(Overflow.REJECT)) {
      full.fill();
      assertThat(full.node.tellFails("target", "t", "put", 99).code())
          .isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
      assertThat(full.node.askFails("target", "t", "put", 99).code())
          .isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
      assertThat(full.dead(DeadLetters.Reason.MAILBOX_FULL)).isEqualTo(2);
      full.gate.countDown();
      assertThat(full.processed(3)).containsExactly(0, 1, 2);
      assertThat(full.node.ask("target", "t", "put", 4)).isEqualTo(4);
    }
  }

  @Test
  void reject_atTheBound_volatileSenderGoesOnAndItsMessageIsADeadLetter() {
    try (Full full = new Full(Overflow.REJECT)) {
      full.fill();
      full.node.ask("owner", "o", "tell", 99);
      assertThat(full.dead(DeadLetters.Reason.MAILBOX_FULL)).isEqualTo(1);
      full.gate.countDown();
      assertThat(full.processed(3)).containsExactly(0, 1, 2);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"REJECT", "DROP_NEWEST"})
  void oneTurnSendsMoreThanThereIsRoomFor_theFirstOnesArrive(Overflow overflow) {
    try (Full full = new Full(overflow)) {
      full.node.ask("owner", "o", "tell_together");
      DeadLetters.Reason reason =
          overflow == Overflow.REJECT
              ? DeadLetters.Reason.MAILBOX_FULL
              : DeadLetters.Reason.DROPPED_NEWEST;
      assertThat(full.dead(reason)).isEqualTo(2);
      full.gate.countDown();
      assertThat(full.processed(CAPACITY)).containsExactly(0, 1, 2);
      assertThat(full.node.ask("target", "t", "put", 4)).isEqualTo(4);
    }
  }

  @Test
  void dropNewest_atTheBound_newMessageBecomesADeadLetter() {
    try (Full full = new Full(Overflow.DROP_NEWEST)) {
      full.fill();
      full.node.ask("owner", "o", "tell", 99);
      assertThat(full.dead(DeadLetters.Reason.DROPPED_NEWEST)).isEqualTo(1);
      assertThat(full.node.system.deadLetters().latest())
          .extracting(DeadLetters.DeadLetter::target, DeadLetters.DeadLetter::reason)
          .containsExactly(tuple("target/t", DeadLetters.Reason.DROPPED_NEWEST));
      full.gate.countDown();
      assertThat(full.processed(3)).containsExactly(0, 1, 2);
    }
  }

  @Test
  void dropOldest_atTheBound_oldestBecomesADeadLetterAndItsCallerIsTold() {
    try (Full full = new Full(Overflow.DROP_OLDEST)) {
      CompletableFuture<Object> oldest = full.node.asking("target", "t", "put", "first");
      full.node.tell("target", "t", "put", 1);
      full.node.tell("target", "t", "put", 2);
      full.node.tell("target", "t", "put", 3);
      PlexException told = Node.failure(oldest);
      assertThat(told.code()).isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
      assertThat(told).hasMessageContaining("target/t");
      assertThat(full.node.system.deadLetters().latest())
          .extracting(DeadLetters.DeadLetter::target, DeadLetters.DeadLetter::reason)
          .containsExactly(tuple("target/t", DeadLetters.Reason.DROPPED_OLDEST));
      assertThat(full.dead(DeadLetters.Reason.DROPPED_OLDEST)).isEqualTo(1);
      full.gate.countDown();
      assertThat(full.processed(3)).containsExactly(1, 2, 3);
    }
  }

  @Test
  void dropOldest_platformMessagesWaiting_areNeverDropped() {
    try (Full full = new Full(Overflow.DROP_OLDEST)) {
      Address target =
          full.node
                      .system
                      .resolveQuietly(
                          new Address(full.node.system.scope(Node.SCOPE), "target", "t"))
                      .context()
                      .self()
                  instanceof Address a
              ? a
              : null;
      for (int i = 0; i < CAPACITY + 2; i++) {
        full.node.system.info(target, "put", "info" + i);
      }
      assertThat(full.node.tellFails("target", "t", "put", 99).code())
          .as("nothing there that may be dropped")
          .isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
      full.gate.countDown();
      assertThat(full.processed(CAPACITY + 2))
          .containsExactly("info0", "info1", "info2", "info3", "info4");
    }
  }

  @Test
  void block_atTheBound_sendingActorWaitsAndNothingIsLost() {
    try (Full full = new Full(Overflow.BLOCK)) {
      full.fill();
      CompletableFuture<Object> sent = full.node.asking("owner", "o", "tell", 3);
      Node.eventually(() -> full.node.system.actor(Node.id("target", "t")).isPresent());
      assertThat(full.processed).isEmpty();
      assertThat(sent).isNotDone();
      full.gate.countDown();
      Node.await(sent);
      assertThat(full.processed(4)).containsExactly(0, 1, 2, 3);
      assertThat(full.dead(DeadLetters.Reason.MAILBOX_FULL)).isZero();
    }
  }

  private static final Duration BLOCK_MAX = Duration.ofNanos(LinkedMailbox.BLOCK_MAX_NANOS);

  @Test
  void block_senderThatIsKilled_stopsWaiting() {
    try (Full full = new Full(Overflow.BLOCK, Node.withManualTime())) {
      full.fill();
      CompletableFuture<Object> sent = full.waitingSenders(1).getFirst();
      LinkedMailbox mailbox = (LinkedMailbox) full.cell("target", "t").mailbox;
      full.cell("owner", "waiting0").kill();
      // Time stands still and there is no room: nothing else could end its wait.
      Node.eventually(() -> full.dead(DeadLetters.Reason.MAILBOX_FULL) == 1);
      assertThat(mailbox.waiting()).isZero();
      Node.eventually(sent::isDone);
      full.gate.countDown();
      assertThat(full.processed(CAPACITY)).containsExactly(0, 1, 2);
      assertThat(full.node.ask("target", "t", "put", "next")).isEqualTo("next");
      assertThat(full.processed(1))
          .as("what the dead one sent is not there")
          .containsExactly("next");
    }
  }

  @Test
  void block_receiverEnds_allWaitingSendersGoOn() {
    int senders = 5;
    try (Full full = new Full(Overflow.BLOCK, Node.withManualTime())) {
      full.fill();
      List<CompletableFuture<Object>> sent = full.waitingSenders(senders);
      assertThat(sent).noneMatch(CompletableFuture::isDone);
      full.cell("target", "t").kill();
      sent.forEach(Node::await);
      Node.eventually(() -> full.dead(DeadLetters.Reason.NO_ACTOR) == senders);
      Node.eventually(() -> full.dead(DeadLetters.Reason.ACTOR_STOPPED) == CAPACITY);
      assertThat(full.dead(DeadLetters.Reason.MAILBOX_FULL)).isZero();
    }
  }

  @Test
  void block_noRoomWithinTheBound_senderGoesOnAndItsMessageIsADeadLetter() {
    try (Full full = new Full(Overflow.BLOCK, Node.withManualTime())) {
      full.fill();
      CompletableFuture<Object> sent = full.waitingSenders(1).getFirst();
      Node.eventually(() -> full.node.nextDue().equals(Optional.of(BLOCK_MAX)));
      full.node.advance(BLOCK_MAX.minusNanos(1));
      assertThat(full.node.nextDue()).as("it still waits").contains(Duration.ofNanos(1));
      assertThat(sent).isNotDone();
      full.node.advance(Duration.ofNanos(1));
      Node.await(sent);
      assertThat(full.dead(DeadLetters.Reason.MAILBOX_FULL)).isEqualTo(1);
      assertThat(((LinkedMailbox) full.cell("target", "t").mailbox).waiting()).isZero();
      full.gate.countDown();
      assertThat(full.processed(CAPACITY)).containsExactly(0, 1, 2);
    }
  }

  /// Without a runner: when those that wait are woken, and when not.
  @Test
  void block_waitingSendersAreWoken_whenHalfOfTheRoomIsFreeOrNothingIsLeftToWaitFor() {
    try (Full full = new Full(Overflow.BLOCK, Node.withManualTime())) {
      for (int end = 0; end < 4; end++) {
        LinkedMailbox mailbox = new LinkedMailbox(4, Overflow.BLOCK);
        for (int i = 0; i < 4; i++) {
          mailbox.offer(message(i), false);
        }
        List<TimedWait> waits = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          TimedWait wait = new TimedWait(BLOCK_MAX.toNanos(), full.cell("target", "t"));
          mailbox.enter(wait);
          waits.add(wait);
        }
        TimedWait withdrawn = new TimedWait(BLOCK_MAX.toNanos(), full.cell("target", "t"));
        mailbox.enter(withdrawn);
        mailbox.withdraw(withdrawn);
        mailbox.poll();
        assertThat(waits).as("three of four still there").noneMatch(TimedWait::ready);
        switch (end) {
          case 0 -> mailbox.poll();
          case 1 -> mailbox.close();
          case 2 -> {
            drain(mailbox);
            mailbox.tryIdle();
          }
          default -> {
            drain(mailbox);
            mailbox.tryClose();
          }
        }
        assertThat(waits).as("end %d", end).allMatch(TimedWait::ready);
        assertThat(withdrawn.ready()).isFalse();
        assertThat(mailbox.waiting()).isZero();
      }
    }
  }

  @Test
  void block_senderFillsAnIdleActorInOneTurn_receiverRunsMeanwhile() {
    try (Full full = new Full(Overflow.BLOCK)) {
      full.gate.countDown();
      full.node.ask("owner", "o", "tell_twice_more");
      assertThat(full.processed(CAPACITY + 2)).containsExactly(0, 1, 2, 3, 4);
    }
  }

  @Test
  void block_outsideCaller_isRejectedBecauseItMustNotWait() {
    try (Full full = new Full(Overflow.BLOCK)) {
      full.fill();
      assertThat(full.node.tellFails("target", "t", "put", 99).code())
          .isEqualTo(ErrorCode.RESOURCE_EXHAUSTED);
    }
  }

  @Test
  void block_askWithATimeout_waitsForRoomNoLongerThanThat() {
    try (Full full = new Full(Overflow.BLOCK)) {
      full.fill();
      // Thirty seconds, the bound for tells, would be beyond the timeout of this call.
      assertThat(
              Node.failure(
                      full.node.asking(
                          Node.context(),
                          "owner",
                          "o",
                          Node.request("ask", 1, Duration.ofSeconds(20))))
                  .code())
          .isEqualTo(ErrorCode.ACTOR_CRASHED);
    }
  }

  @Test
  void platformMessage_toAFullMailbox_isDelivered() {
    try (Full full = new Full(Overflow.REJECT)) {
      full.fill();
      Address target = new Address(full.node.system.scope(Node.SCOPE), "target", "t");
      full.node.system.info(target, "put", "info");
      full.gate.countDown();
      assertThat(full.processed(4)).containsExactly(0, 1, 2, "info");
    }
  }
}
