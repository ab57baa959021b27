package dev.plexspaces.sdk;

/// The address of an actor inside the sender's own tenant and namespace. It stays valid across
/// restarts, passivation and moves. Prints as `type/key`.
public interface ActorRef {

  /// The actor type, such as `bank_account`.
  String type();

  /// The key within the type, such as `alice`.
  String key();
}
