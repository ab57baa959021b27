/// Money between accounts by durable messages: a debit here, a credit there, an audit and a timer,
/// each exactly once, whenever the node dies. The command `crashtest` kills a node that runs it.
package dev.plexspaces.examples.transfers;
