package dev.plexspaces.sdk;

import java.util.Map;

/// A facet attached by configuration.
///
/// @param name such as `durability`
/// @param priority higher runs further out; empty map value `-1` means the facet's own default
/// @param config the facet's settings; unknown keys are refused at deployment
public record FacetSpec(String name, int priority, Map<String, Object> config) {

  /// Priority that stands for the facet's own default.
  public static final int DEFAULT_PRIORITY = -1;

  public FacetSpec {
    config = Map.copyOf(config);
  }

  /// The facet with its defaults.
  public static FacetSpec of(String name) {
    return new FacetSpec(name, DEFAULT_PRIORITY, Map.of());
  }
}
