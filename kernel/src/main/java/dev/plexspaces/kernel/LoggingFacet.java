package dev.plexspaces.kernel;

import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/// Facet `logging`: one line per message with its outcome; never the payload, which may be private.
/// Config: `level`, default `debug`.
final class LoggingFacet implements Facet {

  private static final Logger LOG = LoggerFactory.getLogger(LoggingFacet.class);

  private final ActorCell actor;
  private Level level = Level.DEBUG;

  /// @param actor null for one that is only checked
  LoggingFacet(ActorCell actor) {
    this.actor = actor;
  }

  @Override
  public String name() {
    return FacetCatalog.LOGGING;
  }

  @Override
  public int priority() {
    return 900;
  }

  @Override
  public void attach(Map<String, Object> config) {
    Object wanted = config.get("level");
    if (wanted != null) {
      try {
        level = Level.valueOf(wanted.toString().toUpperCase(Locale.ROOT));
      } catch (IllegalArgumentException e) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE,
            "logging.level: '" + wanted + "' is not one of trace, debug, info, warn, error");
      }
    }
  }

  @Override
  public Object around(ActorContext context, Message message, Next next) throws Exception {
    String outcome = "failed";
    try {
      Object reply = next.proceed(message);
      outcome = "ok";
      return reply;
    } finally {
      TurnLog.at(LOG, level, actor, context.request())
          .addKeyValue("operation", message.type())
          .log("{} {} {}", actor, message.type(), outcome);
    }
  }
}
