package dev.plexspaces.kernel.binding;

/// The state of one actor without durability, as far as what a turn changes can be taken back;
/// implemented by actors of a type that says so by [ActorType#keepsState]. Used by one thread at a
/// time.
///
/// What was saved is kept by whoever runs the turn and not here: it is new with every message.
public interface VolatileState {

  /// Makes the present state the one that [#takeBack] returns to. To be called when the actor is
  /// ready, after each turn that stands, and where a turn commits before its end.
  ///
  /// @param saved by the last [#save]; null when the actor is new
  /// @throws IllegalArgumentException for a collection that holds what its declared type does not;
  ///   the actor is then as good as crashed
  void settle(Object[] saved);

  /// What [#takeBack] needs, of a state that is settled.
  Object[] save();

  /// Undoes everything changed since the state was settled.
  ///
  /// @param saved by [#save], since then
  void takeBack(Object[] saved);
}
