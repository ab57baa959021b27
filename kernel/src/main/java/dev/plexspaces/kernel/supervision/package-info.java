/// OTP's supervisor as a machine without threads, clock or I/O.
///
/// An actor cell feeds [dev.plexspaces.kernel.supervision.Supervisor] with
/// [dev.plexspaces.kernel.supervision.Event]s in the order they arrived and carries out the
/// [dev.plexspaces.kernel.supervision.Effect]s it returns, in their order. The simulator and the
/// tests do the same without any cell.
///
/// Reading order: [dev.plexspaces.kernel.supervision.Phase] (what it can be doing; drawn in
/// `docs/diagrams/supervisor.puml`), [dev.plexspaces.kernel.supervision.Event],
/// [dev.plexspaces.kernel.supervision.Effect], [dev.plexspaces.kernel.supervision.Supervisor].
package dev.plexspaces.kernel.supervision;
