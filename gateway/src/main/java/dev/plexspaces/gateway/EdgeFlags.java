package dev.plexspaces.gateway;

import com.linecorp.armeria.common.FlagsProvider;

/// A setting of the server library that it only takes for the whole process. Found by
/// `ServiceLoader`.
public final class EdgeFlags implements FlagsProvider {

  /// Above the library's own defaults, below what an operator sets on the command line.
  @Override
  public int priority() {
    return 1;
  }

  /// By default everything after a `;` is cut off a path without a word, and a call for the key
  /// `a;b` reaches the actor `a`.
  @Override
  public Boolean allowSemicolonInPathComponent() {
    return true;
  }
}
