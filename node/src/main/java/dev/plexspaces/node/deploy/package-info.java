/// Applications on a node: what a bundle says, how it is checked, loaded, started, stopped and
/// brought back after a restart.
///
/// Reading order: [dev.plexspaces.node.deploy.AppConfig] (what an author writes),
/// [dev.plexspaces.node.deploy.Bundle] (what is uploaded),
/// [dev.plexspaces.node.deploy.ApplicationClassLoader] (isolation),
/// [dev.plexspaces.node.deploy.Deployments] (the life of an application).
package dev.plexspaces.node.deploy;
