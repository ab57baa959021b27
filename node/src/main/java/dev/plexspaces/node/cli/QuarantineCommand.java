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
    name = "quarantine",
    description = "Lists or releases actors that crashed too often and take no messages for now.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "[COMMAND]",
    subcommands = {QuarantineCommand.ListActors.class, QuarantineCommand.Release.class},
    footer = "Without a command: list.")
final class QuarantineCommand implements Callable<Integer> {

  private static final String ROOT = "/api/v1/quarantine";
  private static final int PAGE_SIZE = 500;

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
          Listing.read(
              connection.client(),
              limit,
              PAGE_SIZE,
              "actors",
              (size, token) ->
                  path
                      + "?page_size="
                      + size
                      + token.map(t -> "&page_token=" + Client.segment(t)).orElse(""));
      if (connection.json) {
        listing.printJson(spec.commandLine().getOut());
        return Main.OK;
      }
      Table table = new Table("ACTOR", "SINCE", "UNTIL", "REASON");
      for (JsonNode actor : listing.rows().values()) {
        table.row(
            actor.path("actor_id").asString(""),
            actor.path("since").asString(""),
            actor.path("until").asString(""),
            Listing.line(actor.path("reason").asString("")));
      }
      listing.print(table, spec.commandLine());
      return Main.OK;
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
