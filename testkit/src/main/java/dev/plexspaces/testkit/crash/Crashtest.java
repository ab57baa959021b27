package dev.plexspaces.testkit.crash;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The command `crashtest`: one [Campaign].
///
/// Arguments: `--minutes N` how long it kills, fractions allowed, default 1; `--kills N` ends it
/// after so many; `--accounts N`, `--clients N`, `--keyed PERCENT` as in [CampaignOptions]; `--seed
/// S`, default 1; `--data DIR` where the node keeps its data, default a temporary directory that is
/// deleted when all was well; `--hog FILE` a file on the node's disk, which is a small one of its
/// own, that takes all its room now and then. What follows `--` runs a node. Exit code 1 for a
/// broken promise, 2 for wrong arguments.
public final class Crashtest {

  private static final double SECONDS_PER_MINUTE = 60;

  private Crashtest() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    System.exit(run(args, System.out));
  }

  /// Runs the command.
  ///
  /// @return the exit code
  public static int run(String[] args, PrintStream out) throws IOException, InterruptedException {
    double minutes = 1;
    int kills = Integer.MAX_VALUE;
    int accounts = CampaignOptions.ACCOUNTS;
    int clients = CampaignOptions.CLIENTS;
    int keyed = CampaignOptions.KEYED_PERCENT;
    long seed = 1;
    Path data = null;
    Optional<Path> hog = Optional.empty();
    CampaignOptions options;
    Path temporary = Files.createTempDirectory("plexspaces-crashtest");
    try {
      int i = 0;
      for (; i < args.length && !args[i].equals("--"); i++) {
        switch (args[i]) {
          case "--minutes" -> minutes = Double.parseDouble(args[++i]);
          case "--kills" -> kills = Integer.parseInt(args[++i]);
          case "--accounts" -> accounts = Integer.parseInt(args[++i]);
          case "--clients" -> clients = Integer.parseInt(args[++i]);
          case "--keyed" -> keyed = Integer.parseInt(args[++i]);
          case "--seed" -> seed = Long.parseLong(args[++i]);
          case "--data" -> data = Path.of(args[++i]);
          case "--hog" -> hog = Optional.of(Path.of(args[++i]));
          default -> throw new IllegalArgumentException("unknown argument " + args[i]);
        }
      }
      List<String> command = Arrays.asList(args).subList(Math.min(i + 1, args.length), args.length);
      options =
          new CampaignOptions(
              Duration.ofSeconds(Math.round(minutes * SECONDS_PER_MINUTE)),
              kills,
              accounts,
              clients,
              keyed,
              seed,
              data == null ? temporary.resolve("data") : data,
              temporary.resolve("node.log"),
              hog,
              command);
      if (data != null && Files.exists(data) && !isEmpty(data)) {
        throw new IllegalArgumentException(data + " is not empty; a campaign starts from nothing");
      }
    } catch (NumberFormatException e) {
      return usage(out, "not a number: " + e.getMessage());
    } catch (ArrayIndexOutOfBoundsException e) {
      return usage(out, args[args.length - 1] + " needs a value");
    } catch (IllegalArgumentException e) {
      return usage(out, e.getMessage());
    }
    boolean well = new Campaign(options, out).run().violations().isEmpty();
    if (well) {
      delete(temporary);
    } else {
      out.println("data: " + options.data() + ", the node's log: " + options.log());
    }
    return well ? 0 : 1;
  }

  private static int usage(PrintStream out, String problem) {
    out.println(
        "usage: crashtest [--minutes N] [--kills N] [--accounts N] [--clients N]"
            + " [--keyed PERCENT] [--seed S] [--data DIR] [--hog FILE]; "
            + problem);
    return 2;
  }

  private static boolean isEmpty(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.findAny().isEmpty();
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
