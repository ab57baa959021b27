package dev.plexspaces.node;

import dev.plexspaces.gateway.Gateway;
import dev.plexspaces.gateway.GatewayOptions;
import dev.plexspaces.gateway.GatewayPorts;
import dev.plexspaces.gateway.NodeKey;
import dev.plexspaces.gateway.NodeView;
import dev.plexspaces.gateway.TrustedIssuer;
import dev.plexspaces.kernel.ActorSystem;
import dev.plexspaces.kernel.Inspection;
import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.node.deploy.Deployment;
import dev.plexspaces.node.deploy.Deployments;
import dev.plexspaces.node.deploy.KernelHost;
import dev.plexspaces.node.links.OutboundHttp;
import dev.plexspaces.node.links.Secrets;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.store.SqliteStore;
import dev.plexspaces.store.StoreOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One node: the parts of the other modules, made, connected, and started and stopped in order.
///
/// Up: data directory, store, actors, applications, edge. Down: the same backwards, after the edge
/// has finished what was in progress. Source: spec `reference-plexspaces`, section 6, shutdown
/// phases.
public final class Node implements AutoCloseable {

  /// What the one line on standard output starts with.
  public static final String READY = "PlexSpaces ready";

  private static final Logger LOG = LoggerFactory.getLogger(Node.class);
  private static final int RADIX = 36;

  private final NodeOptions options;
  private final Instant startedAt = SystemClock.INSTANCE.instant();
  private final AtomicBoolean ready = new AtomicBoolean();
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CountDownLatch stopped = new CountDownLatch(1);

  /// What is running, the youngest first; stopped in that order.
  private final Deque<Part> parts = new ArrayDeque<>();

  private SqliteStore store;
  private Deployments deployments;
  private NodeMetrics metrics;
  private Gateway gateway;

  /// It was ready once: what an unclean stop left behind was looked at.
  private volatile boolean served;

  /// Something failed while it stopped.
  private boolean stoppedBadly;

  private record Part(String name, AutoCloseable closer) {}

  private Node(NodeOptions options) {
    this.options = options;
  }

  /// Starts a node. When it returns, the node serves and `node.json` says where.
  ///
  /// @throws PlexException `CONFLICT` when a node runs on the data directory; `UNAVAILABLE` when a
  ///   port or the disk refuses; `INVALID_MESSAGE` for wrong options. Nothing is left running
  public static Node start(NodeOptions options) {
    Node node = new Node(options);
    try {
      node.up();
      return node;
    } catch (RuntimeException | IOException e) {
      node.close();
      throw e instanceof PlexException p
          ? p
          : new PlexException(
              ErrorCode.UNAVAILABLE,
              "the node cannot start: " + (e.getMessage() == null ? e : e.getMessage()),
              List.of(),
              e);
    }
  }

  /// Runs a node until the process is told to end.
  ///
  /// @param out gets one line, when the node serves
  public static void run(NodeOptions options, PrintWriter out) throws InterruptedException {
    NodeLog.configure(options);
    Node node = start(options);
    // An end of the process by a signal is an orderly stop.
    Runtime.getRuntime().addShutdownHook(new Thread(node::close, "plexspaces-stop"));
    out.println(node.readyLine());
    out.flush();
    node.stopped.await();
  }

  private void up() throws IOException {
    Path data = options.data();
    DataDirectory directory = DataDirectory.open(data);
    started("data directory", directory);
    started("note of the stop", () -> noteStop(directory));
    NodeFile.remove(data);

    StoreOptions defaults = StoreOptions.defaults();
    store =
        SqliteStore.open(
            data.resolve("store"),
            defaults
                .withClock(SystemClock.INSTANCE)
                .withHistory(
                    new StoreOptions.History(
                        options.history().commits(),
                        options.history().retention(),
                        defaults.history().bytesMax()))
                .withOnFailure(this::storeFailed));
    started("store", store);

    ActorSystem actors =
        ActorSystem.start(
            new ActorSystem.Options(
                Runtime.getRuntime().availableProcessors(),
                TurnSecret.of(data),
                options.idempotency().kept(),
                options.idempotency().perTenant()),
            store);
    started("actors", actors);
    if (directory.afterUncleanStop()) {
      LOG.warn("the last node on {} did not stop in order", data);
      actors.afterUncleanStop();
    }

    ExecutorService linkThreads = Executors.newVirtualThreadPerTaskExecutor();
    // Ends waits between attempts, too.
    started("threads of service links", linkThreads::shutdownNow);
    OutboundHttp links =
        new OutboundHttp(
            new Secrets(System::getenv, data.resolve("secrets")),
            linkThreads,
            SystemClock.INSTANCE,
            () -> ThreadLocalRandom.current().nextLong(),
            Thread::sleep);
    started("service links", links);

    KernelHost host = new KernelHost(actors);
    deployments =
        new Deployments(
            data.resolve("apps"), AnnotatedActors::bind, host, links, SystemClock.INSTANCE);
    started("applications", deployments);
    if (options.samples()) {
      Samples.deploy(deployments);
    }

    deployments.restore();

    metrics = new NodeMetrics(actors::metrics, store::stats, links::stats);
    started("metrics", metrics);
    ExecutorService blocking = Executors.newVirtualThreadPerTaskExecutor();
    started("blocking calls", blocking);
    started("purges", host::stopPurges);
    gateway =
        Gateway.start(
            gatewayOptions(),
            new GatewayPorts(
                actors,
                new Inspection(actors, options.history().payloads()),
                new GatewayApplications(deployments),
                new View(),
                metrics.registry(),
                SystemClock.INSTANCE,
                requestIds(),
                blocking));
    started("edge", gateway);

    started("node.json", () -> NodeFile.remove(data));
    new NodeFile(
            ProcessHandle.current().pid(),
            options.nodeId(),
            gateway.httpPort(),
            gateway.grpcPort(),
            Version.TEXT)
        .write(data);
    served = true;
    ready.set(true);
    LOG.info(
        "node {} serves HTTP on {} and gRPC on {}",
        options.nodeId(),
        gateway.httpPort(),
        gateway.grpcPort());
  }

  private void started(String name, AutoCloseable closer) {
    parts.push(new Part(name, closer));
  }

  private GatewayOptions gatewayOptions() {
    List<TrustedIssuer> trusted = new ArrayList<>();
    if (!options.dev()) {
      trusted.add(NodeKey.open(options.data(), SystemClock.INSTANCE).issuer());
      for (NodeOptions.Issuer issuer : options.trusted()) {
        trusted.add(TrustedIssuer.fromFile(issuer.issuer(), issuer.audience(), issuer.jwksFile()));
      }
    }
    return new GatewayOptions(
        options.host(),
        options.httpPort(),
        options.grpcPort(),
        options.dev(),
        trusted,
        options.data().resolve("uploads"),
        GatewayOptions.BODY_BYTES_MAX,
        GatewayOptions.IN_FLIGHT_MAX,
        options.drain());
  }

  /// Ids that never repeat: the start of the node tells two runs apart, a counter two requests.
  private Supplier<String> requestIds() {
    String prefix = Long.toString(startedAt.toEpochMilli(), RADIX) + "-";
    AtomicLong next = new AtomicLong();
    return () -> prefix + Long.toString(next.incrementAndGet(), RADIX);
  }

  /// The edge's ports, with the names of the node a person can click on.
  private String readyLine() {
    String host =
        InetAddress.getLoopbackAddress().getHostAddress().equals(options.host())
                || options.host().equals(NodeOptions.HOST)
            ? NodeOptions.LOOPBACK
            : options.host().contains(":") ? "[" + options.host() + "]" : options.host();
    return READY
        + " http://"
        + host
        + ":"
        + gateway.httpPort()
        + " grpc://"
        + host
        + ":"
        + gateway.grpcPort();
  }

  /// The bound port of HTTP.
  public int httpPort() {
    return gateway.httpPort();
  }

  /// The bound port of gRPC.
  public int grpcPort() {
    return gateway.grpcPort();
  }

  /// A store that failed cannot say what is on disk and what is not. Ending at once is safe, since
  /// nothing was acknowledged that is not; going on is not.
  private void storeFailed(PlexException why) {
    LOG.error("the store failed; the node ends", why);
    Runtime.getRuntime().halt(1);
  }

  /// Stops in order: refuses new work, finishes what is in progress within [NodeOptions#drain],
  /// stops applications youngest first, closes the store.
  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    ready.set(false);
    for (Part part : parts) {
      try {
        part.closer().close();
      } catch (Exception e) {
        // The parts below still deserve an orderly stop.
        stoppedBadly = true;
        LOG.error("stopping {} failed", part.name(), e);
      }
    }
    if (served) {
      LOG.info("node {} stopped", options.nodeId());
    }
    stopped.countDown();
  }

  private void noteStop(DataDirectory directory) throws IOException {
    if (!stoppedBadly && (served || !directory.afterUncleanStop())) {
      directory.stoppedInOrder();
    }
  }

  private final class View implements NodeView {

    @Override
    public String nodeId() {
      return options.nodeId();
    }

    @Override
    public String version() {
      return Version.TEXT;
    }

    @Override
    public Instant startedAt() {
      return startedAt;
    }

    @Override
    public boolean ready() {
      return ready.get();
    }

    @Override
    public List<Component> components() {
      List<Deployment> failed =
          deployments.list().stream().filter(d -> d.status() == Deployment.Status.FAILED).toList();
      Component applications =
          failed.isEmpty()
              ? new Component("applications", Health.HEALTHY, "")
              : new Component(
                  "applications", Health.DEGRADED, failed.size() + " failed; see their status");
      Component storage =
          switch (store.stats().state()) {
            case RUNNING -> new Component("store", Health.HEALTHY, "");
            case DISK_FULL -> new Component("store", Health.DEGRADED, "the disk is full");
            case FAILED, CLOSED -> new Component("store", Health.UNHEALTHY, "not running");
          };
      return List.of(applications, storage);
    }

    @Override
    public String metrics() {
      return metrics.text();
    }
  }
}
