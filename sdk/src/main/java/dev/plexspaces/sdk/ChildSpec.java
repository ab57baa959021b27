package dev.plexspaces.sdk;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/// How to start, restart and stop one child. Source: OTP `child_spec()`.
///
/// @param id the child's name under its parent, and its key unless `key` says otherwise
/// @param type actor type to start
/// @param key key of the actor
/// @param args passed to [Actor#init]; JSON-able values
/// @param restart default permanent
/// @param shutdownTimeout how long an orderly stop may take before the child is killed; default 5
///   s; `ZERO` kills at once
/// @param mailboxCapacity user messages that may wait; default 10,000
/// @param overflow what happens to a message beyond `mailboxCapacity`
/// @param facets facets of this child, besides those its class declares
public record ChildSpec(
    String id,
    String type,
    String key,
    Map<String, Object> args,
    RestartType restart,
    Duration shutdownTimeout,
    int mailboxCapacity,
    Overflow overflow,
    List<FacetSpec> facets) {

  /// Default bound of a mailbox, messages.
  public static final int MAILBOX_CAPACITY = 10_000;

  /// Default time for an orderly stop.
  public static final Duration SHUTDOWN_TIMEOUT = Duration.ofSeconds(5);

  /// What a full mailbox does.
  public enum Overflow {
    /// The sender gets `RESOURCE_EXHAUSTED`.
    REJECT,
    /// The message that waits longest becomes a dead letter.
    DROP_OLDEST,
    /// The new message becomes a dead letter.
    DROP_NEWEST,
    /// The sender waits for room; senders that cannot wait are rejected.
    BLOCK
  }

  public ChildSpec {
    args = Map.copyOf(args);
    facets = List.copyOf(facets);
    if (mailboxCapacity < 1) {
      throw new IllegalArgumentException("mailboxCapacity: must be at least 1");
    }
  }

  /// A permanent child with default limits whose key is its id.
  public static ChildSpec of(String type, String id) {
    return new ChildSpec(
        id,
        type,
        id,
        Map.of(),
        RestartType.PERMANENT,
        SHUTDOWN_TIMEOUT,
        MAILBOX_CAPACITY,
        Overflow.REJECT,
        List.of());
  }

  public ChildSpec args(Map<String, Object> args) {
    return new ChildSpec(
        id, type, key, args, restart, shutdownTimeout, mailboxCapacity, overflow, facets);
  }

  public ChildSpec restart(RestartType restart) {
    return new ChildSpec(
        id, type, key, args, restart, shutdownTimeout, mailboxCapacity, overflow, facets);
  }

  public ChildSpec shutdownTimeout(Duration shutdownTimeout) {
    return new ChildSpec(
        id, type, key, args, restart, shutdownTimeout, mailboxCapacity, overflow, facets);
  }

  public ChildSpec mailbox(int capacity, Overflow overflow) {
    return new ChildSpec(id, type, key, args, restart, shutdownTimeout, capacity, overflow, facets);
  }

  public ChildSpec facets(List<FacetSpec> facets) {
    return new ChildSpec(
        id, type, key, args, restart, shutdownTimeout, mailboxCapacity, overflow, facets);
  }
}
