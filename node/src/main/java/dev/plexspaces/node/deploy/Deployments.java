package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ApplicationUnit;
import dev.plexspaces.kernel.Purge;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.node.deploy.Deployment.Status;
import dev.plexspaces.node.links.LinkOpener;
import dev.plexspaces.sdk.PlexException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/// The applications of a node: deploys, undeploys, brings them back after a restart.
///
/// Thread safe; the methods block while files are read and trees start or stop, different
/// applications at the same time. Source: spec `reference-plexspaces`, section 6.
public final class Deployments implements AutoCloseable {

  /* On disk: DIR/apps/<id>/ holds app-config.toml, lib/*.jar and deployment.json. The last is
  written when the application has started: it is the commit of a deployment, and removing it is the
  commit of an undeployment. A directory without it is the rest of a crash and is removed at start.
  Before its actors are purged it is replaced by one that says so: from then on the application does
  not come back, and the next start goes on with the purge. */

  /// Most applications on one node.
  public static final int APPLICATIONS_MAX = 1_000;

  /// Namespace of an application that does not say.
  public static final String DEFAULT_NAMESPACE = "default";

  /// Tenant in which the supervised actors of the node's own applications live: the one of a caller
  /// who names none.
  public static final String SHARED_TENANT = "default";

  private static final String MARKER = "deployment.json";
  private static final Logger LOG = LoggerFactory.getLogger(Deployments.class);
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path directory;
  private final Function<Class<?>, ActorType> binder;
  private final ApplicationHost host;
  private final LinkOpener links;
  private final InstantSource clock;
  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  private volatile boolean closed;

  /// An application to deploy.
  ///
  /// @param id its id; empty for the one in its configuration
  /// @param name for people; empty for the one in its configuration
  /// @param version for people; empty for the one in its configuration
  /// @param owner tenant, and namespace of its supervised actors
  /// @param kind what `file` is
  /// @param fileName what the sender calls the file, for errors
  /// @param file the upload; read, not changed
  /// @param config text of an `app-config.toml` used instead of one in the file
  public record Request(
      Optional<String> id,
      Optional<String> name,
      Optional<String> version,
      Scope owner,
      Bundle.Kind kind,
      String fileName,
      Path file,
      Optional<byte[]> config) {}

  /// Content of `deployment.json`.
  ///
  /// @param types its actor types; empty when an older build wrote it
  /// @param purging true from when its actors are about to be purged
  record Marker(
      String id,
      String name,
      String version,
      String tenant,
      String namespace,
      String deployedAt,
      List<String> types,
      Boolean purging) {
    Marker {
      types = types == null ? List.of() : types;
      purging = purging != null && purging;
    }
  }

  /// One application; its fields are guarded by itself.
  private static final class Entry {
    final String id;

    /// "" when it belongs to the node.
    final String tenant;

    final String namespace;
    final Instant deployedAt;
    String name;
    String version;
    String description = "";
    Status status = Status.LOADING;
    String detail = "";
    ApplicationClassLoader loader;
    LoadedApplication loaded;
    AppConfig config;
    boolean installed;

    /// Its actor types; empty while they are not known.
    List<String> types = List.of();

    /// Its actors are being purged, or some are purged already: it cannot come back.
    boolean purging;

    Entry(
        String id,
        String tenant,
        String namespace,
        String name,
        String version,
        Instant deployedAt) {
      this.id = id;
      this.tenant = tenant;
      this.namespace = namespace;
      this.name = name;
      this.version = version;
      this.deployedAt = deployedAt;
    }

    synchronized Purge.Order purgeOrder() {
      return new Purge.Order(id, tenant, types);
    }

    synchronized void become(Status next, String why) {
      status = next;
      detail = why;
    }

    /// The root supervisor gave up; nothing to say when somebody is stopping it anyway.
    synchronized void gaveUp(String why) {
      if (status == Status.RUNNING || status == Status.STARTING) {
        become(Status.FAILED, why);
      }
    }
  }

  /// Deployments kept below a directory.
  ///
  /// @param directory created when missing; nobody else writes there
  /// @param binder makes an actor type of an annotated class, throws `INVALID_MESSAGE` when it is
  ///   none
  /// @param host runs the applications
  /// @param links opens their ways out
  /// @throws PlexException `UNAVAILABLE` when the directory cannot be made
  public Deployments(
      Path directory,
      Function<Class<?>, ActorType> binder,
      ApplicationHost host,
      LinkOpener links,
      InstantSource clock) {
    this.directory = directory;
    this.binder = binder;
    this.host = host;
    this.links = links;
    this.clock = clock;
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw Refused.disk(e);
    }
  }

  /// Deploys and starts an application: all of it runs when this returns, or nothing of it is left.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming file or key; `CONFLICT` for an id in use;
  ///   `RESOURCE_EXHAUSTED` at [#APPLICATIONS_MAX]; `UNAVAILABLE` when the disk fails or the node
  ///   stops
  public Deployment deploy(Request request) {
    String id = idOf(request);
    requireName("application_id", id);
    Entry entry =
        reserve(
            new Entry(
                id,
                request.owner().tenant(),
                request.owner().namespace(),
                request.name().orElse(id),
                request.version().orElse(Deployment.DEFAULT_VERSION),
                clock.instant()));
    Path home = home(id);
    boolean done = false;
    try {
      deleteTree(home);
      Files.createDirectories(home);
      Bundle bundle =
          Bundle.stage(home, request.kind(), request.fileName(), request.file(), request.config());
      describe(entry, bundle.config(), request);
      start(entry, bundle);
      writeMarker(home, entry);
      synchronized (entry) {
        if (entry.status == Status.STARTING) {
          entry.become(Status.RUNNING, "");
        }
      }
      done = true;
      LOG.info("deployed application {} version {}", id, entry.version);
      return view(entry);
    } catch (IOException e) {
      throw Refused.disk(e);
    } finally {
      if (!done) {
        release(entry);
        deleteQuietly(home);
        entries.remove(id, entry);
      }
    }
  }

  /// Deploys an application that comes with the node: its classes are the node's own, every tenant
  /// may use its types, and it is not kept on disk.
  ///
  /// @throws PlexException `INVALID_MESSAGE` when it does not fit its configuration
  public Deployment deployShared(String id, AppConfig config, ClassLoader loader) {
    Entry entry =
        reserve(
            new Entry(
                id,
                "",
                DEFAULT_NAMESPACE,
                config.name().orElse(id),
                config.version().orElse(Deployment.DEFAULT_VERSION),
                clock.instant()));
    boolean done = false;
    try {
      entry.description = config.description();
      LoadedApplication loaded = LoadedApplication.load(config, List.of(), loader, binder);
      install(entry, config, loaded);
      entry.become(Status.RUNNING, "");
      done = true;
      return view(entry);
    } finally {
      if (!done) {
        entries.remove(id, entry);
      }
    }
  }

  /// Starts what was deployed before the node stopped, oldest first, and then goes on with purges
  /// that it interrupted. One that cannot start is listed as failed, with the reason; the others
  /// start all the same.
  public void restore() {
    List<Path> homes = new ArrayList<>();
    try (Stream<Path> ids = Files.list(directory)) {
      homes.addAll(ids.filter(Files::isDirectory).toList());
    } catch (IOException e) {
      throw Refused.disk(e);
    }
    List<Marker> markers = new ArrayList<>();
    for (Path home : homes) {
      try {
        markers.add(JSON.readValue(Files.readAllBytes(home.resolve(MARKER)), Marker.class));
      } catch (NoSuchFileException e) {
        LOG.info("removing an unfinished deployment: {}", home.getFileName());
        deleteQuietly(home);
      } catch (IOException | JacksonException e) {
        LOG.error("{} of {} cannot be read", MARKER, home.getFileName(), e);
      }
    }
    markers.sort(Comparator.comparing(Marker::deployedAt).thenComparing(Marker::id));
    List<Entry> purging = new ArrayList<>();
    for (Marker marker : markers) {
      if (marker.purging()) {
        Entry entry = reserve(entry(marker));
        synchronized (entry) {
          entry.purging = true;
          entry.become(Status.STOPPING, "");
        }
        host.reserve(entry.purgeOrder());
        purging.add(entry);
      }
    }
    markers.stream().filter(marker -> !marker.purging()).forEach(this::restore);
    // Now that those run who wait for its actors.
    for (Entry entry : purging) {
      try {
        host.purge(entry.purgeOrder());
        forget(entry);
      } catch (PlexException | IOException e) {
        LOG.error("application {} cannot be purged", entry.id, e);
        entry.become(Status.FAILED, notUndeployed(e));
      }
    }
  }

  private static Entry entry(Marker marker) {
    Entry entry =
        new Entry(
            marker.id(),
            marker.tenant(),
            marker.namespace(),
            marker.name(),
            marker.version(),
            Instant.parse(marker.deployedAt()));
    entry.types = marker.types();
    return entry;
  }

  private void restore(Marker marker) {
    Entry entry = reserve(entry(marker));
    try {
      Bundle bundle = Bundle.open(home(marker.id()));
      entry.description = bundle.config().description();
      start(entry, bundle);
      synchronized (entry) {
        if (entry.status == Status.STARTING) {
          entry.become(Status.RUNNING, "");
        }
      }
    } catch (PlexException | IOException e) {
      LOG.error("application {} cannot start", marker.id(), e);
      release(entry);
      entry.become(
          Status.FAILED, e instanceof PlexException p ? p.getMessage() : "its files are missing");
    }
  }

  /// Stops an application in order and forgets it, its files and its classes.
  ///
  /// @param purge false keeps the durable state of its actors in the store, and the messages that
  ///   wait for them; true forgets its actors (see [Purge]). Once that has begun it is gone through
  ///   with, at the next start if need be: an application listed as failed because of it can only
  ///   be undeployed again, which goes on
  /// @throws PlexException `NOT_FOUND`; `CONFLICT` while it is being deployed or undeployed;
  ///   `NOT_PERMITTED` for one that comes with the node; `FAILED_PRECONDITION` when it cannot be
  ///   purged because it never started; `UNAVAILABLE` when disk or store refuse
  public void undeploy(String id, boolean purge) {
    Entry entry = entries.get(id);
    if (entry == null) {
      throw Refused.unknown(id);
    }
    if (entry.tenant.isEmpty()) {
      throw Refused.shared(id);
    }
    boolean purges;
    synchronized (entry) {
      purges = purge || entry.purging;
      if (purges && entry.types.isEmpty()) {
        throw Refused.unknownTypes(id);
      }
      switch (entry.status) {
        case RUNNING, FAILED -> entry.become(Status.STOPPING, "");
        case LOADING, STARTING, STOPPING, STOPPED ->
            throw Refused.busy(id, entry.status.name().toLowerCase(Locale.ROOT));
      }
    }
    try {
      if (purges) {
        // Before its types are free for others.
        host.reserve(entry.purgeOrder());
      }
      release(entry);
      if (purges) {
        beginPurge(entry);
        host.purge(entry.purgeOrder());
      }
      forget(entry);
    } catch (IOException | RuntimeException e) {
      entry.become(Status.FAILED, notUndeployed(e));
      throw e instanceof PlexException p ? p : Refused.disk(e);
    } finally {
      synchronized (entry) {
        if (purges && !entry.purging) {
          host.free(entry.purgeOrder());
        }
      }
    }
    LOG.info("undeployed application {}", entry.id);
  }

  private static String notUndeployed(Exception e) {
    return "could not be undeployed: " + e.getMessage() + "; undeploy it again to go on";
  }

  /// From here on it does not come back, whatever happens: even a marker that could not be written
  /// may be on disk.
  private void beginPurge(Entry entry) throws IOException {
    synchronized (entry) {
      entry.purging = true;
    }
    writeMarker(home(entry.id), entry);
  }

  /// Removes what is left of an application that runs no more.
  private void forget(Entry entry) throws IOException {
    Path home = home(entry.id);
    Files.deleteIfExists(home.resolve(MARKER));
    deleteQuietly(home);
    entries.remove(entry.id, entry);
  }

  /// The applications of the node, of every tenant, ordered by id.
  public List<Deployment> list() {
    return entries.values().stream()
        .sorted(Comparator.comparing((Entry e) -> e.id))
        .map(this::view)
        .toList();
  }

  /// One application.
  public Optional<Deployment> find(String id) {
    return Optional.ofNullable(entries.get(id)).map(this::view);
  }

  /// Stops all applications, youngest first. They come back with [#restore].
  @Override
  public void close() {
    closed = true;
    List<Entry> all = new ArrayList<>(entries.values());
    all.sort(Comparator.comparing((Entry e) -> e.deployedAt).reversed());
    for (Entry entry : all) {
      synchronized (entry) {
        if (entry.status != Status.RUNNING) {
          continue;
        }
        entry.become(Status.STOPPING, "");
      }
      try {
        release(entry);
        entry.become(Status.STOPPED, "");
      } catch (RuntimeException e) {
        // The others still deserve an orderly stop.
        LOG.error("application {} did not stop", entry.id, e);
      }
    }
  }

  private Entry reserve(Entry entry) {
    if (closed) {
      throw Refused.stopping();
    }
    if (entries.size() >= APPLICATIONS_MAX) {
      throw Refused.tooMany(APPLICATIONS_MAX);
    }
    if (entries.putIfAbsent(entry.id, entry) != null) {
      throw Refused.idInUse(entry.id);
    }
    return entry;
  }

  /// The id decides where files go, so it must be known before the bundle is laid out.
  private static String idOf(Request request) {
    return request
        .id()
        .orElseThrow(() -> Refused.field("application_id", "is missing; it must be a name"));
  }

  private static void describe(Entry entry, AppConfig config, Request request) {
    config
        .id()
        .filter(id -> !id.equals(entry.id))
        .ifPresent(
            id -> {
              throw Refused.key(
                  "application.id",
                  "is \"" + id + "\", but the request deploys \"" + entry.id + "\"");
            });
    synchronized (entry) {
      entry.name = request.name().or(config::name).orElse(entry.id);
      entry.version = request.version().or(config::version).orElse(Deployment.DEFAULT_VERSION);
      entry.description = config.description();
    }
  }

  private void start(Entry entry, Bundle bundle) throws IOException {
    ApplicationClassLoader loader = new ApplicationClassLoader(entry.id, bundle.jars());
    synchronized (entry) {
      entry.loader = loader;
    }
    List<String> classes =
        bundle.config().actors().isEmpty() ? ActorScan.actorClasses(bundle.jars()) : List.of();
    LoadedApplication loaded = LoadedApplication.load(bundle.config(), classes, loader, binder);
    install(entry, bundle.config(), loaded);
  }

  private void install(Entry entry, AppConfig config, LoadedApplication loaded) {
    synchronized (entry) {
      entry.config = config;
      entry.loaded = loaded;
      entry.types = List.copyOf(loaded.types().keySet());
      entry.become(Status.STARTING, "");
    }
    String tenant = entry.tenant.isEmpty() ? SHARED_TENANT : entry.tenant;
    boolean done = false;
    try {
      host.install(
          new ApplicationUnit(
              entry.id,
              entry.version,
              Optional.of(entry.tenant).filter(t -> !t.isEmpty()),
              new Scope(tenant, entry.namespace),
              List.copyOf(loaded.types().values()),
              loaded.facets(),
              config.supervisor(entry.id),
              links.open(entry.id, tenant, config.serviceLinks())),
          entry::gaveUp);
      done = true;
    } catch (LinkOpener.UnusableLink e) {
      throw Refused.key(e.keyPath(), e.getMessage());
    } finally {
      if (!done) {
        links.close(entry.id);
      }
    }
    synchronized (entry) {
      entry.installed = true;
    }
  }

  /// Stops what runs of it and lets its classes go.
  private void release(Entry entry) {
    boolean installed;
    synchronized (entry) {
      installed = entry.installed;
    }
    if (installed) {
      host.uninstall(entry.id);
      links.close(entry.id);
    }
    synchronized (entry) {
      entry.installed = false;
      entry.loaded = null;
      if (entry.loader != null) {
        entry.loader.close();
        entry.loader = null;
      }
    }
  }

  private Deployment view(Entry entry) {
    synchronized (entry) {
      return new Deployment(
          entry.id,
          entry.name,
          entry.version,
          entry.description,
          Optional.of(entry.tenant).filter(t -> !t.isEmpty()),
          entry.namespace,
          entry.status,
          entry.detail,
          entry.deployedAt,
          entry.loaded == null ? List.of() : List.copyOf(entry.loaded.types().keySet()),
          entry.installed ? host.actorCount(entry.id) : 0,
          Optional.ofNullable(entry.config).map(config -> config.supervisor(entry.id)));
    }
  }

  private Path home(String id) {
    return directory.resolve(id);
  }

  private static void writeMarker(Path home, Entry entry) throws IOException {
    Marker marker =
        new Marker(
            entry.id,
            entry.name,
            entry.version,
            entry.tenant,
            entry.namespace,
            entry.deployedAt.toString(),
            entry.types,
            entry.purging);
    Path fresh = home.resolve(MARKER + ".new");
    Files.write(fresh, JSON.writeValueAsBytes(marker));
    DurableFiles.sync(home);
    Files.move(fresh, home.resolve(MARKER), StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.syncDirectory(home);
  }

  private static void requireName(String field, String name) {
    try {
      Scope.requireName(field, name);
    } catch (PlexException e) {
      throw Refused.field(field, e.violations().getFirst().description());
    }
  }

  private static void deleteQuietly(Path tree) {
    try {
      deleteTree(tree);
    } catch (IOException e) {
      // Without its marker the directory means nothing; the next start tries again.
      LOG.warn("cannot remove {}", tree.getFileName(), e);
    }
  }

  private static void deleteTree(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    // The marker first: what is left after a crash in the middle must not look deployed.
    Files.deleteIfExists(tree.resolve(MARKER));
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
