package dev.plexspaces.kernel;

import dev.plexspaces.kernel.time.Timers;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The facets an application can name: the platform's and its own. Source: DESIGN section 4,
/// spec/reference-plexspaces section 5.
public final class FacetCatalog {

  /// Activated by its first message, passivated when idle.
  public static final String VIRTUAL_ACTOR = "virtual_actor";

  /// Its state and its effects commit together, on disk before a reply.
  public static final String DURABILITY = "durability";

  /// Named in configuration by custom; every actor has timers.
  public static final String TIMER = "timer";

  /// Handling times by actor type.
  public static final String METRICS = "metrics";

  /// One log line per message.
  public static final String LOGGING = "logging";

  /// Default of `virtual_actor.idle_timeout`.
  public static final Duration IDLE_TIMEOUT = Duration.ofMinutes(5);

  /// Short enough to fit a [Duration].
  private static final Pattern TIME = Pattern.compile("([0-9]{1,12})\\s*(ms|s|m|h)");

  /// All that a facet of the platform may be given. `labels` of `virtual_actor` is read by nobody:
  /// the configurations of the contract have it (spec/plexspaces-and-miniclaw S1.4), and give it no
  /// effect.
  private static final Map<String, Set<String>> KEYS =
      Map.of(
          VIRTUAL_ACTOR, Set.of("idle_timeout", "activation_strategy", "labels"),
          DURABILITY, Set.of("checkpoint_interval"),
          TIMER, Set.of(),
          METRICS, Set.of(),
          LOGGING, Set.of("level"));

  private static final Logger LOG = LoggerFactory.getLogger(FacetCatalog.class);

  private final Map<String, Supplier<Facet>> own;
  private final HandlingTimes times;

  /// @param own the application's own facets by name
  FacetCatalog(Map<String, Supplier<Facet>> own, HandlingTimes times) {
    this.own = Map.copyOf(own);
    this.times = times;
  }

  /// Checks facets before anything is started.
  ///
  /// @param where prefix of the error, such as `supervisor.children[0]`
  /// @throws PlexException `INVALID_MESSAGE` naming an unknown facet, key or wrong value
  void check(String where, List<FacetSpec> facets) {
    for (FacetSpec facet : facets) {
      try {
        check(facet, own);
      } catch (PlexException e) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE, where + ": " + e.getMessage(), e.violations(), e);
      }
    }
  }

  /// Checks one facet.
  ///
  /// @param own the application's own facets by name
  /// @throws PlexException `INVALID_MESSAGE`; the field of its violation is the wrong setting of
  ///   the facet, "" when it is the facet itself
  public static void check(FacetSpec facet, Map<String, Supplier<Facet>> own) {
    Set<String> keys = KEYS.get(facet.name());
    if (keys == null) {
      checkOwn(facet, own);
      return;
    }
    for (String key : facet.config().keySet()) {
      if (!keys.contains(key)) {
        throw invalid(
            key,
            "facet '"
                + facet.name()
                + "' has no key '"
                + key
                + "'; it has: "
                + (keys.isEmpty() ? "none" : String.join(", ", new TreeSet<>(keys))));
      }
    }
    switch (facet.name()) {
      case VIRTUAL_ACTOR -> {
        Duration idle = duration(facet, "idle_timeout", IDLE_TIMEOUT);
        if (!idle.isPositive() || idle.compareTo(Timers.DELAY_MAX) > 0) {
          throw invalid(
              "idle_timeout",
              "virtual_actor.idle_timeout must be positive and at most "
                  + Timers.DELAY_MAX.toDays()
                  + " days");
        }
        Object strategy = facet.config().getOrDefault("activation_strategy", "lazy");
        if (!"lazy".equals(strategy) && !"eager".equals(strategy)) {
          throw invalid(
              "activation_strategy", "virtual_actor.activation_strategy must be 'lazy' or 'eager'");
        }
        if (!(facet.config().getOrDefault("labels", Map.of()) instanceof Map)) {
          throw invalid("labels", "virtual_actor.labels must be a table of names and values");
        }
      }
      case DURABILITY -> checkpointInterval(facet);
      case LOGGING -> {
        try {
          new LoggingFacet(null).attach(facet.config());
        } catch (PlexException e) {
          throw invalid("level", e.getMessage());
        }
      }
      default -> {}
    }
  }

  private static void checkOwn(FacetSpec facet, Map<String, Supplier<Facet>> own) {
    Supplier<Facet> supplier = own.get(facet.name());
    if (supplier == null) {
      Set<String> known = new TreeSet<>(KEYS.keySet());
      known.addAll(own.keySet());
      throw invalid(
          "", "unknown facet '" + facet.name() + "'; there are: " + String.join(", ", known));
    }
    try {
      supplier.get().attach(facet.config());
    } catch (PlexException e) {
      throw invalid("", e.getMessage());
    } catch (Throwable broken) {
      LOG.warn("facet '{}' cannot be made", facet.name(), broken);
      String why = broken.getMessage();
      throw invalid(
          "",
          "facet '"
              + facet.name()
              + "' cannot be made: "
              + (why == null ? "the node's log says why" : why));
    }
  }

  /// After how many turns of an actor its log is to be folded; 0 when nothing is said, which leaves
  /// it to the store. Source: spec/turns rule 1.
  ///
  /// @param facet `durability` as configured; null when absent
  /// @throws PlexException `INVALID_MESSAGE` naming the key
  static int checkpointInterval(FacetSpec facet) {
    Object interval = facet == null ? null : facet.config().get("checkpoint_interval");
    if (interval == null) {
      return 0;
    }
    OptionalLong number = whole(interval);
    if (number.isEmpty() || number.getAsLong() < 1 || number.getAsLong() > Integer.MAX_VALUE) {
      throw invalid(
          "checkpoint_interval",
          "durability.checkpoint_interval must be a whole number of at least 1");
    }
    return (int) number.getAsLong();
  }

  /// A number without a fraction that fits; what else configuration may hold is not made one.
  private static OptionalLong whole(Object value) {
    return switch (value) {
      case Long n -> OptionalLong.of(n);
      case Integer n -> OptionalLong.of(n);
      case Short n -> OptionalLong.of(n);
      case Byte n -> OptionalLong.of(n);
      default -> OptionalLong.empty();
    };
  }

  /// True when a facet of the application is among them, which may make another message of one.
  static boolean mayRewrite(List<FacetSpec> facets) {
    for (FacetSpec facet : facets) {
      if (!KEYS.containsKey(facet.name())) {
        return true;
      }
    }
    return false;
  }

  static boolean eager(List<FacetSpec> facets) {
    FacetSpec facet = named(facets, VIRTUAL_ACTOR);
    return facet != null && "eager".equals(facet.config().get("activation_strategy"));
  }

  private static PlexException invalid(String key, String message) {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        message,
        List.of(new PlexException.FieldViolation(key, message)),
        null);
  }

  /// The facet of that name; null when absent.
  static FacetSpec named(List<FacetSpec> facets, String name) {
    for (FacetSpec facet : facets) {
      if (facet.name().equals(name)) {
        return facet;
      }
    }
    return null;
  }

  /// `extra` over `base`: a facet named in both takes the extra one's settings.
  static List<FacetSpec> merge(List<FacetSpec> base, List<FacetSpec> extra) {
    Map<String, FacetSpec> byName = new LinkedHashMap<>();
    base.forEach(f -> byName.put(f.name(), f));
    extra.forEach(f -> byName.put(f.name(), f));
    return List.copyOf(byName.values());
  }

  /// Reads a time such as `10m`, `30s`, `500ms`, `2h`, or a whole number of seconds.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming facet and key
  static Duration duration(FacetSpec facet, String key, Duration absent) {
    Object value = facet.config().get(key);
    if (value == null) {
      return absent;
    }
    OptionalLong seconds = whole(value);
    if (seconds.isPresent()) {
      return Duration.ofSeconds(seconds.getAsLong());
    }
    Matcher text = value instanceof String s ? TIME.matcher(s.trim()) : null;
    if (text == null || !text.matches()) {
      throw invalid(
          key,
          facet.name()
              + "."
              + key
              + ": '"
              + value
              + "' is not a time such as 500ms, 30s, 10m or 2h, or a whole number of seconds");
    }
    long amount = Long.parseLong(text.group(1));
    return switch (text.group(2)) {
      case "ms" -> Duration.ofMillis(amount);
      case "s" -> Duration.ofSeconds(amount);
      case "m" -> Duration.ofMinutes(amount);
      default -> Duration.ofHours(amount);
    };
  }

  /// The wrapping facets of one actor, outermost first; null when there are none.
  FacetChain chain(ActorCell cell, List<FacetSpec> facets) {
    List<Ordered> wrapping = new ArrayList<>();
    for (FacetSpec spec : facets) {
      Facet facet =
          switch (spec.name()) {
            case VIRTUAL_ACTOR, DURABILITY, TIMER -> null;
            case METRICS -> new MetricsFacet(times.of(cell.home.entry.type.name()));
            case LOGGING -> new LoggingFacet(cell);
            default -> own.get(spec.name()).get();
          };
      if (facet != null) {
        facet.attach(spec.config());
        int priority =
            spec.priority() == FacetSpec.DEFAULT_PRIORITY ? facet.priority() : spec.priority();
        wrapping.add(new Ordered(facet, priority));
      }
    }
    if (wrapping.isEmpty()) {
      return null;
    }
    wrapping.sort(Comparator.comparingInt(Ordered::priority).reversed());
    return new FacetChain(wrapping.stream().map(Ordered::facet).toList());
  }

  private record Ordered(Facet facet, int priority) {}
}
