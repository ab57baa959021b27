package dev.plexspaces.node.cli;

import dev.plexspaces.node.config.Durations;
import dev.plexspaces.sdk.PlexException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/// The `plexspaces` command.
///
/// Answers go to standard output, everything else to standard error. Exit codes: [#OK], [#FAILED],
/// [#USAGE].
@Command(
    name = "plexspaces",
    description = "The application server for durable polyglot actors.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      StartCommand.class,
      StopCommand.class,
      StatusCommand.class,
      DeployCommand.class,
      UndeployCommand.class,
      AppsCommand.class,
      ActorsCommand.class,
      AskCommand.class,
      TellCommand.class,
      HistoryCommand.class,
      DeadLettersCommand.class,
      QuarantineCommand.class,
      TokenCommand.class,
    },
    footer = {
      "",
      "Also: `test` runs all checks, `bench` the benchmarks, `simulate` worlds from seeds,",
      "`crashtest` kills a node under load again and again.",
      "Exit code: 0 done, 1 failed, 2 wrong usage."
    })
public final class Main implements Runnable {

  /// It worked.
  static final int OK = 0;

  /// The operation failed; standard error says why.
  static final int FAILED = 1;

  /// The command line is wrong; standard error says what.
  static final int USAGE = 2;

  @Spec private CommandSpec spec;

  Main() {}

  public static void main(String[] arguments) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(arguments, System.getenv(), out, err));
  }

  /// Runs one command line.
  ///
  /// @return the exit code
  static int run(
      String[] arguments, Map<String, String> environment, PrintWriter out, PrintWriter err) {
    CommandLine line = new CommandLine(new Main(), factory(environment));
    line.setOut(out);
    line.setErr(err);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.registerConverter(Duration.class, new DurationConverter());
    line.setExecutionExceptionHandler((e, command, parsed) -> failed(e, command, err));
    line.setParameterExceptionHandler((e, given) -> misused(e, e.getCommandLine(), err));
    return line.execute(arguments);
  }

  /// Without a command: usage, and that is an error.
  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "no command; there are: " + String.join(", ", spec.subcommands().keySet()));
  }

  private static int misused(Exception e, CommandLine command, PrintWriter err) {
    err.println("plexspaces: " + e.getMessage());
    err.println("Try `" + command.getCommandSpec().qualifiedName() + " --help`.");
    return USAGE;
  }

  private static int failed(Exception e, CommandLine command, PrintWriter err) throws Exception {
    switch (e) {
      case Misuse m -> {
        return misused(m, command, err);
      }
      case Failure f -> err.println("plexspaces: " + f.getMessage());
      case PlexException p -> err.println("plexspaces: " + p.getMessage());
      default -> throw e;
    }
    return FAILED;
  }

  /// Commands get the environment, so that tests need not change the process's own.
  private static CommandLine.IFactory factory(Map<String, String> environment) {
    CommandLine.IFactory standard = CommandLine.defaultFactory();
    return new CommandLine.IFactory() {
      @Override
      public <K> K create(Class<K> type) throws Exception {
        K made = standard.create(type);
        if (made instanceof Connection connection) {
          connection.environment = environment;
        }
        if (made instanceof StartCommand start) {
          start.environment = environment;
        }
        if (made instanceof DataOption data) {
          data.environment = environment;
        }
        return made;
      }
    };
  }

  /// Lengths of time such as `30s`.
  private static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return Durations.parse(text)
          .orElseThrow(
              () ->
                  new TypeConversionException(
                      "must be " + Durations.SYNTAX + "; got \"" + text + "\""));
    }
  }

  /// The version of the JAR the command comes from.
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"plexspaces " + dev.plexspaces.node.Version.TEXT};
    }
  }
}
