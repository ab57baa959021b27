/// JSON text to and from plain values, with bounds.
package dev.plexspaces.kernel.json;
