package dev.plexspaces.node.cli;

import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

@Command(
    name = "tell",
    description = "Sends an actor a message without waiting for its work.",
    mixinStandardHelpOptions = true)
final class TellCommand implements Callable<Integer> {

  private static final String OPERATION = "op";

  @Mixin private Connection connection;
  @Mixin private ActorAddress address;
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "ACTOR",
      description = "type, type/key or tenant/namespace/type/key.")
  private String actor;

  @Parameters(index = "1", paramLabel = "OPERATION", description = "Such as deposit.")
  private String operation;

  @Parameters(
      index = "2",
      arity = "0..1",
      paramLabel = "PAYLOAD",
      defaultValue = "{}",
      description = "A JSON object, @file, or - for standard input (default: {}).")
  private String payload;

  @Override
  public Integer call() {
    // A tell over HTTP has no envelope: the operation travels in the payload.
    if (!(Payload.read(payload) instanceof ObjectNode body)) {
      throw new Misuse("the payload of a tell must be a JSON object");
    }
    if (body.has(OPERATION) && !body.path(OPERATION).asString("").equals(operation)) {
      throw new Misuse("the payload has an \"op\" of its own that is not " + operation);
    }
    body.put(OPERATION, operation);
    // PUT, because a POST to a key named `ask` would be an ask.
    String answer =
        connection
            .client()
            .send(
                "PUT",
                address.path(connection, actor),
                Optional.of(body.toString()),
                Client.TIMEOUT);
    if (connection.json) {
      spec.commandLine().getOut().println(answer);
    } else {
      JsonNode accepted = Client.parse(answer);
      spec.commandLine()
          .getOut()
          .println(
              "accepted "
                  + accepted.path("message_id").asString("")
                  + (accepted.path("durable").asBoolean(false) ? ", on disk" : ""));
    }
    return Main.OK;
  }
}
