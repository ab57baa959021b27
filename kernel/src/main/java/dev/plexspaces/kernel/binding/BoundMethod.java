package dev.plexspaces.kernel.binding;

import dev.plexspaces.kernel.json.Conversion;
import dev.plexspaces.kernel.json.Frozen;
import dev.plexspaces.sdk.ActorContext;
import dev.plexspaces.sdk.Message;
import dev.plexspaces.sdk.PlexException;
import dev.plexspaces.sdk.PlexException.FieldViolation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// An annotated method, ready to be called.
///
/// @param label `Class.method`, for errors of programmers
/// @param code generated access
/// @param index its number in `code`
/// @param cast true when its result is not a reply
/// @param values what its parameters besides context and message are
record BoundMethod(String label, Dispatch code, int index, boolean cast, List<Value> values) {

  private static final Object[] NONE = {};

  /// An arg that any child may have: `role` of a child is put there. Source: spec
  /// plexspaces-and-miniclaw, S1.7.
  private static final String ROLE = "role";

  /// A parameter made from the payload.
  sealed interface Value {}

  /// The whole payload as a `Map<String, Object>`, nothing left out.
  record WholeMap(Conversion type) implements Value {}

  /// The whole payload as a record, without the field that selected the handler.
  record WholeRecord(Conversion type) implements Value {}

  /// One field of the payload.
  ///
  /// @param fallback the value when it is absent, if `hasFallback`
  record OneField(String name, Conversion type, boolean hasFallback, Object fallback)
      implements Value {}

  /// The reason of a termination, passed as it is.
  record Given() implements Value {}

  /// Calls it with values made from a payload.
  ///
  /// @param selector the field that selected the handler, or null
  /// @param textual whether numbers in the payload may be text
  /// @throws PlexException `INVALID_MESSAGE` naming the fields, when the payload does not fit
  Object call(
      Object self,
      ActorContext context,
      Message message,
      Object payload,
      String selector,
      boolean textual) {
    return code.invoke(self, index, context, message, convert(payload, selector, textual));
  }

  /// Calls it with values as they are.
  Object callWith(Object self, ActorContext context, Object... given) {
    return code.invoke(self, index, context, null, given);
  }

  /// The arguments made from a payload.
  ///
  /// @throws PlexException as [#call]
  Object[] convert(Object payload, String selector, boolean textual) {
    int count = values.size();
    if (count == 0) {
      return NONE;
    }
    Object source = payload instanceof Record record ? Frozen.tree(record) : payload;
    if (source != null && !(source instanceof Map) && !(values.getFirst() instanceof Given)) {
      throw Payload.notAnObject(source);
    }
    Object[] arguments = new Object[count];
    List<FieldViolation> wrong = null;
    for (int i = 0; i < count; i++) {
      try {
        arguments[i] =
            switch (values.get(i)) {
              case OneField field -> one(field, source, selector, textual);
              case WholeRecord(Conversion type) ->
                  type.raw().isInstance(payload)
                      ? payload
                      : type.convert(without(source, selector), textual);
              case WholeMap(Conversion type) ->
                  type.convert(source == null ? Map.of() : source, textual);
              case Given given -> payload;
            };
      } catch (PlexException e) {
        wrong = wrong == null ? new ArrayList<>() : wrong;
        wrong.addAll(e.violations());
      }
    }
    if (wrong != null) {
      throw Conversion.invalid(wrong);
    }
    return arguments;
  }

  /// Checks the `args` that an `@OnInit` method is to be called with. Stricter than a call: where
  /// parameters have names, an arg of another name is a mistake of whoever wrote it. One that takes
  /// nothing takes any.
  ///
  /// @throws PlexException as [#call]
  void check(Map<String, Object> args) {
    List<FieldViolation> wrong = new ArrayList<>();
    try {
      convert(args, null, true);
    } catch (PlexException e) {
      wrong.addAll(e.violations());
    }
    if (!values.isEmpty() && values.getFirst() instanceof OneField) {
      wrong.addAll(unknown(args));
    }
    if (!wrong.isEmpty()) {
      throw Conversion.invalid(wrong);
    }
  }

  private List<FieldViolation> unknown(Map<String, Object> args) {
    List<String> names = values.stream().map(value -> ((OneField) value).name).toList();
    String problem = "unknown argument; there are: " + String.join(", ", names);
    return args.keySet().stream()
        .filter(name -> !names.contains(name) && !name.equals(ROLE))
        .map(name -> new FieldViolation(name, problem))
        .toList();
  }

  private static Object one(OneField field, Object source, String selector, boolean textual) {
    if (source instanceof Map<?, ?> map && !field.name.equals(selector)) {
      Object value = map.get(field.name);
      if (value != null || map.containsKey(field.name)) {
        return field.type.convertField(field.name, value, textual);
      }
    }
    return field.hasFallback ? field.fallback : field.type.absentField(field.name);
  }

  private static Object without(Object source, String selector) {
    if (source == null) {
      return Map.of();
    }
    if (selector == null || !(source instanceof Map<?, ?> map)) {
      return source;
    }
    Map<Object, Object> rest = new LinkedHashMap<>(map);
    rest.remove(selector);
    return rest;
  }
}
