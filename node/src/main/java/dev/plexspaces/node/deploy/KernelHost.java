package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.KernelMetrics.TypeMetrics;
import dev.plexspaces.kernel.Purge;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/// Runs applications in an [ActorSystem].
public final class KernelHost implements ApplicationHost {

  /// Longest wait for all children of an application to start.
  public static final Duration START_MAX = Duration.ofSeconds(60);

  /// Longest wait for an application to stop; children have their own, shorter bounds.
  public static final Duration STOP_MAX = Duration.ofSeconds(120);

  private final ActorSystem system;
  private final Purge purge;
  private final Map<String, Consumer<String>> watchers = new ConcurrentHashMap<>();

  /// Takes over the system's [ActorSystem#onApplicationExit].
  public KernelHost(ActorSystem system) {
    this.system = system;
    this.purge = new Purge(system);
    system.onApplicationExit(this::exited);
  }

  private void exited(String id, ExitReason reason) {
    Consumer<String> watcher = watchers.get(id);
    if (watcher != null) {
      watcher.accept("its root supervisor exited: " + reason.text());
    }
  }

  @Override
  public void install(ApplicationUnit unit, Consumer<String> gaveUp) {
    watchers.put(unit.id(), gaveUp);
    try {
      await(system.install(unit), START_MAX, "start", unit.id());
    } catch (PlexException e) {
      watchers.remove(unit.id());
      if (e.code() == ErrorCode.TIMEOUT) {
        // Whatever did start goes again; the caller gets the time-out.
        system.uninstall(unit.id());
      }
      throw e;
    }
  }

  @Override
  public void uninstall(String id) {
    watchers.remove(id);
    try {
      await(system.uninstall(id), STOP_MAX, "stop", id);
    } catch (PlexException e) {
      if (e.code() != ErrorCode.NOT_FOUND) {
        throw e;
      }
    }
  }

  @Override
  public void reserve(Purge.Order order) {
    purge.reserve(order);
  }

  @Override
  public void free(Purge.Order order) {
    purge.free(order);
  }

  @Override
  public void purge(Purge.Order order) {
    purge.run(order);
  }

  /// Ends a purge that is under way, soon: nobody waits for it when the node stops.
  public void stopPurges() {
    purge.stop();
  }

  @Override
  public int actorCount(String id) {
    long live =
        system.metrics().types().stream()
            .filter(type -> type.application().equals(id))
            .mapToLong(TypeMetrics::live)
            .sum();
    return (int) Math.min(live, Integer.MAX_VALUE);
  }

  private static void await(
      CompletableFuture<Void> work, Duration longest, String what, String id) {
    try {
      work.get(longest.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PlexException p) {
        throw p;
      }
      throw new PlexException(
          ErrorCode.INTERNAL, "application \"" + id + "\" did not " + what, List.of(), e);
    } catch (TimeoutException e) {
      throw new PlexException(
          ErrorCode.TIMEOUT,
          "application \"" + id + "\" did not " + what + " within " + longest.toSeconds() + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PlexException(ErrorCode.UNAVAILABLE, "the node is stopping");
    }
  }
}
