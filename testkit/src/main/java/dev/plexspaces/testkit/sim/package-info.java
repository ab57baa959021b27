/// A simulated world for actors: the production kernel on simulated time, threads, disk and
/// network, everything decided by a seed.
///
/// Reading order: [dev.plexspaces.testkit.sim.World], [dev.plexspaces.testkit.sim.Workload],
/// [dev.plexspaces.testkit.sim.Checker], [dev.plexspaces.testkit.sim.Faults],
/// [dev.plexspaces.testkit.sim.SimDisk], then the bank: [dev.plexspaces.testkit.sim.Bank],
/// [dev.plexspaces.testkit.sim.BankClients] and the checkers.
package dev.plexspaces.testkit.sim;
