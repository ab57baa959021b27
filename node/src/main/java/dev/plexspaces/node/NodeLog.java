package dev.plexspaces.node;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.jul.LevelChangePropagator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.util.FileSize;
import java.nio.file.Path;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/// Where the log goes: JSON lines on standard error (`logback.xml`), and to a file when there is
/// one in the options. What applications and libraries log with `java.util.logging`, and so with
/// `System.Logger`, goes there, too; such a line knows nothing of the turn it was written in.
final class NodeLog {

  /// Size at which the file is rotated, bytes.
  static final long FILE_MAX_BYTES = 50L * 1024 * 1024;

  /// Rotated files that are kept.
  static final int FILES_KEPT = 10;

  private NodeLog() {}

  /// Applies the options to the logging of this process.
  static void configure(NodeOptions options) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.toLevel(options.logLevel().name()));
    options.logFile().ifPresent(file -> root.addAppender(appender(context, file)));
    bridge(context);
  }

  private static void bridge(LoggerContext context) {
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    // So that what is not logged costs what it costs here.
    LevelChangePropagator levels = new LevelChangePropagator();
    levels.setContext(context);
    levels.start();
    context.addListener(levels);
  }

  private static RollingFileAppender<ILoggingEvent> appender(LoggerContext context, Path file) {
    JsonLogEncoder encoder = new JsonLogEncoder();
    encoder.setContext(context);
    encoder.start();

    RollingFileAppender<ILoggingEvent> appender = new RollingFileAppender<>();
    appender.setContext(context);
    appender.setName("file");
    appender.setFile(file.toString());
    appender.setEncoder(encoder);

    FixedWindowRollingPolicy rolling = new FixedWindowRollingPolicy();
    rolling.setContext(context);
    rolling.setParent(appender);
    rolling.setFileNamePattern(file + ".%i");
    rolling.setMinIndex(1);
    rolling.setMaxIndex(FILES_KEPT);
    rolling.start();

    SizeBasedTriggeringPolicy<ILoggingEvent> size = new SizeBasedTriggeringPolicy<>();
    size.setContext(context);
    size.setMaxFileSize(new FileSize(FILE_MAX_BYTES));
    size.start();

    appender.setRollingPolicy(rolling);
    appender.setTriggeringPolicy(size);
    appender.start();
    return appender;
  }
}
