/// The crash campaign: a real node as a process, transfers from many clients, `kill -9` at random
/// moments, and books kept outside that must agree with the node's to the last unit.
///
/// Read [Campaign] first, then [LedgerClient] (what is sent and what answers mean), [Books] (what
/// must be true) and [CrashedNode] (the process). [Crashtest] is the command.
package dev.plexspaces.testkit.crash;
