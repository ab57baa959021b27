package dev.plexspaces.node.cli;

import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

@Command(
    name = "dead-letters",
    description = "Lists, shows, re-drives or discards messages that nobody processed.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "[COMMAND]",
    subcommands = {
      DeadLettersCommand.ListLetters.class,
      DeadLettersCommand.ShowLetter.class,
      DeadLettersCommand.RedriveLetter.class,
      DeadLettersCommand.DiscardLetter.class,
    },
    footer = "Without a command: list.")
final class DeadLettersCommand implements Callable<Integer> {

  private static final String ROOT = "/api/v1/dead-letters";
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    return spec.subcommands().get("list").execute();
  }

  @Command(
      name = "list",
      description = "Lists the dead letters of a namespace: those on disk, then those in memory.",
      mixinStandardHelpOptions = true)
  static final class ListLetters implements Callable<Integer> {

    @Mixin private Connection connection;
    @Mixin private ActorAddress address;
    @Spec private CommandSpec spec;

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "1000",
        description = "Most dead letters to list (default: 1000).")
    private int limit;

    @Override
    public Integer call() {
      String path = address.scoped(ROOT, connection);
      // A table has no room for payloads.
      String options = connection.json ? "" : "payloads=false&";
      Listing listing =
          Listing.read(
              connection.client(), limit, "dead_letters", "page_size", path + "?" + options, "");
      return listing.print(
          connection.json,
          spec.commandLine(),
          new Table("ID", "ACTOR", "OPERATION", "DURABLE", "COMMITTED", "ATTEMPTS", "AT", "REASON"),
          (table, letter) ->
              table.row(
                  letter.path("dead_letter_id").asString(""),
                  letter.path("actor_id").asString(""),
                  letter.path("message").path("operation").asString(""),
                  letter.path("durable").asBoolean(false) ? "yes" : "no",
                  letter.path("committed_effects").asBoolean(false) ? "yes" : "no",
                  letter.path("attempts").asString("0"),
                  letter.path("at").asString(""),
                  Listing.line(letter.path("reason").asString(""))));
    }
  }

  /// What the commands about one dead letter have in common.
  private abstract static class OneLetter implements Callable<Integer> {

    @Mixin Connection connection;
    @Mixin private ActorAddress address;
    @Spec private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "ID", description = "Its id, as listed.")
    private String id;

    /// Calls the node about it.
    JsonNode send(String method, String suffix) {
      return Client.parse(
          connection
              .client()
              .send(
                  method,
                  address.scoped(ROOT, connection) + "/" + Client.segment(id) + suffix,
                  Optional.empty(),
                  Client.TIMEOUT));
    }

    int done(String what, JsonNode answer) {
      if (connection.json) {
        spec.commandLine().getOut().println(answer);
      } else {
        spec.commandLine()
            .getOut()
            .println(what + " dead letter " + id + " of " + answer.path("actor_id").asString(""));
      }
      return Main.OK;
    }

    int show(JsonNode letter) {
      if (connection.json) {
        spec.commandLine().getOut().println(letter);
        return Main.OK;
      }
      JsonNode message = letter.path("message");
      Table table = new Table("DEAD LETTER", letter.path("dead_letter_id").asString(""));
      table.row("actor", letter.path("actor_id").asString(""));
      table.row("durable", letter.path("durable").asBoolean(false) ? "yes" : "no");
      table.row(
          "committed",
          letter.path("committed_effects").asBoolean(false)
              ? "yes: re-driving it needs --rerun"
              : "no");
      table.row("attempts", letter.path("attempts").asString("0"));
      table.row("at", letter.path("at").asString(""));
      table.row("reason", Listing.line(letter.path("reason").asString("")));
      table.row("message id", message.path("message_id").asString(""));
      table.row(
          "operation",
          message.path("kind").asString("") + " " + message.path("operation").asString(""));
      table.row("sender", message.path("sender").asString(""));
      table.row("user", message.path("user").asString(""));
      table.row("request", message.path("request_id").asString(""));
      table.row("payload", message.path("payload").asString(""));
      table.print(spec.commandLine().getOut());
      return Main.OK;
    }
  }

  @Command(
      name = "show",
      description = "Shows one dead letter with its payload.",
      mixinStandardHelpOptions = true)
  static final class ShowLetter extends OneLetter {
    @Override
    public Integer call() {
      return show(send("GET", ""));
    }
  }

  @Command(
      name = "redrive",
      description = "Puts a dead letter back at its place in its actor's inbox.",
      mixinStandardHelpOptions = true)
  static final class RedriveLetter extends OneLetter {

    @Option(
        names = "--rerun",
        description =
            "Even though a turn of it has committed something, which will then happen twice.")
    private boolean rerun;

    @Override
    public Integer call() {
      return done("re-drove", send("POST", "/redrive" + (rerun ? "?rerun=true" : "")));
    }
  }

  @Command(
      name = "discard",
      description = "Removes a dead letter for good.",
      mixinStandardHelpOptions = true)
  static final class DiscardLetter extends OneLetter {
    @Override
    public Integer call() {
      return done("discarded", send("DELETE", ""));
    }
  }
}
