/// Time and everything that waits for it.
///
/// Reading order: [dev.plexspaces.kernel.time.Clock], [dev.plexspaces.kernel.time.Deadline],
/// [dev.plexspaces.kernel.time.DeadlineWheel], [dev.plexspaces.kernel.time.Timers].
package dev.plexspaces.kernel.time;
