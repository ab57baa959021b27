package dev.plexspaces.node.cli;

import dev.plexspaces.gateway.NodeKey;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.node.DataDirectory;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "token",
    description = "Mints a token with the key of a node on this machine and prints only that.",
    footer = "Whoever can read the data directory can do so; the node need not run.",
    mixinStandardHelpOptions = true)
final class TokenCommand implements Callable<Integer> {

  @Mixin private DataOption data;
  @Spec private CommandSpec spec;

  @Option(
      names = "--tenant",
      required = true,
      paramLabel = "TENANT",
      description = "The only tenant it is good for.")
  private String tenant;

  @Option(
      names = "--namespace",
      paramLabel = "NAMESPACE",
      description = "The only namespace it is good for (default: all of the tenant's).")
  private String namespace;

  @Option(
      names = "--user",
      paramLabel = "USER",
      defaultValue = "cli",
      description = "Whom it speaks for (default: cli).")
  private String user;

  @Option(
      names = "--role",
      paramLabel = "ROLE",
      description =
          "Repeatable. `deployer` may deploy, `admin` may do all within its tenant, `operator` may"
              + " read the node's metrics; calls need none.")
  private Set<String> roles = new TreeSet<>();

  @Option(
      names = "--ttl",
      paramLabel = "TIME",
      defaultValue = "12h",
      description = "How long it is good, such as 30m or 7d (default: 12h).")
  private Duration ttl;

  @Override
  public Integer call() {
    // A token of another directory's key would be good for nothing.
    DataDirectory.requireUsed(data.path());
    NodeKey key = NodeKey.open(data.path(), SystemClock.INSTANCE);
    String token =
        Misuse.checked(() -> key.mint(tenant, Optional.ofNullable(namespace), user, roles, ttl));
    spec.commandLine().getOut().println(token);
    return Main.OK;
  }
}
