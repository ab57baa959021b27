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

  /// What the request with a key was answered, as [#row] keeps it.
  ///
  /// @throws PlexException `CONFLICT` when the key was used for another request, `UNAVAILABLE` when
  ///   the store cannot be read
  static Optional<byte[]> known(Store store, ActorId actor, IdempotencyKey key) {
    IdempotencyRecord known = store.idempotency(actor, key.key()).orElse(null);
    if (known == null) {
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

  static PlexException otherBody() {
    return new PlexException(
        ErrorCode.CONFLICT,
        "the idempotency key was used for another request; use a new key for each request");
  }
}
