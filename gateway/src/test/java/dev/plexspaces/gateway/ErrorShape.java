package dev.plexspaces.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.plexspaces.gateway.TestEdge.Answer;
import java.util.Map;

/// The one shape of an error.
final class ErrorShape {

  private ErrorShape() {}

  /// Checks the shape and that nothing inside of us shows.
  static void assertError(Answer answer, int status, String code) {
    assertThat(answer.status()).as(answer.text()).isEqualTo(status);
    assertThat(answer.header("content-type")).startsWith("application/json");
    Map<String, Object> error = answer.error();
    assertThat(answer.object()).containsOnlyKeys("error");
    assertThat(error)
        .containsEntry("status", (long) status)
        .containsEntry("code", code)
        .containsEntry("request_id", answer.header("PlexSpaces-Request-Id"));
    assertThat((String) error.get("message")).isNotBlank();
    assertClean(answer.text());
    assertThat(answer.header("server")).isNull();
  }

  static void assertClean(String text) {
    assertThat(text)
        .doesNotContain("Exception")
        .doesNotContain("java.")
        .doesNotContain("com.linecorp")
        .doesNotContain("dev.plexspaces")
        .doesNotContain("\tat ")
        .doesNotContain(System.getProperty("java.io.tmpdir"));
  }
}
