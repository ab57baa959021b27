package dev.plexspaces.kernel;

import dev.plexspaces.sdk.Actor;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.ExitReason;
import dev.plexspaces.sdk.Message;
import java.util.HashMap;
import java.util.Map;

/// An actor put together from lambdas, one per operation.
final class Script implements Actor {

  interface Step {
    Object run(ActorContext context, Message message) throws Exception;
  }

  interface Life {
    void run(ActorContext context) throws Exception;
  }

  interface End {
    void run(ActorContext context, ExitReason reason) throws Exception;
  }

  private final Map<String, Step> steps = new HashMap<>();
  private Life init = context -> {};
  private Life activate = context -> {};
  private End terminate = (context, reason) -> {};

  static Script of(String operation, Step step) {
    return new Script().on(operation, step);
  }

  Script on(String operation, Step step) {
    steps.put(operation, step);
    return this;
  }

  Script init(Life init) {
    this.init = init;
    return this;
  }

  Script activate(Life activate) {
    this.activate = activate;
    return this;
  }

  Script terminate(End terminate) {
    this.terminate = terminate;
    return this;
  }

  @Override
  public void init(ActorContext context, Map<String, Object> args) throws Exception {
    init.run(context);
  }

  @Override
  public void activate(ActorContext context) throws Exception {
    activate.run(context);
  }

  @Override
  public Object handle(ActorContext context, Message message) throws Exception {
    Step step = steps.getOrDefault(message.type(), steps.get("*"));
    if (step == null) {
      throw new IllegalStateException("no step for " + message.type());
    }
    return step.run(context, message);
  }

  @Override
  public void terminate(ActorContext context, ExitReason reason) throws Exception {
    terminate.run(context, reason);
  }
}
