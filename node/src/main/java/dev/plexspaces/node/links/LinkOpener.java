package dev.plexspaces.node.links;

import dev.plexspaces.kernel.ServiceLinks;
import java.util.List;

/// Makes the service links of applications usable: outbound calls as deployment sees them.
public interface LinkOpener {

  /// A link whose configuration cannot be used here.
  final class UnusableLink extends Exception {
    private static final long serialVersionUID = 1;

    private final String keyPath;

    /// @param keyPath the key that is wrong
    /// @param problem what is wrong with it and what to do
    public UnusableLink(String keyPath, String problem) {
      super(problem);
      this.keyPath = keyPath;
    }

    public String keyPath() {
      return keyPath;
    }
  }

  /// Opens the links of one application and fills in their secrets.
  ///
  /// @param tenant whose secrets may be used
  /// @throws UnusableLink naming the key, such as a header whose secret is missing
  ServiceLinks open(String application, String tenant, List<ServiceLink> links) throws UnusableLink;

  /// Forgets an application's links; calls on their way end as they would. No effect for an unknown
  /// id.
  void close(String application);
}
