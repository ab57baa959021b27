package dev.plexspaces.testkit.contract;

import static dev.plexspaces.testkit.contract.Commits.bytes;
import static dev.plexspaces.testkit.contract.Commits.text;

import dev.plexspaces.kernel.identity.Scope;
import dev.plexspaces.kernel.journal.Row;
import dev.plexspaces.kernel.journal.RowResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;

/// The key-value rows as plain maps: the oracle for rows that see and undo each other.
final class KvModel {

  private Map<String, String> values = new TreeMap<>();
  private Map<String, Long> versions = new TreeMap<>();

  static List<Row> randomRows(Random random, Scope scope) {
    List<Row> rows = new ArrayList<>();
    int count = 1 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      String key = "k" + random.nextInt(4);
      OptionalLong expected =
          random.nextInt(3) == 0 ? OptionalLong.of(random.nextInt(6)) : OptionalLong.empty();
      rows.add(
          switch (random.nextInt(5)) {
            case 0 -> new Row.KvPut(scope, key, someValue(random), 0, expected);
            case 1 -> new Row.KvDelete(scope, key, expected);
            case 2, 3 -> new Row.KvIncrement(scope, key, random.nextInt(3) - 1);
            default ->
                new Row.KvCompareAndSet(
                    scope,
                    key,
                    random.nextBoolean() ? Optional.empty() : Optional.of(someValue(random)),
                    random.nextBoolean() ? Optional.empty() : Optional.of(someValue(random)));
          });
    }
    return rows;
  }

  private static byte[] someValue(Random random) {
    return bytes(random.nextInt(6) == 0 ? "word" : "" + random.nextInt(3));
  }

  /// What each row answers; empty when the commit is refused, and then nothing changes.
  Optional<List<RowResult>> apply(List<Row> rows) {
    Map<String, String> valuesBefore = new TreeMap<>(values);
    Map<String, Long> versionsBefore = new TreeMap<>(versions);
    List<RowResult> results = new ArrayList<>();
    for (Row row : rows) {
      Optional<RowResult> result = apply(row);
      if (result.isEmpty()) {
        values = valuesBefore;
        versions = versionsBefore;
        return Optional.empty();
      }
      results.add(result.get());
    }
    return Optional.of(results);
  }

  private Optional<RowResult> apply(Row row) {
    return switch (row) {
      case Row.KvPut put -> {
        if (stale(put.key(), put.expectedVersion())) {
          yield Optional.empty();
        }
        set(put.key(), text(put.value()));
        yield Optional.of(new RowResult.Done());
      }
      case Row.KvDelete delete -> {
        if (stale(delete.key(), delete.expectedVersion())) {
          yield Optional.empty();
        }
        values.remove(delete.key());
        yield Optional.of(new RowResult.Done());
      }
      case Row.KvIncrement increment -> {
        String old = values.getOrDefault(increment.key(), "0");
        if (old.equals("word")) {
          yield Optional.of(new RowResult.Failed(""));
        }
        String sum = "" + (Long.parseLong(old) + increment.delta());
        set(increment.key(), sum);
        yield Optional.of(new RowResult.Value(bytes(sum)));
      }
      case Row.KvCompareAndSet cas -> {
        String expected = cas.expected().map(Commits::text).orElse(null);
        boolean same = Objects.equals(values.get(cas.key()), expected);
        if (same && cas.value().isPresent()) {
          set(cas.key(), text(cas.value().get()));
        } else if (same) {
          values.remove(cas.key());
        }
        yield Optional.of(new RowResult.Value(bytes("" + same)));
      }
      default -> throw new IllegalArgumentException("not a key-value row: " + row);
    };
  }

  private boolean stale(String key, OptionalLong expected) {
    long version = values.containsKey(key) ? versions.get(key) : 0;
    return expected.isPresent() && expected.getAsLong() != version;
  }

  private void set(String key, String value) {
    values.put(key, value);
    versions.merge(key, 1L, Long::sum);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    values.forEach((key, value) -> text.append(key).append('=').append(value).append(' '));
    return text.toString();
  }
}
