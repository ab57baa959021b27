package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.InMemoryStore;
import dev.plexspaces.kernel.journal.LoadedActor;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.supervision.Event;
import dev.plexspaces.kernel.supervision.Outcome;
import dev.plexspaces.kernel.supervision.StartFailure;
import dev.plexspaces.kernel.time.Clock;
import dev.plexspaces.kernel.time.DeadlineWheel;
import dev.plexspaces.kernel.time.SystemClock;
import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import dev.plexspaces.sdk.SupervisorSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All actors of one node: installs applications, finds and activates actors, carries messages.
///
/// Source: DESIGN section 4. Thread-safe.
public final class ActorSystem implements Invoker, AutoCloseable {

  /// Header that marks a payload made from a query string; see `Conversion`.
  public static final String TEXTUAL_HEADER = "plexspaces-textual";

  /// Most live actors a listing looks at before it sorts; a listing is for people.
  private static final int LISTING_MAX = 100_000;

  /// Ids start at the time of the start, so that those of two starts differ as long as fewer than
  /// 2^10 are taken a millisecond, and stay below 2^53 until the year 2248.
  private static final int IDS_PER_MILLI_BITS = 10;

  private static final Logger LOG = LoggerFactory.getLogger(ActorSystem.class);

  final TypeRegistry types = new TypeRegistry();

  private final Clock clock;
  private final RandomGenerator entropy;
  private final Store store;
  private final Dispatcher dispatcher;
  private final DeadlineWheel wheel;
  private final Timers timers;
  private final DeadLetters deadLetters;
  private final DurableAsks durableAsks = new DurableAsks(this);
  private final DurableDowns durableDowns;
  private final UncleanStop uncleanStop = new UncleanStop(this);
  private final OutsideCalls outside;
  private final Asks asks = new Asks(this);
  private final KeyLocks keyLocks = new KeyLocks(this);
  private final HandlingTimes handlingTimes;
  private final Quarantine quarantine;
  private final long secret;
  private final Duration idempotencyKept;
  private final long idempotencyPerTenant;
  private final LongAdder idempotencyRefusals = new LongAdder();
  private final LongAdder killedAndRunning = new LongAdder();
  private final AtomicLong ids;
  private final LongAdder supervisorReports = new LongAdder();
  private final ConcurrentHashMap<Scope, ScopeTypes> scopes = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<Scope, Instances> supervisors = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Installed> applications = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<Long, CompletableFuture<Outcome>> calls =
      new ConcurrentHashMap<>();
  private final TypeEntry supervisorEntry;

  /// How an [ActorSystem] is made.
  ///
  /// @param parallelism actors that run at once; default the number of processors
  /// @param secret seeds the randomness of durable turns; keep it with the data
  /// @param idempotencyKept how long the outcome of a request with an idempotency key is
  ///   remembered; positive; default [#IDEMPOTENCY_KEPT]
  /// @param idempotencyPerTenant most such outcomes of durable actors that a tenant may have; a
  ///   request with a new key is refused at the bound; positive; default [#IDEMPOTENCY_PER_TENANT]
  public record Options(
      int parallelism, long secret, Duration idempotencyKept, long idempotencyPerTenant) {

    /// Source: spec/turns rule 28.
    public static final Duration IDEMPOTENCY_KEPT = Duration.ofHours(24);

    /// Outcomes.
    public static final long IDEMPOTENCY_PER_TENANT = 1_000_000;

    public Options(int parallelism, long secret) {
      this(parallelism, secret, IDEMPOTENCY_KEPT, IDEMPOTENCY_PER_TENANT);
    }

    public static Options defaults() {
      return new Options(Runtime.getRuntime().availableProcessors(), 0);
    }
  }

  /// A running application.
  ///
  /// @param rootStarted completes when its root supervisor can be told something
  /// @param rootGone completes when its root supervisor has exited
  private record Installed(
      ApplicationUnit unit,
      List<TypeEntry> entries,
      SupervisorActor root,
      CompletableFuture<Void> rootStarted,
      CompletableFuture<Void> rootGone) {}

  /// A system on the given store, with real time, threads and randomness.
  public static ActorSystem start(Options options, Store store) {
    Clock clock = SystemClock.INSTANCE;
    DeadlineWheel wheel = new DeadlineWheel(clock::nanoTime);
    ActorSystem system = start(options, store, clock, wheel);
    wheel.start(Thread.ofPlatform().daemon().name("plexspaces-deadlines").factory());
    return system;
  }

  /// A system on another clock, whose deadlines pass when somebody advances the wheel: for tests of
  /// what waits.
  ///
  /// @param wheel of the same clock, not started
  public static ActorSystem start(Options options, Store store, Clock clock, DeadlineWheel wheel) {
    return new ActorSystem(
        clock,
        new SystemEntropy(),
        store,
        new WorkerDispatcher(options.parallelism),
        wheel,
        options);
  }

  /// A system without durability beyond this process.
  public static ActorSystem inMemory() {
    return start(Options.defaults(), new InMemoryStore(SystemClock.INSTANCE));
  }

  ActorSystem(
      Clock clock,
      RandomGenerator entropy,
      Store store,
      Dispatcher dispatcher,
      DeadlineWheel wheel,
      Options options) {
    this.clock = clock;
    this.entropy = entropy;
    this.store = store;
    this.durableDowns = new DurableDowns(this, store);
    this.dispatcher = dispatcher;
    this.wheel = wheel;
    this.timers = new Timers(wheel, clock::nanoTime);
    this.outside = new OutsideCalls(this);
    this.handlingTimes = new HandlingTimes(clock::nanoTime);
    this.deadLetters = new DeadLetters(clock);
    this.quarantine = new Quarantine(clock);
    this.secret = options.secret;
    this.idempotencyKept = options.idempotencyKept;
    this.idempotencyPerTenant = options.idempotencyPerTenant;
    this.ids = new AtomicLong(clock.millis() << IDS_PER_MILLI_BITS);
    this.supervisorEntry =
        new TypeEntry(
            new SupervisorType(),
            "",
            "",
            List.of(),
            new FacetCatalog(Map.of(), handlingTimes),
            quarantine,
            ServiceLinks.NONE);
  }

  /// Says that the last process on this store did not stop in order: a message it left behind may
  /// have ended it, so each is marked on disk before it runs, and one that ends the process again
  /// and again becomes a dead letter. To be called before anything is installed. Source: spec/turns
  /// rule 24.
  ///
  /// @throws PlexException `UNAVAILABLE` when the store cannot be read
  public void afterUncleanStop() {
    uncleanStop.remember(store.actorsWithWork());
  }

  // ---- applications

  /// Installs an application and starts its supervision tree.
  ///
  /// @return completes when all supervised actors are up; fails with `CONFLICT` for an id or actor
  ///   type in use, `INVALID_MESSAGE` for a wrong facet, unknown child type or state that cannot be
  ///   durable, `ACTOR_CRASHED` when a child did not start. Nothing is left behind on failure.
  public CompletableFuture<Void> install(ApplicationUnit unit) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    CompletableFuture<Void> rootGone = new CompletableFuture<>();
    List<TypeEntry> entries;
    SupervisorActor root;
    try {
      entries = entries(unit);
      checkChildren(unit.supervisor().id(), unit.supervisor(), unit, entries);
      root =
          new SupervisorActor(
              scope(unit.home()), rootPath(unit), unit.supervisor(), owner(unit, result, rootGone));
      types.add(unit.visibleTo(), entries);
    } catch (PlexException e) {
      result.completeExceptionally(e);
      return result;
    }
    Installed installed = new Installed(unit, entries, root, new CompletableFuture<>(), rootGone);
    if (applications.putIfAbsent(unit.id(), installed) != null) {
      types.remove(unit.visibleTo(), entries);
      result.completeExceptionally(
          new PlexException(
              ErrorCode.CONFLICT, "application '" + unit.id() + "' is installed already"));
      return result;
    }
    entries.forEach(durableDowns::installed);
    root.start();
    installed.rootStarted.complete(null);
    return result.thenRun(() -> activateAtOnce(unit, entries));
  }

  /// The application's id makes it unique; a root of another name is called by it below that.
  private static String rootPath(ApplicationUnit unit) {
    String root = unit.supervisor().id();
    return root.equals(unit.id()) ? root : unit.id() + "/" + root;
  }

  private SupervisorActor.Owner owner(
      ApplicationUnit unit, CompletableFuture<Void> result, CompletableFuture<Void> rootGone) {
    return new SupervisorActor.Owner() {
      @Override
      public void started() {
        result.complete(null);
      }

      @Override
      public void startFailed(StartFailure failure) {
        rootGone.complete(null);
        Installed failed = applications.get(unit.id());
        if (failed != null && failed.rootGone == rootGone) {
          applications.remove(unit.id(), failed);
          retire(failed)
              .thenRun(
                  () ->
                      result.completeExceptionally(
                          new PlexException(
                              ErrorCode.ACTOR_CRASHED,
                              "application '" + unit.id() + "' did not start: " + failure.told())));
        } else {
          exited(failure.reason());
        }
      }

      @Override
      public void exited(ExitReason reason) {
        rootGone.complete(null);
        // No effect unless it was uninstalled while it started.
        result.completeExceptionally(
            new PlexException(
                ErrorCode.UNAVAILABLE,
                "application '" + unit.id() + "' was stopped while it started"));
        Installed gaveUp = applications.get(unit.id());
        if (gaveUp != null && gaveUp.rootGone == rootGone) {
          fail(gaveUp, reason);
        }
        applicationExited.accept(unit.id(), reason);
      }
    };
  }

  /// The root supervisor of an application gave up. Nothing of the application goes on without it,
  /// virtual actors included; its types stay, so that callers are told what is the matter. Source:
  /// OTP `application`: when the top supervisor terminates, so has the application.
  private void fail(Installed installed, ExitReason reason) {
    LOG.error(
        "application {} has failed: its root supervisor exited ({})",
        installed.unit.id(),
        reason.text());
    installed.entries.forEach(entry -> entry.failure = reason.text());
    stop(cells(installed.entries, instances -> {}));
  }

  private volatile java.util.function.BiConsumer<String, ExitReason> applicationExited =
      (id, reason) -> {};

  /// Calls `listener` with an application's id when its root supervisor exits, in order or because
  /// it gave up.
  public void onApplicationExit(java.util.function.BiConsumer<String, ExitReason> listener) {
    applicationExited = listener;
  }

  private List<TypeEntry> entries(ApplicationUnit unit) {
    FacetCatalog catalog = new FacetCatalog(unit.facets(), handlingTimes);
    List<TypeEntry> entries = new ArrayList<>();
    Set<String> names = new java.util.HashSet<>();
    for (ApplicationUnit.Offer offer : unit.types()) {
      String name = offer.type().name();
      Scope.requireName("actor type", name);
      if (name.equals(SupervisorType.NAME)) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE,
            "actor type '" + name + "' is reserved; choose another name");
      }
      if (!names.add(name)) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE, "actor type '" + name + "' is offered twice");
      }
      List<FacetSpec> facets = FacetCatalog.merge(offer.type().facets(), offer.facets());
      catalog.check("actor type '" + name + "'", facets);
      TypeEntry entry =
          new TypeEntry(
              offer.type(), unit.id(), unit.version(), facets, catalog, quarantine, unit.links());
      if (entry.durable) {
        offer.type().requireDurable();
      }
      entries.add(entry);
    }
    return entries;
  }

  private void checkChildren(
      String where, SupervisorSpec spec, ApplicationUnit unit, List<TypeEntry> entries) {
    for (SupervisorSpec.Child child : spec.children()) {
      String path = where + "/" + child.id();
      switch (child) {
        case SupervisorSpec.Nested nested -> checkChildren(path, nested.spec(), unit, entries);
        case SupervisorSpec.Worker worker -> {
          ChildSpec c = worker.spec();
          new ActorId(unit.home(), c.type(), c.key());
          TypeEntry entry =
              entries.stream()
                  .filter(e -> e.type.name().equals(c.type()))
                  .findFirst()
                  .orElse(types.find(unit.home(), c.type()));
          if (entry == null) {
            throw new PlexException(
                ErrorCode.INVALID_MESSAGE,
                "child " + path + ": unknown actor type '" + c.type() + "'");
          }
          new FacetCatalog(unit.facets(), handlingTimes).check("child " + path, c.facets());
          if (FacetCatalog.named(c.facets(), FacetCatalog.DURABILITY) != null) {
            entry.type.requireDurable();
          }
        }
      }
    }
  }

  /// Eager virtual actors, and durable ones with a message or an open turn waiting.
  private void activateAtOnce(ApplicationUnit unit, List<TypeEntry> entries) {
    Set<String> durable = new java.util.HashSet<>();
    for (TypeEntry entry : entries) {
      if (entry.durable) {
        durable.add(entry.type.name());
      }
      if (entry.virtual && FacetCatalog.eager(entry.facets)) {
        Address address = new Address(scope(unit.home()), entry.type.name(), "default");
        resolveQuietly(address);
      }
    }
    entries.forEach(durableDowns::started);
    if (!durable.isEmpty()) {
      for (ActorId id : store.actorsWithWork()) {
        if (durable.contains(id.type())
            && unit.visibleTo().map(t -> t.equals(id.scope().tenant())).orElse(true)) {
          resolveQuietly(new Address(scope(id.scope()), id.type(), id.key()));
        }
      }
    }
  }

  /// Stops an application's actors and forgets its types; durable state stays.
  ///
  /// @return completes when nothing of it runs any more; fails with `NOT_FOUND`
  public CompletableFuture<Void> uninstall(String id) {
    Installed installed = applications.remove(id);
    if (installed == null) {
      return CompletableFuture.failedFuture(
          new PlexException(ErrorCode.NOT_FOUND, "no application '" + id + "'"));
    }
    installed.rootStarted.thenRun(
        () -> {
          if (!installed.rootGone.isDone()) {
            installed.root.post(new Event.StopAll(ExitReason.SHUTDOWN));
          }
        });
    return installed.rootGone.thenCompose(v -> retire(installed));
  }

  /// Forgets an application's types and stops what actors of them are left; one that takes too long
  /// is killed.
  private CompletableFuture<Void> retire(Installed installed) {
    List<TypeEntry> entries = installed.entries;
    entries.forEach(entry -> entry.retired = true);
    types.remove(installed.unit.visibleTo(), entries);
    return stop(cells(entries, instances -> instances.scope.forget(instances)));
  }

  /// The live actors of some types.
  ///
  /// @param seen called with what holds those of a type in a scope
  private Set<ActorCell> cells(List<TypeEntry> entries, Consumer<Instances> seen) {
    Set<ActorCell> cells = ConcurrentHashMap.newKeySet();
    for (ScopeTypes scope : scopes.values()) {
      for (Instances instances : List.copyOf(scope.all())) {
        if (entries.contains(instances.entry)) {
          cells.addAll(instances.cells.values());
          seen.accept(instances);
        }
      }
    }
    return cells;
  }

  /// Stops actors; one that takes too long is killed.
  ///
  /// @param running those that are not gone yet; handed over
  private CompletableFuture<Void> stop(Set<ActorCell> running) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    if (running.isEmpty()) {
      done.complete(null);
      return done;
    }
    for (ActorCell cell : List.copyOf(running)) {
      cell.send(
          new SystemMessage.Stop(
              ExitReason.SHUTDOWN,
              () -> {
                running.remove(cell);
                if (running.isEmpty()) {
                  done.complete(null);
                }
              }));
    }
    timers.after(
        ChildSpec.SHUTDOWN_TIMEOUT,
        () -> {
          running.forEach(ActorCell::kill);
          done.complete(null);
        });
    return done;
  }

  /// The supervision tree of an application as nested maps: `id`, `children` with `id`, `state`,
  /// `restarts` and, for supervisors, `children`.
  ///
  /// @throws PlexException `NOT_FOUND`
  public Map<String, Object> supervisionTree(String application) {
    Installed installed = applications.get(application);
    if (installed == null) {
      throw new PlexException(ErrorCode.NOT_FOUND, "no application '" + application + "'");
    }
    return installed.root.tree();
  }

  // ---- Invoker

  @Override
  public void ask(RequestContext context, Target target, Request request, ReplyListener listener) {
    outside.ask(context, target, request, listener);
  }

  @Override
  public void tell(RequestContext context, Target target, Request request, TellListener listener) {
    outside.tell(context, target, request, listener);
  }

  @Override
  public List<ActorInfo> actors(Scope scope, Optional<String> type, String afterKey, int limit) {
    ScopeTypes inScope = scopes.get(scope);
    if (inScope == null) {
      return List.of();
    }
    TreeMap<String, ActorCell> sorted = new TreeMap<>();
    for (Instances instances : inScope.all()) {
      if (type.isEmpty() || type.get().equals(instances.entry.type.name())) {
        for (ActorCell cell : instances.cells.values()) {
          String name = cell.toString();
          if (name.compareTo(afterKey) > 0 && sorted.size() < LISTING_MAX) {
            sorted.put(name, cell);
          }
        }
      }
    }
    return sorted.values().stream().limit(limit).map(this::info).toList();
  }

  @Override
  public Optional<ActorInfo> actor(ActorId id) {
    return Optional.ofNullable(live(new Address(scope(id.scope()), id.type(), id.key())))
        .map(this::info);
  }

  @Override
  public Optional<StoredActor> stored(ActorId id) {
    LoadedActor loaded = store.load(id);
    if (loaded.nextTurn() == 0 && loaded.open().isEmpty()) {
      return Optional.empty();
    }
    TypeEntry entry = types.find(id.scope(), id.type());
    return Optional.of(
        entry == null
            ? new StoredActor(id, "", List.of())
            : new StoredActor(
                id, entry.application, entry.facets.stream().map(FacetSpec::name).toList()));
  }

  private ActorInfo info(ActorCell cell) {
    Relations relations = cell.relationsOrNull();
    return new ActorInfo(
        cell.id(),
        switch (cell.state()) {
          case NEW -> "activating";
          case ACTIVE -> "active";
          case CRASHED, HALTED -> "failed";
          case STOPPING -> "stopping";
          case STOPPED -> "terminated";
        },
        cell.home.entry.application,
        relations == null || relations.supervisor == null ? "" : relations.supervisor.path(),
        Instant.ofEpochMilli(cell.startedAtMillis),
        cell.mailbox.processed,
        cell.mailbox.size(),
        relations == null ? 0 : relations.restarts,
        cell.facetNames());
  }

  @Override
  public void stop(ActorId id) {
    ActorCell cell = live(new Address(scope(id.scope()), id.type(), id.key()));
    if (cell == null) {
      throw new PlexException(
          ErrorCode.ACTOR_NOT_FOUND, "no live actor " + id.type() + "/" + id.key());
    }
    Duration timeout = cell.spec.shutdownTimeout();
    if (timeout.compareTo(Timers.DELAY_MAX) > 0) {
      timeout = Timers.DELAY_MAX;
    }
    // A handler that does not come to its end: an open turn is suspended and resumed later.
    Timers.Timer overdue = timers.after(timeout, cell::kill);
    cell.send(new SystemMessage.Stop(ExitReason.SHUTDOWN, overdue::cancel));
  }

  /// The keys that take no messages.
  public Quarantine quarantine() {
    return quarantine;
  }

  /// Messages nobody processed.
  public DeadLetters deadLetters() {
    return deadLetters;
  }

  /// A snapshot of all counters.
  public KernelMetrics metrics() {
    Map<TypeEntry, long[]> live = new java.util.HashMap<>();
    for (ScopeTypes scope : scopes.values()) {
      for (Instances instances : scope.all()) {
        long[] sums = live.computeIfAbsent(instances.entry, e -> new long[3]);
        for (ActorCell cell : instances.cells.values()) {
          sums[0]++;
          sums[1] += cell.mailbox.processed;
          sums[2] += cell.mailbox.size();
        }
      }
    }
    List<KernelMetrics.TypeMetrics> result = new ArrayList<>();
    for (TypeEntry entry : types.all()) {
      long[] sums = live.getOrDefault(entry, new long[3]);
      result.add(
          new KernelMetrics.TypeMetrics(
              entry.type.name(),
              entry.application,
              sums[0],
              sums[1] + entry.messagesOfExited.sum(),
              entry.asks.sum(),
              entry.commits.sum(),
              entry.crashes.sum(),
              entry.restarts.sum(),
              entry.activations.sum(),
              sums[2]));
    }
    result.sort(Comparator.comparing(KernelMetrics.TypeMetrics::type));
    return new KernelMetrics(
        result,
        supervisorReports.sum(),
        deadLettersByType(),
        handlingTimes.byType(),
        idempotencyRefusals.sum(),
        killedAndRunning.sum());
  }

  /// Zero where nothing happened yet: who watches for a change must have seen what it was before.
  private Map<String, Map<DeadLetters.Reason, Long>> deadLettersByType() {
    Map<String, Map<DeadLetters.Reason, Long>> counts = deadLetters.countsByType();
    Map<DeadLetters.Reason, Long> none = new EnumMap<>(DeadLetters.Reason.class);
    for (DeadLetters.Reason reason : DeadLetters.Reason.values()) {
      none.put(reason, 0L);
    }
    types.all().forEach(entry -> counts.putIfAbsent(entry.type.name(), none));
    return counts;
  }

  // ---- for the rest of the kernel

  Clock clock() {
    return clock;
  }

  RandomGenerator entropy() {
    return entropy;
  }

  Store store() {
    return store;
  }

  Dispatcher dispatcher() {
    return dispatcher;
  }

  Timers timers() {
    return timers;
  }

  UncleanStop uncleanStop() {
    return uncleanStop;
  }

  LongAdder supervisorReports() {
    return supervisorReports;
  }

  /// Never twice in the life of a node, and below 2^53: the same number to whoever reads it as
  /// JSON.
  long nextId() {
    return ids.incrementAndGet();
  }

  String newMessageId() {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(entropy.nextLong()) + hex.toHexDigits(entropy.nextLong());
  }

  /// When an outcome that is remembered now is forgotten, milliseconds since 1970.
  long idempotencyExpiresMillis() {
    return clock.millis() + idempotencyKept.toMillis();
  }

  /// Most outcomes that a tenant may have remembered.
  long idempotencyPerTenant() {
    return idempotencyPerTenant;
  }

  /// Counts requests refused because of that.
  LongAdder idempotencyRefusals() {
    return idempotencyRefusals;
  }

  /// Counts actors that were killed and whose handlers did not come back.
  LongAdder killedAndRunning() {
    return killedAndRunning;
  }

  /// A number that differs from node to node and is the same each time for the same text.
  long secretHash(String text) {
    long hash = secret;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    return hash;
  }

  ScopeTypes scope(Scope scope) {
    ScopeTypes known = scopes.get(scope);
    return known != null ? known : scopes.computeIfAbsent(scope, s -> new ScopeTypes(this, s));
  }

  Instances supervisors(ScopeTypes scope) {
    return supervisors.computeIfAbsent(scope.scope, s -> new Instances(scope, supervisorEntry));
  }

  RequestContext systemContext(Scope scope) {
    return scope(scope).systemContext;
  }

  void answered(long call, Outcome outcome) {
    CompletableFuture<Outcome> waiting = calls.remove(call);
    if (waiting != null) {
      waiting.complete(outcome);
    }
  }

  /// All live actors.
  List<ActorCell> cells() {
    List<ActorCell> cells = new ArrayList<>();
    for (ScopeTypes scope : scopes.values()) {
      scope.all().forEach(instances -> cells.addAll(instances.cells.values()));
    }
    return cells;
  }

  /// The live actor at an address; null when there is none. Activates nothing.
  ActorCell live(Address address) {
    ActorCell cell = address.cell;
    if (cell != null && !cell.killed() && !cell.mailbox.closed()) {
      return cell;
    }
    Instances home = address.home();
    return home == null ? null : home.cells.get(address.key);
  }

  /// The actor at an address, activated if it is virtual; null when there is none.
  ActorCell resolveQuietly(Address address) {
    ActorCell cell = live(address);
    if (cell != null) {
      return cell;
    }
    Instances home = address.home();
    try {
      cell = home == null ? null : home.resolve(address.key);
    } catch (PlexException quarantined) {
      return null;
    }
    if (cell != null) {
      cell.wake();
    }
    return cell;
  }

  /// Brings an envelope to its receiver's mailbox. What cannot be delivered becomes a dead letter,
  /// and a caller that waits is told.
  ///
  /// @param from the worker whose turn sent it; null when called from outside
  /// @param exempt true when no bound may refuse it
  Mailbox.Offer deliver(Address to, Envelope e, Dispatcher.Worker from, boolean exempt) {
    // Small, so that the compiler puts it where it is called: every message takes this path.
    ActorCell cell = to.cell;
    if (cell == null || cell.killed()) {
      cell = receiver(to, e);
      if (cell == null) {
        deadLetters.add(e, to, DeadLetters.Reason.NO_ACTOR);
        return Mailbox.Offer.CLOSED;
      }
    }
    return offer(cell, to, e, from, exempt);
  }

  /// For a caller outside of the actors that has found the actor already.
  Mailbox.Offer deliver(ActorCell to, Envelope e) {
    return to.killed()
        ? deliver(to.context().address(), e, null, false)
        : offer(to, null, e, null, false);
  }

  /// @param to the way `cell` was found; null when it was found without
  private Mailbox.Offer offer(
      ActorCell cell, Address to, Envelope e, Dispatcher.Worker from, boolean exempt) {
    Mailbox.Offer outcome = cell.mailbox.offer(e, exempt);
    if (outcome == Mailbox.Offer.SCHEDULE) {
      dispatcher.schedule(cell, from);
      return outcome;
    }
    return outcome == Mailbox.Offer.QUEUED
        ? outcome
        : deliverOtherwise(
            outcome, to == null ? cell.context().address() : to, cell, e, from, exempt);
  }

  /// Resolves an address anew; null when there is no such actor, which whoever waits for the reply
  /// to `e` is told when it is in quarantine.
  private static ActorCell receiver(Address to, Envelope e) {
    Instances home = to.home();
    ActorCell cell = null;
    try {
      cell = home == null ? null : home.resolve(to.key);
    } catch (PlexException quarantined) {
      if (e.replyTo != null) {
        e.replyTo.fail(quarantined);
      }
    }
    to.cell = cell;
    return cell;
  }

  private Mailbox.Offer deliverOtherwise(
      Mailbox.Offer offered,
      Address to,
      ActorCell cell,
      Envelope e,
      Dispatcher.Worker from,
      boolean exempt) {
    Mailbox.Offer outcome = offered;
    if (outcome == Mailbox.Offer.FULL
        && from != null
        && cell.mailbox instanceof LinkedMailbox mailbox
        && mailbox.blocks()) {
      outcome = offerWaiting(mailbox, e, from);
    }
    switch (outcome) {
      case QUEUED -> {}
      case BEHIND -> {
        if (from != null) {
          from.makesWay = true;
        }
      }
      case SCHEDULE -> dispatcher.schedule(cell, from);
      case FULL -> deadLetters.add(e, to, DeadLetters.Reason.MAILBOX_FULL);
      case DROPPED -> deadLetters.add(e, to, DeadLetters.Reason.DROPPED_NEWEST);
      case CLOSED -> {
        // Exited since the address was resolved: look again, it may have been activated anew.
        cell.home.cells.remove(cell.key, cell);
        to.cell = null;
        return deliver(to, e, from, exempt);
      }
    }
    return outcome;
  }

  /// Brings several envelopes of one turn to the mailbox of the one they are addressed to, in
  /// order.
  ///
  /// @param effects holds them from index `from` to before `to`
  void deliverAll(Object[] effects, int from, int to, Dispatcher.Worker worker) {
    Envelope oldest = (Envelope) effects[from];
    Address target = oldest.target;
    ActorCell cell = target.cell;
    Envelope newest = null;
    for (int i = from; i < to; i++) {
      Envelope e = (Envelope) effects[i];
      e.target = null;
      e.next = newest;
      newest = e;
    }
    Mailbox.Offer outcome =
        cell != null && !cell.killed() && cell.mailbox instanceof LinkedMailbox mailbox
            ? mailbox.offerAll(newest, oldest, to - from)
            : Mailbox.Offer.FULL;
    switch (outcome) {
      case QUEUED -> {}
      case BEHIND -> worker.makesWay = true;
      case SCHEDULE -> dispatcher.schedule(cell, worker);
      case FULL, DROPPED, CLOSED -> {
        for (int i = from; i < to; i++) {
          Envelope e = (Envelope) effects[i];
          e.next = null;
          deliver(target, e, worker, false);
        }
      }
    }
  }

  /// Offers again each time there may be room, as long as the policy allows.
  private Mailbox.Offer offerWaiting(LinkedMailbox mailbox, Envelope e, Dispatcher.Worker from) {
    ActorCell sender = from.running();
    long nanos = LinkedMailbox.BLOCK_MAX_NANOS;
    if (e.replyTo != null) {
      nanos = Math.min(nanos, e.replyTo.leftNanos(clock.nanoTime()));
    }
    long due = clock.nanoTime() + nanos;
    while (true) {
      TimedWait wait = new TimedWait(due, sender);
      mailbox.enter(wait);
      Mailbox.Offer outcome = mailbox.offer(e, false);
      if (outcome != Mailbox.Offer.FULL || sender.killed() || clock.nanoTime() - due >= 0) {
        mailbox.withdraw(wait);
        return outcome;
      }
      wheel.add(wait);
      // Publishes what the turn made ready, which may be the very actor that has to make room.
      dispatcher.await(from, wait);
      if (sender.killed() || clock.nanoTime() - due >= 0) {
        // Nobody took it out: a receiver that is stuck must not collect those who gave up.
        mailbox.withdraw(wait);
      }
    }
  }

  /// The row of a message is on disk: whoever waits for it as a reply gets it, else the owner of
  /// the inbox.
  void committed(Envelope message, long inboxSeq) {
    message.extras().inboxSeq = inboxSeq;
    Address target = message.target;
    message.target = null;
    if (message.extras.replyTo == null) {
      hint(target, message);
    } else {
      durableAsks.replied(target, message);
    }
  }

  /// Hands the owner of a durable inbox a message whose row is on disk; it reads the row itself
  /// when its mailbox has no room, or when it is activated later, perhaps by an application that
  /// offers its type again.
  void hint(Address to, Envelope e) {
    ActorCell cell = live(to);
    if (cell != null && full(cell)) {
      cell.inboxBehind();
    } else if (cell != null || to.home() != null) {
      deliver(to, e, null, true);
    }
  }

  /// True when a durable message to that actor should be refused at the call.
  boolean congested(Address to) {
    ActorCell cell = live(to);
    return cell != null && full(cell);
  }

  static boolean full(ActorCell cell) {
    return cell.mailbox.size() >= cell.spec.mailboxCapacity();
  }

  /// A message from the platform, never refused by a bound.
  void info(Address to, String type, Object payload) {
    deliver(to, platformMessage(to, type, payload), null, true);
  }

  Envelope platformMessage(Address to, String type, Object payload) {
    return new Envelope(
        Message.Kind.INFO, type, payload, null, systemContext(to.scope.scope), null);
  }

  DeadlineWheel wheel() {
    return wheel;
  }

  KeyLocks keyLocks() {
    return keyLocks;
  }

  /// Settles a reply when it is due, unless it is settled before.
  void watch(ReplyTo reply, long nanos) {
    if (nanos >= DeadlineWheel.PATIENT_NANOS) {
      wheel.addPatient(reply);
    } else {
      wheel.add(reply);
    }
  }

  Asks asks() {
    return asks;
  }

  DurableAsks durableAsks() {
    return durableAsks;
  }

  DurableDowns durableDowns() {
    return durableDowns;
  }

  /// Stops all applications in order, then the machinery. The store is closed by its owner.
  @Override
  public void close() {
    durableDowns.close();
    for (String id : List.copyOf(applications.keySet())) {
      try {
        uninstall(id).get(CLOSE_MAX.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
        LOG.warn("application {} did not stop in time", id, e);
      }
    }
    wheel.close();
    dispatcher.close();
  }

  /// Longest wait of [#close] for one application.
  public static final Duration CLOSE_MAX = Duration.ofSeconds(10);
}
