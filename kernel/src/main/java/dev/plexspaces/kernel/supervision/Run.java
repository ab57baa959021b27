package dev.plexspaces.kernel.supervision;

/// One life of one child, from start to exit. Source: OTP `pid()` of a child.
///
/// The number tells the news of a child's present life from a late echo of an earlier one.
///
/// @param id the child's id under its supervisor
/// @param number counts the starts made by this supervisor, all children together, from 1
public record Run(String id, long number) {

  @Override
  public String toString() {
    return id + "#" + number;
  }
}
