package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ServiceLinks;
import dev.plexspaces.node.links.LinkOpener;
import dev.plexspaces.node.links.ServiceLink;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Opens links that lead nowhere, and remembers what is open. One named `broken` cannot be opened.
final class RecordingLinks implements LinkOpener {

  /// Names of the links of each application, as `tenant: names`.
  final Map<String, String> open = new TreeMap<>();

  final List<String> closed = new ArrayList<>();

  @Override
  public ServiceLinks open(String application, String tenant, List<ServiceLink> links)
      throws UnusableLink {
    for (ServiceLink link : links) {
      if (link.name().equals("broken")) {
        throw new UnusableLink(link.keyPath() + ".headers.x", "its secret is missing");
      }
    }
    open.put(application, tenant + ": " + links.stream().map(ServiceLink::name).toList());
    return ServiceLinks.NONE;
  }

  @Override
  public void close(String application) {
    open.remove(application);
    closed.add(application);
  }
}
