package dev.plexspaces.sdk;

import java.util.Map;
import java.util.Optional;

/// A message as its receiver sees it.
public interface Message {

  /// How the sender sent it. Source: OTP `call`, `cast`, `info`.
  enum Kind {
    /// The sender waits for a reply.
    CALL,
    /// The sender goes on.
    CAST,
    /// From the platform: `__DOWN__`, `__EXIT__`, a timer.
    INFO
  }

  /// The unique id of a message that has one, the same with each delivery; empty for others. One
  /// has it that was told from outside (the `message_id` of the answer) or sent by a timer, and one
  /// that a durable actor told or asked another or that is a `__DOWN__` for one. Calls from outside
  /// and what goes on in memory between volatile actors, or from and to one, have none.
  String id();

  /// The operation, such as `deposit`; selects the handler: as the sender named it, else the text
  /// at `op` or `action` in the payload. Empty when neither names one.
  String type();

  /// The content: `null`, a boolean, number, string, list, map with string keys, or a record sent
  /// by a local actor. Never changed by anybody after it was sent.
  Object payload();

  /// How it was sent.
  Kind kind();

  /// Who sent it; empty when it came from outside or from the platform.
  Optional<ActorRef> sender();

  /// Headers of the transport, such as `http_method` and `http_path`; empty between local actors.
  Map<String, String> headers();
}
