/// The command line. Commands are clients of the public contract like any other; only `start` and
/// `token` run node code, each behind one class.
///
/// Reading order: [dev.plexspaces.node.cli.Main], [dev.plexspaces.node.cli.Client].
package dev.plexspaces.node.cli;
