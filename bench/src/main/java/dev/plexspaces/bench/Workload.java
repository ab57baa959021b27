package dev.plexspaces.bench;

/// What is measured, independent of who runs it. Every contestant does exactly this work with the
/// messages, actors and waiting described here.
sealed interface Workload {

  /// How long a handler that blocks sleeps, milliseconds.
  long BLOCK_MS = 1;

  /// The name of the line in a result file, such as `ping-pong-16`.
  String name();

  /// What is counted, per second.
  String unit();

  /// Where calibration starts; also the least a round ever runs.
  long smallest();

  /// True when a round always runs [#smallest] operations.
  default boolean fixed() {
    return false;
  }

  /// True when every tenth handler sleeps.
  default boolean blocks() {
    return false;
  }

  /// Pairs of actors throw one ball each to and fro; an operation is one message.
  ///
  /// @param blockEvery every n-th message an actor handles sleeps [#BLOCK_MS]; 0 is never
  record PingPong(int pairs, int blockEvery) implements Workload {
    @Override
    public String name() {
      return "ping-pong-" + pairs + (blocks() ? "-blocking" : "");
    }

    @Override
    public String unit() {
      return "messages/s";
    }

    @Override
    public long smallest() {
      return 200L * pairs;
    }

    @Override
    public boolean blocks() {
      return blockEvery > 0;
    }

    /// Balls that each of the two players of a pair catches in a round of `messages`.
    long catches(long messages) {
      return Math.max(1, messages / (2L * pairs));
    }
  }

  /// Producers send to one consumer as fast as it takes; an operation is one message consumed.
  ///
  /// A producer sends [#CHUNK] messages per turn and then tells itself to go on, so that producers
  /// share the machine with the consumer everywhere.
  record FanIn(int producers) implements Workload {
    /// Messages a producer sends in one turn.
    static final int CHUNK = 100;

    @Override
    public String name() {
      return "fan-in-" + producers;
    }

    @Override
    public String unit() {
      return "messages/s";
    }

    @Override
    public long smallest() {
      return 1_000L * producers;
    }

    /// Messages each producer sends in a round of `messages`.
    long share(long messages) {
      return Math.max(1, messages / producers);
    }
  }

  /// A tree of actors: every inner actor spawns `fanOut` children, a leaf tells its number to its
  /// parent and stops, a parent adds up, tells its own parent and stops. An operation is one leaf.
  record Skynet(int leaves, int fanOut) implements Workload {
    @Override
    public String name() {
      return "skynet";
    }

    @Override
    public String unit() {
      return "leaves/s";
    }

    @Override
    public long smallest() {
      return leaves;
    }

    @Override
    public boolean fixed() {
      return true;
    }

    /// What the root must return.
    long sum() {
      return (long) leaves * (leaves - 1) / 2;
    }
  }

  /// Threads outside the system ask echo actors and keep `outstanding` asks in flight; an operation
  /// is one reply received.
  record AskFromOutside(int servers, int outstanding, int blockEvery) implements Workload {
    /// Threads that ask.
    static final int DRIVERS = 2;

    @Override
    public String name() {
      return "ask-outside-" + outstanding + (blocks() ? "-blocking" : "");
    }

    @Override
    public String unit() {
      return "asks/s";
    }

    @Override
    public long smallest() {
      return 20L * outstanding;
    }

    @Override
    public boolean blocks() {
      return blockEvery > 0;
    }
  }

  /// Pairs of actors: one asks, the other answers, one ask in flight per pair; an operation is one
  /// reply received by the asking actor.
  record AskFromActor(int pairs) implements Workload {
    @Override
    public String name() {
      return "ask-actor-" + pairs;
    }

    @Override
    public String unit() {
      return "asks/s";
    }

    @Override
    public long smallest() {
      return 200L * pairs;
    }

    /// Asks per pair in a round of `asks`.
    long share(long asks) {
      return Math.max(1, asks / pairs);
    }
  }
}
