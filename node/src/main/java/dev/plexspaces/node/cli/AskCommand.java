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
    name = "ask",
    description = "Asks an actor and prints its reply.",
    mixinStandardHelpOptions = true)
final class AskCommand implements Callable<Integer> {

  /// How much longer than the node the command waits, so that the node's own answer arrives.
  private static final Duration GRACE = Duration.ofSeconds(5);

  @Mixin private Connection connection;
  @Mixin private ActorAddress address;
  @Spec private CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "ACTOR",
      description = "type, type/key or tenant/namespace/type/key.")
  private String actor;

  @Parameters(index = "1", paramLabel = "OPERATION", description = "Such as get_balance.")
  private String operation;

  @Parameters(
      index = "2",
      arity = "0..1",
      paramLabel = "PAYLOAD",
      defaultValue = "{}",
      description = "JSON, @file, or - for standard input (default: {}).")
  private String payload;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "5s",
      description = "Longest wait for the reply, up to 60s (default: 5s).")
  private Duration timeout;

  @Override
  public Integer call() {
    ObjectNode request = Client.JSON.createObjectNode();
    request.put("message_type", operation);
    request.set("payload", Payload.read(payload));
    request.put("timeout_ms", timeout.toMillis());
    String reply =
        connection
            .client()
            .send(
                "POST",
                address.path(connection, actor) + "/ask",
                Optional.of(request.toString()),
                timeout.plus(GRACE));
    spec.commandLine().getOut().println(reply);
    return Main.OK;
  }
}
