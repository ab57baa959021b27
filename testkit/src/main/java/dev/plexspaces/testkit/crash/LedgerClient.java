package dev.plexspaces.testkit.crash;

import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.testkit.crash.LedgerPort.Answer;
import dev.plexspaces.testkit.crash.LedgerPort.Wrong;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/// One client: sends transfers from accounts that are its own, one at a time, and settles what
/// became of each before the next. Credits and interest reach its accounts meanwhile.
///
/// With a key it sends a transfer again until it is answered. Without, it sends once; when no
/// answer comes it asks the account in the next life whether the transfer is among its debits.
final class LedgerClient implements Runnable {

  private static final int CONFLICT = 409;

  /// One in so many requests with a key is sent again later.
  private static final int AGAIN_ONE_IN = 10;

  /// One in so many of these with another amount, which must be refused.
  private static final int OTHER_BODY_ONE_IN = 5;

  /// Answered requests kept for that; a new one replaces a random old one.
  private static final int ANSWERED_MAX = 200;

  /// Counts of one client; read when it has ended, or roughly while it runs.
  static final class Counts {
    volatile long requests;
    volatile long retries;
    volatile long acknowledged;
    volatile long transfers;
    volatile long unanswered;
    volatile long unansweredHappened;
    volatile long refused;
    volatile long sentAgain;
  }

  private record Answered(Transfer transfer, String key, Answer answer) {}

  final Counts counts = new Counts();

  private final CampaignOptions options;
  private final int number;
  private final LedgerPort port;
  private final Books books;
  private final BooleanSupplier over;
  private final SplittableRandom random;
  private final List<Answered> answered = new ArrayList<>();

  /// @param over true when no new transfer is wanted
  LedgerClient(
      CampaignOptions options, int number, LedgerPort port, Books books, BooleanSupplier over) {
    this.options = options;
    this.number = number;
    this.port = port;
    this.books = books;
    this.over = over;
    this.random = new SplittableRandom(options.seed() * CampaignOptions.CLIENTS_MAX + number);
  }

  /// Works until told to end.
  ///
  /// @throws Wrong at the first answer that breaks a promise
  @Override
  public void run() {
    try {
      while (!over.getAsBoolean()) {
        int mine = (options.accounts() - 1 - number) / options.clients() + 1;
        int from = number + options.clients() * random.nextInt(mine);
        Transfer transfer = Transfer.draw(random, from, options.accounts());
        if (random.nextInt(100) < options.keyedPercent()) {
          untilAnswered(transfer);
        } else {
          once(transfer);
        }
        if (!answered.isEmpty() && random.nextInt(AGAIN_ONE_IN) == 0) {
          Answered before = answered.get(random.nextInt(answered.size()));
          if (random.nextInt(OTHER_BODY_ONE_IN) == 0) {
            underTheSameKey(before);
          } else {
            again(before);
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void once(Transfer transfer) throws InterruptedException {
    counts.requests++;
    Optional<Answer> answer = send(transfer, Optional.empty());
    if (answer.isPresent() && answer.get().status() == LedgerPort.OK) {
      acknowledged(transfer, answer.get());
    } else if (answer.isPresent() && LedgerPort.isRefusal(answer.get())) {
      counts.refused++;
      Thread.sleep(LedgerPort.AGAIN_AFTER_MILLIS);
    } else if (answer.isPresent() && !LedgerPort.mayAskAgain(answer.get())) {
      throw new Wrong(transfer + " was answered with " + answer.get());
    } else {
      counts.unanswered++;
      findOut(transfer);
    }
  }

  /// The request is in no life's memory any more, or its account takes our question after it.
  private void findOut(Transfer transfer) throws InterruptedException {
    Tally without = books.debited(transfer.from());
    Tally with = without.plus(transfer.id(), transfer.amount());
    Tally found = debits(transfer.from());
    if (found.equals(with)) {
      counts.unansweredHappened++;
      happened(transfer);
    } else if (!found.equals(without)) {
      throw new Wrong(
          "unanswered "
              + transfer
              + ": its account's debits must be "
              + without
              + " or "
              + with
              + " and are "
              + found);
    }
  }

  private void untilAnswered(Transfer transfer) throws InterruptedException {
    String key = "crashtest-" + options.seed() + "-" + Long.toHexString(transfer.id());
    counts.requests++;
    int tries = 0;
    Answer answer = null;
    long began = System.nanoTime();
    while (answer == null) {
      Optional<Answer> came = send(transfer, Optional.of(key));
      tries++;
      if (came.isPresent() && came.get().status() == LedgerPort.OK) {
        answer = came.get();
      } else if (came.isPresent() && !LedgerPort.mayAskAgain(came.get())) {
        throw new Wrong(transfer + " was answered with " + came.get());
      } else if (System.nanoTime() - began > LedgerPort.QUESTION_MAX.toNanos()) {
        throw new Wrong(transfer + " got no answer in " + tries + " tries; the last was " + came);
      } else {
        counts.retries++;
        if (came.isPresent() && LedgerPort.isRefusal(came.get())) {
          counts.refused++;
        }
        Thread.sleep(LedgerPort.AGAIN_AFTER_MILLIS);
      }
    }
    acknowledged(transfer, answer);
    if (tries > 1) {
      Tally found = debits(transfer.from());
      Tally expected = books.debited(transfer.from());
      if (!found.equals(expected)) {
        throw new Wrong(
            transfer
                + " was sent "
                + tries
                + " times with one key: its account's debits must be "
                + expected
                + " and are "
                + found);
      }
    }
    Answered done = new Answered(transfer, key, answer);
    if (answered.size() < ANSWERED_MAX) {
      answered.add(done);
    } else {
      answered.set(random.nextInt(ANSWERED_MAX), done);
    }
  }

  /// A key that was answered is answered the same again, whatever happened since.
  private void again(Answered before) throws InterruptedException {
    counts.sentAgain++;
    long began = System.nanoTime();
    while (true) {
      Optional<Answer> answer = send(before.transfer(), Optional.of(before.key()));
      if (answer.isPresent() && answer.get().equals(before.answer())) {
        return;
      }
      if ((answer.isPresent() && !LedgerPort.mayAskAgain(answer.get()))
          || System.nanoTime() - began > LedgerPort.QUESTION_MAX.toNanos()) {
        throw new Wrong(
            before.transfer()
                + " was answered with "
                + before.answer()
                + "; sent again with the same key it was answered with "
                + answer);
      }
      Thread.sleep(LedgerPort.AGAIN_AFTER_MILLIS);
    }
  }

  /// Another request under a key that was used: refused for good, and nothing happens.
  private void underTheSameKey(Answered before) throws InterruptedException {
    Transfer old = before.transfer();
    Transfer other =
        new Transfer(old.id(), old.from(), old.to(), old.amount() + 1, old.interestAfterMillis());
    Optional<Answer> answer = send(other, Optional.of(before.key()));
    if (answer.isPresent()
        && answer.get().status() != CONFLICT
        && !LedgerPort.mayAskAgain(answer.get())) {
      throw new Wrong(
          other + " was sent under the key of " + old + " and answered with " + answer.get());
    }
  }

  private Optional<Answer> send(Transfer transfer, Optional<String> key)
      throws InterruptedException {
    return port.ask(LedgerPort.ACCOUNT, Books.key(transfer.from()), transfer.body(), key);
  }

  private Tally debits(int account) throws InterruptedException {
    return Tally.of(port.report(LedgerPort.ACCOUNT, Books.key(account)), "debited");
  }

  private void acknowledged(Transfer transfer, Answer answer) {
    counts.acknowledged++;
    Object status = Json.parse(answer.body()) instanceof Map<?, ?> reply ? reply.get("status") : "";
    if ("ok".equals(status)) {
      happened(transfer);
    } else if (!"insufficient_funds".equals(status)) {
      throw new Wrong(transfer + " was answered with " + answer);
    }
  }

  private void happened(Transfer transfer) {
    counts.transfers++;
    books.happened(transfer);
  }
}
