package dev.plexspaces.node.cli;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ObjectNode;

@Command(
    name = "undeploy",
    description = "Stops an application in order and removes it.",
    mixinStandardHelpOptions = true)
final class UndeployCommand implements Callable<Integer> {

  /// Children may take their time to stop.
  private static final Duration TIMEOUT = Duration.ofMinutes(2);

  @Mixin private Connection connection;
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "ID", description = "The application.")
  private String id;

  @Option(
      names = "--purge",
      description = {
        "Forget its durable actors for good: their state is gone, messages that wait for them",
        "become dead letters. Without it all of this is there when it is deployed again."
      })
  private boolean purge;

  @Override
  public Integer call() {
    connection
        .client()
        .send(
            "DELETE",
            "/api/v1/applications/" + Client.segment(id) + (purge ? "?purge=true" : ""),
            Optional.empty(),
            TIMEOUT);
    if (connection.json) {
      ObjectNode answer =
          Client.JSON.createObjectNode().put("application_id", id).put("purged", purge);
      spec.commandLine().getOut().println(answer);
    } else {
      spec.commandLine()
          .getOut()
          .println("undeployed " + id + (purge ? " and purged its actors" : ""));
    }
    return Main.OK;
  }
}
