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
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
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
        check(facet);
      } catch (PlexException e) {
        throw new PlexException(
            ErrorCode.INVALID_MESSAGE, where + ": " + e.getMessage(), e.violations(), null);
      } catch (Throwable broken) {
        LOG.warn("{}: facet '{}' failed", where, facet.name(), broken);
        throw invalid(where + ": facet '" + facet.name() + "' cannot be made: " + broken);
      }
    }
  }

  private void check(FacetSpec facet) {
    Set<String> keys = KEYS.get(facet.name());
    if (keys == null) {
      Supplier<Facet> supplier = own.get(facet.name());
      if (supplier == null) {
        Set<String> known = new TreeSet<>(KEYS.keySet());
        known.addAll(own.keySet());
        throw invalid(
            "unknown facet '" + facet.name() + "'; there are: " + String.join(", ", known));
      }
      supplier.get().attach(facet.config());
      return;
    }
    for (String key : facet.config().keySet()) {
      if (!keys.contains(key)) {
        throw invalid(
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
              "virtual_actor.idle_timeout must be positive and at most "
                  + Timers.DELAY_MAX.toDays()
                  + " days");
        }
        Object strategy = facet.config().getOrDefault("activation_strategy", "lazy");
        if (!"lazy".equals(strategy) && !"eager".equals(strategy)) {
          throw invalid("virtual_actor.activation_strategy must be 'lazy' or 'eager'");
        }
      }
      case DURABILITY -> {
        Object interval = facet.config().getOrDefault("checkpoint_interval", 100L);
        if (!(interval instanceof Number n) || n.longValue() < 1) {
          throw invalid("durability.checkpoint_interval must be a number of at least 1");
        }
      }
      case LOGGING -> new LoggingFacet(null).attach(facet.config());
      default -> {}
    }
  }

  static boolean eager(List<FacetSpec> facets) {
    FacetSpec facet = named(facets, VIRTUAL_ACTOR);
    return facet != null && "eager".equals(facet.config().get("activation_strategy"));
  }

  private static PlexException invalid(String message) {
    return new PlexException(ErrorCode.INVALID_MESSAGE, message);
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

  /// Reads a time such as `10m`, `30s`, `500ms`, `2h`, or a number of seconds.
  ///
  /// @throws PlexException `INVALID_MESSAGE` naming facet and key
  static Duration duration(FacetSpec facet, String key, Duration absent) {
    Object value = facet.config().get(key);
    if (value == null) {
      return absent;
    }
    if (value instanceof Number n) {
      return Duration.ofSeconds(n.longValue());
    }
    String text = value.toString().trim();
    try {
      if (text.endsWith("ms")) {
        return Duration.ofMillis(Long.parseLong(text.substring(0, text.length() - 2).trim()));
      }
      long amount = Long.parseLong(text.substring(0, text.length() - 1).trim());
      return switch (text.charAt(text.length() - 1)) {
        case 's' -> Duration.ofSeconds(amount);
        case 'm' -> Duration.ofMinutes(amount);
        case 'h' -> Duration.ofHours(amount);
        default -> throw new NumberFormatException();
      };
    } catch (NumberFormatException | StringIndexOutOfBoundsException | ArithmeticException e) {
      throw invalid(
          facet.name()
              + "."
              + key
              + ": '"
              + text
              + "' is not a time such as 500ms, 30s, 10m or 2h");
    }
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
