package dev.plexspaces.testkit.crash;

import java.util.Map;

/// A count of movements as the sample `transfers` keeps it: equal only when the same ids were
/// counted, each as often.
record Tally(long count, long amount, long ids) {

  static final Tally NONE = new Tally(0, 0, 0);

  Tally plus(long id, long amount) {
    return new Tally(count + 1, this.amount + amount, ids + id);
  }

  Tally plus(Tally other) {
    return new Tally(count + other.count, amount + other.amount, ids + other.ids);
  }

  /// A field of a report.
  static Tally of(Map<?, ?> report, String field) {
    Map<?, ?> tally = (Map<?, ?>) report.get(field);
    return new Tally(
        (Long) tally.get("count"), (Long) tally.get("amount"), (Long) tally.get("ids"));
  }

  @Override
  public String toString() {
    return count + " of " + amount + " (ids " + Long.toHexString(ids) + ")";
  }
}
