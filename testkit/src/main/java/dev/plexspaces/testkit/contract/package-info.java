/// What every adapter of a port must do, as JUnit suites: extend one, hand it your adapter.
package dev.plexspaces.testkit.contract;
