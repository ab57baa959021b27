package dev.plexspaces.testkit.sim;

import java.util.ArrayList;
import java.util.List;

/// What happened in a world, one line an event in fixed columns: number, seconds of simulated time,
/// node, event, detail. The same seed writes the same lines in every JVM.
public final class Trace {

  /// Lines kept; a run that writes more is cut at its beginning.
  public static final int LINES_MAX = 400_000;

  private final SimClock clock;
  private final List<String> lines = new ArrayList<>();
  private long count;
  private long hash = 0xcbf29ce484222325L;

  Trace(SimClock clock) {
    this.clock = clock;
  }

  void add(int node, String event, String detail) {
    long micros = clock.nanoTime() / 1_000;
    StringBuilder line = new StringBuilder(64 + detail.length());
    padLeft(line, Long.toString(count++), 7, ' ').append(' ');
    padLeft(line, Long.toString(micros / 1_000_000), 5, ' ').append('.');
    padLeft(line, Long.toString(micros % 1_000_000), 6, '0').append(" n").append(node).append(' ');
    line.append(event).repeat(' ', Math.max(1, 10 - event.length())).append(detail);
    for (int i = 0; i < line.length(); i++) {
      hash = (hash ^ line.charAt(i)) * 0x100000001b3L;
    }
    if (lines.size() == LINES_MAX) {
      lines.subList(0, LINES_MAX / 2).clear();
    }
    lines.add(line.toString());
  }

  private static StringBuilder padLeft(StringBuilder to, String text, int width, char with) {
    return to.repeat(with, Math.max(0, width - text.length())).append(text);
  }

  /// A digest of all lines ever written, hexadecimal.
  public String digest() {
    return Long.toHexString(hash);
  }

  /// Lines written so far.
  public long count() {
    return count;
  }

  /// The lines, oldest first.
  public List<String> lines() {
    return List.copyOf(lines);
  }

  /// The last `n` lines.
  public List<String> tail(int n) {
    return List.copyOf(lines.subList(Math.max(0, lines.size() - n), lines.size()));
  }
}
