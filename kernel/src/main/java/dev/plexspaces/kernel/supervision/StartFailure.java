package dev.plexspaces.kernel.supervision;

import dev.plexspaces.sdk.ExitReason;

/// Why an actor or a supervisor did not start, in two wordings, because what was thrown is told to
/// each in another way.
///
/// @param reason for logs and for whoever decides what follows; names the class of what was thrown
/// @param told for the answer to whoever asked for the start: names no class, which is no business
///   of theirs; where nothing else can be said, null or empty, it points to the log
public record StartFailure(ExitReason reason, String told) {

  private static final String SEE_LOG = "the node's log says why";

  public StartFailure {
    told = told == null || told.isEmpty() ? SEE_LOG : told;
  }

  /// The platform did not even try.
  public static StartFailure because(String why) {
    return new StartFailure(new ExitReason.Error(why), why);
  }

  /// It exited before it was up.
  public static StartFailure exited(ExitReason reason) {
    return new StartFailure(reason, reason instanceof ExitReason.Error ? null : reason.text());
  }

  /// The same as its supervisor says it of a child.
  StartFailure ofChild(String id) {
    String text = "child " + id + " did not start: ";
    return new StartFailure(new ExitReason.Error(text + reason.text()), text + told);
  }
}
