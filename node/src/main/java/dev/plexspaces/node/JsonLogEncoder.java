package dev.plexspaces.node;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.slf4j.event.KeyValuePair;

/// One JSON object a line: `time`, `level`, `logger`, `message`, then the context (`request_id`,
/// `trace_id`, …) and `error` with its stack trace. What looks like a credential is blacked out.
public final class JsonLogEncoder extends EncoderBase<ILoggingEvent> {

  /// Longest text of one field, characters; the rest is cut.
  static final int FIELD_LENGTH_MAX = 16_384;

  private static final byte[] NOTHING = {};
  private static final String BLACKED_OUT = "[redacted]";

  // A JSON Web Token, or whatever follows the word Bearer.
  private static final Pattern SECRET =
      Pattern.compile("eyJ[\\w-]{6,}\\.[\\w-]+(\\.[\\w-]*)*|(?<=[Bb]earer )\\S+");

  @Override
  public byte[] headerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] footerBytes() {
    return NOTHING;
  }

  @Override
  public byte[] encode(ILoggingEvent event) {
    StringBuilder line = new StringBuilder(256);
    line.append('{');
    field(line, "time", event.getInstant().toString());
    field(line, "level", event.getLevel().toString());
    field(line, "logger", event.getLoggerName());
    field(line, "message", event.getFormattedMessage());
    event.getMDCPropertyMap().forEach((key, value) -> field(line, key, value));
    if (event.getKeyValuePairs() != null) {
      for (KeyValuePair pair : event.getKeyValuePairs()) {
        field(line, pair.key, String.valueOf(pair.value));
      }
    }
    IThrowableProxy thrown = event.getThrowableProxy();
    if (thrown != null) {
      field(line, "error", ThrowableProxyUtil.asString(thrown));
    }
    line.append("}\n");
    return line.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void field(StringBuilder line, String name, String value) {
    if (value == null) {
      return;
    }
    if (line.length() > 1) {
      line.append(',');
    }
    quote(line, name);
    line.append(':');
    String text =
        value.length() > FIELD_LENGTH_MAX ? value.substring(0, FIELD_LENGTH_MAX) + "…" : value;
    boolean suspicious = text.contains("eyJ") || text.contains("earer ");
    quote(line, suspicious ? SECRET.matcher(text).replaceAll(BLACKED_OUT) : text);
  }

  private static void quote(StringBuilder line, String text) {
    line.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> line.append("\\\"");
        case '\\' -> line.append("\\\\");
        case '\n' -> line.append("\\n");
        case '\r' -> line.append("\\r");
        case '\t' -> line.append("\\t");
        default -> {
          if (c < 0x20 || Character.isSurrogate(c)) {
            line.append(String.format("\\u%04x", (int) c));
          } else {
            line.append(c);
          }
        }
      }
    }
    line.append('"');
  }
}
