/// A room per key: a bounded history and a set of members.
package dev.plexspaces.examples.chat;
