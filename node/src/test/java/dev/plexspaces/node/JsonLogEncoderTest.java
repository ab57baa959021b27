package dev.plexspaces.node;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class JsonLogEncoderTest {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  @Test
  void line_isOneJsonObjectWithTheContext() {
    JsonNode line = encoded("said \"hi\"\n\u0007 \uD83D\uDE00 \uD800", null);

    assertThat(line.propertyNames())
        .containsExactly("time", "level", "logger", "message", "request_id", "trace_id");
    assertThat(line.get("time").asString()).isEqualTo("2026-11-21T10:00:00Z");
    assertThat(line.get("level").asString()).isEqualTo("WARN");
    assertThat(line.get("message").asString()).startsWith("said \"hi\"\n\u0007 \uD83D\uDE00 ");
    assertThat(line.get("request_id").asString()).isEqualTo("r1");
    assertThat(line.get("trace_id").asString()).isEqualTo("t1");
  }

  @Test
  void error_hasItsStackTrace() {
    JsonNode line = encoded("failed", new IllegalStateException("boom"));

    assertThat(line.get("error").asString())
        .startsWith("java.lang.IllegalStateException: boom")
        .contains("at dev.plexspaces.node.JsonLogEncoderTest");
  }

  @Test
  void tokens_areBlackedOutEverywhere() {
    String token = "eyJhbGciOiJFUzI1NiJ9.eyJ0ZW5hbnQiOiJhY21lIn0.c2lnbmF0dXJl";

    assertThat(encoded("got " + token + " from", null).get("message").asString())
        .isEqualTo("got [redacted] from");
    assertThat(encoded("Authorization: Bearer opaque-token", null).get("message").asString())
        .isEqualTo("Authorization: Bearer [redacted]");
    assertThat(encoded("failed", new IllegalStateException("bad " + token)).get("error").asString())
        .doesNotContain("c2lnbmF0dXJl");
  }

  @Test
  void endlessMessage_isCut() {
    String message = encoded("x".repeat(1_000_000), null).get("message").asString();

    assertThat(message).hasSize(JsonLogEncoder.FIELD_LENGTH_MAX + 1).endsWith("…");
  }

  private static JsonNode encoded(String message, Throwable thrown) {
    LoggerContext context = new LoggerContext();
    LoggingEvent event =
        new LoggingEvent(
            "", context.getLogger("some.Logger"), Level.WARN, "{}", thrown, new Object[] {message});
    event.setInstant(Instant.parse("2026-11-21T10:00:00Z"));
    event.setMDCPropertyMap(Map.of("request_id", "r1"));
    event.addKeyValuePair(new org.slf4j.event.KeyValuePair("trace_id", "t1"));
    String text = new String(new JsonLogEncoder().encode(event), StandardCharsets.UTF_8);
    assertThat(text).endsWith("}\n").doesNotContain("\n{");
    assertThat(text.indexOf('\n')).isEqualTo(text.length() - 1);
    return JSON.readTree(text);
  }
}
