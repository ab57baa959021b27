package dev.plexspaces.testkit.sim;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/// The command `simulate`: runs the bank for many seeds and stops at the first that fails.
///
/// Arguments: `--seeds N` how many, default 200; `--seed S` the first one, default 1; `--trace`
/// prints the whole trace of each; `--keep-going` runs all seeds and prints one line for each that
/// fails; `--digests` prints a digest of each trace. The last line says how often what happened, so
/// that one sees that it was exercised. Exit code 1 on failure, 2 for wrong arguments.
public final class Simulate {

  /// Lines of the trace shown of a failed run.
  public static final int TAIL_LINES = 60;

  private static final int PROGRESS_EVERY = 500;

  private Simulate() {}

  public static void main(String[] args) {
    System.exit(run(args, System.out));
  }

  /// Runs the command.
  ///
  /// @return the exit code
  public static int run(String[] args, PrintStream out) {
    return run(args, out, BankWorld::new);
  }

  static int run(String[] args, PrintStream out, LongFunction<BankWorld> worlds) {
    long seeds = 200;
    long first = 1;
    boolean traces = false;
    boolean keepGoing = false;
    boolean digests = false;
    try {
      for (int i = 0; i < args.length; i++) {
        switch (args[i]) {
          case "--seeds" -> seeds = Long.parseLong(args[++i]);
          case "--seed" -> first = Long.parseLong(args[++i]);
          case "--trace" -> traces = true;
          case "--keep-going" -> keepGoing = true;
          case "--digests" -> digests = true;
          default -> throw new IllegalArgumentException("unknown argument " + args[i]);
        }
      }
    } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      out.println(
          "usage: simulate [--seeds N] [--seed S] [--trace] [--keep-going] [--digests]; "
              + e.getMessage());
      return 2;
    }
    long began = System.nanoTime();
    long failed = 0;
    TreeMap<String, Long> counts = new TreeMap<>();
    long lines = 0;
    for (long seed = first; seed < first + seeds; seed++) {
      BankWorld bank = worlds.apply(seed);
      try {
        bank.run();
      } catch (RuntimeException | Error failure) {
        failed++;
        if (keepGoing) {
          out.println(failure.getMessage().lines().findFirst().orElse(""));
          continue;
        }
        bank.world().trace().tail(traces ? Trace.LINES_MAX : TAIL_LINES).forEach(out::println);
        out.println();
        out.println("seed " + seed + " failed: " + failure.getMessage());
        if (!(failure instanceof Violation)) {
          failure.printStackTrace(out);
          out.println("repeat: " + bank.world().command());
        }
        return 1;
      }
      if (traces) {
        bank.world().trace().lines().forEach(out::println);
      }
      if (digests) {
        out.println("digest " + seed + " " + bank.world().trace().digest());
      }
      bank.world().counts().forEach((what, count) -> counts.merge(what, count, Long::sum));
      lines += bank.world().trace().count();
      long done = seed - first + 1;
      if (done % PROGRESS_EVERY == 0 && done < seeds) {
        out.println(done + " seeds, " + lines + " events; " + text(counts));
      }
    }
    double seconds = (System.nanoTime() - began) / (double) TimeUnit.SECONDS.toNanos(1);
    out.println(
        String.format(
            Locale.ROOT,
            "%d seeds from %d: %d failed; %s; %d events, %.1f s",
            seeds,
            first,
            failed,
            text(counts),
            lines,
            seconds));
    return failed == 0 ? 0 : 1;
  }

  private static String text(Map<String, Long> counts) {
    return counts.entrySet().stream()
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .collect(Collectors.joining(", "));
  }
}
