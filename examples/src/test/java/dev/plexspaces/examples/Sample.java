package dev.plexspaces.examples;

import dev.plexspaces.kernel.binding.AnnotatedActors;
import dev.plexspaces.kernel.binding.DurableState;
import dev.plexspaces.kernel.journal.StateChange;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ActorRef;
import dev.plexspaces.sdk.Message;
import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One actor of a sample, driven by JSON text as over HTTP, with a clock set by the test. Durable:
/// each handled message commits, a throwing one rolls back.
final class Sample {

  private record In(String type, Object payload, Kind kind, Map<String, String> headers)
      implements Message {
    @Override
    public String id() {
      return "m1";
    }

    @Override
    public Optional<ActorRef> sender() {
      return Optional.empty();
    }
  }

  /// The actor's own address, as far as it looks: only its key.
  private static final ActorRef SELF =
      new ActorRef() {
        @Override
        public String type() {
          return "";
        }

        @Override
        public String key() {
          return "ann";
        }
      };

  private final Class<?> type;
  private final Map<String, Object> args;
  private final List<StateChange> log = new ArrayList<>();
  private final ActorContext context =
      (ActorContext)
          Proxy.newProxyInstance(
              ActorContext.class.getClassLoader(),
              new Class<?>[] {ActorContext.class},
              (proxy, method, arguments) -> {
                return switch (method.getName()) {
                  case "now" -> now();
                  case "sender" -> Optional.empty();
                  case "self" -> SELF;
                  default -> throw new UnsupportedOperationException(method.getName());
                };
              });

  private Actor actor;
  private Instant now = Instant.parse("2026-01-31T12:00:00Z");

  Sample(Class<?> type, Map<String, Object> args) {
    this.type = type;
    this.args = args;
    start(true);
  }

  private void start(boolean first) {
    try {
      actor = AnnotatedActors.bind(type).create();
      ((DurableState) actor).restore(log);
      if (first) {
        actor.init(context, args);
        log.addAll(((DurableState) actor).drainChanges());
      }
      actor.activate(context);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /// Loses what is in memory and comes back from what was committed.
  void restart() {
    start(false);
  }

  void pass(long millis) {
    now = now.plusMillis(millis);
  }

  Instant now() {
    return now;
  }

  /// A `GET`: the payload from a query, all text.
  String get(String json) {
    return handle(
        new In("", Json.parse(json), Message.Kind.CALL, Map.of("plexspaces-textual", "true")));
  }

  /// An ask with a JSON body.
  String ask(String operation, String json) {
    return handle(new In(operation, Json.parse(json), Message.Kind.CALL, Map.of()));
  }

  /// A `POST`.
  void post(String json) {
    handle(new In("", Json.parse(json), Message.Kind.CAST, Map.of()));
  }

  private String handle(Message message) {
    try {
      Object reply = actor.handle(context, message);
      log.addAll(((DurableState) actor).drainChanges());
      return Json.text(reply);
    } catch (RuntimeException e) {
      ((DurableState) actor).rollback();
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
