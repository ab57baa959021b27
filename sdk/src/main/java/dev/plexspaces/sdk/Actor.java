package dev.plexspaces.sdk;

import java.util.Map;

/// One actor: private state and a function from message to reply, run for one message at a time.
///
/// Most authors write an annotated class ([GenServer], [GenEvent], [GenFsm]) and never implement
/// this interface; annotated classes and WebAssembly guests are both turned into it by the
/// platform. A class that does is deployed like an annotated one, if the file names it in
/// `[[actors]]`: it has a constructor without parameters and none of the annotations, and its type
/// is called by the file or after the class (`RateLimiter` is `rate_limiter`). The platform does
/// not know its operations, so what is sent to it is not checked, and not its state, so it cannot
/// have the `durability` facet. A method that throws anything but [ActorException] crashes the
/// actor and its supervisor decides. Source: OTP `gen_server` callbacks.
public interface Actor {

  /// Called once when the actor starts (and again after a restart), before its first message. For a
  /// durable actor: once per incarnation, as its turn 0.
  ///
  /// @param args the `args` table of the child specification, empty when there is none
  default void init(ActorContext context, Map<String, Object> args) throws Exception {}

  /// Called at every activation, after [#init] or after the durable state was loaded; may have no
  /// durable effects.
  default void activate(ActorContext context) throws Exception {}

  /// Processes one message.
  ///
  /// @return the reply to a call: a string, number, boolean, record, list, map or `null`; ignored
  ///   for a cast. [Reply#LATER] when somebody else replies ([ActorContext#forward]).
  Object handle(ActorContext context, Message message) throws Exception;

  /// Called once when the actor stops for any reason but a crash of the node.
  default void terminate(ActorContext context, ExitReason reason) throws Exception {}
}
