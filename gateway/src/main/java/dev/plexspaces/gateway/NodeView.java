package dev.plexspaces.gateway;

import java.time.Instant;
import java.util.List;

/// Port: what the edge tells about the node.
public interface NodeView {

  /// How a part is; the names are those of the contract.
  enum Health {
    HEALTHY,
    DEGRADED,
    UNHEALTHY
  }

  /// One part of the node.
  ///
  /// @param name such as `store`
  /// @param detail what is wrong; "" when nothing is
  record Component(String name, Health health, String detail) {}

  /// Id of the node.
  String nodeId();

  /// Version of PlexSpaces.
  String version();

  /// Start of the process.
  Instant startedAt();

  /// True while the node serves. Must not block.
  boolean ready();

  /// The parts of the node and how they are. May block.
  List<Component> components();

  /// All metrics in the Prometheus text format. May block.
  String metrics();
}
