/// Supervision: two rate limiters that live apart and are restarted apart.
package dev.plexspaces.examples.ratelimiter;
