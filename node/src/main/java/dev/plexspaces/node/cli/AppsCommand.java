package dev.plexspaces.node.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

@Command(
    name = "apps",
    description = "Lists the applications of the tenant, or tells how one is.",
    mixinStandardHelpOptions = true)
final class AppsCommand implements Callable<Integer> {

  @Mixin private Connection connection;
  @Spec private CommandSpec spec;

  @Parameters(index = "0", arity = "0..1", paramLabel = "ID", description = "Only this one.")
  private String id;

  @Override
  public Integer call() {
    Client client = connection.client();
    JsonNode answer =
        id == null
            ? client.read("/api/v1/applications")
            : client.read("/api/v1/applications/" + Client.segment(id) + "/status");
    if (connection.json) {
      spec.commandLine().getOut().println(answer);
      return Main.OK;
    }
    List<JsonNode> applications = new ArrayList<>();
    if (id == null) {
      applications.addAll(answer.path("applications").values());
    } else {
      applications.add(answer);
    }
    Table table = new Table("ID", "VERSION", "STATUS", "NAMESPACE", "ACTORS", "TYPES", "DETAIL");
    for (JsonNode application : applications) {
      table.row(
          application.path("application_id").asString(""),
          application.path("version").asString(""),
          application.path("status").asString("").toLowerCase(Locale.ROOT),
          application.path("namespace").asString(""),
          application.path("actor_count").asString("0"),
          String.join(
              ", ",
              application.path("actor_types").values().stream()
                  .map(type -> type.asString(""))
                  .toList()),
          application.path("detail").asString(""));
    }
    table.print(spec.commandLine().getOut());
    return Main.OK;
  }
}
