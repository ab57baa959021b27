package dev.plexspaces.kernel;

import dev.plexspaces.kernel.Invoker.ReplyListener;
import dev.plexspaces.kernel.Invoker.Request;
import dev.plexspaces.kernel.Invoker.Target;
import dev.plexspaces.kernel.Invoker.TellListener;
import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Commit;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.RequestContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Asks and tells of everything that is not an actor. Thread-safe.
final class OutsideCalls {

  private final ActorSystem system;
  private final RequestKeys requestKeys;

  /// Of the last request; racy on purpose.
  private ScopeTypes lastScope;

  OutsideCalls(ActorSystem system) {
    this.system = system;
    this.requestKeys = new RequestKeys(system);
  }

  void ask(RequestContext context, Target target, Request request, ReplyListener listener) {
    try {
      Duration timeout = request.timeout();
      if (!timeout.isPositive()) {
        throw new PlexException(ErrorCode.INVALID_MESSAGE, "timeout: must be positive");
      }
      if (timeout.compareTo(CellContext.ASK_MAX) > 0) {
        timeout = CellContext.ASK_MAX;
      }
      Destination to = destination(context, target, request);
      to.home.entry.asks.increment();
      IdempotencyKey key = key(Message.Kind.CALL, context, request);
      ReplyListener told = listener;
      if (key != null && !durable(to)) {
        told = sharing(to.address(), key, listener);
        if (told == null) {
          return;
        }
        key = null;
      }
      ReplyTo.Outside reply =
          new ReplyTo.Outside(timeout.toNanos(), told, to.name(), request.operation());
      Envelope e = envelope(Message.Kind.CALL, context, request, reply);
      if (key != null) {
        e.extras().idempotency = key;
      }
      system.watch(reply, timeout.toNanos());
      if (to.live == null) {
        system.deliver(to.elsewhere, e, null, false);
      } else {
        system.deliver(to.live, e);
      }
    } catch (PlexException e) {
      listener.failed(e);
    }
  }

  /// The client's key; null for none.
  private static IdempotencyKey key(Message.Kind kind, RequestContext context, Request request) {
    return request.idempotencyKey().isEmpty()
        ? null
        : IdempotencyKey.of(
            context.user(),
            request.idempotencyKey().get(),
            kind + " " + request.operation(),
            request.payload());
  }

  private boolean durable(Destination to) {
    if (to.home.entry.durable) {
      return true;
    }
    ActorCell live = system.live(to.address());
    return live != null && live.hasFacet(FacetCatalog.DURABILITY);
  }

  private record Replied(ActorId by, Object value) {}

  /// @return a listener that shares the outcome with requests of the same key; null when this one
  ///   is not to be run
  private ReplyListener sharing(Address to, IdempotencyKey key, ReplyListener listener) {
    Consumer<Object> finish =
        requestKeys.enter(
            to.scope.scope + "/" + to,
            key,
            true,
            outcome -> {
              if (outcome instanceof Replied replied) {
                listener.replied(replied.by, replied.value);
              } else {
                listener.failed((PlexException) outcome);
              }
            });
    if (finish == null) {
      return null;
    }
    return new ReplyListener() {
      @Override
      public void replied(ActorId by, Object value) {
        finish.accept(new Replied(by, value));
      }

      @Override
      public void failed(PlexException error) {
        finish.accept(error);
      }
    };
  }

  private record Accepted(ActorId target, String messageId, boolean durable) {}

  private TellListener sharing(
      Address to, IdempotencyKey key, boolean durable, TellListener listener) {
    Consumer<Object> finish =
        requestKeys.enter(
            to.scope.scope + "/" + to,
            key,
            !durable,
            outcome -> {
              if (outcome instanceof Accepted a) {
                listener.accepted(a.target, a.messageId, a.durable);
              } else {
                listener.failed((PlexException) outcome);
              }
            });
    if (finish == null) {
      return null;
    }
    return new TellListener() {
      @Override
      public void accepted(ActorId target, String messageId, boolean onDisk) {
        finish.accept(new Accepted(target, messageId, onDisk));
      }

      @Override
      public void failed(PlexException error) {
        finish.accept(error);
      }
    };
  }

  void tell(RequestContext context, Target target, Request request, TellListener listener) {
    try {
      Destination to = destination(context, target, request);
      Address address = to.address();
      ActorId id = address.id();
      ActorCell live = system.live(address);
      if (live == null) {
        // Told now: afterwards nobody would hear of it.
        to.home.entry.quarantine.check(id.scope(), id.type(), id.key());
        if (!to.home.entry.virtual) {
          throw DeadLetters.error(address.toString(), DeadLetters.Reason.NO_ACTOR);
        }
      }
      check(to, live, request);
      boolean durable = durable(to);
      IdempotencyKey key = key(Message.Kind.CAST, context, request);
      TellListener told = key == null ? listener : sharing(address, key, durable, listener);
      if (told == null) {
        return;
      }
      try {
        Envelope e = envelope(Message.Kind.CAST, CellContext.background(context), request, null);
        String messageId = system.newMessageId();
        e.extras().id = messageId;
        if (durable) {
          tellDurable(address, id, e, messageId, key, told);
        } else {
          tellVolatile(address, id, e, messageId, told);
        }
      } catch (PlexException e) {
        told.failed(e);
      }
    } catch (PlexException e) {
      listener.failed(e);
    }
  }

  /// Refuses what no handler would take: afterwards nobody would hear of it. The caller of an ask
  /// hears of it from the actor.
  private static void check(Destination to, ActorCell live, Request request) {
    TypeEntry entry = to.home.entry;
    if (!FacetCatalog.mayRewrite(live == null ? entry.facets : live.facets())) {
      entry.type.check(
          Message.Kind.CAST, request.operation(), request.payload(), request.textual());
    }
  }

  private void tellVolatile(
      Address to, ActorId id, Envelope e, String messageId, TellListener listener) {
    switch (system.deliver(to, e, null, false)) {
      case QUEUED, BEHIND, SCHEDULE -> listener.accepted(id, messageId, false);
      case FULL, DROPPED ->
          listener.failed(DeadLetters.error(to.toString(), DeadLetters.Reason.MAILBOX_FULL));
      case CLOSED -> listener.failed(DeadLetters.error(to.toString(), DeadLetters.Reason.NO_ACTOR));
    }
  }

  private void tellDurable(
      Address to,
      ActorId id,
      Envelope e,
      String messageId,
      IdempotencyKey key,
      TellListener listener) {
    if (key != null) {
      Optional<byte[]> known = Idempotency.known(system, id, key);
      if (known.isPresent()) {
        listener.accepted(id, (String) Json.parse(known.get()), true);
        return;
      }
    }
    if (system.congested(to)) {
      listener.failed(DeadLetters.error(to.toString(), DeadLetters.Reason.MAILBOX_FULL));
      return;
    }
    List<Row> rows = new ArrayList<>();
    rows.add(new Row.InboxInsert(id, messageId, 0, MessageCodec.encode(e)));
    if (key != null) {
      rows.add(Idempotency.row(system, id, key, messageId));
    }
    system
        .store()
        .submit(
            new Commit(id, Optional.empty(), rows),
            new Commit.Listener() {
              @Override
              public void durable(long seq, List<RowResult> results) {
                if (results.getFirst() instanceof RowResult.Inserted inserted) {
                  e.extras().inboxSeq = inserted.inboxSeq();
                }
                listener.accepted(id, messageId, true);
                system.hint(to, e);
              }

              @Override
              public void refused(PlexException why) {
                listener.failed(why);
              }
            });
  }

  /* An ask needs no more of a live actor than the cell: the way from there to its address leads past
  what the actor writes for each message. */

  /// @param live null when there is none yet
  /// @param elsewhere null when there is a live one
  private record Destination(Instances home, ActorCell live, Address elsewhere) {
    Address address() {
      return live == null ? elsewhere : live.context().address();
    }

    /// For texts.
    Object name() {
      return live == null ? elsewhere : live;
    }
  }

  private Destination destination(RequestContext context, Target target, Request request) {
    ScopeTypes scope = scope(context);
    Instances home = scope.instances(target.type());
    if (home == null) {
      throw new PlexException(
          ErrorCode.ACTOR_NOT_FOUND,
          "no actor type '"
              + target.type()
              + "' in "
              + scope.scope
              + "; deploy an application that offers it");
    }
    home.entry.requireRunning();
    if (target.key().isPresent()) {
      ActorCell live = home.cells.get(target.key().get());
      if (live != null) {
        return new Destination(home, live, null);
      }
      Address address = new Address(scope, target.type(), target.key().get());
      // Checks the key before it becomes a name.
      new ActorId(scope.scope, address.type, address.key);
      return new Destination(home, null, address);
    }
    ActorCell any =
        request.idempotencyKey().isPresent()
            ? home.anyFor(request.idempotencyKey().get())
            : home.any();
    if (any != null) {
      return new Destination(home, any, null);
    }
    return new Destination(home, null, new Address(scope, target.type(), "default"));
  }

  private static Envelope envelope(
      Message.Kind kind, RequestContext context, Request request, ReplyTo reply) {
    Envelope e = new Envelope(kind, request.operation(), request.payload(), null, context, reply);
    if (request.textual()) {
      Map<String, String> headers = new LinkedHashMap<>(request.headers());
      headers.put(ActorSystem.TEXTUAL_HEADER, "true");
      e.extras().headers = headers;
    } else if (!request.headers().isEmpty()) {
      e.extras().headers = request.headers();
    }
    return e;
  }

  /// The scope of a request, which is most often that of the last one.
  private ScopeTypes scope(RequestContext context) {
    ScopeTypes last = lastScope;
    if (last == null
        || !last.scope.tenant().equals(context.tenant())
        || !last.scope.namespace().equals(context.namespace())) {
      last = system.scope(new Scope(context.tenant(), context.namespace()));
      lastScope = last;
    }
    return last;
  }
}
