package dev.plexspaces.kernel.journal;

import dev.plexspaces.kernel.identity.ActorId;

/// A monitor that a durable actor holds.
///
/// @param no rises with each monitor of a target
/// @param monitorId as in [Row.MonitorInsert]
public record MonitorRow(long no, ActorId watcher, String monitorId) {}
