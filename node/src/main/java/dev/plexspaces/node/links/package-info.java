/// Calls of actors to outside HTTP services over named service links.
///
/// Read [dev.plexspaces.node.links.ServiceLink] (the configuration), then
/// [dev.plexspaces.node.links.HttpLink] (one link: attempts, waits, limits), which uses
/// [dev.plexspaces.node.links.CircuitBreaker]; [dev.plexspaces.node.links.OutboundHttp] keeps the
/// links of all applications.
package dev.plexspaces.node.links;
