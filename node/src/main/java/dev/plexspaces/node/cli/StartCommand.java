package dev.plexspaces.node.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(name = "start", description = "x", mixinStandardHelpOptions = true)
final class StartCommand implements Callable<Integer> {
  Map<String, String> environment = Map.of();

  @Override
  public Integer call() {
    return 1;
  }
}
