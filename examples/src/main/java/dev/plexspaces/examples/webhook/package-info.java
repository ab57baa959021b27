/// Takes whatever others post: handlers for messages whose operations are not known beforehand.
package dev.plexspaces.examples.webhook;
