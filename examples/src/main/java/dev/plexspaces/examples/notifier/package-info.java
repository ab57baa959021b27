/// Calls an outside HTTP service over a service link.
package dev.plexspaces.examples.notifier;
