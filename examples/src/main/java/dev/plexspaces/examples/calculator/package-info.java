/// A calculator that remembers: several kinds of state, and errors that are ordinary replies.
package dev.plexspaces.examples.calculator;
