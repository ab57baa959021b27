package dev.plexspaces.kernel.binding;

import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.Message;
import java.util.Map;
import java.util.Optional;

/// A message as a test makes it.
record TestMessage(String type, Object payload, Kind kind, Map<String, String> headers)
    implements Message {

  static TestMessage call(String type, Object payload) {
    return new TestMessage(type, payload, Kind.CALL, Map.of());
  }

  static TestMessage cast(String type, Object payload) {
    return new TestMessage(type, payload, Kind.CAST, Map.of());
  }

  static TestMessage info(String type, Object payload) {
    return new TestMessage(type, payload, Kind.INFO, Map.of());
  }

  TestMessage textual() {
    return new TestMessage(type, payload, kind, Map.of("plexspaces-textual", "true"));
  }

  @Override
  public String id() {
    return "1";
  }

  @Override
  public Optional<ActorRef> sender() {
    return Optional.empty();
  }
}
