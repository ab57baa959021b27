package dev.plexspaces.gateway;

import java.nio.file.Path;
import java.util.Optional;

/// An application to deploy. Names were checked.
///
/// @param applicationId unique on the node
/// @param name for people
/// @param version for people
/// @param tenant owner
/// @param namespace its supervised actors live in; its types are for every one of the tenant
/// @param kind what `file` is
/// @param file the uploaded code, a temporary file
/// @param config text of an `app-config.toml` to use instead of one in the file
public record Deployment(
    String applicationId,
    String name,
    String version,
    String tenant,
    String namespace,
    Kind kind,
    Path file,
    Optional<String> config) {

  /// Tenant of a deployment that names none, with authentication off.
  public static final String DEFAULT_TENANT = "default";

  /// Namespace of a deployment that names none.
  public static final String DEFAULT_NAMESPACE = "default";

  /// Kinds of uploaded files.
  public enum Kind {
    /// A `.psa` zip.
    BUNDLE("bundle"),
    /// A JAR.
    JAR("jar_file"),
    /// A WebAssembly module or component.
    WASM("wasm_file");

    private final String part;

    Kind(String part) {
      this.part = part;
    }

    /// Name of the form part or proto field that carries it.
    public String part() {
      return part;
    }
  }
}
