package dev.plexspaces.gateway;

import com.linecorp.armeria.common.FlagsProvider;

/// Settings of the server library that it only takes for the whole process. Found by
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

  /// By default it warns, with a stack trace, of every error it answered itself, such as a body
  /// that is too long: a client's mistake. What is ours is logged by [ErrorTable].
  @Override
  public Long defaultUnloggedExceptionsReportIntervalMillis() {
    return 0L;
  }
}
