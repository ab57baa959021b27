package dev.plexspaces.sdk;

/// Which children are restarted when one exits. Source: OTP `supervisor`, `strategy()`.
public enum SupervisionStrategy {
  /// The child that exited.
  ONE_FOR_ONE,
  /// All children.
  ONE_FOR_ALL,
  /// The child that exited and those started after it.
  REST_FOR_ONE,
  /// Like one-for-one for children added at run time from one template.
  SIMPLE_ONE_FOR_ONE
}
