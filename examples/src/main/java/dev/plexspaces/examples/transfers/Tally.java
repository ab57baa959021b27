package dev.plexspaces.examples.transfers;

/// What happened, in a few numbers however often it did: two tallies are equal only when the same
/// movements were counted, each as often.
///
/// @param count how many movements
/// @param amount the sum of their amounts
/// @param ids the sum of their ids, modulo 2^64. With ids drawn at random, one that is missing or
///   counted twice shows here even when the other two numbers happen to fit
public record Tally(long count, long amount, long ids) {

  /// Nothing happened.
  public static final Tally NONE = new Tally(0, 0, 0);

  /// With one movement more.
  public Tally plus(long id, long amount) {
    return new Tally(count + 1, this.amount + amount, ids + id);
  }
}
