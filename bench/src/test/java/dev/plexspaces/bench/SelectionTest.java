package dev.plexspaces.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SelectionTest {

  private static final String PROPERTY = "bench.of-this-test";

  @AfterEach
  void clear() {
    System.clearProperty(PROPERTY);
  }

  private static Selection chosen(String names) {
    System.setProperty(PROPERTY, names);
    return Selection.of(PROPERTY, List.of("one", "other"));
  }

  @Test
  void nothing_isAll() {
    assertThat(chosen("").has("one")).isTrue();
  }

  @Test
  void names_areThoseAndNoOthers() {
    assertThat(chosen("one").has("one")).isTrue();
    assertThat(chosen("one").has("other")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"two", "one,two", "two,one"})
  void unknownName_isRefusedWithWhatThereIs(String names) {
    assertThatThrownBy(() -> chosen(names))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(PROPERTY + ": there is no `two`; there are [one, other]");
  }

  @Test
  void emptyName_isUnknownToo() {
    assertThatThrownBy(() -> chosen("one,")).hasMessageContaining("there is no ``");
  }

  @Test
  void contestantsOfTheMessagingBenchmark_areKnownByTheNamesInItsTables() {
    assertThat(Messaging.contestantNames())
        .containsExactlyInAnyOrder(
            "plexspaces",
            "pekko-fork-join",
            "pekko-virtual-threads",
            "erlang",
            "sleep-alone-virtual",
            "sleep-alone-platform");
  }
}
