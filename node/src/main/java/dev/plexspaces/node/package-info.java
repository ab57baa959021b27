/// The composition root: configuration, wiring and the order in which a node starts and stops.
///
/// Reading order: [dev.plexspaces.node.NodeOptions] (what can be set),
/// [dev.plexspaces.node.DataDirectory] (what is kept), [dev.plexspaces.node.Node] (what is started
/// in which order).
package dev.plexspaces.node;
