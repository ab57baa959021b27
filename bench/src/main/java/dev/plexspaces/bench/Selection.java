package dev.plexspaces.bench;

import java.util.Collection;
import java.util.List;
import java.util.TreeSet;

/// The names somebody chose with a system property, separated by commas; empty for all there are.
record Selection(List<String> names) {

  /// @param known the names there are
  /// @throws IllegalArgumentException for another one, naming the property, it, and those there are
  static Selection of(String property, Collection<String> known) {
    String chosen = System.getProperty(property, "");
    List<String> names = chosen.isEmpty() ? List.of() : List.of(chosen.split(",", -1));
    for (String name : names) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException(
            property + ": there is no `" + name + "`; there are " + new TreeSet<>(known));
      }
    }
    return new Selection(names);
  }

  boolean has(String name) {
    return names.isEmpty() || names.contains(name);
  }
}
