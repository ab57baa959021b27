package dev.plexspaces.examples.counter;

import dev.plexspaces.sdk.ActorException;
import dev.plexspaces.sdk.GenServer;
import dev.plexspaces.sdk.Handler;
import dev.plexspaces.sdk.Param;
import dev.plexspaces.sdk.State;

/// Counts. Every key is a counter of its own; it is created by its first message and survives
/// crashes because the application gives it the `durability` facet.
@GenServer
public class Counter {

  /// The reply of every operation, `{"count": n}`.
  public record Count(long count) {}

  @State private long count;

  /// Adds `amount`, 1 if it is not given; may be negative.
  @Handler("increment")
  Count increment(@Param(defaultValue = "1") long amount) {
    try {
      count = Math.addExact(count, amount);
    } catch (ArithmeticException e) {
      // A declared error: the caller is told, nothing changes and the actor lives on.
      throw ActorException.invalid("amount", "would count beyond a 64-bit integer");
    }
    return new Count(count);
  }

  /// `call` makes it the answer to a plain `GET` as well.
  @Handler({"get", "call"})
  Count get() {
    return new Count(count);
  }

  @Handler("reset")
  Count reset() {
    count = 0;
    return new Count(count);
  }

  /// Crashes, to see what happens then: the next message finds the count as it was committed.
  @Handler("fail")
  void fail() {
    count = -1; // never seen again
    throw new IllegalStateException("asked to fail");
  }
}
