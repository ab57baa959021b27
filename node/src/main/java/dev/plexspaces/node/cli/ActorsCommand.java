package dev.plexspaces.node.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "actors",
    description = "Lists the live actors of a namespace.",
    mixinStandardHelpOptions = true)
final class ActorsCommand implements Callable<Integer> {

  @Mixin private Connection connection;
  @Mixin private ActorAddress address;
  @Spec private CommandSpec spec;

  @Parameters(index = "0", arity = "0..1", paramLabel = "TYPE", description = "Only this type.")
  private String type;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Most actors to list (default: 1000).")
  private int limit;

  @Override
  public Integer call() {
    String path = address.path(connection);
    Listing listing =
        Listing.read(
            connection.client(),
            limit,
            "actors",
            "page_size",
            path + "?" + (type == null ? "" : "type=" + Client.segment(type) + "&"),
            "");
    return listing.print(
        connection.json,
        spec.commandLine(),
        new Table("ACTOR", "STATE", "APPLICATION", "SUPERVISOR", "MESSAGES", "MAILBOX", "RESTARTS"),
        (table, actor) ->
            table.row(
                actor.path("actor_id").asString(""),
                actor.path("state").asString(""),
                actor.path("application_id").asString(""),
                actor.path("supervisor").asString(""),
                actor.path("messages").asString("0"),
                actor.path("mailbox_depth").asString("0"),
                actor.path("restarts").asString("0")));
  }
}
