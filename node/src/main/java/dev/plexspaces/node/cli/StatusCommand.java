package dev.plexspaces.node.cli;

import java.net.http.HttpRequest.BodyPublishers;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

@Command(
    name = "status",
    description = "Tells whether the node serves, what it is and how its parts are.",
    footer = "Exit code 1 when it does not serve.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {

  @Mixin private Connection connection;
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    Client client = connection.client();
    boolean ready =
        client
                .exchange("GET", "/health/ready", "", BodyPublishers.noBody(), Client.TIMEOUT)
                .statusCode()
            == 200;
    ObjectNode status = Client.JSON.createObjectNode();
    status.put("url", client.base().toString());
    status.put("ready", ready);
    // Whether it serves is everybody's business; what it is needs a token.
    status.set("info", client.read("/api/v1/system/info"));
    status.set("health", client.read("/api/v1/system/health"));
    if (connection.json) {
      spec.commandLine().getOut().println(status);
    } else {
      print(status);
    }
    return ready ? Main.OK : Main.FAILED;
  }

  private void print(ObjectNode status) {
    JsonNode info = status.path("info");
    Table table = new Table("NODE", info.path("node_id").asString(""));
    table.row("url", status.path("url").asString(""));
    table.row("ready", status.path("ready").asBoolean() ? "yes" : "no");
    table.row("version", info.path("version").asString(""));
    table.row("started", info.path("started_at").asString(""));
    table.row(
        "ports",
        "HTTP "
            + info.path("http_port").asString("")
            + ", gRPC "
            + info.path("grpc_port").asString(""));
    for (JsonNode part : status.path("health").path("components").values()) {
      String detail = part.path("detail").asString("");
      table.row(
          part.path("name").asString(""),
          part.path("status").asString("").toLowerCase(Locale.ROOT)
              + (detail.isEmpty() ? "" : ": " + detail));
    }
    table.print(spec.commandLine().getOut());
  }
}
