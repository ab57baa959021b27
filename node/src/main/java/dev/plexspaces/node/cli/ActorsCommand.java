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
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

@Command(
    name = "actors",
    description = "Lists the live actors of a namespace.",
    mixinStandardHelpOptions = true)
final class ActorsCommand implements Callable<Integer> {

  private static final int PAGE_SIZE = 500;

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
    Client client = connection.client();
    ArrayNode actors = Client.JSON.createArrayNode();
    Optional<String> next = Optional.of("");
    while (next.isPresent() && actors.size() < limit) {
      int pageSize = Math.min(PAGE_SIZE, limit - actors.size());
      String query =
          "?page_size="
              + pageSize
              + (type == null ? "" : "&type=" + Client.segment(type))
              + (next.get().isEmpty() ? "" : "&page_token=" + Client.segment(next.get()));
      JsonNode page = client.read(address.path(connection) + query);
      page.path("actors").values().forEach(actors::add);
      next =
          Optional.of(page.path("next_page_token").asString("")).filter(token -> !token.isEmpty());
    }
    if (connection.json) {
      ObjectNode answer = Client.JSON.createObjectNode();
      answer.set("actors", actors);
      answer.put("more", next.isPresent());
      spec.commandLine().getOut().println(answer);
      return Main.OK;
    }
    Table table =
        new Table("ACTOR", "STATE", "APPLICATION", "SUPERVISOR", "MESSAGES", "MAILBOX", "RESTARTS");
    for (JsonNode actor : actors.values()) {
      table.row(
          actor.path("actor_id").asString(""),
          actor.path("state").asString(""),
          actor.path("application_id").asString(""),
          actor.path("supervisor").asString(""),
          actor.path("messages").asString("0"),
          actor.path("mailbox_depth").asString("0"),
          actor.path("restarts").asString("0"));
    }
    table.print(spec.commandLine().getOut());
    if (next.isPresent()) {
      spec.commandLine().getErr().println("There are more; see --limit.");
    }
    return Main.OK;
  }
}
