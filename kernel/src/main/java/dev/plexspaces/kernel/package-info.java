/// The actor kernel.
package dev.plexspaces.kernel;
