package dev.plexspaces.node.cli;

import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "quarantine",
    description = "Lists or releases actors that crashed too often and take no messages for now.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "[COMMAND]",
    subcommands = {QuarantineCommand.ListActors.class, QuarantineCommand.Release.class},
    footer = "Without a command: list.")
final class QuarantineCommand implements Callable<Integer> {

  private static final String ROOT = "/api/v1/quarantine";
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    return spec.subcommands().get("list").execute();
  }

  @Command(
      name = "list",
      description = "Lists the quarantined actors of a namespace.",
      mixinStandardHelpOptions = true)
  static final class ListActors implements Callable<Integer> {

    @Mixin private Connection connection;
    @Mixin private ActorAddress address;
    @Spec private CommandSpec spec;

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "1000",
        description = "Most actors to list (default: 1000).")
    private int limit;

    @Override
    public Integer call() {
      String path = address.scoped(ROOT, connection);
      Listing listing =
          Listing.read(connection.client(), limit, "actors", "page_size", path + "?", "");
      return listing.print(
          connection.json,
          spec.commandLine(),
          new Table("ACTOR", "SINCE", "UNTIL", "REASON"),
          (table, actor) ->
              table.row(
                  actor.path("actor_id").asString(""),
                  actor.path("since").asString(""),
                  actor.path("until").asString(""),
                  Listing.line(actor.path("reason").asString(""))));
    }
  }

  @Command(
      name = "release",
      description = "Lets an actor take messages again, its crashes forgotten.",
      mixinStandardHelpOptions = true)
  static final class Release implements Callable<Integer> {

    @Mixin private Connection connection;
    @Mixin private ActorAddress address;
    @Spec private CommandSpec spec;

    @Parameters(
        index = "0",
        paramLabel = "ACTOR",
        description = "type/key or tenant/namespace/type/key.")
    private String actor;

    @Override
    public Integer call() {
      String answer =
          connection
              .client()
              .send(
                  "DELETE",
                  address.keyed(ROOT, connection, actor),
                  Optional.empty(),
                  Client.TIMEOUT);
      if (connection.json) {
        spec.commandLine().getOut().println(answer);
      } else {
        spec.commandLine()
            .getOut()
            .println(
                "released "
                    + actor
                    + (Client.parse(answer).path("activated").asBoolean(false)
                        ? "; it takes the messages that waited"
                        : ""));
      }
      return Main.OK;
    }
  }
}
