package dev.plexspaces.kernel;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.KvEntry;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import dev.plexspaces.kernel.json.Json;
import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.KeyValue;
import dev.plexspaces.sdk.PlexException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/// The key-value store as the turns of one actor see it.
final class ActorKeys implements KeyValue {

  private final ActorCell cell;
  private final CellContext context;

  ActorKeys(ActorCell cell, CellContext context) {
    this.cell = cell;
    this.context = context;
  }

  private Scope scope() {
    return cell.home.scope.scope;
  }

  @Override
  public Optional<Object> get(String key) {
    Turn t = context.turn();
    Row.requireKey("key", key);
    Optional<byte[]> seen = t.keys().seen(key);
    if (seen == null) {
      DurableTurns durable = cell.durable();
      SegmentKeys.Read read =
          durable == null ? read(cell.system(), scope(), key) : durable.read(scope(), key);
      t.keys().read(key, read);
      seen = read.value();
    }
    return seen.map(Json::parse);
  }

  /// The committed value.
  static SegmentKeys.Read read(ActorSystem system, Scope scope, String key) {
    Optional<KvEntry> entry = system.store().kvGet(scope, key);
    return new SegmentKeys.Read(entry.map(KvEntry::version).orElse(0L), entry.map(KvEntry::value));
  }

  @Override
  public void put(String key, Object value) {
    write(key, value, 0);
  }

  @Override
  public void put(String key, Object value, Duration lifetime) {
    if (lifetime == null || !lifetime.isPositive()) {
      throw new PlexException(ErrorCode.INVALID_MESSAGE, "lifetime: must be positive");
    }
    write(key, value, context.now().toEpochMilli() + Math.max(1, lifetime.toMillis()));
  }

  private void write(String key, Object value, long expires) {
    Turn t = writing(key);
    byte[] json = json(value);
    Optional<byte[]> kept = Optional.of(json);
    t.row(new Row.KvPut(scope(), key, json, expires, t.keys().write(key, kept)), null);
  }

  @Override
  public void delete(String key) {
    Turn t = writing(key);
    t.row(new Row.KvDelete(scope(), key, t.keys().write(key, Optional.empty())), null);
  }

  private Turn writing(String key) {
    Turn t = context.turn();
    Row.requireKey("key", key);
    if (cell.durable() != null) {
      cell.durable().requireTurn("write keys");
    }
    return t;
  }

  private static byte[] json(Object value) {
    byte[] json = Json.write(value);
    if (json.length > VALUE_BYTES_MAX) {
      throw new PlexException(
          ErrorCode.RESOURCE_EXHAUSTED,
          "value: has " + json.length + " bytes as JSON, at most " + VALUE_BYTES_MAX + " fit");
    }
    return json;
  }

  @Override
  public boolean compareAndSet(String key, Optional<?> expected, Optional<?> value) {
    Turn t = writing(key);
    Optional<byte[]> from = expected.map(ActorKeys::json);
    Optional<byte[]> to = value.map(ActorKeys::json);
    Row row = new Row.KvCompareAndSet(scope(), key, from, to);
    long hash = Json.hash(Arrays.asList(expected.orElse(null), value.orElse(null)));
    return (Boolean) conditional(t, "kv compare-and-set " + key, hash, row);
  }

  @Override
  public long increment(String key, long delta) {
    Turn t = writing(key);
    Row row = new Row.KvIncrement(scope(), key, delta);
    return ((Number) conditional(t, "kv increment " + key, Json.hash(delta), row)).longValue();
  }

  private Object conditional(Turn t, String call, long hash, Row row) {
    DurableTurns durable = cell.durable();
    if (durable != null) {
      return durable.points().conditional(t, call, hash, row);
    }
    t.row(row, null);
    RowResult answer = cell.commitSegment(t).getLast();
    t.now = null;
    return value(answer);
  }

  /// What a conditional operation answered.
  ///
  /// @throws PlexException `FAILED_PRECONDITION`
  static Object value(RowResult answer) {
    return switch (answer) {
      case RowResult.Value value -> Json.parse(value.json());
      case RowResult.Failed failed ->
          throw new PlexException(ErrorCode.FAILED_PRECONDITION, failed.message());
      case RowResult.Done done -> throw new IllegalStateException("no answer: " + done);
      case RowResult.Inserted inserted -> throw new IllegalStateException("no answer: " + inserted);
    };
  }
}
