package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.ActorId;
import dev.plexspaces.kernel.journal.IdempotencyRecord;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.Store;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The outcome of a request with a key, as it is remembered.
final class Idempotency {

  private static final String VALUE = "value";
  private static final String ERROR = "error";

  private Idempotency() {}

  static Map<String, Object> value(Object value) {
    Map<String, Object> outcome = new HashMap<>();
    outcome.put(VALUE, value);
    return outcome;
  }

  static Map<String, Object> error(PlexException error) {
    return Map.of(ERROR, MessageCodec.error(error));
  }

  /// What the request with a key was answered, as [#row] keeps it; empty when it is to be run.
  ///
  /// The quota is compared with what is on disk: requests that have begun and not ended may take a
  /// tenant beyond it, by as many as they are, and one that leaves nothing behind takes up nothing.
  ///
  /// @throws PlexException `CONFLICT` when the key was used for another request,
  ///   `RESOURCE_EXHAUSTED` when it is new and the tenant has as many outcomes as it may,
  ///   `UNAVAILABLE` when the store cannot be read
  static Optional<byte[]> known(ActorSystem system, ActorId actor, IdempotencyKey key) {
    Store store = system.store();
    IdempotencyRecord known = store.idempotency(actor, key.key()).orElse(null);
    if (known == null) {
      String tenant = actor.scope().tenant();
      if (store.idempotencyCount(tenant) >= system.idempotencyPerTenant()) {
        system.idempotencyRefusals().increment();
        throw quotaReached(system, tenant);
      }
      return Optional.empty();
    }
    if (!key.sameBody(known.bodyHash())) {
      throw otherBody();
    }
    return known.reply();
  }

  /// Remembers what a request with a key is answered.
  static Row row(ActorSystem system, ActorId actor, IdempotencyKey key, Object outcome) {
    return new Row.Idempotency(
        actor,
        key.key(),
        key.body(),
        Optional.of(Json.write(outcome)),
        system.idempotencyExpiresMillis());
  }

  /// Gives a caller a remembered outcome.
  static void settle(ActorCell by, ReplyTo caller, byte[] outcome) {
    Map<?, ?> fields = (Map<?, ?>) Json.parse(outcome);
    if (fields.get(ERROR) instanceof Map<?, ?> error) {
      caller.fail(MessageCodec.error(error));
    } else {
      caller.complete(by, fields.get(VALUE));
    }
  }

  private static PlexException quotaReached(ActorSystem system, String tenant) {
    return new PlexException(
        ErrorCode.RESOURCE_EXHAUSTED,
        "tenant "
            + tenant
            + " has "
            + system.idempotencyPerTenant()
            + " outcomes of requests with an idempotency key remembered, which is as many as may;"
            + " nothing was done. Try again when some have expired, send fewer requests with a key,"
            + " or have [idempotency] per_tenant of the node raised");
  }

  static PlexException otherBody() {
    return new PlexException(
        ErrorCode.CONFLICT,
        "the idempotency key was used for another request; use a new key for each request");
  }
}
