package dev.plexspaces.node.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(name = "token", description = "x", mixinStandardHelpOptions = true)
final class TokenCommand implements Callable<Integer> {

  @Override
  public Integer call() {
    return 1;
  }
}
