package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.binding.ActorType.Behavior;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.node.config.ConfigTable;
import dev.plexspaces.node.links.Secrets;
import dev.plexspaces.node.links.ServiceLink;
import dev.plexspaces.node.links.ServiceLink.BreakerPolicy;
import dev.plexspaces.node.links.ServiceLink.RetryPolicy;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.ChildSpec.Overflow;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.LinkRequest;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RestartType;
import dev.plexspaces.sdk.SupervisionStrategy;
import dev.plexspaces.sdk.SupervisorSpec;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/// The content of an `app-config.toml`: what an application is made of.
///
/// Both documented spellings of a child are read: `name`, `actor_type`, `role` and `id`, `type`.
/// With `type = "worker"` (or no type at all) the id also names the actor type, dashes as
/// underscores; with `type = "supervisor"` the child has a `supervisor` table of its own. Source:
/// spec `plexspaces-and-miniclaw`, S1.7; spec `reference-plexspaces`, section 6.
///
/// @param id as `[application] id`; empty when the file does not say
/// @param name for people; empty when the file does not say
/// @param version for people; empty when the file does not say
/// @param description for people; "" when the file does not say
/// @param actors the classes that are actors
/// @param supervisor the tree; its root is called [#ROOT_SUPERVISOR] unless the file names it, see
///   [#supervisor(String)]
/// @param children every worker of the tree, for checks that need the actor types
/// @param serviceLinks ways out
public record AppConfig(
    Optional<String> id,
    Optional<String> name,
    Optional<String> version,
    String description,
    List<ActorDeclaration> actors,
    SupervisorSpec supervisor,
    List<DeclaredChild> children,
    List<ServiceLink> serviceLinks) {

  /// Name of the file in a bundle.
  public static final String FILE = "app-config.toml";

  /// Id of the root supervisor when the file gives none; the application's takes its place.
  public static final String ROOT_SUPERVISOR = "";

  /// Most children of one supervisor.
  public static final int CHILDREN_MAX = 1_000;

  /// Deepest nesting of supervisors.
  public static final int SUPERVISOR_DEPTH_MAX = 16;

  /// Most `[[actors]]`.
  public static final int ACTORS_MAX = 1_000;

  /// Most facets of one actor.
  public static final int FACETS_MAX = 32;

  /// Most `[[service_links]]`.
  public static final int SERVICE_LINKS_MAX = 100;

  /// Largest `max_restarts`.
  public static final int RESTARTS_MAX = 1_000_000;

  /// Longest `max_restart_window_seconds` and `shutdown_timeout_seconds`: a day.
  public static final long SECONDS_MAX = 86_400;

  /// Largest mailbox, messages.
  public static final int MAILBOX_MAX = 10_000_000;

  /// Largest facet priority.
  public static final int PRIORITY_MAX = 1_000_000;

  /// Longest id, name, version, characters.
  public static final int NAME_LENGTH_MAX = 128;

  private static final int DESCRIPTION_LENGTH_MAX = 4_096;
  private static final String WORKER = "worker";

  // Keys are checked where ids are: by making one.
  private static final Scope ANY_SCOPE = new Scope("any", "any");
  private static final String SUPERVISOR = "supervisor";

  private static final long LINK_SECONDS_MAX = ServiceLink.Limits.DEADLINE_MAX.toSeconds();

  /// Headers whose value is a secret.
  private static final Set<String> CREDENTIALS =
      Set.of("authorization", "cookie", "x-api-key", "api-key", "x-auth-token");

  /// A strategy of OTP that a file cannot have.
  private static final String ADDED_WHILE_IT_RUNS = "simple_one_for_one";

  private static final Map<String, SupervisionStrategy> STRATEGIES =
      words(
          SupervisionStrategy.ONE_FOR_ONE,
          SupervisionStrategy.ONE_FOR_ALL,
          SupervisionStrategy.REST_FOR_ONE);
  private static final Map<String, RestartType> RESTARTS = words(RestartType.values());
  private static final Map<String, Overflow> OVERFLOWS = words(Overflow.values());
  private static final Map<String, ServiceLink.Backoff> BACKOFFS =
      words(ServiceLink.Backoff.values());
  private static final Map<String, Behavior> BEHAVIORS = behaviors();

  /// A class that is an actor.
  ///
  /// @param keyPath where it is declared, for errors
  /// @param className fully qualified
  /// @param type actor type; empty for the one its annotation names
  /// @param facets besides those its annotation names
  public record ActorDeclaration(
      String keyPath, String className, Optional<String> type, List<DeclaredFacet> facets) {}

  /// A facet and where the file attaches it.
  ///
  /// @param keyPath of its name, for errors
  /// @param keyPaths of its settings, for errors
  public record DeclaredFacet(String keyPath, FacetSpec spec, Map<String, String> keyPaths) {

    /// The facets themselves.
    static List<FacetSpec> specs(List<DeclaredFacet> facets) {
      return facets.stream().map(DeclaredFacet::spec).toList();
    }
  }

  /// A worker and what the file claims about its type.
  ///
  /// @param keyPath where it is declared, for errors
  /// @param typeKey which of its keys gives its type
  /// @param spec its specification
  /// @param behavior what `behavior_kind` says its type must be
  /// @param facets those of `spec`
  public record DeclaredChild(
      String keyPath,
      String typeKey,
      ChildSpec spec,
      Optional<Behavior> behavior,
      List<DeclaredFacet> facets) {

    /// The full path of one of its keys.
    String pathOf(String key) {
      return keyPath + "." + key;
    }
  }

  /// The tree of the application of that id, after which its root is called unless the file names
  /// it.
  public SupervisorSpec supervisor(String applicationId) {
    return supervisor.id().equals(ROOT_SUPERVISOR)
        ? new SupervisorSpec(
            applicationId,
            supervisor.strategy(),
            supervisor.maxRestarts(),
            supervisor.window(),
            supervisor.restart(),
            supervisor.shutdownTimeout(),
            supervisor.children())
        : supervisor;
  }

  /// Reads the file.
  ///
  /// @param file name for errors
  /// @throws PlexException `INVALID_MESSAGE` naming file, key and what is accepted
  public static AppConfig parse(String file, byte[] toml) {
    ConfigTable root = ConfigTable.parse(file, toml);
    Map<String, DeclaredChild> children = new LinkedHashMap<>();

    Optional<ConfigTable> application = root.table("application");
    Optional<String> id = application.flatMap(t -> name(t, "id"));
    Optional<String> name = application.flatMap(t -> text(t, "name", NAME_LENGTH_MAX));
    Optional<String> version = application.flatMap(t -> text(t, "version", NAME_LENGTH_MAX));
    String description =
        application.flatMap(t -> text(t, "description", DESCRIPTION_LENGTH_MAX)).orElse("");
    application.ifPresent(ConfigTable::requireNoOtherKeys);

    SupervisorSpec supervisor =
        root.table(SUPERVISOR)
            .map(
                t ->
                    supervisor(
                        t, ROOT_SUPERVISOR, RestartType.PERMANENT, Optional.empty(), 1, children))
            .orElseGet(
                () ->
                    new SupervisorSpec(
                        ROOT_SUPERVISOR,
                        SupervisionStrategy.ONE_FOR_ONE,
                        SupervisorSpec.MAX_RESTARTS,
                        SupervisorSpec.WINDOW,
                        RestartType.PERMANENT,
                        SupervisorSpec.UNBOUNDED,
                        List.of()));
    List<ActorDeclaration> actors =
        root.tables("actors", ACTORS_MAX).stream().map(AppConfig::actor).toList();
    List<ServiceLink> links = serviceLinks(root);
    root.requireNoOtherKeys();
    return new AppConfig(
        id, name, version, description, actors, supervisor, List.copyOf(children.values()), links);
  }

  private static ActorDeclaration actor(ConfigTable table) {
    ActorDeclaration declaration =
        new ActorDeclaration(
            table.pathOf("class"),
            table.requireString("class"),
            name(table, "type"),
            facets(table));
    table.requireNoOtherKeys();
    return declaration;
  }

  private static SupervisorSpec supervisor(
      ConfigTable table,
      String defaultId,
      RestartType restart,
      Optional<Duration> shutdownTimeout,
      int depth,
      Map<String, DeclaredChild> workers) {
    if (depth > SUPERVISOR_DEPTH_MAX) {
      throw table.invalid("children", "supervisors are nested deeper than " + SUPERVISOR_DEPTH_MAX);
    }
    String id = name(table, "id").orElse(defaultId);
    if (table.string("strategy").equals(Optional.of(ADDED_WHILE_IT_RUNS))) {
      // Its children are added while it runs, and nothing an application can call adds one.
      throw table.invalid(
          "strategy",
          ADDED_WHILE_IT_RUNS
              + " would start nothing: children cannot be added to a running"
              + " supervisor yet; use one_for_one and list the children, or let actors of the type"
              + " be activated by their first message with the facet virtual_actor");
    }
    SupervisionStrategy strategy =
        table.oneOf("strategy", STRATEGIES).orElse(SupervisionStrategy.ONE_FOR_ONE);
    int maxRestarts =
        table.intNumber("max_restarts", 0, RESTARTS_MAX).orElse(SupervisorSpec.MAX_RESTARTS);
    Duration window =
        seconds(table, 1, "max_restart_window_seconds", "max_restart_window_secs")
            .orElse(SupervisorSpec.WINDOW);
    Duration shutdown =
        seconds(table, 0, "shutdown_timeout_seconds", "shutdown_timeout_secs")
            .or(() -> shutdownTimeout)
            .orElse(SupervisorSpec.UNBOUNDED);

    List<SupervisorSpec.Child> children = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    for (ConfigTable childTable : table.tables("children", CHILDREN_MAX)) {
      children.add(child(childTable, depth, ids, workers));
    }
    table.requireNoOtherKeys();
    return new SupervisorSpec(id, strategy, maxRestarts, window, restart, shutdown, children);
  }

  private static SupervisorSpec.Child child(
      ConfigTable table, int depth, Set<String> siblings, Map<String, DeclaredChild> workers) {
    String idKey =
        table
            .onlyOneOf("id", "name")
            .orElseThrow(() -> table.invalid("id", "is missing; it must be a string"));
    String id = table.requireString(idKey);
    if (!siblings.add(id)) {
      throw table.invalid(idKey, "is used by another child of this supervisor: \"" + id + "\"");
    }
    Optional<String> type = table.string("type");
    RestartType restart = table.oneOf("restart", RESTARTS).orElse(RestartType.PERMANENT);
    Optional<Duration> shutdown =
        seconds(table, 0, "shutdown_timeout_seconds", "shutdown_timeout_secs");

    if (type.equals(Optional.of(SUPERVISOR))) {
      requireName(table, idKey, id);
      ConfigTable own =
          table
              .table(SUPERVISOR)
              .orElseThrow(
                  () ->
                      table.invalid(
                          SUPERVISOR, "is missing; a child of type \"supervisor\" needs it"));
      // The id is given on the child; a nested table that repeats it must agree.
      SupervisorSpec nested = supervisor(own, id, restart, shutdown, depth + 1, workers);
      if (!nested.id().equals(id)) {
        throw own.invalid("id", "must be \"" + id + "\", the id of the child, or be left out");
      }
      table.requireNoOtherKeys();
      return new SupervisorSpec.Nested(nested);
    }

    DeclaredChild child = worker(table, idKey, id, type, restart, shutdown);
    table.requireNoOtherKeys();
    ChildSpec spec = child.spec();
    DeclaredChild twin = workers.putIfAbsent(spec.type() + "/" + spec.key(), child);
    if (twin != null) {
      throw table.invalid(
          idKey,
          "would be a second actor "
              + spec.type()
              + "/"
              + spec.key()
              + ", which is "
              + twin.keyPath()
              + " already; choose another");
    }
    return new SupervisorSpec.Worker(spec);
  }

  private static DeclaredChild worker(
      ConfigTable table,
      String idKey,
      String id,
      Optional<String> type,
      RestartType restart,
      Optional<Duration> shutdown) {
    Optional<String> named = type.filter(t -> !t.equals(WORKER));
    Optional<String> actorType = table.string("actor_type");
    if (named.isPresent() && actorType.isPresent() && !named.equals(actorType)) {
      throw table.invalid("actor_type", "says something else than type; keep one of them");
    }
    String typeKey = named.isPresent() ? "type" : actorType.isPresent() ? "actor_type" : idKey;
    String effectiveType = named.or(() -> actorType).orElseGet(() -> id.replace('-', '_'));
    requireName(table, typeKey, effectiveType);
    requireKey(table, idKey, id);

    Map<String, Object> args = new LinkedHashMap<>(table.values("args"));
    table
        .string("role")
        .ifPresent(
            role -> {
              Object given = args.putIfAbsent("role", role);
              if (given != null && !given.equals(role)) {
                throw table.invalid("role", "says something else than args.role");
              }
            });
    List<DeclaredFacet> facets = facets(table);
    ChildSpec spec =
        new ChildSpec(
            id,
            effectiveType,
            id,
            args,
            restart,
            shutdown.orElse(ChildSpec.SHUTDOWN_TIMEOUT),
            table.intNumber("mailbox_capacity", 1, MAILBOX_MAX).orElse(ChildSpec.MAILBOX_CAPACITY),
            table.oneOf("overflow", OVERFLOWS).orElse(Overflow.REJECT),
            DeclaredFacet.specs(facets));
    return new DeclaredChild(
        table.path(), typeKey, spec, table.oneOf("behavior_kind", BEHAVIORS), facets);
  }

  private static List<DeclaredFacet> facets(ConfigTable table) {
    List<DeclaredFacet> facets = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (ConfigTable facet : table.tablesOrNames("facets", "name", FACETS_MAX)) {
      String key =
          facet
              .onlyOneOf("name", "type")
              .orElseThrow(() -> facet.invalid("name", "is missing; it must be a string"));
      String name = facet.requireString(key);
      requireName(facet, key, name);
      if (!names.add(name)) {
        throw facet.invalid(key, "is attached twice: \"" + name + "\"");
      }
      int priority =
          facet.intNumber("priority", 0, PRIORITY_MAX).orElse(FacetSpec.DEFAULT_PRIORITY);
      Map<String, Object> config = new LinkedHashMap<>(facet.values("config"));
      Map<String, String> keyPaths = new LinkedHashMap<>();
      config.keySet().forEach(k -> keyPaths.put(k, facet.pathOf("config." + k)));
      // Settings may also stand beside the name; which keys there are is the facet's own business.
      facet
          .otherValues()
          .forEach(
              (k, v) -> {
                if (config.putIfAbsent(k, v) != null) {
                  throw facet.invalid(k, "is given here and in config; keep one of them");
                }
                keyPaths.put(k, facet.pathOf(k));
              });
      facets.add(
          new DeclaredFacet(facet.pathOf(key), new FacetSpec(name, priority, config), keyPaths));
    }
    return facets;
  }

  private static List<ServiceLink> serviceLinks(ConfigTable root) {
    List<ServiceLink> links = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (ConfigTable table : root.tables("service_links", SERVICE_LINKS_MAX)) {
      String name = table.requireString("name");
      requireName(table, "name", name);
      if (!names.add(name)) {
        throw table.invalid("name", "is used by another service link: \"" + name + "\"");
      }
      URI baseUrl = baseUrl(table);
      Map<String, String> headers = linkHeaders(table);
      ServiceLink.Limits limits = linkLimits(table);
      RetryPolicy retry =
          table.table("retry_policy").map(AppConfig::retryPolicy).orElse(RetryPolicy.defaults());
      BreakerPolicy breaker =
          table
              .table("circuit_breaker")
              .map(AppConfig::breakerPolicy)
              .orElse(BreakerPolicy.defaults());
      table.requireNoOtherKeys();
      String keyPath = "service_links[" + links.size() + "]";
      links.add(new ServiceLink(keyPath, name, baseUrl, headers, limits, retry, breaker));
    }
    return List.copyOf(links);
  }

  private static URI baseUrl(ConfigTable table) {
    String text = table.requireString("base_url");
    URI uri;
    try {
      uri = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw table.invalid("base_url", "is not a URL");
    }
    if (uri.getHost() == null
        || !("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
      throw table.invalid("base_url", "must be an absolute http or https URL");
    }
    if (uri.getUserInfo() != null) {
      throw table.invalid("base_url", "must not contain credentials");
    }
    if (uri.getRawQuery() != null || uri.getRawFragment() != null) {
      throw table.invalid("base_url", "must have neither a query nor a fragment");
    }
    return uri;
  }

  /// The headers of a link. A credential in the file itself would be in every copy of the bundle.
  private static Map<String, String> linkHeaders(ConfigTable table) {
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    Optional<ConfigTable> given = table.table("headers");
    for (String name : given.map(ConfigTable::keys).orElse(Set.of())) {
      String value = given.get().requireString(name);
      if (!LinkRequest.validHeader(name, value)) {
        throw given.get().invalid(name, "is no HTTP header with a value of visible ASCII");
      }
      String lower = name.toLowerCase(Locale.ROOT);
      if (LinkRequest.RESERVED_HEADERS.contains(lower)) {
        throw given.get().invalid(name, "is set by the platform");
      }
      if (CREDENTIALS.contains(lower) && !Secrets.isPlaceholder(value)) {
        throw given
            .get()
            .invalid(
                name,
                "must not be in the file; name its place with ${file:name} or ${env:"
                    + Secrets.ENV_PREFIX
                    + "NAME}");
      }
      if (headers.put(name, value) != null) {
        throw given.get().invalid(name, "is given twice");
      }
    }
    if (headers.size() > ServiceLink.HEADERS_MAX) {
      throw table.invalid("headers", "has more than " + ServiceLink.HEADERS_MAX + " headers");
    }
    return headers;
  }

  private static ServiceLink.Limits linkLimits(ConfigTable table) {
    table.onlyOneOf("timeout_secs", "timeout_seconds", "timeout_ms");
    Duration attempt =
        seconds(table, 1, LINK_SECONDS_MAX, "timeout_secs", "timeout_seconds")
            .or(() -> millis(table, "timeout_ms", LINK_SECONDS_MAX * 1_000))
            .orElse(ServiceLink.Limits.ATTEMPT_TIMEOUT);
    Duration longerDefault =
        attempt.compareTo(ServiceLink.Limits.DEADLINE) > 0 ? attempt : ServiceLink.Limits.DEADLINE;
    return new ServiceLink.Limits(
        attempt,
        seconds(table, 1, LINK_SECONDS_MAX, "deadline_secs", "deadline_seconds")
            .orElse(longerDefault),
        table
            .intNumber("max_response_bytes", 1, ServiceLink.Limits.RESPONSE_BYTES_MAX)
            .orElse(ServiceLink.Limits.RESPONSE_BYTES),
        table
            .intNumber("max_calls", 1, ServiceLink.Limits.CALLS_MAX)
            .orElse(ServiceLink.Limits.CALLS));
  }

  private static RetryPolicy retryPolicy(ConfigTable table) {
    RetryPolicy policy =
        new RetryPolicy(
            table
                .intNumber("max_attempts", 1, RetryPolicy.MAX_ATTEMPTS_MAX)
                .orElse(RetryPolicy.MAX_ATTEMPTS),
            table.oneOf("backoff", BACKOFFS).orElse(ServiceLink.Backoff.EXPONENTIAL),
            millis(table, "initial_backoff_ms", LINK_SECONDS_MAX * 1_000)
                .orElse(RetryPolicy.INITIAL),
            millis(table, "max_backoff_ms", LINK_SECONDS_MAX * 1_000).orElse(RetryPolicy.MAX));
    if (policy.initial().compareTo(policy.max()) > 0) {
      throw table.invalid(
          "max_backoff_ms", "must be at least initial_backoff_ms, " + policy.initial().toMillis());
    }
    table.requireNoOtherKeys();
    return policy;
  }

  private static BreakerPolicy breakerPolicy(ConfigTable table) {
    int window =
        table.intNumber("window", 1, BreakerPolicy.WINDOW_MAX).orElse(BreakerPolicy.WINDOW);
    BreakerPolicy policy =
        new BreakerPolicy(
            window,
            table
                .intNumber("failure_threshold", 1, window)
                .orElse(Math.min(BreakerPolicy.FAILURES, window)),
            millis(table, "open_ms", BreakerPolicy.OPEN_FOR_MAX.toMillis())
                .orElse(BreakerPolicy.OPEN_FOR),
            table
                .intNumber("success_threshold", 1, BreakerPolicy.TRIALS_MAX)
                .orElse(BreakerPolicy.TRIALS));
    table.requireNoOtherKeys();
    return policy;
  }

  private static Optional<Duration> millis(ConfigTable table, String key, long max) {
    OptionalLong millis = table.integer(key, 1, max);
    return millis.isPresent()
        ? Optional.of(Duration.ofMillis(millis.getAsLong()))
        : Optional.empty();
  }

  private static Optional<Duration> seconds(ConfigTable table, long min, String... spellings) {
    return seconds(table, min, SECONDS_MAX, spellings);
  }

  private static Optional<Duration> seconds(
      ConfigTable table, long min, long max, String... spellings) {
    Optional<String> key = table.onlyOneOf(spellings);
    if (key.isEmpty()) {
      return Optional.empty();
    }
    OptionalLong seconds = table.integer(key.get(), min, max);
    return Optional.of(Duration.ofSeconds(seconds.getAsLong()));
  }

  private static Optional<String> name(ConfigTable table, String key) {
    Optional<String> name = table.string(key);
    name.ifPresent(n -> requireName(table, key, n));
    return name;
  }

  private static Optional<String> text(ConfigTable table, String key, int max) {
    Optional<String> text = table.string(key);
    if (text.isPresent() && text.get().length() > max) {
      throw table.invalid(key, "must be at most " + max + " characters");
    }
    return text;
  }

  private static void requireName(ConfigTable table, String key, String name) {
    try {
      Scope.requireName(key, name);
    } catch (PlexException e) {
      throw table.invalid(key, e.violations().getFirst().description());
    }
  }

  private static void requireKey(ConfigTable table, String key, String id) {
    try {
      new ActorId(ANY_SCOPE, WORKER, id);
    } catch (PlexException e) {
      throw table.invalid(key, e.violations().getFirst().description());
    }
  }

  @SafeVarargs
  private static <E extends Enum<E>> Map<String, E> words(E... values) {
    Map<String, E> words = new LinkedHashMap<>();
    for (E value : values) {
      words.put(value.name().toLowerCase(Locale.ROOT), value);
    }
    return words;
  }

  private static Map<String, Behavior> behaviors() {
    Map<String, Behavior> words = new LinkedHashMap<>();
    words.put("GenServer", Behavior.GEN_SERVER);
    words.put("GenEvent", Behavior.GEN_EVENT);
    words.put("GenFSM", Behavior.GEN_FSM);
    words.put("GenStateMachine", Behavior.GEN_FSM);
    words.put("Custom", Behavior.CUSTOM);
    return words;
  }
}
