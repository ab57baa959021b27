package dev.plexspaces.node.cli;

import dev.plexspaces.node.DataDirectory;
import dev.plexspaces.node.NodeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ObjectNode;

@Command(
    name = "stop",
    description = "Stops the node that runs on a data directory of this machine, in order.",
    mixinStandardHelpOptions = true)
final class StopCommand implements Callable<Integer> {

  @Mixin private DataOption data;
  @Spec private CommandSpec spec;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "60s",
      description = "Longest wait for its end (default: 60s).")
  private Duration timeout;

  @Option(names = "--json", description = "Answer in JSON, for machines.")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException {
    Path directory = data.path();
    NodeFile node = running(directory);
    ProcessHandle process =
        ProcessHandle.of(node.pid())
            .orElseThrow(
                () ->
                    new Failure(
                        "node "
                            + node.nodeId()
                            + " (pid "
                            + node.pid()
                            + ") does not run on this machine"));
    // An end of the process by SIGTERM is the node's orderly stop.
    if (!process.destroy()) {
      throw new Failure("may not stop pid " + node.pid() + "; it belongs to another user");
    }
    try {
      process.onExit().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new Failure(
          "node "
              + node.nodeId()
              + " (pid "
              + node.pid()
              + ") is still stopping after "
              + timeout.toSeconds()
              + " s");
    } catch (ExecutionException e) {
      throw new IllegalStateException("waiting for a process cannot fail", e);
    }
    if (json) {
      ObjectNode answer =
          Client.JSON.createObjectNode().put("node_id", node.nodeId()).put("pid", node.pid());
      spec.commandLine().getOut().println(answer);
    } else {
      spec.commandLine().getOut().println("stopped node " + node.nodeId());
    }
    return Main.OK;
  }

  /// The pid in node.json may be an old one that belongs to somebody else now: only while the lock
  /// is held is it the node's.
  private static NodeFile running(Path directory) {
    try {
      if (!DataDirectory.inUse(directory)) {
        throw new Failure("no node runs on " + directory);
      }
      return NodeFile.read(directory)
          .orElseThrow(() -> new Failure("the node on " + directory + " is still starting"));
    } catch (IOException e) {
      throw new Failure("cannot look at " + directory + ": " + e.getMessage());
    }
  }
}
