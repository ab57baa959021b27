package dev.plexspaces.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The arithmetic of a comparison, with contestants whose time is made up.
class ComparisonTest {

  private static final Comparison.Timing TIMING = new Comparison.Timing(10, 3, 1, 1);

  @TempDir private Path folder;

  /// @param nanosPerOperation by setting
  private record Fake(String name, Map<String, Long> nanosPerOperation)
      implements Contestant.Family {
    @Override
    public List<String> settings(Workload workload) {
      return nanosPerOperation.keySet().stream().sorted().toList();
    }

    @Override
    public Contestant open(String setting) {
      return new Contestant() {
        private long cpu = 1_000_000;

        /// On two processors all the time.
        @Override
        public long run(Workload workload, long operations) {
          long nanos = operations * nanosPerOperation.get(setting);
          cpu += 2 * nanos;
          return nanos;
        }

        @Override
        public long cpuNanos() {
          return cpu;
        }

        @Override
        public IdleCost idle(int actors) {
          throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
      };
    }
  }

  private String report(List<Contestant.Family> families) throws Exception {
    Path file = folder.resolve("result.txt");
    try (Report report = new Report(file, "test")) {
      new Comparison(TIMING, report)
          .run(
              new Workload.PingPong(1, 0),
              families,
              List.of(new Comparison.Goal("peer", 1.5), new Comparison.Goal("other", 3)));
    }
    return Files.readString(file);
  }

  @Test
  void tuning_severalSettings_fastestRunsInTheComparison() throws Exception {
    String text =
        report(
            List.of(
                new Fake("plexspaces", Map.of("defaults", 100L)),
                new Fake("peer", Map.of("a", 400L, "b", 200L, "c", 300L))));

    assertThat(text).containsPattern("peer +5,000,000 +5,000,000 +5,000,000 +400 ns +b\n");
  }

  @Test
  void ratio_goals_metAndMissed() throws Exception {
    String text =
        report(
            List.of(
                new Fake("plexspaces", Map.of("defaults", 100L)),
                new Fake("peer", Map.of("x", 200L)),
                new Fake("other", Map.of("x", 200L))));

    assertThat(text)
        .contains("ratio plexspaces / peer: 2.00 (rounds 2.00 .. 2.00)   goal >= 1.50 met")
        .contains("ratio plexspaces / other: 2.00 (rounds 2.00 .. 2.00)   goal >= 3.00 MISSED");
  }

  @Test
  void ratio_withoutOurs_notPrinted() throws Exception {
    String text =
        report(List.of(new Fake("peer", Map.of("x", 200L)), new Fake("other", Map.of("x", 100L))));

    assertThat(text).doesNotContain("\nratio");
  }

  @Test
  void median_evenCount_isTheMeanOfTheMiddle() {
    assertThat(Comparison.median(new double[] {1, 2, 4, 9})).isEqualTo(3);
    assertThat(Comparison.median(new double[] {1, 2, 9})).isEqualTo(2);
  }
}
