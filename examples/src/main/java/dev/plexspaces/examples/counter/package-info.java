/// The smallest durable actor: one number per key.
package dev.plexspaces.examples.counter;
