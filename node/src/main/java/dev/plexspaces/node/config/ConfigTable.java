package dev.plexspaces.node.config;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.toml.TomlMapper;

/// One table of a configuration file, read strictly.
///
/// Reading a key declares it: [#requireNoOtherKeys] refuses what was never asked for and lists what
/// was. Every error is a [PlexException] `INVALID_MESSAGE` of the form `file: key.path: problem`,
/// with the key path as its field violation. Not thread safe.
public final class ConfigTable {

  /// Largest configuration file, bytes.
  public static final int SIZE_MAX_BYTES = 1024 * 1024;

  private static final TomlMapper TOML = TomlMapper.builder().build();

  private final String file;
  private final String path;
  private final ObjectNode node;
  private final Set<String> declared = new LinkedHashSet<>();

  private ConfigTable(String file, String path, ObjectNode node) {
    this.file = file;
    this.path = path;
    this.node = node;
  }

  /// Reads a whole file.
  ///
  /// @param file name used in errors; never a directory path of this machine
  /// @throws PlexException `INVALID_MESSAGE` with line and column when it is not TOML
  public static ConfigTable parse(String file, byte[] toml) {
    if (toml.length > SIZE_MAX_BYTES) {
      throw invalid(file, "", "is larger than " + SIZE_MAX_BYTES + " bytes");
    }
    JsonNode root;
    try {
      // The encoding is checked here: a decoder that replaces bad bytes would hide them.
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(toml)).toString();
      root = TOML.readTree(text);
    } catch (CharacterCodingException e) {
      throw invalid(file, "", "is not UTF-8 text");
    } catch (JacksonException e) {
      var at = e.getLocation();
      String where =
          at == null || at.getLineNr() < 1
              ? ""
              : "line " + at.getLineNr() + ", column " + at.getColumnNr() + ": ";
      throw invalid(file, "", "is not valid TOML: " + where + reason(e));
    }
    return new ConfigTable(file, "", (ObjectNode) root);
  }

  /// What is wrong, in our words: the parser's own name its classes and tokens.
  private static String reason(JacksonException e) {
    String said = e.getOriginalMessage() == null ? "" : e.getOriginalMessage();
    if (e instanceof StreamConstraintsException) {
      return "something is nested too deeply or too long";
    }
    if (said.startsWith("Duplicate key")) {
      return "the key is given twice";
    }
    if (said.contains("end of file") || said.contains("EOF")) {
      return "the file ends in the middle of something";
    }
    return "something else is expected here; look at the quotes, brackets and commas before it";
  }

  /// The file's name as used in errors.
  public String file() {
    return file;
  }

  /// Where this table stands in the file, such as `supervisor.children[1]`; "" for the whole file.
  public String path() {
    return path;
  }

  /// The full path of a key of this table, such as `supervisor.children[1].restart`.
  public String pathOf(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  /// True when the key is there; declares it.
  public boolean has(String key) {
    declared.add(key);
    return node.has(key);
  }

  /// A string that is not blank.
  public Optional<String> string(String key) {
    return value(key)
        .map(
            v -> {
              if (!v.isString()) {
                throw wrongType(key, "a string", v);
              }
              if (v.asString().isBlank()) {
                throw invalid(key, "must not be empty");
              }
              return v.asString();
            });
  }

  /// A string that must be there.
  public String requireString(String key) {
    return string(key).orElseThrow(() -> invalid(key, "is missing; it must be a string"));
  }

  /// A string out of a set of words, mapped.
  public <T> Optional<T> oneOf(String key, Map<String, T> words) {
    return string(key)
        .map(
            text -> {
              T meaning = words.get(text);
              if (meaning == null) {
                throw invalid(
                    key,
                    "must be one of " + String.join(", ", words.keySet()) + "; got " + quote(text));
              }
              return meaning;
            });
  }

  /// A whole number within bounds, both included.
  public OptionalLong integer(String key, long min, long max) {
    Optional<JsonNode> value = value(key);
    if (value.isEmpty()) {
      return OptionalLong.empty();
    }
    if (!value.get().isIntegralNumber()) {
      throw wrongType(key, "a whole number", value.get());
    }
    BigInteger number = value.get().bigIntegerValue();
    if (number.compareTo(BigInteger.valueOf(min)) < 0
        || number.compareTo(BigInteger.valueOf(max)) > 0) {
      throw invalid(key, "must be " + min + " to " + max + "; got " + brief(number.toString()));
    }
    return OptionalLong.of(number.longValueExact());
  }

  /// Like [#integer] for an `int`.
  public OptionalInt intNumber(String key, int min, int max) {
    OptionalLong value = integer(key, min, max);
    return value.isPresent() ? OptionalInt.of((int) value.getAsLong()) : OptionalInt.empty();
  }

  /// `true` or `false`.
  public Optional<Boolean> bool(String key) {
    return value(key)
        .map(
            v -> {
              if (!v.isBoolean()) {
                throw wrongType(key, "true or false", v);
              }
              return v.booleanValue();
            });
  }

  /// A length of time: [Durations#SYNTAX].
  public Optional<Duration> duration(String key, Duration max) {
    return string(key)
        .map(
            text -> {
              Duration duration =
                  Durations.parse(text)
                      .orElseThrow(
                          () ->
                              invalid(key, "must be " + Durations.SYNTAX + "; got " + quote(text)));
              if (duration.compareTo(max) > 0) {
                throw invalid(key, "must be at most " + max.toSeconds() + "s; got " + quote(text));
              }
              return duration;
            });
  }

  /// A table inside this one.
  public Optional<ConfigTable> table(String key) {
    return value(key)
        .map(
            v -> {
              if (!(v instanceof ObjectNode table)) {
                throw wrongType(key, "a table", v);
              }
              return new ConfigTable(file, pathOf(key), table);
            });
  }

  /// An array of tables; empty when absent.
  public List<ConfigTable> tables(String key, int max) {
    List<ConfigTable> tables = new ArrayList<>();
    for (JsonNode element : array(key, max)) {
      String at = key + "[" + tables.size() + "]";
      if (!(element instanceof ObjectNode table)) {
        throw wrongType(at, "a table", element);
      }
      tables.add(new ConfigTable(file, pathOf(at), table));
    }
    return tables;
  }

  /// An array whose elements are strings or tables: a string stands for a table with just
  /// `nameKey`.
  public List<ConfigTable> tablesOrNames(String key, String nameKey, int max) {
    List<ConfigTable> tables = new ArrayList<>();
    for (JsonNode element : array(key, max)) {
      String at = key + "[" + tables.size() + "]";
      if (element.isString()) {
        ObjectNode table = TOML.createObjectNode().put(nameKey, element.asString());
        tables.add(new ConfigTable(file, pathOf(at), table));
      } else if (element instanceof ObjectNode table) {
        tables.add(new ConfigTable(file, pathOf(at), table));
      } else {
        throw wrongType(at, "a name or a table", element);
      }
    }
    return tables;
  }

  /// An array of strings; empty when absent.
  public List<String> strings(String key, int max) {
    List<String> strings = new ArrayList<>();
    for (JsonNode element : array(key, max)) {
      if (!element.isString()) {
        throw wrongType(key + "[" + strings.size() + "]", "a string", element);
      }
      strings.add(element.asString());
    }
    return strings;
  }

  /// A table of any content as plain values: `String`, `Boolean`, `Long` (`BigInteger` beyond it),
  /// `Double`, `List` and `Map`.
  public Map<String, Object> values(String key) {
    return table(key).map(t -> plain(t.node)).orElse(Map.of());
  }

  /// All keys of this table, in the order of the file.
  public Set<String> keys() {
    return new LinkedHashSet<>(node.propertyNames());
  }

  /// The keys nobody asked for, as plain values; declares them.
  public Map<String, Object> otherValues() {
    Map<String, Object> others = new LinkedHashMap<>();
    for (var entry : node.properties()) {
      if (!declared.contains(entry.getKey())) {
        others.put(entry.getKey(), plain(entry.getValue()));
      }
    }
    declared.addAll(others.keySet());
    return others;
  }

  /// Refuses keys that were never asked for. Call it after the last read.
  public void requireNoOtherKeys() {
    for (String key : node.propertyNames()) {
      if (!declared.contains(key)) {
        throw invalid(key, "is not a known key; accepted here: " + String.join(", ", declared));
      }
    }
  }

  /// Refuses more than one spelling of the same setting and returns the one that is there.
  public Optional<String> onlyOneOf(String... keys) {
    String found = null;
    for (String key : keys) {
      if (has(key)) {
        if (found != null) {
          throw invalid(key, "says the same as " + found + "; keep one of them");
        }
        found = key;
      }
    }
    return Optional.ofNullable(found);
  }

  /// An error about a key of this table, to throw.
  public PlexException invalid(String key, String problem) {
    return invalid(file, pathOf(key), problem);
  }

  private static PlexException invalid(String file, String keyPath, String problem) {
    String field = keyPath.isEmpty() ? file : keyPath;
    String text =
        keyPath.isEmpty() ? file + ": " + problem : file + ": " + keyPath + ": " + problem;
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        text,
        List.of(new PlexException.FieldViolation(field, problem)),
        null);
  }

  private PlexException wrongType(String key, String wanted, JsonNode got) {
    String kind =
        switch (got.getNodeType()) {
          case OBJECT -> "a table";
          case ARRAY -> "an array";
          case BOOLEAN -> "a boolean";
          case NUMBER -> "the number " + brief(got.asString());
          default -> "the string " + quote(got.asString());
        };
    return invalid(key, "must be " + wanted + "; got " + kind);
  }

  private Optional<JsonNode> value(String key) {
    declared.add(key);
    return Optional.ofNullable(node.get(key));
  }

  private Collection<JsonNode> array(String key, int max) {
    Optional<JsonNode> value = value(key);
    if (value.isEmpty()) {
      return List.of();
    }
    if (!value.get().isArray()) {
      throw wrongType(key, "an array", value.get());
    }
    if (value.get().size() > max) {
      throw invalid(key, "has more than " + max + " elements");
    }
    return value.get().values();
  }

  private static Map<String, Object> plain(ObjectNode table) {
    Map<String, Object> map = new LinkedHashMap<>();
    table.properties().forEach(e -> map.put(e.getKey(), plain(e.getValue())));
    return map;
  }

  private static Object plain(JsonNode value) {
    if (value instanceof ObjectNode table) {
      return plain(table);
    }
    if (value.isArray()) {
      List<Object> list = new ArrayList<>(value.size());
      value.values().forEach(v -> list.add(plain(v)));
      return list;
    }
    if (value.isBoolean()) {
      return value.booleanValue();
    }
    if (value.isIntegralNumber()) {
      return value.canConvertToLong() ? (Object) value.longValue() : value.bigIntegerValue();
    }
    if (value.isNumber()) {
      return value.doubleValue();
    }
    return value.asString();
  }

  private static String quote(String text) {
    return "\"" + brief(text) + "\"";
  }

  private static String brief(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }
}
